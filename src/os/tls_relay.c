// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation
 *
 *     tunnel  ⇄  pair[0] | pair[1]  ⇄  relay, tls  ⇄  fd  ⇄  proxy
 *
 * Each side is read only while little waits for the other, so that packets wait in the tunnel's own
 * queue and not here: TCP_NOTSENT_LOWAT on the outer socket, small buffers on the pair.
 */
#include "os/tls_relay.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/buf.h"
#include "tls/engine.h"

#define CHUNK 65536
#define WAITING_MAX 65536  /* octets for one side, beyond which the other is not read */
#define PAIR_BUFFER 131072 /* of the kernel, each way */
#define NOTSENT_LOWAT 65536

struct relay {
	int fd, inner;
	struct tls *tls;
	struct buf in;              /* plaintext for the tunnel */
	bool fd_ended, inner_ended; /* nothing more comes from there */
	uint8_t octets[CHUNK], plain[CHUNK];
};

static void relay_free(struct relay *r)
{
	if (!r)
		return;
	if (r->fd >= 0)
		close(r->fd);
	if (r->inner >= 0)
		close(r->inner);
	tls_free(r->tls);
	buf_done(&r->in);
	explicit_bzero(r, sizeof(*r));
	free(r);
}

/* 0, or what ends it. */
static int send_some(int fd, struct buf *out)
{
	while (buf_len(out)) {
		ssize_t n = send(fd, buf_data(out), buf_len(out), MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0)
			return errno == EAGAIN || errno == EINTR ? 0 : -errno;
		buf_consume(out, (size_t)n);
	}
	return 0;
}

static int open_records(struct relay *r)
{
	ssize_t n;

	while ((n = tls_read(r->tls, r->plain, sizeof(r->plain))) > 0)
		if (buf_append(&r->in, r->plain, (size_t)n) < 0)
			return -ENOMEM;
	r->fd_ended |= n == 0;
	return n == -EPROTO ? -EPROTO : 0;
}

static int read_outer(struct relay *r)
{
	ssize_t n = recv(r->fd, r->octets, sizeof(r->octets), MSG_DONTWAIT);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	if (n == 0) {
		r->fd_ended = true;
		return 0;
	}
	tls_recv(r->tls, r->octets, (size_t)n);
	return open_records(r);
}

static int read_inner(struct relay *r)
{
	ssize_t n = recv(r->inner, r->octets, sizeof(r->octets), MSG_DONTWAIT);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	if (n > 0)
		return tls_write(r->tls, r->octets, (size_t)n);
	r->inner_ended = true;
	tls_close(r->tls);
	return 0;
}

static int wait_for_more(const struct relay *r, struct pollfd p[static 2])
{
	size_t out = buf_len(tls_output(r->tls)), in = buf_len(&r->in);
	bool from_outer = !r->fd_ended && in < WAITING_MAX,
	     from_inner = !r->inner_ended && out < WAITING_MAX;

	p[0] = (struct pollfd){
		.fd = r->fd, .events = (short)((from_outer ? POLLIN : 0) | (out ? POLLOUT : 0))};
	p[1] = (struct pollfd){
		.fd = r->inner, .events = (short)((from_inner ? POLLIN : 0) | (in ? POLLOUT : 0))};
	while (poll(p, 2, -1) < 0)
		if (errno != EINTR)
			return -errno;
	return 0;
}

#define WANTED(p) ((p).revents & (POLLIN | POLLERR | POLLHUP) && (p).events & POLLIN)

static int turn(struct relay *r)
{
	struct pollfd p[2];
	int error = wait_for_more(r, p);

	if (!error && WANTED(p[0]))
		error = read_outer(r);
	if (!error && WANTED(p[1]))
		error = read_inner(r);
	if (!error)
		error = send_some(r->fd, tls_output(r->tls));
	if (!error)
		error = send_some(r->inner, &r->in);
	/* A side that is gone is no longer waited for: poll() would say so for ever. */
	return !error && (p[0].revents | p[1].revents) & (POLLERR | POLLNVAL) ? -EPIPE : error;
}

static void *run(void *arg)
{
	struct relay *r = arg;
	int error = 0;

	while (!error && !(r->fd_ended && !buf_len(&r->in)) &&
		!(r->inner_ended && !buf_len(tls_output(r->tls))))
		error = turn(r);
	relay_free(r);
	return NULL;
}

static int make_pair(int ret[static 2])
{
	int size = PAIR_BUFFER;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ret) < 0)
		return -errno;
	for (unsigned i = 0; i < 2; i++)
		setsockopt(ret[i], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	return 0;
}

/* Signals are for the caller's threads. */
static int start_thread(struct relay *r)
{
	pthread_attr_t attr;
	sigset_t all, before;
	pthread_t thread;
	int e;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	e = pthread_create(&thread, &attr, run, r);
	pthread_attr_destroy(&attr);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return -e;
}

int tls_relay_start(int fd, struct tls *tls, const void *octets, size_t n, int *ret_fd)
{
	struct relay *r = calloc(1, sizeof(*r));
	int pair[2] = {-1, -1}, lowat = NOTSENT_LOWAT, e = r ? make_pair(pair) : -ENOMEM;

	if (!e) {
		*r = (struct relay){.fd = fd, .inner = pair[1], .tls = tls};
		buf_init(&r->in, 0);
		e = buf_append(&r->in, octets, n);
	}
	setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &lowat, sizeof(lowat));
	if (!e)
		e = start_thread(r);
	if (!e) {
		*ret_fd = pair[0];
		return 0;
	}
	if (pair[0] >= 0)
		close(pair[0]);
	if (r) {
		r->fd = -1;
		r->inner = pair[1];
		r->tls = NULL;
		relay_free(r);
	}
	return e;
}
