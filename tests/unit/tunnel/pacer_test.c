// SPDX-License-Identifier: Apache-2.0
/* tunnel/pacer.c: a socket with a buffer and a drain of known rate, on a simulated clock. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tunnel/limits.h"
#include "tunnel/pacer.h"

struct link {
	uint64_t rate; /* octets per second */
	uint64_t now_us, drained_us;
	uint64_t held, cap; /* in the socket's buffer */
};

static void link_advance(struct link *l, uint64_t us)
{
	uint64_t out;

	l->now_us += us;
	out = l->rate * (l->now_us - l->drained_us) / 1000000;
	if (!out)
		return;
	l->drained_us = l->now_us;
	l->held -= out < l->held ? out : l->held;
}

/* A bulk sender: writes bursts whenever the socket takes them. */
static void run_bulk(struct pacer *p, struct link *l, uint64_t us)
{
	uint64_t end = l->now_us + us;

	while (l->now_us < end) {
		l->cap = pacer_lowat(p);
		if (l->held <= l->cap / 2) { /* writable */
			while (l->held < l->cap) {
				uint64_t room = l->cap - l->held, n = pacer_burst(p);

				n = n < room ? n : room; /* the last write is a short one */
				pacer_wrote(p, n, l->now_us);
				l->held += n;
			}
			pacer_blocked(p, l->now_us);
		}
		link_advance(l, 50);
	}
}

/* An application that sends `octets` every millisecond, less than the link carries. */
static void run_limited(struct pacer *p, struct link *l, size_t octets, uint64_t us)
{
	uint64_t end = l->now_us + us;

	while (l->now_us < end) {
		pacer_wrote(p, octets, l->now_us);
		l->held += octets;
		pacer_idle(p, l->now_us);
		link_advance(l, 1000);
	}
}

static void check_rate(uint64_t mbit)
{
	struct link l = {.rate = mbit * 125000, .now_us = 1, .drained_us = 1};
	struct pacer p;

	pacer_init(&p);
	run_bulk(&p, &l, 500000);
	assert_in_range(p.rate, l.rate * 8 / 10, l.rate * 12 / 10);
}

static void the_rate_of_a_full_link_is_found(void **state)
{
	static const uint64_t mbit[] = {1, 10, 50, 200, 1000};

	(void)state;
	for (size_t i = 0; i < sizeof(mbit) / sizeof(mbit[0]); i++)
		check_rate(mbit[i]);
}

static void a_burst_is_a_millisecond_up_to_four_records(void **state)
{
	struct pacer p = {.measured = true};

	(void)state;
	p.rate = 50 * 125000;
	assert_int_equal(pacer_burst(&p), 6250);
	assert_int_equal(pacer_lowat(&p), 12500);
	p.rate = 125000;
	assert_int_equal(pacer_burst(&p), PACER_BURST_MIN);
	assert_int_equal(pacer_lowat(&p), PACER_LOWAT_MIN);
	p.rate = 525 * 125000;
	assert_int_equal(pacer_burst(&p), PACER_BURST_MAX);
	assert_int_equal(pacer_lowat(&p), PACER_LOWAT_MAX);
}

static void a_fast_link_that_never_blocks_gets_full_bursts_within_50_ms(void **state)
{
	struct link l = {.rate = 1250000000, .now_us = 1, .drained_us = 1};
	struct pacer p;

	(void)state;
	pacer_init(&p);
	assert_int_equal(pacer_burst(&p), PACER_BURST_UNKNOWN);
	run_limited(&p, &l, 500000, 50000);
	assert_int_equal(pacer_burst(&p), PACER_BURST_MAX);
}

static void a_sender_that_is_slow_itself_says_nothing_of_the_link(void **state)
{
	struct link l = {.rate = 50 * 125000, .now_us = 1, .drained_us = 1};
	struct pacer p;
	uint64_t rate;

	(void)state;
	pacer_init(&p);
	run_limited(&p, &l, 100, 300000);
	assert_int_equal(pacer_burst(&p), PACER_BURST_UNKNOWN);
	run_bulk(&p, &l, 500000);
	rate = p.rate;
	run_limited(&p, &l, 100, 3000000);
	assert_int_equal(p.rate, rate);
}

