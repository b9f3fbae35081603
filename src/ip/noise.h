/*
 * ip/noise.h — what a client says to "everybody on the link": name searches, discovery protocols,
 * router and DHCP requests. Nobody else is on a point-to-point link, so it goes no further.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"

enum noise {
	NOISE_NONE,      /* an ordinary packet */
	NOISE_ROUTER,    /* looks like a router solicitation */
	NOISE_DHCPV6,    /* looks like one for a DHCPv6 server */
	NOISE_NEIGHBOUR, /* neighbour discovery, for the kernel */
	NOISE_OTHER,     /* broadcast, multicast, mDNS, LLMNR, SSDP, NetBIOS, DHCP */
};

/* By the headers alone; `octets` holds at least the whole IP header. `pool` is the IPv4 one. */
enum noise noise_of(const uint8_t *octets, size_t n, const struct prefix *pool);
