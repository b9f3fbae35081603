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

/*
 * RFC 8305 section 4: the families in turns, beginning with that of the first address, so that one
 * family that leads nowhere costs one delay; within a family the order stays.
 */
static size_t next_of(
	const struct endpoint *addresses, size_t n, size_t from, bool same, int family)
{
	while (from < n && (addresses[from].addr.family == family) != same)
		from++;
	return from;
}

static void interleave(const struct endpoint *in, size_t n, struct endpoint *ret)
{
	int family = n ? in[0].addr.family : 0;
	size_t next[2] = {next_of(in, n, 0, true, family), next_of(in, n, 0, false, family)};

	for (size_t i = 0, turn = 0; i < n; i++, turn = 1 - turn) {
		if (next[turn] == n)
			turn = 1 - turn;
		ret[i] = in[next[turn]];
		next[turn] = next_of(in, n, next[turn] + 1, turn == 0, family);
	}
}

void dial_init(
	struct dial *d, const struct dial_opts *opts, const struct endpoint *addresses, size_t n)
{
	struct endpoint turns[DIAL_ADDRESSES_MAX];

	*d = (struct dial){.opts = *opts};
	d->n = n < DIAL_ADDRESSES_MAX ? n : DIAL_ADDRESSES_MAX;
	if (opts->race_ms) {
		interleave(addresses, d->n, turns);
		addresses = turns;
	}
	for (size_t i = 0; i < d->n; i++)
		d->tries[i] =
			(struct dial_try){.to = addresses[i], .error = -EINPROGRESS, .fd = -1};
}

static void close_try(struct dial_try *t)
{
	if (t->fd >= 0)
		close(t->fd);
	t->fd = -1;
}

void dial_done(struct dial *d)
{
	for (size_t i = 0; i < d->n; i++)
		close_try(&d->tries[i]);
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

	t->fd = socket(sa.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (t->fd < 0)
		return -errno;
	if (d->opts.tune)
		d->opts.tune(d->opts.arg, t->fd);
	if (d->opts.source && (r = bind_source(t->fd, d->opts.source)) < 0)
		return r;
	return connect(t->fd, (struct sockaddr *)&sa, n) < 0 ? -errno : 0;
}

static int look(const struct dial *d, const struct dial_try *t, uint64_t now_ms)
{
	struct pollfd p = {.fd = t->fd, .events = POLLOUT};
	socklen_t n = sizeof(int);
	int error = 0;

	if (poll(&p, 1, 0) <= 0)
		return now_ms >= t->began_ms + d->opts.try_ms ? -ETIMEDOUT : -EINPROGRESS;
	if (getsockopt(t->fd, SOL_SOCKET, SO_ERROR, &error, &n) < 0)
		return -errno;
	return -error;
}

int dial_take(struct dial *d)
{
	int fd = dial_fd(d);

	if (d->n)
		d->tries[d->at].fd = -1;
	return fd;
}

/* True when the attempt is connected; one that has failed is closed. */
static bool note(struct dial *d, struct dial_try *t, int r, uint64_t now_ms)
{
	if (r == -EINPROGRESS)
		return false;
	t->error = r;
	t->ended_ms = now_ms;
	if (!r) {
		d->at = (size_t)(t - d->tries);
		return true;
	}
	if (t->fd >= 0 && d->opts.failed)
		d->opts.failed(d->opts.arg, t->fd);
	close_try(t);
	return false;
}

/* Those on their way. True: one of them is connected. */
static bool look_at_all(struct dial *d, uint64_t now_ms)
{
	for (size_t i = 0; i < d->n; i++)
		if (d->tries[i].fd >= 0 &&
			note(d, &d->tries[i], look(d, &d->tries[i], now_ms), now_ms))
			return true;
	return false;
}

static size_t on_their_way(const struct dial *d)
{
	size_t n = 0;

	for (size_t i = 0; i < d->n; i++)
		n += d->tries[i].fd >= 0;
	return n;
}

/* The first one that has not begun; d->n: none is left. They begin in order. */
static size_t next_to_begin(const struct dial *d)
{
	size_t i = 0;

	while (i < d->n && d->tries[i].began)
		i++;
	return i;
}

static bool may_begin(const struct dial *d, size_t next, uint64_t now_ms)
{
	if (next == d->n)
		return false;
	return !on_their_way(d) ||
	       (d->opts.race_ms && now_ms >= d->tries[d->at].began_ms + d->opts.race_ms);
}

static bool begin_next(struct dial *d, size_t next, uint64_t now_ms)
{
	struct dial_try *t = &d->tries[next];

	d->at = next;
	t->began = true;
	t->began_ms = now_ms;
	return note(d, t, begin(d, t), now_ms);
}

int dial_step(struct dial *d, uint64_t now_ms)
{
	bool connected;
	size_t next;
	int fd;

	if (!d->n)
		return -EHOSTUNREACH;
	if (!d->tries[d->at].error)
		return -EISCONN;
	connected = look_at_all(d, now_ms);
	while (!connected && may_begin(d, next = next_to_begin(d), now_ms))
		connected = begin_next(d, next, now_ms);
	if (!connected)
		return on_their_way(d) ? -EINPROGRESS : d->tries[d->at].error;
	fd = dial_take(d);
	dial_done(d);
	return fd;
}

int dial_fd(const struct dial *d)
{
	return d->n ? d->tries[d->at].fd : -1;
}

const struct dial_try *dial_current(const struct dial *d)
{
	return &d->tries[d->at];
}

uint64_t dial_deadline(const struct dial *d)
{
	uint64_t ret = NEVER;

	for (size_t i = 0; i < d->n; i++)
		if (d->tries[i].fd >= 0)
			ret = deadline_min(ret, d->tries[i].began_ms + d->opts.try_ms);
	if (ret != NEVER && d->opts.race_ms && next_to_begin(d) < d->n)
		ret = deadline_min(ret, d->tries[d->at].began_ms + d->opts.race_ms);
	return ret;
}

/* Until a descriptor is writable, or `until_ms`. -ECANCELED. */
static int wait_writable(const struct dial *d, uint64_t until_ms, int cancel_fd)
{
	struct pollfd p[DIAL_ADDRESSES_MAX + 1] = {{cancel_fd, POLLIN, 0}};
	uint64_t now_ms = clock_mono_ms();
	int ms = until_ms <= now_ms          ? 0
		 : until_ms - now_ms > 60000 ? 60000
					     : (int)(until_ms - now_ms);

	for (size_t i = 0; i < d->n; i++) /* poll() passes by those that are negative */
		p[i + 1] = (struct pollfd){d->tries[i].fd, POLLOUT, 0};
	if (poll(p, d->n + 1, ms) < 0 && errno != EINTR)
		return -errno;
	return p[0].revents ? -ECANCELED : 0;
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
