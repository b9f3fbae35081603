/*
 * tests/unit/ip/craft.h — packets for tests: written plainly, checksummed by a loop that shares
 * nothing with the code under test.
 */
#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "ip/packet.h"

static inline void craft16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

/* The Internet checksum over n octets, with `sum` already added. */
static inline uint16_t craft_sum(uint32_t sum, const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		sum += i % 2 ? p[i] : (uint32_t)p[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

/* The checksum an upper layer must carry, or 0 over one that carries the right one. */
static inline uint16_t craft_l4_sum(const uint8_t *packet, const struct ip_packet *p)
{
	size_t n = p->family == AF_INET ? 4 : 16, l4 = p->len - p->header_len;
	uint8_t pseudo[36] = {0};

	memcpy(pseudo, packet_source_at(packet, p), n);
	memcpy(pseudo + n, packet_destination_at(packet, p), n);
	craft16(pseudo + 2 * n, p->protocol);
	craft16(pseudo + 2 * n + 2, (unsigned)l4);
	return craft_sum((uint16_t)~craft_sum(0, pseudo, 2 * n + 4), packet + p->header_len, l4);
}

/* An IPv4 packet from 10.1.2.3 to 192.0.2.9 with DF; returns its length. */
static inline size_t craft_v4(uint8_t *ret, uint8_t protocol, const void *body, size_t n)
{
	static const uint8_t header[20] = {
		0x45, 0x02, 0, 0, 0x12, 0x34, 0x40, 0, 61, 0, 0, 0, 10, 1, 2, 3, 192, 0, 2, 9};

	memcpy(ret, header, 20);
	craft16(ret + 2, (unsigned)(20 + n));
	ret[9] = protocol;
	craft16(ret + 10, craft_sum(0, ret, 20));
	memcpy(ret + 20, body, n);
	return 20 + n;
}

/* An IPv6 packet from fd00::3 to 2001:db8::9. */
static inline size_t craft_v6(uint8_t *ret, uint8_t next, const void *body, size_t n)
{
	static const uint8_t header[40] = {0x60, 0x20, 0, 0, 0, 0, 0, 62, 0xfd, 0, 0, 0, 0, 0, 0, 0,
		0, 0, 0, 0, 0, 0, 0, 3, 0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9};

	memcpy(ret, header, 40);
	craft16(ret + 4, (unsigned)n);
	ret[6] = next;
	memcpy(ret + 40, body, n);
	return 40 + n;
}

static inline struct ip_packet parsed(const uint8_t *octets, size_t n)
{
	struct ip_packet p;

	assert_int_equal(packet_parse(octets, n, &p), 0);
	return p;
}
