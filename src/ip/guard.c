// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation
 *
 * A peer is a stranger, and the kernel behind the TUN believes what it reads there: a router
 * advertisement moves its default route, a redirect one route, a source route leads elsewhere. So
 * each packet is read to its upper layer, by the same headers as the kernel will read it, and must
 * be of a kind that is listed here.
 *
 * A decision by the first header, or by one of two lengths, is none: the last word of the chain
 * counts, and lengths must agree. Of fragments only the first is judged by its upper layer, so it
 * must hold all of it; the kernel drops fragments that overlap.
 */
#include "ip/guard.h"

#include <string.h>

#include "base/hot.h"
#include "base/rd.h"
#include "ip/limits.h"

enum { /* upper layers that pass, beside TCP, UDP and the two ICMPs */
	IP_IPV4 = 4,
	IP_DCCP = 33,
	IP_IPV6 = 41,
	IP_GRE = 47,
	IP_ESP = 50,
	IP_IPCOMP = 108,
	IP_L2TP = 115,
	IP_SCTP = 132,
	IP_UDPLITE = 136,
};

enum {
	ICMP_ECHO_REPLY = 0,
	ICMP_UNREACHABLE = 3,
	ICMP_ECHO = 8,
	ICMP_EXCEEDED = 11,
	ICMP_BAD = 12
};

enum { /* RFC 4443, RFC 4861 */
	ICMPV6_UNREACHABLE = 1,
	ICMPV6_TOO_BIG = 2,
	ICMPV6_EXCEEDED = 3,
	ICMPV6_BAD = 4,
	ICMPV6_ECHO = 128,
	ICMPV6_ECHO_REPLY = 129,
	ICMPV6_RS = 133,
	ICMPV6_RA = 134,
	ICMPV6_NS = 135,
	ICMPV6_NA = 136,
};

#define PORT_DHCPV6_SERVER 547
#define PORT_DHCPV4_SERVER 67
#define DATAGRAM_MAX 65535 /* of a packet put together again */
#define ICMP_HEADER_LEN 8

/* ---- addresses ------------------------------------------------------------------------- */

static bool is_v4(const struct addr *a, const uint8_t *octets)
{
	return a->family == AF_INET && !memcmp(a->octets, octets, 4);
}

static bool is_v6(const struct addr *a, const uint8_t *octets)
{
	return a->family == AF_INET6 && !memcmp(a->octets, octets, 16);
}

/* The first and the last address of a network are no host's; of a /31 and a /32 both are. */
static bool is_broadcast_of(const struct prefix *net, uint32_t to)
{
	uint32_t host_bits = net->len >= 31 ? 0 : UINT32_MAX >> net->len;
	uint32_t base = addr_v4_value(&net->addr) & ~host_bits;

	return host_bits && (to == base || to == (base | host_bits));
}

HOT static enum guard_verdict addresses_v4(const struct guard *g, const uint8_t *octets)
{
	const uint8_t *from = octets + 12, *d = octets + 16;
	uint32_t to = (uint32_t)d[0] << 24 | (uint32_t)d[1] << 16 | (uint32_t)d[2] << 8 | d[3];

	switch (ip_scope_of(AF_INET, d)) {
	case IP_UNICAST: break;
	case IP_MULTICAST:
	case IP_BROADCAST: return GUARD_NOISE;
	case IP_UNSPECIFIED:
	case IP_LOOPBACK:
	case IP_LINK_LOCAL: return GUARD_FORBIDDEN; /* RFC 3927 section 7: not forwarded */
	}
	for (size_t i = 0; i < g->n_nets; i++)
		if (is_broadcast_of(&g->nets[i], to))
			return GUARD_NOISE;
	if (ip_scope_of(AF_INET, from) != IP_UNICAST || is_v4(&g->own4, from))
		return GUARD_SOURCE;
	return GUARD_PASS;
}

/* ::ffff:0:0/96 and ::/96: an IPv4 address in disguise, or nothing. */
static bool holds_v4(const uint8_t *a)
{
	static const uint8_t zeros[10];

	return !memcmp(a, zeros, sizeof(zeros)) && (a[10] == a[11]) && (!a[10] || a[10] == 0xff);
}

