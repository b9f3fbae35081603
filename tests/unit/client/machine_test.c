// SPDX-License-Identifier: Apache-2.0
/* client/machine.c on a clock of the test's own: which orders come, and when. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "client/machine.h"

#define T0 1000000

static void expect(struct machine *m, enum machine_order want)
{
	enum machine_order got;

	assert_true(machine_next_order(m, &got));
	assert_int_equal(got, want);
}

static void expect_none(struct machine *m)
{
	enum machine_order got;

	assert_false(machine_next_order(m, &got));
}

static void dialling(struct machine *m)
{
	machine_init(m);
	machine_start(m);
	expect(m, MACHINE_ORDER_DIAL);
	expect_none(m);
}

static void calling(struct machine *m)
{
	dialling(m);
	machine_dialled(m);
	expect(m, MACHINE_ORDER_CALL);
	expect_none(m);
	assert_int_equal(machine_deadline(m), NEVER);
}

static void connected(struct machine *m)
{
	calling(m);
	machine_up(m, T0);
	assert_int_equal(m->state, MACHINE_UP);
	expect_none(m);
}

static void it_ends_with(struct machine *m, enum event why)
{
	machine_closed(m);
	expect(m, MACHINE_ORDER_END);
	expect_none(m);
	assert_int_equal(m->state, MACHINE_WAIT);
	assert_int_equal(m->reason, why);
	assert_int_equal(machine_deadline(m), NEVER);
	machine_closed(m); /* once is enough */
	machine_stop(m, T0 + 99999);
	machine_links_changed(m, T0 + 99999);
	machine_tick(m, NEVER - 1);
	expect_none(m);
}

static void no_connection_is_the_end(void **state)
{
	struct machine m;

	dialling(&m);
	machine_fail(&m, EV_TCP_REFUSED, "192.0.2.1:443: refused");
	it_ends_with(&m, EV_TCP_REFUSED);
	assert_string_equal(m.text, "192.0.2.1:443: refused");
}

static void the_first_reason_stays(void **state)
{
	struct machine m;

	calling(&m);
	machine_fail(&m, EV_AUTH_FAILED, "no such user");
	machine_fail(&m, EV_TCP_RESET, "reset");
	it_ends_with(&m, EV_AUTH_FAILED);
	assert_string_equal(m.text, "no such user");
}

static void an_address_that_cannot_be_set_is_refused_politely(void **state)
{
	struct machine m;

	calling(&m);
	machine_refuse(&m, EV_OUT_OF_MEMORY, "no right");
	expect(&m, MACHINE_ORDER_HANG_UP);
	assert_int_equal(m.hang_up, EV_OUT_OF_MEMORY);
	machine_fail(&m, EV_TCP_CLOSED_BY_PEER, "closed");
	it_ends_with(&m, EV_OUT_OF_MEMORY);
}

static void a_leak_is_looked_for_once_after_each_negotiation(void **state)
{
	struct machine m;

	connected(&m);
	assert_int_equal(machine_deadline(&m), T0 + MACHINE_LEAK_CHECK_MS);
	machine_up(&m, T0 + 1000);
	machine_tick(&m, T0 + MACHINE_LEAK_CHECK_MS);
	expect_none(&m);
	machine_tick(&m, T0 + 1000 + MACHINE_LEAK_CHECK_MS);
	expect(&m, MACHINE_ORDER_CHECK_LEAK);
	machine_tick(&m, T0 + 100000);
	expect_none(&m);
}

static void the_user_ends_it_and_that_is_no_failure(void **state)
{
	struct machine m;

	connected(&m);
	machine_stop(&m, T0);
	expect(&m, MACHINE_ORDER_HANG_UP);
	assert_int_equal(m.hang_up, EV_CLIENT_STOPPED);
	machine_fail(&m, EV_TCP_CLOSED_BY_PEER, "closed");
	it_ends_with(&m, EV_NONE);
	assert_string_equal(m.text, "");
}

static void a_server_that_does_not_answer_the_good_bye_has_its_time(void **state)
{
	struct machine m;

	calling(&m);
	machine_stop(&m, T0);
	expect(&m, MACHINE_ORDER_HANG_UP);
	assert_int_equal(machine_deadline(&m), T0 + MACHINE_GOODBYE_MS);
	machine_tick(&m, T0 + MACHINE_GOODBYE_MS - 1);
	expect_none(&m);
	machine_tick(&m, T0 + MACHINE_GOODBYE_MS);
	expect(&m, MACHINE_ORDER_ABORT);
	it_ends_with(&m, EV_NONE);
}

static void asked_twice_it_ends_at_once(void **state)
{
	struct machine m;

	connected(&m);
	machine_stop(&m, T0);
	expect(&m, MACHINE_ORDER_HANG_UP);
	machine_stop(&m, T0 + 1);
	expect(&m, MACHINE_ORDER_ABORT);
	it_ends_with(&m, EV_NONE);
}

