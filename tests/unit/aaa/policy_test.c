// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <time.h>

#include "aaa/method.h"
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
	assert_ptr_equal(g, defaults); /* ten thousand users, one grant */
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

/* ---- may the login come in? ---- */

#define NOW 1795651200 /* Thursday 2026-11-26 00:00 UTC */

static enum event check(const struct grant_values *v, const char *method)
{
	const struct policy_case c = {
		.method = method, .has_password = true, .password_at = NOW - 1000, .now_s = NOW};

	return policy_check(v, &c);
}

static void another_method_learns_nothing_but_that_it_failed(void **state)
{
	struct grant_values v = {.methods = {GRANT_GROUP, method_mask("eap-tls,mschapv2")},
		.disabled = {GRANT_USER, true}};

	(void)state;
	assert_int_equal(check(&v, "pap"), EV_AUTH_METHOD_NOT_ALLOWED);
	assert_int_equal(check(&v, "eap-mschapv2"), EV_AUTH_METHOD_NOT_ALLOWED);
	assert_int_equal(check(&v, "mschapv2"), EV_AUTH_USER_DISABLED);
	v.disabled.value = false;
	assert_int_equal(check(&v, "eap-tls"), EV_AUTH_ACCEPTED);
	v.methods.mask = method_mask("eap");
	assert_int_equal(check(&v, "eap-peap"), EV_AUTH_ACCEPTED);
	assert_int_equal(check(&v, "mschapv2"), EV_AUTH_METHOD_NOT_ALLOWED);
	v.methods.mask = method_mask("eap-peap,chap");
	assert_int_equal(check(&v, "eap-peap/mschapv2"), EV_AUTH_ACCEPTED);
	assert_int_equal(check(&v, "chap-md5"), EV_AUTH_ACCEPTED);
	assert_int_equal(check(&v, "other"), EV_AUTH_METHOD_NOT_ALLOWED);
	assert_int_equal(check(&v, ""), EV_AUTH_METHOD_NOT_ALLOWED);
}

static void the_date_counts_from_its_second_on(void **state)
{
	struct grant_values v = {.expires = {GRANT_GROUP, NOW}};

	(void)state;
	assert_int_equal(check(&v, "pap"), EV_AUTH_USER_EXPIRED);
	v.expires.value = NOW + 1;
	assert_int_equal(check(&v, "pap"), EV_AUTH_ACCEPTED);
	v.expires.value = 0; /* never */
	assert_int_equal(check(&v, "pap"), EV_AUTH_ACCEPTED);
}

/* A password that was set after the date is a new one. */
static void an_old_password_must_be_changed(void **state)
{
	struct grant_values v = {.password_expires = {GRANT_GROUP, NOW}};
	struct policy_case c = {
		.method = "eap-tls", .has_password = false, .password_at = 0, .now_s = NOW};

	(void)state;
	assert_int_equal(check(&v, "mschapv2"), EV_AUTH_PASSWORD_OLD);
	assert_int_equal(policy_check(&v, &c), EV_AUTH_ACCEPTED);
	v.password_expires.value = NOW - 1000;
	assert_int_equal(check(&v, "mschapv2"), EV_AUTH_ACCEPTED);
	v.password_expires.value = NOW + 1;
	assert_int_equal(check(&v, "mschapv2"), EV_AUTH_ACCEPTED);
	v.must_change = (struct grant_flag){GRANT_USER, true};
	assert_int_equal(check(&v, "mschapv2"), EV_AUTH_PASSWORD_OLD);
}

static bool within(const char *hours, int64_t at)
{
	struct grant_values v = {0};
	char why[GRANT_WHY_LEN];

	assert_int_equal(grant_parse(&v, "hours", hours, GRANT_USER, why), 0);
	return policy_within_hours(&v.hours, at);
}

static void hours_begin_and_end_on_the_minute(void **state)
{
	const int64_t eight = NOW + 8 * 3600, six_pm = NOW + 18 * 3600, day = 86400;

	(void)state;
	assert_true(within("always", eight));
	assert_false(within("mon-fri/08:00-18:00", eight - 1));
	assert_true(within("mon-fri/08:00-18:00", eight));
	assert_true(within("mon-fri/08:00-18:00", six_pm - 1));
	assert_false(within("mon-fri/08:00-18:00", six_pm));
	assert_false(within("mon-fri/08:00-18:00", eight + 2 * day)); /* Saturday */
	assert_true(within("sat,thu", eight));
	assert_true(within("thu/00:00-24:00", NOW + day - 1));
	assert_false(within("thu/00:00-24:00", NOW + day));
}

/* Of Thursday's night the hours after midnight are Thursday's, too. */
static void a_night_belongs_to_the_day_on_which_it_begins(void **state)
{
	const int64_t hour = 3600, day = 86400;

	(void)state;
	assert_false(within("thu/22:00-06:00", NOW + 5 * hour));
	assert_true(within("thu/22:00-06:00", NOW + 22 * hour));
	assert_true(within("thu/22:00-06:00", NOW + day + 5 * hour));
	assert_false(within("thu/22:00-06:00", NOW + day + 6 * hour));
	assert_true(within("sat/22:00-06:00", NOW + 3 * day + hour)); /* Sunday's first hours */
}

static int utc(void **state)
{
	(void)state;
	setenv("TZ", "UTC", 1);
	tzset();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_user_without_own_values_gets_the_defaults),
		cmocka_unit_test(the_users_value_counts_over_the_default),
		cmocka_unit_test(without_defaults_the_user_has_the_own_values),
		cmocka_unit_test(another_method_learns_nothing_but_that_it_failed),
		cmocka_unit_test(the_date_counts_from_its_second_on),
		cmocka_unit_test(an_old_password_must_be_changed),
		cmocka_unit_test(hours_begin_and_end_on_the_minute),
		cmocka_unit_test(a_night_belongs_to_the_day_on_which_it_begins),
	};

	return cmocka_run_group_tests(tests, utc, NULL);
}
