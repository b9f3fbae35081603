// SPDX-License-Identifier: Apache-2.0
/* tunnel/fq_codel.c on a simulated clock: fairness, sparse flows, CoDel, limits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "tunnel/fq_codel.h"
#include "unit/offload/packets.h"

enum { FLOWS = 32 };

/* One queue and what came out of it, by source port. */
struct fixture {
	struct pbuf_pool *pool;
	struct fq_codel_opts opts;
	struct fq_codel q;
	uint64_t now_us;
	uint8_t out[1 << 20];
	uint64_t octets[FLOWS], packets[FLOWS], marked[FLOWS];
	uint32_t seq[FLOWS];
	unsigned order[4096], frames; /* ports of the frames of the last fill */
};

static int setup(void **state)
{
	static struct fixture fx;

	fx = (struct fixture){.opts = FQ_CODEL_DEFAULTS, .now_us = 1000000};
	if (pbuf_pool_new((uint32_t[PBUF_CLASSES]){8192, 1024, 256}, &fx.pool))
		return -1;
	fq_codel_init(&fx.q, &fx.opts, 8290);
	*state = &fx;
	return 0;
}

/* Nothing may stay behind in any test: every packet comes back to the pool. */
static int teardown(void **state)
{
	struct fixture *fx = *state;
	uint32_t used;

	fq_codel_done(&fx->q);
	used = pbuf_pool_used(fx->pool, PBUF_SMALL) + pbuf_pool_used(fx->pool, PBUF_MEDIUM) +
	       pbuf_pool_used(fx->pool, PBUF_LARGE);
	pbuf_pool_free(fx->pool);
	return used ? -1 : 0;
}

/* A piece of `payload` octets of flow `port`: one packet or a super-packet to be cut at 1400. */
static void enqueue(struct fixture *fx, unsigned port, size_t payload, uint8_t tos)
{
	struct spec s = {.version = port % 2 ? 6 : 4,
		.protocol = 6,
		.sport = (uint16_t)port,
		.flags = 0x10,
		.ttl = 64,
		.tos = tos,
		.seq = fx->seq[port],
		.payload = payload};
	struct vnet_hdr v = {VNET_F_NEEDS_CSUM, s.version == 4 ? VNET_GSO_TCPV4 : VNET_GSO_TCPV6, 0,
		1400, s.version == 4 ? 20 : 40, 16};
	struct pbuf *p = pbuf_get(fx->pool, payload + 80);
	size_t n;

	assert_non_null(p);
	n = build_super(p->octets, &s);
	assert_int_equal(segment_init(&p->segment, &v, p->octets, n), 0);
	packet_parse(p->octets, p->segment.len, &p->ip);
	fq_codel_enqueue(&fx->q, p, fx->now_us);
	fx->seq[port] += (uint32_t)payload;
}

static size_t fill(struct fixture *fx, uint32_t burst, size_t room)
{
	size_t n = fq_codel_fill(&fx->q, fx->now_us, burst, fx->out, room), len;

	fx->frames = 0;
	for (size_t at = 0; at < n; at += len) {
		const uint8_t *ip = fx->out + at + 8;
		unsigned port = get16(ip + (ip[0] >> 4 == 4 ? 20 : 40)) % FLOWS;
		unsigned tos = ip[0] >> 4 == 4 ? ip[1] : (unsigned)(get16(ip) >> 4 & 0xff);

		len = get16(fx->out + at + 2);
		fx->order[fx->frames++] = port;
		fx->packets[port]++;
		fx->octets[port] += len;
		fx->marked[port] += (tos & 3) == 3;
	}
	return n;
}

static void an_idle_queue_holds_no_memory(void **state)
{
	struct fixture *fx = *state;

	assert_null(fx->q.table);
	assert_int_equal(fill(fx, 65536, sizeof(fx->out)), 0);
	enqueue(fx, 1, 100, 0);
	assert_non_null(fx->q.table);
	assert_true(fill(fx, 65536, sizeof(fx->out)) > 0);
	fx->now_us += FQ_IDLE_US - 1;
	fq_codel_trim(&fx->q, fx->now_us);
	assert_non_null(fx->q.table);
	fx->now_us++;
	fq_codel_trim(&fx->q, fx->now_us);
	assert_null(fx->q.table);
	assert_true(sizeof(struct fq_codel) <= 104);
}

