/*
 * roundtrip.h — the property all of offload/ must have, for the unit test and the fuzzer: packets
 * that are coalesced and then cut again are the packets that were put in, octet for octet, and
 * those that may belong to one flow leave in the order in which they came.
 *
 * The liberties: the id of an IPv4 packet with DF (RFC 6864), and with it the header checksum; a PSH
 * may move to the last packet of those that were joined; a pure acknowledgement may stand for those
 * right before it.
 */
#pragma once
#include "offload/coalesce.h"
#include "ip/packet.h"
#include "offload/segment.h"
#include "unit/offload/packets.h"

enum {
	ROUNDTRIP_PACKETS = 512,
	ROUNDTRIP_IOV_OCTETS = 70000,
};

struct roundtrip {
	const uint8_t *packet[ROUNDTRIP_PACKETS];
	size_t len[ROUNDTRIP_PACKETS];
	bool seen[ROUNDTRIP_PACKETS];
	size_t n, left;
	size_t writes; /* super-packets that came out */
	size_t acks;   /* for which a later one stands */
	uint8_t super[ROUNDTRIP_IOV_OCTETS], frames[SEGMENT_FRAME_MAX + 1];
	uint8_t pushed[SEGMENT_FRAME_MAX + 1];
};

static inline bool rt_equal(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len)
{
	bool df = a_len >= 20 && a[0] == 0x45 && (a[6] & 0x40);

	if (a_len != b_len)
		return false;
	if (!df)
		return !memcmp(a, b, a_len);
	return !memcmp(a, b, 4) && !memcmp(a + 6, b + 6, 4) && !memcmp(a + 12, b + 12, a_len - 12);
}

static inline bool rt_same_addresses(const struct roundtrip *rt, size_t i, size_t j, bool v4)
{
	return !memcmp(rt->packet[i] + (v4 ? 12 : 8), rt->packet[j] + (v4 ? 12 : 8), v4 ? 8 : 32);
}

/* What is not known of either packet does not speak against it. */
static inline bool rt_one_flow(const struct roundtrip *rt, size_t i, size_t j)
{
	struct ip_packet a, b;

	packet_parse(rt->packet[i], rt->len[i], &a);
	packet_parse(rt->packet[j], rt->len[j], &b);
	if (!a.version || a.version != b.version || !rt_same_addresses(rt, i, j, a.version == 4))
		return false;
	if (a.protocol && b.protocol && a.protocol != b.protocol)
		return false;
	return !a.l4 || !b.l4 || !memcmp(rt->packet[i] + a.l4, rt->packet[j] + b.l4, 4);
}

/* A pure acknowledgement, with nothing more to say than the number and perhaps the time; or NULL. */
static inline const uint8_t *rt_plain_ack(
	const struct roundtrip *rt, size_t i, struct ip_packet *ret)
{
	const uint8_t *tcp;

	packet_parse(rt->packet[i], rt->len[i], ret);
	if (!ret->simple || ret->protocol != 6 || ret->len != ret->payload)
		return NULL;
	tcp = rt->packet[i] + ret->l4;
	if (tcp[13] != 0x10 || ref_l4_sum(rt->packet[i], ret->len, ret->l4, 6) != 0xffff)
		return NULL;
	return tcp[12] == 0x50 || (tcp[12] == 0x80 && get32(tcp + 20) == 0x0101080a) ? tcp : NULL;
}

/* May i, which came out, stand for j before it, which did not? */
static inline bool rt_stands_for(const struct roundtrip *rt, size_t i, size_t j)
{
	struct ip_packet a, b;
	uint32_t further;
	const uint8_t *x = rt_plain_ack(rt, j, &a), *y = rt_plain_ack(rt, i, &b);

	if (!x || !y || a.len != b.len)
		return false;
	further = get32(y + 8) - get32(x + 8);
	if (a.len > a.l4 + 20u && (int32_t)(get32(y + 24) - get32(x + 24)) < 0)
		return false;
	return get32(x + 4) == get32(y + 4) && further > 0 && further <= 65535;
}

/* As the data path does: octets behind the packet are not its own. */
static inline bool rt_add(struct coalesce *c, const uint8_t *octets, size_t n)
{
	struct ip_packet ip;

	packet_parse(octets, n, &ip);
	return coalesce_add(c, octets, &ip);
}

/* The packet with PSH. */
static inline const uint8_t *rt_pushed(struct roundtrip *rt, const uint8_t *packet, size_t n)
{
	size_t l4 = ip_header_octets(packet);

	memcpy(rt->pushed, packet, n);
	rt->pushed[l4 + 13] |= 8;
	put_l4_check(rt->pushed, n, l4, 6);
	return rt->pushed;
}

/*
 * One packet came out: the first equal one not seen before, with none of its flow before it. `inner`:
 * it is the front of a TCP super-packet, so its PSH may have moved; *ret_moved says so.
 */
