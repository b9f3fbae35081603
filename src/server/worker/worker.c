// SPDX-License-Identifier: Apache-2.0
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
 * STRANGERS_US_PER_TURN of its time: a storm of logins, or of octets that are expensive to process,
 * cannot stall the traffic of authenticated sessions.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/clock.h"
#include "base/hot.h"
#include "base/line.h"
#include "datapath/link.h"
#include "os/tun.h"
#include <urcu/urcu-memb.h>
#include "server/worker/accept.h"
#include "server/worker/private.h"
#include "server/admission/proxy_header.h"
#include "server/core/limits.h"
#include "server/core/snapshot.h"
#include "server/core/context.h"
#include "server/core/directory.h"
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
	for (unsigned from = 0; from < w->site.context->n_sites; from++)
		while ((pkt = ring_pop(&w->rings[from]))) {
			session_route_packet(&w->site, &pkt->vnet, pkt->octets, pkt->len);
			free(pkt);
		}
	port_flush(&w->site.port);
}

/* To the worker that owns the address; a full ring drops. */
static void send_by_ring(struct worker *from, struct worker *to, const struct vnet_hdr *vnet,
	const uint8_t *octets, const struct ip_packet *ip)
{
	struct ring_packet *pkt = malloc(sizeof(*pkt) + ip->len);

	if (!pkt)
		return;
	pkt->vnet = *vnet;
	pkt->len = ip->len;
	memcpy(pkt->octets, octets, ip->len);
	if (!ring_push(&to->rings[from->site.index], pkt)) {
		stat_add(&from->site.ring_dropped, 1);
		free(pkt);
		return;
	}
	stat_add(&from->site.ring_sent, 1);
	/* After the push: the consumer clears the flag before it looks. */
	if (!atomic_exchange_explicit(&to->ring_rung, true, memory_order_seq_cst))
		mailbox_post(&to->site.mailbox, &to->ring_letter);
}

HOT static struct link *route(struct port *p, const struct vnet_hdr *vnet, const uint8_t *octets,
	const struct ip_packet *ip)
{
	struct site *site = container_of(p, struct site, port);
	struct directory_owner owner;
	bool found = directory_at(site->context->directory, octets, ip, &owner);

	if (found && owner.site == site->index)
		return session_link_for(owner.session, octets, ip);
	if (found)
		send_by_ring(worker_of(site), worker_of(site->context->sites[owner.site]), vnet,
			octets, ip);
	else
		stat_add(&p->stats.drop_no_route, 1);
	return NULL;
}

static const struct port_ops port_ops = {.route = route};

/* ---- the loop ---------------------------------------------------------- */

static void on_mailbox(uv_poll_t *poll, int status UNUSED, int events UNUSED)
{
	struct worker *w = poll->data;

	mailbox_deliver(&w->site.mailbox);
}

static void on_housekeeping(uv_timer_t *timer)
{
	struct worker *w = timer->data;

	onlink_advertise_all(&w->site);
}

static void on_second(uv_timer_t *timer)
{
	struct worker *w = timer->data;

	session_tick_all(&w->site);
	networks_tick_all(&w->site);
	regrants_go_on(&w->site);
}

static void on_turn_again(uv_idle_t *idle UNUSED)
{
	/* its being there keeps the loop from sleeping */
}

HOT static void on_turn(uv_check_t *check)
{
	struct worker *w = check->data;

	if (port_run_deferred(&w->site.port, STRANGERS_US_PER_TURN))
		uv_idle_start(&w->turn_again, on_turn_again);
	else
		uv_idle_stop(&w->turn_again);
}

static void enter(struct site *site, const struct arrival *a)
{
	if (session_open(site, a) < 0)
		close(a->fd);
}

static void deliver_stop(struct letter *letter);
static void leave(struct site *site);

static void init_handles(struct worker *w)
{
	uv_loop_t *loop = &w->site.loop;

	uv_poll_init(loop, &w->mailbox_poll, w->site.mailbox.fd);
	w->mailbox_poll.data = w;
	uv_poll_start(&w->mailbox_poll, UV_READABLE, on_mailbox);
	uv_check_init(loop, &w->turn);
	w->turn.data = w;
	uv_check_start(&w->turn, on_turn);
	uv_idle_init(loop, &w->turn_again);
	uv_timer_init(loop, &w->housekeeping);
	w->housekeeping.data = w;
	uv_timer_start(&w->housekeeping, on_housekeeping, HOUSEKEEPING_MS, HOUSEKEEPING_MS);
	uv_timer_init(loop, &w->second);
	w->second.data = w;
	uv_timer_start(&w->second, on_second, 1000, 1000);
	accept_init(w);
}