static void one_flow_leaves_in_order_and_cut(void **state)
{
	struct fixture *fx = *state;
	uint32_t seq = 0;

	for (int i = 0; i < 10; i++)
		enqueue(fx, 2, 30000, 0);
	while (fill(fx, 10000, sizeof(fx->out))) {
		for (size_t at = 0, f = 0; f < fx->frames; f++) {
			assert_int_equal(get32(fx->out + at + 8 + 24), seq);
			seq += (uint32_t)(get16(fx->out + at + 2) - 8 - 40);
			at += get16(fx->out + at + 2);
		}
	}
	assert_int_equal(seq, 300000);
	assert_true(fq_codel_empty(&fx->q));
	assert_int_equal(fx->q.octets, 0);
}

static void a_fill_keeps_to_burst_and_room(void **state)
{
	struct fixture *fx = *state;

	enqueue(fx, 2, 60000, 0);
	assert_in_range(fill(fx, 6000, sizeof(fx->out)), 6000, 6000 + 1447);
	assert_int_equal(fill(fx, 6000, 1447), 0); /* a frame of this flow is 1448 octets */
	assert_int_equal(fill(fx, 6000, 1448), 1448);
	assert_int_equal(
		fill(fx, 1, sizeof(fx->out)), 1448); /* at least one, however small the burst */
}

static void bulk_flows_share_evenly_whatever_their_pieces(void **state)
{
	struct fixture *fx = *state;

	for (int i = 0; i < 20; i++)
		enqueue(fx, 2, 60000, 0);
	for (int i = 0; i < 200; i++) {
		enqueue(fx, 3, 1400, 0);
		for (int k = 0; k < 4; k++)
			enqueue(fx, 4, 200, 0);
	}
	for (int i = 0; i < 100; i++)
		fill(fx, 1500, sizeof(fx->out));
	assert_in_range(fx->octets[2], fx->octets[3] * 9 / 10, fx->octets[3] * 11 / 10);
	assert_in_range(fx->octets[4], fx->octets[3] * 9 / 10, fx->octets[3] * 11 / 10);
}

static void a_sparse_flow_goes_first(void **state)
{
	struct fixture *fx = *state;

	for (unsigned f = 2; f < 6; f++)
		enqueue(fx, f, 60000, 0);
	for (int i = 0; i < 20; i++)
		fill(fx, 6000, sizeof(fx->out)); /* the four have become old flows */
	for (int i = 0; i < 15; i++) {
		enqueue(fx, 9, 64, 0);
		fill(fx, 1500, sizeof(fx->out));
		assert_int_equal(fx->order[0], 9);
		fill(fx, 6000, sizeof(fx->out)); /* a turn of all the others */
	}
}

/* RFC 8290 4.2: an emptied new flow becomes an old one, or four such flows would starve the rest. */
static void flows_that_come_back_at_once_do_not_starve_others(void **state)
{
	struct fixture *fx = *state;

	enqueue(fx, 2, 60000, 0);
	fill(fx, 3000, sizeof(fx->out));
	enqueue(fx, 9, 1400, 0);
	enqueue(fx, 10, 1400, 0);
	for (unsigned i = 0; i < 90; i++) {
		enqueue(fx, 9 + (i + 2) % 4, 1400, 0);
		fill(fx, 1,
			sizeof(fx->out)); /* one frame: of the queue that has waited longest, or of 2 */
	}
	assert_true(fx->packets[2] > 15);
}

/* A link of `mbit` that a sender keeps `window` octets in the queue of, for some time. */
static void run_bulk(struct fixture *fx, unsigned mbit, uint32_t window, uint8_t tos, uint64_t us)
{
	uint64_t end = fx->now_us + us;

	while (fx->now_us < end) {
		size_t n;

		while (fx->q.octets < window)
			enqueue(fx, 2, 14000, tos);
		n = fill(fx, 1500, sizeof(fx->out));
		fx->now_us += n * 8 / mbit;
	}
}

