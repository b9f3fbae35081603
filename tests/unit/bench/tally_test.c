// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "bench/tally.h"

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void assert_near(uint64_t got, uint64_t want)
{
	uint64_t error = got > want ? got - want : want - got;

	if (error * 100 > want) /* one in a hundred */
		fail_msg("%lu is not %lu", (unsigned long)got, (unsigned long)want);
}

static void an_empty_tally_tells_zero(void **state)
{
	static struct tally t;

	(void)state;
	assert_int_equal(tally_at(&t, 0.5), 0);
}

static void small_values_are_exact(void **state)
{
	static struct tally t;

	(void)state;
	for (unsigned us = 0; us < 100; us++)
		tally_add(&t, us);
	assert_int_equal(t.n, 100);
	assert_int_equal(t.min_us, 0);
	assert_int_equal(t.max_us, 99);
	assert_int_equal(t.sum_us, 99 * 50);
	assert_int_equal(tally_at(&t, 0), 0);
	assert_int_equal(tally_at(&t, 0.5), 50);
	assert_int_equal(tally_at(&t, 0.99), 99);
	assert_int_equal(tally_at(&t, 1), 99);
}

static void one_value_is_every_percentile(void **state)
{
	static struct tally t;

	(void)state;
	tally_add(&t, 123457);
	assert_int_equal(tally_at(&t, 0), 123457);
	assert_int_equal(tally_at(&t, 1), 123457);
}

static void percentiles_are_those_of_the_sorted_values_within_one_in_a_hundred(void **state)
{
	enum { N = 20000 };
	static struct tally t;
	static uint64_t values[N];

	(void)state;
	srandom(1);
	for (unsigned i = 0; i < N; i++) {
		values[i] = (uint64_t)random() >> (random() % 31);
		tally_add(&t, values[i]);
	}
	qsort(values, N, sizeof(*values), compare);
	for (unsigned percent = 0; percent < 100; percent++)
		assert_near(tally_at(&t, percent / 100.0), values[percent * N / 100]);
	assert_int_equal(tally_at(&t, 1), values[N - 1]);
}

static void what_is_longer_than_any_bucket_is_counted_in_the_last(void **state)
{
	static struct tally t;

	(void)state;
	tally_add(&t, 5);
	tally_add(&t, UINT64_MAX / 4);
	assert_int_equal(t.n, 2);
	assert_int_equal(t.buckets[TALLY_BUCKETS - 1], 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_tally_tells_zero),
		cmocka_unit_test(small_values_are_exact),
		cmocka_unit_test(one_value_is_every_percentile),
		cmocka_unit_test(
			percentiles_are_those_of_the_sorted_values_within_one_in_a_hundred),
		cmocka_unit_test(what_is_longer_than_any_bucket_is_counted_in_the_last),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
