// SPDX-License-Identifier: Apache-2.0
/*
 * offload/segment.c — from a super-packet to frames, in one pass.
 *
 * Each segment gets a copy of the headers with these fields computed again, as the kernel's own
 * segmentation does (and tests/unit/offload/tun_test.c compares with it):
 *
 *   IPv4   total length, id (+1 each), header checksum        IPv6   payload length
 *   TCP    sequence; FIN and PSH only on the last, CWR only on the first; checksum
 *   UDP    length; checksum (0 is sent as FFFF, RFC 768)
 *
 * The kernel leaves the sum of the pseudo header in the checksum field, counted with the length of
 * the whole piece; that length is taken off again once, and each segment adds its own. So a routing
 * header, which changes the address in the pseudo header, needs no thought here.
 *
 * Left out: anything but TCP and UDP_L4. Without TUN_F_UFO and tunnel offloads the kernel cuts the
 * rest itself. What the kernel wrote is still checked: a length that does not fit is -EPROTO.
 */
#include "offload/segment.h"
#include "base/hot.h"
#include "offload/csum.h"
#include "offload/inet.h"

#include <errno.h>

static const uint8_t prefix_ipv4[SEGMENT_PREFIX_LEN] = {0x10, 0x00, 0, 0, 0xff, 0x03, 0x00, 0x21};
static const uint8_t prefix_ipv6[SEGMENT_PREFIX_LEN] = {0x10, 0x00, 0, 0, 0xff, 0x03, 0x00, 0x57};

static bool is_ipv4(const struct segment *s)
{
	return ip_version(s->packet) == 4;
}

/* Octets of the IP header as far as it must be whole; 0: not an IP packet. */
static size_t ip_header_len(const uint8_t *packet, size_t n)
{
	if (n >= IPV4_HEADER_LEN && ip_version(packet) == 4) {
		size_t header_len = ipv4_header_len(packet);

		return header_len >= IPV4_HEADER_LEN && header_len <= n ? header_len : 0;
	}
	if (n >= IPV6_HEADER_LEN && ip_version(packet) == 6)
		return IPV6_HEADER_LEN;
	return 0;
}

static int init_csum(struct segment *s, const struct vnet_hdr *vnet, size_t ip_len)
{
	size_t end = (size_t)vnet->csum_start + vnet->csum_offset + 2;

	if (!(vnet->flags & VNET_F_NEEDS_CSUM))
		return 0;
	/* The second bound keeps every offset below 16 bits; headers are far smaller. */
	if (vnet->csum_start < ip_len || end > s->len || end > SEGMENT_PACKET_MAX)
		return -EPROTO;
	s->l4 = vnet->csum_start;
	s->check = (uint16_t)(vnet->csum_start + vnet->csum_offset);
	return 0;
}

/* The transport header's length when gso_type, addresses and offsets agree, else 0. */
static uint16_t gso_l4_len(const struct segment *s, const struct vnet_hdr *vnet)
{
	const uint8_t *l4 = s->packet + s->l4;
	size_t left = s->len - s->l4;
	uint16_t n;

	switch (vnet->gso_type & ~VNET_GSO_ECN) {
	case VNET_GSO_TCPV4:
	case VNET_GSO_TCPV6:
		if (is_ipv4(s) != ((vnet->gso_type & ~VNET_GSO_ECN) == VNET_GSO_TCPV4))
			return 0;
		if (left < TCP_HEADER_LEN || vnet->csum_offset != TCP_CHECK)
			return 0;
		n = tcp_header_len(l4);
		return n >= TCP_HEADER_LEN && n <= left ? n : 0;
	case VNET_GSO_UDP_L4:
		return left >= UDP_HEADER_LEN && vnet->csum_offset == UDP_CHECK ? UDP_HEADER_LEN
										: 0;
	default: return 0;
	}
}

