// SPDX-License-Identifier: Apache-2.0
/*
 * ip/guard.h — which packets a peer may send through a tunnel, on both ends.
 *
 * An allow-list, judged after the whole chain of headers: what is not known is dropped. Decisions
 * do not depend on the kernel's settings or on a packet filter.
 *
 * Sources: RFC 8200 section 4, RFC 7112 (a header chain ends in the first fragment), RFC 6980 (no
 *          neighbour discovery in fragments), RFC 5095 (no routing header), RFC 1858 and RFC 3128
 *          (small first fragments), RFC 7126 (IPv4 options), RFC 4890 and RFC 5927 (ICMP).
 */
#pragma once
#include "ip/packet.h"

struct guard {
	bool server;                 /* this end is the server; the peer is one host */
	struct addr peer_link_local; /* the only fe80:: source; AF_UNSPEC: none */
	struct addr own_link_local;  /* the only fe80:: destination; AF_UNSPEC: none */
	struct addr own4, own6;      /* no source of the peer's; AF_UNSPEC: not known */
	const struct prefix
		*nets; /* IPv4: their first and last addresses are no host's; borrowed */
	size_t n_nets;
};

enum guard_verdict {
	GUARD_PASS,
	/* To the link itself: the owner answers, and nothing goes to the kernel. */
	GUARD_SOLICITATION,  /* for a router */
	GUARD_ADVERTISEMENT, /* of a router; at the client only */
	GUARD_NEIGHBOUR,     /* neighbour solicitation or advertisement */
	GUARD_DHCPV6,        /* to a DHCPv6 server */
	GUARD_DHCPV4,        /* to a DHCP server: everybody's address, or this end's */
	/* To be dropped. */
	GUARD_NOISE,     /* multicast or broadcast: mDNS, LLMNR, SSDP, NetBIOS, DHCP */
	GUARD_SOURCE,    /* a source that the peer may not have */
	GUARD_MALFORMED, /* lengths that contradict each other, a header chain that has no end */
	GUARD_FORBIDDEN, /* well-formed, and not on the list */
};

/*
 * `octets` are a packet as it came, perhaps with padding behind it. `ret` is valid unless the
 * verdict is GUARD_MALFORMED; ret->len is the length without padding.
 */
enum guard_verdict guard_judge(
	const struct guard *g, const uint8_t *octets, const struct ip_packet *p);
/*
 * The addresses alone: enough for TCP and UDP without options, extension headers and fragments,
 * whose lengths are right. The octets hold the IP header. GUARD_DHCPV4: it may be that, and
 * guard_judge() is to be asked.
 */
enum guard_verdict guard_addresses(const struct guard *g, const uint8_t *octets);
