// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation
 *
 * parse → look up (c-ares, with a time limit) → judge each address → connect to the first judged good
 * that answers → HTTP/1.0, so that the answer has no chunks → head, Content-Length or the end of the
 * connection. A name that gives a good address and a forbidden one is asked at the good one only.
 * The proxy is not used: it would look the name up again, where the answer cannot be judged.
 */
#include "diagnose/fetch.h"

#include <ares.h>
#include <errno.h>
#include <ifaddrs.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/addr.h"
#include "base/auto.h"
#include "base/clock.h"
#include "diagnose/private.h"

#define ANSWER_MAX (4u << 20) /* a revocation list; beyond it is none that is read */
#define HEAD_MAX 8192u
#define FETCH_ADDRESSES_MAX 8

/* ---- the URL ---------------------------------------------------------------------------- */

/* HOST or [ADDRESS], up to `end`; returns what follows it, NULL: it is neither. */
static const char *parse_host(const char *p, const char *end, struct fetch_url *ret)
{
	const char *last;
	struct addr literal;

	ret->literal6 = *p == '[';
	p += ret->literal6;
	last = memchr(p, ret->literal6 ? ']' : ':', (size_t)(end - p));
	if (ret->literal6 && !last)
		return NULL;
	if (!last)
		last = end;
	if (last == p || (size_t)(last - p) >= FETCH_HOST_MAX)
		return NULL;
	memcpy(ret->host, p, (size_t)(last - p));
	ret->host[last - p] = '\0';
	if (ret->literal6 && (addr_parse(ret->host, &literal) < 0 || literal.family != AF_INET6))
		return NULL;
	return last + ret->literal6;
}

static bool is_host_octet(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '-' || c == '.' || c == '_';
}

int fetch_url_parse(const char *text, struct fetch_url *ret)
{
	const char *p = text + strlen("http://"), *end;

	if (strncasecmp(text, "http://", 7))
		return -EINVAL;
	for (const char *c = text; *c; c++)
		if (*c <= 0x20 || *c >= 0x7f || *c == '#' || *c == '\\')
			return -EINVAL;
	*ret = (struct fetch_url){.port = 80};
	end = p + strcspn(p, "/?");
	ret->path = end;
	p = parse_host(p, end, ret);
	if (!p || (p < end && *p != ':') ||
		(p < end && port_parse(p + 1, (size_t)(end - p - 1), &ret->port) < 0))
		return -EINVAL;
	for (const char *c = ret->host; *c && !ret->literal6; c++)
		if (!is_host_octet(*c))
			return -EINVAL;
	return 0;
}

/* ---- the address ---------------------------------------------------------------------------- */

enum zone { PUBLIC, PRIVATE, THIS_HOST, LINK_LOCAL, MULTICAST, RESERVED };

// clang-format off
static const struct {
	const char *prefix;
	enum zone zone;
} zones[] = { /* the first that fits; RFC 6890 and its registries */
	{"0.0.0.0/8", RESERVED}, {"127.0.0.0/8", THIS_HOST}, {"169.254.0.0/16", LINK_LOCAL},
	{"10.0.0.0/8", PRIVATE}, {"172.16.0.0/12", PRIVATE}, {"192.168.0.0/16", PRIVATE},
	{"100.64.0.0/10", PRIVATE}, {"198.18.0.0/15", PRIVATE}, {"192.0.0.0/24", RESERVED},
	{"224.0.0.0/4", MULTICAST}, {"240.0.0.0/4", RESERVED},
	{"::/128", RESERVED}, {"::1/128", THIS_HOST}, {"fe80::/10", LINK_LOCAL},
	{"fec0::/10", PRIVATE}, {"fc00::/7", PRIVATE}, {"ff00::/8", MULTICAST}, {"100::/64", RESERVED},
};

/* Where an IPv6 address carries an IPv4 one. */
static const struct {
	const char *prefix;
	unsigned at;
	uint8_t mask; /* Teredo's is inverted */
} carriers[] = {
	{"::ffff:0:0/96", 12, 0}, {"::/96", 12, 0}, {"::ffff:0:0:0/96", 12, 0},
	{"64:ff9b::/96", 12, 0}, {"64:ff9b:1::/48", 12, 0}, /* RFC 6052, 8215 */
	{"2002::/16", 2, 0},                                /* 6to4, RFC 3056 */
	{"2001::/32", 4, 0}, {"2001::/32", 12, 0xff},       /* Teredo, RFC 4380: server, client */
};
// clang-format on

