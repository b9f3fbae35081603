// SPDX-License-Identifier: Apache-2.0
/*
 * offload/inet.h — where things are in IPv4, IPv6, TCP and UDP headers, and how to read them.
 *
 * The data path looks at a few fixed places of headers whose length was checked once, by
 * packet_parse() or segment_init(); a cursor would only ask again. RFC 791, 8200, 9293, 768.
 */
#pragma once
#include <stdint.h>
#include <string.h>

#include "ip/packet.h"

enum ipv4_offset {
	IPV4_TOS = 1,
	IPV4_TOTAL_LENGTH = 2,
	IPV4_ID = 4,
	IPV4_FRAGMENT = 6,
	IPV4_TTL = 8,
	IPV4_PROTOCOL = 9,
	IPV4_CHECK = 10,
	IPV4_ADDRESSES = 12, /* source and destination */
};

enum ipv4_fragment {
	IPV4_DF = 0x4000,
	IPV4_MF = 0x2000,
	IPV4_FRAGMENT_OFFSET = 0x1fff,
};

enum ipv6_offset {
	IPV6_PAYLOAD_LENGTH = 4,
	IPV6_NEXT_HEADER = 6,
	IPV6_HOP_LIMIT = 7,
	IPV6_ADDRESSES = 8,
};

enum tcp_offset {
	TCP_SEQ = 4,
	TCP_ACK = 8,
	TCP_DATA_OFFSET = 12, /* in the high four bits, 32-bit words; the low four are reserved */
	TCP_FLAGS = 13,
	TCP_WINDOW = 14,
	TCP_CHECK = 16,
	TCP_URGENT = 18,
};

enum tcp_flags {
	TCP_FLAG_FIN = 0x01,
	TCP_FLAG_SYN = 0x02,
	TCP_FLAG_RST = 0x04,
	TCP_FLAG_PSH = 0x08,
	TCP_FLAG_ACK = 0x10,
	TCP_FLAG_URG = 0x20,
	TCP_FLAG_ECE = 0x40,
	TCP_FLAG_CWR = 0x80,
};

enum udp_offset {
	UDP_LENGTH = 4,
	UDP_CHECK = 6,
};

enum ip_protocol {
	PROTOCOL_TCP = 6,
	PROTOCOL_UDP = 17,
	PROTOCOL_ICMPV6 = 58,
};

/* As it lies in memory: for sums and comparisons. */
static inline uint16_t load16(const uint8_t *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static inline uint32_t load32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static inline uint64_t load64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static inline void store16(uint8_t *p, uint16_t v)
{
	memcpy(p, &v, sizeof(v));
}

static inline uint16_t load_be16(const uint8_t *p)
{
	return __builtin_bswap16(load16(p));
}

static inline uint32_t load_be32(const uint8_t *p)
{
	return __builtin_bswap32(load32(p));
}

static inline void store_be16(uint8_t *p, uint16_t v)
{
	store16(p, __builtin_bswap16(v));
}

static inline void store_be32(uint8_t *p, uint32_t v)
{
	v = __builtin_bswap32(v);
	memcpy(p, &v, sizeof(v));
}

static inline unsigned ip_version(const uint8_t *packet)
{
	return packet[0] >> 4;
}

static inline uint16_t ipv4_header_len(const uint8_t *packet)
{
	return (uint16_t)((packet[0] & 0x0f) * 4);
}

static inline uint16_t tcp_header_len(const uint8_t *tcp)
{
	return (uint16_t)((tcp[TCP_DATA_OFFSET] >> 4) * 4);
}