static bool may_be_source_v6(const struct guard *g, const uint8_t *from)
{
	switch (ip_scope_of(AF_INET6, from)) {
	case IP_UNICAST: return !holds_v4(from) && !is_v6(&g->own6, from);
	case IP_LINK_LOCAL: return is_v6(&g->peer_link_local, from);
	default: return false;
	}
}

HOT static enum guard_verdict addresses_v6(const struct guard *g, const uint8_t *octets)
{
	const uint8_t *from = octets + 8, *to = octets + 24;

	switch (ip_scope_of(AF_INET6, to)) {
	case IP_MULTICAST: return GUARD_NOISE;
	case IP_UNICAST:
		if (holds_v4(to))
			return GUARD_FORBIDDEN;
		break;
	case IP_LINK_LOCAL:
		if (!is_v6(&g->own_link_local, to))
			return GUARD_FORBIDDEN;
		break;
	default: return GUARD_FORBIDDEN;
	}
	return may_be_source_v6(g, from) ? GUARD_PASS : GUARD_SOURCE;
}

HOT enum guard_verdict guard_addresses(const struct guard *g, const uint8_t *octets)
{
	enum guard_verdict v;

	if (octets[0] >> 4 != 4)
		return addresses_v6(g, octets);
	v = addresses_v4(g, octets);
	return v == GUARD_PASS && g->server && is_v4(&g->own4, octets + 16) ? GUARD_DHCPV4 : v;
}

/* ---- upper layers ------------------------------------------------------------------------ */

static bool tcp_is_whole(const uint8_t *l4, size_t n)
{
	size_t header = n < TCP_HEADER_LEN ? 0 : (size_t)(l4[12] >> 4) * 4;

	return header >= TCP_HEADER_LEN && header <= n;
}

/* Of a fragment the datagram is longer than what is here. */
static bool udp_is_whole(const uint8_t *l4, size_t n, bool fragment)
{
	size_t len = n < UDP_HEADER_LEN ? 0 : (size_t)l4[4] << 8 | l4[5];

	return len >= UDP_HEADER_LEN && (fragment || len <= n);
}

/* RFC 7112: the upper layer's header is here. */
static bool upper_is_whole(const uint8_t *octets, const struct ip_packet *p)
{
	const uint8_t *l4 = octets + p->header_len;
	size_t n = p->len - p->header_len;

	switch (p->protocol) {
	case IP_TCP: return tcp_is_whole(l4, n);
	case IP_UDP: return udp_is_whole(l4, n, p->fragment);
	case IP_ICMP:
	case IP_ICMPV6:
	case IP_ESP:
	case IP_SCTP:
	case IP_UDPLITE: return n >= ICMP_HEADER_LEN;
	case IP_IPV4: return n >= IPV4_HEADER_LEN;
	case IP_IPV6: return n >= IPV6_HEADER_LEN;
	default: return n >= 4;
	}
}

static bool is_listed(uint8_t protocol)
{
	switch (protocol) {
	case IP_TCP:
	case IP_UDP:
	case IP_IPV4:
	case IP_DCCP:
	case IP_IPV6:
	case IP_GRE:
	case IP_ESP:
	case IP_IPCOMP:
	case IP_L2TP:
	case IP_SCTP:
	case IP_UDPLITE: return true;
	default: return false;
	}
}

/* ---- IPv4 --------------------------------------------------------------------------------- */

/* RFC 7126: record route, timestamp and router alert do no harm; source routes lead elsewhere. */
static bool option_is_listed(uint8_t type)
{
	return type == 7 || type == 68 || type == 148;
}

static enum guard_verdict judge_options_v4(const uint8_t *octets, size_t header_len)
{
	struct rd r = rd_init(octets + IPV4_HEADER_LEN, header_len - IPV4_HEADER_LEN);