static bool within(const char *text, const struct addr *a)
{
	struct prefix p;

	return !prefix_parse(text, &p) && p.addr.family == a->family && prefix_contains(&p, a);
}

static enum zone zone_of(const struct addr *a)
{
	for (size_t i = 0; i < ARRAY_SIZE(zones); i++)
		if (within(zones[i].prefix, a))
			return zones[i].zone;
	return PUBLIC;
}

/* The i-th IPv4 address that `a` carries, if it does. */
static bool carried(const struct addr *a, size_t i, struct addr *ret)
{
	static const uint8_t isatap[] = {0x5e, 0xfe}; /* RFC 5214: …:[0200|0000]:5efe:a.b.c.d */
	unsigned at = 12;
	uint8_t mask = 0;

	if (a->family != AF_INET6)
		return false;
	if (i < ARRAY_SIZE(carriers)) {
		if (!within(carriers[i].prefix, a))
			return false;
		at = carriers[i].at;
		mask = carriers[i].mask;
	} else if (memcmp(a->octets + 10, isatap, 2) || a->octets[9] || a->octets[8] & 0xfd) {
		return false;
	}
	*ret = (struct addr){.family = AF_INET};
	for (unsigned k = 0; k < 4; k++)
		ret->octets[k] = a->octets[at + k] ^ mask;
	return true;
}

bool fetch_is_private(const struct addr *a)
{
	return zone_of(a) == PRIVATE;
}

/* One of this machine's own, as its interfaces have them. */
static bool is_own(const struct addr *a)
{
	struct ifaddrs *list = NULL;
	bool found = false;

	if (getifaddrs(&list) < 0)
		return true; /* it cannot be ruled out */
	for (const struct ifaddrs *i = list; i && !found; i = i->ifa_next) {
		struct endpoint own;

		if (!i->ifa_addr ||
			(i->ifa_addr->sa_family != AF_INET && i->ifa_addr->sa_family != AF_INET6))
			continue;
		endpoint_from_sockaddr(i->ifa_addr, &own);
		found = addr_equal(&own.addr, a);
	}
	freeifaddrs(list);
	return found;
}

static const char *judge_plain(const struct addr *a, bool private_too)
{
	switch (zone_of(a)) {
	case PRIVATE:
		if (!private_too)
			return "a private address, which a public server's certificate has no "
			       "business with";
		break;
	case THIS_HOST: return "this machine itself";
	case LINK_LOCAL: return "a link-local address";
	case MULTICAST: return "a multicast address";
	case RESERVED: return "no address of a host";
	case PUBLIC: break;
	}
	return is_own(a) ? "this machine itself" : NULL;
}

const char *fetch_forbidden(const struct addr *a, bool private_too)
{
	const char *why = judge_plain(a, private_too);
	struct addr inner;

	for (size_t i = 0; i <= ARRAY_SIZE(carriers) && !why; i++)
		if (carried(a, i, &inner))
			why = judge_plain(&inner, private_too);
	return why;
}

/* ---- the name ---------------------------------------------------------------------------- */

struct lookup {
	struct addr found[FETCH_ADDRESSES_MAX];
	size_t n;
	int status;
	bool done;
};

static void on_looked_up(void *arg, int status, UNUSED int timeouts, struct ares_addrinfo *list)
{
	struct lookup *l = arg;

	l->done = true;
	l->status = status;
	for (const struct ares_addrinfo_node *n = list ? list->nodes : NULL;
		n && l->n < FETCH_ADDRESSES_MAX; n = n->ai_next) {
		struct endpoint e;

		endpoint_from_sockaddr(n->ai_addr, &e);
		l->found[l->n++] = e.addr;
	}
	ares_freeaddrinfo(list);
}

