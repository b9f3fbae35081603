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

static void only_those_whose_date_has_come_expire(void **state)
{
	struct session *never = rooms_session(r->sites[0], 1, "alice");
	struct session *soon = rooms_session(r->sites[0], 2, "bob");
	struct session *later = rooms_session(r->sites[0], 3, "carol");

	(void)state;
	session_set_expiry(soon, clock_wall_s() + 5);
	session_set_expiry(later, clock_wall_s() + 6);
	session_expire_all(r->sites[0], clock_wall_s() + 4);
	assert_false(never->leaving || soon->leaving || later->leaving);
	session_expire_all(r->sites[0], clock_wall_s() + 5);
	assert_true(soon->leaving);
	assert_false(never->leaving || later->leaving);
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
		CASE(only_those_whose_date_has_come_expire),
		CASE(a_probe_of_a_session_that_is_gone_is_harmless),
	};

	return cmocka_run_group_tests_name("server/session/limits", tests, NULL, NULL);
}
