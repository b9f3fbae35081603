// SPDX-License-Identifier: Apache-2.0
/*
 * offload/csum.h — the Internet checksum (RFC 1071), plain and fused with a copy.
 *
 * A sum is a 64-bit accumulator of ones' complement arithmetic over 16-bit words *as they lie in
 * memory*: no byte is swapped on the way, so a number that joins a sum is in network order too
 * (csum_be16) and a finished checksum is stored as it is. Each call must begin at an even offset
 * of the octets that belong together; only the last may have an odd length.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* sum + the octets. Takes the widest loop this CPU has. */
uint64_t csum_add(uint64_t sum, const void *octets, size_t n);
/* The same while copying src to dst (no overlap): one pass instead of two. */
uint64_t csum_copy(uint64_t sum, void *dst, const void *src, size_t n);

/* The two loops behind them, for the tests and the micro bench. */
uint64_t csum_add_scalar(uint64_t sum, const void *octets, size_t n);
uint64_t csum_copy_scalar(uint64_t sum, void *dst, const void *src, size_t n);
bool csum_has_simd(void);
uint64_t csum_add_simd(uint64_t sum, const void *octets, size_t n);
uint64_t csum_copy_simd(uint64_t sum, void *dst, const void *src, size_t n);

static inline uint64_t csum_plus(uint64_t a, uint64_t b)
{
	uint64_t sum = a + b;

	return sum + (sum < b); /* the carry comes back at the low end */
}

/* A number of the host as the word it is on the wire. */
static inline uint16_t csum_be16(uint16_t v)
{
	return __builtin_bswap16(v);
}

/* The sum in 16 bits, not complemented: what NEEDS_CSUM wants of a pseudo header. */
static inline uint16_t csum_fold(uint64_t sum)
{
	sum = (sum & UINT32_MAX) + (sum >> 32);
	sum = (sum & UINT32_MAX) + (sum >> 32);
	sum = (sum & UINT16_MAX) + (sum >> 16);
	sum = (sum & UINT16_MAX) + (sum >> 16);
	return (uint16_t)sum;
}

/* What goes into the header. */
static inline uint16_t csum_finish(uint64_t sum)
{
	return (uint16_t)~csum_fold(sum);
}

/* The sum of the pseudo header, l4_len octets of transport header and payload (RFC 9293 3.1, 8200 8.1). */
uint64_t csum_pseudo(const uint8_t *packet, unsigned protocol, size_t l4_len);
