// SPDX-License-Identifier: Apache-2.0
/* Which congestion control suits which losses. Packets of 1000 octets. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <string.h>
#include <cmocka.h>

#include "tunnel/congestion.h"

#define SECOND_US 1000000

struct path {
	struct congestion c;
	struct congestion_sample s;
	uint64_t now_us;
	unsigned begins; /* how often something was set */
};

static struct path path_of(uint64_t packets_per_second, uint32_t rtt_us)
{
	return (struct path){.now_us = SECOND_US,
		.s = {.rate = packets_per_second * 1000,
			.pace = packets_per_second * 1000,
			.min_rtt_us = rtt_us,
			.rtt_us = rtt_us * 5 / 4 + 3000,
			.mss = 1000}};
}

/* Full for a while, with one of every `n` packets lost (0: none), looked at each 10 ms. */
static enum congestion_control run(struct path *p, unsigned seconds, unsigned n)
{
	uint32_t each = (uint32_t)(p->s.rate / 1000 / 100);

	for (unsigned i = 0; i < seconds * 100; i++) {
		uint32_t before = p->s.delivered;

		p->s.delivered += each;
		if (n)
			p->s.resent += p->s.delivered / n - before / n;
		p->now_us += 10000;
		p->begins += congestion_follow(&p->c, &p->s, p->now_us);
	}
	return p->c.in_force;
}

static enum congestion_control followed(
	struct congestion *c, const struct congestion_sample *s, uint64_t now_us)
{
	congestion_follow(c, s, now_us);
	return c->in_force;
}

static void a_clean_path_stays_with_reno(void **state)
{
	struct path p = path_of(5000, 40000);

	(void)state;
	assert_int_equal(run(&p, 300, 0), CONGESTION_RENO);
}

/* 50 Mbit/s, 40 ms, 0.5 %: Reno would get a tenth of it. */
static void random_loss_brings_bbr_within_a_second(void **state)
{
	struct path p = path_of(5000, 40000);

	(void)state;
	run(&p, 300, 0);
	assert_int_equal(run(&p, 1, 200), CONGESTION_BBR);
	assert_int_equal(run(&p, 300, 200), CONGESTION_BBR); /* and it stays */
}

/* What Reno's window loses on single packets would be missing later. */
static void a_loss_on_an_idle_long_path_is_enough(void **state)
{
	struct path p = path_of(100, 40000);

	(void)state;
	run(&p, 10, 0);
	assert_int_equal(run(&p, 10, 500), CONGESTION_BBR);
}

/* PROBE_RTT would come ten seconds after it was set. */
static void bbr_never_gets_old(void **state)
{
	struct path p = path_of(5000, 40000);

	(void)state;
	run(&p, 1, 200);
	assert_int_equal(p.begins, 1);
	run(&p, 28, 200);
	assert_int_equal(p.begins, 4);
}

/* It goes at what was measured, and nothing queues: the path may well carry more. */
static void bbr_begins_anew_when_it_is_the_limit(void **state)
{
	struct path p = path_of(5000, 40000);

	(void)state;
	run(&p, 1, 200);
	p.s.rtt_us = p.s.min_rtt_us;
	run(&p, 1, 200);
	assert_in_range(p.begins, 5, 10);
	p.s.pace = 5 * p.s.rate; /* as in its start-up */
	p.begins = 0;
	run(&p, 1, 200);
	assert_int_equal(p.begins, 0);
}

/* The path holds 200 packets then, and the first loss is among the first 400. */
static void the_first_loss_of_slow_start_is_enough(void **state)
{
	struct path p = path_of(5000, 40000);

	(void)state;
	p.s.delivered = 400;
	p.s.resent = 1;
	assert_int_equal(followed(&p.c, &p.s, p.now_us), CONGESTION_BBR);
}

/* A window of 12 packets is all that 0.1 ms holds at 1 Gbit/s; Reno has that at 1 %. */
static void a_short_path_stays_with_reno_though_it_loses(void **state)
{
	struct path p = path_of(120000, 100);

	(void)state;
	run(&p, 1, 0);
	assert_int_equal(run(&p, 10, 100), CONGESTION_RENO);
}

/* 1 Gbit/s and 0.2 ms: slow start ends with a hundred packets lost at once. */
static void an_overflow_at_the_beginning_counts_once(void **state)
{
	struct path p = path_of(120000, 200);

	(void)state;
	p.s.delivered = 2000;
	p.s.resent = 100;
	assert_int_equal(followed(&p.c, &p.s, p.now_us), CONGESTION_RENO);
	p.s.resent = 150;
	assert_int_equal(followed(&p.c, &p.s, p.now_us + 150), CONGESTION_RENO);
	assert_int_equal(p.c.losses, 1);
}

static void reno_comes_back_when_the_losses_are_over(void **state)
{
	struct path p = path_of(5000, 40000);

	(void)state;
	assert_int_equal(run(&p, 10, 200), CONGESTION_BBR);
	assert_int_equal(run(&p, 20, 0), CONGESTION_BBR);
	assert_int_equal(run(&p, 300, 0), CONGESTION_RENO);
}

static void counters_that_wrap_are_not_a_storm_of_losses(void **state)
{
	struct path p = path_of(5000, 40000);

	(void)state;
	p.s.delivered = p.c.seen_delivered = UINT32_MAX - 20000;
	p.s.resent = p.c.seen_resent = UINT32_MAX;
	run(&p, 10, 0);
	assert_true(p.s.delivered < 100000);
	assert_true(p.c.delivered < 100000);
	p.s.resent++;
	congestion_follow(&p.c, &p.s, p.now_us);
	assert_int_equal(p.c.losses, 1);
	assert_int_equal(p.c.in_force, CONGESTION_RENO);
}

static void a_path_that_nothing_is_known_of_stays_with_reno(void **state)
{
	struct congestion c = {0};
	struct congestion_sample s = {.resent = 1, .min_rtt_us = UINT32_MAX};

	(void)state;
	assert_int_equal(followed(&c, &s, SECOND_US), CONGESTION_RENO);
	s.mss = 1448;
	assert_int_equal(followed(&c, &s, 2 * SECOND_US), CONGESTION_RENO);
}

static void the_name_auto_leaves_the_choice_to_us(void **state)
{
	(void)state;
	assert_true(congestion_is_ours("auto"));
	assert_string_equal(congestion_first("auto"), "reno");
	assert_false(congestion_is_ours("bbr"));
	assert_string_equal(congestion_first("bbr"), "bbr");
	assert_false(congestion_is_ours(""));
	assert_null(congestion_first(""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_clean_path_stays_with_reno),
		cmocka_unit_test(random_loss_brings_bbr_within_a_second),
		cmocka_unit_test(a_loss_on_an_idle_long_path_is_enough),
		cmocka_unit_test(bbr_never_gets_old),
		cmocka_unit_test(bbr_begins_anew_when_it_is_the_limit),
		cmocka_unit_test(the_first_loss_of_slow_start_is_enough),
		cmocka_unit_test(a_short_path_stays_with_reno_though_it_loses),
		cmocka_unit_test(an_overflow_at_the_beginning_counts_once),
		cmocka_unit_test(reno_comes_back_when_the_losses_are_over),
		cmocka_unit_test(counters_that_wrap_are_not_a_storm_of_losses),
		cmocka_unit_test(a_path_that_nothing_is_known_of_stays_with_reno),
		cmocka_unit_test(the_name_auto_leaves_the_choice_to_us),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
