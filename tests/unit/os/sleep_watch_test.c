// SPDX-License-Identifier: Apache-2.0
/* os/sleep_watch.c: the machine of a test does not sleep, so the clocks' difference is the test's own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "os/sleep_watch.h"

static void a_sleep_is_a_jump_of_a_second_or_more(void **state)
{
	uint64_t last = 5000;

	(void)state;
	assert_false(sleep_is_sleep(&last, 5000));
	assert_false(sleep_is_sleep(&last, 5003)); /* the two clocks are not read at one moment */
	assert_false(sleep_is_sleep(&last, 4998));
	assert_false(sleep_is_sleep(&last, 4998 + SLEEP_LEAST_MS - 1));
	assert_true(sleep_is_sleep(&last, 4998 + SLEEP_LEAST_MS));
	assert_false(sleep_is_sleep(&last, 4998 + SLEEP_LEAST_MS)); /* once */
	assert_true(sleep_is_sleep(&last, 90000));
}

static void awake_it_says_nothing(void **state)
{
	struct sleep_watch *w;

	(void)state;
	assert_int_equal(sleep_watch_new(&w), 0);
	assert_true(sleep_watch_fd(w) >= 0);
	for (int i = 0; i < 3; i++)
		assert_false(sleep_watch_woke(w));
	sleep_watch_free(w);
	sleep_watch_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_sleep_is_a_jump_of_a_second_or_more),
		cmocka_unit_test(awake_it_says_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
