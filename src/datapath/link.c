/*
 * Theory of operation
 *
 * In:  poll says readable → recv() into the port's buffer → tunnel_recv() → pull events. How much a
 *      recv() takes follows what the octets of this peer cost (follow_work()). Packets go
 *      through the source check into the coalescer; when the pull has run dry the joined packets
 *      are written to the TUN, since the next recv() reuses the buffers.
 * Out: packets wait in FQ-CoDel; link_flush() cuts them into frames straight into the port's
 *      plaintext buffer, seals a burst, writes it. What the socket does not take waits sealed, and
 *      nothing more is sealed until it is gone: the backlog stays where it can be reordered and
 *      dropped. Control frames are sealed before data in every burst.
 * Time: one uv timer per link, never moved per packet: when it fires it asks the tunnel for the true
 *      deadline and goes back to sleep if that is later (the hello timer moves with each packet).
 */
#include "datapath/link.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/hot.h"
#include "datapath/fit.h"
#include "datapath/lane.h"
#include "datapath/private.h"
#include "os/socket.h"
#include "tunnel/fq_codel.h"
#include "tunnel/sparse.h"

#define LOOK_MS 1
#define TARGET_MIN_US 5000 /* RFC 8289 4.2 */
#define TARGET_MAX_US 100000
#define INTERVAL_MIN_US 100000
#define INTERVAL_GROWING_US 1000000        /* while the path carries more and more */
#define PATH_RATE_MAX (250u * 1000 * 1000) /* octets a second: 2 Gbit/s */
#define PATH_LOOK_US 20000                 /* where that is exceeded */
#define UNSEEN_MAX 5840                    /* octets sent without a look: four segments */
#define UNSEEN_PAUSE_US 5000               /* each after a pause: it is no transfer's */
#define UNSEEN_US 100000                   /* then there is one, when nothing waits for it */
#define READ_BEFORE_LOGIN 4096             /* octets a turn: 150 records at most */
#define READ_MIN (16 * 1024)               /* octets a turn of what is dearest to take in */
#define READ_FIRST (64 * 1024)             /* and of what is not known yet */
#define READS_PER_TURN 2
#define TURN_US 2000   /* then others get their turn; poll is level triggered */
#define LINGER_MS 2000 /* for the last octets after the end */

static void on_poll(uv_poll_t *poll, int status, int events);
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

/* The kernel's own queue of unsent octets follows the measured rate (TCP_NOTSENT_LOWAT). */
static void follow_lowat(struct link *l)
{
	uint32_t want = pacer_lowat(&l->pacer);

	if (want > l->lowat / 2 && want < l->lowat + l->lowat / 2)
		return;
	l->lowat = want;
	setsockopt(l->fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &want, sizeof(want));
}

/* Writes what is sealed. True when all of it is gone. */
static bool send_output(struct link *l)
{
	struct buf *out = tunnel_output(l->tunnel);

	while (buf_len(out)) {
		ssize_t n = send(l->fd, buf_data(out), buf_len(out), MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n > 0) {
			buf_consume(out, (size_t)n);
			pacer_wrote(&l->pacer, (size_t)n, clock_mono_us());
			continue;
		}
		if (n < 0 && errno == EINTR)
			continue;
		if (errno == EAGAIN || errno == EWOULDBLOCK) {
			pacer_blocked(&l->pacer, clock_mono_us());
			follow_lowat(l);
			return false;
		}
		l->send_failed = errno;
		buf_consume(out, buf_len(out));
	}
	return true;
}

/*
 * A flow that backs off by a third needs a queue of nearly half the path to keep it busy, so CoDel's
 * target follows the round trip. It is the flow's own delay: others do not wait behind it.
 *
 * While the path is found to carry more and more, what waits is no sign that a flow sends too much: a
 * drop then would end its slow start below what the path holds, and cubic takes many seconds from there.
 * On a path with losses what waits behind a hole comes at once, a round trip late, and so do the answers
 * to it: a queue stands twice as long before it counts.
 */