	while (rd_left(&r)) {
		uint8_t type = rd_u8(&r), len;

		if (type == 0) /* end of the list */
			break;
		if (type == 1) /* no operation */
			continue;
		len = rd_u8(&r);
		rd_ptr(&r, len < 2 ? rd_left(&r) + 1 : (size_t)len - 2);
		if (r.short_read)
			return GUARD_MALFORMED;
		if (!option_is_listed(type))
			return GUARD_FORBIDDEN;
	}
	return GUARD_PASS;
}

/* The octets of a fragment must lie in a datagram, and those of TCP's flags in the first one. */
static bool fragment_v4_is_sound(const uint8_t *octets, const struct ip_packet *p)
{
	uint16_t field = (uint16_t)(octets[6] << 8 | octets[7]);
	size_t offset = (size_t)(field & 0x1fff) * 8, n = p->len - p->header_len;
	bool more = field & 0x2000;

	if (offset + n > DATAGRAM_MAX - IPV4_HEADER_LEN || !n || (more && n % 8))
		return false;
	return offset != 8 || p->protocol != IP_TCP; /* RFC 1858 section 3.2.2 */
}

static enum guard_verdict judge_icmp(const uint8_t *octets, const struct ip_packet *p)
{
	switch (octets[p->header_len]) {
	case ICMP_ECHO_REPLY:
	case ICMP_UNREACHABLE:
	case ICMP_ECHO:
	case ICMP_EXCEEDED:
	case ICMP_BAD: return GUARD_PASS;
	default: return GUARD_FORBIDDEN; /* redirect, router discovery, masks, timestamps */
	}
}

/*
 * To the DHCP server of the link: by its own address, or by the one of all (RFC 2131 section 4.1), from a
 * host that has an address. Whether it has that address is the owner's question.
 */
static bool is_dhcpv4(const struct guard *g, const uint8_t *octets, const struct ip_packet *p)
{
	static const uint8_t everybody[4] = {255, 255, 255, 255};
	const uint8_t *from = octets + 12, *to = octets + 16;

	return g->server && p->protocol == IP_UDP && !p->fragment &&
	       p->destination_port == PORT_DHCPV4_SERVER &&
	       (is_v4(&g->own4, to) || !memcmp(to, everybody, 4)) &&
	       ip_scope_of(AF_INET, from) == IP_UNICAST && !is_v4(&g->own4, from);
}

static enum guard_verdict judge_v4(
	const struct guard *g, const uint8_t *octets, const struct ip_packet *p)
{
	enum guard_verdict v = addresses_v4(g, octets);
	bool dhcp = is_dhcpv4(g, octets, p);

	if (v == GUARD_PASS || dhcp)
		v = judge_options_v4(octets, p->header_len);
	if (v != GUARD_PASS)
		return v;
	if (p->protocol != IP_ICMP && p->protocol != IP_AH && !is_listed(p->protocol))
		return GUARD_FORBIDDEN;
	if (p->fragment && !fragment_v4_is_sound(octets, p))
		return GUARD_MALFORMED;
	if (p->later_fragment)
		return GUARD_PASS;
	if (!upper_is_whole(octets, p))
		return GUARD_MALFORMED;
	if (dhcp)
		return GUARD_DHCPV4;
	return p->protocol == IP_ICMP ? judge_icmp(octets, p) : GUARD_PASS;
}

/* ---- IPv6: the chain ---------------------------------------------------------------------- */

/*
 * Options of hop-by-hop and destination headers. Of the former the kernel acts on some: padding and
 * router alert pass, a jumbogram (RFC 2675) does not. Of the latter one puts another source address
 * in the place of that which was checked (home address, RFC 6275 section 6.3).
 */
static enum guard_verdict judge_options_v6(struct rd body, bool hop_by_hop)
{
	while (rd_left(&body)) {
		uint8_t type = rd_u8(&body);
		uint8_t len = type ? rd_u8(&body) : 0; /* Pad1 is one octet */

		rd_ptr(&body, len);
		if (body.short_read)
			return GUARD_MALFORMED;
		if (hop_by_hop ? type > 1 && (type != 5 || len != 2) : type == 0xc9 || type == 0xc2)
			return GUARD_FORBIDDEN;
	}
	return GUARD_PASS;
}

struct chain {
	struct rd left;
	uint8_t next;
	unsigned n, options, fragments, routes, auths;
	bool later; /* behind this stands the middle of something */
};

