// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation
 *
 *     accept ─▶ ask (SOCKS 5, HTTP, or nothing to ask) ─▶ look up, connect ─▶ answer ─▶ relay
 *
 * Each connection is a thread: looking a name up blocks anyway, and the kernel's TCP on both sides sets the
 * pace. Octets that came behind the request (a client that does not wait) go to the server first.
 */
#include "socks/serve.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/clock.h"
#include "os/dial.h"
#include "os/socket.h"
#include "socks/web_request.h"
#include "socks/relay.h"
#include "socks/socks5.h"

#define STACK_LEN (512 * 1024)

struct connection {
	const struct serve_door *door;
	int fd, server;
	uint64_t until_ms; /* for the request */
	size_t n;          /* octets in buffer */
	char buffer[WEB_REQUEST_HEAD_MAX];
};

static atomic_uint n_connections;

/* More octets of the request; false: the other end is gone, the time is up, or there are too many. */
static bool read_more(struct connection *c)
{
	uint64_t now_ms = clock_mono_ms();
	struct pollfd p = {c->fd, POLLIN, 0};
	ssize_t n;

	if (c->n == sizeof(c->buffer) || now_ms >= c->until_ms ||
		poll(&p, 1, (int)(c->until_ms - now_ms)) <= 0)
		return false;
	n = recv(c->fd, c->buffer + c->n, sizeof(c->buffer) - c->n, 0);
	if (n > 0)
		c->n += (size_t)n;
	return n > 0;
}

