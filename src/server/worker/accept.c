// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation
 *
 * Each worker has a listening socket of its own for each address; an accepted connection goes to
 * the worker with the fewest. accept() can fail in three ways:
 *
 *   - the connection that waited is gone (ECONNABORTED and the like): the next accept() may succeed;
 *   - no descriptor is left: one connection is refused with the spare (server/worker/spare.h);
 *   - the kernel has no memory, or the spare is missing: the worker's listeners pause for
 *     ACCEPT_PAUSE_MS. Those who wait are in the kernel's queue meanwhile.
 *
 * In no case does the loop turn for nothing. Connections never take the last DESCRIPTORS_RESERVED
 * descriptors: the kernel gives the lowest free number, so a high one says that few are left. The
 * database, the control socket and metrics go on working with those.
 */
#include "server/worker/accept.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/clock.h"
#include "config/config.h"
#include "events/event.h"
#include "os/socket.h"
#include "server/admission/proxy_header.h"
#include "server/core/limits.h"
#include "server/core/context.h"
#include "server/worker/private.h"
#include "server/worker/spare.h"
#include "tunnel/congestion.h"

/* ---- which worker ---------------------------------------------------------- */

struct handover { /* an accepted connection on its way to another worker */
	struct letter letter;
	struct site *to;
	struct arrival arrival;
};

static void deliver_handover(struct letter *l)
{
	struct handover *h = container_of(l, struct handover, letter);

	atomic_fetch_sub_explicit(
		&h->to->n_connections, 1, memory_order_relaxed); /* the reservation */
	proxy_header_take(h->to, &h->arrival);
	free(h);
}

/* The worker with the fewest connections; this one when there is a tie. */
static struct site *least_loaded(struct site *site)
{
	struct site *best = site;

	for (unsigned i = 0; i < site->context->n_sites; i++) {
		struct site *other = site->context->sites[i];

		if (atomic_load_explicit(&other->n_connections, memory_order_relaxed) <
			atomic_load_explicit(&best->n_connections, memory_order_relaxed))
			best = other;
	}
	return best;
}

static void place_connection(struct worker *w, const struct arrival *a)
{
	struct site *to = least_loaded(&w->site);
	struct handover *h;

	if (to == &w->site) {
		proxy_header_take(to, a);
		return;
	}
	h = malloc(sizeof(*h));
	if (!h) {
		close(a->fd);
		return;
	}
	*h = (struct handover){{.deliver = deliver_handover}, to, *a};
	atomic_fetch_add_explicit(&to->n_connections, 1, memory_order_relaxed);
	mailbox_post(&to->mailbox, &h->letter);
}

/* ---- listeners ---------------------------------------------------------- */

static void on_listener(uv_poll_t *poll, int status, int events);

static void on_accept_again(uv_timer_t *timer)
{
	struct worker *w = timer->data;

	for (unsigned i = 0; i < w->n_listeners; i++)
		uv_poll_start(&w->listeners[i].poll, UV_READABLE, on_listener);
}

static void pause_listeners(struct worker *w)
{
	for (unsigned i = 0; i < w->n_listeners; i++)
		uv_poll_stop(&w->listeners[i].poll);
	uv_timer_start(&w->accept_again, on_accept_again, ACCEPT_PAUSE_MS, 0);
}

static void note_no_descriptors(struct spare *s)
{
	uint64_t n = atomic_fetch_add_explicit(&s->refused, 1, memory_order_relaxed) + 1;
	int64_t now_s = clock_wall_s();

	/* A flood must not become one of the log. */
	if (atomic_exchange_explicit(&s->refused_told_s, now_s, memory_order_relaxed) != now_s)
		log_event(NULL, EV_SERVER_NO_DESCRIPTORS, "refused_so_far=%" PRIu64, n);
}

/* What accept(2) lists as the waiting connection's own trouble; the queue behind it is as good. */
static bool is_of_the_connection(int error)
{
	switch (error) {
	case EINTR:
	case ECONNABORTED:
	case ENETDOWN:
	case EPROTO:
	case ENOPROTOOPT:
	case EHOSTDOWN:
	case ENONET:
	case EHOSTUNREACH:
	case EOPNOTSUPP:
	case ENETUNREACH:
	case EPERM: return true;
	default: return false;
	}
}

/* True: another accept() may do better. */
static bool accept_failed(struct listener *l, int error)
{
	struct worker *w = l->worker;

	if (error == EAGAIN || error == EWOULDBLOCK)
		return false;
	if (is_of_the_connection(error))
		return true;
	if (error == EMFILE || error == ENFILE) {
		note_no_descriptors(w->spare);
		if (spare_refuse_one(w->spare, l->fd))
			return true;
	}
	pause_listeners(w);
	return false;
}

/* One of the last descriptors; the limit may change while the server runs (prlimit). */
static bool is_reserved(int fd)
{
	struct rlimit limit;

	return !getrlimit(RLIMIT_NOFILE, &limit) && limit.rlim_cur != RLIM_INFINITY &&
	       (rlim_t)fd + DESCRIPTORS_RESERVED >= limit.rlim_cur;
}

static int accept_one(struct listener *l, struct arrival *ret)
{
	struct sockaddr_storage sa;
	socklen_t n = sizeof(sa);

	*ret = (struct arrival){.clear = l->clear};
	ret->fd = accept4(l->fd, (struct sockaddr *)&sa, &n, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (ret->fd < 0)
		return -errno;
	if (spare_repaid(l->worker->spare, ret->fd)) {
		note_no_descriptors(l->worker->spare);
		return -ECONNABORTED;
	}
	if (is_reserved(ret->fd)) {
		close(ret->fd);
		note_no_descriptors(l->worker->spare);
		return -ECONNABORTED;
	}
	endpoint_from_sockaddr((struct sockaddr *)&sa, &ret->peer);
	return 0;
}

static void on_listener(uv_poll_t *poll, int status UNUSED, int events UNUSED)
{
	struct listener *l = poll->data;
	struct arrival a;

	for (int i = 0; i < ACCEPTS_PER_TURN; i++) {
		int r = accept_one(l, &a);

		if (!r)
			place_connection(l->worker, &a);
		else if (!accept_failed(l, -r))
			return;
	}
}

void accept_init(struct worker *w)
{
	uv_timer_init(&w->site.loop, &w->accept_again);
	w->accept_again.data = w;
}

int worker_add_listener(struct worker *w, int fd, bool clear)
{
	const char *congestion = congestion_first(w->site.context->config->server.congestion);
	struct listener *l = &w->listeners[w->n_listeners];

	if (w->n_listeners == LISTENERS_MAX)
		return -ENOSPC;
	/* Chosen later, BBR's pacing would stay with what was accepted, whatever replaces it. */
	if (congestion)
		tcp_set_congestion(fd, congestion);
	*l = (struct listener){.worker = w, .fd = fd, .clear = clear};
	uv_poll_init(&w->site.loop, &l->poll, fd);
	l->poll.data = l;
	w->n_listeners++;
	return uv_poll_start(&l->poll, UV_READABLE, on_listener);
}

static void close_listener(uv_handle_t *h)
{
	struct listener *l = h->data;

	close(l->fd);
}

void accept_close(struct worker *w)
{
	for (unsigned i = 0; i < w->n_listeners; i++)
		uv_close((uv_handle_t *)&w->listeners[i].poll, close_listener);
	w->n_listeners = 0;
	uv_close((uv_handle_t *)&w->accept_again, NULL);
}
