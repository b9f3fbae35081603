// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation
 *
 * Packets wait in FQ-CoDel; link_out_flush() cuts them into frames straight into the port's plaintext
 * buffer, seals a burst, writes it. What the socket does not take waits sealed, and nothing more is
 * sealed until it is gone: the backlog stays where it can be reordered and dropped. Control frames are
 * sealed before data in every burst. When a burst may go and how large it is says datapath/path.h.
 */
#include "datapath/link_out.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/hot.h"
#include "datapath/allowance.h"
#include "datapath/fit.h"
#include "ip/fragment.h"
#include "offload/csum.h"
#include "os/socket.h"

/* ---- bursts ---------------------------------------------------------- */

/* The kernel's own queue of unsent octets follows the measured rate (TCP_NOTSENT_LOWAT). */
static void follow_lowat(struct link *l)
{
	uint32_t want = pacer_lowat(&l->path.pacer);

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
			pacer_wrote(&l->path.pacer, (size_t)n, clock_mono_us());
			continue;
		}
		if (n < 0 && errno == EINTR)
			continue;
		if (errno == EAGAIN || errno == EWOULDBLOCK) {
			pacer_blocked(&l->path.pacer, clock_mono_us());
			follow_lowat(l);
			return false;
		}
		l->send_failed = errno;
		buf_consume(out, buf_len(out));
	}
	return true;
}

/* Setting the present one changes nothing, so Reno is set first, which restarts it. */
static void set_congestion(struct link *l)
{
	tcp_set_congestion(l->fd, congestion_name(CONGESTION_RENO));
	/* Refused: the kernel does not have it, so the present one stays. */
	if (tcp_set_congestion(l->fd, congestion_name(l->path.congestion.in_force)) < 0)
		l->path.chooses_congestion = false;
}

static struct path_decision look(struct link *l, uint64_t now_us)
{
	struct tcp_path seen;
	struct path_decision d =
		path_look(&l->path, tcp_path(l->fd, &seen) < 0 ? NULL : &seen, now_us);

	if (d.set_congestion)
		set_congestion(l);
	return d;
}

/* What the queue dropped since the last call. */
static void count_losses(struct link *l)
{
	uint64_t lost = l->queue.stats.dropped + l->queue.stats.dropped_full;

	if (lost != l->queue_lost)
		stat_add(&l->port->stats.drop_queue, lost - l->queue_lost);
	l->queue_lost = lost;
}

/* Fills the port's plaintext buffer with frames. Returns how many octets. */
static size_t fill_frames(struct link *l, uint32_t burst, uint64_t now_us)
{
	struct fq_codel_stats before = l->queue.stats, *now = &l->queue.stats;
	size_t n = fq_codel_fill(&l->queue, now_us, burst, l->port->tx, PORT_TX_LEN);
	uint64_t ip = n - (now->sent - before.sent) * SEGMENT_PREFIX_LEN;

	count_losses(l);
	stat_add(&l->port->stats.queue_turns, now->turns - before.turns);
	stat_add(&l->port->stats.queue_us, now->waited_us - before.waited_us);
	stat_add(&link_main(l)->tx_octets, ip);
	if (link_main(l)->allowance)
		shaper_spend(&link_main(l)->allowance->down, ip);
	stat_add(&l->port->stats.tx_octets, ip);
	return n;
}

/*
 * Of a burst so many octets may go by the user's rate; 0: none yet. A lane carries little, and goes ahead:
 * what it sends, the main link sends less.
 */
COLD static uint32_t allowed(struct link *l, uint32_t burst, uint64_t now_us)
{
	struct shaper *s = &link_main(l)->allowance->down;
	uint32_t may = l->pair.main ? shaper_ask_sparse(s, now_us) : shaper_ask(s, now_us);

	return may < burst ? may : burst;
}

/* Seals a burst of what waits. False: nothing waits, or it may not go yet. */
static bool seal_burst(struct link *l, unsigned *then)
{
	struct path_decision d;
	uint64_t now_us;
	size_t n;

	if (l->ended || fq_codel_empty(&l->queue))
		return false;
	now_us = clock_mono_us();
	d = path_ask(&l->path, l->queue.octets, now_us);
	if (d.reason == PATH_LOOK)
		d = look(l, now_us);
	if (d.reason == PATH_WAIT) { /* the socket is not full: no event will come */
		*then |= LINK_LOOK;
		return false;
	}
	if (link_main(l)->allowance && !(d.octets = allowed(l, d.octets, now_us))) {
		*then |= LINK_SHAPED;
		return false;
	}
	n = fill_frames(l, d.octets, now_us);
	path_sent(&l->path, n, now_us);
	if (!n || tunnel_send_frames(l->tunnel, l->port->tx, n) < 0)
		return false;
	port_warm(l->port, &l->in_port);
	if (pair_follow(l))
		*then |= LINK_LOOK;
	return true;
}

