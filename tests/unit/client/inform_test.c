// SPDX-License-Identifier: Apache-2.0
/* client/inform.c on a clock of the test's own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "client/inform.h"

#define T0 1000000
#define XID 0x1234

static void no_answer_ends_the_round(void **state)
{
	struct inform f = {0};
	uint64_t at[] = {T0, T0 + 1000, T0 + 3000, T0 + 7000};

	(void)state;
	assert_int_equal(inform_deadline_ms(&f), NEVER);
	inform_up(&f, XID, T0);
	for (int i = 0; i < INFORM_TRIES; i++) {
		assert_int_equal(inform_deadline_ms(&f), at[i]);
		assert_int_equal(inform_tick(&f, 1, 0, at[i] - 1), INFORM_NOTHING);
		assert_int_equal(inform_tick(&f, 1, 0, at[i]), INFORM_ASK);
		assert_int_equal(f.xid, XID);
		assert_int_equal(inform_tick(&f, 1, 0, at[i]), INFORM_NOTHING);
	}
	assert_int_equal(inform_tick(&f, 1, 0, T0 + 15000), INFORM_SILENT);
	assert_int_equal(inform_tick(&f, 1, 0, T0 + 15000), INFORM_NOTHING);
	assert_int_equal(inform_deadline_ms(&f), T0 + 15000 + INFORM_AGAIN_MS);
	assert_false(inform_answered(&f, XID, 0, T0 + 15001)); /* too late: no round is open */
}

static void answered(struct inform *f, uint64_t packets)
{
	inform_up(f, XID, T0);
	assert_false(inform_answered(f, XID, packets, T0)); /* nothing was asked */
	assert_int_equal(inform_tick(f, 1, packets, T0), INFORM_ASK);
	assert_false(inform_answered(f, XID + 1, packets, T0));
	assert_true(inform_answered(f, XID, packets, T0));
	assert_false(inform_answered(f, XID, packets, T0)); /* once */
	assert_int_equal(inform_tick(f, 1, packets, T0 + 1000), INFORM_NOTHING);
}

static void it_is_asked_again_when_traffic_has_passed(void **state)
{
	uint64_t later = T0 + INFORM_AGAIN_MS;
	struct inform f;

	(void)state;
	answered(&f, 7);
	assert_int_equal(inform_tick(&f, 2, 8, later - 1), INFORM_NOTHING);
	assert_int_equal(inform_tick(&f, 2, 8, later), INFORM_ASK);
	assert_int_equal(f.xid, 2);
	assert_true(inform_answered(&f, 2, 9, later));
	assert_int_equal(inform_deadline_ms(&f), later + INFORM_AGAIN_MS);
}

static void an_idle_tunnel_stays_idle(void **state)
{
	uint64_t later = T0 + INFORM_AGAIN_MS;
	struct inform f;

	(void)state;
	answered(&f, 7);
	assert_int_equal(inform_tick(&f, 2, 7, later), INFORM_NOTHING);
	assert_int_equal(inform_deadline_ms(&f), later + INFORM_AGAIN_MS);
	assert_int_equal(inform_tick(&f, 2, 9, later + INFORM_AGAIN_MS), INFORM_ASK);
}

static void an_advertisement_hurries_it_but_not_more_than_so(void **state)
{
	struct inform f = {0};

	(void)state;
	inform_hurry(&f, T0); /* down: nothing */
	assert_int_equal(inform_deadline_ms(&f), NEVER);
	answered(&f, 7);
	inform_hurry(&f, T0 + 1);
	inform_hurry(&f, T0 + 2);
	assert_int_equal(inform_deadline_ms(&f), T0 + INFORM_HURRY_MS);
	assert_int_equal(inform_tick(&f, 2, 7, T0 + INFORM_HURRY_MS), INFORM_ASK);
	inform_hurry(&f, T0 + INFORM_HURRY_MS); /* while it is asked: once more, later */
	assert_true(inform_answered(&f, 2, 7, T0 + INFORM_HURRY_MS));
	assert_int_equal(inform_deadline_ms(&f), T0 + 2 * INFORM_HURRY_MS);
	assert_int_equal(inform_tick(&f, 3, 7, T0 + 2 * INFORM_HURRY_MS), INFORM_ASK);
	assert_true(inform_answered(&f, 3, 7, T0 + 2 * INFORM_HURRY_MS));
	inform_hurry(&f, T0 + 9 * INFORM_HURRY_MS);
	assert_int_equal(inform_deadline_ms(&f), T0 + 9 * INFORM_HURRY_MS);
}

static void down_is_down(void **state)
{
	struct inform f;

	(void)state;
	inform_up(&f, XID, T0);
	assert_int_equal(inform_tick(&f, 1, 0, T0), INFORM_ASK);
	inform_down(&f);
	assert_int_equal(inform_deadline_ms(&f), NEVER);
	assert_int_equal(inform_tick(&f, 1, 5, T0 + 1000000), INFORM_NOTHING);
	assert_false(inform_answered(&f, XID, 5, T0 + 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_answer_ends_the_round),
		cmocka_unit_test(it_is_asked_again_when_traffic_has_passed),
		cmocka_unit_test(an_idle_tunnel_stays_idle),
		cmocka_unit_test(an_advertisement_hurries_it_but_not_more_than_so),
		cmocka_unit_test(down_is_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
