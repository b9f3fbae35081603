// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation
 *
 * One request per connection. The checks run in this order, and the first failure decides:
 *
 *     cannot be read, too long            400, 431
 *     HTTP version                        505 unless 1.x with x >= 1
 *     no Host, or two; Transfer-Encoding; 400
 *     several lengths that differ
 *     path is not SSTP's                  404
 *     HEAD, GET                           health: the owner says 200 or 503
 *     not SSTP_DUPLEX_POST                405 with Allow
 *     a header Culvert-Lane               a lane: the owner says 200 or 404
 *     otherwise                           SSTP: the owner says 200 or 503
 *
 * A health check may speak HTTP/1.0 and leave Host out, since balancers do so by default
 * (HAProxy's httpchk).
 *
 * The path is compared without regard to letter case, braces may be written %7B and %7D, a query
 * (tenantid, [MS-SSTP] 2.1) is ignored, and the absolute form of a target is accepted (RFC 9112
 * 3.2.2). DEVIATION: a Content-Length other than 2^64-1, or none, is accepted ([MS-SSTP] 3.2.4.1
 * binds the client to it; nothing in the server depends on it).
 */
#include "http/server.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

struct http_server {
	struct http_reader reader;
	struct buf out;
	const char *name;
	const char *granted, *granted_value;
	struct http_request request;
	bool complete, reported, answered, head_only;
};

int http_server_new(const struct http_server_opts *opts, struct http_server **ret)
{
	struct http_server *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	http_reader_init(&s->reader);
	buf_init(&s->out, 0);
	s->name = opts ? opts->name : NULL;
	*ret = s;
	return 0;
}

void http_server_free(struct http_server *s)
{
	if (!s)
		return;
	http_reader_done(&s->reader);
	buf_done(&s->out);
	free(s);
}

/* "https://host/path" has the same path as "/path". */
static struct http_text skip_authority(struct http_text t)
{
	static const char *const schemes[] = {"https://", "http://"};

	for (size_t i = 0; i < ARRAY_SIZE(schemes); i++) {
		size_t n = strlen(schemes[i]);

		if (t.n < n || strncasecmp(t.p, schemes[i], n))
			continue;
		t.p += n;
		t.n -= n;
		while (t.n && t.p[0] != '/' && t.p[0] != '?') {
			t.p++;
			t.n--;
		}
		return t;
	}
	return t;
}

/* The next character of a path, with %7B and %7D read as braces; 0 at its end. */
static char path_char(struct http_text *t)
{
	char c;

	if (!t->n || t->p[0] == '?')
		return 0;
	c = t->p[0];
	if (t->n >= 3 && !strncasecmp(t->p, "%7b", 3))
		c = '{';
	else if (t->n >= 3 && !strncasecmp(t->p, "%7d", 3))
		c = '}';
	else {
		t->p++;
		t->n--;
		return c;
	}
	t->p += 3;
	t->n -= 3;
	return c;
}

static bool is_sstp_path(struct http_text target)
{
	struct http_text t = skip_authority(target);

	for (const char *want = SSTP_URI; *want; want++) {
		char c = path_char(&t);

		if (strncasecmp(&c, want, 1))
			return false;
	}
	return !path_char(&t);
}

// clang-format off
static const struct verdict {
	enum event reason;
	enum http_wish wish;
	unsigned status;
} verdicts[] = {
	{EV_HTTP_REQUEST_SSTP,      HTTP_WANTS_SSTP,   200},
	{EV_HTTP_REQUEST_LANE,      HTTP_WANTS_LANE,   200},
	{EV_HTTP_REQUEST_HEALTH,    HTTP_WANTS_HEALTH, 200},
	{EV_HTTP_REQUEST_MALFORMED, HTTP_WANTS_OTHER,  400},
	{EV_HTTP_REQUEST_NO_HOST,   HTTP_WANTS_OTHER,  400},
	{EV_HTTP_REQUEST_PATH,      HTTP_WANTS_OTHER,  404},
	{EV_HTTP_REQUEST_METHOD,    HTTP_WANTS_OTHER,  405},
	{EV_HTTP_REQUEST_TOO_LARGE, HTTP_WANTS_OTHER,  431},
	{EV_HTTP_REQUEST_VERSION,   HTTP_WANTS_OTHER,  505},
	{EV_OUT_OF_MEMORY,          HTTP_WANTS_OTHER,  500},
};
// clang-format on

static void decide(struct http_server *s, enum event reason)
{
	for (size_t i = 0; i < ARRAY_SIZE(verdicts); i++) {
		if (verdicts[i].reason != reason)
			continue;
		s->request.wish = verdicts[i].wish;
		s->request.reason = reason;
		s->request.status = verdicts[i].status;
	}
	s->complete = true;
}

/* Unlike header names, methods know upper and lower case (RFC 9110 9.1). */
static bool method_is(const struct http_message *m, const char *name)
{
	return m->method.n == strlen(name) && !memcmp(m->method.p, name, m->method.n);
}

static bool is_number(struct http_text t)
{
	for (size_t i = 0; i < t.n; i++)
		if (t.p[i] < '0' || t.p[i] > '9')
			return false;
	return t.n > 0;
}

struct lengths {
	struct http_text first;
	unsigned n;
	bool differ;
};

/* "n" or, when a box on the way joined two lines, "n, n". */
static void add_lengths(struct lengths *l, struct http_text list)
{
	for (bool more = true; more;) {
		struct http_text one = list;

		more = http_text_cut(&list, ',', &one);
		one = http_text_trim(one);
		if (l->n++ == 0)
			l->first = one;
		else
			l->differ |= !is_number(one) || one.n != l->first.n ||
				     memcmp(one.p, l->first.p, one.n);
	}
}

/* RFC 9112 6.3: with several lengths that differ one reader sees one request where another sees two. */
static bool length_is_clear(const struct http_message *m)
{
	struct lengths l = {0};

	for (size_t i = 0; i < m->n_headers; i++)
		if (http_text_is(m->headers[i].name, "Content-Length"))
			add_lengths(&l, m->headers[i].value);
	return !l.differ;
}

static enum event judge(const struct http_message *m)
{
	bool look = method_is(m, "GET") || method_is(m, "HEAD");
	bool sstp_path = is_sstp_path(m->target), old = m->major == 1 && m->minor == 0;
	size_t hosts = http_header_count(m, "Host");

	if (m->major != 1 || (old && !(look && sstp_path)))
		return EV_HTTP_REQUEST_VERSION;
	if (hosts > 1 || (!hosts && !old))
		return EV_HTTP_REQUEST_NO_HOST;
	if (http_header(m, "Transfer-Encoding") || !length_is_clear(m))
		return EV_HTTP_REQUEST_MALFORMED;
	if (!sstp_path)
		return EV_HTTP_REQUEST_PATH;
	if (look)
		return EV_HTTP_REQUEST_HEALTH;
	if (!method_is(m, "SSTP_DUPLEX_POST"))
		return EV_HTTP_REQUEST_METHOD;
	return http_header(m, HTTP_LANE) ? EV_HTTP_REQUEST_LANE : EV_HTTP_REQUEST_SSTP;
}

static void note(struct http_server *s, const struct http_message *m)
{
	struct http_request *q = &s->request;
	const struct http_text *id = http_header(m, "SSTPCORRELATIONID");

	http_text_copy(&m->method, q->method, sizeof(q->method));
	http_text_copy(&m->target, q->target, sizeof(q->target));
	http_text_copy(http_header(m, "Host"), q->host, sizeof(q->host));
	http_text_copy(http_header(m, "User-Agent"), q->agent, sizeof(q->agent));
	http_text_copy(
		http_header(m, "Content-Length"), q->content_length, sizeof(q->content_length));
	http_only_header(m, HTTP_LANES, q->lanes, sizeof(q->lanes));
	http_only_header(m, HTTP_LANE, q->lane, sizeof(q->lane));
	if (id)
		http_guid_parse(*id, q->correlation); /* anything else is not worth a refusal */
	s->head_only = method_is(m, "HEAD");
}

void http_server_recv(struct http_server *s, const void *octets, size_t n, size_t *ret_consumed)
{
	struct http_message m;
	int r;

	*ret_consumed = 0;
	if (s->complete)
		return;
	r = http_reader_feed(&s->reader, HTTP_REQUEST, octets, n, &m, ret_consumed);
	if (r == -EAGAIN)
		return;
	if (!r) {
		note(s, &m);
		decide(s, judge(&m));
	} else if (r == -E2BIG) {
		decide(s, EV_HTTP_REQUEST_TOO_LARGE);
	} else {
		decide(s, r == -EPROTO ? EV_HTTP_REQUEST_MALFORMED : EV_OUT_OF_MEMORY);
	}
	http_reader_done(&s->reader);
}

bool http_server_next_event(struct http_server *s, const struct http_request **ret)
{
	if (!s->complete || s->reported)
		return false;
	s->reported = true;
	*ret = &s->request;
	return true;
}

/* RFC 9110 5.6.7; strftime() would speak the user's language. */
static void date_text(int64_t now_s, char *ret, size_t cap)
{
	static const char days[] = "SunMonTueWedThuFriSat";
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	time_t t = (time_t)now_s;
	struct tm tm;

	gmtime_r(&t, &tm);
	snprintf(ret, cap, "%.3s, %02d %.3s %04d %02d:%02d:%02d GMT", days + 3 * tm.tm_wday,
		tm.tm_mday, months + 3 * tm.tm_mon, 1900 + tm.tm_year, tm.tm_hour, tm.tm_min,
		tm.tm_sec);
}

static const char *status_text(unsigned status)
{
	static const struct {
		unsigned status;
		const char *text;
	} rows[] = {
		{200, "OK"},
		{400, "Bad Request"},
		{403, "Forbidden"},
		{404, "Not Found"},
		{405, "Method Not Allowed"},
		{408, "Request Timeout"},
		{429, "Too Many Requests"},
		{431, "Request Header Fields Too Large"},
		{500, "Internal Server Error"},
		{503, "Service Unavailable"},
		{505, "HTTP Version Not Supported"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i].status == status)
			return rows[i].text;
	return "";
}

void http_server_grant(struct http_server *s, const char *name, const char *value)
{
	s->granted = name;
	s->granted_value = value;
}

int http_server_respond(struct http_server *s, unsigned status, int64_t now_s)
{
	bool open = status == 200 &&
		    (s->request.wish == HTTP_WANTS_SSTP || s->request.wish == HTTP_WANTS_LANE);
	char head[512], body[64], date[40];
	int n;

	if (s->answered)
		return -EALREADY;
	s->answered = true;
	date_text(now_s, date, sizeof(date));
	snprintf(body, sizeof(body), "%u %s\n", status, status_text(status));
	/* The order of a Windows server ([MS-SSTP] 4.1); 2^64-1 says that the body does not end. */
	n = snprintf(head, sizeof(head), "HTTP/1.1 %u %s\r\nContent-Length: ", status,
		status_text(status));
	n += open ? snprintf(head + n, sizeof(head) - (size_t)n, "18446744073709551615\r\n")
		  : snprintf(head + n, sizeof(head) - (size_t)n, "%zu\r\n", strlen(body));
	if (s->name)
		n += snprintf(head + n, sizeof(head) - (size_t)n, "Server: %.64s\r\n", s->name);
	n += snprintf(head + n, sizeof(head) - (size_t)n, "Date: %s\r\n", date);
	if (open && s->granted)
		n += snprintf(head + n, sizeof(head) - (size_t)n, "%s: %.127s\r\n", s->granted,
			s->granted_value);
	if (status == 405)
		n += snprintf(head + n, sizeof(head) - (size_t)n,
			"Allow: SSTP_DUPLEX_POST, HEAD, GET\r\n");
	if (!open)
		n += snprintf(head + n, sizeof(head) - (size_t)n,
			"Content-Type: text/plain\r\nCache-Control: no-store\r\nConnection: close\r\n");
	n += snprintf(
		head + n, sizeof(head) - (size_t)n, "\r\n%s", open || s->head_only ? "" : body);
	return buf_append(&s->out, head, (size_t)n);
}

struct buf *http_server_output(struct http_server *s)
{
	return &s->out;
}