static void turn(ares_channel channel, const struct lookup *l, uint64_t until_ms)
{
	while (!l->done && clock_mono_ms() < until_ms) {
		ares_socket_t socks[ARES_GETSOCK_MAXNUM];
		unsigned bits = (unsigned)ares_getsock(channel, socks, ARES_GETSOCK_MAXNUM);
		struct pollfd fds[ARES_GETSOCK_MAXNUM];
		nfds_t n = 0;

		for (int k = 0; k < ARES_GETSOCK_MAXNUM; k++) {
			short events = 0;

			if (bits >> k & 1)
				events |= POLLIN;
			if (bits >> (k + ARES_GETSOCK_MAXNUM) & 1)
				events |= POLLOUT;
			if (events)
				fds[n++] = (struct pollfd){.fd = socks[k], .events = events};
		}
		poll(fds, n, 50);
		for (nfds_t i = 0; i < n; i++)
			ares_process_fd(channel,
				fds[i].revents & (POLLIN | POLLERR | POLLHUP) ? fds[i].fd
									      : ARES_SOCKET_BAD,
				fds[i].revents & POLLOUT ? fds[i].fd : ARES_SOCKET_BAD);
	}
}

static int look_up(const struct fetch_url *url, unsigned timeout_ms, struct lookup *ret)
{
	struct ares_options o = {.timeout = (int)timeout_ms / 2, .tries = 2};
	struct ares_addrinfo_hints hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
	ares_channel channel;

	*ret = (struct lookup){0};
	if (!addr_parse(url->host, &ret->found[0])) {
		ret->n = 1;
		return 0;
	}
	if (ares_init_options(&channel, &o, ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES) != ARES_SUCCESS)
		return -ENOMEM;
	ares_getaddrinfo(channel, url->host, NULL, &hints, on_looked_up, ret);
	turn(channel, ret, clock_mono_ms() + timeout_ms);
	ares_destroy(channel); /* what is open ends with ARES_EDESTRUCTION */
	return ret->n ? 0 : -ENOENT;
}

/* ---- HTTP ---------------------------------------------------------------------------- */

static int send_all(int fd, const void *octets, size_t n, uint64_t until_ms)
{
	const uint8_t *p = octets;

	while (n) {
		ssize_t done = send(fd, p, n, MSG_NOSIGNAL);
		int r = 0;

		if (done > 0) {
			p += done;
			n -= (size_t)done;
		} else {
			r = errno == EAGAIN ? net_wait(fd, POLLOUT, until_ms) : -errno;
		}
		if (r < 0)
			return r;
	}
	return 0;
}

static int send_request(
	int fd, const struct fetch_request *r, const struct fetch_url *url, uint64_t until_ms)
{
	char head[800];
	int n = snprintf(head, sizeof(head),
		"%s %s%s HTTP/1.0\r\nHost: %s%s%s\r\nConnection: close\r\n",
		r->post ? "POST" : "GET", *url->path == '/' ? "" : "/", url->path,
		url->literal6 ? "[" : "", url->host, url->literal6 ? "]" : "");
	int e;

	if (r->post)
		n += snprintf(head + n, sizeof(head) - (size_t)n,
			"Content-Type: %s\r\nContent-Length: %zu\r\n", r->post_type, r->post_len);
	n += snprintf(head + n, sizeof(head) - (size_t)n, "\r\n");
	e = send_all(fd, head, (size_t)n, until_ms);
	return e < 0 || !r->post ? e : send_all(fd, r->post, r->post_len, until_ms);
}

struct head {
	size_t n; /* its octets; 0: not whole yet */
	unsigned status;
	long long length; /* of the body; -1: to the end of the connection */
};

static int read_head(const struct buf *b, struct head *ret)
{
	const uint8_t *end = buf_len(b) ? memmem(buf_data(b), buf_len(b), "\r\n\r\n", 4) : NULL;
	char text[HEAD_MAX + 1], *rest;

	*ret = (struct head){.length = -1};
	if (!end)
		return buf_len(b) > HEAD_MAX ? -EPROTO : 0;
	if ((size_t)(end - buf_data(b)) > HEAD_MAX)
		return -EPROTO;
	memcpy(text, buf_data(b), (size_t)(end - buf_data(b)));
	text[end - buf_data(b)] = '\0';
	if (sscanf(text, "HTTP/1.%*1u %3u", &ret->status) != 1)
		return -EPROTO;
	for (char *line = strstr(text, "\r\n"); line; line = strstr(line, "\r\n")) {
		line += 2;
		if (strncasecmp(line, "Content-Length:", 15))
			continue;
		errno = 0;
		ret->length = strtoll(line + 15, &rest, 10);
		if (errno || rest == line + 15 || ret->length < 0 || ret->length > ANSWER_MAX)
			return -EFBIG;
	}
	ret->n = (size_t)(end + 4 - buf_data(b));
	return 0;
}

