// SPDX-License-Identifier: Apache-2.0
/* server/admission/sources.c: sources counted, slowed, forgotten; who makes room for whom; all
 * on a fake clock. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "server/admission/sources.h"
#include "server/core/limits.h"

static bool is_in(const struct sources_entry *e)
{
	return e->prev;
}

static struct sources *a;

static size_t n_line;

static int setup(void **state)
{
	(void)state;
	n_line = 0;
	return sources_new(4711, &a);
}

static int teardown(void **state)
{
	(void)state;
	sources_free(a);
	return 0;
}

static struct addr addr(const char *text)
{
	struct addr r;

	assert_int_equal(addr_parse(text, &r), 0);
	return r;
}

#define MANY 300

static struct sources_entry line[MANY];
static struct sources_victim victim;

static struct sources_limits no_limits(unsigned all)
{
	return (struct sources_limits){.all = all};
}

static enum sources_verdict enter(const char *from, struct sources_limits limits, uint64_t now_ms)
{
	struct addr source = addr(from);
	struct sources_entry *e = &line[n_line];
	enum sources_verdict v = sources_enter(a, e, &source, &limits, now_ms, &victim);

	if (v == SOURCES_OK)
		n_line++;
	return v;
}

static enum sources_verdict knock(const char *from, unsigned half_open, unsigned rate, uint64_t now)
{
	return enter(from, (struct sources_limits){100000, half_open, rate}, now);
}

static void half_open_connections_are_counted_until_they_leave(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++)
		assert_int_equal(knock("192.0.2.1", 3, 0, 0), SOURCES_OK);
	assert_int_equal(knock("192.0.2.1", 3, 0, 0), SOURCES_HALF_OPEN);
	assert_int_equal(knock("192.0.2.2", 3, 0, 0), SOURCES_OK);
	sources_leave(a, &line[0]);
	sources_leave(a, &line[0]); /* again: nothing */
	assert_int_equal(knock("192.0.2.1", 3, 0, 0), SOURCES_OK);
	assert_int_equal(knock("192.0.2.1", 3, 0, 0), SOURCES_HALF_OPEN);
}

static void addresses_of_one_64_are_one_source(void **state)
{
	(void)state;
	assert_int_equal(knock("2001:db8:1:2::1", 1, 0, 0), SOURCES_OK);
	assert_int_equal(knock("2001:db8:1:2:ffff::2", 1, 0, 0), SOURCES_HALF_OPEN);
	assert_int_equal(knock("2001:db8:1:3::1", 1, 0, 0), SOURCES_OK);
}

static void a_rate_lets_a_burst_through_and_then_one_at_a_time(void **state)
{
	(void)state;
	for (int i = 0; i < 60; i++)
		assert_int_equal(knock("192.0.2.1", 0, 60, 1000), SOURCES_OK);
	assert_int_equal(knock("192.0.2.1", 0, 60, 1000), SOURCES_RATE);
	assert_int_equal(knock("192.0.2.1", 0, 60, 1999), SOURCES_RATE);
	assert_int_equal(knock("192.0.2.1", 0, 60, 2998), SOURCES_OK);
	assert_int_equal(knock("192.0.2.1", 0, 60, 2998), SOURCES_RATE);
	for (int i = 0; i < 60; i++)
		assert_int_equal(knock("192.0.2.1", 0, 60, 3600000), SOURCES_OK);
	assert_int_equal(knock("192.0.2.1", 0, 60, 3600000), SOURCES_RATE);
}

/* ---- who makes room ---- */

/* `n` connections of one source, a millisecond apart; the index of the first. */
static size_t fill(const char *from, size_t n, unsigned all, uint64_t at_ms)
{
	size_t first = n_line;

	for (size_t i = 0; i < n; i++)
		assert_int_equal(enter(from, no_limits(all), at_ms + i), SOURCES_OK);
	return first;
}

static uint64_t id_of(size_t i)
{
	return line[i].id;
}

static void the_source_with_most_makes_room_its_oldest_first(void **state)
{
	size_t few = fill("192.0.2.1", 2, 20, 0), most = fill("192.0.2.2", 14, 20, 10);

	(void)state;
	fill("192.0.2.3", 4, 20, 30);
	for (size_t i = 0; i < 5; i++) {
		assert_int_equal(enter("198.51.100.1", no_limits(20), 5000), SOURCES_OK);
		assert_int_equal(victim.id, id_of(most + i));
		assert_false(is_in(&line[most + i]));
	}
	assert_true(is_in(&line[few]));
}

