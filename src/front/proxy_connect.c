// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation
 *
 * One round is: a connection to the proxy, the request of http/proxy.c, its verdict on the answer. The
 * first round carries no login, because only the answer names the scheme. After a 407 a second
 * connection is made (many proxies close the first) with Digest when it is offered, else Basic. A third
 * round would only lock the account.
 */
#include "front/proxy_connect.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/addr.h"
#include "base/auto.h"
#include "base/crypto.h"
#include "base/hex.h"
#include "base/host_name.h"
#include "http/digest.h"
#include "http/proxy.h"

#define AUTHORIZATION_MAX 2600

struct proxy_connect {
	const struct proxy *proxy;
	const char *host;
	uint16_t port;
	struct http_proxy *http; /* of the present round; NULL before the first */
	bool second;             /* the round with a login */
	enum { NOTHING, DIAL, OPEN, FAILED } pending;
	struct proxy_outcome how;
	char authorization[AUTHORIZATION_MAX]; /* "": none */
};

/* ---- where the proxy is ----------------------------------------------------------------------- */

static int hex_digit(char c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
				      : -1;
}

/* RFC 3986 2.1, of n characters. */
static int decode(const char *text, size_t n, char *ret, size_t cap)
{
	size_t used = 0;

	for (size_t i = 0; i < n; i++) {
		char c = text[i];

		if (c == '%') {
			if (i + 2 >= n || hex_digit(text[i + 1]) < 0 || hex_digit(text[i + 2]) < 0)
				return -EINVAL;
			c = (char)(hex_digit(text[i + 1]) * 16 + hex_digit(text[i + 2]));
			i += 2;
		}
		if (!c || used + 1 >= cap)
			return -EINVAL;
		ret[used++] = c;
	}
	ret[used] = '\0';
	return 0;
}

static int parse_login(const char *text, size_t n, struct proxy *ret)
{
	const char *colon = memchr(text, ':', n);
	size_t user = colon ? (size_t)(colon - text) : n;
	int r = decode(text, user, ret->user, sizeof(ret->user));

	if (!r && colon)
		r = decode(colon + 1, n - user - 1, ret->password, sizeof(ret->password));
	return r;
}

int proxy_parse(const char *url, struct proxy *ret)
{
	const char *p = url, *at, *end, *host_end;
	char host[1024];
	size_t n;

	*ret = (struct proxy){.port = 8080};
	if (!strncasecmp(p, "http://", 7))
		p += 7;
	else if (strstr(p, "://"))
		return -EINVAL; /* https:// and socks:// are other things */
	end = p + strcspn(p, "/?#");
	at = memrchr(p, '@', (size_t)(end - p));
	if (at) {
		if (parse_login(p, (size_t)(at - p), ret) < 0)
			return -EINVAL;
		p = at + 1;
	}
	if (*p == '[') {
		p++;
		host_end = memchr(p, ']', (size_t)(end - p));
		if (!host_end)
			return -EINVAL;
		n = (size_t)(host_end++ - p);
	} else {
		host_end = p + strcspn(p, ":/?#");
		n = (size_t)(host_end - p);
	}
	if (!n || n >= sizeof(host))
		return -EINVAL;
	memcpy(host, p, n);
	host[n] = '\0';
	if (host_to_ascii(host, ret->host, sizeof(ret->host), NULL) < 0)
		return -EINVAL;
	if (host_end == end)
		return 0;
	return *host_end == ':' ? port_parse(host_end + 1, (size_t)(end - host_end - 1), &ret->port)
				: -EINVAL;
}

/* A name that is compared: A-labels, and no dot at its end. */
static void plain_name(const char *text, size_t n, char *ret, size_t cap)
{
	char name[300];
	size_t len;

	snprintf(name, sizeof(name), "%.*s", (int)n, text);
	if (host_to_ascii(name, ret, cap, NULL) < 0)
		snprintf(ret, cap, "%s", name);
	len = strlen(ret);
	if (len && ret[len - 1] == '.')
		ret[len - 1] = '\0';
}

/* "example" and ".example" stand for it and for all names below it. */
static bool word_has_name(const char *word, size_t n, const char *host)
{
	char name[300];
	size_t len = strlen(host), w;

	while (n && *word == '.') {
		word++;
		n--;
	}
	plain_name(word, n, name, sizeof(name));
	w = strlen(name);
	return w && w <= len && !strcasecmp(host + len - w, name) &&
	       (w == len || host[len - w - 1] == '.');
}

/* An address, with or without brackets, or a network ("10.0.0.0/8"); not a part of another address. */
static bool word_has_address(const char *word, size_t n, const struct addr *host)
{
	struct prefix p;
	char text[ADDR_TEXT_LEN + 6], *slash, *end;
	unsigned long len = 8 * addr_len(host);

	snprintf(text, sizeof(text), "%.*s", (int)n, word);
	slash = strchr(text, '/');
	if (slash) {
		*slash++ = '\0';
		len = strtoul(slash, &end, 10);
		if (*slash < '0' || *slash > '9' || *end || len > 8 * addr_len(host))
			return false;
	}
	end = text + strlen(text);
	if (*text == '[' && end[-1] == ']')
		*--end = '\0';
	p.len = (uint8_t)len;
	return !addr_parse(*text == '[' ? text + 1 : text, &p.addr) && prefix_contains(&p, host);
}

