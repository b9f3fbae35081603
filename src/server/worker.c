/*
 * Theory of operation
 *
 * A worker is a libuv loop with listening sockets of its own (SO_REUSEPORT), one queue of the TUN
 * and the sessions that were given to it. Three things come from other threads, all through the
 * mailbox: accepted descriptors, verdicts (aaa, store), and orders of the control thread. Packets
 * that the kernel put on the wrong queue come through rings, one per pair of workers, with a letter
 * as door bell.
 *
 * Handshakes cost a thousand times what a packet costs. Sessions before authentication therefore
 * do not run in their socket's callback but queue up, and each loop turn gives them at most
 * STRANGERS_US_PER_TURN of its time: a storm of logins, or of octets that are dear to take in, cannot
 * stall the traffic of those who are in.
 */
#include "server/worker.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/clock.h"
#include "base/hot.h"
#include "base/line.h"
#include "config/config.h"
#include "ip/table.h"
#include "os/socket.h"
#include "server/doorstep.h"
#include "server/limits.h"
#include "server/live.h"
#include "server/server.h"
#include "server/session.h"
#include "tunnel/congestion.h"

/* ---- connections ---------------------------------------------------------- */

struct handover { /* an accepted connection on its way to another worker */
	struct letter letter;
	struct worker *to;
	struct arrival arrival;
};

static void deliver_handover(struct letter *l)
{
	struct handover *h = container_of(l, struct handover, letter);

	atomic_fetch_sub_explicit(
		&h->to->n_connections, 1, memory_order_relaxed); /* the reservation */
	doorstep_take(h->to, &h->arrival);
	free(h);
}

/* The worker with the fewest connections; this one when there is a tie. */
static struct worker *least_loaded(struct worker *w)
{
	struct worker *best = w;

	for (unsigned i = 0; i < w->server->n_workers; i++) {
		struct worker *other = &w->server->workers[i];

		if (atomic_load_explicit(&other->n_connections, memory_order_relaxed) <
			atomic_load_explicit(&best->n_connections, memory_order_relaxed))
			best = other;
	}
	return best;
}

