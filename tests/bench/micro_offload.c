// SPDX-License-Identifier: Apache-2.0
/*
 * Cycles a packet of the data path's own code: cutting a super-packet to frames, joining packets,
 * and the way through the egress queue. Without TLS, sockets and TUN.
 */
#include <stdlib.h>
#include <string.h>

#include "micro.h"
#include "offload/coalesce.h"
#include "offload/segment.h"
#include "tunnel/fq_codel.h"
#include "unit/offload/packets.h"

enum { RUNS = 2000, PAYLOAD = 1348, PACKETS = 47 };

static uint8_t super[70000], frames[1 << 17];
static const uint8_t *packet[PACKETS];
static size_t packet_len[PACKETS];
static struct vnet_hdr vnet;

static size_t build(unsigned version, unsigned protocol)
{
	struct spec s = {.version = version,
		.protocol = protocol,
		.host = 7,
		.sport = 5000,
		.flags = 0x10,
		.ttl = 64,
		.df = true,
		.tcp_options = 12,
		.payload = (size_t)PAYLOAD * PACKETS};

	vnet = (struct vnet_hdr){VNET_F_NEEDS_CSUM, VNET_GSO_UDP_L4, 0, PAYLOAD,
		version == 4 ? 20 : 40, protocol == 6 ? 16 : 6};
	if (protocol == 6)
		vnet.gso_type = version == 4 ? VNET_GSO_TCPV4 : VNET_GSO_TCPV6;
	return build_super(super, &s);
}

static void run_segment(size_t n)
{
	struct segment s;

	if (segment_init(&s, &vnet, super, n))
		abort();
	segment_frames(&s, frames, sizeof(frames));
}

static bool add_packet(struct coalesce *c, const uint8_t *octets, size_t n)
{
	struct ip_packet ip;

	packet_parse(octets, n, &ip);
	return coalesce_add(c, octets, &ip);
}

static size_t run_coalesce(struct coalesce *c)
{
	struct coalesced out;
	size_t writes = 0;

	for (size_t i = 0; i < PACKETS; i++)
		if (!add_packet(c, packet[i], packet_len[i]))
			abort();
	coalesce_flush(c);
	while (coalesce_next(c, &out))
		writes++;
	return writes;
}

static void find_packets(void)
{
	const uint8_t *p = frames;

	for (size_t i = 0; i < PACKETS; i++) {
		packet_len[i] = get16(p + 2) - SEGMENT_PREFIX_LEN;
		packet[i] = p + SEGMENT_PREFIX_LEN;
		p += get16(p + 2);
	}
}

static void bench_gso(const char *name, unsigned version, unsigned protocol, struct coalesce *c)
{
	size_t n = build(version, protocol);
	char what[80];
	uint64_t best;

	MICRO_BEST(best, RUNS, run_segment(n));
	snprintf(what, sizeof(what), "%s: cut, %zu octets", name, n);
	micro_print(what, best, PACKETS, n);
	find_packets();
	MICRO_BEST(best, RUNS, if (run_coalesce(c) != 1) abort());
	snprintf(what, sizeof(what), "%s: verify and join", name);
	micro_print(what, best, PACKETS, n);
}

/* Packets that cannot be joined: acknowledgements, and small datagrams of many flows. */
static void bench_small(struct coalesce *c)
{
	struct spec ack = {.version = 4,
		.protocol = 6,
		.host = 7,
		.flags = 0x10,
		.ttl = 64,
		.tcp_options = 12};
	uint8_t octets[PACKETS][128];
	struct coalesced out;
	uint64_t best;

	for (size_t i = 0; i < PACKETS; i++) {
		ack.sport = (uint16_t)i;
		packet[i] = octets[i];
		packet_len[i] = build_packet(octets[i], &ack);
	}
	MICRO_BEST(best, RUNS, {
		for (size_t i = 0; i < PACKETS; i++) {
			while (!add_packet(c, packet[i], packet_len[i]))
				continue;
			while (coalesce_next(c, &out))
				continue;
		}
	});
	micro_print("acknowledgements: verify and pass", best, PACKETS, PACKETS * packet_len[0]);
}

static void queue_pieces(struct fq_codel *q, struct pbuf_pool *pool, size_t n, size_t pieces)
{
	for (size_t i = 0; i < pieces; i++) {
		struct pbuf *p = pbuf_get(pool, n);

		if (!p)
			abort();
		/* As after a TUN read: the octets are there already. */
		p->segment = (struct segment){0};
		if (segment_init(&p->segment, &vnet, super, n))
			abort();
		packet_parse(super, n, &p->ip);
		fq_codel_enqueue(q, p, 1);
	}
	while (fq_codel_fill(q, 1, 65536, frames, sizeof(frames)))
		continue;
}

static void bench_queue(void)
{
	const struct fq_codel_opts opts = FQ_CODEL_DEFAULTS;
	AUTO(pbuf_pool) struct pbuf_pool *pool = NULL;
	struct spec small = {.version = 4, .protocol = 17, .ttl = 64, .payload = 200};
	struct fq_codel q;
	uint64_t best;
	size_t n = build(4, 6);

	if (pbuf_pool_new((uint32_t[PBUF_CLASSES]){256, 16, 16}, &pool))
		abort();
	fq_codel_init(&q, &opts, 1);
	MICRO_BEST(best, RUNS, queue_pieces(&q, pool, n, 4));
	micro_print("queue: super-packets in, frames out", best, 4 * PACKETS, 4 * n);
	n = build_packet(super, &small);
	vnet = (struct vnet_hdr){0};
	MICRO_BEST(best, RUNS, queue_pieces(&q, pool, n, 100));
	micro_print("queue: 200-octet datagrams in, frames out", best, 100, 100 * n);
	fq_codel_done(&q);
}

int main(void)
{
	AUTO(coalesce) struct coalesce *c = NULL;

	if (coalesce_new(COALESCE_ALL, &c))
		return 1;
	bench_gso("TCP/IPv4", 4, 6, c);
	bench_gso("TCP/IPv6", 6, 6, c);
	bench_gso("UDP/IPv4", 4, 17, c);
	bench_small(c);
	bench_queue();
	return 0;
}
