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
#include "server/worker/worker.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/clock.h"
#include "base/hot.h"
#include "base/line.h"
#include "config/config.h"
#include "ip/table.h"
#include "server/worker/accept.h"
#include "server/admission/proxy_header.h"
#include "server/core/limits.h"
#include "server/core/snapshot.h"
#include "server/core/context.h"
#include "server/session/session.h"

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

static void deliver_stop(struct letter *letter);

int worker_init(
	struct worker *w, struct server *s, unsigned index, int tun_fd, enum coalesce_kinds joins)
{
	int r;

	*w = (struct worker){.server = s,
		.live = live_ref(s->live),
		.index = index,
		.ring_letter = {.deliver = deliver_ring},
		.stop_order = {.deliver = deliver_stop}};
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
	accept_init(w);
	return 0;
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

/* The loop ends by itself when the last handle is gone, that is: with the last session. */
static void deliver_stop(struct letter *letter)
{
	struct worker *w = container_of(letter, struct worker, stop_order);

	w->stopping = true;
	accept_close(w);
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

void worker_ask_to_stop(struct worker *w)
{
	if (w->running)
		mailbox_post(&w->mailbox, &w->stop_order);
}

void worker_join(struct worker *w)
{
	if (!w->running)
		return;
	pthread_join(w->thread, NULL);
	w->running = false;
}

void worker_done(struct worker *w)
{
	void *pkt;

	if (uv_loop_alive(&w->loop)) { /* set up but never started: its handles are still there */
		deliver_stop(&w->stop_order);
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
