// SPDX-License-Identifier: Apache-2.0
/*
 * ip/toobig.h — telling a sender that its packet does not fit: ICMP "fragmentation needed" (RFC 792,
 * RFC 1191 section 4) and ICMPv6 Packet Too Big (RFC 4443 section 3.2).
 *
 * How often may be asked is the caller's affair (RFC 4443 section 2.4 f: a token bucket).
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "ip/packet.h"

#define TOOBIG_MAX 1280 /* the longest answer: an ICMPv6 error ends at the minimum MTU */

/*
 * Writes the whole answer, IP header and checksums included, from `from` (our address, the
 * packet's family) to the packet's source, and returns its length. 0: none may be sent, because
 * the packet may be fragmented, is an ICMP error or a later fragment, goes to or comes from what
 * is no single host, or `cap` (TOOBIG_MAX suffices) is too small.
 */
size_t toobig_build(const uint8_t *octets, const struct ip_packet *p, const struct addr *from,
	uint16_t mtu, uint8_t *ret, size_t cap);
