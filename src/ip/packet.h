// SPDX-License-Identifier: Apache-2.0
/*
 * ip/packet.h — what the data path must know of an IPv4 or IPv6 packet, checked once.
 *
 * The one parser of IP headers. Route, guard, fit, coalesce, the queue and sparse all read its result.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"

enum { /* upper-layer protocols and IPv6 extension headers that are looked at here */
	IP_HOPOPTS = 0,
	IP_ICMP = 1,
	IP_TCP = 6,
	IP_UDP = 17,
	IP_ROUTING = 43,
	IP_FRAGMENT = 44,
	IP_AH = 51,
	IP_ICMPV6 = 58,
	IP_NO_NEXT = 59,
	IP_DSTOPTS = 60,
	IP_MOBILITY = 135,
};

#define IPV4_HEADER_LEN 20
#define IPV6_HEADER_LEN 40
#define TCP_HEADER_LEN 20
#define UDP_HEADER_LEN 8

/* Offsets, not pointers: it travels with the packet, wherever its octets are copied. */
struct ip_packet {
	uint32_t len;        /* whole: by its own header, what follows is padding; else as given */
	uint16_t header_len; /* whole: up to the upper layer, IPv6 extensions included */
	uint16_t l4;      /* where TCP or UDP begins; 0: behind extensions, in fragments, others */
	uint16_t payload; /* simple: where that which TCP or UDP carries begins */
	uint16_t source_port, destination_port; /* TCP and UDP, 0 where they are not to be seen */
	uint8_t version;                        /* 4 or 6: the IP header is here; 0: it is not */
	uint8_t family;                         /* AF_INET, AF_INET6 */
	uint8_t protocol;                       /* of the upper layer; 0: not found */
	uint8_t hop_limit;
	bool whole;          /* lengths fit, and each header up to the upper layer is here */
	bool simple;         /* whole TCP or UDP: no IP options, extension headers, fragments */
	bool dont_fragment;  /* IPv6: always */
	bool fragment;       /* a piece of a packet: more follow or some went before */
	bool later_fragment; /* not the first: octets at header_len are no upper-layer header */
};

/*
 * 0, or -EPROTO: not IP, shorter than it says, or a header that runs out of it; *ret has what is known
 * all the same. n may be more than the packet (PPP padding). A super-packet (GSO) is one long packet
 * here.
 */
int packet_parse(const uint8_t *octets, size_t n, struct ip_packet *ret);

/*
 * The same for all packets of one flow in one direction: addresses, protocol, ports where known. `seed`
 * keeps peers from aiming at a queue.
 */
uint32_t packet_flow_hash(const uint8_t *octets, const struct ip_packet *p, uint32_t seed);

/*
 * Sets Congestion Experienced (RFC 3168 section 5) in place, with the IPv4 header checksum kept
 * right. False, and nothing done, when the packet is not ECN-capable: drop it instead. The octets
 * hold at least the IP header.
 */
bool packet_mark_ce(uint8_t *octets);

enum ip_scope {
	IP_UNSPECIFIED, /* 0.0.0.0/8, :: */
	IP_LOOPBACK,
	IP_LINK_LOCAL, /* 169.254/16, fe80::/10 */
	IP_UNICAST,
	IP_MULTICAST,
	IP_BROADCAST, /* 255.255.255.255 and the rest of 240/4, which routes nowhere either */
};

enum ip_scope ip_scope_of(uint8_t family, const uint8_t *address);

/* 4 or 16 octets of a packet with a version; the destination follows the source. */
static inline const uint8_t *packet_source_at(const uint8_t *octets, const struct ip_packet *p)
{
	return octets + (p->version == 4 ? 12 : 8);
}

static inline const uint8_t *packet_destination_at(const uint8_t *octets, const struct ip_packet *p)
{
	return octets + (p->version == 4 ? 16 : 24);
}

static inline struct addr packet_source(const uint8_t *octets, const struct ip_packet *p)
{
	struct addr a = {.family = p->family};

	__builtin_memcpy(a.octets, packet_source_at(octets, p), p->version == 4 ? 4 : 16);
	return a;
}
