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

#define IPV4_DF 0x4000
#define IPV4_MF 0x2000
#define IPV4_OFFSET 0x1fff

static void read_ports(struct rd *r, struct ip_view *p)
{
	struct rd ports = *r;

	if (p->later_fragment || (p->protocol != IP_TCP && p->protocol != IP_UDP) ||
		rd_left(&ports) < 4)
		return;
	p->source_port = rd_be16(&ports);
	p->destination_port = rd_be16(&ports);
}

static int parse_v4(const uint8_t *octets, size_t n, struct ip_view *ret)
{
	struct rd r = rd_init(octets, n);
	struct ip_view p = {.family = AF_INET};
	size_t header = (size_t)(rd_u8(&r) & 0x0f) * 4;
	uint16_t frag;

	p.traffic_class = rd_u8(&r);
	p.len = rd_be16(&r);
	rd_be16(&r); /* identification */
	frag = rd_be16(&r);
	p.hop_limit = rd_u8(&r);
	p.protocol = rd_u8(&r);
	rd_be16(&r); /* checksum */
	p.source = rd_ptr(&r, 4);
	p.destination = rd_ptr(&r, 4);
	if (r.short_read || header < IPV4_HEADER_LEN || p.len < header || p.len > n)
		return -EPROTO;
	p.header_len = (uint16_t)header;
	p.dont_fragment = frag & IPV4_DF;
	p.fragment = frag & (IPV4_MF | IPV4_OFFSET);
	p.later_fragment = frag & IPV4_OFFSET;
	r = rd_init(octets + header, p.len - header);
	read_ports(&r, &p);
	*ret = p;
	return 0;
}

/* RFC 8200 section 4.5: offset in the upper 13 bits, M in the lowest. */
static void read_fragment(struct rd *ext, struct ip_view *p)
{
	uint16_t frag;

	rd_be16(ext); /* next header, reserved */
	frag = rd_be16(ext);
	p->fragment = p->fragment || (frag & 0xfff9);
	p->later_fragment = p->later_fragment || (frag & 0xfff8);
	rd_be32(ext);
}

/* Walks the extension headers; on return r stands at the upper layer and p->protocol names it. */
static int walk_extensions(struct rd *r, struct ip_view *p)
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

static int parse_v6(const uint8_t *octets, size_t n, struct ip_view *ret)
{
	struct rd r = rd_init(octets, n);
	struct ip_view p = {.family = AF_INET6, .dont_fragment = true};

	p.traffic_class = (uint8_t)(rd_be32(&r) >> 20);
	p.len = (uint32_t)rd_be16(&r) + IPV6_HEADER_LEN;
	p.protocol = rd_u8(&r);
	p.hop_limit = rd_u8(&r);
	p.source = rd_ptr(&r, 16);
	p.destination = rd_ptr(&r, 16);
	if (r.short_read || p.len > n)
		return -EPROTO;
	r = rd_init(octets + IPV6_HEADER_LEN, p.len - IPV6_HEADER_LEN);
	if (walk_extensions(&r, &p) < 0)
		return -EPROTO;
	p.header_len = (uint16_t)(r.p - octets);
	read_ports(&r, &p);
	*ret = p;
	return 0;
}

int packet_parse(const uint8_t *octets, size_t n, struct ip_view *ret)
{
	switch (n ? octets[0] >> 4 : 0) {
	case 4: return parse_v4(octets, n, ret);
	case 6: return parse_v6(octets, n, ret);
	default: return -EPROTO;
	}
}

/* --- flows ------------------------------------------------------------------------------- */

static uint64_t mix(uint64_t h, uint64_t v)
{
	h = (h ^ v) * UINT64_C(0x9e3779b97f4a7c15);
	return h ^ h >> 32;
}

static uint64_t load(const uint8_t *p, size_t n)
{
	uint64_t v = 0;

	memcpy(&v, p, n);
	return v;
}

uint32_t packet_flow_hash(const struct ip_view *p, uint32_t seed)
{
	uint64_t h = mix((uint64_t)seed << 32 | p->protocol, 1);

	if (p->family == AF_INET) {
		h = mix(h, load(p->source, 4) << 32 | load(p->destination, 4));
	} else {
		h = mix(h, load(p->source, 8));
		h = mix(h, load(p->source + 8, 8));
		h = mix(h, load(p->destination, 8));
		h = mix(h, load(p->destination + 8, 8));
	}
	/* The pieces of a fragmented packet stay together: ports are not part of the hash. */
	if (!p->fragment)
		h = mix(h, (uint64_t)p->source_port << 16 | p->destination_port);
	return (uint32_t)(h >> 16);
}

/* --- addresses --------------------------------------------------------------------------- */

bool packet_source_in(const struct ip_view *p, const struct prefix *allowed, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct prefix *a = &allowed[i];
		size_t whole = a->len / 8, rest = a->len % 8;

		if (a->addr.family != p->family || memcmp(a->addr.octets, p->source, whole))
			continue;
		if (!rest ||
			!((a->addr.octets[whole] ^ p->source[whole]) & (0xff00 >> rest & 0xff)))
			return true;
	}
	return false;
}

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
