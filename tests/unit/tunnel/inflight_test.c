// SPDX-License-Identifier: Apache-2.0
/* How much may be under way, on simulated paths: a bottleneck with a long buffer, in steps of 1 ms. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <string.h>
#include <cmocka.h>

#include "tunnel/inflight.h"

struct path {
	struct inflight f;
	uint64_t now_us;
	double rate;       /* octets a millisecond that leave the bottleneck */
	unsigned rtt_ms;   /* without a queue */
	double queue;      /* octets in the bottleneck's buffer, ours */
	double foreign;    /* and somebody else's, which stay */
	double pipe[1024]; /* octets whose acknowledgement comes in so many ms; a ring */
	double under_way, delivered;
	double offers; /* octets a millisecond that there are to send; 0: always more than enough */
	double window; /* of TCP in slow start, when there is enough to send; 0: it has none */
	double worst_queue_ms; /* since it was last set to 0 */
};

static double queue_ms(const struct path *p)
{
	return (p->queue + p->foreign) / p->rate;
}

static void step(struct path *p)
{
	unsigned at = (unsigned)(p->now_us / 1000) % 1024, back = (at + p->rtt_ms) % 1024;
	double total = p->queue + p->foreign, leaves;
	struct inflight_sample s;
	uint64_t may;

	p->delivered += p->pipe[at];
	p->under_way -= p->pipe[at];
	if (p->window > 0 && !(p->offers > 0))
		p->window += p->pipe[at];
	p->pipe[at] = 0;
	s = (struct inflight_sample){.delivered = (uint64_t)p->delivered,
		.under_way = (uint64_t)(p->under_way + 0.5),
		.window = p->window > 0 ? (uint64_t)p->window : 1 << 30,
		.starved = p->offers > 0,
		.min_rtt_us = p->rtt_ms * 1000,
		.rtt_us = (uint32_t)((p->rtt_ms + queue_ms(p)) * 1000)};
	may = inflight_allowance(&p->f, &s, p->now_us);
	if (may > 20000)
		may = 20000; /* what one turn seals */
	if (p->offers > 0 && (double)may > p->offers)
		may = (uint64_t)p->offers;
	p->queue += (double)may;
	p->under_way += (double)may;
	/* FIFO: our part of what leaves is our part of what waits */
	leaves = total > 0 ? p->rate * (p->queue / (p->queue + p->foreign)) : p->rate;
	if (leaves > p->queue)
		leaves = p->queue;
	p->queue -= leaves;
	p->pipe[back] += leaves;
	if (queue_ms(p) > p->worst_queue_ms)
		p->worst_queue_ms = queue_ms(p);
	p->now_us += 1000;
}

/* Runs; returns the rate as a part of the path's. */
static double run(struct path *p, unsigned ms)
{
	double before = p->delivered;

	p->worst_queue_ms = 0;
	for (unsigned i = 0; i < ms; i++)
		step(p);
	return (p->delivered - before) / (p->rate * ms);
}

static const struct {
	double rate;
	unsigned rtt_ms;
} paths[] = {{1250, 100}, {6250, 40}, {25000, 40}, {125000, 20}, {12500, 200}};

static void the_path_is_filled_and_its_buffer_is_not(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++) {
		struct path p = {
			.now_us = 1000000, .rate = paths[i].rate, .rtt_ms = paths[i].rtt_ms};

		if (p.rate > 20000)
			continue; /* one turn a millisecond cannot fill it */
		run(&p, 5000);
		assert_true(run(&p, 5000) > 0.95);
		assert_true(p.worst_queue_ms < p.rtt_ms * 0.3 + 8);
		assert_true(p.worst_queue_ms < 20); /* however long the path */
	}
}

static void a_path_that_gets_faster_is_found_out(void **state)
{
	struct path p = {.now_us = 1000000, .rate = 2500, .rtt_ms = 40};

	(void)state;
	run(&p, 4000);
	p.rate *= 4;
	run(&p, 3000);
	assert_true(run(&p, 2000) > 0.9);
}

static void a_path_that_gets_slower_is_not_flooded(void **state)
{
	struct path p = {.now_us = 1000000, .rate = 10000, .rtt_ms = 40};

	(void)state;
	run(&p, 4000);
	p.rate /= 4;
	run(&p, 3000);
	run(&p, 2000);
	assert_true(p.worst_queue_ms < 60);
}

