// SPDX-License-Identifier: Apache-2.0
#include "os/proxy_dial.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "os/dial.h"
#include "os/lookup.h"

#define RACE_MS 250 /* RFC 8305 section 5 */

struct round {
	const struct proxy_dial_opts *opts;
	uint64_t began_ms, until_ms;
	int fd;
};

/* Until `until_ms`, or the end of the round if that is sooner. */
static int wait_for(const struct round *r, short events, uint64_t until_ms)
{
	if (until_ms > r->until_ms)
		until_ms = r->until_ms;
	for (;;) {
		struct pollfd p[] = {{.fd = r->fd, .events = events},
			{.fd = r->opts->stop_fd, .events = POLLIN}};
		uint64_t now = clock_mono_ms();
		int n = now >= until_ms ? 0 : poll(p, ARRAY_SIZE(p), (int)(until_ms - now));

		if (n == 0)
			return -ETIMEDOUT;
		if (n > 0)
			return p[1].revents ? -ECANCELED : 0;
		if (errno != EINTR)
			return -errno;
	}
}

static int send_all(const struct round *r, struct buf *out)
{
	while (buf_len(out)) {
		ssize_t n = send(r->fd, buf_data(out), buf_len(out), MSG_NOSIGNAL);
		int error = 0;

		if (n > 0)
			buf_consume(out, (size_t)n);
		else
			error = errno == EAGAIN ? wait_for(r, POLLOUT, NEVER) : -errno;
		if (error < 0)
			return error;
	}
	return 0;
}

/* The round ends without an answer; the conversation has a limit of its own, which may be the sooner. */
static void give_up(const struct round *r, struct proxy_connect *c, int error)
{
	uint64_t now = clock_mono_ms();
	char text[40];

	proxy_connect_tick(c, now);
	snprintf(text, sizeof(text), "after %u s", (unsigned)((now - r->began_ms) / 1000));
	proxy_connect_fail(c, EV_PROXY_NO_RESPONSE, error == -ETIMEDOUT ? text : strerror(-error));
}

/* What the conversation does not take belongs to TLS and stays in the socket. */
static void read_some(const struct round *r, struct proxy_connect *c)
{
	char octets[1024];
	ssize_t n = recv(r->fd, octets, sizeof(octets), MSG_PEEK);
	size_t used = 0;
	int error;

	if (n == 0 || (n < 0 && errno != EAGAIN)) {
		proxy_connect_eof(c);
	} else if (n < 0) {
		error = wait_for(r, POLLIN, proxy_connect_deadline(c));
		if (error < 0)
			give_up(r, c, error);
	} else {
		proxy_connect_recv(c, octets, (size_t)n, &used);
		if (used && recv(r->fd, octets, used, 0) < 0)
			proxy_connect_eof(c);
	}
}

static void connect_proxy(struct round *r, struct proxy_connect *c, const struct proxy *p)
{
	const struct proxy_dial_opts *o = r->opts;
	struct dial_opts opts = {
		.try_ms = o->timeout_ms, .race_ms = RACE_MS, .tune = o->tune, .arg = o->arg};
	struct lookup_opts name = {.host = p->host,
		.port = p->port,
		.family = AF_UNSPEC,
		.cancel_fd = o->stop_fd,
		.servers = o->dns,
		.n_servers = o->n_dns,
		.mark = o->mark};
	struct endpoint at[DIAL_ADDRESSES_MAX];
	struct dial dial;
	size_t n = 1;

	if (o->via) {
		at[0] = *o->via;
	} else if (lookup_wait(&name, at, &n)) {
		proxy_connect_fail(c, EV_PROXY_UNREACHABLE, "the proxy's name is not in the DNS");
		return;
	}
	dial_init(&dial, &opts, at, n);
	r->fd = dial_wait(&dial, r->until_ms, o->stop_fd);
	dial_done(&dial);
	if (r->fd < 0)
		proxy_connect_fail(c, EV_PROXY_UNREACHABLE, strerror(-r->fd));
}

static enum proxy_connect_event do_round(
	struct round *r, struct proxy_connect *c, const struct proxy *p)
{
	enum proxy_connect_event ev;
	int error;

	connect_proxy(r, c, p);
	if (r->fd >= 0) {
		proxy_connect_start(c, clock_mono_ms());
		error = send_all(r, proxy_connect_output(c));
		if (error < 0)
			give_up(r, c, error);
	}
	while (!proxy_connect_next_event(c, &ev))
		read_some(r, c);
	return ev;
}

enum event proxy_dial(const struct proxy *p, const char *host, uint16_t port,
	const struct proxy_dial_opts *opts, int *ret_fd, struct proxy_outcome *ret)
{
	AUTO(proxy_connect) struct proxy_connect *c = NULL;
	enum proxy_connect_event ev;
	struct round r;

	*ret = (struct proxy_outcome){.event = EV_OUT_OF_MEMORY, .scheme = ""};
	if (proxy_connect_new(p, host, port, &c) < 0)
		return ret->event;
	do {
		r = (struct round){.opts = opts, .began_ms = clock_mono_ms(), .fd = -1};
		r.until_ms = r.began_ms + opts->timeout_ms;
		ev = do_round(&r, c, p);
		if (ev != PROXY_CONNECT_OPEN && r.fd >= 0)
			close(r.fd);
	} while (ev == PROXY_CONNECT_DIAL);
	if (ev == PROXY_CONNECT_OPEN)
		*ret_fd = r.fd;
	*ret = *proxy_connect_outcome(c);
	return ret->event;
}
