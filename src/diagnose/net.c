// SPDX-License-Identifier: Apache-2.0
/*
 * Sockets with a time limit, and TLS over them. Every probe uses the network through this file,
 * so that no probe waits longer than its limit.
 */
#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <string.h>
#include <unistd.h>

#include "diagnose/private.h"
#include "os/dial.h"
#include "os/proxy_dial.h"
#include "os/socket.h"

int net_wait(int fd, short events, uint64_t until_ms)
{
	for (;;) {
		struct pollfd p = {.fd = fd, .events = events};
		uint64_t now = clock_mono_ms();
		int r = poll(&p, 1, now >= until_ms ? 0 : (int)(until_ms - now));

		if (r > 0)
			return 0;
		if (r == 0 && clock_mono_ms() >= until_ms)
			return -ETIMEDOUT;
		if (r < 0 && errno != EINTR)
			return -errno;
	}
}

static void tune(void *arg, int fd)
{
	const int *mss = arg;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
	if (*mss)
		setsockopt(fd, IPPROTO_TCP, TCP_MAXSEG, mss, sizeof(*mss));
}

int net_connect(const struct endpoint *to, unsigned timeout_ms, int mss, int *ret_fd)
{
	struct dial_opts opts = {.try_ms = timeout_ms, .tune = tune, .arg = &mss};
	struct dial dial;
	int fd;

	dial_init(&dial, &opts, to, 1);
	fd = dial_wait(&dial, NEVER, -1);
	dial_done(&dial);
	if (fd < 0)
		return fd;
	*ret_fd = fd;
	return 0;
}

int net_server(struct diagnosis *d, unsigned timeout_ms, int mss, int *ret_fd)
{
	const struct proxy_dial_opts opts = {.timeout_ms = timeout_ms, .stop_fd = -1};
	struct proxy_outcome how;

	d->proxy_event = EV_NONE;
	if (!d->opts->proxy)
		return net_connect(&d->server, timeout_ms, mss, ret_fd);
	d->proxy_event =
		proxy_dial(d->opts->proxy, d->opts->host, d->opts->port, &opts, ret_fd, &how);
	return d->proxy_event ? -ECONNABORTED : 0;
}

enum event net_server_event(const struct diagnosis *d, int error)
{
	return d->proxy_event ? d->proxy_event : tcp_event(error);
}

/* ---- TLS ------------------------------------------------------------------------------------- */

static int flush(struct look *s, uint64_t until_ms)
{
	struct buf *out = tls_output(s->tls);

	while (buf_len(out)) {
		ssize_t n = send(s->fd, buf_data(out), buf_len(out), MSG_NOSIGNAL);
		int r = 0;

		if (n > 0)
			buf_consume(out, (size_t)n);
		else
			r = errno == EAGAIN ? net_wait(s->fd, POLLOUT, until_ms) : -errno;
		if (r < 0)
			return r;
	}
	return 0;
}

/* Plaintext, 0 at the end, -ETIMEDOUT, -EPROTO (tls_failure), or an error of the socket. */
static ssize_t look_read(struct look *s, void *buf, size_t cap, uint64_t until_ms)
{
	static uint8_t cipher[40 * 1024];

	for (;;) {
		bool was_up = tls_established(s->tls);
		ssize_t n = tls_read(s->tls, buf, cap), got;
		int r = flush(s, until_ms);

		if (n != -EAGAIN)
			return n;
		if (!was_up && tls_established(s->tls))
			return -EAGAIN;
		if (!r)
			r = net_wait(s->fd, POLLIN, until_ms);
		if (r < 0)
			return r;
		got = recv(s->fd, cipher, sizeof(cipher), 0);
		if (got < 0 && errno != EAGAIN)
			return -errno;
		if (got == 0) {
			tls_eof(s->tls);
			return -EPROTO;
		}
		if (got > 0)
			tls_recv(s->tls, cipher, (size_t)got);
		s->received += got > 0 ? (size_t)got : 0;
	}
}

static void note_failure(struct look *s, ssize_t n)
{
	const struct tls_failure *f = tls_failure(s->tls);

	if (n == -EPROTO && f->event) {
		s->event = f->event;
		snprintf(s->text, sizeof(s->text), "%s", f->text);
	} else if (n == -ETIMEDOUT) {
		s->event = EV_TLS_TIMEOUT;
		snprintf(s->text, sizeof(s->text), "%zu octets of an answer in %.1f s", s->received,
			(double)s->handshake_us / 1e6);
	} else {
		s->event = n == -ECONNRESET ? EV_TCP_RESET : EV_TLS_CLOSED_IN_HANDSHAKE;
		snprintf(s->text, sizeof(s->text), "during the TLS handshake: %s",
			n < 0 ? strerror((int)-n) : "closed");
	}
}

enum event look_open(struct diagnosis *d, const struct look_opts *o, struct look *ret)
{
	unsigned timeout = o->timeout_ms ? o->timeout_ms : d->opts->timeout_ms;
	struct tls_peer_opts peer = {.host = d->opts->host, .sni = o->sni ? o->sni : d->opts->sni};
	uint64_t begin, until;
	char octet[1];
	ssize_t n;
	int r;

	*ret = (struct look){.fd = -1};
	r = net_server(d, timeout, o->mss, &ret->fd);
	if (r < 0) {
		ret->event = net_server_event(d, r);
		snprintf(ret->text, sizeof(ret->text), "%s",
			d->proxy_event ? "by way of the proxy" : strerror(-r));
		return ret->event;
	}
	if (tls_new(o->ctx, &peer, &ret->tls) < 0)
		return ret->event = EV_OUT_OF_MEMORY;
	begin = clock_mono_us();
	until = clock_mono_ms() + timeout;
	n = look_read(ret, octet, 0, until);
	ret->handshake_us = clock_mono_us() - begin;
	if (!tls_established(ret->tls))
		note_failure(ret, n);
	return ret->event;
}

void look_close(struct look *s)
{
	if (s->tls) {
		tls_close(s->tls);
		flush(s, clock_mono_ms() + 200);
		tls_free(s->tls);
	}
	if (s->fd >= 0)
		close(s->fd);
	*s = (struct look){.fd = -1};
}

int look_ask(struct look *s, const char *request, char *ret, size_t cap, unsigned timeout_ms)
{
	uint64_t until = clock_mono_ms() + timeout_ms;
	size_t used = 0;

	*ret = '\0';
	if (tls_write(s->tls, request, strlen(request)) < 0 || flush(s, until) < 0)
		return -EIO;
	while (used + 1 < cap && !strstr(ret, "\r\n\r\n")) {
		ssize_t n = look_read(s, ret + used, cap - 1 - used, until);

		if (n == -EAGAIN)
			continue;
		if (n <= 0)
			return used ? 0 : n == -ETIMEDOUT ? -ETIMEDOUT : -EIO;
		used += (size_t)n;
		ret[used] = '\0';
	}
	return 0;
}
