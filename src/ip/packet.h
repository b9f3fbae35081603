// SPDX-License-Identifier: Apache-2.0
/*
 * ip/packet.h — what the data path must know of an IPv4 or IPv6 packet, checked once.
 *
 * Nothing is copied: the pointers lie in the octets given and live as long as they do.
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

struct ip_view {
	const uint8_t *source, *destination; /* 4 or 16 octets */
	uint32_t len;                        /* by its own header; what follows is padding */
	uint16_t header_len;                 /* up to the upper layer, IPv6 extensions included */
	uint16_t source_port, destination_port; /* TCP and UDP, 0 where they are not to be seen */
	uint8_t family;                         /* AF_INET, AF_INET6 */
	uint8_t protocol;                       /* of the upper layer */
	uint8_t traffic_class;                  /* DSCP and ECN */
	uint8_t hop_limit;
	bool dont_fragment;  /* IPv6: always */
	bool fragment;       /* a piece of a packet: more follow or some went before */
	bool later_fragment; /* not the first: octets at header_len are no upper-layer header */
};

/*
 * 0, or -EPROTO: not IP, shorter than it says, or a header that runs out of it. n may be more than
 * the packet (PPP padding). A super-packet (GSO) is one long packet here.
 */
int packet_parse(const uint8_t *octets, size_t n, struct ip_view *ret);

/* The same for all packets of one flow in one direction; `seed` keeps peers from aiming at a queue. */
uint32_t packet_flow_hash(const struct ip_view *p, uint32_t seed);

/* The source check (BCP 38): does the packet come from one of the prefixes? */
bool packet_source_in(const struct ip_view *p, const struct prefix *allowed, size_t n);

enum ip_scope {
	IP_UNSPECIFIED, /* 0.0.0.0/8, :: */
	IP_LOOPBACK,
	IP_LINK_LOCAL, /* 169.254/16, fe80::/10 */
	IP_UNICAST,
	IP_MULTICAST,
	IP_BROADCAST, /* 255.255.255.255 and the rest of 240/4, which routes nowhere either */
};

enum ip_scope ip_scope_of(uint8_t family, const uint8_t *address);

static inline struct addr packet_source(const struct ip_view *p)
{
	struct addr a = {.family = p->family};

	__builtin_memcpy(a.octets, p->source, p->family == AF_INET ? 4 : 16);
	return a;
}

static inline struct addr packet_destination(const struct ip_view *p)
{
	struct addr a = {.family = p->family};

	__builtin_memcpy(a.octets, p->destination, p->family == AF_INET ? 4 : 16);
	return a;
}
