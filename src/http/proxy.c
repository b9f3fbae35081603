// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation
 *
 * CONNECT with the header SSTPVERSION: 1.0, which lets an administrator recognise SSTP
 * ([MS-SSTP] 4.5). Any 2xx opens the way, from a proxy of HTTP/1.0, too (they all do CONNECT).
 * Each object makes one request. The owner (front/proxy_connect.c) first asks without credentials and,
 * after a 407, again by a scheme on offer. A proxy that accepts only others, or an unsupported Digest
 * (SHA-512-256, auth-int), has its own event, because no login helps there.
 */
#include "http/proxy.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "http/answer.h"
#include "http/challenge.h"
#include "http/digest.h"

#define CHALLENGE_MAX 6000 /* in Base64; the head that it comes in has HTTP_HEAD_MAX */

struct http_proxy {
	struct http_waiter wait;
	bool with_password;
	char ntlm[CHALLENGE_MAX], negotiate[CHALLENGE_MAX];
	struct http_body body;
	bool goes_on; /* the connection, behind the body */
};

int http_proxy_new(struct http_proxy **ret)
{
	struct http_proxy *p = calloc(1, sizeof(*p));

	if (!p)
		return -ENOMEM;
	http_waiter_init(&p->wait);
	*ret = p;
	return 0;
}

void http_proxy_free(struct http_proxy *p)
{
	if (!p)
		return;
	http_waiter_done(&p->wait); /* wipes */
	free(p);
}

static int add_authorization(struct http_proxy *p, const char *value)
{
	int r = buf_append(&p->wait.out, "Proxy-Authorization: ", strlen("Proxy-Authorization: "));

	if (!r)
		r = buf_append(&p->wait.out, value, strlen(value));
	if (!r)
		r = buf_append(&p->wait.out, "\r\n", 2);
	p->with_password = true;
	return r;
}

/* RFC 7617 2: user and password joined by a colon, which the user name therefore cannot hold. */
static int add_credentials(struct http_proxy *p, const struct http_proxy_opts *opts)
{
	char both[300], text[404];
	int n, r;

	if (opts->authorization)
		return add_authorization(p, opts->authorization);
	if (!opts->user)
		return 0;
	n = snprintf(both, sizeof(both), "%s:%s", opts->user, opts->password ? opts->password : "");
	if (strchr(opts->user, ':') || n < 0 || (size_t)n >= sizeof(both)) {
		explicit_bzero(both, sizeof(both));
		return -EINVAL;
	}
	base64_encode(both, (size_t)n, text);
	r = buf_append(
		&p->wait.out, "Proxy-Authorization: Basic ", strlen("Proxy-Authorization: Basic "));
	if (!r)
		r = buf_append(&p->wait.out, text, strlen(text));
	if (!r)
		r = buf_append(&p->wait.out, "\r\n", 2);
	explicit_bzero(both, sizeof(both));
	explicit_bzero(text, sizeof(text));
	p->with_password = true;
	return r;
}

int http_proxy_start(struct http_proxy *p, const struct http_proxy_opts *opts, uint64_t now_ms)
{
	char host[300], request[800];
	int n, r;

	/* The target of CONNECT always has its port (RFC 9112 3.2.3): 0 is no usual one */
	if (!opts->port || http_host_text(opts->host, opts->port, 0, host, sizeof(host)) < 0)
		return -EINVAL;
	n = snprintf(request, sizeof(request),
		"CONNECT %s HTTP/1.1\r\nHost: %s\r\nSSTPVERSION: 1.0\r\n", host, host);
	r = buf_append(&p->wait.out, request, (size_t)n);
	if (!r)
		r = add_credentials(p, opts);
	if (!r)
		r = buf_append(&p->wait.out, "\r\n", 2);
	if (!r)
		http_waiter_start(&p->wait, now_ms);
	return r;
}

/* The token of the first challenge of that scheme that has one; a longer one than fits is none. */
static bool note_token(const struct http_challenge *c, const char *scheme, char *ret, size_t cap)
{
	if (!http_challenge_is(c, scheme))
		return false;
	if (!*ret && c->params.n < cap)
		http_text_copy(&c->params, ret, cap);
	return true;
}

