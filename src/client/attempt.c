// SPDX-License-Identifier: Apache-2.0
#include "client/attempt.h"

#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"
#include "client/options.h"
#include "datapath/link.h"
#include "os/proxy_dial.h"
#include "os/socket.h"
#include "tls/engine.h"

#define TRY_MS 10000 /* one address of the server; one round of the proxy */
#define RACE_MS 250  /* RFC 8305 section 5: the next address begins */

static const char *wanted_congestion(const struct client_opts *opts)
{
	return opts->congestion ? opts->congestion : CONGESTION_AUTO;
}

static void tune(void *arg, int fd)
{
	const struct attempt *a = arg;

	tcp_tune_client(fd, congestion_first(wanted_congestion(a->client)), a->mark);
}

/* ---- what waits, in a thread ---------------------------------------------------------- */

/* What the DNS said last stands in for what it does not say now. */
static bool take_known(struct attempt *a, struct endpoint *ret, size_t *ret_n)
{
	const struct client_known *given = a->client->known;

	if (given && !a->n_known && given->n && !strcmp(given->host, a->server->host)) {
		*ret_n = given->n < DIAL_ADDRESSES_MAX ? given->n : DIAL_ADDRESSES_MAX;
		memcpy(ret, given->at, *ret_n * sizeof(*ret));
		return true;
	}
	if (a->known_of != a->server || !a->n_known)
		return false;
	memcpy(ret, a->known, sizeof(a->known));
	*ret_n = a->n_known;
	return true;
}

static void keep_known(struct attempt *a, const struct endpoint *found, size_t n)
{
	memcpy(a->known, found, n * sizeof(*found));
	a->n_known = n;
	a->known_of = a->server;
}

static enum event look_up(struct attempt *a, struct endpoint *ret, size_t *ret_n)
{
	struct lookup_opts opts = {.host = a->server->host,
		.port = a->server->port,
		.family = AF_UNSPEC,
		.cancel_fd = a->stop,
		.servers = a->dns,
		.n_servers = a->n_dns,
		.mark = a->mark};
	int r, error;

	if (a->to.addr.family) {
		ret[0] = a->to;
		*ret_n = 1;
		return EV_NONE;
	}
	r = lookup_wait(&opts, ret, ret_n);
	error = errno;
	if (!r)
		keep_known(a, ret, *ret_n);
	if (!r || ((r != EAI_SYSTEM || error != ECANCELED) && take_known(a, ret, ret_n)))
		return EV_NONE;
	text_format(a->text, sizeof(a->text), "%s: %s", opts.host,
		r == EAI_SYSTEM ? strerror(error) : gai_strerror(r));
	return r == EAI_NONAME || r == EAI_NODATA ? EV_DNS_NO_SUCH_NAME : EV_DNS_FAILED;
}

static size_t count_failed(const struct dial *d)
{
	size_t n = 0;

	for (size_t i = 0; i < d->n; i++)
		n += i != d->at && d->tries[i].began && d->tries[i].error != -EINPROGRESS;
	return n;
}

static enum event connect_server(struct attempt *a)
{
	struct dial_opts opts = {.try_ms = TRY_MS, .race_ms = RACE_MS, .tune = tune, .arg = a};
	struct endpoint at[DIAL_ADDRESSES_MAX];
	char text[ENDPOINT_TEXT_LEN];
	struct dial dial;
	size_t n;
	enum event ev = look_up(a, at, &n);
	int r;

	if (ev)
		return ev;
	dial_init(&dial, &opts, at, n);
	r = dial_wait(&dial, NEVER, a->stop);
	dial_done(&dial);
	a->n_silent = count_failed(&dial);
	a->peer = dial_current(&dial)->to;
	if (r >= 0) {
		a->fd = r;
		return EV_NONE;
	}
	text_format(
		a->text, sizeof(a->text), "%s: %s", endpoint_format(&a->peer, text), strerror(-r));
	return tcp_event(r);
}

static enum event connect_by_proxy(struct attempt *a)
{
	const struct proxy *proxy = a->client->proxy;
	struct proxy_dial_opts opts = {.timeout_ms = TRY_MS,
		.stop_fd = a->stop,
		.via = a->to.addr.family ? &a->to : NULL,
		.dns = a->dns,
		.n_dns = a->n_dns,
		.mark = a->mark,
		.tune = tune,
		.arg = a};
	struct proxy_outcome how;
	enum event ev = proxy_dial(proxy, a->server->host, a->server->port, &opts, &a->fd, &how);

	a->scheme = how.scheme;
	if (ev)
		text_format(
			a->text, sizeof(a->text), "%s:%u: %s", proxy->host, proxy->port, how.text);
	a->peer = how.peer;
	a->local = how.local;
	return ev;
}

static void work(uv_work_t *work)
{
	struct attempt *a = work->data;
	uint64_t begin = clock_mono_us();

	a->event = a->client->proxy ? connect_by_proxy(a) : connect_server(a);
	a->us = clock_mono_us() - begin;
	if (a->fd >= 0 && !a->client->proxy)
		socket_local(a->fd, &a->local);
}

static void after_work(uv_work_t *work, UNUSED int status)
{
	struct attempt *a = work->data;

	a->done(a);
}

/* ---- in the loop ---------------------------------------------------------- */

int attempt_init(
	struct attempt *a, const struct client_opts *client, void (*done)(struct attempt *a))
{
	*a = (struct attempt){.client = client, .done = done, .scheme = "", .fd = -1};
	a->stop = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	return a->stop < 0 ? -errno : 0;
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void attempt_done(struct attempt *a)
{
	close_fd(&a->fd);
	close_fd(&a->stop);
}

/*
 * The first call starts libuv's threads, which inherit this thread's mask. Signals are this thread's: one
 * that another thread takes ends the process while this one holds it back (client.c).
 */
static int queue_work(struct attempt *a, uv_loop_t *loop)
{
	sigset_t all, before;
	int r;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	r = uv_queue_work(loop, &a->work, work, after_work);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return r;
}

int attempt_begin(struct attempt *a, uv_loop_t *loop)
{
	eventfd_t stopped;

	close_fd(&a->fd);
	if (eventfd_read(a->stop, &stopped) < 0)
		stopped = 0; /* no earlier attempt was stopped */
	a->event = EV_NONE;
	*a->text = '\0';
	a->peer = a->local = (struct endpoint){0};
	a->n_silent = 0;
	a->work.data = a;
	return queue_work(a, loop);
}

void attempt_stop(struct attempt *a)
{
	eventfd_write(a->stop, 1);
}

int attempt_link(struct attempt *a, struct tunnel_opts *opts, struct port *port, struct link *ret,
	const struct link_ops *ops)
{
	const struct client_opts *c = a->client;
	struct tls_peer_opts peer = {.host = a->server->host, .sni = c->sni};
	AUTO(tunnel) struct tunnel *tunnel = NULL;
	int r;

	tunnel_client_opts(opts, &peer, a->server->port, port->scratch);
	r = tunnel_new(opts, clock_mono_ms(), &tunnel);
	if (!r)
		r = link_init(ret, port, a->fd, tunnel, ops);
	if (r < 0)
		return r;
	(void)TAKE(tunnel);
	a->fd = -1;
	if (!opts->lane && congestion_is_ours(wanted_congestion(c)))
		link_choose_congestion(ret);
	return 0;
}
