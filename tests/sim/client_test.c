// SPDX-License-Identifier: Apache-2.0
/*
 * The client's machine over a real tunnel on a simulated clock: the machine's orders move the tunnel,
 * the tunnel's events move the machine, as client/orders.c does it with sockets.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>

#include "base/clock.h"
#include "client/machine.h"
#include "sim.h"

struct world {
	struct sim *sim;
	struct machine machine;
	const char *password;
	bool told_up, told_end, over;
	unsigned dials, leak_checks, lost;
};

static void obey(struct world *w, enum machine_order order)
{
	struct sim *s = w->sim;

	switch (order) {
	case MACHINE_ORDER_DIAL:
		w->dials++;
		machine_dialled(&w->machine);
		break;
	case MACHINE_ORDER_CALL:
		sim_drop(s);
		w->told_end = w->told_up = false;
		sim_init(s, w->password);
		break;
	case MACHINE_ORDER_HANG_UP:
		tunnel_close(s->client.tunnel, w->machine.hang_up, s->now_ms);
		break;
	case MACHINE_ORDER_ABORT: machine_closed(&w->machine, false, w->sim->now_ms); break;
	case MACHINE_ORDER_CHECK_LEAK: w->leak_checks++; break;
	case MACHINE_ORDER_END: w->over = true; break;
	case MACHINE_ORDER_LOST: w->lost++; break;
	case MACHINE_ORDER_CANCEL:
	case MACHINE_ORDER_PROBE:
	case MACHINE_ORDER_FOLLOW_UPLINK:
	case MACHINE_ORDER_JUDGE_UPLINK:
	case MACHINE_ORDERS: fail(); /* not in these tests */
	}
}

/* What the tunnel said since the last time. */
static void report(struct world *w)
{
	struct sim_end *e = &w->sim->client;

	if (e->up4 && !w->told_up)
		machine_up(&w->machine, w->sim->now_ms);
	w->told_up = e->up4;
	if (e->ended && !w->told_end) {
		machine_fail(&w->machine, e->reason, e->text);
		machine_closed(&w->machine, false, w->sim->now_ms);
	}
	w->told_end = e->ended;
}

static void settle(struct world *w)
{
	enum machine_order order;

	do {
		while (machine_next_order(&w->machine, &order))
			obey(w, order);
		if (!w->over)
			sim_run(w->sim);
		report(w);
	} while (w->machine.orders);
}

static void advance_ms(struct world *w, uint64_t ms)
{
	for (uint64_t end = w->sim->now_ms + ms; w->sim->now_ms < end && !w->over;) {
		uint64_t next = deadline_min(machine_deadline(&w->machine), end);

		next = deadline_min(next, w->sim->now_ms + 1000); /* the tunnel has ends, too */
		sim_advance_ms(w->sim, next > w->sim->now_ms ? next - w->sim->now_ms : 0);
		report(w);
		machine_tick(&w->machine, w->sim->now_ms);
		settle(w);
	}
}

static void begin(struct world *w, const char *password, bool once)
{
	*w = (struct world){.sim = sim_new(), .password = password};
	machine_init(&w->machine, &(struct machine_opts){.once = once, .servers = 1, .seed = 7});
	machine_start(&w->machine, w->sim->now_ms);
}

static void it_comes_up_and_ends_as_the_user_wants(void **state)
{
	struct world w;

	begin(&w, "Secret-1", true);
	settle(&w);
	assert_int_equal(w.machine.state, MACHINE_UP);
	advance_ms(&w, 60000);
	assert_int_equal(w.leak_checks, 1);
	assert_false(w.over);
	machine_stop(&w.machine, w.sim->now_ms);
	settle(&w);
	advance_ms(&w, 10000);
	assert_true(w.over);
	assert_int_equal(w.machine.reason, EV_NONE);
	assert_true(w.sim->server.ended); /* the server heard the good-bye */
	assert_int_equal(w.dials, 1);
	sim_free(w.sim);
}

static void a_wrong_password_ends_it_with_its_reason(void **state)
{
	struct world w;

	begin(&w, "wrong", true);
	settle(&w);
	advance_ms(&w, 120000);
	assert_true(w.over);
	assert_int_equal(w.machine.reason, EV_AUTH_FAILED);
	assert_int_equal(w.machine.reason, w.sim->client.reason);
	assert_int_equal(w.dials, 1);
	sim_free(w.sim);
}

static void a_server_that_falls_silent_ends_it(void **state)
{
	struct world w;

	begin(&w, "Secret-1", true);
	settle(&w);
	w.sim->deaf_server = w.sim->deaf_client = true;
	advance_ms(&w, 600000);
	assert_true(w.over);
	assert_int_not_equal(w.machine.reason, EV_NONE);
	assert_int_equal(w.machine.state, MACHINE_WAIT);
	sim_free(w.sim);
}

static void a_silent_server_does_not_hold_up_the_user(void **state)
{
	struct world w;
	uint64_t asked;

	begin(&w, "Secret-1", true);
	settle(&w);
	w.sim->deaf_server = w.sim->deaf_client = true;
	asked = w.sim->now_ms;
	machine_stop(&w.machine, asked);
	settle(&w);
	advance_ms(&w, 60000);
	assert_true(w.over);
	assert_true(w.sim->now_ms <= asked + MACHINE_GOODBYE_MS);
	assert_int_equal(w.machine.reason, EV_NONE);
	sim_free(w.sim);
}

/* ---- coming back ---- */

static void a_server_that_falls_silent_is_come_back_to(void **state)
{
	struct world w;

	begin(&w, "Secret-1", false);
	settle(&w);
	w.sim->deaf_server = w.sim->deaf_client = true;
	advance_ms(&w, 600000);
	assert_false(w.over);
	assert_true(w.lost > 1 && w.dials > 1);
	assert_int_not_equal(w.machine.state, MACHINE_UP);
	w.sim->deaf_server = w.sim->deaf_client = false;
	advance_ms(&w, 130000);
	assert_int_equal(w.machine.state, MACHINE_UP);
	machine_stop(&w.machine, w.sim->now_ms);
	settle(&w);
	advance_ms(&w, 10000);
	assert_true(w.over);
	assert_int_equal(w.machine.reason, EV_NONE);
	sim_free(w.sim);
}

static void a_password_that_was_changed_meanwhile_ends_it(void **state)
{
	struct world w;

	begin(&w, "Secret-1", false);
	settle(&w);
	assert_int_equal(w.machine.state, MACHINE_UP);
	w.password = "changed";
	tunnel_recv_end(w.sim->client.tunnel, ECONNRESET, w.sim->now_ms);
	sim_run(w.sim);
	report(&w);
	settle(&w);
	advance_ms(&w, 120000);
	assert_true(w.over && w.machine.incurable);
	assert_int_equal(w.machine.reason, EV_AUTH_FAILED);
	assert_int_equal(w.dials, 2); /* a wrong password is not tried again and again */
	sim_free(w.sim);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_comes_up_and_ends_as_the_user_wants),
		cmocka_unit_test(a_wrong_password_ends_it_with_its_reason),
		cmocka_unit_test(a_server_that_falls_silent_ends_it),
		cmocka_unit_test(a_silent_server_does_not_hold_up_the_user),
		cmocka_unit_test(a_server_that_falls_silent_is_come_back_to),
		cmocka_unit_test(a_password_that_was_changed_meanwhile_ends_it),
	};

	return cmocka_run_group_tests(tests, sim_make_contexts, sim_drop_contexts);
}
