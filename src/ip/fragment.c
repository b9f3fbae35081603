// SPDX-License-Identifier: Apache-2.0
/*
 * ip/fragment.c — IPv4 fragmentation.
 *
 * The first piece has all options of the packet, later ones those whose copied flag is set
 * (RFC 791 section 3.1). A packet that is a fragment itself is cut further: offsets add up, and
 * only the end of the last fragment has MF clear.
 */
#include "ip/fragment.h"

#include <string.h>

#define MORE 0x2000
#define OFFSET 0x1fff
#define OPTION_END 0
#define OPTION_NOP 1
#define OPTION_COPIED 0x80

static uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static void put16(uint8_t *p, size_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

/* Copies the options that every fragment has; returns the header's length with them, padded. */
static size_t copy_options(const uint8_t *octets, size_t header_len, uint8_t *ret)
{
	size_t n = IPV4_HEADER_LEN;

	for (size_t i = IPV4_HEADER_LEN, len; i < header_len && octets[i] != OPTION_END; i += len) {
		len = octets[i] == OPTION_NOP ? 1 : i + 1 < header_len ? octets[i + 1] : 0;
		if (len < (octets[i] == OPTION_NOP ? 1 : 2) || i + len > header_len)
			break;
		if (octets[i] & OPTION_COPIED) {
			memcpy(ret + n, octets + i, len);
			n += len;
		}
	}
	while (n % 4)
		ret[n++] = 0; /* end of options */
	return n;
}

static uint16_t header_checksum(const uint8_t *p, size_t n)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < n; i += 2)
		sum += get16(p + i);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t) ~(sum + (sum >> 16));
}

size_t fragment_next(const uint8_t *octets, const struct ip_packet *p, uint16_t mtu, size_t *offset,
	uint8_t *ret)
{
	size_t left = p->len - p->header_len - *offset, header = p->header_len, n;
	uint16_t field = get16(octets + 6);

	if (p->family != AF_INET || p->dont_fragment || left == 0 || mtu < header + 8)
		return 0;
	memcpy(ret, octets, *offset ? IPV4_HEADER_LEN : header);
	if (*offset)
		header = copy_options(octets, header, ret);
	n = mtu - header;
	if (n >= left)
		n = left;
	else
		n -= n % 8; /* all but the last are whole units of the offset field */
	memcpy(ret + header, octets + p->header_len + *offset, n);
	ret[0] = (uint8_t)(0x40 | header / 4);
	put16(ret + 2, header + n);
	put16(ret + 6, (field & (uint16_t)~OFFSET) | (n < left ? MORE : 0) |
			       (((size_t)(field & OFFSET) + *offset / 8) & OFFSET));
	put16(ret + 10, 0);
	put16(ret + 10, header_checksum(ret, header));
	*offset += n;
	return header + n;
}
