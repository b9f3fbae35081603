// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation
 *
 * Plain, octets are looked at in the socket (MSG_PEEK), so that what is not taken is still there for the
 * owner of the descriptor. By TLS they are opened into a buffer, and a relay (os/tls_relay.h) goes on.
 */
#include "os/wire.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/clock.h"
#include "os/tls_relay.h"
#include "tls/ctx.h"
#include "tls/engine.h"

#define LOOK_MAX 16384
#define PLAIN_MAX (1u << 20)

void wire_init(struct wire *w, int stop_fd, uint64_t until_ms)
{
	*w = (struct wire){.fd = -1, .stop_fd = stop_fd, .until_ms = until_ms};
	buf_init(&w->plain, PLAIN_MAX);
}

void wire_done(struct wire *w)
{
	if (w->fd >= 0)
		close(w->fd);
	tls_free(w->tls);
	buf_done(&w->plain);
	w->fd = -1;
	w->tls = NULL;
}

static int wait_for(const struct wire *w, short events, uint64_t until_ms)
{
	if (until_ms > w->until_ms)
		until_ms = w->until_ms;
	for (;;) {
		struct pollfd p[] = {
			{.fd = w->fd, .events = events}, {.fd = w->stop_fd, .events = POLLIN}};
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

static int send_all(struct wire *w, struct buf *out)
{
	while (buf_len(out)) {
		ssize_t n = send(w->fd, buf_data(out), buf_len(out), MSG_NOSIGNAL);
		int error = 0;

		if (n > 0)
			buf_consume(out, (size_t)n);
		else
			error = errno == EAGAIN ? wait_for(w, POLLOUT, NEVER) : -errno;
		if (error < 0)
			return error;
	}
	return 0;
}

int wire_send(struct wire *w, struct buf *out)
{
	int r;

	if (!w->tls)
		return send_all(w, out);
	r = buf_len(out) ? tls_write(w->tls, buf_data(out), buf_len(out)) : 0;
	if (r)
		return r;
	buf_consume(out, buf_len(out));
	return send_all(w, tls_output(w->tls));
}

/* Opens what the engine has. 0: the peer closed; 1: go on. */
static int open_records(struct wire *w)
{
	uint8_t octets[LOOK_MAX + 1024];
	ssize_t n;

	while ((n = tls_read(w->tls, octets, sizeof(octets))) > 0)
		if (buf_append(&w->plain, octets, (size_t)n) < 0)
			return -E2BIG;
	return n == -EAGAIN ? 1 : (int)n;
}

/* One recv() into the engine. 0: the peer closed; 1: go on; -EAGAIN: nothing is there. */
static int feed_tls(struct wire *w)
{
	uint8_t octets[LOOK_MAX];
	ssize_t n = recv(w->fd, octets, sizeof(octets), 0);

	if (n < 0)
		return -errno;
	if (n == 0) {
		tls_eof(w->tls);
		return 0;
	}
	tls_recv(w->tls, octets, (size_t)n);
	return open_records(w);
}

static int shake_hands(struct wire *w)
{
	int r = open_records(w), sent; /* the first flight comes out of a read */

	for (;;) {
		sent = send_all(w, tls_output(w->tls)); /* also what says why it failed */
		if (r <= 0 || sent < 0)
			return sent < 0 && r > 0 ? sent : r < 0 ? r : -ECONNRESET;
		if (tls_established(w->tls))
			return 0;
		r = feed_tls(w);
		if (r == -EAGAIN)
			r = wait_for(w, POLLIN, NEVER) < 0 ? -ETIMEDOUT : 1;
	}
}

int wire_start_tls(
	struct wire *w, const char *host, const char *ca_file, struct tls_failure *ret_why)
{
	struct tls_client_opts opts = {.ca_file = ca_file};
	struct tls_peer_opts peer = {.host = host};
	AUTO(tls_ctx) struct tls_ctx *ctx = NULL;
	int r = tls_client_ctx_new(&opts, &ctx, ret_why);

	if (!r)
		r = tls_new(ctx, &peer, &w->tls);
	if (!r)
		r = shake_hands(w);
	if (r && w->tls && tls_failure(w->tls)->event)
		*ret_why = *tls_failure(w->tls);
	return r;
}

/* What the last look left, or what comes until then. */
static ssize_t look_tls(struct wire *w, uint64_t until_ms, const uint8_t **ret)
{
	while (!buf_len(&w->plain)) {
		int r = feed_tls(w);

		if (!buf_len(&w->plain) && r == -EAGAIN)
			r = wait_for(w, POLLIN, until_ms);
		else if (!buf_len(&w->plain) && r <= 0)
			return r;
		if (r < 0)
			return r;
	}
	*ret = buf_data(&w->plain);
	return (ssize_t)buf_len(&w->plain);
}

ssize_t wire_look(struct wire *w, uint64_t until_ms, const uint8_t **ret)
{
	if (w->tls)
		return look_tls(w, until_ms, ret);
	buf_consume(&w->plain, buf_len(&w->plain));
	for (;;) {
		uint8_t *room;
		ssize_t n;
		int r = buf_reserve(&w->plain, LOOK_MAX, &room);

		if (r < 0)
			return r;
		n = recv(w->fd, room, LOOK_MAX, MSG_PEEK);
		if (n > 0)
			buf_commit(&w->plain, (size_t)n);
		*ret = buf_data(&w->plain);
		if (n >= 0 || errno != EAGAIN)
			return n < 0 ? -errno : n;
		r = wait_for(w, POLLIN, until_ms);
		if (r < 0)
			return r;
	}
}

int wire_take(struct wire *w, size_t n)
{
	ssize_t taken = (ssize_t)n;

	if (!w->tls && n) /* they are in the socket still */
		taken = recv(w->fd, w->plain.mem + w->plain.head, n, 0);
	buf_consume(&w->plain, n);
	return taken == (ssize_t)n ? 0 : -EIO;
}

int wire_give(struct wire *w, int *ret_fd)
{
	int r = 0;

	if (w->tls)
		r = tls_relay_start(w->fd, w->tls, buf_data(&w->plain), buf_len(&w->plain), ret_fd);
	else
		*ret_fd = w->fd;
	if (r)
		return r;
	w->fd = -1;
	w->tls = NULL;
	return 0;
}
