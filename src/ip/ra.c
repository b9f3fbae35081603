// SPDX-License-Identifier: Apache-2.0
/*
 * ip/ra.c — router discovery.
 *
 *   0        8        16                32
 *  +--------+--------+-----------------+    options follow, each type, length in units of eight
 *  | type   | code   | checksum        |    octets, and its body: prefix (3), MTU (5), route (24),
 *  +--------+--------+-----------------+    RDNSS (25), DNSSL (31)
 *  | hops   |M|O|    | router lifetime |    133 solicitation: four reserved octets instead
 *  +--------+--------+-----------------+
 *  | reachable time, retrans timer     |
 */
#include "ip/ra.h"

#include <errno.h>
#include <string.h>

#include "base/hot.h"
#include "base/rd.h"
#include "base/wr.h"
#include "ip/sum.h"

#define ICMPV6_RS 133
#define ICMPV6_RA 134
#define ICMPV6_NS 135
#define ICMPV6_NA 136
#define ND_HOP_LIMIT 255 /* a lower one comes from behind a router, or is forged */
#define RA_HEADER_LEN 16
#define RS_HEADER_LEN 8
#define NS_HEADER_LEN 24

enum { OPT_PREFIX = 3, OPT_MTU = 5, OPT_ROUTE = 24, OPT_RDNSS = 25, OPT_DNSSL = 31 };

#define FLAG_OTHER 0x40
#define FLAG_ON_LINK 0x80
#define FLAG_AUTONOMOUS 0x40

static const uint8_t all_routers[16] = {0xff, 2, [15] = 2};

static void put_header(struct wr *w, const uint8_t *from, const uint8_t *to)
{
	wr_be32(w, 6u << 28);
	wr_be16(w, 0); /* payload length: finish() */
	wr_u8(w, IP_ICMPV6);
	wr_u8(w, ND_HOP_LIMIT);
	wr_octets(w, from, 16);
	wr_octets(w, to, 16);
}

static size_t finish(struct wr *w)
{
	if (w->overflow)
		return 0;
	wr_patch_be16(w->start + 4, wr_len(w) - IPV6_HEADER_LEN);
	wr_patch_be16(w->start + IPV6_HEADER_LEN + 2, sum_v6(w->start, wr_len(w), IP_ICMPV6));
	return wr_len(w);
}

static void put_prefix(struct wr *w, const struct ra *ra)
{
	wr_u8(w, OPT_PREFIX);
	wr_u8(w, 4);
	wr_u8(w, ra->prefix.len);
	wr_u8(w, FLAG_AUTONOMOUS);
	wr_be32(w, ra->valid_s);
	wr_be32(w, ra->preferred_s);
	wr_be32(w, 0);
	wr_octets(w, ra->prefix.addr.octets, 16);
}

static void put_dns(struct wr *w, const struct ra *ra)
{
	wr_u8(w, OPT_RDNSS);
	wr_u8(w, (uint8_t)(1 + 2 * ra->n_dns));
	wr_be16(w, 0);
	wr_be32(w, ra->dns_lifetime_s);
	for (size_t i = 0; i < ra->n_dns; i++)
		wr_octets(w, ra->dns[i].octets, 16);
}

/* RFC 1035 section 3.1, without pointers (RFC 8106 section 5.2). */
static void put_name(struct wr *w, const char *name)
{
	while (*name) {
		size_t n = strcspn(name, ".");

		wr_u8(w, (uint8_t)n);
		wr_octets(w, name, n);
		name += n;
		name += *name == '.';
	}
	wr_u8(w, 0);
}

static void put_search(struct wr *w, const struct ra *ra)
{
	size_t before = wr_len(w);
	uint8_t *len;

	wr_u8(w, OPT_DNSSL);
	len = wr_room(w, 1);
	wr_be16(w, 0);
	wr_be32(w, ra->search_lifetime_s);
	for (size_t i = 0; i < ra->n_search; i++)
		put_name(w, ra->search[i]);
	wr_zero(w, (8 - (wr_len(w) - before) % 8) % 8);
	if (len)
		*len = (uint8_t)((wr_len(w) - before) / 8);
}

