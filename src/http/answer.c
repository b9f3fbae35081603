// SPDX-License-Identifier: Apache-2.0
#include "http/answer.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"

void http_waiter_init(struct http_waiter *w)
{
	*w = (struct http_waiter){.deadline_ms = NEVER};
	http_reader_init(&w->reader);
	buf_init(&w->out, 0);
}

void http_waiter_done(struct http_waiter *w)
{
	http_reader_done(&w->reader);
	buf_done(&w->out);
}

void http_waiter_start(struct http_waiter *w, uint64_t now_ms)
{
	w->state = HTTP_WAITING;
	w->deadline_ms = now_ms + HTTP_RESPONSE_MS;
}

/* All values of a header in one text; a 407 may name its schemes in several lines. */
static void join_headers(const struct http_message *m, const char *name, char *ret, size_t cap)
{
	size_t used = 0;

	*ret = 0;
	for (size_t i = 0; i < m->n_headers && used + 3 < cap; i++) {
		char one[160];

		if (!http_text_is(m->headers[i].name, name))
			continue;
		http_text_copy(&m->headers[i].value, one, sizeof(one));
		snprintf(ret + used, cap - used, "%s%s", used ? ", " : "", one);
		used = strlen(ret);
	}
}

static void note_answer(const struct http_message *m, struct http_client_event *ev)
{
	struct http_answer *a = &ev->answer;
	size_t n;

	a->status = m->status;
	http_text_copy(&m->first_line, a->line, sizeof(a->line));
	http_text_copy(http_header(m, "Server"), a->server, sizeof(a->server));
	http_text_copy(http_header(m, "Location"), a->location, sizeof(a->location));
	http_only_header(m, HTTP_LANES, a->lanes, sizeof(a->lanes));
	http_only_header(m, HTTP_LANE, a->lane, sizeof(a->lane));
	join_headers(m, "Via", a->via, sizeof(a->via));
	join_headers(m, "Proxy-Authenticate", a->authenticate, sizeof(a->authenticate));
	n = text_format(ev->text, sizeof(ev->text), "\"%s\"", a->line);
	if (*a->server)
		n += text_format(ev->text + n, sizeof(ev->text) - n, " server=%s", a->server);
	if (*a->via)
		n += text_format(ev->text + n, sizeof(ev->text) - n, " via=%s", a->via);
	if (*a->location)
		text_format(ev->text + n, sizeof(ev->text) - n, " location=%s", a->location);
}

/* The first octets of what is no answer. */
static void show_start(const struct buf *head, struct http_client_event *ev)
{
	size_t n = buf_len(head) < 40 ? buf_len(head) : 40;
	char start[3 * 40 + 1];

	text_format(ev->text, sizeof(ev->text), "\"%s\"",
		text_of_octets(buf_data(head), n, start, sizeof(start)));
}

static bool is_interim(const struct http_message *m)
{
	return m->status / 100 == 1 && m->status != 101;
}

/* Room for the next head; -E2BIG when there were too many that did not count. */
static int pass_over(struct http_waiter *w, const struct http_message *m)
{
	http_reader_done(&w->reader);
	http_reader_init(&w->reader);
	if (++w->interims <= HTTP_INTERIM_MAX)
		return 0;
	snprintf(w->event.text, sizeof(w->event.text),
		"%u interim answers, the last with status %u", w->interims, m->status);
	return -E2BIG;
}

int http_waiter_recv(struct http_waiter *w, const void *octets, size_t n, size_t *ret_consumed,
	struct http_message *ret)
{
	int r;

	*ret_consumed = 0;
	if (w->state != HTTP_WAITING)
		return -EAGAIN;
	for (;;) {
		size_t used = 0;

		r = http_reader_feed(&w->reader, HTTP_RESPONSE,
			(const uint8_t *)octets + *ret_consumed, n - *ret_consumed, ret, &used);
		*ret_consumed += used;
		if (r || !is_interim(ret))
			break;
		r = pass_over(w, ret);
		if (r)
			return r;
		if (*ret_consumed == n)
			return -EAGAIN;
	}
	if (!r)
		note_answer(ret, &w->event);
	else if (r != -EAGAIN)
		show_start(&w->reader.head, &w->event);
	return r;
}

void http_waiter_end(struct http_waiter *w, enum event reason, const char *fmt, ...)
{
	va_list ap;

	if (w->state == HTTP_WAIT_DONE)
		return;
	w->state = HTTP_WAIT_DONE;
	w->deadline_ms = NEVER;
	w->event.type = reason == EV_NONE ? HTTP_CLIENT_OPEN : HTTP_CLIENT_FAILED;
	w->event.reason = reason;
	w->event_waiting = true;
	if (fmt) {
		va_start(ap, fmt);
		text_vformat(w->event.text, sizeof(w->event.text), fmt, ap);
		va_end(ap);
	}
	http_reader_done(&w->reader);
}

bool http_waiter_next_event(struct http_waiter *w, struct http_client_event *ret)
{
	if (!w->event_waiting)
		return false;
	w->event_waiting = false;
	*ret = w->event;
	return true;
}

int http_host_text(const char *host, uint16_t port, uint16_t usual, char *ret, size_t cap)
{
	bool brackets = strchr(host, ':') && host[0] != '[';
	int n;

	if (!*host)
		return -EINVAL;
	for (const char *p = host; *p; p++)
		if (*p <= 0x20 || *p == 0x7f || strchr("/?#@\\", *p))
			return -EINVAL;
	if (port == usual)
		n = snprintf(ret, cap, brackets ? "[%s]" : "%s", host);
	else
		n = snprintf(ret, cap, brackets ? "[%s]:%u" : "%s:%u", host, port);
	return n < 0 || (size_t)n >= cap ? -EINVAL : 0;
}
