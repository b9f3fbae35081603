/*
 * roundtrip.h — the property all of offload/ must have, for the unit test and the fuzzer: packets
 * that are coalesced and then cut again are the packets that were put in, octet for octet, and
 * those that may belong to one flow leave in the order in which they came.
 *
 * The one liberty: the id of an IPv4 packet with DF (RFC 6864), and with it the header checksum.
 */
#pragma once
#include "offload/coalesce.h"
#include "offload/ip_packet.h"
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
	uint8_t super[ROUNDTRIP_IOV_OCTETS], frames[SEGMENT_FRAME_MAX + 1];
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

/* What is not known of either packet does not speak against it. */
static inline bool rt_one_flow(const struct roundtrip *rt, size_t i, size_t j)
{
	struct ip_packet a, b;

	ip_packet_parse(rt->packet[i], rt->len[i], &a);
	ip_packet_parse(rt->packet[j], rt->len[j], &b);
	if (!a.version || !b.version || !ip_packet_same_addresses(&a, &b))
		return false;
	if (a.protocol && b.protocol && a.protocol != b.protocol)
		return false;
	return !a.l4 || !b.l4 || !memcmp(a.octets + a.l4, b.octets + b.l4, 4);
}

/* One packet came out: the first equal one not seen before, with none of its flow before it. */
static inline const char *rt_seen(struct roundtrip *rt, const uint8_t *packet, size_t n)
{
	size_t i = 0;

	while (i < rt->n && (rt->seen[i] || !rt_equal(rt->packet[i], rt->len[i], packet, n)))
		i++;
	if (i == rt->n)
		return "a packet came out that was not put in";
	rt->seen[i] = true;
	rt->left--;
	for (size_t j = 0; j < i; j++)
		if (!rt->seen[j] && rt_one_flow(rt, i, j))
			return "a packet overtook one of its flow";
	return NULL;
}

static inline const char *rt_cut(struct roundtrip *rt, const struct vnet_hdr *vnet, size_t n)
{
	const uint8_t *packet = rt->super + VNET_HDR_LEN;
	struct segment s;

	if (!vnet->gso_type) /* as it came, an odd one perhaps */
		return rt_seen(rt, packet, n);
	if (segment_init(&s, vnet, packet, n))
		return "a super-packet cannot be cut";
	while (!segment_done(&s)) {
		size_t got = segment_next_frame(&s);
		const char *wrong;

		if (segment_frames(&s, rt->frames, got) != got)
			return "a frame has another length than announced";
		wrong = rt_seen(rt, rt->frames + SEGMENT_PREFIX_LEN, got - SEGMENT_PREFIX_LEN);
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
	const char *wrong = NULL;

	memset(rt->seen, 0, sizeof(rt->seen));
	rt->left = rt->n;
	rt->writes = 0;
	for (size_t i = 0; i < rt->n && !wrong; i++) {
		while (!wrong && !coalesce_add(c, rt->packet[i], rt->len[i])) {
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
	return wrong ? wrong : rt->left ? "a packet was lost" : NULL;
}