/* The first Digest that can be answered: RFC 7616 3.7 lets a proxy send the one it likes best first. */
static void note_challenge(
	struct http_proxy *p, const struct http_challenge *c, struct http_answer *ret)
{
	char text[sizeof(ret->digest)] = "Digest ";
	size_t n = strlen(text);

	ret->basic |= http_challenge_is(c, "Basic");
	ret->ntlm |= note_token(c, "NTLM", p->ntlm, sizeof(p->ntlm));
	ret->negotiate |= note_token(c, "Negotiate", p->negotiate, sizeof(p->negotiate));
	if (*ret->digest || !http_challenge_is(c, "Digest") || c->params.n >= sizeof(text) - n)
		return;
	http_text_copy(&c->params, text + n, sizeof(text) - n);
	if (http_digest_can_answer(text))
		memcpy(ret->digest, text, sizeof(text));
}

/* All challenges of all lines, in their order (RFC 9110 11.7.1). */
static void note_schemes(
	struct http_proxy *p, const struct http_message *m, struct http_answer *ret)
{
	for (size_t i = 0; i < m->n_headers; i++) {
		struct http_text list = m->headers[i].value;
		struct http_challenge c;

		if (!http_text_is(m->headers[i].name, "Proxy-Authenticate"))
			continue;
		while (http_challenge_next(&list, &c))
			note_challenge(p, &c, ret);
	}
}

static enum event judge(
	const struct http_proxy *p, const struct http_message *m, const struct http_answer *a)
{
	if (m->major != 1)
		return EV_PROXY_NOT_HTTP;
	switch (m->status) {
	case 407:
		if (!a->basic && !*a->digest && !a->ntlm && !a->negotiate)
			return EV_PROXY_AUTH_SCHEME;
		return p->with_password ? EV_PROXY_AUTH_REFUSED : EV_PROXY_AUTH_NEEDED;
	case 400:
	case 403:
	case 405:
	case 501: return EV_PROXY_FORBIDS;
	case 502:
	case 503:
	case 504: return EV_PROXY_NO_WAY;
	default: return m->status / 100 == 2 ? EV_NONE : EV_PROXY_STATUS;
	}
}

void http_proxy_recv(struct http_proxy *p, const void *octets, size_t n, size_t *ret_consumed)
{
	struct http_waiter *w = &p->wait;
	struct http_message m;
	enum event ev;
	int r = http_waiter_recv(w, octets, n, ret_consumed, &m);

	if (r == -EAGAIN)
		return;
	if (r) {
		http_waiter_end(w, r == -ENOMEM ? EV_OUT_OF_MEMORY : EV_PROXY_NOT_HTTP, NULL);
		return;
	}
	note_schemes(p, &m, &w->event.answer);
	p->goes_on = http_keeps_connection(&m) && !http_body_start(&p->body, &m) &&
		     p->body.state != HTTP_BODY_CLOSE;
	ev = judge(p, &m, &w->event.answer);
	if (m.status == 407)
		http_waiter_end(w, ev, "it wants: %s", w->event.answer.authenticate);
	else
		http_waiter_end(w, ev, NULL);
}

void http_proxy_eof(struct http_proxy *p)
{
	if (p->wait.state == HTTP_WAITING)
		http_waiter_end(&p->wait, EV_PROXY_NO_RESPONSE, "closed after %zu octets",
			buf_len(&p->wait.reader.head));
}

bool http_proxy_next_event(struct http_proxy *p, struct http_client_event *ret)
{
	return http_waiter_next_event(&p->wait, ret);
}

struct buf *http_proxy_output(struct http_proxy *p)
{
	return &p->wait.out;
}

const char *http_proxy_challenge(const struct http_proxy *p, const char *scheme)
{
	return strcmp(scheme, "NTLM") ? p->negotiate : p->ntlm;
}

struct http_body *http_proxy_body(struct http_proxy *p)
{
	return p->goes_on ? &p->body : NULL;
}

uint64_t http_proxy_deadline(const struct http_proxy *p)
{
	return p->wait.deadline_ms;
}

void http_proxy_tick(struct http_proxy *p, uint64_t now_ms)
{
	if (now_ms >= p->wait.deadline_ms)
		http_waiter_end(
			&p->wait, EV_PROXY_NO_RESPONSE, "after %d s", HTTP_RESPONSE_MS / 1000);
}
