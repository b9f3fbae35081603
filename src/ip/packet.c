// SPDX-License-Identifier: Apache-2.0
/*
 * ip/packet.c — reading IP headers.
 *
 * RFC 791 section 3.1, RFC 8200 sections 3 and 4. Only what forwarding, queueing, the source check
 * and the MSS clamp ask for is read. The IPv4 header checksum is not verified: TLS carried the
 * packet here unharmed, and the kernel that takes it next verifies it.
 */
#include "ip/packet.h"

#include <errno.h>
#include <string.h>

#include "base/hot.h"
#include "base/rd.h"
#include "ip/limits.h"
#include "ip/sum.h"

#define IPV4_DF 0x4000
#define IPV4_MF 0x2000
#define IPV4_OFFSET 0x1fff

static uint16_t be16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static bool has_ports(const struct ip_packet *p)
{
	return p->protocol == IP_TCP || p->protocol == IP_UDP;
}

/* The transport header stands at p->l4; `plain`: nothing but the IP header is before it. */
static void read_transport(const uint8_t *l4, bool plain, struct ip_packet *p)
{
	size_t n = p->len - p->l4;

	if (p->protocol == IP_TCP && n >= TCP_HEADER_LEN) {
		uint16_t header_len = (uint16_t)((l4[12] >> 4) * 4);

		p->payload = (uint16_t)(p->l4 + header_len);
		p->simple = plain && header_len >= TCP_HEADER_LEN && header_len <= n;
	} else if (p->protocol == IP_UDP && n >= UDP_HEADER_LEN) {
		p->payload = (uint16_t)(p->l4 + UDP_HEADER_LEN);
		p->simple = plain && be16(l4 + 4) == n;
	}
}

/* All headers up to the upper layer are here. `visible`: no fragment, no extension hides it. */
static void read_upper(const uint8_t *octets, bool visible, bool plain, struct ip_packet *p)
{
	const uint8_t *upper = octets + p->header_len;

	p->whole = true;
	if (p->later_fragment || !has_ports(p) || p->len - p->header_len < 4)
		return;
	p->source_port = be16(upper);
	p->destination_port = be16(upper + 2);
	if (!visible)
		return;
	p->l4 = p->header_len;
	read_transport(upper, plain, p);
}

static int parse_v4(const uint8_t *octets, size_t n, struct ip_packet *p)
{
	uint16_t header = (uint16_t)((octets[0] & 0x0f) * 4), len = be16(octets + 2);
	uint16_t frag = be16(octets + 6);

	if (header < IPV4_HEADER_LEN || header > n)
		return -EPROTO;
	p->version = 4;
	p->family = AF_INET;
	p->hop_limit = octets[8];
	p->protocol = octets[9];
	p->dont_fragment = frag & IPV4_DF;
	p->fragment = frag & (IPV4_MF | IPV4_OFFSET);
	p->later_fragment = frag & IPV4_OFFSET;
	if (len < header || len > n)
		return -EPROTO;
	p->len = len;
	p->header_len = header;
	/* A set reserved bit is odd, too. */
	read_upper(octets, !(frag & ~IPV4_DF), header == IPV4_HEADER_LEN, p);
	return 0;
}

/* RFC 8200 section 4.5: offset in the upper 13 bits, M in the lowest. */
static void read_fragment(struct rd *ext, struct ip_packet *p)
{
	uint16_t frag;

	rd_be16(ext); /* next header, reserved */
	frag = rd_be16(ext);
	p->fragment = p->fragment || (frag & 0xfff9);
	p->later_fragment = p->later_fragment || (frag & 0xfff8);
	rd_be32(ext);
}

/* Walks the extension headers; on return r stands at the upper layer and p->protocol names it. */
static int walk_extensions(struct rd *r, struct ip_packet *p)
{
	for (unsigned i = 0; i <= PACKET_EXTENSIONS_MAX; i++) {
		struct rd ext = *r;
		uint8_t next = rd_u8(&ext), len = rd_u8(&ext);
		size_t skip = ((size_t)len + 1) * 8;

		if (p->later_fragment)
			return 0; /* what follows is the middle of something */
		switch (p->protocol) {
		case IP_HOPOPTS:
		case IP_ROUTING:
		case IP_DSTOPTS:
		case IP_MOBILITY: break;
		case IP_AH: skip = ((size_t)len + 2) * 4; break;
		case IP_FRAGMENT:
			skip = 8;
			ext = *r;
			read_fragment(&ext, p);
			break;
		default: return 0;
		}
		rd_ptr(r, skip);
		if (r->short_read)
			return -EPROTO;
		p->protocol = next;
	}
	return -EPROTO;
}

