// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "aaa/policy.h"

static void a_user_without_own_values_gets_the_defaults(void **state)
{
	const struct grant_values all = {.sessions = {GRANT_DEFAULT, 3}};
	AUTO(grant) struct grant *defaults = NULL, *g = NULL;

	(void)state;
	assert_int_equal(grant_new(&all, &defaults), 0);
	assert_int_equal(policy_grant(defaults, &(struct grant_values){0}, &g), 0);
	assert_int_equal(g->is.sessions.value, 3);
	assert_int_equal(g->is.sessions.origin, GRANT_DEFAULT);
	assert_int_equal(g->is.address.origin, GRANT_UNSET);
}

static void the_users_value_counts_over_the_default(void **state)
{
	const struct grant_values all = {
		.sessions = {GRANT_DEFAULT, 3}, .ipv6 = {GRANT_DEFAULT, true}};
	const struct grant_values user = {.sessions = {GRANT_USER, 1}};
	AUTO(grant) struct grant *defaults = NULL, *g = NULL;

	(void)state;
	assert_int_equal(grant_new(&all, &defaults), 0);
	assert_int_equal(policy_grant(defaults, &user, &g), 0);
	assert_int_equal(g->is.sessions.value, 1);
	assert_int_equal(g->is.sessions.origin, GRANT_USER);
	assert_true(g->is.ipv6.value);
	assert_int_equal(defaults->is.sessions.value, 3); /* as it was */
}

static void without_defaults_the_user_has_the_own_values(void **state)
{
	const struct grant_values user = {.pool = {GRANT_USER, "staff"}};
	AUTO(grant) struct grant *g = NULL;

	(void)state;
	assert_int_equal(policy_grant(NULL, &user, &g), 0);
	assert_string_equal(g->is.pool.value, "staff");
	assert_int_equal(g->is.sessions.origin, GRANT_UNSET);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_user_without_own_values_gets_the_defaults),
		cmocka_unit_test(the_users_value_counts_over_the_default),
		cmocka_unit_test(without_defaults_the_user_has_the_own_values),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
