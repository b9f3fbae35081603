// SPDX-License-Identifier: Apache-2.0
/* server/control/drain.c: sessions leave in batches over the time, all of them, and none after a stop. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "server/control/drain.h"
#include "unit/server/rooms.h"

#define SESSIONS 40

static struct rooms *r;
static uv_loop_t loop;
static struct drain drain;

static int setup(void **state)
{
	(void)state;
	r = rooms_new("");
	uv_loop_init(&loop);
	drain_init(&drain, &r->context, &loop);
	for (unsigned i = 0; i < SESSIONS; i++)
		rooms_session(r->sites[i % SITES], i + 1, "alice");
	for (unsigned i = 0; i < SITES; i++)
		r->sites[i]->n_connections = SESSIONS / SITES;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	drain_close(&drain);
	uv_run(&loop, UV_RUN_DEFAULT);
	uv_loop_close(&loop);
	rooms_free(r);
	return 0;
}

/* One tick of the timer, and the letters to and fro. */
static void tick(unsigned ms)
{
	now_us += ms * 1000ull;
	uv_run(&loop, UV_RUN_ONCE);
	rooms_deliver(r);
}

static unsigned leaving(unsigned site)
{
	unsigned n = 0;

	for (struct session *s = r->sites[site]->sessions; s; s = session_next(s))
		n += s->leaving;
	return n;
}

static void the_first_batch_is_a_share_of_the_time(void **state)
{
	(void)state;
	drain_start(&drain, 2500); /* ten ticks of 250 ms: a tenth each */
	assert_false(site_accepting(r->sites[0]));
	tick(0);
	assert_in_range(leaving(0) + leaving(1), SESSIONS / 10, SESSIONS / 10 + SITES);
	assert_true(leaving(0) && leaving(1)); /* from each site in the measure of what it has */
	tick(250);
	assert_in_range(leaving(0) + leaving(1), 2 * SESSIONS / 10, 2 * SESSIONS / 10 + 2 * SITES);
}

static void without_time_all_go_in_few_ticks(void **state)
{
	(void)state;
	drain_start(&drain, 0);
	tick(0);
	assert_int_equal(leaving(0) + leaving(1), SESSIONS);
}

static void after_the_stop_none_goes_and_new_ones_may_come(void **state)
{
	unsigned gone;

	(void)state;
	drain_start(&drain, 2500);
	tick(0);
	gone = leaving(0) + leaving(1);
	drain_stop(&drain);
	assert_true(site_accepting(r->sites[1]));
	now_us += 10000000;
	uv_run(&loop, UV_RUN_NOWAIT);
	rooms_deliver(r);
	assert_int_equal(leaving(0) + leaving(1), gone);
	drain_stop(&drain); /* twice: nothing */
}

static void a_site_that_does_not_answer_is_not_asked_again(void **state)
{
	unsigned before;

	(void)state;
	drain_start(&drain, 2500);
	uv_run(&loop, UV_RUN_ONCE);
	assert_true(drain.asking);
	uv_run(&loop, UV_RUN_ONCE); /* the letters still lie there */
	rooms_deliver(r);
	assert_false(drain.asking);
	before = leaving(0) + leaving(1);
	assert_in_range(before, SESSIONS / 10, SESSIONS / 10 + SITES);
}

static void it_is_over_with_the_last_connection(void **state)
{
	(void)state;
	for (unsigned i = 0; i < SITES; i++)
		r->sites[i]->n_connections = 0;
	drain_start(&drain, 2500);
	tick(0);
	assert_false(uv_is_active((uv_handle_t *)&drain.timer));
	assert_false(site_accepting(r->sites[0])); /* until it is stopped */
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(the_first_batch_is_a_share_of_the_time),
		CASE(without_time_all_go_in_few_ticks),
		CASE(after_the_stop_none_goes_and_new_ones_may_come),
		CASE(a_site_that_does_not_answer_is_not_asked_again),
		CASE(it_is_over_with_the_last_connection),
	};

	return cmocka_run_group_tests_name("server/control/drain", tests, NULL, NULL);
}