/* What TCP itself would let go is let go, though the rate measured is a round trip old. */
static void slow_start_is_not_held_back(void **state)
{
	struct inflight f = {0};
	struct inflight_sample s = {.min_rtt_us = 40000, .rtt_us = 41000, .window = 14600};
	uint64_t now_us = 1000000;

	(void)state;
	inflight_allowance(&f, &s, now_us - 10000); /* so that windows end amid the bursts */
	for (int trip = 0; trip < 6; trip++) {
		for (uint64_t burst = s.window / 10, i = 0; i < 10; i++, now_us += 4000) {
			s.under_way = i * burst;
			assert_true(inflight_allowance(&f, &s, now_us) >= burst);
		}
		s.delivered += s.window;
		s.window *= 2;
	}
}

/*
 * Acknowledgements of a transfer the other way are little, and what they wait for shows as a queue. A flow
 * that begins then is not held to a little more than they took.
 */
static void a_flow_that_begins_after_little_is_not_held_back(void **state)
{
	struct path p = {.now_us = 1000000, .rate = 6250, .rtt_ms = 40};

	(void)state;
	p.offers = 400;
	p.window = 60000;
	p.foreign = 6250 * 30;
	run(&p, 300);
	assert_true(p.f.started);
	p.foreign = 0;
	run(&p, 1000);
	p.offers = 0;
	run(&p, 6 * 40);
	assert_true(run(&p, 4 * 40) > 0.9);
	assert_true(p.worst_queue_ms < 80);
	run(&p, 1000);
	run(&p, 1000);
	assert_true(p.worst_queue_ms < 20);
}

static void a_path_grows_until_it_is_full(void **state)
{
	struct path p = {.now_us = 1000000, .rate = 6250, .rtt_ms = 40};
	struct inflight_sample s = {.min_rtt_us = 40000};

	(void)state;
	assert_false(inflight_grows(&p.f, &s, p.now_us));
	run(&p, 200);
	assert_true(inflight_grows(&p.f, &s, p.now_us));
	run(&p, 1000);
	assert_false(inflight_grows(&p.f, &s, p.now_us));
	p.rate *= 2;
	run(&p, 400);
	assert_true(inflight_grows(&p.f, &s, p.now_us));
}

/* One packet under way: the peer took its time to acknowledge it. */
static void a_delayed_acknowledgement_is_no_queue(void **state)
{
	struct inflight f = {0};
	struct inflight_sample s = {.min_rtt_us = 40000, .rtt_us = 80000, .window = 14600};

	(void)state;
	for (uint64_t now_us = 1000000; now_us < 3000000; now_us += 50000) {
		s.delivered += 100;
		s.under_way = 100;
		s.starved = true;
		inflight_allowance(&f, &s, now_us);
	}
	s.under_way = 0;
	assert_true(inflight_allowance(&f, &s, 3000000) >= s.window);
}

/* Somebody else keeps 100 ms of queue on the path: we must not give way until nothing is left. */
static void a_foreign_queue_does_not_starve_us(void **state)
{
	struct path p = {.now_us = 1000000, .rate = 6250, .rtt_ms = 40};

	(void)state;
	run(&p, 3000);
	p.foreign = 6250 * 100;
	run(&p, 20000);
	assert_true(run(&p, 10000) > 0.1);
}

static void a_short_path_is_left_alone(void **state)
{
	struct inflight f = {0};
	struct inflight_sample s = {.min_rtt_us = 300, .rtt_us = 300, .window = 1 << 20};

	(void)state;
	for (uint64_t now = 1000; now < 10000000; now += 1000) {
		s.delivered += 100000;
		assert_true(inflight_allowance(&f, &s, now) == UINT64_MAX);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_path_is_filled_and_its_buffer_is_not),
		cmocka_unit_test(a_path_that_gets_faster_is_found_out),
		cmocka_unit_test(a_path_that_gets_slower_is_not_flooded),
		cmocka_unit_test(slow_start_is_not_held_back),
		cmocka_unit_test(a_flow_that_begins_after_little_is_not_held_back),
		cmocka_unit_test(a_path_grows_until_it_is_full),
		cmocka_unit_test(a_delayed_acknowledgement_is_no_queue),
		cmocka_unit_test(a_foreign_queue_does_not_starve_us),
		cmocka_unit_test(a_short_path_is_left_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
