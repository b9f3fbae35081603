// SPDX-License-Identifier: Apache-2.0
/*
 * ip/fragment.h — cutting an IPv4 packet that does not fit and may be cut (RFC 791 section 3.2).
 *
 * Only packets without DF, which few senders make any more: the others get ip/toobig.h.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "ip/packet.h"

/*
 * Writes the next piece of at most `mtu` octets into ret (mtu octets long) and returns its length;
 * 0 when all were written. *offset is 0 at first and the function's own from then on. A checksum
 * that was left to be finished (vnet header) must be finished before.
 *
 *     for (size_t at = 0; (n = fragment_next(octets, &p, mru, &at, piece)) > 0;)
 *             send(piece, n);
 *
 * Nothing is written for IPv6, for DF, or when mtu leaves no room for eight octets of data.
 */
size_t fragment_next(const uint8_t *octets, const struct ip_packet *p, uint16_t mtu, size_t *offset,
	uint8_t *ret);