static void sixty_four_each_of_four_sources_lock_out_no_fifth_one(void **state)
{
	static const char *const attackers[] = {"192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4"};
	struct sources_limits usual = {.all = 256, .half_open = 64};

	(void)state;
	for (size_t k = 0; k < 4; k++)
		fill(attackers[k], 64, 256, 0);
	for (size_t i = 0; i < 256; i++) /* with TLS, HTTP and CALL_CONNECT done */
		line[i].progress = SOURCES_TLS;
	/* At once: what a source with that many has opened a moment ago has no grace either. */
	assert_int_equal(enter("198.51.100.7", usual, 70), SOURCES_OK);
	assert_int_not_equal(victim.id, 0);
	/* Its place stays its own however often the four come back. */
	for (unsigned i = 0; i < 30; i++)
		enter(attackers[i % 4], usual, 2000 + i);
	assert_true(is_in(&line[256]));
}

static void a_newcomer_takes_no_place_of_a_source_with_fewer(void **state)
{
	(void)state;
	fill("192.0.2.1", 1, 4, 0);
	fill("192.0.2.2", 1, 4, 1);
	fill("192.0.2.3", 2, 4, 2);
	/* 192.0.2.3 comes again: its own oldest goes. */
	assert_int_equal(enter("192.0.2.3", no_limits(4), 5000), SOURCES_OK);
	assert_int_equal(victim.id, id_of(2));
	sources_leave(a, &line[4]);
	sources_leave(a, &line[3]);
	fill("192.0.2.4", 2, 4, 6000);
	/* All that it could evict is young, or of sources with less than it has. */
	assert_int_equal(enter("192.0.2.4", no_limits(4), 6100), SOURCES_FULL);
	assert_int_equal(victim.id, 0);
}

static void the_young_have_time_to_begin(void **state)
{
	(void)state;
	fill("192.0.2.1", 1, 2, 1000);
	fill("192.0.2.2", 1, 2, 1000);
	assert_int_equal(enter("192.0.2.3", no_limits(2), 1000 + EVICT_AFTER_MS - 1), SOURCES_FULL);
	assert_int_equal(enter("192.0.2.3", no_limits(2), 1000 + EVICT_AFTER_MS), SOURCES_OK);
	assert_int_equal(victim.id, id_of(0));
}

static void less_far_before_further_and_a_judged_proof_last(void **state)
{
	(void)state;
	fill("192.0.2.1", 1, 4, 0);
	fill("192.0.2.2", 1, 4, 1);
	fill("192.0.2.3", 1, 4, 2);
	fill("192.0.2.4", 1, 4, 3);
	line[0].progress = SOURCES_JUDGED; /* the oldest: its user looks for the telephone */
	line[1].progress = SOURCES_TLS;
	line[2].progress = SOURCES_SILENT;
	line[3].progress = SOURCES_TLS;
	assert_int_equal(enter("198.51.100.1", no_limits(4), 1000), SOURCES_OK);
	assert_int_equal(victim.id, id_of(2));
	line[4].progress = SOURCES_JUDGED;
	assert_int_equal(enter("198.51.100.2", no_limits(4), 2000), SOURCES_OK);
	assert_int_equal(victim.id, id_of(1));
	line[5].progress = SOURCES_JUDGED;
	assert_int_equal(enter("198.51.100.3", no_limits(4), 3000), SOURCES_OK);
	assert_int_equal(victim.id, id_of(3));
	line[6].progress = SOURCES_JUDGED;
	assert_int_equal(enter("198.51.100.4", no_limits(4), 4000), SOURCES_OK);
	assert_int_equal(victim.id, id_of(0)); /* when nothing else is left */
}

static void who_is_refused_evicts_no_other(void **state)
{
	(void)state;
	fill("192.0.2.1", 3, 4, 0);
	fill("192.0.2.2", 1, 4, 0);
	assert_int_equal(
		enter("192.0.2.2", (struct sources_limits){4, 1, 0}, 9000), SOURCES_HALF_OPEN);
	assert_int_equal(victim.id, 0);
	sources_leave(a, &line[3]);
	for (int i = 0; i < 5; i++) { /* two tokens */
		enum sources_verdict v =
			enter("192.0.2.3", (struct sources_limits){100, 0, 2}, 9000);

		assert_int_equal(v, i < 2 ? SOURCES_OK : SOURCES_RATE);
	}
	assert_int_equal(enter("192.0.2.3", (struct sources_limits){3, 0, 2}, 9000), SOURCES_RATE);
	assert_int_equal(victim.id, 0);
	for (int i = 0; i < 3; i++)
		assert_true(is_in(&line[i]));
}

static void a_limit_that_a_reload_lowered_lets_as_many_in_as_go(void **state)
{
	(void)state;
	fill("192.0.2.1", 30, 100, 0);
	assert_int_equal(enter("192.0.2.2", no_limits(10), 1000), SOURCES_OK);
	assert_int_equal(victim.id, id_of(0));
}