static void a_short_queue_is_left_alone(void **state)
{
	struct fixture *fx = *state;

	run_bulk(fx, 50, 15000, 0, 3000000); /* 2.4 to 4.8 ms */
	assert_int_equal(fx->q.stats.dropped, 0);
	assert_int_equal(fx->q.stats.marked, 0);
}

static void a_standing_queue_is_dropped_from_ever_faster(void **state)
{
	struct fixture *fx = *state;

	run_bulk(fx, 50, 200000, 0, 100000);
	assert_in_range(fx->q.stats.dropped, 0, 1);
	run_bulk(fx, 50, 200000, 0, 3000000);
	/* With distances of interval / sqrt(count), about (3 s / 2 / interval)^2; evenly, 30. */
	assert_in_range(fx->q.stats.dropped, 150, 300);
	assert_int_equal(fx->q.stats.marked, 0);
	assert_int_equal(fx->q.stats.dropped_full, 0);
}

static void a_burst_shorter_than_the_interval_is_let_through(void **state)
{
	struct fixture *fx = *state;

	run_bulk(fx, 50, 200000, 0, 60000);
	while (!fq_codel_empty(&fx->q)) {
		size_t n = fill(fx, 1500, sizeof(fx->out));

		fx->now_us += n * 8 / 100;
	}
	assert_int_equal(fx->q.stats.dropped, 0);
}

static void packets_that_can_be_marked_are_marked_not_dropped(void **state)
{
	struct fixture *fx = *state;

	run_bulk(fx, 50, 200000, 2, 1000000);
	assert_int_equal(fx->q.stats.dropped, 0);
	assert_true(fx->q.stats.marked >= 5);
	assert_true(fx->marked[2] >= fx->q.stats.marked);
}

static void without_ecn_they_are_dropped(void **state)
{
	struct fixture *fx = *state;

	fx->opts.ecn = false;
	run_bulk(fx, 50, 200000, 2, 1000000);
	assert_true(fx->q.stats.dropped >= 5);
	assert_int_equal(fx->q.stats.marked, 0);
}

static void a_drop_takes_one_packet_of_a_super_packet(void **state)
{
	struct fixture *fx = *state;
	uint64_t enqueued;

	run_bulk(fx, 50, 200000, 0, 2000000);
	enqueued = fx->seq[2] / 1400;
	while (fill(fx, 65536, sizeof(fx->out)))
		continue;
	assert_int_equal(fx->packets[2] + fx->q.stats.dropped, enqueued);
}

static void a_flood_meets_the_limit_and_hurts_only_itself(void **state)
{
	struct fixture *fx = *state;

	fx->opts.limit_octets = 100000;
	enqueue(fx, 3, 1400, 0);
	for (int i = 0; i < 1000; i++) {
		enqueue(fx, 2, 1400, 0);
		assert_in_range(fx->q.octets, 0, 100000);
	}
	assert_true(fx->q.stats.dropped_full > 800);
	while (fill(fx, 65536, sizeof(fx->out)))
		continue;
	assert_int_equal(fx->packets[3], 1);
}

/* A buffer may be 45 packets: a batch of 64 is two of them and not 64. Every lost packet is counted. */
static void what_is_over_the_limit_costs_a_batch_of_packets_not_of_buffers(void **state)
{
	enum { SUPER = 45 };
	struct fixture *fx = *state;
	uint32_t waiting = 0;

	fx->opts.limit_octets = 2000000;
	while (!fx->q.stats.dropped_full) {
		enqueue(fx, 2, SUPER * 1400, 0);
		waiting += SUPER;
	}
	assert_in_range(fx->q.stats.dropped_full, SUPER, 64 + SUPER);
	while (fill(fx, 65536, sizeof(fx->out)))
		continue;
	assert_int_equal(fx->packets[2] + fx->q.stats.dropped_full, waiting);
}

static void tiny_packets_meet_the_limit_of_buffers(void **state)
{
	struct fixture *fx = *state;

	fx->opts.limit_packets = 100;
	enqueue(fx, 3, 1400, 0);
	for (int i = 0; i < 1000; i++) {
		enqueue(fx, 2, 1, 0);
		assert_in_range(fx->q.packets, 0, 100);
	}
	while (fill(fx, 65536, sizeof(fx->out)))
		continue;
	assert_int_equal(fx->packets[3], 1);
}