/* As curl reads no_proxy: words between commas or blanks, and "*" for all hosts. */
static bool excluded(const char *list, const char *host)
{
	static const char between[] = ", \t";
	char name[300];
	struct addr a;

	plain_name(host, strlen(host), name, sizeof(name));
	for (const char *p = list; p && *p; p += strspn(p, between)) {
		size_t n = strcspn(p, between);

		if ((n == 1 && *p == '*') ||
			(addr_parse(name, &a) < 0 ? word_has_name(p, n, name)
						  : word_has_address(p, n, &a)))
			return true;
		p += n;
	}
	return false;
}

int proxy_from_environment(const char *host, struct proxy *ret)
{
	static const char *const names[] = {"https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"};
	const char *value = NULL;
	size_t i = 0;
	int r;

	for (; i < ARRAY_SIZE(names) && !(value && *value); i++)
		value = getenv(names[i]);
	if (!value || !*value || excluded(getenv("no_proxy"), host) ||
		excluded(getenv("NO_PROXY"), host))
		return 0;
	r = proxy_parse(value, ret);
	snprintf(ret->source, sizeof(ret->source), "$%s", names[i - 1]);
	return r < 0 ? r : 1;
}

/* ---- CONNECT ----------------------------------------------------------------------------------- */

int proxy_connect_new(
	const struct proxy *p, const char *host, uint16_t port, struct proxy_connect **ret)
{
	struct proxy_connect *c = calloc(1, sizeof(*c));

	if (!c)
		return -ENOMEM;
	c->proxy = p;
	c->host = host;
	c->port = port;
	c->how.scheme = "";
	if (http_proxy_new(&c->http) < 0) {
		free(c);
		return -ENOMEM;
	}
	*ret = c;
	return 0;
}

void proxy_connect_free(struct proxy_connect *c)
{
	if (!c)
		return;
	http_proxy_free(c->http);
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

void proxy_connect_start(struct proxy_connect *c, uint64_t now_ms)
{
	struct http_proxy_opts opts = {.host = c->host, .port = c->port};

	if (*c->authorization) {
		opts.authorization = c->authorization;
	} else if (c->second) {
		opts.user = c->proxy->user;
		opts.password = c->proxy->password;
	}
	if (http_proxy_start(c->http, &opts, now_ms) < 0)
		verdict(c, EV_PROXY_STATUS, "this name or user cannot be sent to a proxy");
}

/* The scheme of the second round: Digest when it can be answered, else Basic. */
static bool choose_login(struct proxy_connect *c)
{
	char target[300], cnonce[33];
	uint8_t random[16];
	struct http_digest_opts digest = {.challenge = c->how.answer.digest,
		.user = c->proxy->user,
		.password = c->proxy->password,
		.method = "CONNECT",
		.uri = target,
		.cnonce = cnonce};

	snprintf(target, sizeof(target), strchr(c->host, ':') ? "[%s]:%u" : "%s:%u", c->host,
		c->port);
	crypto_random(random, sizeof(random));
	hex_encode(random, sizeof(random), cnonce);
	if (http_digest_answer(&digest, c->authorization, sizeof(c->authorization)) == 0) {
		c->how.scheme = "Digest";
		return true;
	}
	*c->authorization = '\0';
	c->how.scheme = c->how.answer.basic ? "Basic" : "";
	return c->how.answer.basic;
}

static void log_in(struct proxy_connect *c)
{
	c->second = true;
	if (!choose_login(c)) {
		verdict(c, EV_PROXY_AUTH_SCHEME, c->how.answer.authenticate);
		return;
	}
	http_proxy_free(c->http);
	c->http = NULL;
	if (http_proxy_new(&c->http) < 0)
		verdict(c, EV_OUT_OF_MEMORY, "for the second request");
	else
		c->pending = DIAL;
}

/* Looks whether this round has its verdict. */
static void judge(struct proxy_connect *c)
{
	struct http_client_event ev;

	if (c->pending != NOTHING || !http_proxy_next_event(c->http, &ev))
		return;
	c->how.answer = ev.answer;
	if (!c->second)
		c->how.first_status = (int)ev.answer.status;
	if (ev.reason == EV_PROXY_AUTH_NEEDED && !c->second && *c->proxy->user)
		log_in(c);
	else
		verdict(c, ev.reason, ev.text);
}

void proxy_connect_recv(struct proxy_connect *c, const void *octets, size_t n, size_t *ret_consumed)
{
	*ret_consumed = 0;
	if (c->pending != NOTHING)
		return;
	http_proxy_recv(c->http, octets, n, ret_consumed);
	judge(c);
}

void proxy_connect_eof(struct proxy_connect *c)
{
	if (c->pending != NOTHING)
		return;
	http_proxy_eof(c->http);
	judge(c);
}

uint64_t proxy_connect_deadline(const struct proxy_connect *c)
{
	return http_proxy_deadline(c->http);
}

void proxy_connect_tick(struct proxy_connect *c, uint64_t now_ms)
{
	if (c->pending != NOTHING)
		return;
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
	*ret = c->pending == DIAL   ? PROXY_CONNECT_DIAL
	       : c->pending == OPEN ? PROXY_CONNECT_OPEN
				    : PROXY_CONNECT_FAILED;
	if (c->pending == DIAL)
		c->pending = NOTHING;
	return true;
}

const struct proxy_outcome *proxy_connect_outcome(const struct proxy_connect *c)
{
	return &c->how;
}
