/* server/admit.c: sources counted, slowed, forgotten. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "server/admit.h"

static struct admit *a;

static int setup(void **state)
{
	(void)state;
	return admit_new(4711, &a);
}

static int teardown(void **state)
{
	(void)state;
	admit_free(a);
	return 0;
}

static struct addr addr(const char *text)
{
	struct addr r;

	assert_int_equal(addr_parse(text, &r), 0);
	return r;
}

static enum admit_verdict knock(const char *from, unsigned half_open, unsigned rate, uint64_t now)
{
	struct addr source = addr(from);

	return admit_connect(a, &source, &(struct admit_limits){half_open, rate}, now);
}

static void half_open_connections_are_counted_until_settled(void **state)
{
	struct addr one = addr("192.0.2.1");

	(void)state;
	for (int i = 0; i < 3; i++)
		assert_int_equal(knock("192.0.2.1", 3, 0, 0), ADMIT_OK);
	assert_int_equal(knock("192.0.2.1", 3, 0, 0), ADMIT_HALF_OPEN);
	assert_int_equal(knock("192.0.2.2", 3, 0, 0), ADMIT_OK);
	admit_settle(a, &one);
	assert_int_equal(knock("192.0.2.1", 3, 0, 0), ADMIT_OK);
	assert_int_equal(knock("192.0.2.1", 3, 0, 0), ADMIT_HALF_OPEN);
}

static void addresses_of_one_64_are_one_source(void **state)
{
	(void)state;
	assert_int_equal(knock("2001:db8:1:2::1", 1, 0, 0), ADMIT_OK);
	assert_int_equal(knock("2001:db8:1:2:ffff::2", 1, 0, 0), ADMIT_HALF_OPEN);
	assert_int_equal(knock("2001:db8:1:3::1", 1, 0, 0), ADMIT_OK);
}

static void a_rate_lets_a_burst_through_and_then_one_at_a_time(void **state)
{
	(void)state;
	for (int i = 0; i < 60; i++)
		assert_int_equal(knock("192.0.2.1", 0, 60, 1000), ADMIT_OK);
	assert_int_equal(knock("192.0.2.1", 0, 60, 1000), ADMIT_RATE);
	assert_int_equal(knock("192.0.2.1", 0, 60, 1999), ADMIT_RATE);
	assert_int_equal(knock("192.0.2.1", 0, 60, 2998), ADMIT_OK);
	assert_int_equal(knock("192.0.2.1", 0, 60, 2998), ADMIT_RATE);
	for (int i = 0; i < 60; i++)
		assert_int_equal(knock("192.0.2.1", 0, 60, 3600000), ADMIT_OK);
	assert_int_equal(knock("192.0.2.1", 0, 60, 3600000), ADMIT_RATE);
}

static void failed_logins_double_the_delay_up_to_a_bound_and_are_forgotten(void **state)
{
	struct addr one = addr("192.0.2.1"), two = addr("192.0.2.2");
	static const unsigned want[] = {1, 2, 4, 8, 16, 16, 16};

	(void)state;
	for (size_t i = 0; i < sizeof(want) / sizeof(*want); i++)
		assert_int_equal(admit_failed(a, &one, 1000 * i), want[i]);
	assert_int_equal(admit_failed(a, &two, 0), 1);
	assert_int_equal(admit_failed(a, &one, 7000 + ADMIT_FORGET_MS), 1);
}

static void a_flood_of_sources_does_not_make_one_with_connections_forgotten(void **state)
{
	struct admit_limits limits = {1, 0};

	(void)state;
	assert_int_equal(knock("192.0.2.1", 1, 0, 0), ADMIT_OK);
	for (uint32_t i = 0; i < 4 * ADMIT_SOURCES; i++) {
		struct addr from = addr_v4(0x0a000000 + i);

		assert_int_equal(admit_connect(a, &from, &limits, i), ADMIT_OK);
		admit_settle(a, &from);
	}
	assert_int_equal(knock("192.0.2.1", 1, 0, 0), ADMIT_HALF_OPEN);
}

static void more_half_open_sources_than_are_remembered_are_let_in(void **state)
{
	struct admit_limits limits = {1, 1};

	(void)state;
	for (uint32_t i = 0; i < 2 * ADMIT_SOURCES; i++) {
		struct addr from = addr_v4(0x0a000000 + i);

		assert_int_equal(admit_connect(a, &from, &limits, 5), ADMIT_OK);
	}
	for (uint32_t i = 0; i < 2 * ADMIT_SOURCES; i++)
		admit_settle(a, &(struct addr){AF_INET,
					{10, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i}});
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			half_open_connections_are_counted_until_settled, setup, teardown),
		cmocka_unit_test_setup_teardown(
			addresses_of_one_64_are_one_source, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_rate_lets_a_burst_through_and_then_one_at_a_time, setup, teardown),
		cmocka_unit_test_setup_teardown(
			failed_logins_double_the_delay_up_to_a_bound_and_are_forgotten, setup,
			teardown),
		cmocka_unit_test_setup_teardown(
			a_flood_of_sources_does_not_make_one_with_connections_forgotten, setup,
			teardown),
		cmocka_unit_test_setup_teardown(
			more_half_open_sources_than_are_remembered_are_let_in, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
