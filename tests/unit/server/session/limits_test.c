// SPDX-License-Identifier: Apache-2.0
/* server/session/limits.c: what ends a session from outside its tunnel. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "server/core/limits.h"
#include "unit/server/rooms.h"

static struct rooms *r;

static int setup(void **state)
{
	(void)state;
	r = rooms_new("");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	rooms_free(r);
	return 0;
}

static void a_date_that_has_passed_ends_a_session_at_once(void **state)
{
	struct session *s = rooms_session(r->sites[0], 1, "alice");

	(void)state;
	session_set_expiry(s, clock_wall_s() + 10);
	assert_false(s->leaving);
	session_set_expiry(s, 0); /* never */
	assert_false(s->leaving);
	session_set_expiry(s, clock_wall_s());
	assert_true(s->leaving);
}

/* A session that logged in at 1000 ms, with these limits. */
static struct session *limited(const struct grant_values *v)
{
	struct session *s = rooms_session(r->sites[0], 1, "alice");
	AUTO(grant) struct grant *g = NULL;

	assert_int_equal(grant_new(v, &g), 0);
	session_take_grant(s, g);
	s->limits.since_ms = s->limits.moved_ms = 1000;
	return s;
}

static void a_session_without_limits_is_not_looked_at(void **state)
{
	(void)state;
	assert_false(limited(&(struct grant_values){.ipv6 = {GRANT_DEFAULT, true}})->limits.some);
	assert_false(limited(&(struct grant_values){.idle = {GRANT_USER, 0}})->limits.some);
}

static void the_date_ends_a_session_in_its_second(void **state)
{
	struct session *s = limited(&(struct grant_values){.expires = {GRANT_GROUP, 5000}});

	(void)state;
	assert_true(s->limits.some);
	assert_int_equal(limits_judge(s, 4999, 2000), EV_NONE);
	assert_int_equal(limits_judge(s, 5000, 2000), EV_USER_DATE_PASSED);
}

static void the_longest_time_counts_from_the_login(void **state)
{
	struct session *s = limited(&(struct grant_values){.session_time = {GRANT_USER, 60}});

	(void)state;
	assert_int_equal(limits_judge(s, 1, 60999), EV_NONE);
	assert_int_equal(limits_judge(s, 1, 61000), EV_SESSION_TIME_UP);
}

/* Packets in either direction count; the server's own do not. */
static void only_traffic_keeps_an_idle_session_up(void **state)
{
	struct session *s = limited(&(struct grant_values){.idle = {GRANT_USER, 60}});

	(void)state;
	assert_int_equal(limits_judge(s, 1, 60999), EV_NONE);
	s->link.rx_packets++;
	assert_int_equal(limits_judge(s, 1, 61000), EV_NONE);
	s->link.tx_packets++;
	assert_int_equal(limits_judge(s, 1, 120000), EV_NONE);
	s->link.tx_packets++;
	s->own_packets++; /* an advertisement */
	assert_int_equal(limits_judge(s, 1, 179999), EV_NONE);
	assert_int_equal(limits_judge(s, 1, 180000), EV_SESSION_IDLE);
}

static void hours_end_a_session(void **state)
{
	struct grant_values v = {.hours = {GRANT_GROUP, 1, {{0x7f, 0, 60}}}};
	struct session *s = limited(&v);

	(void)state;
	setenv("TZ", "UTC", 1);
	tzset();
	assert_int_equal(limits_judge(s, 86400 + 3599, 2000), EV_NONE);
	assert_int_equal(limits_judge(s, 86400 + 3600, 2000), EV_SESSION_HOURS_OVER);
}

static void a_disabled_user_has_no_session(void **state)
{
	struct session *s = limited(&(struct grant_values){.disabled = {GRANT_GROUP, true}});

	(void)state;
	limits_enforce(s);
	assert_true(s->leaving);
}

static void the_oldest_leaves_its_place_at_once(void **state)
{
	struct session *s = rooms_session(r->sites[0], 1, "alice");

	(void)state;
	session_replace(r->sites[0], 99); /* gone meanwhile */
	assert_false(s->leaving);
	session_replace(r->sites[0], 1);
	assert_true(s->leaving);
	assert_null(s->place.prev);
}

static void a_probe_of_a_session_that_is_gone_is_harmless(void **state)
{
	struct session *s = rooms_session(r->sites[0], 1, "alice");

	(void)state;
	session_probe(r->sites[0], 99);
	session_probe(r->sites[1], 1); /* of another site */
	assert_int_equal(s->ended_by, EV_NONE);
	session_probe(r->sites[0], 1);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_date_that_has_passed_ends_a_session_at_once),
		CASE(a_session_without_limits_is_not_looked_at),
		CASE(the_date_ends_a_session_in_its_second),
		CASE(the_longest_time_counts_from_the_login),
		CASE(only_traffic_keeps_an_idle_session_up),
		CASE(hours_end_a_session),
		CASE(a_disabled_user_has_no_session),
		CASE(the_oldest_leaves_its_place_at_once),
		CASE(a_probe_of_a_session_that_is_gone_is_harmless),
	};

	return cmocka_run_group_tests_name("server/session/limits", tests, NULL, NULL);
}