/*
 * All was said. Closing now would make TCP reset the connection if the peer has sent something that
 * was not read, and our last words (an HTTP error, CALL_DISCONNECT) would be lost: end our direction
 * and wait, for a while, until the peer ends its own. True when that is no use.
 */
static bool end_sending(struct link *l)
{
	if (l->sent_all)
		return false;
	l->sent_all = true;
	return shutdown(l->fd, SHUT_WR) < 0 || l->send_failed;
}

/* `sealed`: if not, something came in, and its answer would wait for a look. */
static void rest(struct link *l, bool sealed)
{
	uint64_t now_us = clock_mono_us();

	if (sealed && path_ask_behind(&l->path, now_us).reason == PATH_LOOK)
		look(l, now_us);
	path_idle(&l->path, now_us);
}

HOT unsigned link_out_flush(struct link *l)
{
	struct buf *out = tunnel_output(l->tunnel);
	unsigned then = 0;
	bool sealed = false;

	while (send_output(l)) {
		while (buf_len(out) < pacer_write(&l->path.pacer) && seal_burst(l, &then))
			sealed = true;
		if (!buf_len(out))
			break;
	}
	if (buf_len(out))
		return then | LINK_WRITE;
	if (fq_codel_empty(&l->queue))
		rest(l, sealed);
	if (l->ended && end_sending(l))
		then |= LINK_OVER;
	return then;
}

/* ---- packets ---------------------------------------------------------- */

/* Takes pkt, whose segment is begun. Returns the link it went to when a write's worth waits there. */
HOT static struct link *enqueue_segment(struct link *l, struct pbuf *pkt)
{
	uint32_t n = segment_count(&pkt->segment);
	uint64_t now_us = clock_mono_us();
	struct link *via = pair_choose(l, pkt, now_us);

	stat_add(&l->tx_packets, n);
	stat_add(&l->port->stats.tx_packets, n);
	via->path.queue_opts.limit_octets = pacer_backlog(&via->path.pacer);
	if (l->allowance && via->path.queue_opts.limit_octets > l->allowance->down_limit)
		via->path.queue_opts.limit_octets = l->allowance->down_limit;
	fq_codel_enqueue(&via->queue, pkt, now_us);
	count_losses(via);
	if (l->ops->want_lane && pair_wants_lane(l, now_us))
		l->ops->want_lane(l);
	if (via->queue.octets >= pacer_write(&via->path.pacer))
		return via;
	port_mark_dirty(via->port, &via->in_port);
	return NULL;
}

/* Takes pkt, which fits. */
HOT static struct link *enqueue(struct link *l, const struct vnet_hdr *vnet, struct pbuf *pkt)
{
	if (segment_init(&pkt->segment, vnet, pkt->octets, pkt->ip.len) < 0) {
		pbuf_free(pkt);
		return NULL;
	}
	return enqueue_segment(l, pbuf_fit(pkt, pkt->ip.len));
}

/* A checksum over the whole packet must be right before the packet is cut. */
static void finish_checksum(const struct vnet_hdr *vnet, uint8_t *octets, size_t n)
{
	size_t start = vnet->csum_start, at = start + vnet->csum_offset;
	uint16_t sum;

	if (!(vnet->flags & VNET_F_NEEDS_CSUM) || at + 2 > n)
		return;
	sum = csum_finish(csum_add(0, octets + start, n - start));
	sum = sum ? sum : UINT16_MAX; /* zero means "none" to UDP; to TCP both are the same */
	memcpy(octets + at, &sum, sizeof(sum));
}

/* IPv4 without DF that is larger than the peer takes (RFC 791 section 3.2). */
COLD static struct link *send_pieces(struct link *l, const struct vnet_hdr *vnet, struct pbuf *pkt)
{
	static const struct vnet_hdr plain;
	struct link *full = NULL, *to;
	size_t at = 0, len = 1;

	finish_checksum(vnet, pkt->octets, pkt->ip.len);
	if (!pkt->ip.whole)
		return NULL;
	while (len) {
		struct pbuf *piece = pbuf_get(l->port->pool, l->mtu);

		if (!piece) {
			stat_add(&l->port->stats.drop_queue, 1);
			break; /* the rest is worth nothing without this one */
		}
		len = fragment_next(pkt->octets, &pkt->ip, l->mtu, &at, piece->octets);
		packet_parse(piece->octets, len, &piece->ip);
		if (!len)
			pbuf_free(piece);
		else if ((to = enqueue(l, &plain, piece)))
			full = to;
	}
	return full;
}

HOT struct link *link_out_send(struct link *l, const struct vnet_hdr *vnet, struct pbuf *pkt)
{
	struct link *full = NULL;

	switch (fit_egress(l, vnet, &pkt->ip, pkt->octets)) {
	case FIT_AS_IT_IS: return enqueue(l, vnet, pkt);
	case FIT_CUT: full = send_pieces(l, vnet, pkt); break;
	case FIT_DROP: break;
	}
	pbuf_free(pkt);
	return full;
}