/* Finds the upper layer behind extension headers. */
COLD static int pass_extensions(const uint8_t *octets, struct ip_packet *p)
{
	struct rd r = rd_init(octets + IPV6_HEADER_LEN, p->len - IPV6_HEADER_LEN);

	if (walk_extensions(&r, p) < 0) {
		p->protocol = 0;
		return -EPROTO;
	}
	p->header_len = (uint16_t)(r.p - octets);
	return 0;
}

static int parse_v6(const uint8_t *octets, size_t n, struct ip_packet *p)
{
	uint32_t len = (uint32_t)be16(octets + 4) + IPV6_HEADER_LEN;
	bool plain;

	p->version = 6;
	p->family = AF_INET6;
	p->hop_limit = octets[7];
	p->protocol = octets[6];
	p->dont_fragment = true;
	if (len > n)
		return -EPROTO;
	p->len = len;
	p->header_len = IPV6_HEADER_LEN;
	plain = has_ports(p) || p->protocol == IP_ICMPV6;
	if (!plain && pass_extensions(octets, p) < 0) {
		p->len = (uint32_t)n;
		return -EPROTO;
	}
	plain = p->header_len == IPV6_HEADER_LEN;
	read_upper(octets, plain, plain, p);
	return 0;
}

HOT int packet_parse(const uint8_t *octets, size_t n, struct ip_packet *ret)
{
	*ret = (struct ip_packet){.len = (uint32_t)n};
	if (n >= IPV4_HEADER_LEN && octets[0] >> 4 == 4)
		return parse_v4(octets, n, ret);
	if (n >= IPV6_HEADER_LEN && octets[0] >> 4 == 6)
		return parse_v6(octets, n, ret);
	return -EPROTO;
}

/* --- flows ------------------------------------------------------------------------------- */

static uint64_t mix(uint64_t hash, uint64_t word)
{
	hash = (hash ^ word) *
	       0x9e3779b97f4a7c15; /* 2^64 / golden ratio: Knuth's multiplicative hash */
	return hash ^ hash >> 32;
}

static uint64_t load64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

/* The pieces of a fragmented packet stay together: what only the first one has is not part of the hash. */
HOT uint32_t packet_flow_hash(const uint8_t *octets, const struct ip_packet *p, uint32_t seed)
{
	uint64_t hash = mix(seed, p->fragment ? 0 : p->protocol);

	if (p->version == 4)
		hash = mix(hash, load64(octets + 12));
	for (size_t i = 8; p->version == 6 && i < 40; i += 8)
		hash = mix(hash, load64(octets + i));
	if (p->l4)
		hash = mix(hash, (uint64_t)p->source_port << 16 | p->destination_port);
	return (uint32_t)(hash ^ hash >> 16);
}

/* --- marks ------------------------------------------------------------------------------- */

enum ecn {
	ECN_NOT_ECT = 0,
	ECN_CE = 3, /* and the mask */
};

/* RFC 1624 section 3, equation 3: of the word that TOS is the lower half of. */
static void mark_v4(uint8_t *octets)
{
	uint32_t sum = (uint16_t)~be16(octets + 10) + (uint32_t)(uint16_t)~be16(octets);
	uint16_t check;

	octets[1] |= ECN_CE;
	check = sum_finish(sum + be16(octets));
	octets[10] = (uint8_t)(check >> 8);
	octets[11] = (uint8_t)check;
}

bool packet_mark_ce(uint8_t *octets)
{
	bool v4 = octets[0] >> 4 == 4;

	/* IPv6: version 4 bits, traffic class 8, flow label 20: ECN is in the second octet. */
	if (((v4 ? octets[1] : octets[1] >> 4) & ECN_CE) == ECN_NOT_ECT)
		return false;
	if (v4)
		mark_v4(octets);
	else
		octets[1] |= ECN_CE << 4;
	return true;
}

/* --- addresses --------------------------------------------------------------------------- */

HOT static enum ip_scope scope_v4(const uint8_t *a)
{
	if (a[0] == 0)
		return IP_UNSPECIFIED;
	if (a[0] == 127)
		return IP_LOOPBACK;
	if (a[0] == 169 && a[1] == 254)
		return IP_LINK_LOCAL;
	return a[0] < 224 ? IP_UNICAST : a[0] < 240 ? IP_MULTICAST : IP_BROADCAST;
}

HOT enum ip_scope ip_scope_of(uint8_t family, const uint8_t *address)
{
	static const uint8_t zeros[15];

	if (family == AF_INET)
		return scope_v4(address);
	if (address[0] == 0xff)
		return IP_MULTICAST;
	if (address[0] == 0xfe && (address[1] & 0xc0) == 0x80)
		return IP_LINK_LOCAL;
	if (!memcmp(address, zeros, sizeof(zeros)) && address[15] < 2)
		return address[15] ? IP_LOOPBACK : IP_UNSPECIFIED;
	return IP_UNICAST;
}
