// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation
 *
 * Life of a link, and all of libuv's callbacks: they call the way in (link_in.c) and the way out
 * (link_out.c), whose results say what is to be done with handles and other links; so those two,
 * pair.c, path.c and port.c call nothing here. The port calls through link_calls, per batch.
 *
 * In:  poll says readable → recv() → events to the owner → what was said in answer is flushed.
 * Out: a packet that completes a write's worth has its link flushed, else the end of the turn does.
 * Time: one uv timer per link, never moved per packet: when it fires it asks the tunnel for the true
 *      deadline and goes back to sleep if that is later (the hello timer moves with each packet).
 */
#include "datapath/link.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/hot.h"
#include "datapath/allowance.h"
#include "datapath/link_in.h"
#include "datapath/link_out.h"
#include "os/socket.h"
#include "tunnel/fq_codel.h"

#define LOOK_MS 1 /* for room on the path; between a lane's followers, for losses come in bursts */
#define READS_PER_TURN 2
#define LINGER_MS 2000 /* for the last octets after the end */

static void on_poll(uv_poll_t *poll, int status, int events);
static void on_look(uv_timer_t *timer);
static void finish(struct link *l);

/* ---- interest and time ---------------------------------------------------------- */

static void want_events(struct link *l, int events)
{
	if (l->poll_events == events || l->closing)
		return;
	l->poll_events = events;
	if (events)
		uv_poll_start(&l->poll, events, on_poll);
	else
		uv_poll_stop(&l->poll);
}

static void want_write(struct link *l, bool on)
{
	want_events(l, on ? l->poll_events | UV_WRITABLE : l->poll_events & ~UV_WRITABLE);
}

static void on_timer(uv_timer_t *timer);

static void arm_timer(struct link *l)
{
	uint64_t at = l->ended ? l->linger_until : tunnel_deadline(l->tunnel), now;

	if (at >= l->timer_at || l->closing)
		return; /* fires early at worst, and asks again then */
	now = clock_mono_ms();
	l->timer_at = at;
	uv_timer_start(&l->timer, on_timer, at > now ? at - now : 0, 0);
}

/* ---- out ---------------------------------------------------------- */

static void look_in(struct link *l, uint64_t ms)
{
	if (!uv_is_active((uv_handle_t *)&l->look))
		uv_timer_start(&l->look, on_look, ms, 0);
}

static void look_again(struct link *l)
{
	look_in(l, LOOK_MS);
}

/* When the user's rate allows more. A debt is a packet's time, some seconds at the lowest rate. */
static void look_when_allowed(struct link *l)
{
	look_in(l, shaper_wait_us(&link_main(l)->allowance->down) / 1000 + 1);
}

HOT static void flush(struct link *l)
{
	unsigned then;

	if (l->closing)
		return;
	then = link_out_flush(l);
	if (then & LINK_LOOK)
		look_again(l);
	if (then & LINK_SHAPED)
		look_when_allowed(l);
	want_write(l, then & LINK_WRITE);
	if (then & LINK_OVER)
		finish(l);
}

/* What the peer sent over its rate and may go on now. */
COLD static void release(struct link *l)
{
	uint64_t ms = allowance_release(l->allowance, l, clock_mono_us());

	if (ms && !l->closing)
		look_in(l, ms);
}

static void on_look(uv_timer_t *timer)
{
	struct link *l = timer->data;
	bool more = pair_send_follower(l);

	if (l->allowance)
		release(l);
	flush(l);
	if (more && !l->closing)
		look_again(l);
}

/* Takes pkt. */
HOT static void send_packet(struct link *l, const struct vnet_hdr *vnet, struct pbuf *pkt)
{
	struct link *full = link_out_send(l, vnet, pkt);

	if (full)
		flush(full);
}

void link_send_copy(struct link *l, const struct vnet_hdr *vnet, const void *octets, size_t n)
{
	struct pbuf *pkt = pbuf_get(l->port->pool, n);

	if (!pkt) {
		stat_add(&l->port->stats.drop_queue, 1);
		return;
	}
	memcpy(pkt->octets, octets, n);
	packet_parse(pkt->octets, n, &pkt->ip);
	send_packet(l, vnet, pkt);
}

