// SPDX-License-Identifier: Apache-2.0
/*
 * ip/toobig.c — building the two "too big" messages.
 *
 * When none is sent: RFC 1122 section 3.2.2 and RFC 4443 section 2.4 e. DEVIATION: RFC 4443 allows
 * Packet Too Big in answer to multicast; nothing multicast is forwarded here, so it is not done.
 */
#include "ip/toobig.h"

#include <string.h>

#include "base/wr.h"
#include "ip/sum.h"

#define ICMP_HEADER_LEN 8
#define ICMP_UNREACHABLE 3
#define ICMP_FRAGMENTATION_NEEDED 4
#define ICMPV6_TOO_BIG 2
#define ICMPV6_REDIRECT 137
#define ICMPV4_ANSWER_MAX 576 /* RFC 1812 section 4.3.2.3 */
#define HOP_LIMIT 64

static bool icmp_error(const uint8_t *octets, const struct ip_packet *p)
{
	uint8_t type;

	if (p->protocol != IP_ICMP && p->protocol != IP_ICMPV6)
		return false;
	if (p->len <= p->header_len)
		return true; /* no type to be seen: better silent */
	type = octets[p->header_len];
	if (p->family == AF_INET6)
		return p->protocol == IP_ICMPV6 && (type < 128 || type == ICMPV6_REDIRECT);
	return p->protocol == IP_ICMP &&
	       (type == 3 || type == 4 || type == 5 || type == 11 || type == 12);
}

static bool may_answer(const uint8_t *octets, const struct ip_packet *p)
{
	enum ip_scope source = ip_scope_of(p->family, packet_source_at(octets, p));
	enum ip_scope destination = ip_scope_of(p->family, packet_destination_at(octets, p));

	return p->dont_fragment && !p->later_fragment && !icmp_error(octets, p) &&
	       (source == IP_UNICAST || source == IP_LINK_LOCAL) &&
	       (destination == IP_UNICAST || destination == IP_LINK_LOCAL);
}

static size_t build_v4(const uint8_t *octets, const struct ip_packet *p, const struct addr *from,
	uint16_t mtu, struct wr *w)
{
	size_t quote = p->len, room = ICMPV4_ANSWER_MAX - IPV4_HEADER_LEN - ICMP_HEADER_LEN;

	if (quote > room)
		quote = room;
	wr_be16(w, 0x45c0); /* internetwork control, RFC 1812 section 4.3.2.5 */
	wr_be16(w, (uint16_t)(IPV4_HEADER_LEN + ICMP_HEADER_LEN + quote));
	wr_be32(w, 0); /* no identification, may be fragmented */
	wr_u8(w, HOP_LIMIT);
	wr_u8(w, IP_ICMP);
	wr_be16(w, 0);
	wr_octets(w, from->octets, 4);
	wr_octets(w, packet_source_at(octets, p), 4);
	wr_u8(w, ICMP_UNREACHABLE);
	wr_u8(w, ICMP_FRAGMENTATION_NEEDED);
	wr_be16(w, 0);
	wr_be16(w, 0);
	wr_be16(w, mtu);
	wr_octets(w, octets, quote);
	if (w->overflow)
		return 0;
	wr_patch_be16(w->start + 10, sum_finish(sum16(0, w->start, IPV4_HEADER_LEN)));
	wr_patch_be16(w->start + IPV4_HEADER_LEN + 2,
		sum_finish(sum16(0, w->start + IPV4_HEADER_LEN, ICMP_HEADER_LEN + quote)));
	return wr_len(w);
}

static size_t build_v6(const uint8_t *octets, const struct ip_packet *p, const struct addr *from,
	uint16_t mtu, struct wr *w)
{
	size_t quote = p->len, room = TOOBIG_MAX - IPV6_HEADER_LEN - ICMP_HEADER_LEN;

	if (quote > room)
		quote = room;
	wr_be32(w, 6u << 28);
	wr_be16(w, (uint16_t)(ICMP_HEADER_LEN + quote));
	wr_u8(w, IP_ICMPV6);
	wr_u8(w, HOP_LIMIT);
	wr_octets(w, from->octets, 16);
	wr_octets(w, packet_source_at(octets, p), 16);
	wr_be16(w, ICMPV6_TOO_BIG << 8);
	wr_be16(w, 0);
	wr_be32(w, mtu);
	wr_octets(w, octets, quote);
	if (w->overflow)
		return 0;
	wr_patch_be16(w->start + IPV6_HEADER_LEN + 2, sum_v6(w->start, wr_len(w), IP_ICMPV6));
	return wr_len(w);
}

size_t toobig_build(const uint8_t *octets, const struct ip_packet *p, const struct addr *from,
	uint16_t mtu, uint8_t *ret, size_t cap)
{
	struct wr w = wr_init(ret, cap);

	if (from->family != p->family || !may_answer(octets, p))
		return 0;
	return p->family == AF_INET ? build_v4(octets, p, from, mtu, &w)
				    : build_v6(octets, p, from, mtu, &w);
}