static int init_gso(struct segment *s, const struct vnet_hdr *vnet, size_t ip_len)
{
	uint16_t l4_len;

	if (!s->check || !vnet->gso_size)
		return -EPROTO;
	/* IPv6 extension headers may stand between, IPv4 options are part of ip_len. */
	if (is_ipv4(s) && (s->l4 != ip_len || (load_be16(s->packet + IPV4_FRAGMENT) & ~IPV4_DF)))
		return -EPROTO;
	l4_len = gso_l4_len(s, vnet);
	if (!l4_len)
		return -EPROTO;
	s->header_len = (uint16_t)(s->l4 + l4_len);
	if (s->len - s->header_len <= vnet->gso_size)
		return 0; /* a single one: its lengths are right as they are */
	s->gso_size = vnet->gso_size;
	s->next = s->header_len;
	s->udp = (vnet->gso_type & ~VNET_GSO_ECN) == VNET_GSO_UDP_L4;
	s->l4_sum = csum_fold((uint64_t)load16(s->packet + s->check) +
			      (uint16_t)~csum_be16((uint16_t)(s->len - s->l4)));
	return 0;
}

HOT int segment_init(struct segment *s, const struct vnet_hdr *vnet, const void *packet, size_t n)
{
	size_t ip_len = ip_header_len(packet, n);
	int r;

	if (!ip_len || n > SEGMENT_SUPER_MAX)
		return -EPROTO;
	*s = (struct segment){.packet = packet, .len = (uint32_t)n};
	r = init_csum(s, vnet, ip_len);
	if (!r && vnet->gso_type != VNET_GSO_NONE)
		r = init_gso(s, vnet, ip_len);
	if (!r && segment_largest(s) > SEGMENT_PACKET_MAX)
		r = -EMSGSIZE;
	if (r)
		s->next = s->len; /* nothing will come out of it */
	return r;
}

static uint32_t next_payload(const struct segment *s)
{
	uint32_t left = s->len - s->next;

	return left < s->gso_size ? left : s->gso_size;
}

uint32_t segment_count(const struct segment *s)
{
	if (!s->gso_size)
		return !segment_done(s);
	return (s->len - s->next + s->gso_size - 1) / s->gso_size;
}

size_t segment_next_frame(const struct segment *s)
{
	if (segment_done(s))
		return 0;
	if (!s->gso_size)
		return SEGMENT_PREFIX_LEN + (size_t)s->len;
	return SEGMENT_PREFIX_LEN + (size_t)s->header_len + next_payload(s);
}

size_t segment_all_frames(const struct segment *s)
{
	size_t headers = SEGMENT_PREFIX_LEN + (size_t)(s->gso_size ? s->header_len : 0);

	return segment_count(s) * headers + (s->len - s->next);
}

void segment_skip(struct segment *s)
{
	s->next += s->gso_size ? next_payload(s) : s->len - s->next;
}

/* skb_checksum_help() of the kernel does the same: 0 would mean "none" in UDP. */
static uint16_t nonzero(uint16_t check)
{
	return check ? check : 0xffff;
}

static void write_whole(struct segment *s, uint8_t *out)
{
	uint64_t sum;

	s->next = s->len;
	if (!s->check) {
		memcpy(out, s->packet, s->len);
		return;
	}
	memcpy(out, s->packet, s->l4);
	sum = csum_copy(0, out + s->l4, s->packet + s->l4, s->len - s->l4);
	store16(out + s->check, nonzero(csum_finish(sum)));
}

/*
 * The parts of both checksums that all segments share. Summed over the original: octets that were
 * just written in small pieces cannot be read back in large ones without a stall.
 */
struct shared_sums {
	uint64_t ip; /* IPv4 header without total length, id, checksum */
	uint64_t
		l4; /* pseudo and transport header without lengths, checksum, and what TCP changes */
};

/* The sum without the word at p. */
static uint64_t csum_less(uint64_t sum, const uint8_t *p)
{
	return csum_plus(sum, (uint16_t)~load16(p));
}

static struct shared_sums shared_sums(const struct segment *s)
{
	const uint8_t *ip = s->packet, *l4 = s->packet + s->l4;
	struct shared_sums sums = {0};

