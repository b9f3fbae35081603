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
		      "[auth]\nfail_delay = 1s\nban_points = 6\n"
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

static struct admission_proof proof_of(unsigned source, const char *user)
{
	struct admission_proof p = {.peer = from(source)};

	strcpy(p.user, user);
	return p;
}

static void judged(unsigned site, struct admission_proof *p, enum admission_outcome outcome)
{
	assert_int_equal(admission_ask(r->sites[site], p), 0);
	admission_judged(r->sites[site], p, outcome);
}

static void a_failed_proof_delays_the_next_one_of_its_source(void **state)
{
	struct admission_proof guess = proof_of(7, "alice"), other = proof_of(8, "bob");
	uint64_t first, second;

	(void)state;
	judged(0, &guess, ADMISSION_FAILED);
	first = admission_ask(r->sites[1], &guess);
	assert_in_range(first, 900, 1100);
	judged(1, &other, ADMISSION_OTHER); /* not its neighbour's */
	now_us += first * 1000;
	judged(1, &guess, ADMISSION_FAILED);
	second = admission_ask(r->sites[0], &guess);
	assert_true(second > first);
}

/* A botnet on one user: each source is new, and the next one waits. The user's own source does not. */
static void strangers_share_what_one_user_gets(void **state)
{
	struct admission_proof own = proof_of(1, "alice"), bot, late;

	(void)state;
	judged(0, &own, ADMISSION_ACCEPTED);
	bot = proof_of(20, "ALICE");
	judged(0, &bot, ADMISSION_FAILED);
	for (unsigned i = 21; i < 40; i++) {
		bot = proof_of(i, "alice");
		assert_true(admission_ask(r->sites[i % 2], &bot) > 900);
	}
	judged(1, &own, ADMISSION_ACCEPTED);
	bot = proof_of(40, "bob"); /* as another user */
	judged(1, &bot, ADMISSION_OTHER);
	now_us += 1100 * 1000;
	late = proof_of(41, "alice"); /* one at a time, and the wait grows */
	assert_int_equal(admission_ask(r->sites[0], &late), 0);
	bot = proof_of(42, "alice");
	assert_int_equal(admission_ask(r->sites[1], &bot), SOURCES_ASK_AGAIN_MS);
	admission_judged(r->sites[0], &late, ADMISSION_FAILED);
	assert_in_range(admission_ask(r->sites[1], &bot), 1900, 2100);
	/* The place of the source itself was given back each time. */
	now_us += 60000 * 1000;
	judged(1, &bot, ADMISSION_OTHER);
}

static void a_source_with_points_is_banned_and_its_connections_are_closed(void **state)
{
	const struct prefix net = {addr_v4(0xc6336400), 24};
	struct admission_proof guess = proof_of(7, "alice");
	struct endpoint scanner = from(9), balancer = {addr_v4(0xcb007109), 5000};
	struct door *d;

	(void)state;
	for (int i = 0; i < 2; i++) {
		now_us += 2000 * UINT64_C(1000);
		assert_false(admission_is_banned(r->sites[0], &guess));
		judged(0, &guess, ADMISSION_FAILED);
	}
	assert_true(admission_is_banned(r->sites[1], &guess));
	assert_non_null(d = enter(0, 7, NULL)); /* as another user */
	admission_leave(r->sites[0], d);
	for (int i = 0; i < 18; i++)
		admission_stranger(r->sites[0], &scanner);
	assert_null(enter(0, 9, NULL));
	for (int i = 0; i < 100; i++)
		admission_stranger(r->sites[0], &balancer);
	assert_non_null(d = admission_enter(r->sites[0], &balancer, false));
	admission_leave(r->sites[0], d);
	/* An admin's word. */
	assert_int_equal(admission_ban(r->context.admission, &net, "", 0), 0);
	assert_null(enter(0, 77, NULL));
	admission_unban(r->context.admission, &net, "");
	assert_non_null(d = enter(0, 77, NULL));
	admission_leave(r->sites[0], d);
}

static void a_source_on_record_is_known(void **state)
{
	struct admission_proof own = proof_of(1, "alice"), bot = proof_of(2, "alice");

	(void)state;
	admission_remember(r->context.admission, &own.peer.addr, "Alice", clock_wall_s() - 86400);
	judged(0, &bot, ADMISSION_FAILED);
	bot = proof_of(3, "alice");
	assert_true(admission_ask(r->sites[0], &bot) > 0);
	assert_int_equal(admission_ask(r->sites[0], &own), 0);
	admission_judged(r->sites[0], &own, ADMISSION_OTHER);
}

static void a_wrong_proof_of_a_lane_counts_as_a_login(void **state)
{
	struct admission_proof p = proof_of(9, "alice");

	(void)state;
	admission_lane_failed(r->sites[0], &p.peer);
	assert_true(admission_ask(r->sites[0], &p) > 0);
}

/* All its clients look like one source: the answer is held back instead. */
static void clients_of_a_balancer_are_not_one_source(void **state)
{
	struct endpoint balancer = {addr_v4(0xcb007109), 5000}, client = from(3);
	struct admission_proof p = {.peer = balancer, .user = "alice"};
	struct door *d[4];

	(void)state;
	for (size_t i = 0; i < 4; i++)
		assert_non_null(d[i] = admission_enter(r->sites[0], &balancer, true));
	admission_lane_failed(r->sites[0], &balancer);
	for (int i = 0; i < 30; i++)
		judged(0, &p, ADMISSION_FAILED);
	assert_null(p.source);
	assert_false(admission_is_banned(r->sites[0], &p));
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
		CASE(strangers_share_what_one_user_gets),
		CASE(a_source_with_points_is_banned_and_its_connections_are_closed),
		CASE(a_source_on_record_is_known),
		CASE(a_wrong_proof_of_a_lane_counts_as_a_login),
		CASE(clients_of_a_balancer_are_not_one_source),
	};

	return cmocka_run_group_tests_name("server/admission/admission", tests, NULL, NULL);
}
