// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation
 *
 * One round is: dial the proxy, send what http/proxy.c says, read until its verdict. The first round
 * carries no login, because only the answer names the scheme. After a 407 a second connection
 * is made (many proxies close the first) with Digest when it is offered, else Basic. A third round
 * would only lock the account.
 */
#include "front/proxy_connect.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/clock.h"
#include "base/crypto.h"
#include "base/hex.h"
#include "base/host_name.h"
#include "http/digest.h"
#include "http/proxy.h"

#define AUTHORIZATION_MAX 2600

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

static int parse_port(const char *text, size_t n, uint16_t *ret)
{
	unsigned v = 0;

	if (!n || n > 5)
		return -EINVAL;
	for (size_t i = 0; i < n; i++) {
		if (text[i] < '0' || text[i] > '9')
			return -EINVAL;
		v = v * 10 + (unsigned)(text[i] - '0');
	}
	if (!v || v > 65535)
		return -EINVAL;
	*ret = (uint16_t)v;
	return 0;
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
	return *host_end == ':' ? parse_port(host_end + 1, (size_t)(end - host_end - 1), &ret->port)
				: -EINVAL;
}

static bool excluded(const char *list, const char *host)
{
	size_t len = strlen(host);

	for (const char *p = list; p && *p; p += strspn(p, ", ")) {
		size_t n = strcspn(p, ", ");
		const char *word = *p == '.' ? p + 1 : p;
		size_t w = *p == '.' ? n - 1 : n;

		if (n == 1 && *p == '*')
			return true;
		if (w && w <= len && !strncasecmp(host + len - w, word, w) &&
			(w == len || host[len - w - 1] == '.'))
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

/* ---- TCP --------------------------------------------------------------------------------------- */

struct patience {
	uint64_t until_ms;
	int stop_fd;
};

static struct patience patience_begin(const struct proxy_limit *limit)
{
	return (struct patience){clock_mono_ms() + limit->timeout_ms, limit->stop_fd};
}

static int wait_for(int fd, short events, const struct patience *patience)
{
	for (;;) {
		struct pollfd p[] = {
			{.fd = fd, .events = events}, {.fd = patience->stop_fd, .events = POLLIN}};
		uint64_t now = clock_mono_ms(), until = patience->until_ms;
		int r = now >= until ? 0 : poll(p, ARRAY_SIZE(p), (int)(until - now));

		if (r == 0)
			return -ETIMEDOUT;
		if (r > 0)
			return p[1].revents ? -ECANCELED : 0;
		if (errno != EINTR)
			return -errno;
	}
}

static int connect_one(const struct addrinfo *ai, const struct patience *patience, int *ret_fd)
{
	int fd = socket(ai->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), r = 0;
	int err = 0;
	socklen_t n = sizeof(err);

	if (fd < 0)
		return -errno;
	if (connect(fd, ai->ai_addr, ai->ai_addrlen) < 0) {
		r = errno == EINPROGRESS ? wait_for(fd, POLLOUT, patience) : -errno;
		if (!r && !getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &n))
			r = -err;
	}
	if (r < 0) {
		close(fd);
		return r;
	}
	*ret_fd = fd;
	return 0;
}

static int dial(const char *host, uint16_t port, const struct patience *patience, int *ret_fd)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG}, *list;
	char text[8];
	int r;

	snprintf(text, sizeof(text), "%u", port);
	if (getaddrinfo(host, text, &hints, &list))
		return -ENOENT;
	r = -EHOSTUNREACH;
	for (const struct addrinfo *ai = list; ai && r < 0 && r != -ECANCELED; ai = ai->ai_next)
		r = connect_one(ai, patience, ret_fd);
	freeaddrinfo(list);
	return r;
}

int proxy_dial(const char *host, uint16_t port, const struct proxy_limit *limit, int *ret_fd)
{
	struct patience patience = patience_begin(limit);

	return dial(host, port, &patience, ret_fd);
}

/* ---- CONNECT ----------------------------------------------------------------------------------- */

static int send_all(int fd, struct buf *out, const struct patience *patience)
{
	while (buf_len(out)) {
		ssize_t n = send(fd, buf_data(out), buf_len(out), MSG_NOSIGNAL);
		int r = 0;

		if (n > 0)
			buf_consume(out, (size_t)n);
		else if (errno == EAGAIN)
			r = wait_for(fd, POLLOUT, patience);
		else
			r = -errno;
		if (r < 0)
			return r;
	}
	return 0;
}

