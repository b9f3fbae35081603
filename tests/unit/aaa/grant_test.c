// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "aaa/grant.h"

static struct grant_values of_a_user(void)
{
	return (struct grant_values){.address = {GRANT_USER, addr_v4(0x0a080007)},
		.pool = {GRANT_USER, "staff"},
		.expires = {GRANT_USER, 1234}};
}

static struct grant_values of_all(void)
{
	return (struct grant_values){
		.dns = {GRANT_DEFAULT, 2, {addr_v4(0xc0000235), addr_v4(0xc0000236)}},
		.ipv6 = {GRANT_DEFAULT, true},
		.sessions = {GRANT_DEFAULT, 3}};
}

static void a_value_that_is_set_replaces_and_an_unset_one_does_not(void **state)
{
	struct grant_values v = of_all(), user = of_a_user();

	(void)state;
	user.dns = (struct grant_addrs){GRANT_USER, 1, {addr_v4(0x0a080001)}};
	user.ipv6 = (struct grant_flag){GRANT_USER, false};
	grant_merge(&v, &user);
	assert_int_equal(v.dns.n, 1);
	assert_int_equal(v.dns.origin, GRANT_USER);
	assert_false(v.ipv6.value);
	assert_int_equal(v.sessions.value, 3);
	assert_int_equal(v.sessions.origin, GRANT_DEFAULT);
	assert_string_equal(v.pool.value, "staff");
	assert_int_equal(v.expires.value, 1234);
	assert_int_equal(v.nbns.origin, GRANT_UNSET);
}

/* "None" is a value, too: it takes the farther source's list away. */
static void an_empty_list_replaces(void **state)
{
	struct grant_values v = of_all();

	(void)state;
	grant_merge(&v, &(struct grant_values){.dns = {.origin = GRANT_USER}});
	assert_int_equal(v.dns.n, 0);
}

static void appended_addresses_stand_once_and_the_first_stay(void **state)
{
	struct grant_addrs to = {GRANT_DEFAULT, 2, {addr_v4(1), addr_v4(2)}};
	const struct grant_addrs over = {
		GRANT_USER, 4, {addr_v4(2), addr_v4(3), addr_v4(4), addr_v4(5)}};

	(void)state;
	grant_addrs_append(&to, &over);
	assert_int_equal(to.n, GRANT_ADDRS_MAX);
	for (uint32_t i = 0; i < GRANT_ADDRS_MAX; i++)
		assert_int_equal(addr_v4_value(&to.item[i]), i + 1);
	assert_int_equal(to.origin, GRANT_USER);
}

static void each_value_is_printed_with_its_origin(void **state)
{
	struct grant_values v = of_all(), user = of_a_user();
	char text[GRANT_TEXT_LEN];

	(void)state;
	grant_merge(&v, &user);
	assert_string_equal(grant_format(&v, text),
		"address=10.8.0.7 (user) pool=staff (user) dns=192.0.2.53,192.0.2.54 (default) "
		"ipv6=yes (default) expires=1234 (user) sessions=3 (default)");
	assert_string_equal(grant_format(&(struct grant_values){0}, text), "");
}

/* A pool's name is an admin's, and may hold what would end the field. */
static void a_name_does_not_end_its_field(void **state)
{
	const struct grant_values v = {.pool = {GRANT_USER, "a b=\"c\" \x1b[2J"}};
	char text[GRANT_TEXT_LEN];

	(void)state;
	assert_string_equal(grant_format(&v, text), "pool=\"a b=\\\"c\\\" \\x1b[2J\" (user)");
}

static void a_full_grant_fits_its_text(void **state)
{
	struct grant_values v = of_a_user();
	char text[GRANT_TEXT_LEN];

	(void)state;
	v.dns = (struct grant_addrs){.origin = GRANT_RADIUS, .n = GRANT_ADDRS_MAX};
	for (size_t i = 0; i < GRANT_ADDRS_MAX; i++)
		v.dns.item[i] = addr_v4(0xfffefdf0 + (uint32_t)i);
	v.nbns = v.dns;
	memset(v.pool.value, 'p', GRANT_WORD_MAX);
	v.sessions = (struct grant_count){GRANT_COA, UINT32_MAX};
	assert_non_null(strstr(grant_format(&v, text), "sessions=4294967295 (coa)"));
}

static void a_grant_lives_as_long_as_its_last_reference(void **state)
{
	const struct grant_values v = of_a_user();
	struct grant *g, *other;

	(void)state;
	assert_int_equal(grant_new(&v, &g), 0);
	other = grant_ref(g);
	grant_unref(g);
	assert_string_equal(other->is.pool.value, "staff");
	grant_unref(other);
	grant_unref(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_value_that_is_set_replaces_and_an_unset_one_does_not),
		cmocka_unit_test(an_empty_list_replaces),
		cmocka_unit_test(appended_addresses_stand_once_and_the_first_stay),
		cmocka_unit_test(each_value_is_printed_with_its_origin),
		cmocka_unit_test(a_name_does_not_end_its_field),
		cmocka_unit_test(a_full_grant_fits_its_text),
		cmocka_unit_test(a_grant_lives_as_long_as_its_last_reference),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
