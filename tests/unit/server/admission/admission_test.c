// SPDX-License-Identifier: Apache-2.0
/* server/admission/admission.c: limits put to use over two sites, evictions by letter, proofs in a row. */
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
	r = rooms_new("[server]\nmax_handshakes = 4\nsource_half_open = 3\nsource_rate = 0\n"
		      "[auth]\nfail_delay = 1s\n"
		      "[balancer]\ntrusted = 203.0.113.9\n");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	rooms_free(r);
	return 0;
}

static struct endpoint from(unsigned n)
{
	return (struct endpoint){addr_v4(0xc6336400 + n), 5000};
}

struct owner {
	unsigned evicted;
};

static void on_evict(void *arg)
{
	((struct owner *)arg)->evicted++;
}

static struct door *enter(unsigned site, unsigned source, struct owner *o)
{
	struct endpoint peer = from(source);
	struct door *d = admission_enter(r->sites[site], &peer, true);

	if (d && o) {
		d->owner = o;
		d->evict = on_evict;
	}
	return d;
}

static void a_source_has_so_many_and_no_more(void **state)
{
	struct door *d[3];

	(void)state;
	for (size_t i = 0; i < 3; i++)
		assert_non_null(d[i] = enter(i % SITES, 1, NULL));
	assert_null(enter(0, 1, NULL));
	assert_null(enter(1, 1, NULL));
	assert_int_equal(admission_refused(r->context.admission), 2);
	assert_int_equal(sites_handshakes(&r->context), 3);
	admission_leave(r->sites[0], d[0]);
	assert_int_equal(sites_handshakes(&r->context), 2);
	assert_non_null(
		d[0] = enter(1, 1, NULL)); /* its place is free again, on another site, too */
	admission_leave(r->sites[1], d[0]);
	admission_leave(r->sites[1], d[1]);
	admission_leave(r->sites[0], d[2]);
	admission_leave(r->sites[0], NULL);
	assert_int_equal(sites_handshakes(&r->context), 0);
}

/* All places taken: the source with most gives one, and its own site ends it. */
static void a_newcomer_gets_a_place_by_letter(void **state)
{
	struct owner o[4] = {0};
	struct door *d[4], *new;

	(void)state;
	for (size_t i = 0; i < 3; i++)
		assert_non_null(d[i] = enter(1, 1, &o[i]));
	assert_non_null(d[3] = enter(1, 2, &o[3]));
	admission_progress(r->sites[1], d[0], SOURCES_TLS); /* has come further */
	now_us += (EVICT_AFTER_MS + 1) * 1000;
	assert_non_null(new = enter(0, 3, NULL));
	assert_int_equal(o[1].evicted, 0); /* the letter is on its way */
	rooms_deliver(r);
	assert_int_equal(o[0].evicted, 0);
	assert_int_equal(o[1].evicted, 1); /* the oldest of those that have said nothing */
	assert_int_equal(o[2].evicted + o[3].evicted, 0);
	admission_leave(r->sites[0], new);
	for (size_t i = 0; i < 4; i++)
		admission_leave(r->sites[1], d[i]);
	assert_int_equal(sites_handshakes(&r->context), 0);
}

/* It logged in while the letter was on its way: nothing is ended. */
static void a_letter_that_comes_late_ends_nothing(void **state)
{
	struct owner o[4] = {0};
	struct door *d[4], *new;

	(void)state;
	for (size_t i = 0; i < 4; i++)
		assert_non_null(d[i] = enter(1, i < 3 ? 1 : 2, &o[i]));
	now_us += (EVICT_AFTER_MS + 1) * 1000;
	assert_non_null(new = enter(0, 3, NULL));
	for (size_t i = 0; i < 4; i++)
		admission_leave(r->sites[1], d[i]);
	rooms_deliver(r);
	assert_int_equal(o[0].evicted + o[1].evicted + o[2].evicted + o[3].evicted, 0);
	admission_leave(r->sites[0], new);
}

static void a_failed_proof_delays_the_next_one_of_its_source(void **state)
{
	struct endpoint guesser = from(7), other = from(8);
	struct source *s, *t;
	uint64_t first, second;

	(void)state;
	assert_int_equal(admission_proof(r->sites[0], &guesser, &s), 0);
	admission_judged(r->sites[0], s, true);
	first = admission_proof(r->sites[1], &guesser, &s);
	assert_in_range(first, 900, 1100);
	assert_int_equal(admission_proof(r->sites[1], &other, &t), 0); /* not its neighbour's */
	admission_judged(r->sites[1], t, false);
	now_us += first * 1000;
	assert_int_equal(admission_proof(r->sites[1], &guesser, &s), 0);
	admission_judged(r->sites[1], s, true);
	second = admission_proof(r->sites[0], &guesser, &s);
	assert_true(second > first);
}

static void a_wrong_proof_of_a_lane_counts_as_a_login(void **state)
{
	struct endpoint peer = from(9);
	struct source *s;

	(void)state;
	admission_lane_failed(r->sites[0], &peer);
	assert_true(admission_proof(r->sites[0], &peer, &s) > 0);
}

/* All its clients look like one source: the answer is held back instead. */
static void clients_of_a_balancer_are_not_one_source(void **state)
{
	struct endpoint balancer = {addr_v4(0xcb007109), 5000}, client = from(3);
	struct door *d[4];
	struct source *s;

	(void)state;
	for (size_t i = 0; i < 4; i++)
		assert_non_null(d[i] = admission_enter(r->sites[0], &balancer, true));
	admission_lane_failed(r->sites[0], &balancer);
	assert_int_equal(admission_proof(r->sites[0], &balancer, &s), 0);
	assert_null(s);
	admission_judged(r->sites[0], s, true);
	assert_int_equal(admission_answer_ms(r->sites[0], &balancer), 1000);
	assert_int_equal(admission_answer_ms(r->sites[0], &client), 0);
	for (size_t i = 0; i < 4; i++)
		admission_leave(r->sites[0], d[i]);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_source_has_so_many_and_no_more),
		CASE(a_newcomer_gets_a_place_by_letter),
		CASE(a_letter_that_comes_late_ends_nothing),
		CASE(a_failed_proof_delays_the_next_one_of_its_source),
		CASE(a_wrong_proof_of_a_lane_counts_as_a_login),
		CASE(clients_of_a_balancer_are_not_one_source),
	};

	return cmocka_run_group_tests_name("server/admission/admission", tests, NULL, NULL);
}