	if (is_ipv4(s)) {
		sums.ip = csum_add_scalar(0, ip, s->l4);
		sums.ip = csum_less(csum_less(sums.ip, ip + IPV4_TOTAL_LENGTH), ip + IPV4_ID);
		sums.ip = csum_less(sums.ip, ip + IPV4_CHECK);
	}
	sums.l4 = csum_add_scalar(s->l4_sum, l4, (size_t)(s->header_len - s->l4));
	sums.l4 = csum_less(sums.l4, s->packet + s->check);
	if (s->udp)
		return (struct shared_sums){sums.ip, csum_less(sums.l4, l4 + UDP_LENGTH)};
	sums.l4 = csum_less(csum_less(sums.l4, l4 + TCP_SEQ), l4 + TCP_SEQ + 2);
	sums.l4 = csum_less(sums.l4, l4 + TCP_DATA_OFFSET);
	return sums;
}

static void write_ip_header(const struct segment *s, uint64_t sum, uint8_t *ip, size_t n)
{
	uint16_t id;

	if (!is_ipv4(s)) {
		store_be16(ip + IPV6_PAYLOAD_LENGTH, (uint16_t)(n - IPV6_HEADER_LEN));
		return;
	}
	id = (uint16_t)(load_be16(s->packet + IPV4_ID) + (s->next - s->header_len) / s->gso_size);
	store_be16(ip + IPV4_TOTAL_LENGTH, (uint16_t)n);
	store_be16(ip + IPV4_ID, id);
	store16(ip + IPV4_CHECK,
		csum_finish(csum_plus(sum, (uint64_t)csum_be16((uint16_t)n) + csum_be16(id))));
}

/* Returns the sum of what it wrote. */
static uint64_t write_tcp_header(const struct segment *s, uint8_t *tcp, uint32_t payload)
{
	uint32_t offset = s->next - s->header_len;
	uint32_t seq = load_be32(s->packet + s->l4 + TCP_SEQ) + offset;
	uint16_t flags =
		load_be16(s->packet + s->l4 + TCP_DATA_OFFSET); /* and the octet before them */

	if (offset)
		flags &= (uint16_t)~TCP_FLAG_CWR;
	if (s->next + payload < s->len)
		flags &= (uint16_t) ~(TCP_FLAG_FIN | TCP_FLAG_PSH);
	store_be32(tcp + TCP_SEQ, seq);
	store_be16(tcp + TCP_DATA_OFFSET, flags);
	return (uint64_t)csum_be16((uint16_t)(seq >> 16)) + csum_be16((uint16_t)seq) +
	       csum_be16(flags);
}

static void write_segment(struct segment *s, const struct shared_sums *sums, uint8_t *out)
{
	uint32_t payload = next_payload(s);
	uint16_t l4_len = (uint16_t)(s->header_len - s->l4 + payload);
	uint8_t *l4 = out + s->l4;
	uint64_t sum = csum_plus(sums->l4, csum_be16(l4_len)); /* of the pseudo header */

	memcpy(out, s->packet, s->header_len);
	write_ip_header(s, sums->ip, out, s->header_len + payload);
	if (s->udp) {
		store_be16(l4 + UDP_LENGTH, l4_len);
		sum = csum_plus(sum, csum_be16(l4_len));
	} else {
		sum = csum_plus(sum, write_tcp_header(s, l4, payload));
	}
	sum = csum_copy(sum, out + s->header_len, s->packet + s->next, payload);
	store16(out + s->check, s->udp ? nonzero(csum_finish(sum)) : csum_finish(sum));
	s->next += payload;
}

HOT size_t segment_frames(struct segment *s, uint8_t *out, size_t room)
{
	const uint8_t *prefix = is_ipv4(s) ? prefix_ipv4 : prefix_ipv6;
	size_t n = segment_next_frame(s), done = 0;
	struct shared_sums sums = {0};

	if (s->gso_size && n && n <= room)
		sums = shared_sums(s);
	for (; n && n <= room - done; n = segment_next_frame(s)) {
		memcpy(out + done, prefix, SEGMENT_PREFIX_LEN);
		store_be16(out + done + 2, (uint16_t)n);
		if (s->gso_size)
			write_segment(s, &sums, out + done + SEGMENT_PREFIX_LEN);
		else
			write_whole(s, out + done + SEGMENT_PREFIX_LEN);
		done += n;
	}
	return done;
}
