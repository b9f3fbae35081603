// SPDX-License-Identifier: Apache-2.0
#include "socks/web_request.h"

#include <errno.h>
#include <stdio.h>
#include <strings.h>

#include "base/addr.h"
#include "base/auto.h"

struct part {
	const char *p;
	size_t n;
};

static bool starts(struct part s, const char *with)
{
	return s.n >= strlen(with) && !strncasecmp(s.p, with, strlen(with));
}

/* Up to `end` (not taken); false: there is none. */
static bool cut(struct part *s, char end, struct part *ret)
{
	const char *at = memchr(s->p, end, s->n);

	if (!at)
		return false;
	*ret = (struct part){s->p, (size_t)(at - s->p)};
	s->n -= ret->n + 1;
	s->p = at + 1;
	return true;
}

/* "host:port", "[v6]:port"; without a port `or_port`, 0: it must be there. */
static bool take_authority(struct part a, uint16_t or_port, struct destination *ret)
{
	const char *end = a.n && *a.p == '[' ? memchr(a.p, ']', a.n) : NULL;
	const char *colon = end ? end + 1 : memchr(a.p, ':', a.n);
	size_t host_n = end ? (size_t)(end - a.p - 1) : colon ? (size_t)(colon - a.p) : a.n;
	size_t left = colon ? (size_t)(a.p + a.n - colon) : 0;
	uint16_t port = or_port;

	if (a.n && *a.p == '[' && !end)
		return false;
	if (left && (*colon != ':' || port_parse(colon + 1, left - 1, &port) < 0))
		return false;
	return port && destination_set(ret, end ? a.p + 1 : a.p, host_n, port);
}

/* The length of the head with its empty line, 0: it has no end. Lines end with CR LF or LF. */
static size_t head_length(const char *octets, size_t n)
{
	for (size_t i = 0; i + 1 < n; i++) {
		if (octets[i] != '\n')
			continue;
		if (octets[i + 1] == '\n')
			return i + 2;
		if (i + 2 < n && octets[i + 1] == '\r' && octets[i + 2] == '\n')
			return i + 3;
	}
	return 0;
}

/* Controls, and a CR by itself, mean one thing to one program and another thing to the next. */
static bool has_controls(const char *octets, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)octets[i];

		if (c == '\r' ? i + 1 == n || octets[i + 1] != '\n'
			      : (c < ' ' && c != '\n' && c != '\t') || c == 0x7f)
			return true;
	}
	return false;
}

int web_request_parse(const char *octets, size_t n, struct web_request *ret)
{
	struct web_request r = {.head_len = head_length(octets, n)};
	struct part all = {octets, n}, line, method, target;
	size_t authority;

	if (!r.head_len)
		return n >= WEB_REQUEST_HEAD_MAX ? -EPROTO : -EAGAIN;
	if (has_controls(octets, r.head_len) || !cut(&all, '\n', &line) ||
		!cut(&line, ' ', &method) || !cut(&line, ' ', &target) || !starts(line, "HTTP/1."))
		return -EPROTO;
	r.connect = method.n == 7 && !memcmp(method.p, "CONNECT", 7);
	if (!r.connect) {
		if (!starts(target, "http://"))
			return -EPROTO;
		target = (struct part){target.p + 7, target.n - 7};
	}
	authority = target.n;
	for (size_t i = 0; i < target.n && !r.connect && authority == target.n; i++)
		if (target.p[i] == '/' || target.p[i] == '?' || target.p[i] == '#')
			authority = i;
	if (!take_authority((struct part){target.p, authority}, r.connect ? 0 : 80, &r.to))
		return -EPROTO;
	*ret = r;
	return 0;
}

static bool is_word(struct part s, const char *word)
{
	return s.n == strlen(word) && !strncasecmp(s.p, word, s.n);
}

static struct part trimmed(struct part s)
{
	while (s.n && strchr(" \t\r", *s.p))
		s.p++, s.n--;
	while (s.n && strchr(" \t\r", s.p[s.n - 1]))
		s.n--;
	return s;
}

/* A header line's name, which ends at the colon, and its value; false: there is no colon. */
static bool split_header(struct part line, struct part *ret_name, struct part *ret_value)
{
	if (!cut(&line, ':', ret_name))
		return false;
	*ret_name = trimmed(*ret_name);
	*ret_value = line;
	return true;
}

static bool lists(struct part value, struct part name)
{
	struct part word;

	while (cut(&value, ',', &word) || (word = value, value.n = 0, word.n)) {
		word = trimmed(word);
		if (word.n == name.n && !strncasecmp(word.p, name.p, name.n))
			return true;
	}
	return false;
}

/* By one of its Connection lines, or what is folded behind one. `headers`: behind the first line. */
static bool connection_names(struct part headers, struct part name)
{
	struct part line, own, value;
	bool connection = false;

	while (cut(&headers, '\n', &line)) {
		value = line;
		if (!line.n || !strchr(" \t", *line.p))
			connection =
				split_header(line, &own, &value) &&
				(is_word(own, "connection") || is_word(own, "proxy-connection"));
		if (connection && lists(value, name))
			return true;
	}
	return false;
}

/* Of the proxy, or of this connection (RFC 9110 7.6.1). */
static bool is_hop(struct part line, struct part headers)
{
	static const char *const hop[] = {
		"connection", "keep-alive", "proxy-connection", "proxy-authorization", "te"};
	static const char *const ends[] = {"host", "content-length", "transfer-encoding"};
	struct part name, value;

	if (!split_header(line, &name, &value))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(hop); i++)
		if (is_word(name, hop[i]))
			return true;
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++)
		if (is_word(name, ends[i]))
			return false; /* without it the server would read another request */
	return connection_names(headers, name);
}

static bool put(char *ret, size_t cap, size_t *at, const char *p, size_t n)
{
	if (n > cap - *at)
		return false;
	memcpy(ret + *at, p, n);
	*at += n;
	return true;
}

size_t web_request_rewrite(const char *head, const struct web_request *r, char *ret, size_t cap)
{
	static const char close[] = "Connection: close\r\n\r\n";
	struct part all = {head, r->head_len}, line, method, target, headers;
	bool skipped = false, fits;
	const char *path;
	size_t at = 0;

	if (!cut(&all, '\n', &line) || !cut(&line, ' ', &method) || !cut(&line, ' ', &target))
		return 0;
	headers = all;
	for (path = target.p + 7; path < target.p + target.n && !strchr("/?#", *path);)
		path++;
	fits = put(ret, cap, &at, method.p, method.n) && put(ret, cap, &at, " ", 1) &&
	       (*path == '/' || put(ret, cap, &at, "/", 1)) &&
	       put(ret, cap, &at, path, (size_t)(target.p + target.n - path)) &&
	       put(ret, cap, &at, " HTTP/1.1\r\n", 11);
	while (fits && cut(&all, '\n', &line) && line.n && *line.p != '\r') {
		/* a folded line belongs to the one before it */
		skipped = *line.p == ' ' || *line.p == '\t' ? skipped : is_hop(line, headers);
		if (!skipped)
			fits = put(ret, cap, &at, line.p, line.n) && put(ret, cap, &at, "\n", 1);
	}
	return fits && put(ret, cap, &at, close, sizeof(close) - 1) ? at : 0;
}