/* ---- guessing ---- */

static uint64_t proof(const char *from, uint64_t now_ms, struct source **ret)
{
	struct addr source = addr(from);

	return sources_proof(a, &source, now_ms, ret);
}

static void the_next_proof_waits_twice_as_long_after_each_failure(void **state)
{
	static const uint64_t want[] = {500, 1000, 2000, 4000, 8000, 8000, 8000};
	struct source *s;
	uint64_t now = 1000;

	(void)state;
	for (size_t i = 0; i < sizeof(want) / sizeof(*want); i++) {
		assert_int_equal(proof("192.0.2.1", now, &s), 0);
		sources_judged(a, s, true, 500, now);
		assert_int_equal(proof("192.0.2.1", now, &s), want[i]);
		assert_int_equal(proof("192.0.2.1", now + 200, &s), want[i] - 200);
		assert_int_equal(proof("192.0.2.2", now, &s), 0); /* another source */
		sources_judged(a, s, false, 500, now);
		now += want[i];
	}
	assert_int_equal(proof("192.0.2.1", now, &s), 0);
	sources_judged(a, s, true, 500, now);
	now += SOURCES_FORGET_MS + 1;
	assert_int_equal(proof("192.0.2.1", now, &s), 0);
	sources_judged(a, s, true, 500, now);
	assert_int_equal(proof("192.0.2.1", now, &s), 500); /* forgotten: from the beginning */
}

static void a_delay_longer_than_clients_wait_stays_as_configured(void **state)
{
	struct source *s;

	(void)state;
	for (uint64_t now = 0; now < 50000; now += 10000) {
		assert_int_equal(proof("192.0.2.1", now, &s), 0);
		sources_judged(a, s, true, 10000, now);
		assert_int_equal(proof("192.0.2.1", now, &s), 10000);
	}
}

static void many_connections_of_a_source_make_no_more_guesses(void **state)
{
	struct source *under_way[8] = {0};
	unsigned guesses = 0, n = 0;

	(void)state;
	/* 200 connections, each with a proof ready at any time; a verdict takes 5 ms; 40 s. */
	for (uint64_t now = 0; now < 40000; now += 5) {
		for (unsigned i = 0; i < n; i++)
			sources_judged(a, under_way[i], true, 1000, now);
		n = 0;
		for (unsigned i = 0; i < 200 && n < 8; i++)
			n += !proof(
				i % 2 ? "2001:db8::1" : "2001:db8::2:0:0:1", now, &under_way[n]);
		guesses += n;
	}
	assert_in_range(guesses, 5, SOURCES_JUDGED_AT_ONCE + 8);
}

static void a_right_password_between_does_not_buy_more_guesses(void **state)
{
	struct source *s;
	unsigned guesses = 0;

	(void)state;
	for (uint64_t now = 0; now < 40000; now += 10) {
		if (proof("192.0.2.1", now, &s))
			continue;
		sources_judged(a, s, false, 1000, now); /* the guesser's own account */
		if (!proof("192.0.2.1", now, &s)) {
			sources_judged(a, s, true, 1000, now);
			guesses++;
		}
	}
	assert_in_range(guesses, 5, 10);
}

static void good_logins_of_one_source_do_not_wait_for_each_other(void **state)
{
	struct source *s[SOURCES_JUDGED_AT_ONCE + 1];

	(void)state;
	for (size_t i = 0; i < SOURCES_JUDGED_AT_ONCE; i++)
		assert_int_equal(proof("192.0.2.1", 0, &s[i]), 0);
	assert_int_equal(proof("192.0.2.1", 0, &s[SOURCES_JUDGED_AT_ONCE]), SOURCES_ASK_AGAIN_MS);
	sources_judged(a, s[0], false, 1000, 1);
	assert_int_equal(proof("192.0.2.1", 1, &s[0]), 0);
}

/* ---- what is remembered ---- */

static void flood(uint32_t first, uint32_t n, uint64_t now_ms)
{
	struct sources_limits limits = no_limits(100);

	for (uint32_t i = 0; i < n; i++) {
		struct addr from = addr_v4(first + i);
		struct sources_entry e = {0};

		assert_int_equal(
			sources_enter(a, &e, &from, &limits, now_ms + i, &victim), SOURCES_OK);
		sources_leave(a, &e);
	}
}

static void a_flood_of_sources_does_not_make_one_with_connections_forgotten(void **state)
{
	(void)state;
	assert_int_equal(knock("192.0.2.1", 1, 0, 0), SOURCES_OK);
	flood(0x0a000000, 4 * SOURCES_MAX, 0);
	assert_int_equal(knock("192.0.2.1", 1, 0, 0), SOURCES_HALF_OPEN);
}

