// SPDX-License-Identifier: Apache-2.0
/*
 * ip/mss.c — MSS clamp.
 *
 * RFC 6691: the value counts neither IP nor TCP options, so it is the MTU less the two fixed
 * headers. The checksum is corrected by RFC 1624 equation 3; behind an odd number of NOPs the value
 * straddles two checksum words, where each octet counts with the other's weight: hence the swap.
 */
#include "ip/mss.h"

#define TCP_SYN 0x02
#define TCP_FLAGS 13
#define TCP_CHECKSUM 16
#define TCP_DATA_OFFSET 12

#define OPTION_END 0
#define OPTION_NOP 1
#define OPTION_MSS 2
#define OPTION_MSS_LEN 4

/* The offset of the option's value in the TCP header, or 0. */
static unsigned find_mss(const uint8_t *tcp, unsigned header_len)
{
	unsigned i = TCP_HEADER_LEN;

	while (i < header_len && tcp[i] != OPTION_END) {
		if (tcp[i] == OPTION_NOP) {
			i++;
			continue;
		}
		if (i + 1 >= header_len || tcp[i + 1] < 2 || i + tcp[i + 1] > header_len)
			return 0;
		if (tcp[i] == OPTION_MSS)
			return tcp[i + 1] == OPTION_MSS_LEN ? i + 2 : 0;
		i += tcp[i + 1];
	}
	return 0;
}

static uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static void put16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static uint16_t swap16(uint16_t v)
{
	return (uint16_t)(v << 8 | v >> 8);
}

/* RFC 1624 equation 3: HC' = ~(~HC + ~m + m'). */
static void correct_checksum(uint8_t *at, uint16_t before, uint16_t after)
{
	uint32_t sum = (uint16_t)~get16(at) + (uint32_t)(uint16_t)~before + after;

	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	put16(at, ~sum & 0xffff);
}

bool mss_clamp(uint8_t *octets, const struct ip_packet *p, uint16_t mtu, bool checksum_partial)
{
	unsigned fixed =
		TCP_HEADER_LEN + (p->family == AF_INET ? IPV4_HEADER_LEN : IPV6_HEADER_LEN);
	uint8_t *tcp = octets + p->header_len;
	uint32_t left = p->len - p->header_len;
	unsigned header_len, at;
	uint16_t before, after;

	if (p->protocol != IP_TCP || p->later_fragment || left < TCP_HEADER_LEN || mtu <= fixed ||
		!(tcp[TCP_FLAGS] & TCP_SYN))
		return false;
	header_len = (unsigned)(tcp[TCP_DATA_OFFSET] >> 4) * 4;
	if (header_len > left)
		return false;
	at = find_mss(tcp, header_len);
	after = (uint16_t)(mtu - fixed);
	if (!at || (before = get16(tcp + at)) <= after)
		return false;
	put16(tcp + at, after);
	if (!checksum_partial) {
		if (at % 2) {
			before = swap16(before);
			after = swap16(after);
		}
		correct_checksum(tcp + TCP_CHECKSUM, before, after);
	}
	return true;
}
