// SPDX-License-Identifier: Apache-2.0
/* ip/sum.h — the Internet checksum for the few packets built or checked in ip/ (RFC 1071). */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "ip/packet.h"

/* Over octets that need not be aligned. */
static inline uint32_t sum16(uint32_t sum, const uint8_t *p, size_t n)
{
	for (; n > 1; p += 2, n -= 2)
		sum += (uint32_t)(p[0] << 8 | p[1]);
	if (n)
		sum += (uint32_t)p[0] << 8;
	return sum;
}

static inline uint16_t sum_finish(uint32_t sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

/*
 * What an upper layer without extension headers before it must carry (RFC 8200 section 8.1: both
 * addresses, length and protocol are summed as well), its checksum field being zero; 0 over one
 * that carries the right one.
 */
static inline uint16_t sum_v6(const uint8_t *packet, size_t len, uint8_t protocol)
{
	uint32_t sum = sum16((uint32_t)(len - IPV6_HEADER_LEN) + protocol, packet + 8, 32);

	return sum_finish(sum16(sum, packet + IPV6_HEADER_LEN, len - IPV6_HEADER_LEN));
}