/* The prefix is cut where it may be: after none, eight or all of its octets. */
size_t ra_route_len(const struct prefix *to)
{
	return to->len > 64 ? 24 : to->len ? 16 : 8;
}

static void put_route(struct wr *w, const struct ra_route *route)
{
	size_t n = ra_route_len(&route->to);

	wr_u8(w, OPT_ROUTE);
	wr_u8(w, (uint8_t)(n / 8));
	wr_u8(w, route->to.len);
	wr_u8(w, (uint8_t)((route->preference & 3) << 3));
	wr_be32(w, route->lifetime_s);
	wr_octets(w, route->to.addr.octets, n - 8);
}

size_t ra_build(const struct ra *ra, uint8_t *ret, size_t cap)
{
	struct wr w = wr_init(ret, cap);

	put_header(&w, ra->from.octets, ra->to.octets);
	wr_be16(&w, ICMPV6_RA << 8);
	wr_be16(&w, 0);
	wr_u8(&w, 64); /* the hop limit of ordinary packets */
	wr_u8(&w, ra->other_config ? FLAG_OTHER : 0);
	wr_be16(&w, ra->router_lifetime_s);
	wr_be32(&w, 0); /* reachable time, retrans timer: the host's own */
	wr_be32(&w, 0);
	if (ra->prefix.addr.family)
		put_prefix(&w, ra);
	if (ra->n_dns)
		put_dns(&w, ra);
	if (ra->mtu) {
		wr_be16(&w, OPT_MTU << 8 | 1);
		wr_be16(&w, 0);
		wr_be32(&w, ra->mtu);
	}
	if (ra->n_search)
		put_search(&w, ra);
	for (size_t i = 0; i < ra->n_routes; i++)
		put_route(&w, &ra->routes[i]);
	return finish(&w);
}

size_t ra_solicit(const struct addr *from, uint8_t ret[static RS_LEN])
{
	struct wr w = wr_init(ret, RS_LEN);

	put_header(&w, from->octets, all_routers);
	wr_be16(&w, ICMPV6_RS << 8);
	wr_be16(&w, 0);
	wr_be32(&w, 0);
	return finish(&w);
}

/* ---- reading ------------------------------------------------------------------------------ */

static bool is_type(const uint8_t *octets, const struct ip_packet *p, uint8_t type)
{
	return p->family == AF_INET6 && p->protocol == IP_ICMPV6 && !p->fragment &&
	       p->len > p->header_len && octets[p->header_len] == type;
}

/* What solicitation and advertisement share: RFC 4861 sections 6.1.1 and 6.1.2. */
static bool is_sound(const uint8_t *octets, const struct ip_packet *p, size_t header_len)
{
	/* Extension headers before neighbour discovery are no use, and the sum below knows none. */
	return p->hop_limit == ND_HOP_LIMIT && p->header_len == IPV6_HEADER_LEN &&
	       p->len >= IPV6_HEADER_LEN + header_len && octets[IPV6_HEADER_LEN + 1] == 0 &&
	       sum_v6(octets, p->len, IP_ICMPV6) == 0;
}

/* The next option; false at the end, and (with short_read) when it is broken. */
static bool next_option(struct rd *r, uint8_t *ret_type, struct rd *ret_body)
{
	size_t len;

	if (!rd_left(r))
		return false;
	*ret_type = rd_u8(r);
	len = rd_u8(r) * 8u;
	if (len == 0)
		r->short_read = true; /* RFC 4861 section 4.6: the whole packet is to be dropped */
	*ret_body = rd_sub(r, len ? len - 2 : 0);
	return !r->short_read;
}

/* The options from `from` on are all whole. */
static bool options_are_sound(const uint8_t *octets, const struct ip_packet *p, size_t from)
{
	struct rd r = rd_init(octets + from, p->len - from), body;
	uint8_t type;

	while (next_option(&r, &type, &body))
		;
	return !r.short_read;
}

bool ra_is_solicitation(const uint8_t *octets, const struct ip_packet *p)
{
	return is_type(octets, p, ICMPV6_RS) && is_sound(octets, p, RS_HEADER_LEN) &&
	       options_are_sound(octets, p, IPV6_HEADER_LEN + RS_HEADER_LEN);
}