static bool send_all(int fd, const void *octets, size_t n)
{
	const char *p = octets;

	while (n) {
		struct pollfd ready = {fd, POLLOUT, 0};
		ssize_t sent;

		if (poll(&ready, 1, SERVE_ASK_MS) <= 0)
			return false;
		sent = send(fd, p, n, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (sent < 0 && errno != EAGAIN && errno != EINTR)
			return false;
		p += sent > 0 ? sent : 0;
		n -= sent > 0 ? (size_t)sent : 0;
	}
	return true;
}

/* The first n octets are dealt with. */
static void consume(struct connection *c, size_t n)
{
	memmove(c->buffer, c->buffer + n, c->n - n);
	c->n -= n;
}

static int connect_to(struct connection *c, const struct destination *to)
{
	struct dial_opts opts = {.try_ms = SERVE_DIAL_MS};
	struct tcp_opts none = {0};
	struct endpoint at[DIAL_ADDRESSES_MAX];
	struct dial dial;
	size_t n;
	int r = dial_lookup(to->host, to->port, AF_UNSPEC, at, &n);

	if (r)
		return r == EAI_SYSTEM && errno ? -errno : -EHOSTUNREACH;
	dial_init(&dial, &opts, at, n);
	r = dial_wait(&dial, NEVER, -1);
	dial_done(&dial);
	if (r < 0)
		return r;
	tcp_tune(r, &none, NULL);
	c->server = r;
	return 0;
}

/* ---- SOCKS ---------------------------------------------------------- */

static int socks_greet(struct connection *c)
{
	struct rd in;
	uint8_t answer[2] = {5};
	int r;

	do {
		in = rd_init(c->buffer, c->n);
		r = socks5_greeting(&in, &answer[1]);
	} while (r == -EAGAIN && read_more(c));
	if (r == 0 || r == -EACCES) {
		consume(c, c->n - rd_left(&in));
		if (!send_all(c->fd, answer, sizeof(answer)))
			return -EPIPE;
	}
	return r;
}

static bool ask_socks(struct connection *c)
{
	uint8_t answer[SOCKS5_REPLY_LEN], reply = SOCKS5_FAILURE;
	struct destination to;
	struct rd in;
	int r = socks_greet(c);

	if (r < 0)
		return false;
	do {
		in = rd_init(c->buffer, c->n);
		r = socks5_request(&in, &to, &reply);
	} while (r == -EAGAIN && read_more(c));
	if (r != 0 && r != -EOPNOTSUPP)
		return false;
	if (r == 0) {
		consume(c, c->n - rd_left(&in));
		r = connect_to(c, &to);
		reply = socks5_reply_of(r);
	}
	socks5_answer(reply, answer);
	return send_all(c->fd, answer, sizeof(answer)) && r == 0;
}

/* ---- HTTP ---------------------------------------------------------- */

static void refuse_http(struct connection *c, const char *status, int error)
{
	char text[256];
	int n = snprintf(text, sizeof(text),
		"HTTP/1.1 %s\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\nculvert: %s\n",
		status, error ? strerror(-error) : "expected CONNECT HOST:PORT, or an http:// URL");

	send_all(c->fd, text, (size_t)n);
	c->n = 0;
	shutdown(c->fd, SHUT_WR);
	while (read_more(c)) /* what is unread at close() would take the answer with it */
		c->n = 0;
}

static bool pass_request(struct connection *c, const struct web_request *r)
{
	AUTO_MEM char *head = malloc(WEB_REQUEST_HEAD_MAX + 64);
	size_t n = head ? web_request_rewrite(c->buffer, r, head, WEB_REQUEST_HEAD_MAX + 64) : 0;

	consume(c, r->head_len);
	return n && send_all(c->server, head, n);
}

static bool ask_http(struct connection *c)
{
	static const char ok[] = "HTTP/1.1 200 Connection established\r\n\r\n";
	struct web_request request;
	int r;

	while ((r = web_request_parse(c->buffer, c->n, &request)) == -EAGAIN)
		if (!read_more(c))
			return false;
	if (r < 0) {
		refuse_http(c, "400 Bad Request", 0);
		return false;
	}
	r = connect_to(c, &request.to);
	if (r < 0) {
		refuse_http(c, r == -ETIMEDOUT ? "504 Gateway Timeout" : "502 Bad Gateway", r);
		return false;
	}
	if (!request.connect)
		return pass_request(c, &request);
	consume(c, request.head_len);
	return send_all(c->fd, ok, sizeof(ok) - 1);
}

/* ---- a connection ---------------------------------------------------------- */

static bool ask(struct connection *c)
{
	switch (c->door->kind) {
	case SERVE_SOCKS: return ask_socks(c);
	case SERVE_HTTP: return ask_http(c);
	case SERVE_FORWARD: return connect_to(c, &c->door->to) == 0;
	}
	return false;
}

static void *converse(void *arg)
{
	struct connection *c = arg;

	c->until_ms = clock_mono_ms() + SERVE_ASK_MS;
	if (ask(c) && send_all(c->server, c->buffer, c->n))
		relay_run(c->fd, c->server);
	if (c->server >= 0)
		close(c->server);
	close(c->fd);
	free(c);
	atomic_fetch_sub(&n_connections, 1);
	return NULL;
}

/* In a thread of its own; beyond the limit, or without memory, it is closed. */
static void begin(const struct serve_door *door, int fd, const pthread_attr_t *attr)
{
	struct connection *c = NULL;
	pthread_t thread;

	if (atomic_fetch_add(&n_connections, 1) < SERVE_CONNECTIONS_MAX)
		c = calloc(1, sizeof(*c));
	if (c) {
		*c = (struct connection){.door = door, .fd = fd, .server = -1};
		if (!pthread_create(&thread, attr, converse, c))
			return;
	}
	free(c);
	close(fd);
	atomic_fetch_sub(&n_connections, 1);
}

static void accept_from(const struct serve_door *door, const pthread_attr_t *attr)
{
	struct tcp_opts none = {0};
	int fd = accept4(door->fd, NULL, NULL, SOCK_CLOEXEC);

	if (fd >= 0) {
		tcp_tune(fd, &none, NULL);
		begin(door, fd, attr);
	} else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
		poll(NULL, 0, 100); /* it would be readable again at once */
	}
}

int serve_run(const struct serve_door *doors, size_t n)
{
	struct pollfd p[SERVE_DOORS_MAX];
	pthread_attr_t attr;

	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attr, STACK_LEN);
	for (size_t i = 0; i < n; i++)
		p[i] = (struct pollfd){doors[i].fd, POLLIN, 0};
	for (;;) {
		if (poll(p, n, -1) < 0 && errno != EINTR)
			return -errno;
		for (size_t i = 0; i < n; i++)
			if (p[i].revents)
				accept_from(&doors[i], &attr);
	}
}
