// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation
 *
 * One round is: a connection to the proxy, the request of http/proxy.c, its verdict on the answer. The
 * first round carries no login, because only the answer names the schemes. After a 407 another connection
 * is made (many proxies close the first) with one of them:
 *
 *     with a user     Digest, NTLM, Basic: the first that is offered; then Negotiate
 *     without one     Negotiate, with the Kerberos ticket at hand
 *
 * A password goes out by one scheme only: a second attempt would only lock the account. A ticket that is
 * refused costs nothing, so a password may follow.
 *
 * NTLM and Negotiate log a connection in, not a request. Their next message goes out on the same
 * connection, behind the body of the 407 that asked for it (RFC 4559 section 6).
 */
#include "front/proxy_connect.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/crypto.h"
#include "base/hex.h"
#include "base/text.h"
#include "http/digest.h"
#include "http/ntlm.h"
#include "http/proxy.h"

#define BODY_MAX (256u << 10) /* of a 407: a page for people; behind it goes the next message */
#define LEGS_MAX 5            /* messages of ours in one login; Kerberos has one, NTLM two */
#define TOKEN_MAX (64u << 10) /* tickets of members of a thousand groups */
#define DIGEST_MAX 2600
#define NTLM_MAX 9000
#define SECONDS_TO_1970 11644473600 /* from 1601 */

enum login { LOGIN_NONE, LOGIN_NEGOTIATE, LOGIN_DIGEST, LOGIN_NTLM, LOGIN_BASIC };

static const char *const names[] = {"", "Negotiate", "Digest", "NTLM", "Basic"};

struct proxy_connect {
	const struct proxy *proxy;
	const char *host;
	uint16_t port;
	int64_t wall_s;
	struct http_proxy *http; /* of the present request; NULL before the first */
	enum login login;
	unsigned tried;            /* logins, as 1 << login */
	bool password_sent;        /* in whatever form: once is enough */
	unsigned legs;             /* messages sent in the present login */
	struct http_answer offers; /* of the first 407 */
	bool draining;             /* the body of a 407 that goes on */
	size_t drained;
	uint64_t started_ms;
	enum { NOTHING, DIAL, TOKEN, OPEN, FAILED } pending;
	struct proxy_outcome how;
	char *authorization; /* NULL: none */
	uint8_t *challenge;  /* for the next token of Negotiate */
	size_t challenge_n;
	char no_ticket[160]; /* why Negotiate was not possible; "": it was, or was not tried */
};

int proxy_connect_new(const struct proxy *p, const char *host, uint16_t port, int64_t wall_s,
	struct proxy_connect **ret)
{
	struct proxy_connect *c = calloc(1, sizeof(*c));

	if (!c)
		return -ENOMEM;
	c->proxy = p;
	c->host = host;
	c->port = port;
	c->wall_s = wall_s;
	c->how.scheme = "";
	if (http_proxy_new(&c->http) < 0) {
		free(c);
		return -ENOMEM;
	}
	*ret = c;
	return 0;
}

static void forget_login(struct proxy_connect *c)
{
	if (c->authorization)
		explicit_bzero(c->authorization, strlen(c->authorization));
	free(c->authorization);
	free(c->challenge);
	c->authorization = NULL;
	c->challenge = NULL;
	c->challenge_n = 0;
}

void proxy_connect_free(struct proxy_connect *c)
{
	if (!c)
		return;
	http_proxy_free(c->http);
	forget_login(c);
	explicit_bzero(c, sizeof(*c));
	free(c);
}

static void verdict(struct proxy_connect *c, enum event ev, const char *text)
{
	c->how.event = ev;
	snprintf(c->how.text, sizeof(c->how.text), "%s", text);
	c->pending = ev ? FAILED : OPEN;
}

void proxy_connect_fail(struct proxy_connect *c, enum event why, const char *text)
{
	if (c->pending == NOTHING)
		verdict(c, why, text);
}

static void broken(struct proxy_connect *c, const char *how)
{
	char text[200];

	snprintf(text, sizeof(text), "%s, message %u: %s", names[c->login], c->legs, how);
	verdict(c, EV_PROXY_LOGIN_BROKEN, text);
}