void link_follow_target(struct link *l, uint32_t rtt_us, bool grows)
{
	uint32_t target = rtt_us;

	l->queue_opts.target_us = target < TARGET_MIN_US   ? TARGET_MIN_US
				  : target > TARGET_MAX_US ? TARGET_MAX_US
							   : target;
	l->queue_opts.interval_us = l->queue_opts.target_us * 5 > INTERVAL_MIN_US
					    ? l->queue_opts.target_us * 5
					    : INTERVAL_MIN_US;
	if (grows)
		l->queue_opts.interval_us = INTERVAL_GROWING_US;
	else if (link_path_loses(l))
		l->queue_opts.interval_us *= 2;
}

static void follow_congestion(struct link *l, const struct tcp_path *path, uint64_t now_us)
{
	const struct congestion_sample s = {.delivered = path->packets_delivered,
		.resent = path->packets_resent,
		.rate = l->inflight.best ? l->inflight.best : path->rate,
		.pace = path->pace,
		.rtt_us = path->rtt_us,
		.min_rtt_us = path->min_rtt_us,
		.mss = path->mss};

	if (!congestion_follow(&l->congestion, &s, now_us))
		return;
	/* To set what is there already would change nothing: by way of Reno it begins anew. */
	tcp_set_congestion(l->fd, congestion_name(CONGESTION_RENO));
	/* Refused, the kernel has no such thing: what is there has to do. */
	if (tcp_set_congestion(l->fd, congestion_name(l->congestion.in_force)) < 0)
		l->chooses_congestion = false;
}

/* How many octets the path may be given now; see tunnel/inflight.h. */
static uint64_t path_allowance(struct link *l)
{
	struct inflight_sample s = {.starved = l->starved};
	/* A fast path empties faster than we look, and every look is a system call. */
	bool fast = l->pacer.rate > PATH_RATE_MAX;
	uint64_t now_us = clock_mono_us(), allowance;
	struct tcp_path path;

	if (l->main)
		return UINT64_MAX; /* a lane has little */
	if ((fast && now_us - l->looked_us < PATH_LOOK_US) || tcp_path(l->fd, &path) < 0)
		return UINT64_MAX;
	l->looked_us = now_us;
	if (l->chooses_congestion)
		follow_congestion(l, &path, now_us);
	if (fast) {
		link_follow_target(l, path.min_rtt_us, false);
		return UINT64_MAX;
	}
	l->starved = false;
	s.delivered = path.delivered;
	s.under_way = path.under_way;
	s.rtt_us = path.rtt_us;
	s.min_rtt_us = path.min_rtt_us;
	s.window = path.window;
	allowance = inflight_allowance(&l->inflight, &s, now_us);
	link_follow_target(l, path.min_rtt_us, inflight_grows(&l->inflight, &s, now_us));
	return allowance;
}

static bool path_has_room(struct link *l)
{
	uint64_t room = path_allowance(l);

	l->room = room < UNSEEN_MAX ? (uint32_t)room : UNSEEN_MAX;
	l->unseen = false;
	return room;
}

/*
 * To look is a system call, and a lone packet would wait for it. What the last look allowed is allowed
 * still, for nothing has been sent since but what is counted in l->room.
 */
static bool may_go_unseen(const struct link *l, uint64_t now_us)
{
	return l->starved && l->queue.octets <= l->room && now_us - l->sent_us >= UNSEEN_PAUSE_US;
}

/* One look for those that were left out. */
static void look_behind(struct link *l, uint64_t now_us)
{
	if (l->unseen && now_us - l->looked_us >= UNSEEN_US)
		path_has_room(l);
}

/* What the queue dropped since the last call. */
static void count_losses(struct link *l)
{
	uint64_t lost = l->queue.stats.dropped + l->queue.stats.dropped_full;

	if (lost != l->queue_lost)
		stat_add(&l->port->stats.drop_queue, lost - l->queue_lost);
	l->queue_lost = lost;
}

