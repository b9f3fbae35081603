// SPDX-License-Identifier: Apache-2.0
/*
 * ip/packet.c, ip/guard.c, ip/toobig.c and ip/fragment.c: any octets as a packet; whatever is accepted
 * must lie inside them, and what passes the guard must be of a kind that may.
 */
#include <stdlib.h>
#include <string.h>

#include "ip/fragment.h"
#include "ip/guard.h"
#include "ip/packet.h"
#include "ip/toobig.h"

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t n);

static void must(bool b)
{
	if (!b)
		abort();
}

static void answer(const uint8_t *octets, const struct ip_packet *p)
{
	struct addr from = {.family = p->family, .octets = {10, 0, 0, 1}};
	uint8_t out[TOOBIG_MAX];
	size_t len = toobig_build(octets, p, &from, 1400, out, sizeof(out));
	struct ip_packet reply, again;
	uint8_t second[TOOBIG_MAX];

	if (!len)
		return;
	must(packet_parse(out, len, &reply) == 0 && reply.len == len);
	must(!memcmp(packet_destination_at(out, &reply), packet_source_at(octets, p),
		p->family == AF_INET ? 4 : 16));
	again = reply;
	again.dont_fragment = true; /* an error is never answered by an error */
	must(toobig_build(out, &again, &from, 68, second, sizeof(second)) == 0);
}

/* The pieces carry all of the data, and each is a packet itself. */
static void cut(const uint8_t *octets, const struct ip_packet *p, uint16_t mtu)
{
	uint8_t *piece = malloc(mtu);
	size_t at = 0, n, sum = 0;
	struct ip_packet q;

	must(piece != NULL);
	while ((n = fragment_next(octets, p, mtu, &at, piece)) > 0) {
		must(n <= mtu && packet_parse(piece, n, &q) == 0 && q.len == n);
		sum += n - q.header_len;
	}
	must(sum == 0 || sum == p->len - p->header_len);
	free(piece);
}

/* Where the chain ends, read as plainly as can be. -1: in a later fragment. */
static int end_of_chain(const uint8_t *p, size_t n, size_t *ret_at)
{
	size_t at = 40;
	uint8_t next = p[6];

	while (next == 0 || next == 43 || next == 44 || next == 51 || next == 60) {
		must(at + 8 <= n);
		if (next == 44 && (p[at + 2] || (p[at + 3] & 0xf8)))
			return -1;
		size_t len = next == 44   ? 8
			     : next == 51 ? (p[at + 1] + 2u) * 4
					  : (p[at + 1] + 1u) * 8;

		next = p[at];
		at += len;
		must(at <= n);
	}
	*ret_at = at;
	return next;
}

static void passed(const uint8_t *octets, const struct ip_packet *p)
{
	size_t at = p->header_len;
	int last = octets[9];

	if (p->family == AF_INET6)
		last = end_of_chain(octets, p->len, &at);
	must(ip_scope_of(p->family, packet_destination_at(octets, p)) != IP_MULTICAST);
	must(ip_scope_of(p->family, packet_source_at(octets, p)) != IP_LOOPBACK);
	if (p->later_fragment)
		return;
	must(last != 58 || octets[at] < 130); /* neighbour discovery, MLD */
	must(p->family == AF_INET6 || last != 1 || octets[at] != 5);
	must((last != 6 && last != 17) || at + 8 <= p->len);
}

static void guard(const uint8_t *octets, size_t n)
{
	const struct prefix net = {{AF_INET, {10, 1}}, 22};
	struct guard g = {.server = true,
		.peer_link_local = {AF_INET6, {0xfe, 0x80, [15] = 3}},
		.own_link_local = {AF_INET6, {0xfe, 0x80, [15] = 1}},
		.own4 = {AF_INET, {10, 1, 0, 1}},
		.nets = &net,
		.n_nets = 1};
	struct ip_packet p;

	packet_parse(octets, n, &p);
	for (int end = 0; end < 2; end++, g.server = false)
		if (guard_judge(&g, octets, &p) == GUARD_PASS)
			passed(octets, &p);
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t n)
{
	struct ip_packet p;

	guard(octets, n);
	if (packet_parse(octets, n, &p) < 0)
		return 0;
	must(p.len <= n && p.header_len <= p.len);
	must(p.header_len >= (p.family == AF_INET ? IPV4_HEADER_LEN : IPV6_HEADER_LEN));
	must(packet_flow_hash(octets, &p, 1) == packet_flow_hash(octets, &p, 1));
	must(p.whole && (!p.simple || (p.l4 && p.payload >= p.l4 + 8 && p.payload <= p.len)));
	must(ip_scope_of(p.family, packet_destination_at(octets, &p)) <= IP_BROADCAST);
	answer(octets, &p);
	cut(octets, &p, 68);
	cut(octets, &p, 29);
	return 0;
}
