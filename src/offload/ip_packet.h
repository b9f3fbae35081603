// SPDX-License-Identifier: Apache-2.0
/*
 * offload/ip_packet.h — one IP packet as the data path sees it: whose it is and whether it is one
 * of the everyday kind that may be joined with its neighbours.
 *
 * Ownership: a view; octets stay the caller's and must outlive it. Nothing here fails: what is not
 *            understood has version 0, or is not `simple`.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ip_packet {
	const uint8_t *octets;
	size_t len;
	uint8_t version;  /* 4 or 6: the IP header is whole; 0: not an IP packet */
	uint8_t protocol; /* of the transport header; 0: hidden behind IPv6 extension headers */
	bool simple; /* whole TCP or UDP: no IP options, extension headers, fragments; lengths fit */
	uint16_t l4;      /* where TCP or UDP begins; 0 where its ports cannot be known */
	uint16_t payload; /* simple: where that which TCP or UDP carries begins */
};

void ip_packet_parse(const void *octets, size_t n, struct ip_packet *ret);

/* Addresses and ports (when known) of both packets are the same; both have a version. */
bool ip_packet_same_addresses(const struct ip_packet *a, const struct ip_packet *b);
/* One number per flow: addresses, protocol, ports when known. */
uint32_t ip_packet_hash(const struct ip_packet *p, uint32_t seed);

/* The sum of the pseudo header, l4_len octets of transport header and payload (RFC 9293 3.1, 8200 8.1). */
uint64_t ip_pseudo_sum(const uint8_t *packet, unsigned protocol, size_t l4_len);

/*
 * Sets Congestion Experienced (RFC 3168 section 5) in place, with the IPv4 header checksum kept
 * right. False, and nothing done, when the packet is not ECN-capable: drop it instead. The octets
 * hold at least the IP header.
 */
bool ip_packet_mark_ce(uint8_t *packet);