static void more_flows_than_queues_all_get_through(void **state)
{
	struct fixture *fx = *state;
	struct spec s = {.version = 4, .protocol = 17, .ttl = 64, .payload = 100};
	struct vnet_hdr v = {0};
	size_t frames = 0;

	for (unsigned i = 0; i < 2000; i++) {
		struct pbuf *p = pbuf_get(fx->pool, 200);

		s.sport = (uint16_t)i;
		assert_int_equal(
			segment_init(&p->segment, &v, p->octets, build_packet(p->octets, &s)), 0);
		packet_parse(p->octets, p->segment.len, &p->ip);
		fq_codel_enqueue(&fx->q, p, fx->now_us);
	}
	while (fill(fx, 65536, sizeof(fx->out)))
		frames += fx->frames;
	assert_int_equal(frames, 2000);
}

static void random_use_loses_and_invents_nothing(void **state)
{
	struct fixture *fx = *state;
	struct rng r = {8289};
	uint64_t in = 0, out = 0;

	fx->opts.ecn = true;
	for (int i = 0; i < 20000; i++) {
		size_t payload = 1 + rng_below(&r, rng_one_in(&r, 5) ? 40000 : 1400);

		if (fx->q.packets < 200 && !rng_one_in(&r, 3)) {
			enqueue(fx, rng_below(&r, FLOWS), payload, (uint8_t)rng_below(&r, 3));
			in += (payload + 1399) / 1400;
		}
		if (rng_one_in(&r, 2)) {
			fill(fx, rng_below(&r, 70000), rng_below(&r, 80000));
			out += fx->frames;
		}
		fx->now_us += rng_below(&r, 2000);
	}
	while (fill(fx, 65536, sizeof(fx->out)))
		out += fx->frames;
	assert_int_equal(in, out + fx->q.stats.dropped);
	assert_int_equal(fx->q.stats.dropped_full, 0);
	assert_int_equal(fx->q.octets, 0);
}

/* A lane ends: what waits there goes on by the other connection, also what is cut halfway. */
static void one_queue_is_poured_into_another(void **state)
{
	struct fixture *fx = *state;
	struct fq_codel other;
	unsigned before = 0;

	for (unsigned port = 0; port < 8; port++)
		enqueue(fx, port, port < 2 ? 14000 : 100, 0);
	fill(fx, 4000, sizeof(fx->out));
	before = fx->frames;
	assert_in_range(before, 1, 25);
	fq_codel_init(&other, &fx->opts, 1);
	fq_codel_pour(&fx->q, &other, fx->now_us);
	assert_true(fq_codel_empty(&fx->q));
	assert_int_equal(fx->q.octets, 0);
	assert_int_equal(fill(fx, 65536, sizeof(fx->out)), 0);
	enqueue(fx, 3, 100, 0); /* it is of use again */
	assert_true(fill(fx, 65536, sizeof(fx->out)) > 0);
	fq_codel_pour(&other, &fx->q, fx->now_us);
	fill(fx, 65536, sizeof(fx->out));
	assert_int_equal(before + fx->frames, 2 * 10 + 6);
	fq_codel_done(&other);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_idle_queue_holds_no_memory),
		TEST(one_flow_leaves_in_order_and_cut),
		TEST(a_fill_keeps_to_burst_and_room),
		TEST(bulk_flows_share_evenly_whatever_their_pieces),
		TEST(a_sparse_flow_goes_first),
		TEST(flows_that_come_back_at_once_do_not_starve_others),
		TEST(a_short_queue_is_left_alone),
		TEST(a_standing_queue_is_dropped_from_ever_faster),
		TEST(a_burst_shorter_than_the_interval_is_let_through),
		TEST(packets_that_can_be_marked_are_marked_not_dropped),
		TEST(without_ecn_they_are_dropped),
		TEST(a_drop_takes_one_packet_of_a_super_packet),
		TEST(a_flood_meets_the_limit_and_hurts_only_itself),
		TEST(what_is_over_the_limit_costs_a_batch_of_packets_not_of_buffers),
		TEST(tiny_packets_meet_the_limit_of_buffers),
		TEST(more_flows_than_queues_all_get_through),
		TEST(one_queue_is_poured_into_another),
		TEST(random_use_loses_and_invents_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