/* `header` stands behind the first two octets. */
static enum guard_verdict pass_fragment(struct chain *c, struct rd *header)
{
	uint16_t field;
	size_t offset;

	field = rd_be16(header);
	rd_ptr(&c->left, 8);
	offset = field & 0xfff8;
	c->later = offset;
	if (c->left.short_read || c->fragments++)
		return GUARD_MALFORMED;
	if (((field & 1) && rd_left(&c->left) % 8) || offset + rd_left(&c->left) > DATAGRAM_MAX)
		return GUARD_MALFORMED;
	return c->later && !rd_left(&c->left) ? GUARD_MALFORMED : GUARD_PASS;
}

/* A header of options: its length counts units of eight octets beyond the first. */
static enum guard_verdict pass_options(struct chain *c, bool hop_by_hop, uint8_t len)
{
	size_t n = ((size_t)len + 1) * 8;
	const uint8_t *at = rd_ptr(&c->left, n);

	if (c->left.short_read || (hop_by_hop ? c->n != 0 : c->options++ > 1))
		return GUARD_MALFORMED;
	return judge_options_v6(rd_init(at + 2, n - 2), hop_by_hop);
}

/* RFC 5095, RFC 8200 section 4.4: with no segment left it says nothing more. */
static enum guard_verdict pass_routing(struct chain *c, uint8_t len)
{
	const uint8_t *at = rd_ptr(&c->left, ((size_t)len + 1) * 8);

	if (c->left.short_read || c->routes++)
		return GUARD_MALFORMED;
	return at[3] ? GUARD_FORBIDDEN : GUARD_PASS;
}

static enum guard_verdict pass_auth(struct chain *c, uint8_t len)
{
	rd_ptr(&c->left, ((size_t)len + 2) * 4);
	return c->left.short_read || c->auths++ ? GUARD_MALFORMED : GUARD_PASS;
}

static bool is_extension(uint8_t next)
{
	return next == IP_HOPOPTS || next == IP_ROUTING || next == IP_FRAGMENT || next == IP_AH ||
	       next == IP_DSTOPTS;
}

/* One header of the chain; *ret_end when c->next names the upper layer. */
static enum guard_verdict pass_header(struct chain *c, bool *ret_end)
{
	struct rd header = c->left;
	uint8_t next, len, kind = c->next;
	enum guard_verdict v;

	if (!is_extension(kind)) {
		*ret_end = true;
		return GUARD_PASS;
	}
	next = rd_u8(&header);
	len = rd_u8(&header);
	if (header.short_read)
		return GUARD_MALFORMED;
	switch (kind) {
	case IP_FRAGMENT: v = pass_fragment(c, &header); break;
	case IP_ROUTING: v = pass_routing(c, len); break;
	case IP_AH: v = pass_auth(c, len); break;
	default: v = pass_options(c, kind == IP_HOPOPTS, len); break;
	}
	c->next = next;
	c->n++;
	*ret_end = c->later;
	return v;
}

static enum guard_verdict judge_chain(const uint8_t *octets, const struct ip_packet *p)
{
	struct chain c = {.left = rd_init(octets + IPV6_HEADER_LEN, p->len - IPV6_HEADER_LEN),
		.next = octets[6]};
	enum guard_verdict v = GUARD_PASS;
	bool end = false;

	while (!end && v == GUARD_PASS)
		v = c.n > PACKET_EXTENSIONS_MAX ? GUARD_MALFORMED : pass_header(&c, &end);
	return v;
}

/* ---- IPv6: the upper layer ---------------------------------------------------------------- */

