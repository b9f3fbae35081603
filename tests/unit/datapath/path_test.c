// SPDX-License-Identifier: Apache-2.0
/* datapath/path.c: each reason of a decision, on samples and a clock that are made here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/auto.h"
#include "datapath/path.h"
#include "os/socket.h"

#define MS 1000u
#define S (1000u * MS)
#define LONE 100u      /* octets of a lone packet */
#define UNSEEN 5840u   /* octets that may go without a sample */
#define FAST 300000000 /* octets a second, above 2 Gbit/s */

static const struct fq_codel_opts queue_opts = {
	.target_us = 5000, .interval_us = 100000, .limit_octets = 1000000};
static uint64_t now_us;

/* 1 MB/s and 100 ms: holds 100 kB. */
static struct tcp_path sample(uint64_t delivered, uint64_t under_way)
{
	return (struct tcp_path){.delivered = delivered,
		.under_way = under_way,
		.window = 1000000,
		.rtt_us = 100000,
		.min_rtt_us = 100000,
		.mss = 1400};
}

static struct path fresh(void)
{
	struct path p;

	now_us = 10 * S;
	path_init(&p, &queue_opts);
	return p;
}

/* A path of which enough is known: 100 kB every 100 ms, without a pause. */
static struct path known(uint64_t *ret_delivered)
{
	struct path p = fresh();
	uint64_t delivered = 0;

	for (int i = 0; i < 60; i++, now_us += 100 * MS) {
		struct tcp_path seen = sample(delivered += 100000, 100000);

		path_look(&p, &seen, now_us);
	}
	*ret_delivered = delivered;
	return p;
}

static void expect(struct path_decision d, enum path_reason reason)
{
	bool goes = reason != PATH_WAIT && reason != PATH_LOOK;

	assert_int_equal(d.reason, reason);
	assert_int_equal(d.octets > 0, goes);
}

static void an_unknown_path_is_looked_at(void **state UNUSED)
{
	struct path p = fresh();

	expect(path_ask(&p, LONE, now_us), PATH_LOOK);
	expect(path_ask(&p, 100 * LONE, now_us), PATH_LOOK);
}

static void without_a_sample_nothing_is_limited(void **state UNUSED)
{
	struct path p = fresh();

	expect(path_look(&p, NULL, now_us), PATH_GO_UNKNOWN);
	expect(path_ask(&p, LONE, now_us), PATH_LOOK); /* each burst tries again */
}

static void a_path_with_room_goes_and_a_full_one_waits(void **state UNUSED)
{
	uint64_t delivered;
	struct path p = known(&delivered);
	struct tcp_path free = sample(delivered, 0), full = sample(delivered, 2000000);
	struct path_decision d;

	d = path_look(&p, &free, now_us);
	expect(d, PATH_GO);
	assert_int_equal(d.octets, pacer_burst(&p.pacer));
	now_us += MS;
	expect(path_look(&p, &full, now_us), PATH_WAIT);
	now_us += MS;
	expect(path_look(&p, &free, now_us), PATH_GO);
}

static void a_lone_packet_goes_unseen_after_a_pause(void **state UNUSED)
{
	struct path p = fresh();
	struct tcp_path seen = sample(0, 0);

	expect(path_look(&p, &seen, now_us), PATH_GO);
	path_sent(&p, LONE, now_us);
	path_idle(&p, now_us);
	expect(path_ask(&p, LONE, now_us + 4 * MS), PATH_LOOK); /* no pause: a transfer's */
	expect(path_ask(&p, LONE, now_us + 5 * MS), PATH_GO_UNSEEN);
}

static void only_an_empty_queue_makes_a_packet_lone(void **state UNUSED)
{
	struct path p = fresh();
	struct tcp_path seen = sample(0, 0);

	path_look(&p, &seen, now_us);
	path_sent(&p, LONE, now_us);
	expect(path_ask(&p, LONE, now_us + S), PATH_LOOK);
}

static void what_goes_unseen_is_within_the_last_sample(void **state UNUSED)
{
	struct path p = fresh();
	struct tcp_path seen = sample(0, 0);

	path_look(&p, &seen, now_us);
	path_idle(&p, now_us);
	now_us += 10 * MS;
	expect(path_ask(&p, UNSEEN + 1, now_us), PATH_LOOK);
	expect(path_ask(&p, UNSEEN, now_us), PATH_GO_UNSEEN);
	path_sent(&p, UNSEEN - LONE, now_us);
	now_us += 10 * MS;
	expect(path_ask(&p, LONE + 1, now_us), PATH_LOOK);
	expect(path_ask(&p, LONE, now_us), PATH_GO_UNSEEN);
	path_sent(&p, LONE, now_us);
	expect(path_ask(&p, 1, now_us + 10 * MS), PATH_LOOK);
}

static void a_full_path_lets_nothing_go_unseen(void **state UNUSED)
{
	uint64_t delivered;
	struct path p = known(&delivered);
	struct tcp_path full = sample(delivered, 2000000);

	expect(path_look(&p, &full, now_us), PATH_WAIT);
	path_idle(&p, now_us);
	expect(path_ask(&p, LONE, now_us + S), PATH_LOOK);
}

