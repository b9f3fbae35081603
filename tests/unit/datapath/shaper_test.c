// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/auto.h"
#include "datapath/shaper.h"

#define SECOND 1000000

/*
 * Sends packets of n octets whenever one may go, looking every step_us, for so many seconds; returns the
 * octets.
 */
static uint64_t send_all(
	struct shaper *s, uint64_t *now_us, uint64_t seconds, uint32_t n, uint64_t step_us)
{
	uint64_t end_us = *now_us + seconds * SECOND, sum = 0;

	for (; *now_us < end_us; *now_us += step_us)
		while (shaper_ask(s, *now_us)) {
			shaper_spend(s, n);
			sum += n;
		}
	return sum;
}

static void the_rate_is_kept_whatever_the_packets_and_the_clock(void **state)
{
	static const uint64_t rates[] = {64000, 1000000, 10000000, 1000000000};
	static const uint32_t packets[] = {40, 576, 1400, 1514};
	static const uint64_t steps[] = {100, 1000, 7000};

	(void)state;
	for (size_t r = 0; r < ARRAY_SIZE(rates); r++)
		for (size_t p = 0; p < ARRAY_SIZE(packets); p++)
			for (size_t t = 0; t < ARRAY_SIZE(steps); t++) {
				struct shaper s = {0};
				uint64_t now_us = 12345, sum;

				shaper_set(&s, rates[r], now_us);
				send_all(&s, &now_us, 2, packets[p],
					steps[t]); /* its first credit */
				sum = send_all(&s, &now_us, 10, packets[p], steps[t]) * 8;
				assert_in_range(sum, rates[r] * 10 * 99 / 100 - 2 * 1514 * 8,
					rates[r] * 10 * 101 / 100 + 2 * 1514 * 8);
			}
}

static void without_a_rate_all_may_go(void **state)
{
	struct shaper s = {0};

	(void)state;
	shaper_spend(&s, 1 << 30);
	assert_int_equal(shaper_ask(&s, 1), UINT32_MAX);
	assert_int_equal(shaper_ask_sparse(&s, 1), UINT32_MAX);
	assert_int_equal(shaper_wait_us(&s), 0);
}

/* What was not used is lost but for the bucket: a pause is no licence for a burst. */
static void a_pause_saves_no_more_than_the_bucket(void **state)
{
	struct shaper s = {0};

	(void)state;
	shaper_set(&s, 10000000, 0);
	assert_in_range(shaper_ask(&s, 3600 * (uint64_t)SECOND), 25000, 25000);
}

static void what_is_owed_is_waited_for(void **state)
{
	struct shaper s = {0};
	uint64_t now_us = 0, wait_us;

	(void)state;
	shaper_set(&s, 8000, now_us); /* a packet of 1514 octets every 1.5 s */
	assert_true(shaper_ask(&s, now_us) >= 1514);
	shaper_spend(&s, 1514);
	assert_int_equal(shaper_ask(&s, now_us), 0);
	shaper_spend(&s, 1000);
	wait_us = shaper_wait_us(&s);
	assert_in_range(wait_us, SECOND, SECOND + 1);
	assert_int_equal(shaper_ask(&s, now_us + wait_us / 2), 0);
	assert_true(shaper_ask(&s, now_us + wait_us));
}

/* A lane's packets do not wait for a bulk transfer, and count all the same. */
static void sparse_packets_go_ahead_and_are_paid_for(void **state)
{
	struct shaper s = {0};
	uint64_t now_us = 0;
	unsigned n = 0;

	(void)state;
	shaper_set(&s, 10000000, now_us);
	while (shaper_ask(&s, now_us))
		shaper_spend(&s, 1400);
	for (; shaper_ask_sparse(&s, now_us) && n < 1000; n++)
		shaper_spend(&s, 100);
	assert_in_range(n, 200, 260); /* 25000 octets */
	assert_true(shaper_wait_us(&s) > 19000);
}

static void a_new_rate_begins_with_a_full_bucket_and_the_same_one_changes_nothing(void **state)
{
	struct shaper s = {0};

	(void)state;
	shaper_set(&s, 10000000, 0);
	shaper_spend(&s, 100000);
	shaper_set(&s, 10000000, 5);
	assert_int_equal(shaper_ask(&s, 5), 0);
	shaper_set(&s, 20000000, 5);
	assert_int_equal(shaper_ask(&s, 5), 50000);
	assert_int_equal(shaper_ask(&s, 4), 50000); /* a clock that stands still */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_rate_is_kept_whatever_the_packets_and_the_clock),
		cmocka_unit_test(without_a_rate_all_may_go),
		cmocka_unit_test(a_pause_saves_no_more_than_the_bucket),
		cmocka_unit_test(what_is_owed_is_waited_for),
		cmocka_unit_test(sparse_packets_go_ahead_and_are_paid_for),
		cmocka_unit_test(
			a_new_rate_begins_with_a_full_bucket_and_the_same_one_changes_nothing),
	};

	return cmocka_run_group_tests_name("datapath/shaper", tests, NULL, NULL);
}