static enum guard_verdict judge_icmpv6(
	const struct guard *g, const uint8_t *octets, const struct ip_packet *p)
{
	/* Neighbour discovery behind another header or in fragments has no honest sender. */
	bool plain = p->header_len == IPV6_HEADER_LEN && !p->fragment;

	switch (octets[p->header_len]) {
	case ICMPV6_UNREACHABLE:
	case ICMPV6_TOO_BIG:
	case ICMPV6_EXCEEDED:
	case ICMPV6_BAD:
	case ICMPV6_ECHO:
	case ICMPV6_ECHO_REPLY: return GUARD_PASS;
	case ICMPV6_RS: return plain && g->server ? GUARD_SOLICITATION : GUARD_FORBIDDEN;
	case ICMPV6_RA: return plain && !g->server ? GUARD_ADVERTISEMENT : GUARD_FORBIDDEN;
	case ICMPV6_NS:
	case ICMPV6_NA: return plain ? GUARD_NEIGHBOUR : GUARD_FORBIDDEN;
	default: return GUARD_FORBIDDEN; /* redirect, MLD, node information, mobility */
	}
}

/* To the DHCPv6 server of the link, by its multicast address or by ours. */
static bool is_dhcpv6(const struct guard *g, const uint8_t *octets, const struct ip_packet *p)
{
	return g->server && p->protocol == IP_UDP && p->header_len == IPV6_HEADER_LEN &&
	       !p->fragment && p->destination_port == PORT_DHCPV6_SERVER &&
	       ip_scope_of(AF_INET6, packet_destination_at(octets, p)) != IP_UNICAST;
}

/*
 * What is said to the link by a source that may say it: the peer's own link-local address, or, while
 * it has none, the unspecified one (RFC 4861 sections 6.1.1 and 7.1.1), or a global one.
 */
static enum guard_verdict judge_link(const struct guard *g, const uint8_t *octets,
	const struct ip_packet *p, enum guard_verdict kind)
{
	enum ip_scope from = ip_scope_of(AF_INET6, packet_source_at(octets, p)), to;
	bool none = from == IP_UNSPECIFIED;

	to = ip_scope_of(AF_INET6, packet_destination_at(octets, p));
	if (to == IP_LINK_LOCAL && !is_v6(&g->own_link_local, packet_destination_at(octets, p)))
		return GUARD_FORBIDDEN;
	if (none && (kind == GUARD_SOLICITATION || kind == GUARD_NEIGHBOUR))
		return kind;
	if ((kind == GUARD_ADVERTISEMENT || kind == GUARD_DHCPV6) && from != IP_LINK_LOCAL)
		return GUARD_SOURCE;
	return may_be_source_v6(g, packet_source_at(octets, p)) ? kind : GUARD_SOURCE;
}

static enum guard_verdict judge_upper_v6(
	const struct guard *g, const uint8_t *octets, const struct ip_packet *p)
{
	if (p->protocol == IP_NO_NEXT)
		return GUARD_PASS;
	if (p->protocol != IP_ICMPV6 && !is_listed(p->protocol))
		return GUARD_FORBIDDEN;
	if (p->later_fragment)
		return GUARD_PASS;
	if (!upper_is_whole(octets, p))
		return GUARD_MALFORMED;
	if (p->protocol == IP_ICMPV6)
		return judge_icmpv6(g, octets, p);
	return is_dhcpv6(g, octets, p) ? GUARD_DHCPV6 : GUARD_PASS;
}

/* The chain of a later fragment goes on in what was judged with the first. */
static bool is_chain_cut(const struct ip_packet *p)
{
	return p->later_fragment &&
	       (p->protocol == IP_DSTOPTS || p->protocol == IP_AH || p->protocol == IP_ROUTING);
}

static enum guard_verdict judge_v6(
	const struct guard *g, const uint8_t *octets, const struct ip_packet *p)
{
	enum guard_verdict v = judge_chain(octets, p), addresses;

	if (v == GUARD_PASS && !is_chain_cut(p))
		v = judge_upper_v6(g, octets, p);
	if (v >= GUARD_SOLICITATION && v <= GUARD_DHCPV6)
		return judge_link(g, octets, p, v);
	addresses = addresses_v6(g, octets);
	return v == GUARD_PASS || addresses == GUARD_NOISE ? addresses : v;
}

enum guard_verdict guard_judge(
	const struct guard *g, const uint8_t *octets, const struct ip_packet *p)
{
	if (!p->whole)
		return GUARD_MALFORMED;
	return p->family == AF_INET ? judge_v4(g, octets, p) : judge_v6(g, octets, p);
}