static int init(struct worker *w, struct context *c, unsigned index, struct spare *spare,
	enum coalesce_kinds joins)
{
	int r;

	*w = (struct worker){.site = {.context = c,
				     .snapshot = snapshot_ref(c->snapshot),
				     .index = index,
				     .enter = enter,
				     .renewed = session_renew_all,
				     .leave = leave},
		.spare = spare,
		.ring_letter = {.deliver = deliver_ring},
		.stop_order = {.deliver = deliver_stop}};
	w->site.held_tail = &w->site.held;
	w->rings = line_calloc(c->n_sites * sizeof(*w->rings));
	if (!w->rings)
		return -ENOMEM;
	r = mailbox_init(&w->site.mailbox);
	if (r < 0)
		return r;
	r = uv_loop_init(&w->site.loop);
	if (r < 0)
		return r;
	r = port_init(
		&w->site.port, &w->site.loop, tun_fd(c->tun, index), joins, &port_ops, &link_calls);
	if (r < 0)
		return r;
	init_handles(w);
	return 0;
}

int workers_new(
	struct context *c, struct spare *spare, enum coalesce_kinds joins, struct worker **ret)
{
	struct worker *workers = line_calloc(c->n_sites * sizeof(*workers));
	int r = 0;

	c->sites = calloc(c->n_sites, sizeof(*c->sites));
	if (!workers || !c->sites) {
		free(workers);
		return -ENOMEM;
	}
	*ret = workers;
	for (unsigned i = 0; i < c->n_sites && !r; i++) {
		c->sites[i] = &workers[i].site;
		r = init(&workers[i], c, i, spare, joins);
	}
	return r;
}

struct worker *worker_at(struct worker *workers, unsigned index)
{
	return &workers[index];
}

static void *worker_main(void *arg)
{
	struct worker *w = arg;

	urcu_memb_register_thread();
	uv_run(&w->site.loop, UV_RUN_DEFAULT);
	urcu_memb_unregister_thread();
	mailbox_post(&w->site.context->control_mailbox, w->gone);
	return NULL;
}

int worker_start(struct worker *w, struct letter *gone)
{
	int r;

	w->gone = gone;
	r = pthread_create(&w->thread, NULL, worker_main, w);
	w->running = !r;
	return -r;
}

/* ---- the end ---------------------------------------------------------- */

/* The loop ends by itself when the last handle is gone, that is: with the last session. */
static void deliver_stop(struct letter *letter)
{
	struct worker *w = container_of(letter, struct worker, stop_order);

	w->site.stopping = true;
	accept_close(w);
	proxy_header_close_all(&w->site);
	session_close_all(&w->site, EV_SERVER_STOPPING);
	leave(&w->site);
}

static void leave(struct site *site)
{
	struct worker *w = worker_of(site);

	if (!w->site.stopping || w->site.sessions || w->site.lanes || w->site.proxy_headers ||
		uv_is_closing((uv_handle_t *)&w->turn))
		return;
	port_close(&w->site.port);
	uv_close((uv_handle_t *)&w->turn, NULL);
	uv_close((uv_handle_t *)&w->turn_again, NULL);
	uv_close((uv_handle_t *)&w->housekeeping, NULL);
	uv_close((uv_handle_t *)&w->second, NULL);
	uv_close((uv_handle_t *)&w->mailbox_poll, NULL);
}

void worker_ask_to_stop(struct worker *w)
{
	if (w->running)
		mailbox_post(&w->site.mailbox, &w->stop_order);
}

void worker_join(struct worker *w)
{
	if (!w->running)
		return;
	pthread_join(w->thread, NULL);
	w->running = false;
}

static void done(struct worker *w)
{
	void *pkt;

	if (uv_loop_alive(
		    &w->site.loop)) { /* set up but never started: its handles are still there */
		deliver_stop(&w->stop_order);
		uv_run(&w->site.loop, UV_RUN_DEFAULT);
	}
	mailbox_deliver(&w->site.mailbox); /* what came after the loop had ended */
	snapshot_free(w->site.snapshot);
	for (unsigned from = 0; w->rings && from < w->site.context->n_sites; from++)
		while ((pkt = ring_pop(&w->rings[from])))
			free(pkt);
	free(w->rings);
	port_done(&w->site.port);
	uv_loop_close(&w->site.loop);
	mailbox_done(&w->site.mailbox);
}

void workers_free(struct context *c, struct worker *workers)
{
	for (unsigned i = 0; workers && i < c->n_sites && c->sites[i]; i++)
		done(&workers[i]);
	free(workers);
	free(c->sites);
	c->sites = NULL;
}