static int read_some(int fd, struct buf *b, uint64_t until_ms)
{
	uint8_t *room;
	ssize_t n;
	int r = net_wait(fd, POLLIN, until_ms);

	if (!r)
		r = buf_len(b) > ANSWER_MAX ? -EFBIG : buf_reserve(b, 16384, &room);
	if (r < 0)
		return r;
	n = recv(fd, room, 16384, 0);
	if (n < 0)
		return errno == EAGAIN ? 1 : -errno;
	buf_commit(b, (size_t)n);
	return n > 0;
}

/* 0 with the body in `b`, or a negative errno; *ret_status is that of the answer, 0: none. */
static int read_answer(int fd, struct buf *b, uint64_t until_ms, unsigned *ret_status)
{
	struct head head = {.length = -1};
	bool more = true;
	int r = 0;

	*ret_status = 0;
	while (more &&
		!(head.n && head.length >= 0 && buf_len(b) >= head.n + (size_t)head.length)) {
		r = read_some(fd, b, until_ms);
		if (r < 0)
			return r;
		more = r > 0;
		r = head.n ? 0 : read_head(b, &head);
		if (r < 0)
			return r;
		*ret_status = head.status;
		if (head.n && head.status != 200)
			return -EPROTO; /* no redirect is followed */
	}
	if (!head.n || (head.length >= 0 && buf_len(b) < head.n + (size_t)head.length))
		return -ECONNRESET;
	buf_consume(b, head.n);
	return 0;
}

static enum fetch_outcome failed(char ret_why[static FETCH_WHY_MAX], int r, unsigned status)
{
	if (status >= 300 && status < 400)
		snprintf(ret_why, FETCH_WHY_MAX, "redirects (HTTP %u), which is not followed",
			status);
	else if (status && status != 200)
		snprintf(ret_why, FETCH_WHY_MAX, "answers with HTTP %u", status);
	else
		snprintf(ret_why, FETCH_WHY_MAX, "%s",
			r == -ENOENT ? "its name is not in the DNS" : strerror(-r));
	return FETCH_FAILED;
}

static int ask_one(const struct fetch_request *r, const struct fetch_url *url,
	const struct addr *at, uint64_t until_ms, struct buf *ret_body, unsigned *ret_status)
{
	const struct endpoint to = {*at, url->port};
	uint64_t now = clock_mono_ms();
	int fd = -1,
	    e = now < until_ms ? net_connect(&to, (unsigned)(until_ms - now), 0, &fd) : -ETIMEDOUT;

	*ret_status = 0;
	if (e < 0)
		return e;
	e = send_request(fd, r, url, until_ms);
	if (!e)
		e = read_answer(fd, ret_body, until_ms, ret_status);
	close(fd);
	return e;
}

enum fetch_outcome fetch(
	const struct fetch_request *r, struct buf *ret_body, char ret_why[static FETCH_WHY_MAX])
{
	char text[ADDR_TEXT_LEN];
	const char *forbidden = NULL;
	struct fetch_url url;
	struct lookup names;
	unsigned status = 0;
	uint64_t until;
	int e = -ENOENT;
	bool asked = false;

	*ret_why = '\0';
	if (fetch_url_parse(r->url, &url) < 0) {
		snprintf(ret_why, FETCH_WHY_MAX, "it is no URL of plain HTTP");
		return FETCH_FORBIDDEN;
	}
	e = look_up(&url, r->timeout_ms, &names);
	if (e < 0)
		return failed(ret_why, e, 0);
	until = clock_mono_ms() + r->timeout_ms;
	for (size_t i = 0; i < names.n && (!asked || (e < 0 && !status)); i++) {
		forbidden = fetch_forbidden(&names.found[i], r->private_too);
		if (forbidden) {
			if (!asked)
				snprintf(ret_why, FETCH_WHY_MAX, "it leads to %s: %s",
					addr_format(&names.found[i], text), forbidden);
			continue;
		}
		asked = true;
		buf_consume(ret_body, buf_len(ret_body));
		e = ask_one(r, &url, &names.found[i], until, ret_body, &status);
	}
	if (!asked)
		return FETCH_FORBIDDEN;
	return e < 0 ? failed(ret_why, e, status) : FETCH_OK;
}