static void a_window_in_which_nothing_waited_does_not_lower_the_rate(void **state)
{
	struct pacer p;
	uint64_t now_us = 1000000;

	(void)state;
	for (int before = 0; before < 2; before++) {
		p = (struct pacer){.rate = 6250000, .measured = true};
		pacer_wrote(&p, 6250, now_us);
		pacer_blocked(&p, now_us); /* a window begins */
		pacer_wrote(&p, 1000, now_us + 1000);
		/* It runs empty in the middle of this window, or at its end, where the next one begins. */
		pacer_idle(&p, now_us + (before ? 2000 : PACER_WINDOW_US));
		pacer_wrote(&p, 6250, now_us + 4 * PACER_WINDOW_US);
		pacer_blocked(&p, now_us + 4 * PACER_WINDOW_US);
		assert_int_equal(p.rate, 6250000);
	}
}

static void a_link_that_gets_slower_or_faster_is_followed_within_half_a_second(void **state)
{
	struct link l = {.rate = 200 * 125000, .now_us = 1, .drained_us = 1};
	struct pacer p;

	(void)state;
	pacer_init(&p);
	run_bulk(&p, &l, 500000);
	l.rate = 10 * 125000;
	run_bulk(&p, &l, 500000);
	assert_in_range(p.rate, l.rate * 8 / 10, l.rate * 13 / 10);
	l.rate = 200 * 125000;
	run_bulk(&p, &l, 500000);
	assert_in_range(p.rate, l.rate * 8 / 10, l.rate * 12 / 10);
}

static void a_write_is_a_burst_on_slow_links_and_many_on_fast_ones(void **state)
{
	static const struct {
		uint64_t mbit;
		uint32_t write;
	} cases[] = {{1, PACER_BURST_MIN}, {100, 12500}, {400, 50000}, {1000, 125000},
		{2000, 250000}, {10000, PACER_WRITE_MAX}};
	struct pacer p;

	(void)state;
	pacer_init(&p);
	assert_int_equal(pacer_write(&p), pacer_burst(&p));
	p.measured = true;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		p.rate = cases[i].mbit * 125000;
		assert_int_equal(pacer_write(&p), cases[i].write);
		assert_true(pacer_write(&p) >= pacer_burst(&p));
	}
}

static void a_peer_that_takes_more_may_let_more_wait(void **state)
{
	struct pacer p;

	(void)state;
	pacer_init(&p);
	assert_int_equal(pacer_backlog(&p), FQ_LIMIT_OCTETS);
	p.rate = 3000 * UINT64_C(125000);
	assert_int_equal(pacer_backlog(&p), FQ_LIMIT_OCTETS);
	p.rate = 8000 * UINT64_C(125000);
	assert_int_equal(pacer_backlog(&p), 10000000); /* 10 ms of it */
	p.rate = 100000 * UINT64_C(125000);
	assert_int_equal(pacer_backlog(&p), FQ_LIMIT_FAST);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_rate_of_a_full_link_is_found),
		cmocka_unit_test(a_burst_is_a_millisecond_up_to_four_records),
		cmocka_unit_test(a_fast_link_that_never_blocks_gets_full_bursts_within_50_ms),
		cmocka_unit_test(a_sender_that_is_slow_itself_says_nothing_of_the_link),
		cmocka_unit_test(a_window_in_which_nothing_waited_does_not_lower_the_rate),
		cmocka_unit_test(a_write_is_a_burst_on_slow_links_and_many_on_fast_ones),
		cmocka_unit_test(a_peer_that_takes_more_may_let_more_wait),
		cmocka_unit_test(
			a_link_that_gets_slower_or_faster_is_followed_within_half_a_second),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