void proxy_connect_start(struct proxy_connect *c, uint64_t now_ms)
{
	struct http_proxy_opts opts = {
		.host = c->host, .port = c->port, .authorization = c->authorization};

	c->started_ms = now_ms;
	if (c->login == LOGIN_BASIC) {
		opts.user = c->proxy->user;
		opts.password = c->proxy->password;
	}
	if (http_proxy_start(c->http, &opts, now_ms) < 0)
		verdict(c, EV_PROXY_STATUS, "this name or user cannot be sent to a proxy");
}

/* The next request, on another connection or on this one. */
static void ask_again(struct proxy_connect *c, bool same_connection)
{
	http_proxy_free(c->http);
	c->http = NULL;
	c->legs++;
	if (http_proxy_new(&c->http) < 0)
		verdict(c, EV_OUT_OF_MEMORY, "for the next request");
	else if (same_connection)
		proxy_connect_start(c, c->started_ms);
	else
		c->pending = DIAL;
}

/* ---- one login ---------------------------------------------------------- */

static int make_digest(struct proxy_connect *c)
{
	char target[300], cnonce[33];
	uint8_t random[16];
	struct http_digest_opts digest = {.challenge = c->offers.digest,
		.user = c->proxy->user,
		.password = c->proxy->password,
		.method = "CONNECT",
		.uri = target,
		.cnonce = cnonce};

	snprintf(target, sizeof(target), strchr(c->host, ':') ? "[%s]:%u" : "%s:%u", c->host,
		c->port);
	crypto_random(random, sizeof(random));
	hex_encode(random, sizeof(random), cnonce);
	c->authorization = calloc(1, DIGEST_MAX);
	return c->authorization ? http_digest_answer(&digest, c->authorization, DIGEST_MAX)
				: -ENOMEM;
}

static int make_ntlm(struct proxy_connect *c, const char *challenge)
{
	uint8_t nonce[HTTP_NTLM_NONCE_LEN];
	struct http_ntlm_opts opts = {.challenge = challenge,
		.user = c->proxy->user,
		.password = c->proxy->password,
		.nonce = nonce,
		.wall_100ns = (uint64_t)(c->wall_s + SECONDS_TO_1970) * 10000000};

	crypto_random(nonce, sizeof(nonce));
	forget_login(c);
	c->authorization = calloc(1, NTLM_MAX);
	if (!c->authorization)
		return -ENOMEM;
	return challenge ? http_ntlm_answer(&opts, c->authorization, NTLM_MAX)
			 : http_ntlm_hello(c->authorization, NTLM_MAX);
}

struct rd proxy_connect_challenge(const struct proxy_connect *c)
{
	return rd_init(c->challenge, c->challenge_n);
}

void proxy_connect_token(struct proxy_connect *c, const void *token, size_t n)
{
	static const char scheme[] = "Negotiate ";
	bool same_connection = c->legs > 0;
	size_t len = strlen(scheme) + 4 * ((n + 2) / 3) + 1;

	c->pending = NOTHING;
	forget_login(c);
	if (!n || n > TOKEN_MAX) {
		broken(c, "a ticket that cannot be sent");
		return;
	}
	c->authorization = malloc(len);
	if (!c->authorization) {
		verdict(c, EV_OUT_OF_MEMORY, "for the ticket");
		return;
	}
	strcpy(c->authorization, scheme);
	base64_encode(token, n, c->authorization + strlen(scheme));
	ask_again(c, same_connection);
}

/* ---- which one ---------------------------------------------------------- */

static bool is_offered(const struct proxy_connect *c, enum login login)
{
	switch (login) {
	case LOGIN_NEGOTIATE: return c->offers.negotiate;
	case LOGIN_DIGEST: return *c->offers.digest;
	case LOGIN_NTLM: return c->offers.ntlm;
	case LOGIN_BASIC: return c->offers.basic;
	case LOGIN_NONE: break;
	} /* no default */
	return false;
}

#define WITH_PASSWORD (1u << LOGIN_DIGEST | 1u << LOGIN_NTLM | 1u << LOGIN_BASIC)

static enum login choose_login(const struct proxy_connect *c)
{
	static const enum login by_password[] = {LOGIN_DIGEST, LOGIN_NTLM, LOGIN_BASIC};