/* Fills the port's plaintext buffer with a burst of frames. Returns how many octets. */
static size_t fill_frames(struct link *l)
{
	struct fq_codel_stats before = l->queue.stats, *now = &l->queue.stats;
	size_t n = fq_codel_fill(
		&l->queue, clock_mono_us(), pacer_burst(&l->pacer), l->port->tx, PORT_TX_LEN);
	uint64_t ip = n - (now->sent - before.sent) * SEGMENT_PREFIX_LEN;

	count_losses(l);
	stat_add(&l->port->stats.queue_turns, now->turns - before.turns);
	stat_add(&l->port->stats.queue_us, now->waited_us - before.waited_us);
	stat_add(&lane_main(l)->tx_octets, ip);
	stat_add(&l->port->stats.tx_octets, ip);
	return n;
}

/*
 * All was said. Closing now would make TCP reset the connection if the peer has sent something that
 * was not read, and our last words (an HTTP error, CALL_DISCONNECT) would be lost: end our direction
 * and wait, for a while, until the peer ends its own.
 */
static void end_sending(struct link *l)
{
	if (l->sent_all)
		return;
	l->sent_all = true;
	if (shutdown(l->fd, SHUT_WR) < 0 || l->send_failed)
		finish(l);
}

static void on_look(uv_timer_t *timer)
{
	link_flush(timer->data);
}

/* The path is full and the socket is not: no event will come, so look again in a moment. */
static void look_again(struct link *l)
{
	if (!uv_is_active((uv_handle_t *)&l->look))
		uv_timer_start(&l->look, on_look, LOOK_MS, 0);
}

/* Seals a burst of what waits. False: nothing waits, or it may not go yet. */
static bool seal_burst(struct link *l)
{
	uint64_t now_us;
	size_t n;

	if (l->ended || fq_codel_empty(&l->queue))
		return false;
	now_us = clock_mono_us();
	if (may_go_unseen(l, now_us)) {
		l->unseen = true;
	} else if (!path_has_room(l)) {
		look_again(l);
		return false;
	}
	l->sent_us = now_us;
	n = fill_frames(l);
	l->room -= n < l->room ? (uint32_t)n : l->room;
	if (!n || tunnel_send_frames(l->tunnel, l->port->tx, n) < 0)
		return false;
	port_warm(l->port, l);
	lane_follow(l);
	return true;
}

HOT void link_flush(struct link *l)
{
	struct buf *out = tunnel_output(l->tunnel);
	bool sealed = false;

	if (l->closing)
		return;
	while (send_output(l)) {
		while (buf_len(out) < pacer_write(&l->pacer) && seal_burst(l))
			sealed = true;
		if (!buf_len(out))
			break;
	}
	if (!buf_len(out) && fq_codel_empty(&l->queue)) {
		uint64_t now_us = clock_mono_us();

		if (sealed) /* else something came in, and its answer would wait for this */
			look_behind(l, now_us);
		l->starved = true;
		pacer_idle(&l->pacer, now_us);
	}
	want_write(l, buf_len(out) > 0);
	if (l->ended && !buf_len(out))
		end_sending(l);
}

HOT void link_enqueue(struct link *l, struct pbuf *pkt)
{
	uint32_t n = segment_count(&pkt->segment);
	uint64_t now_us = clock_mono_us();
	struct link *via = lane_choose(l, pkt, now_us);

	stat_add(&l->tx_packets, n);
	stat_add(&l->port->stats.tx_packets, n);
	via->queue_opts.limit_octets = pacer_backlog(&via->pacer);
	fq_codel_enqueue(&via->queue, pkt, now_us);
	count_losses(via);
	if (via->queue.octets >= pacer_write(&via->pacer))
		link_flush(via);
	else
		port_mark_dirty(via->port, via);
	lane_watch(l, now_us);
}

void link_prefetch(const struct link *l)
{
	prefetch(l, sizeof(*l));
	fq_codel_prefetch(&l->queue);
	tunnel_prefetch(l->tunnel);
}

