// SPDX-License-Identifier: Apache-2.0
/*
 * Fuzzes offload/coalesce.c, against segment.c: what is joined and cut again must be what was put
 * in (tests/unit/offload/roundtrip.h).
 *
 * Input: packets, each behind three octets: a flag octet (bit 0: make the checksums right; bit 1:
 * repeat it, as its own next segment, bits 2-5 times) and the length, big endian. The first octet
 * of all: bit 0 USO, bit 1 pull late.
 */
#include <stdio.h>
#include <stdlib.h>

#include "unit/offload/roundtrip.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t *copies[ROUNDTRIP_PACKETS];
static struct roundtrip rt;

static bool fixable(const uint8_t *p, size_t n)
{
	struct ip_packet parsed;

	packet_parse(p, n, &parsed);
	return parsed.simple;
}

static void fix(uint8_t *p, size_t n)
{
	struct ip_packet parsed;

	packet_parse(p, n, &parsed);
	if (p[0] >> 4 == 4)
		put_ip_check(p);
	put_l4_check(p, n, parsed.l4, parsed.protocol);
}

static void put(const uint8_t *octets, size_t n, bool right, unsigned k)
{
	uint8_t *p = malloc(n ? n : 1);
	struct ip_packet parsed;

	if (!p)
		abort();
	memcpy(p, octets, n);
	if (right && fixable(p, n)) {
		packet_parse(p, n, &parsed);
		if (parsed.version == 4)
			put16(p + 4, get16(p + 4) + k);
		if (parsed.protocol == 6)
			put32(p + parsed.l4 + 4,
				get32(p + parsed.l4 + 4) + k * (uint32_t)(n - parsed.payload));
		fix(p, n);
	}
	copies[rt.n] = p;
	rt.packet[rt.n] = p;
	packet_parse(p, n, &parsed);
	rt.len[rt.n++] = parsed.len; /* without padding */
}

static void read_packets(const uint8_t *data, size_t size)
{
	rt.n = 0;
	while (size >= 3 && rt.n < ROUNDTRIP_PACKETS) {
		size_t n = get16(data + 1) % (SEGMENT_PACKET_MAX + 1);
		unsigned times = data[0] & 2 ? 1 + (data[0] >> 2 & 15) : 1;

		n = n < size - 3 ? n : size - 3;
		for (unsigned k = 0; k < times && rt.n < ROUNDTRIP_PACKETS; k++)
			put(data + 3, n, data[0] & 1, k);
		data += 3 + n;
		size -= 3 + n;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct coalesce *c;
	const char *wrong;

	if (size < 1 || coalesce_new(data[0] & COALESCE_ALL, &c))
		return 0;
	read_packets(data + 1, size - 1);
	wrong = roundtrip(&rt, c, data[0] & 2);
	if (wrong) {
		fprintf(stderr, "%s\n", wrong);
		abort();
	}
	coalesce_free(c);
	for (size_t i = 0; i < rt.n; i++)
		free(copies[i]);
	return 0;
}