/* Section 7.1.1: of a host that has no address yet it goes to the solicited-node group. */
static bool is_neighbour_solicitation(const uint8_t *octets, const struct ip_packet *p)
{
	static const uint8_t group[13] = {0xff, 2, [11] = 1, [12] = 0xff};

	if (!is_type(octets, p, ICMPV6_NS) || !is_sound(octets, p, NS_HEADER_LEN) ||
		!options_are_sound(octets, p, IPV6_HEADER_LEN + NS_HEADER_LEN))
		return false;
	return ip_scope_of(AF_INET6, packet_source_at(octets, p)) != IP_UNSPECIFIED ||
	       !memcmp(packet_destination_at(octets, p), group, sizeof(group));
}

#define NA_ROUTER 0x80
#define NA_SOLICITED 0x40
#define NA_OVERRIDE 0x20

COLD size_t ra_answer_neighbour(const uint8_t *octets, const struct ip_packet *p,
	const struct addr *own, size_t n_own, bool router, uint8_t ret[static NA_LEN])
{
	static const uint8_t all_nodes[16] = {0xff, 2, [15] = 1};
	struct wr w = wr_init(ret, NA_LEN);
	bool none = ip_scope_of(AF_INET6, packet_source_at(octets, p)) == IP_UNSPECIFIED;
	const uint8_t *target = octets + IPV6_HEADER_LEN + 8;
	size_t i = 0;

	if (!is_neighbour_solicitation(octets, p))
		return 0;
	while (i < n_own && (!own[i].family || memcmp(own[i].octets, target, 16)))
		i++;
	if (i == n_own)
		return 0;
	put_header(&w, target, none ? all_nodes : packet_source_at(octets, p));
	wr_be16(&w, ICMPV6_NA << 8);
	wr_be16(&w, 0);
	wr_u8(&w, (router ? NA_ROUTER : 0) | (none ? 0 : NA_SOLICITED) | NA_OVERRIDE);
	wr_octets(&w, (const uint8_t[3]){0}, 3);
	wr_octets(&w, target, 16);
	return finish(&w);
}

/* Section 4.6.2: the bits behind the prefix say nothing. */
static void take_on_link(struct ra *ra, struct prefix p, uint32_t valid_s)
{
	if (p.len > 128 || ra->n_on_link == RA_ON_LINK_MAX ||
		ip_scope_of(AF_INET6, p.addr.octets) == IP_LINK_LOCAL)
		return;
	if (p.len % 8)
		p.addr.octets[p.len / 8] &= (uint8_t)(0xff00 >> p.len % 8);
	for (unsigned i = (p.len + 7u) / 8; i < 16; i++)
		p.addr.octets[i] = 0;
	ra->on_link[ra->n_on_link++] = (struct ra_on_link){p, valid_s};
}

static void take_prefix(struct rd *r, struct ra *ra)
{
	struct prefix prefix = {.addr.family = AF_INET6, .len = rd_u8(r)};
	uint8_t flags = rd_u8(r);
	uint32_t valid = rd_be32(r), preferred = rd_be32(r);

	rd_be32(r);
	rd_copy(r, prefix.addr.octets, 16);
	if (!r->short_read && !rd_left(r) && (flags & FLAG_ON_LINK))
		take_on_link(ra, prefix, valid);
	memset(prefix.addr.octets + 8, 0, 8);
	/* RFC 4862 section 5.5.3: not a link-local one, and preferred no longer than valid. */
	if (r->short_read || rd_left(r) || ra->prefix.addr.family || prefix.len != 64 ||
		preferred > valid || !(flags & FLAG_AUTONOMOUS) ||
		ip_scope_of(AF_INET6, prefix.addr.octets) != IP_UNICAST)
		return;
	ra->prefix = prefix;
	ra->valid_s = valid;
	ra->preferred_s = preferred;
}