	for (size_t i = 0; *c->proxy->user && i < ARRAY_SIZE(by_password); i++)
		if (is_offered(c, by_password[i]) && !c->password_sent &&
			!(c->tried & 1u << by_password[i]))
			return by_password[i];
	return is_offered(c, LOGIN_NEGOTIATE) && !(c->tried & 1u << LOGIN_NEGOTIATE)
		       ? LOGIN_NEGOTIATE
		       : LOGIN_NONE;
}

static void no_login(struct proxy_connect *c, enum event why)
{
	char text[sizeof(c->how.text)];
	size_t n = text_format(text, sizeof(text), "it wants: %s", c->offers.authenticate);

	if (*c->no_ticket)
		text_format(text + n, sizeof(text) - n, "; no ticket: %s", c->no_ticket);
	verdict(c, why, text);
}

/* `why`: what it comes to when there is no further one. */
static void log_in(struct proxy_connect *c, enum event why)
{
	int r = 0;

	c->login = choose_login(c);
	c->tried |= 1u << c->login;
	c->legs = 0;
	forget_login(c);
	switch (c->login) {
	case LOGIN_NONE: no_login(c, why); return;
	case LOGIN_NEGOTIATE: c->pending = TOKEN; break;
	case LOGIN_DIGEST: r = make_digest(c); break;
	case LOGIN_NTLM: r = make_ntlm(c, NULL); break; /* no password is in a hello */
	case LOGIN_BASIC: break;
	} /* no default */
	c->password_sent |= c->login == LOGIN_DIGEST || c->login == LOGIN_BASIC;
	c->how.scheme = names[c->login];
	if (r < 0)
		broken(c, strerror(-r));
	else if (c->pending == NOTHING)
		ask_again(c, false);
}

/* Where a password could log in and none was given, it is what is asked for. */
static enum event without_ticket(const struct proxy_connect *c)
{
	if (c->tried & WITH_PASSWORD)
		return EV_PROXY_AUTH_REFUSED;
	return *c->offers.digest || c->offers.ntlm || c->offers.basic ? EV_PROXY_AUTH_NEEDED
								      : EV_PROXY_NO_TICKET;
}

void proxy_connect_no_token(struct proxy_connect *c, const char *why)
{
	c->pending = NOTHING;
	c->how.scheme = "";
	text_format(c->no_ticket, sizeof(c->no_ticket), "%s", why);
	if (c->legs)
		broken(c, why);
	else
		log_in(c, without_ticket(c));
}

/* ---- what the proxy says ---------------------------------------------------------- */

static void take_challenge(struct proxy_connect *c, const char *text)
{
	size_t cap = strlen(text) / 4 * 3 + 3;
	int n;

	forget_login(c);
	c->challenge = malloc(cap);
	n = c->challenge ? base64_decode(text, c->challenge, cap) : -ENOMEM;
	if (n <= 0) {
		broken(c, "a challenge that is no Base64");
		return;
	}
	c->challenge_n = (size_t)n;
	c->pending = TOKEN;
}

/* The body of the 407 is read: the next message. */
static void go_on(struct proxy_connect *c)
{
	const char *challenge = http_proxy_challenge(c->http, names[c->login]);
	int r;

	c->draining = false;
	if (c->login == LOGIN_NEGOTIATE) {
		take_challenge(c, challenge);
		return;
	}
	c->password_sent = true;
	r = make_ntlm(c, challenge);
	if (r < 0)
		broken(c, r == -EPROTO    ? "a challenge that is none"
			  : r == -ENOTSUP ? "a challenge without Unicode"
					  : strerror(-r));
	else
		ask_again(c, true);
}

static void drain(struct proxy_connect *c, const void *octets, size_t n, size_t *ret_consumed)
{
	struct rd in = rd_init(octets, n), piece;
	int r;

	while ((r = http_body_next(http_proxy_body(c->http), &in, &piece)) > 0)
		c->drained += rd_left(&piece);
	*ret_consumed += n - rd_left(&in);
	if (r == 0)
		go_on(c);
	else if (r != -EAGAIN || c->drained > BODY_MAX)
		broken(c, r == -EAGAIN ? "a page that does not end" : "a page without a length");
}