bool link_cool(struct link *l)
{
	if (buf_len(tunnel_output(l->tunnel)) || !fq_codel_empty(&l->queue))
		return false;
	tunnel_idle(l->tunnel);
	l->read_len = READ_FIRST;
	fq_codel_trim(&l->queue, clock_mono_us());
	lane_cool(l);
	return true;
}

/* ---- in ---------------------------------------------------------- */

/* Not everyday TCP or UDP, or with padding behind it, or not to be delivered. */
COLD static enum guard_verdict judge_closely(struct link *l, struct ip_packet *ip)
{
	struct ip_view view;
	enum guard_verdict v = guard_judge(&l->guard, ip->octets, ip->len, &view);

	if (v == GUARD_MALFORMED)
		return v;
	if (v >= GUARD_SOLICITATION && v <= GUARD_DHCPV6 && l->ops->intercept)
		l->ops->intercept(l, v, ip->octets, &view);
	if (view.len < ip->len)
		ip_packet_parse(ip->octets, view.len, ip);
	return v;
}

/* PPP named the family; the packet itself has to agree. */
HOT static enum guard_verdict judge(struct link *l, int family, struct ip_packet *ip)
{
	if (ip->version != (family == AF_INET ? 4 : 6))
		return GUARD_MALFORMED;
	if (ip->simple && guard_addresses(&l->guard, ip->octets) == GUARD_PASS)
		return GUARD_PASS;
	return judge_closely(l, ip);
}

static void count_refused(struct port_stats *s, enum guard_verdict why)
{
	switch (why) {
	case GUARD_PASS:
	case GUARD_SOLICITATION:
	case GUARD_ADVERTISEMENT:
	case GUARD_NEIGHBOUR:
	case GUARD_DHCPV6: break;
	case GUARD_NOISE: stat_add(&s->drop_noise, 1); break;
	case GUARD_SOURCE: stat_add(&s->drop_source, 1); break;
	case GUARD_MALFORMED: stat_add(&s->drop_malformed, 1); break;
	case GUARD_FORBIDDEN: stat_add(&s->drop_forbidden, 1); break;
	} /* no default */
}

static void take_packet(struct link *via, const struct rd *packet, int family)
{
	struct link *l = lane_main(via);
	struct ip_packet ip;
	enum guard_verdict v;

	if (via != l && !tunnel_data_ok(l->tunnel, family))
		return; /* what may pass is decided on the main connection */
	ip_packet_parse(packet->p, rd_left(packet), &ip);
	v = judge(l, family, &ip);
	if (v == GUARD_PASS && !l->ops->accept_source(l, &ip))
		v = GUARD_SOURCE;
	if (v != GUARD_PASS) {
		count_refused(&l->port->stats, v);
		return;
	}
	fit_ingress(l, &ip, (uint8_t *)(uintptr_t)packet->p);
	stat_add(&l->rx_packets, 1);
	stat_add(&l->rx_octets, ip.len);
	if (l->port->ops->deliver)
		l->port->ops->deliver(l, packet->p, ip.len);
	else
		port_deliver(l->port, packet->p, ip.len);
}

HOT static void pull(struct link *l)
{
	uint64_t now_ms = clock_mono_ms(); /* once: a batch takes microseconds */
	struct tunnel_event ev;

	l->is_busy = true;
	while (tunnel_next_event(l->tunnel, now_ms, &ev)) {
		if (ev.type == TUNNEL_PACKET) {
			take_packet(l, &ev.packet, ev.family);
			continue;
		}
		if (ev.type == TUNNEL_BATCH_END) {
			port_deliver_end(l->port);
			continue;
		}
		if (ev.type == TUNNEL_ENDED) {
			l->ended = true;
			l->linger_until = clock_mono_ms() + LINGER_MS;
			l->timer_at = NEVER;
			l->detached = false; /* nothing is left to go on with */
			lane_leave(l);
		}
		l->ops->event(l, &ev);
	}
	port_deliver_end(l->port);
	l->is_busy = false;
}