static void place_connection(struct worker *w, const struct arrival *a)
{
	struct worker *to = least_loaded(w);
	struct handover *h;

	if (to == w) {
		doorstep_take(w, a);
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

static void out_of_descriptors(struct worker *w, struct listener *l)
{
	/*
	 * The waiting connection would make the loop spin. Give the spare descriptor up, take the
	 * connection with it, close it: the peer learns at once instead of hanging.
	 */
	int fd;

	server_note_no_descriptors(w->server);
	if (w->server->spare_fd < 0)
		return;
	pthread_mutex_lock(&w->server->spare_lock);
	close(w->server->spare_fd);
	fd = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC);
	if (fd >= 0)
		close(fd);
	w->server->spare_fd = server_open_spare_fd();
	pthread_mutex_unlock(&w->server->spare_lock);
}

static void on_listener(uv_poll_t *poll, int status, int events)
{
	struct listener *l = poll->data;
	struct sockaddr_storage sa, la;
	struct arrival a = {.clear = l->clear};

	(void)status;
	(void)events;
	for (int i = 0; i < ACCEPTS_PER_TURN; i++) {
		socklen_t n = sizeof(sa), ln = sizeof(la);

		a.fd = accept4(l->fd, (struct sockaddr *)&sa, &n, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (a.fd < 0) {
			if (errno == EMFILE || errno == ENFILE)
				out_of_descriptors(l->worker, l);
			return;
		}
		endpoint_from_sockaddr((struct sockaddr *)&sa, &a.peer);
		a.local = (struct endpoint){0};
		if (!getsockname(a.fd, (struct sockaddr *)&la, &ln))
			endpoint_from_sockaddr((struct sockaddr *)&la, &a.local);
		place_connection(l->worker, &a);
	}
}

/* ---- packets ---------------------------------------------------------- */

/* A copy: buffers of a pool never leave their worker. */
struct ring_packet {
	struct vnet_hdr vnet;
	uint32_t len;
	uint8_t octets[];
};

static void deliver_ring(struct letter *l)
{
	struct worker *w = container_of(l, struct worker, ring_letter);
	struct ring_packet *pkt;

	atomic_store_explicit(&w->ring_rung, false, memory_order_seq_cst);
	for (unsigned from = 0; from < w->server->n_workers; from++)
		while ((pkt = ring_pop(&w->rings[from]))) {
			session_route_packet(w, &pkt->vnet, pkt->octets, pkt->len);
			free(pkt);
		}
	port_flush(&w->port);
}

/* To the worker that owns the address; a full ring drops. */
static void send_by_ring(struct worker *from, struct worker *to, const struct vnet_hdr *vnet,
	const struct ip_packet *ip)
{
	struct ring_packet *pkt = malloc(sizeof(*pkt) + ip->len);

	if (!pkt)
		return;
	pkt->vnet = *vnet;
	pkt->len = (uint32_t)ip->len;
	memcpy(pkt->octets, ip->octets, ip->len);
	if (!ring_push(&to->rings[from->index], pkt)) {
		stat_add(&from->ring_dropped, 1);
		free(pkt);
		return;
	}
	stat_add(&from->ring_sent, 1);
	/* After the push: the consumer clears the flag before it looks. */
	if (!atomic_exchange_explicit(&to->ring_rung, true, memory_order_seq_cst))
		mailbox_post(&to->mailbox, &to->ring_letter);
}

HOT static struct link *route(
	struct port *p, const struct vnet_hdr *vnet, const struct ip_packet *ip)
{
	struct worker *w = container_of(p, struct worker, port), *owner;
	struct session *s = server_find_session(w->server, ip, &owner);

	if (s && owner == w)
		return session_link(s);
	if (s)
		send_by_ring(w, owner, vnet, ip);
	else
		stat_add(&p->stats.drop_no_route, 1);
	return NULL;
}

static const struct port_ops port_ops = {.route = route};

/* ---- the loop ---------------------------------------------------------- */

static void on_mailbox(uv_poll_t *poll, int status, int events)
{
	struct worker *w = poll->data;

	(void)status;
	(void)events;
	mailbox_deliver(&w->mailbox);
}

static void on_housekeeping(uv_timer_t *timer)
{
	session_advertise_all(timer->data);
	session_expire_all(timer->data, clock_wall_s());
}

static void on_turn_again(uv_idle_t *idle)
{
	(void)idle; /* its being there keeps the loop from sleeping */
}

HOT static void on_turn(uv_check_t *check)
{
	struct worker *w = check->data;

	if (port_run_deferred(&w->port, STRANGERS_US_PER_TURN))
		uv_idle_start(&w->turn_again, on_turn_again);
	else
		uv_idle_stop(&w->turn_again);
}

int worker_init(
	struct worker *w, struct server *s, unsigned index, int tun_fd, enum coalesce_kinds joins)
{
	int r;

	*w = (struct worker){.server = s,
		.live = live_ref(s->live),
		.index = index,
		.ring_letter = {.deliver = deliver_ring}};
	w->held_tail = &w->held;
	w->rings = line_calloc(s->n_workers * sizeof(*w->rings));
	if (!w->rings)
		return -ENOMEM;
	r = mailbox_init(&w->mailbox);
	if (r < 0)
		return r;
	r = uv_loop_init(&w->loop);
	if (r < 0)
		return r;
	r = port_init(&w->port, &w->loop, tun_fd, joins, &port_ops);
	if (r < 0)
		return r;
	uv_poll_init(&w->loop, &w->mailbox_poll, w->mailbox.fd);
	w->mailbox_poll.data = w;
	uv_poll_start(&w->mailbox_poll, UV_READABLE, on_mailbox);
	uv_check_init(&w->loop, &w->turn);
	w->turn.data = w;
	uv_check_start(&w->turn, on_turn);
	uv_idle_init(&w->loop, &w->turn_again);
	uv_timer_init(&w->loop, &w->housekeeping);
	w->housekeeping.data = w;
	uv_timer_start(&w->housekeeping, on_housekeeping, HOUSEKEEPING_MS, HOUSEKEEPING_MS);
	return 0;
}

int worker_add_listener(struct worker *w, int fd, bool clear)
{
	const char *congestion = congestion_first(w->server->config->server.congestion);
	struct listener *l = &w->listeners[w->n_listeners];

	if (w->n_listeners == LISTENERS_MAX)
		return -ENOSPC;
	/* Chosen later, BBR's pacing would stay with what was accepted, whatever replaces it. */
	if (congestion)
		tcp_set_congestion(fd, congestion);
	*l = (struct listener){.worker = w, .fd = fd, .clear = clear};
	uv_poll_init(&w->loop, &l->poll, fd);
	l->poll.data = l;
	w->n_listeners++;
	return uv_poll_start(&l->poll, UV_READABLE, on_listener);
}

static void *worker_main(void *arg)
{
	struct worker *w = arg;

	server_worker_begins(w->server);
	uv_run(&w->loop, UV_RUN_DEFAULT);
	server_worker_ends(w->server);
	return NULL;
}

int worker_start(struct worker *w)
{
	int r = pthread_create(&w->thread, NULL, worker_main, w);

	w->running = !r;
	return -r;
}

/* ---- reload ---------------------------------------------------------- */

struct live_letter {
	struct letter letter;
	struct worker *worker;
	struct live *live;
};

static void deliver_live(struct letter *l)
{
	struct live_letter *ll = container_of(l, struct live_letter, letter);

	live_free(ll->worker->live);
	ll->worker->live = ll->live;
	free(ll);
}

int worker_post_live(struct worker *w, struct live *live)
{
	struct live_letter *ll = malloc(sizeof(*ll));

	if (!ll)
		return -ENOMEM;
	*ll = (struct live_letter){{.deliver = deliver_live}, w, live_ref(live)};
	mailbox_post(&w->mailbox, &ll->letter);
	return 0;
}

/* ---- the end ---------------------------------------------------------- */

struct stop_order {
	struct letter letter;
	struct worker *worker;
};

static void close_listener(uv_handle_t *h)
{
	struct listener *l = h->data;

	close(l->fd);
}

/* The loop ends by itself when the last handle is gone, that is: with the last session. */
static void deliver_stop(struct letter *letter)
{
	struct worker *w = container_of(letter, struct stop_order, letter)->worker;

	w->stopping = true;
	for (unsigned i = 0; i < w->n_listeners; i++)
		uv_close((uv_handle_t *)&w->listeners[i].poll, close_listener);
	w->n_listeners = 0;
	doorstep_close_all(w);
	session_close_all(w, EV_SERVER_STOPPING);
	worker_maybe_finish(w);
}

void worker_maybe_finish(struct worker *w)
{
	if (!w->stopping || w->sessions || w->lanes || w->doorsteps ||
		uv_is_closing((uv_handle_t *)&w->turn))
		return;
	port_close(&w->port);
	uv_close((uv_handle_t *)&w->turn, NULL);
	uv_close((uv_handle_t *)&w->turn_again, NULL);
	uv_close((uv_handle_t *)&w->housekeeping, NULL);
	uv_close((uv_handle_t *)&w->mailbox_poll, NULL);
}

void worker_stop(struct worker *w)
{
	struct stop_order order = {{.deliver = deliver_stop}, w};

	if (!w->running)
		return;
	mailbox_post(&w->mailbox, &order.letter);
	pthread_join(w->thread, NULL); /* the order lives until the thread is gone */
	w->running = false;
}

void worker_done(struct worker *w)
{
	struct stop_order order = {{.deliver = deliver_stop}, w};
	void *pkt;

	if (uv_loop_alive(&w->loop)) { /* set up but never started: its handles are still there */
		deliver_stop(&order.letter);
		uv_run(&w->loop, UV_RUN_DEFAULT);
	}
	mailbox_deliver(&w->mailbox); /* what came after the loop had ended */
	live_free(w->live);
	for (unsigned from = 0; w->rings && from < w->server->n_workers; from++)
		while ((pkt = ring_pop(&w->rings[from])))
			free(pkt);
	free(w->rings);
	port_done(&w->port);
	uv_loop_close(&w->loop);
	mailbox_done(&w->mailbox);
}