static bool asks_to_go_on(const struct proxy_connect *c)
{
	if (c->login == LOGIN_NTLM && c->legs > 1)
		return false;
	return (c->login == LOGIN_NTLM || c->login == LOGIN_NEGOTIATE) &&
	       *http_proxy_challenge(c->http, names[c->login]);
}

static void after_407(struct proxy_connect *c, const struct http_client_event *ev)
{
	if (c->login == LOGIN_NONE) {
		c->offers = ev->answer;
		c->how.first_status = (int)ev->answer.status;
		log_in(c, ev->reason);
	} else if (!asks_to_go_on(c)) {
		log_in(c, EV_PROXY_AUTH_REFUSED);
	} else if (c->legs >= LEGS_MAX) {
		broken(c, "it asks for more and more");
	} else if (!http_proxy_body(c->http)) {
		broken(c, "it closes the connection that is to be logged in");
	} else {
		c->draining = true;
		c->drained = 0;
	}
}

/* Of the last answer; what was offered stands in the first. */
static void keep_answer(struct proxy_connect *c, const struct http_answer *last)
{
	struct http_answer *a = &c->how.answer;

	*a = *last;
	if (c->login == LOGIN_NONE || *a->authenticate)
		return;
	memcpy(a->authenticate, c->offers.authenticate, sizeof(a->authenticate));
	memcpy(a->digest, c->offers.digest, sizeof(a->digest));
	a->basic = c->offers.basic;
	a->ntlm = c->offers.ntlm;
	a->negotiate = c->offers.negotiate;
}

/* Looks whether this request has its verdict. */
static void judge(struct proxy_connect *c)
{
	struct http_client_event ev;

	if (c->pending != NOTHING || !http_proxy_next_event(c->http, &ev))
		return;
	keep_answer(c, &ev.answer);
	if (c->login == LOGIN_NONE)
		c->how.first_status = (int)ev.answer.status;
	if (ev.answer.status == 407 && ev.reason != EV_PROXY_NOT_HTTP)
		after_407(c, &ev);
	else
		verdict(c, ev.reason, ev.text);
}

void proxy_connect_recv(struct proxy_connect *c, const void *octets, size_t n, size_t *ret_consumed)
{
	size_t used = 0;

	*ret_consumed = 0;
	if (c->pending == NOTHING && !c->draining) {
		http_proxy_recv(c->http, octets, n, ret_consumed);
		judge(c);
	}
	if (c->pending != NOTHING || !c->draining)
		return;
	drain(c, (const uint8_t *)octets + *ret_consumed, n - *ret_consumed, &used);
	*ret_consumed += used;
}

void proxy_connect_eof(struct proxy_connect *c)
{
	if (c->pending != NOTHING)
		return;
	if (c->draining || (c->legs > 1 && c->login != LOGIN_NONE)) {
		broken(c, "it closed the connection");
		return;
	}
	http_proxy_eof(c->http);
	judge(c);
}

uint64_t proxy_connect_deadline(const struct proxy_connect *c)
{
	return c->draining ? c->started_ms + HTTP_RESPONSE_MS : http_proxy_deadline(c->http);
}

void proxy_connect_tick(struct proxy_connect *c, uint64_t now_ms)
{
	if (c->pending != NOTHING)
		return;
	if (c->draining && now_ms >= proxy_connect_deadline(c))
		broken(c, "a page that does not end");
	else if (!c->draining)
		http_proxy_tick(c->http, now_ms);
	judge(c);
}

struct buf *proxy_connect_output(struct proxy_connect *c)
{
	return http_proxy_output(c->http);
}

bool proxy_connect_next_event(struct proxy_connect *c, enum proxy_connect_event *ret)
{
	if (c->pending == NOTHING)
		return false;
	*ret = c->pending == DIAL    ? PROXY_CONNECT_DIAL
	       : c->pending == TOKEN ? PROXY_CONNECT_TOKEN
	       : c->pending == OPEN  ? PROXY_CONNECT_OPEN
				     : PROXY_CONNECT_FAILED;
	if (c->pending == DIAL)
		c->pending = NOTHING;
	return true;
}

const struct proxy_outcome *proxy_connect_outcome(const struct proxy_connect *c)
{
	return &c->how;
}
