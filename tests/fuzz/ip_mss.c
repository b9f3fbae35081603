// SPDX-License-Identifier: Apache-2.0
/*
 * ip/mss.c: any packet clamped. Only the MSS value and the checksum may change, the checksum must
 * stay as right (or as wrong by the same amount) as it was, and a second clamp changes nothing.
 */
#include <stdlib.h>
#include <string.h>

#include "ip/mss.h"

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t n);

static void must(bool b)
{
	if (!b)
		abort();
}

static uint32_t sum(const uint8_t *p, size_t n)
{
	uint32_t s = 0;

	for (size_t i = 0; i < n; i++)
		s += i % 2 ? p[i] : (uint32_t)p[i] << 8;
	while (s >> 16)
		s = (s & 0xffff) + (s >> 16);
	return s % 0xffff; /* ones' complement has two zeros */
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t n)
{
	uint8_t *copy;
	struct ip_packet p;
	uint16_t mtu;
	size_t changed = 0;

	if (n < 2)
		return 0;
	mtu = (uint16_t)(octets[0] << 8 | octets[1]);
	octets += 2;
	n -= 2;
	copy = malloc(n + !n);
	must(copy != NULL);
	memcpy(copy, octets, n);
	if (packet_parse(copy, n, &p) == 0) {
		bool did = mss_clamp(copy, &p, mtu, false);

		for (size_t i = 0; i < n; i++)
			changed += copy[i] != octets[i];
		must(did ? changed > 0 && changed <= 4 : changed == 0);
		must(sum(copy + p.header_len, p.len - p.header_len) ==
			sum(octets + p.header_len, p.len - p.header_len));
		must(!mss_clamp(copy, &p, mtu, false));
	}
	free(copy);
	return 0;
}
