// SPDX-License-Identifier: Apache-2.0
/*
 * offload/ip_packet.c — reading the headers of one packet, once.
 */
#include "offload/ip_packet.h"
#include "base/hot.h"
#include "offload/csum.h"
#include "offload/inet.h"

enum ecn {
	ECN_NOT_ECT = 0,
	ECN_CE = 3, /* and the mask */
};

/* The transport header stands at p->l4 and all of it is here; p->simple so far. */
static void parse_transport(struct ip_packet *p)
{
	const uint8_t *l4 = p->octets + p->l4;
	size_t n = p->len - p->l4;

	if (p->protocol == PROTOCOL_TCP && n >= TCP_HEADER_LEN) {
		uint16_t header_len = tcp_header_len(l4);

		p->payload = (uint16_t)(p->l4 + header_len);
		p->simple = p->simple && header_len >= TCP_HEADER_LEN && header_len <= n;
	} else if (p->protocol == PROTOCOL_UDP && n >= UDP_HEADER_LEN) {
		p->payload = (uint16_t)(p->l4 + UDP_HEADER_LEN);
		p->simple = p->simple && load_be16(l4 + UDP_LENGTH) == n;
	} else {
		p->simple = false;
	}
}

static bool has_ports(unsigned protocol)
{
	return protocol == PROTOCOL_TCP || protocol == PROTOCOL_UDP;
}

static void parse_ipv4(struct ip_packet *p)
{
	uint16_t header_len = ipv4_header_len(p->octets);
	/* All but DF: a set reserved bit is odd, too. */
	bool fragment = (load_be16(p->octets + IPV4_FRAGMENT) & ~IPV4_DF) != 0;

	if (header_len < IPV4_HEADER_LEN || header_len > p->len)
		return;
	p->version = 4;
	p->protocol = p->octets[IPV4_PROTOCOL];
	if (fragment || !has_ports(p->protocol) || p->len - header_len < 4)
		return;
	p->l4 = header_len;
	p->simple =
		header_len == IPV4_HEADER_LEN && load_be16(p->octets + IPV4_TOTAL_LENGTH) == p->len;
	parse_transport(p);
}

static void parse_ipv6(struct ip_packet *p)
{
	p->version = 6;
	p->protocol = p->octets[IPV6_NEXT_HEADER];
	if (!has_ports(p->protocol) && p->protocol != PROTOCOL_ICMPV6)
		p->protocol = 0; /* an extension header: what comes behind it is not looked for */
	if (!has_ports(p->protocol) || p->len - IPV6_HEADER_LEN < 4)
		return;
	p->l4 = IPV6_HEADER_LEN;
	p->simple = load_be16(p->octets + IPV6_PAYLOAD_LENGTH) == p->len - IPV6_HEADER_LEN;
	parse_transport(p);
}

HOT void ip_packet_parse(const void *octets, size_t n, struct ip_packet *ret)
{
	*ret = (struct ip_packet){.octets = octets, .len = n};
	if (n >= IPV4_HEADER_LEN && ip_version(octets) == 4)
		parse_ipv4(ret);
	else if (n >= IPV6_HEADER_LEN && ip_version(octets) == 6)
		parse_ipv6(ret);
}

bool ip_packet_same_addresses(const struct ip_packet *a, const struct ip_packet *b)
{
	if (a->version != b->version)
		return false;
	if (a->version == 4)
		return load64(a->octets + IPV4_ADDRESSES) == load64(b->octets + IPV4_ADDRESSES);
	return !memcmp(a->octets + IPV6_ADDRESSES, b->octets + IPV6_ADDRESSES, 32);
}

static uint64_t mix(uint64_t hash, uint64_t word)
{
	hash = (hash ^ word) *
	       0x9e3779b97f4a7c15; /* 2^64 / golden ratio: Knuth's multiplicative hash */
	return hash ^ hash >> 32;
}

HOT uint32_t ip_packet_hash(const struct ip_packet *p, uint32_t seed)
{
	uint64_t hash = mix(seed, p->protocol);

	if (p->version == 4)
		hash = mix(hash, load64(p->octets + IPV4_ADDRESSES));
	for (size_t i = 0; p->version == 6 && i < 32; i += 8)
		hash = mix(hash, load64(p->octets + IPV6_ADDRESSES + i));
	if (p->l4)
		hash = mix(hash, load32(p->octets + p->l4));
	return (uint32_t)(hash ^ hash >> 16);
}

uint64_t ip_pseudo_sum(const uint8_t *packet, unsigned protocol, size_t l4_len)
{
	uint64_t sum = (uint64_t)csum_be16((uint16_t)protocol) + csum_be16((uint16_t)l4_len);

	if (ip_version(packet) == 4)
		return csum_plus(sum, load64(packet + IPV4_ADDRESSES));
	for (size_t i = 0; i < 32; i += 8)
		sum = csum_plus(sum, load64(packet + IPV6_ADDRESSES + i));
	return sum;
}

static bool mark_ipv4(uint8_t *packet)
{
	uint16_t before = load16(packet);

	if ((packet[IPV4_TOS] & ECN_CE) == ECN_NOT_ECT)
		return false;
	packet[IPV4_TOS] |= ECN_CE;
	store16(packet + IPV4_CHECK,
		csum_replace(load16(packet + IPV4_CHECK), before, load16(packet)));
	return true;
}

bool ip_packet_mark_ce(uint8_t *packet)
{
	if (ip_version(packet) == 4)
		return mark_ipv4(packet);
	/* Version 4 bits, traffic class 8, flow label 20: ECN is in the second octet. */
	if ((packet[1] >> 4 & ECN_CE) == ECN_NOT_ECT)
		return false;
	packet[1] |= ECN_CE << 4;
	return true;
}
