// SPDX-License-Identifier: Apache-2.0
/* ip/pool.c: every address once, none that is not a client's. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "ip/pool.h"

static struct pool *pool(const char *text)
{
	struct prefix prefix;
	struct pool *p;

	assert_int_equal(prefix_parse(text, &prefix), 0);
	assert_int_equal(pool_new(&prefix, &p), 0);
	return p;
}

static uint32_t take(struct pool *p)
{
	struct addr a;

	assert_int_equal(pool_take(p, &a), 0);
	return addr_v4_value(&a);
}

static void the_first_address_is_the_servers_and_clients_follow(void **state)
{
	struct pool *p = pool("10.5.4.0/22");
	struct addr own = pool_own(p);

	assert_int_equal(addr_v4_value(&own), 0x0a050401);
	assert_int_equal(pool_size(p), 1021);
	assert_int_equal(take(p), 0x0a050402);
	assert_int_equal(take(p), 0x0a050403);
	assert_int_equal(pool_left(p), 1019);
	pool_free(p);
}

static void every_length_gives_each_address_once_and_then_no_more(void **state)
{
	for (unsigned len = 20; len <= 30; len++) {
		struct prefix prefix = {addr_v4(0x0a000000), (uint8_t)len};
		struct pool *p;
		struct addr a;

		assert_int_equal(pool_new(&prefix, &p), 0);
		for (uint32_t i = 0; i < pool_size(p); i++)
			assert_int_equal(take(p), 0x0a000002 + i);
		assert_int_equal(pool_take(p, &a), -ENOSPC);
		assert_int_equal(pool_left(p), 0);
		a = addr_v4(0x0a000002);
		pool_release(p, &a);
		assert_int_equal(take(p), 0x0a000002);
		pool_free(p);
	}
}

static void an_address_let_go_rests_until_the_others_had_their_turn(void **state)
{
	struct pool *p = pool("10.0.0.0/29"); /* .2 to .6 */
	struct addr a = addr_v4(take(p));

	pool_release(p, &a);
	for (uint32_t i = 3; i <= 6; i++)
		assert_int_equal(take(p), 0x0a000000 + i);
	assert_int_equal(take(p), 0x0a000002);
	pool_free(p);
}

static void a_reserved_address_is_passed_over(void **state)
{
	struct pool *p = pool("10.0.0.0/24");
	struct addr a = addr_v4(0x0a000003);

	assert_int_equal(pool_reserve(p, &a), 0);
	assert_int_equal(pool_reserve(p, &a), -EADDRINUSE);
	assert_int_equal(take(p), 0x0a000002);
	assert_int_equal(take(p), 0x0a000004);
	pool_release(p, &a);
	assert_int_equal(pool_reserve(p, &a), 0);
	pool_free(p);
}

static void what_is_no_clients_address_cannot_be_reserved_or_let_go(void **state)
{
	static const uint32_t wrong[] = {
		0x0a000000, 0x0a000001, 0x0a0000ff, 0x0a000100, 0x09ffffff};
	struct pool *p = pool("10.0.0.0/24");
	struct addr six;

	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		struct addr a = addr_v4(wrong[i]);

		assert_int_equal(pool_reserve(p, &a), -ERANGE);
		pool_release(p, &a);
	}
	assert_int_equal(addr_parse("::2", &six), 0);
	assert_int_equal(pool_reserve(p, &six), -ERANGE);
	assert_int_equal(pool_left(p), pool_size(p));
	pool_free(p);
}

static void releasing_twice_counts_once(void **state)
{
	struct pool *p = pool("10.0.0.0/30");
	struct addr a = addr_v4(take(p));

	pool_release(p, &a);
	pool_release(p, &a);
	assert_int_equal(pool_left(p), 1);
	pool_free(p);
}

static void prefixes_that_make_no_pool_are_refused(void **state)
{
	static const char *const wrong[] = {"10.0.0.0/31", "10.0.0.1", "0.0.0.0/7", "fd00::/64"};
	struct prefix prefix;
	struct pool *p = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		assert_int_equal(prefix_parse(wrong[i], &prefix), 0);
		assert_int_equal(pool_new(&prefix, &p), -EINVAL);
		assert_null(p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_address_is_the_servers_and_clients_follow),
		cmocka_unit_test(every_length_gives_each_address_once_and_then_no_more),
		cmocka_unit_test(an_address_let_go_rests_until_the_others_had_their_turn),
		cmocka_unit_test(a_reserved_address_is_passed_over),
		cmocka_unit_test(what_is_no_clients_address_cannot_be_reserved_or_let_go),
		cmocka_unit_test(releasing_twice_counts_once),
		cmocka_unit_test(prefixes_that_make_no_pool_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