/* What was said in answer may have to go by the other connection of the session. */
static void flush_sibling(struct link *l)
{
	struct link *sibling = l->main ? l->main : l->lane;

	if (sibling && sibling->is_dirty)
		link_flush(sibling);
}

HOT void link_kick(struct link *l)
{
	if (l->closing)
		return;
	if (l->is_busy) /* called from a callback: the pull under way goes on */
		return;
	pull(l);
	if (l->detached) {
		finish(l);
		return;
	}
	link_flush(l);
	if (l->send_failed && !l->ended && !l->closing) {
		tunnel_recv_end(l->tunnel, l->send_failed, clock_mono_ms());
		pull(l);
		link_flush(l);
	}
	flush_sibling(l);
	arm_timer(l);
}

/*
 * How much the next recv() may take, from what the last one of n octets cost. An octet of small packets
 * or records is a hundred times the work of one in a full record, and the peer chooses which it sends.
 */
static void follow_work(struct link *l, size_t n, uint64_t us)
{
	uint64_t fits = us > TURN_US ? n * TURN_US / us : l->read_len;

	if (us <= TURN_US / 2 && n == l->read_len)
		fits *= 2;
	l->read_len = fits < READ_MIN      ? READ_MIN
		      : fits > PORT_RX_LEN ? PORT_RX_LEN
					   : (uint32_t)fits;
}

HOT void link_readable(struct link *l, uint64_t now_us)
{
	for (int i = 0; i < READS_PER_TURN && !l->closing; i++) {
		size_t room = l->deferred ? READ_BEFORE_LOGIN : l->read_len;
		ssize_t n = recv(l->fd, l->port->rx, room, MSG_DONTWAIT);
		uint64_t begin_us = now_us;

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n > 0)
			tunnel_recv(l->tunnel, l->port->rx, (size_t)n, clock_mono_ms());
		else
			tunnel_recv_end(l->tunnel, n < 0 ? errno : 0, clock_mono_ms());
		link_kick(l);
		if (n < READ_MIN)
			return; /* the socket is empty; if not, poll says so again */
		now_us = clock_mono_us();
		follow_work(l, (size_t)n, now_us - begin_us);
		if ((size_t)n < room || now_us - begin_us > TURN_US / 2)
			return;
	}
}

/* After the end: what still comes is read and thrown away until the peer closes too. */
static void discard(struct link *l)
{
	ssize_t n = recv(l->fd, l->port->rx, PORT_RX_LEN, MSG_DONTWAIT);

	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		finish(l);
}

/* libuv stops a poll with an error. What came before the error is read first, so it must tell again. */
static void poll_anew(struct link *l)
{
	int events = l->poll_events;

	l->poll_events = 0;
	want_events(l, events);
}

HOT static void on_poll(uv_poll_t *poll, int status, int events)
{
	struct link *l = poll->data;
	uint64_t now_us = clock_mono_us();

	port_wake(l->port, l, now_us);
	if (status < 0) {
		poll_anew(l);
		events = UV_READABLE; /* recv() names the error */
	}
	if (events & UV_WRITABLE)
		link_flush(l);
	if (l->closing || !(events & UV_READABLE))
		return;
	if (l->ended)
		discard(l);
	else if (l->deferred)
		port_defer(l->port, l);
	else
		link_readable(l, now_us);
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
	l->read_len = READ_FIRST;
	pacer_init(&l->pacer);
	l->queue_opts = port_queue_opts;
	fq_codel_init(&l->queue, &l->queue_opts, p->seed);
	uv_timer_init(p->loop, &l->timer);
	uv_timer_init(p->loop, &l->look);
	l->poll.data = l->timer.data = l->look.data = l;
	l->handles_open = 3;
	return 0;
}

void link_choose_congestion(struct link *l)
{
	l->chooses_congestion = !tcp_set_congestion(l->fd, congestion_name(l->congestion.in_force));
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
	lane_leave(l);
	sparse_free(l->sparse);
	l->sparse = NULL;
	port_forget(l->port, l);
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