static void those_that_went_unseen_are_followed_by_one_look(void **state UNUSED)
{
	struct path p = fresh();
	struct tcp_path seen = sample(0, 0);

	path_look(&p, &seen, now_us);
	path_idle(&p, now_us);
	assert_int_not_equal(path_ask_behind(&p, now_us + S).reason, PATH_LOOK); /* none did */
	expect(path_ask(&p, LONE, now_us + 10 * MS), PATH_GO_UNSEEN);
	assert_int_not_equal(path_ask_behind(&p, now_us + 99 * MS).reason, PATH_LOOK);
	expect(path_ask_behind(&p, now_us + 100 * MS), PATH_LOOK);
	path_look(&p, &seen, now_us + 100 * MS);
	assert_int_not_equal(path_ask_behind(&p, now_us + S).reason, PATH_LOOK);
}

static void a_fast_path_is_looked_at_seldom_and_not_limited(void **state UNUSED)
{
	struct path p = fresh();
	struct tcp_path full = sample(1000000, 2000000);

	p.pacer.rate = FAST;
	expect(path_ask(&p, 100000, now_us), PATH_LOOK);
	expect(path_look(&p, &full, now_us), PATH_GO_FAST);
	expect(path_ask(&p, 100000, now_us + 19 * MS), PATH_GO_FAST);
	expect(path_ask(&p, 100000, now_us + 20 * MS), PATH_LOOK);
}

static void a_lane_is_never_looked_at(void **state UNUSED)
{
	struct path p = fresh();

	p.is_lane = true;
	for (int i = 0; i < 5; i++, now_us += S)
		expect(path_ask(&p, 100000, now_us), PATH_GO_LANE);
	path_idle(&p, now_us);
	expect(path_ask(&p, LONE, now_us + S), PATH_GO_UNSEEN);
	assert_int_not_equal(path_ask_behind(&p, now_us + 2 * S).reason, PATH_LOOK);
}

static void the_burst_follows_the_rate(void **state UNUSED)
{
	struct path p = fresh();
	struct tcp_path seen = sample(0, 0);

	assert_int_equal(path_look(&p, &seen, now_us).octets, PACER_BURST_UNKNOWN);
	p.pacer.rate = 6000000;
	p.pacer.measured = true;
	assert_int_equal(path_look(&p, &seen, now_us).octets, pacer_burst(&p.pacer));
	assert_int_equal(pacer_burst(&p.pacer), 6000);
}

/* Ten packets in a hundred are sent again. */
static bool sets_bbr(struct path *p)
{
	struct tcp_path seen = sample(0, 0);

	for (int i = 0; i < 100; i++, now_us += 100 * MS) {
		seen.packets_delivered += 100;
		seen.packets_resent += 10;
		if (path_look(p, &seen, now_us).set_congestion)
			return p->congestion.in_force == CONGESTION_BBR;
	}
	return false;
}

static void losses_ask_for_bbr_where_it_may_be_chosen(void **state UNUSED)
{
	struct path p = fresh();

	assert_false(sets_bbr(&p));
	assert_false(path_loses(&p));
	p = fresh();
	p.chooses_congestion = true;
	assert_true(sets_bbr(&p));
	assert_true(path_loses(&p));
	p.chooses_congestion = false; /* the kernel refused it */
	assert_false(path_loses(&p));
}

static void the_queue_follows_the_round_trip(void **state UNUSED)
{
	struct path p = fresh();

	path_follow_target(&p, 1, false);
	assert_int_equal(p.queue_opts.target_us, 5000);
	assert_int_equal(p.queue_opts.interval_us, 100000);
	path_follow_target(&p, 40000, false);
	assert_int_equal(p.queue_opts.target_us, 40000);
	assert_int_equal(p.queue_opts.interval_us, 200000);
	path_follow_target(&p, 3000000, false);
	assert_int_equal(p.queue_opts.target_us, 100000);
	path_follow_target(&p, 40000, true);
	assert_int_equal(p.queue_opts.interval_us, 1000000);
	p.chooses_congestion = true;
	p.congestion.in_force = CONGESTION_BBR;
	path_follow_target(&p, 40000, false);
	assert_int_equal(p.queue_opts.interval_us, 400000);
	assert_int_equal(p.queue_opts.limit_octets, queue_opts.limit_octets);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_unknown_path_is_looked_at),
		cmocka_unit_test(without_a_sample_nothing_is_limited),
		cmocka_unit_test(a_path_with_room_goes_and_a_full_one_waits),
		cmocka_unit_test(a_lone_packet_goes_unseen_after_a_pause),
		cmocka_unit_test(only_an_empty_queue_makes_a_packet_lone),
		cmocka_unit_test(what_goes_unseen_is_within_the_last_sample),
		cmocka_unit_test(a_full_path_lets_nothing_go_unseen),
		cmocka_unit_test(those_that_went_unseen_are_followed_by_one_look),
		cmocka_unit_test(a_fast_path_is_looked_at_seldom_and_not_limited),
		cmocka_unit_test(a_lane_is_never_looked_at),
		cmocka_unit_test(the_burst_follows_the_rate),
		cmocka_unit_test(losses_ask_for_bbr_where_it_may_be_chosen),
		cmocka_unit_test(the_queue_follows_the_round_trip),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