static void take_dns(struct rd *r, struct ra *ra)
{
	struct addr a = {.family = AF_INET6};

	rd_be16(r);
	ra->dns_lifetime_s = rd_be32(r);
	if (r->short_read ||
		rd_left(r) % 16) /* RFC 8106 section 5.1: an odd length in units of 8 */
		return;
	while (rd_left(r) && ra->n_dns < RA_DNS_MAX) {
		enum ip_scope scope = (rd_copy(r, a.octets, 16), ip_scope_of(AF_INET6, a.octets));

		if (scope == IP_UNICAST || scope == IP_LINK_LOCAL)
			ra->dns[ra->n_dns++] = a;
	}
}

/*
 * RFC 4191 section 2.3. A length of one unit holds no prefix, of two its first half; the reserved value
 * of the preference voids the option.
 */
static void take_route(struct rd *r, struct ra *ra)
{
	struct ra_route route = {.to.addr.family = AF_INET6};
	size_t n;

	route.to.len = rd_u8(r);
	route.preference = (int8_t)(rd_u8(r) << 3) >> 6; /* two bits, two's complement */
	route.lifetime_s = rd_be32(r);
	n = rd_left(r);
	if (r->short_read || n > 16 || n % 8 || route.to.len > 8 * n || route.preference == -2 ||
		ra->n_routes == RA_ROUTES_MAX)
		return;
	rd_copy(r, route.to.addr.octets, n);
	ra->routes[ra->n_routes++] = route;
}

/*
 * One name of RFC 1035 section 3.1, without compression (RFC 8106 section 5.2), as text. An octet that text
 * cannot show as it is becomes '?', which no name has.
 */
static bool read_name(struct rd *r, char ret[static RA_NAME_LEN])
{
	size_t at = 0, n;

	while ((n = rd_u8(r)) != 0) {
		if (n > 63 || at + n + 1 >= RA_NAME_LEN || rd_left(r) < n)
			return false;
		if (at)
			ret[at++] = '.';
		for (; n; n--) {
			uint8_t c = rd_u8(r);

			ret[at++] = c > ' ' && c < 0x7f && c != '.' ? (char)c : '?';
		}
	}
	ret[at] = '\0';
	return !r->short_read;
}

/* Padding is zeros: names of no label, which end the list. */
static void take_search(struct rd *r, struct ra *ra)
{
	rd_be16(r);
	ra->search_lifetime_s = rd_be32(r);
	while (rd_left(r) && ra->n_search < RA_SEARCH_MAX &&
		read_name(r, ra->search[ra->n_search]) && *ra->search[ra->n_search])
		ra->n_search++;
}

COLD int ra_parse(const uint8_t *octets, const struct ip_packet *p, struct ra *ret)
{
	struct ra ra = {.from = {.family = AF_INET6}, .to = {.family = AF_INET6}};
	struct rd r, body;
	uint8_t type;

	if (!is_type(octets, p, ICMPV6_RA))
		return -ENOMSG;
	if (!is_sound(octets, p, RA_HEADER_LEN) ||
		ip_scope_of(AF_INET6, packet_source_at(octets, p)) != IP_LINK_LOCAL)
		return -EPROTO;
	r = rd_init(octets + IPV6_HEADER_LEN + 5, p->len - IPV6_HEADER_LEN - 5);
	memcpy(ra.from.octets, packet_source_at(octets, p), 16);
	memcpy(ra.to.octets, packet_destination_at(octets, p), 16);
	ra.other_config = rd_u8(&r) & FLAG_OTHER;
	ra.router_lifetime_s = rd_be16(&r);
	rd_ptr(&r, 8);
	while (next_option(&r, &type, &body)) {
		if (type == OPT_PREFIX)
			take_prefix(&body, &ra);
		else if (type == OPT_RDNSS && !ra.n_dns)
			take_dns(&body, &ra);
		else if (type == OPT_ROUTE)
			take_route(&body, &ra);
		else if (type == OPT_DNSSL && !ra.n_search)
			take_search(&body, &ra);
		else if (type == OPT_MTU && rd_left(&body) == 6)
			ra.mtu = (rd_be16(&body), rd_be32(&body));
	}
	if (r.short_read)
		return -EPROTO;
	*ret = ra;
	return 0;
}