/* Octet by octet towards the end of the head: what follows it belongs to TLS and stays in the socket. */
static void read_answer(int fd, struct http_proxy *hp, const struct patience *patience,
	struct http_client_event *ret)
{
	while (!http_proxy_next_event(hp, ret)) {
		char octets[1024];
		ssize_t n = recv(fd, octets, sizeof(octets), MSG_PEEK);
		size_t used = 0;

		if (n == 0 || (n < 0 && errno != EAGAIN)) {
			http_proxy_eof(hp);
		} else if (n < 0) {
			if (wait_for(fd, POLLIN, patience) < 0)
				http_proxy_tick(hp, NEVER - 1);
		} else {
			http_proxy_recv(hp, octets, (size_t)n, &used);
			if (used && recv(fd, octets, used, 0) < 0)
				http_proxy_eof(hp);
		}
	}
}

static void fail(struct proxy_outcome *ret, enum event ev, const char *text)
{
	ret->event = ev;
	snprintf(ret->text, sizeof(ret->text), "%s", text);
}

static void round_trip(const struct proxy *p, const struct http_proxy_opts *opts,
	const struct proxy_limit *limit, int *ret_fd, struct proxy_outcome *ret)
{
	struct patience patience = patience_begin(limit);
	AUTO(http_proxy) struct http_proxy *hp = NULL;
	struct http_client_event ev;
	int fd = -1, r = dial(p->host, p->port, &patience, &fd);

	if (r < 0) {
		fail(ret, EV_PROXY_UNREACHABLE,
			r == -ENOENT ? "the proxy's name is not in the DNS" : strerror(-r));
		return;
	}
	if (http_proxy_new(&hp) < 0 || http_proxy_start(hp, opts, clock_mono_ms()) < 0) {
		fail(ret, EV_PROXY_STATUS, "this name or user cannot be sent to a proxy");
		close(fd);
		return;
	}
	r = send_all(fd, http_proxy_output(hp), &patience);
	if (r < 0) {
		fail(ret, EV_PROXY_NO_RESPONSE, strerror(-r));
		close(fd);
		return;
	}
	read_answer(fd, hp, &patience, &ev);
	ret->answer = ev.answer;
	fail(ret, ev.reason, ev.text);
	if (ev.reason)
		close(fd);
	else
		*ret_fd = fd;
}

/* The second round, with the login that the proxy asked for. */
static void log_in(const struct proxy *p, struct http_proxy_opts *opts,
	const struct proxy_limit *limit, int *ret_fd, struct proxy_outcome *ret)
{
	char target[300], line[AUTHORIZATION_MAX];
	char cnonce[33];
	uint8_t random[16];
	struct http_digest_opts digest = {.challenge = ret->answer.digest,
		.user = p->user,
		.password = p->password,
		.method = "CONNECT",
		.uri = target,
		.cnonce = cnonce};

	snprintf(target, sizeof(target), strchr(opts->host, ':') ? "[%s]:%u" : "%s:%u", opts->host,
		opts->port);
	crypto_random(random, sizeof(random));
	hex_encode(random, sizeof(random), cnonce);
	if (http_digest_answer(&digest, line, sizeof(line)) == 0) {
		opts->authorization = line;
		ret->scheme = "Digest";
	} else if (ret->answer.basic) {
		opts->user = p->user;
		opts->password = p->password;
		ret->scheme = "Basic";
	} else {
		fail(ret, EV_PROXY_AUTH_SCHEME, ret->answer.authenticate);
		return;
	}
	round_trip(p, opts, limit, ret_fd, ret);
	explicit_bzero(line, sizeof(line));
}

enum event proxy_connect(const struct proxy *p, const char *host, uint16_t port,
	const struct proxy_limit *limit, int *ret_fd, struct proxy_outcome *ret)
{
	struct http_proxy_opts opts = {.host = host, .port = port};

	*ret = (struct proxy_outcome){.scheme = ""};
	round_trip(p, &opts, limit, ret_fd, ret);
	ret->first_status = (int)ret->answer.status;
	if (ret->event == EV_PROXY_AUTH_NEEDED && *p->user)
		log_in(p, &opts, limit, ret_fd, ret);
	return ret->event;
}
