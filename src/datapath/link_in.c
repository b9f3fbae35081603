// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation
 *
 * recv() into the port's buffer → tunnel_recv() → events. How much a recv() takes follows what the
 * octets of this peer cost (follow_work()). Packets go through the source check into the coalescer;
 * when the tunnel has run dry the joined packets are written to the TUN, since the next recv() reuses
 * the buffers.
 */
#include "datapath/link_in.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/hot.h"
#include "datapath/allowance.h"
#include "datapath/fit.h"

#define READ_BEFORE_LOGIN 4096 /* octets a turn: 150 records at most */
#define TURN_US 2000           /* then others get their turn; poll is level triggered */

/* ---- packets ---------------------------------------------------------- */

/* Not everyday TCP or UDP, or not to be delivered. */
COLD static enum guard_verdict judge_closely(
	struct link *l, const uint8_t *octets, const struct ip_packet *ip)
{
	enum guard_verdict v = guard_judge(&l->guard, octets, ip);

	if (v >= GUARD_SOLICITATION && v <= GUARD_DHCPV4 && l->ops->intercept)
		l->ops->intercept(l, v, octets, ip);
	return v;
}

/* PPP named the family; the packet itself has to agree. */
HOT static enum guard_verdict judge(
	struct link *l, int family, const uint8_t *octets, const struct ip_packet *ip)
{
	if (ip->family != family)
		return GUARD_MALFORMED;
	if (ip->simple && guard_addresses(&l->guard, octets) == GUARD_PASS)
		return GUARD_PASS;
	return judge_closely(l, octets, ip);
}

static void count_refused(struct port_stats *s, enum guard_verdict why)
{
	switch (why) {
	case GUARD_PASS:
	case GUARD_SOLICITATION:
	case GUARD_ADVERTISEMENT:
	case GUARD_NEIGHBOUR:
	case GUARD_DHCPV6:
	case GUARD_DHCPV4: break;
	case GUARD_NOISE: stat_add(&s->drop_noise, 1); break;
	case GUARD_SOURCE: stat_add(&s->drop_source, 1); break;
	case GUARD_MALFORMED: stat_add(&s->drop_malformed, 1); break;
	case GUARD_FORBIDDEN: stat_add(&s->drop_forbidden, 1); break;
	} /* no default */
}

static void take_packet(struct link *via, const struct rd *packet, int family)
{
	struct link *l = link_main(via);
	struct ip_packet ip;
	enum guard_verdict v;

	if (via != l && !tunnel_data_ok(l->tunnel, family))
		return; /* what may pass is decided on the main connection */
	packet_parse(packet->p, rd_left(packet), &ip);
	v = judge(l, family, packet->p, &ip);
	if (v == GUARD_PASS && !l->ops->accept_source(l, packet->p, &ip))
		v = GUARD_SOURCE;
	if (v != GUARD_PASS) {
		count_refused(&l->port->stats, v);
		return;
	}
	if (l->allowance && !allowance_passes_up(l->allowance, packet->p, &ip)) {
		stat_add(&l->port->stats.drop_filter, 1);
		return;
	}
	fit_ingress(l, &ip, (uint8_t *)(uintptr_t)packet->p);
	stat_add(&l->rx_packets, 1);
	stat_add(&l->rx_octets, ip.len);
	if (l->allowance && allowance_holds(l->allowance, l, packet->p, &ip, clock_mono_us()))
		return;
	if (l->port->ops->deliver)
		l->port->ops->deliver(l, packet->p, ip.len);
	else
		port_deliver(l->port, packet->p, &ip);
}

HOT bool link_in_next(struct link *l, uint64_t now_ms, struct tunnel_event *ret)
{
	while (tunnel_next_event(l->tunnel, now_ms, ret)) {
		if (ret->type == TUNNEL_PACKET)
			take_packet(l, &ret->packet, ret->family);
		else if (ret->type == TUNNEL_BATCH_END)
			port_deliver_end(l->port);
		else
			return true;
	}
	port_deliver_end(l->port);
	return false;
}

/* ---- octets ---------------------------------------------------------- */

HOT ssize_t link_in_recv(struct link *l)
{
	size_t room = l->deferred ? READ_BEFORE_LOGIN : l->read_len;
	ssize_t n = recv(l->fd, l->port->rx, room, MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return -EAGAIN;
	if (n > 0)
		tunnel_recv(l->tunnel, l->port->rx, (size_t)n, clock_mono_ms());
	else
		tunnel_recv_end(l->tunnel, n < 0 ? errno : 0, clock_mono_ms());
	return n < 0 ? 0 : n;
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
	l->read_len = fits < LINK_READ_MIN ? LINK_READ_MIN
		      : fits > PORT_RX_LEN ? PORT_RX_LEN
					   : (uint32_t)fits;
}

bool link_in_more(struct link *l, size_t n, uint64_t us)
{
	bool full = n >= l->read_len;

	follow_work(l, n, us);
	return full && us <= TURN_US / 2;
}

bool link_in_discard(struct link *l)
{
	ssize_t n = recv(l->fd, l->port->rx, PORT_RX_LEN, MSG_DONTWAIT);

	return n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR);
}