static void a_flood_of_sources_does_not_make_a_guesser_forgotten(void **state)
{
	struct source *s;

	(void)state;
	for (uint64_t now = 0; now < 8000; now += 4000) {
		assert_int_equal(proof("192.0.2.1", now, &s), 0);
		sources_judged(a, s, true, 4000, now);
	}
	flood(0x0a000000, 4 * SOURCES_MAX, 4000);
	assert_int_equal(proof("192.0.2.1", 5000, &s), 7000);
	/* Nor sources that each guess once: fewer failures are forgotten first. */
	for (uint32_t i = 0; i < 2 * SOURCES_MAX; i++) {
		struct addr from = addr_v4(0x0b000000 + i);

		if (!sources_proof(a, &from, 5000, &s))
			sources_judged(a, s, true, 4000, 5000);
	}
	assert_int_equal(proof("192.0.2.1", 5000, &s), 7000);
}

static void more_half_open_sources_than_are_remembered_are_let_in(void **state)
{
	struct sources_entry *all = calloc(2 * SOURCES_MAX, sizeof(*all));
	struct sources_limits limits = {4 * SOURCES_MAX, 1, 1};

	(void)state;
	assert_non_null(all);
	for (uint32_t i = 0; i < 2 * SOURCES_MAX; i++) {
		struct addr from = addr_v4(0x0a000000 + i);

		assert_int_equal(sources_enter(a, &all[i], &from, &limits, 5, &victim), SOURCES_OK);
	}
	for (uint32_t i = 0; i < 2 * SOURCES_MAX; i++)
		sources_leave(a, &all[i]);
	free(all);
}

/* Then the proofs of all that are not remembered are those of one source. */
static void guesses_of_sources_that_are_not_remembered_are_slowed_together(void **state)
{
	struct sources_entry *all = calloc(8 * SOURCES_MAX, sizeof(*all));
	struct sources_limits limits = {8 * SOURCES_MAX, 0, 0};
	unsigned guesses = 0;

	(void)state;
	assert_non_null(all);
	for (uint32_t i = 0; i < 8 * SOURCES_MAX; i++) {
		struct addr from = addr_v4(0x0a000000 + i);

		sources_enter(a, &all[i], &from, &limits, 5, &victim);
	}
	for (uint32_t i = 0; i < 1000; i++) {
		struct addr from = addr_v4(0x0c000000 + i);
		struct source *s;

		if (!sources_proof(a, &from, 100, &s)) {
			sources_judged(a, s, true, 1000, 100);
			guesses++;
		}
	}
	assert_in_range(guesses, 1, SOURCES_JUDGED_AT_ONCE);
	free(all);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			half_open_connections_are_counted_until_they_leave, setup, teardown),
		cmocka_unit_test_setup_teardown(
			addresses_of_one_64_are_one_source, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_rate_lets_a_burst_through_and_then_one_at_a_time, setup, teardown),
		cmocka_unit_test_setup_teardown(
			the_source_with_most_makes_room_its_oldest_first, setup, teardown),
		cmocka_unit_test_setup_teardown(
			sixty_four_each_of_four_sources_lock_out_no_fifth_one, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_newcomer_takes_no_place_of_a_source_with_fewer, setup, teardown),
		cmocka_unit_test_setup_teardown(the_young_have_time_to_begin, setup, teardown),
		cmocka_unit_test_setup_teardown(
			less_far_before_further_and_a_judged_proof_last, setup, teardown),
		cmocka_unit_test_setup_teardown(who_is_refused_evicts_no_other, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_limit_that_a_reload_lowered_lets_as_many_in_as_go, setup, teardown),
		cmocka_unit_test_setup_teardown(
			the_next_proof_waits_twice_as_long_after_each_failure, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_delay_longer_than_clients_wait_stays_as_configured, setup, teardown),
		cmocka_unit_test_setup_teardown(
			many_connections_of_a_source_make_no_more_guesses, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_right_password_between_does_not_buy_more_guesses, setup, teardown),
		cmocka_unit_test_setup_teardown(
			good_logins_of_one_source_do_not_wait_for_each_other, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_flood_of_sources_does_not_make_one_with_connections_forgotten, setup,
			teardown),
		cmocka_unit_test_setup_teardown(
			a_flood_of_sources_does_not_make_a_guesser_forgotten, setup, teardown),
		cmocka_unit_test_setup_teardown(
			more_half_open_sources_than_are_remembered_are_let_in, setup, teardown),
		cmocka_unit_test_setup_teardown(
			guesses_of_sources_that_are_not_remembered_are_slowed_together, setup,
			teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