/* What was read goes to its link, to another worker, or away. */
static void take_from_tun(struct port *p, const struct vnet_hdr *vnet, struct pbuf *pkt, size_t n)
{
	struct link *l = NULL;

	packet_parse(pkt->octets, n, &pkt->ip);
	if (pkt->ip.version)
		l = p->ops->route(p, vnet, pkt->octets, &pkt->ip);
	else
		stat_add(&p->stats.drop_malformed, 1);
	if (l && l->allowance && !allowance_passes_down(l->allowance, pkt->octets, &pkt->ip)) {
		stat_add(&p->stats.drop_filter, 1);
		l = NULL;
	}
	if (l)
		send_packet(l, vnet, pkt);
	else
		pbuf_free(pkt);
}

HOT static void take_batch(struct port *p, int reads)
{
	struct vnet_hdr vnet;
	struct pbuf *pkt;
	size_t n;

	while (reads-- && (pkt = port_read_tun(p, &vnet, &n)))
		take_from_tun(p, &vnet, pkt, n);
}

/* ---- in ---------------------------------------------------------- */

/* What a retired or ended lane leaves to be done. */
static void part(const struct pair_parted *parted)
{
	if (parted->abort)
		link_abort(parted->abort);
	if (parted->flush)
		flush(parted->flush);
}

static void leave_pair(struct link *l)
{
	struct pair_parted parted = pair_leave(l);

	part(&parted);
}

static void end(struct link *l)
{
	l->ended = true;
	l->linger_until = clock_mono_ms() + LINGER_MS;
	l->timer_at = NEVER;
	l->detached = false; /* nothing is left to go on with */
	leave_pair(l);
}

HOT static void pull(struct link *l)
{
	uint64_t now_ms = clock_mono_ms(); /* once: a batch takes microseconds */
	struct tunnel_event ev;

	l->is_busy = true;
	while (link_in_next(l, now_ms, &ev)) {
		if (ev.type == TUNNEL_ENDED)
			end(l);
		l->ops->event(l, &ev);
	}
	l->is_busy = false;
}

/* What was said in answer may have to go by the other connection of the session. */
static void flush_sibling(struct link *l)
{
	struct link *sibling = l->pair.main ? l->pair.main : l->pair.lane;

	if (sibling && sibling->in_port.is_dirty)
		flush(sibling);
}

HOT void link_kick(struct link *l)
{
	if (l->closing)
		return;
	if (l->is_busy) /* called from a callback: the pull under way goes on */
		return;
	pull(l);
	if (link_main(l)->allowance)
		release(link_main(l));
	if (l->detached) {
		finish(l);
		return;
	}
	flush(l);
	if (l->send_failed && !l->ended && !l->closing) {
		tunnel_recv_end(l->tunnel, l->send_failed, clock_mono_ms());
		pull(l);
		flush(l);
	}
	flush_sibling(l);
	arm_timer(l);
}

HOT static void read_socket(struct link *l, uint64_t now_us)
{
	for (int i = 0; i < READS_PER_TURN && !l->closing; i++) {
		ssize_t n = link_in_recv(l);
		uint64_t begin_us = now_us;

		if (n < 0)
			return;
		link_kick(l);
		if (n < LINK_READ_MIN)
			return; /* the socket is empty; if not, poll says so again */
		now_us = clock_mono_us();
		if (!link_in_more(l, (size_t)n, now_us - begin_us))
			return;
	}
}

static void discard(struct link *l)
{
	if (link_in_discard(l))
		finish(l);
}

/* libuv stops a poll with an error. Octets before the error are read first, so it is started again. */
static void poll_again(struct link *l)
{
	int events = l->poll_events;

	l->poll_events = 0;
	want_events(l, events);
}

HOT static void on_poll(uv_poll_t *poll, int status, int events)
{
	struct link *l = poll->data;
	uint64_t now_us = clock_mono_us();

	port_wake(l->port, &l->in_port, now_us);
	if (status < 0) {
		poll_again(l);
		events = UV_READABLE; /* recv() names the error */
	}
	if (events & UV_WRITABLE)
		flush(l);
	if (l->closing || !(events & UV_READABLE))
		return;
	if (l->ended)
		discard(l);
	else if (l->deferred)
		port_defer(l->port, &l->in_port);
	else
		read_socket(l, now_us);
}