static inline const char *rt_seen(
	struct roundtrip *rt, const uint8_t *packet, size_t n, bool inner, bool *ret_moved)
{
	const uint8_t *pushed = inner ? rt_pushed(rt, packet, n) : NULL;
	size_t i = 0;

	for (; i < rt->n; i++) {
		if (rt->seen[i])
			continue;
		if (rt_equal(rt->packet[i], rt->len[i], packet, n))
			break;
		if (inner && rt_equal(rt->packet[i], rt->len[i], pushed, n)) {
			*ret_moved = true;
			break;
		}
	}
	if (i == rt->n)
		return "a packet came out that was not put in";
	rt->seen[i] = true;
	rt->left--;
	for (size_t j = 0; j < i; j++) {
		if (rt->seen[j] || !rt_one_flow(rt, i, j))
			continue;
		if (!rt_stands_for(rt, i, j))
			return "a packet overtook one of its flow";
		rt->seen[j] = true;
		rt->left--;
		rt->acks++;
	}
	return NULL;
}

/* One of a super-packet's; the last has the PSH of all, and perhaps had none itself. */
static inline const char *rt_piece(
	struct roundtrip *rt, uint8_t *packet, size_t n, bool tcp, bool last, bool *moved)
{
	size_t l4 = ip_header_octets(packet);

	if (!tcp || !last || !*moved)
		return rt_seen(rt, packet, n, tcp && !last, moved);
	if (!(packet[l4 + 13] & 8))
		return "a PSH was lost";
	if (ref_l4_sum(packet, n, l4, 6) != 0xffff)
		return "a checksum is wrong";
	packet[l4 + 13] &= 0xf7;
	put_l4_check(packet, n, l4, 6);
	return rt_seen(rt, packet, n, true, moved);
}

static inline const char *rt_cut(struct roundtrip *rt, const struct vnet_hdr *vnet, size_t n)
{
	const uint8_t *packet = rt->super + VNET_HDR_LEN;
	bool tcp = vnet->csum_offset == 16, moved = false;
	struct segment s;

	if (!vnet->gso_type) /* as it came, an odd one perhaps */
		return rt_seen(rt, packet, n, false, NULL);
	if (segment_init(&s, vnet, packet, n))
		return "a super-packet cannot be cut";
	while (!segment_done(&s)) {
		size_t got = segment_next_frame(&s);
		const char *wrong;

		if (segment_frames(&s, rt->frames, got) != got)
			return "a frame has another length than announced";
		wrong = rt_piece(rt, rt->frames + SEGMENT_PREFIX_LEN, got - SEGMENT_PREFIX_LEN, tcp,
			segment_done(&s), &moved);
		if (wrong)
			return wrong;
	}
	return NULL;
}

static inline const char *rt_pull(struct roundtrip *rt, struct coalesce *c)
{
	struct coalesced out;
	const char *wrong = NULL;

	while (!wrong && coalesce_next(c, &out)) {
		struct vnet_hdr vnet;
		size_t n = 0;

		if (out.iovcnt > COALESCE_IOV_MAX || out.iov[0].iov_len < VNET_HDR_LEN)
			return "a strange iovec array";
		for (int i = 0; i < out.iovcnt; i++) {
			if (n + out.iov[i].iov_len > sizeof(rt->super))
				return "a super-packet is too large";
			if (out.iov[i].iov_len)
				memcpy(rt->super + n, out.iov[i].iov_base, out.iov[i].iov_len);
			n += out.iov[i].iov_len;
		}
		memcpy(&vnet, rt->super, sizeof(vnet));
		rt->writes++;
		wrong = rt_cut(rt, &vnet, n - VNET_HDR_LEN);
	}
	return wrong;
}

/* NULL when the property holds for rt->packet[0..n). `lazy` pulls only when it must. */
static inline const char *roundtrip(struct roundtrip *rt, struct coalesce *c, bool lazy)
{
	uint64_t merged = coalesce_stats(c)->acks_merged;
	const char *wrong = NULL;

	memset(rt->seen, 0, sizeof(rt->seen));
	rt->left = rt->n;
	rt->writes = rt->acks = 0;
	for (size_t i = 0; i < rt->n && !wrong; i++) {
		while (!wrong && !rt_add(c, rt->packet[i], rt->len[i])) {
			size_t before = rt->writes;

			wrong = rt_pull(rt, c);
			if (!wrong && rt->writes == before)
				wrong = "refused, but nothing was ready";
		}
		if (!wrong && !lazy)
			wrong = rt_pull(rt, c);
	}
	coalesce_flush(c);
	if (!wrong)
		wrong = rt_pull(rt, c);
	if (!wrong && rt->left)
		wrong = "a packet was lost";
	if (!wrong && coalesce_stats(c)->acks_merged - merged != rt->acks)
		wrong = "another number of acknowledgements was merged than is missing";
	return wrong;
}
