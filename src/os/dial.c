// SPDX-License-Identifier: Apache-2.0
#include "os/dial.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"

void dial_init(
	struct dial *d, const struct dial_opts *opts, const struct endpoint *addresses, size_t n)
{
	*d = (struct dial){.opts = *opts, .fd = -1};
	d->n = n < DIAL_ADDRESSES_MAX ? n : DIAL_ADDRESSES_MAX;
	for (size_t i = 0; i < d->n; i++)
		d->tries[i] = (struct dial_try){.to = addresses[i], .error = -EINPROGRESS};
}

void dial_done(struct dial *d)
{
	if (d->fd >= 0)
		close(d->fd);
	d->fd = -1;
}

static int bind_source(int fd, const struct endpoint *source)
{
	struct endpoint from = {.addr = source->addr};
	struct sockaddr_storage sa;
	socklen_t n = endpoint_to_sockaddr(&from, &sa);

	/* The port is chosen at connect(), so that two connections may share it to different peers. */
	setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &(int){1}, sizeof(int));
	return bind(fd, (struct sockaddr *)&sa, n) < 0 ? -errno : 0;
}

/* 0: connected at once; -EINPROGRESS: on its way. */
static int begin(struct dial *d, struct dial_try *t)
{
	struct sockaddr_storage sa;
	socklen_t n = endpoint_to_sockaddr(&t->to, &sa);
	int r;

	d->fd = socket(sa.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (d->fd < 0)
		return -errno;
	if (d->opts.tune)
		d->opts.tune(d->opts.arg, d->fd);
	if (d->opts.source && (r = bind_source(d->fd, d->opts.source)) < 0)
		return r;
	return connect(d->fd, (struct sockaddr *)&sa, n) < 0 ? -errno : 0;
}

static int look(const struct dial *d, const struct dial_try *t, uint64_t now_ms)
{
	struct pollfd p = {.fd = d->fd, .events = POLLOUT};
	socklen_t n = sizeof(int);
	int error = 0;

	if (poll(&p, 1, 0) <= 0)
		return now_ms >= t->began_ms + d->opts.try_ms ? -ETIMEDOUT : -EINPROGRESS;
	if (getsockopt(d->fd, SOL_SOCKET, SO_ERROR, &error, &n) < 0)
		return -errno;
	return -error;
}

int dial_take(struct dial *d)
{
	int fd = d->fd;

	d->fd = -1;
	return fd;
}

static int try_one(struct dial *d, struct dial_try *t, uint64_t now_ms)
{
	if (d->fd >= 0)
		return look(d, t, now_ms);
	t->began_ms = now_ms;
	return begin(d, t);
}

int dial_step(struct dial *d, uint64_t now_ms)
{
	int last = !d->n ? -EHOSTUNREACH : d->tries[d->at].error ? d->tries[d->at].error : -EISCONN;

	while (d->at < d->n && d->tries[d->at].error == -EINPROGRESS) {
		struct dial_try *t = &d->tries[d->at];

		last = try_one(d, t, now_ms);
		if (last == -EINPROGRESS)
			return last;
		t->error = last;
		t->ended_ms = now_ms;
		if (!last)
			return dial_take(d);
		if (d->fd >= 0 && d->opts.failed)
			d->opts.failed(d->opts.arg, d->fd);
		dial_done(d);
		if (d->at + 1 < d->n)
			d->at++;
	}
	return last;
}

int dial_fd(const struct dial *d)
{
	return d->fd;
}

const struct dial_try *dial_current(const struct dial *d)
{
	return &d->tries[d->at];
}

uint64_t dial_deadline(const struct dial *d)
{
	return d->fd < 0 ? NEVER : d->tries[d->at].began_ms + d->opts.try_ms;
}

/* Until the descriptor is writable, or `until_ms`. -ECANCELED. */
static int wait_writable(const struct dial *d, uint64_t until_ms, int cancel_fd)
{
	struct pollfd p[] = {{d->fd, POLLOUT, 0}, {cancel_fd, POLLIN, 0}};
	uint64_t now_ms = clock_mono_ms();
	int ms = until_ms <= now_ms          ? 0
		 : until_ms - now_ms > 60000 ? 60000
					     : (int)(until_ms - now_ms);

	if (poll(p, 2, ms) < 0 && errno != EINTR)
		return -errno;
	return p[1].revents ? -ECANCELED : 0;
}

int dial_wait(struct dial *d, uint64_t until_ms, int cancel_fd)
{
	int r;

	while ((r = dial_step(d, clock_mono_ms())) == -EINPROGRESS) {
		uint64_t deadline = dial_deadline(d);

		if (clock_mono_ms() >= until_ms)
			return -ETIMEDOUT;
		r = wait_writable(d, deadline < until_ms ? deadline : until_ms, cancel_fd);
		if (r < 0)
			return r;
	}
	return r;
}

int dial_lookup(const char *host, uint16_t port, int family,
	struct endpoint ret[static DIAL_ADDRESSES_MAX], size_t *ret_n)
{
	struct addrinfo hints = {
		.ai_family = family, .ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG};
	struct addrinfo *list;
	char text[8];
	int r;

	*ret_n = 0;
	snprintf(text, sizeof(text), "%u", port);
	r = getaddrinfo(host, text, &hints, &list);
	if (r)
		return r;
	for (const struct addrinfo *ai = list; ai && *ret_n < DIAL_ADDRESSES_MAX; ai = ai->ai_next)
		endpoint_from_sockaddr(ai->ai_addr, &ret[(*ret_n)++]);
	freeaddrinfo(list);
	return 0;
}
