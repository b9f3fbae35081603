// SPDX-License-Identifier: Apache-2.0
/* Which packets go by a lane. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tunnel/sparse.h"

enum { BULK = 1000000 };

static struct sparse *s;
static uint64_t now_ms;

static int setup(void **state)
{
	now_ms = UINT64_C(0xfffffff0); /* the low 32 bits turn over in each test */
	return sparse_new(&s);
}

static int teardown(void **state)
{
	sparse_free(s);
	return 0;
}

static bool sends(uint32_t flow, size_t n)
{
	return sparse_takes_lane(s, flow, n, (uint32_t)(n + 1399) / 1400, now_ms);
}

/* A transfer that has the main connection, up to now. */
static void be_busy(void)
{
	assert_false(sends(BULK, 64000));
	assert_false(sends(BULK, 64000));
}

/* One packet of n octets each `every_ms` for ten seconds beside a transfer: how many by the lane? */
static unsigned by_lane(uint32_t flow, size_t n, unsigned every_ms, unsigned *ret_all)
{
	unsigned lane = 0;

	*ret_all = 0;
	for (uint64_t end = now_ms + 10000; now_ms < end; now_ms += every_ms) {
		be_busy();
		lane += sends(flow, n);
		++*ret_all;
	}
	return lane;
}

static void what_sends_little_takes_the_lane(void **state)
{
	static const struct {
		size_t n;
		unsigned every_ms;
	} rows[] = {{84, 20}, {60, 10}, {214, 20}, {1400, 20}, {60, 400}, {1400, 400}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		unsigned all;

		assert_int_equal(by_lane((uint32_t)i + 1, rows[i].n, rows[i].every_ms, &all), all);
	}
}

static void nobody_takes_it_while_nothing_is_in_the_way(void **state)
{
	for (int i = 0; i < 500; i++, now_ms += 20)
		assert_false(sends(1, 84));
	be_busy();
	now_ms += 20;
	assert_true(sends(1, 84)); /* now something is */
	assert_true(sends(2, 84));
	now_ms += SPARSE_BUSY_MS;
	assert_false(sends(3, 84));
	assert_true(sends(1, 84)); /* who has it keeps it */
}

/* 60 octets each ms are a transfer's acknowledgements: they begin on the lane and leave it soon. */
static void what_sends_much_leaves_it_in_the_first_gap(void **state)
{
	be_busy();
	for (int i = 0; i < 12; i++) { /* the first window of a TCP, in one burst */
		assert_true(sends(1, 1400));
		now_ms += (unsigned)i % 2;
	}
	now_ms += SPARSE_GAP_TO_MAIN_MS;
	for (int i = 0; i < 1000; i++, now_ms++)
		assert_false(sends(1, 1400));
}

static void what_never_pauses_leaves_it_after_a_while(void **state)
{
	unsigned all, lane = by_lane(1, 1400, 1, &all);

	assert_in_range(
		lane, SPARSE_OCTETS / 1400, (SPARSE_OCTETS + SPARSE_HOLD_OCTETS) / 1400 + 1);
}

static void a_super_packet_never_takes_it(void **state)
{
	be_busy();
	assert_false(sends(1, SPARSE_OCTETS + 1));
	assert_false(sparse_takes_lane(s, 2, 700, SPARSE_PACKETS + 1, now_ms));
	now_ms += SPARSE_QUIET_MS - 1;
	be_busy();
	assert_false(sends(1, 60)); /* not before it was quiet long enough */
	now_ms += SPARSE_QUIET_MS;
	be_busy();
	assert_true(sends(1, 60));
}

/* Of two packets close together the second must not overtake the first by another way. */
static void nothing_changes_its_way_without_a_gap(void **state)
{
	assert_false(sends(1, 100));
	be_busy();
	now_ms += SPARSE_GAP_TO_LANE_MS - 1;
	assert_false(sends(1, 100));
	now_ms += SPARSE_GAP_TO_LANE_MS;
	assert_true(sends(1, 100));
	assert_true(sends(1, 8192)); /* bulk, but with no gap since */
	now_ms += SPARSE_GAP_TO_MAIN_MS - 1;
	assert_true(sends(1, 100));
	now_ms += SPARSE_GAP_TO_MAIN_MS;
	assert_false(sends(1, 100));
}

/* What runs already when the lane comes up stays where it is. */
static void a_transfer_under_way_is_never_moved(void **state)
{
	for (int i = 0; i < 5000; i++, now_ms++)
		assert_false(sends(1, 1400));
}

/* A flood of flows, each new: the transfer keeps its place, for it is never quiet. */
static void bulk_is_remembered_among_thousands_of_flows(void **state)
{
	be_busy();
	for (uint32_t flow = 2; flow < 20000; flow++) {
		sends(flow * 2654435761u, 60);
		if (flow % 8 == 0) {
			now_ms++;
			assert_false(sends(BULK, 60));
		}
	}
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(what_sends_little_takes_the_lane),
		T(nobody_takes_it_while_nothing_is_in_the_way),
		T(what_sends_much_leaves_it_in_the_first_gap),
		T(what_never_pauses_leaves_it_after_a_while),
		T(a_super_packet_never_takes_it),
		T(nothing_changes_its_way_without_a_gap),
		T(a_transfer_under_way_is_never_moved),
		T(bulk_is_remembered_among_thousands_of_flows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