static void dialling_is_given_up(void **state)
{
	struct machine m;

	dialling(&m);
	machine_stop(&m, T0);
	expect(&m, MACHINE_ORDER_CANCEL);
	machine_fail(&m, EV_CONNECT_FAILED, "cancelled");
	it_ends_with(&m, EV_NONE);
	/* The connection was quicker than the wish. */
	dialling(&m);
	machine_stop(&m, T0);
	expect(&m, MACHINE_ORDER_CANCEL);
	machine_dialled(&m);
	expect(&m, MACHINE_ORDER_ABORT);
	it_ends_with(&m, EV_NONE);
}

static void a_storm_of_changes_does_not_move_the_look_at_the_route(void **state)
{
	struct machine m;

	calling(&m);
	for (uint64_t ms = 0; ms < MACHINE_SETTLE_MS; ms += 10) {
		machine_links_changed(&m, T0 + ms);
		machine_tick(&m, T0 + ms);
		expect_none(&m);
	}
	machine_tick(&m, T0 + MACHINE_SETTLE_MS);
	expect(&m, MACHINE_ORDER_FOLLOW_UPLINK);
	machine_uplink(&m, false, "192.0.2.7", T0 + MACHINE_SETTLE_MS);
	assert_int_equal(machine_deadline(&m), NEVER);
	machine_links_changed(&m, T0 + 500); /* and again */
	assert_int_equal(machine_deadline(&m), T0 + 500 + MACHINE_SETTLE_MS);
}

static void an_address_that_comes_back_in_time_is_no_loss(void **state)
{
	struct machine m;

	calling(&m);
	machine_uplink(&m, true, "192.0.2.7", T0);
	assert_int_equal(machine_deadline(&m), T0 + MACHINE_CUT_OFF_MS);
	machine_uplink(&m, true, "192.0.2.7", T0 + 1000); /* another change: no more time */
	assert_int_equal(machine_deadline(&m), T0 + MACHINE_CUT_OFF_MS);
	machine_uplink(&m, false, "192.0.2.7", T0 + 2000);
	assert_int_equal(machine_deadline(&m), NEVER);
	/* Or without a change that was seen: it is asked once more. */
	machine_uplink(&m, true, "192.0.2.7", T0 + 3000);
	machine_tick(&m, T0 + 3000 + MACHINE_CUT_OFF_MS);
	expect(&m, MACHINE_ORDER_JUDGE_UPLINK);
	machine_uplink(&m, false, "192.0.2.7", T0 + 3000 + MACHINE_CUT_OFF_MS);
	expect_none(&m);
	assert_int_equal(m.reason, EV_NONE);
}

static void an_address_that_is_gone_ends_it(void **state)
{
	struct machine m;
	uint64_t late = T0 + MACHINE_CUT_OFF_MS;

	calling(&m);
	machine_uplink(&m, true, "192.0.2.7", T0);
	machine_tick(&m, late);
	expect(&m, MACHINE_ORDER_JUDGE_UPLINK);
	machine_uplink(&m, true, "192.0.2.7", late);
	expect(&m, MACHINE_ORDER_ABORT);
	assert_string_equal(m.text, "address=192.0.2.7");
	it_ends_with(&m, EV_CLIENT_UPLINK_ADDRESS_GONE);
}

static void one_that_is_ending_anyway_is_not_cut_off(void **state)
{
	struct machine m;

	calling(&m);
	machine_uplink(&m, true, "192.0.2.7", T0);
	machine_stop(&m, T0 + MACHINE_CUT_OFF_MS - 1);
	expect(&m, MACHINE_ORDER_HANG_UP);
	machine_tick(&m, T0 + MACHINE_CUT_OFF_MS);
	expect_none(&m);
	assert_int_equal(machine_deadline(&m), T0 + MACHINE_CUT_OFF_MS - 1 + MACHINE_GOODBYE_MS);
	it_ends_with(&m, EV_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_connection_is_the_end),
		cmocka_unit_test(the_first_reason_stays),
		cmocka_unit_test(an_address_that_cannot_be_set_is_refused_politely),
		cmocka_unit_test(a_leak_is_looked_for_once_after_each_negotiation),
		cmocka_unit_test(the_user_ends_it_and_that_is_no_failure),
		cmocka_unit_test(a_server_that_does_not_answer_the_good_bye_has_its_time),
		cmocka_unit_test(asked_twice_it_ends_at_once),
		cmocka_unit_test(dialling_is_given_up),
		cmocka_unit_test(a_storm_of_changes_does_not_move_the_look_at_the_route),
		cmocka_unit_test(an_address_that_comes_back_in_time_is_no_loss),
		cmocka_unit_test(an_address_that_is_gone_ends_it),
		cmocka_unit_test(one_that_is_ending_anyway_is_not_cut_off),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