static void on_timer(uv_timer_t *timer)
{
	struct link *l = timer->data;

	l->timer_at = NEVER;
	if (l->ended) {
		finish(l);
		return;
	}
	tunnel_tick(l->tunnel, clock_mono_ms());
	link_kick(l);
}

/* ---- what the port calls ---------------------------------------------------------- */

static void prefetch_link(const struct port_link *at)
{
	const struct link *l = link_of((struct port_link *)(uintptr_t)at);

	prefetch(l, sizeof(*l));
	fq_codel_prefetch(&l->queue);
	tunnel_prefetch(l->tunnel);
}

static bool cool(struct port_link *at)
{
	struct link *l = link_of(at);

	if (buf_len(tunnel_output(l->tunnel)) || !fq_codel_empty(&l->queue))
		return false;
	tunnel_idle(l->tunnel);
	l->read_len = LINK_READ_FIRST;
	fq_codel_trim(&l->queue, clock_mono_us());
	pair_cool(&l->pair);
	return true;
}

static void flush_at(struct port_link *at)
{
	flush(link_of(at));
}

static void read_at(struct port_link *at, uint64_t now_us)
{
	read_socket(link_of(at), now_us);
}

const struct port_calls link_calls = {.take_batch = take_batch,
	.flush = flush_at,
	.read = read_at,
	.prefetch = prefetch_link,
	.cool = cool};

/* ---- birth and death ---------------------------------------------------------- */

int link_init(
	struct link *l, struct port *p, int fd, struct tunnel *tunnel, const struct link_ops *ops)
{
	int r;

	*l = (struct link){.port = p, .ops = ops, .fd = fd, .timer_at = NEVER};
	r = uv_poll_init(p->loop, &l->poll, fd);
	if (r < 0)
		return r;
	l->tunnel = tunnel;
	l->read_len = LINK_READ_FIRST;
	path_init(&l->path, &FQ_CODEL_DEFAULTS);
	fq_codel_init(&l->queue, &l->path.queue_opts, p->seed);
	uv_timer_init(p->loop, &l->timer);
	uv_timer_init(p->loop, &l->look);
	l->poll.data = l->timer.data = l->look.data = l;
	l->handles_open = 3;
	return 0;
}

void link_choose_congestion(struct link *l)
{
	l->path.chooses_congestion =
		!tcp_set_congestion(l->fd, congestion_name(l->path.congestion.in_force));
}

void link_start(struct link *l)
{
	want_events(l, UV_READABLE);
	tunnel_start(l->tunnel, clock_mono_ms());
	link_kick(l);
}

void link_close(struct link *l, enum event why)
{
	tunnel_close(l->tunnel, why, clock_mono_ms());
	link_kick(l);
}

static void on_handle_closed(uv_handle_t *h)
{
	struct link *l = h->data;

	if (--l->handles_open)
		return;
	if (!l->detached) {
		close(l->fd);
		tunnel_free(l->tunnel);
		l->tunnel = NULL;
	}
	l->ops->closed(l);
}

/* Everything that holds memory goes now; the owner frees the link when the handles are gone. */
static void finish(struct link *l)
{
	if (l->closing)
		return;
	l->closing = true;
	leave_pair(l);
	pair_cool(&l->pair);
	port_forget(l->port, &l->in_port);
	fq_codel_done(&l->queue);
	uv_close((uv_handle_t *)&l->poll, on_handle_closed);
	uv_close((uv_handle_t *)&l->timer, on_handle_closed);
	uv_close((uv_handle_t *)&l->look, on_handle_closed);
}

void link_detach(struct link *l)
{
	l->detached = true;
}

void link_abort(struct link *l)
{
	if (l->closing)
		return;
	if (!l->ended) {
		tunnel_recv_end(l->tunnel, 0, clock_mono_ms());
		pull(l);
	}
	finish(l);
}

void link_retire(struct link *lane, enum event why)
{
	struct pair_parted parted;

	if (!pair_retire(lane, &parted))
		return;
	part(&parted);
	tunnel_retire(lane->tunnel, why, clock_mono_ms());
	link_kick(lane);
}
