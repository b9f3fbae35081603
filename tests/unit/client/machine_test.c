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

static void uplink(struct machine *m, bool cut_off, uint64_t now_ms)
{
	machine_uplink(
		m, &(struct machine_uplink){.cut_off = cut_off, .address = "192.0.2.7"}, now_ms);
}

static void dialling(struct machine *m)
{
	machine_init(m, &(struct machine_opts){.once = true, .servers = 1, .seed = 7});
	machine_start(m, T0);
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
	machine_closed(m, false, T0);
	expect(m, MACHINE_ORDER_END);
	expect_none(m);
	assert_int_equal(m->state, MACHINE_WAIT);
	assert_int_equal(m->reason, why);
	assert_int_equal(machine_deadline(m), NEVER);
	machine_closed(m, false, T0); /* once is enough */
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
	uplink(&m, false, T0 + MACHINE_SETTLE_MS);
	assert_int_equal(machine_deadline(&m), NEVER);
	machine_links_changed(&m, T0 + 500); /* and again */
	assert_int_equal(machine_deadline(&m), T0 + 500 + MACHINE_SETTLE_MS);
}

static void an_address_that_comes_back_in_time_is_no_loss(void **state)
{
	struct machine m;

	calling(&m);
	uplink(&m, true, T0);
	assert_int_equal(machine_deadline(&m), T0 + MACHINE_CUT_OFF_MS);
	uplink(&m, true, T0 + 300); /* another change: no more time */
	assert_int_equal(machine_deadline(&m), T0 + MACHINE_CUT_OFF_MS);
	uplink(&m, false, T0 + 600);
	assert_int_equal(machine_deadline(&m), NEVER);
	/* Or without a change that was seen: it is asked once more. */
	uplink(&m, true, T0 + 900);
	machine_tick(&m, T0 + 900 + MACHINE_CUT_OFF_MS);
	expect(&m, MACHINE_ORDER_JUDGE_UPLINK);
	uplink(&m, false, T0 + 900 + MACHINE_CUT_OFF_MS);
	expect_none(&m);
	assert_int_equal(m.reason, EV_NONE);
}

static void an_address_that_is_gone_ends_it(void **state)
{
	struct machine m;
	uint64_t late = T0 + MACHINE_CUT_OFF_MS;

	calling(&m);
	uplink(&m, true, T0);
	machine_tick(&m, late);
	expect(&m, MACHINE_ORDER_JUDGE_UPLINK);
	uplink(&m, true, late);
	expect(&m, MACHINE_ORDER_ABORT);
	assert_string_equal(m.text, "address=192.0.2.7");
	it_ends_with(&m, EV_CLIENT_UPLINK_ADDRESS_GONE);
}

static void one_that_is_ending_anyway_is_not_cut_off(void **state)
{
	struct machine m;

	calling(&m);
	uplink(&m, true, T0);
	machine_stop(&m, T0 + MACHINE_CUT_OFF_MS - 1);
	expect(&m, MACHINE_ORDER_HANG_UP);
	machine_tick(&m, T0 + MACHINE_CUT_OFF_MS);
	expect_none(&m);
	assert_int_equal(machine_deadline(&m), T0 + MACHINE_CUT_OFF_MS - 1 + MACHINE_GOODBYE_MS);
	it_ends_with(&m, EV_NONE);
}

/* ---- coming back ---- */

static void daily_of(struct machine *m, unsigned servers)
{
	machine_init(m, &(struct machine_opts){.servers = servers, .seed = 7});
	machine_start(m, T0);
	expect(m, MACHINE_ORDER_DIAL);
}

/* A client that was up `ms` long and has just lost its connection: it dials again. */
static void lost_after(struct machine *m, uint64_t ms)
{
	daily_of(m, 1);
	machine_dialled(m);
	expect(m, MACHINE_ORDER_CALL);
	machine_up(m, T0);
	machine_fail(m, EV_TCP_RESET, "reset");
	machine_closed(m, false, T0 + ms);
	expect(m, MACHINE_ORDER_LOST);
	assert_int_equal(m->lost, EV_TCP_RESET);
	assert_string_equal(m->lost_text, "reset");
	assert_int_equal(m->wait_ms, 0);
	expect(m, MACHINE_ORDER_DIAL);
	expect_none(m);
	assert_int_equal(m->state, MACHINE_DIAL);
	assert_int_equal(m->reason, EV_NONE); /* of the new attempt */
}

/* The attempt fails; returns how long the next one waits. */
static uint64_t failed(struct machine *m, enum event why, uint64_t now_ms)
{
	machine_fail(m, why, "");
	machine_closed(m, false, now_ms);
	expect(m, MACHINE_ORDER_LOST);
	if (!m->wait_ms)
		expect(m, MACHINE_ORDER_DIAL);
	expect_none(m);
	return m->wait_ms;
}

static void a_lost_connection_is_made_again_at_once_then_ever_later(void **state)
{
	uint64_t now = T0 + 40000, most = MACHINE_AGAIN_MIN_MS;
	struct machine m;

	(void)state;
	lost_after(&m, 40000);
	for (int i = 0; i < 12; i++) {
		uint64_t ms = failed(&m, EV_TCP_UNREACHABLE, now);

		assert_true(ms >= most - most / 4 && ms <= most + most / 4);
		assert_int_equal(m.state, MACHINE_WAIT);
		assert_int_equal(machine_deadline(&m), now + ms);
		machine_tick(&m, now + ms - 1);
		expect_none(&m);
		now += ms;
		machine_tick(&m, now);
		expect(&m, MACHINE_ORDER_DIAL);
		expect_none(&m);
		most = 2 * most > MACHINE_AGAIN_MAX_MS ? MACHINE_AGAIN_MAX_MS : 2 * most;
	}
}

static void only_a_connection_that_lasted_makes_the_failures_before_it_forgotten(void **state)
{
	static const struct {
		uint64_t up_ms;
		bool at_once;
	} rows[] = {{MACHINE_LASTED_MS - 1, false}, {MACHINE_LASTED_MS, true}};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct machine m;

		lost_after(&m, 1000); /* one failure */
		machine_dialled(&m);
		expect(&m, MACHINE_ORDER_CALL);
		machine_up(&m, T0);
		assert_int_equal(
			failed(&m, EV_TCP_RESET, T0 + rows[i].up_ms) == 0, rows[i].at_once);
	}
}

static void what_a_repeat_does_not_cure_ends_it(void **state)
{
	static const enum event incurable[] = {EV_AUTH_FAILED, EV_CERT_EXPIRED,
		EV_CERT_PIN_MISMATCH, EV_SSTP_BINDING_REFUSED, EV_PROXY_AUTH_REFUSED,
		EV_AUTH_DISABLED, EV_AUTH_SERVER_NOT_PROVEN, EV_LCP_AUTH_NOT_COMMON};

	(void)state;
	for (size_t i = 0; i < sizeof(incurable) / sizeof(*incurable); i++) {
		struct machine m;

		lost_after(&m, 40000);
		machine_fail(&m, incurable[i], "");
		it_ends_with(&m, incurable[i]);
		assert_true(m.incurable);
	}
}

static void what_a_repeat_may_cure_does_not_end_it(void **state)
{
	static const enum event curable[] = {EV_DNS_FAILED, EV_DNS_NO_SUCH_NAME, EV_TCP_REFUSED,
		EV_TCP_TIMEOUT, EV_TLS_TIMEOUT, EV_HTTP_STATUS, EV_SSTP_PEER_SILENT,
		EV_LCP_PEER_TERMINATED, EV_IPCP_NO_ADDRESS, EV_AUTH_NO_DIALIN, EV_AUTH_NO_ANSWER,
		EV_CLIENT_OWN_ADDRESS_REFUSED, EV_OUT_OF_MEMORY, EV_NONE};

	(void)state;
	for (size_t i = 0; i < sizeof(curable) / sizeof(*curable); i++) {
		struct machine m;

		lost_after(&m, 40000);
		assert_true(failed(&m, curable[i], T0 + 50000) > 0);
	}
}

static void a_captive_portal_says_nothing_of_the_server(void **state)
{
	static const enum event by_portal[] = {
		EV_CERT_UNTRUSTED_ROOT, EV_CERT_NAME_MISMATCH, EV_PROXY_AUTH_NEEDED};

	(void)state;
	for (size_t i = 0; i < sizeof(by_portal) / sizeof(*by_portal); i++) {
		struct machine m;

		lost_after(&m, 40000);
		machine_fail(&m, by_portal[i], "");
		machine_closed(&m, true, T0 + 50000);
		expect(&m, MACHINE_ORDER_LOST);
		assert_int_equal(m.state, MACHINE_WAIT);
		assert_int_not_equal(machine_deadline(&m), NEVER);
	}
	assert_true(machine_is_incurable(EV_AUTH_FAILED, true)); /* which no portal answers */
}

static void the_users_wish_ends_a_wait_at_once(void **state)
{
	struct machine m;

	(void)state;
	lost_after(&m, 40000);
	failed(&m, EV_TCP_REFUSED, T0 + 50000);
	machine_stop(&m, T0 + 50001);
	expect(&m, MACHINE_ORDER_END);
	expect_none(&m);
	assert_int_equal(m.reason, EV_NONE);
	assert_int_equal(machine_deadline(&m), NEVER);
	machine_tick(&m, NEVER - 1);
	expect_none(&m);
}

static void new_way(struct machine *m, uint64_t now_ms)
{
	machine_links_changed(m, now_ms);
	machine_tick(m, now_ms + MACHINE_SETTLE_MS);
	expect(m, MACHINE_ORDER_FOLLOW_UPLINK);
	machine_uplink(m, &(struct machine_uplink){.is_new = true, .address = ""},
		now_ms + MACHINE_SETTLE_MS);
}

static void a_new_way_ends_a_wait_and_the_waits_begin_again(void **state)
{
	struct machine m;
	uint64_t now = T0 + 50000;

	(void)state;
	lost_after(&m, 40000);
	for (int i = 0; i < 5; i++) {
		now += failed(&m, EV_TCP_UNREACHABLE, now);
		machine_tick(&m, now);
		expect(&m, MACHINE_ORDER_DIAL);
	}
	failed(&m, EV_TCP_UNREACHABLE, now);
	uplink(&m, false, now + 1); /* a change that opens no other way */
	expect_none(&m);
	new_way(&m, now + 1);
	expect(&m, MACHINE_ORDER_DIAL);
	expect_none(&m);
	assert_int_equal(failed(&m, EV_TCP_REFUSED, now + 200), 0);
}

static void a_new_way_replaces_an_attempt_that_knows_nothing_of_it(void **state)
{
	uint64_t begin = T0 + 40000;
	struct machine m;

	(void)state;
	lost_after(&m, 40000);
	new_way(&m, begin + 5000);
	expect(&m, MACHINE_ORDER_CANCEL);
	machine_fail(&m, EV_TCP_FAILED, "cancelled");
	machine_closed(&m, false, begin + 5101);
	expect(&m, MACHINE_ORDER_DIAL); /* without a word, at once */
	expect_none(&m);
	/* A young one has its second. */
	new_way(&m, begin + 5200);
	expect_none(&m);
	assert_int_equal(machine_deadline(&m), begin + 5101 + MACHINE_HURRY_MS);
	machine_tick(&m, begin + 5101 + MACHINE_HURRY_MS);
	expect(&m, MACHINE_ORDER_CANCEL);
	/* ... unless it was connected meanwhile. */
	machine_closed(&m, false, begin + 7000);
	expect(&m, MACHINE_ORDER_DIAL);
	new_way(&m, begin + 7100);
	machine_dialled(&m);
	expect(&m, MACHINE_ORDER_CALL);
	machine_tick(&m, begin + 9000);
	expect_none(&m);
}

static void after_a_sleep_the_server_is_asked_for_a_sign(void **state)
{
	struct machine m;

	(void)state;
	daily_of(&m, 1);
	machine_dialled(&m);
	expect(&m, MACHINE_ORDER_CALL);
	machine_up(&m, T0);
	machine_woke(&m, T0 + 1000);
	expect(&m, MACHINE_ORDER_PROBE);
	expect_none(&m);
	/* While it waits: at once. */
	lost_after(&m, 40000);
	failed(&m, EV_TCP_TIMEOUT, T0 + 50000);
	machine_woke(&m, T0 + 50001);
	expect(&m, MACHINE_ORDER_DIAL);
	/* In the middle of a login, which is not worth a question. */
	machine_dialled(&m);
	expect(&m, MACHINE_ORDER_CALL);
	machine_woke(&m, T0 + 60000);
	expect(&m, MACHINE_ORDER_ABORT);
	machine_closed(&m, false, T0 + 60001);
	expect(&m, MACHINE_ORDER_DIAL);
	expect_none(&m);
}

static void several_servers_are_tried_in_their_order(void **state)
{
	struct machine m;

	(void)state;
	daily_of(&m, 3);
	assert_int_equal(m.server, 0);
	assert_int_equal(failed(&m, EV_TCP_REFUSED, T0), 0);
	assert_int_equal(m.server, 1);
	machine_dialled(&m);
	expect(&m, MACHINE_ORDER_CALL);
	machine_up(&m, T0);
	assert_int_equal(failed(&m, EV_TCP_RESET, T0 + 40000), 0);
	assert_int_equal(m.server, 1); /* the one that was up, which has its session */
	assert_int_equal(failed(&m, EV_TCP_REFUSED, T0 + 40000), 0);
	assert_int_equal(m.server, 2);
	assert_int_equal(failed(&m, EV_TCP_REFUSED, T0 + 40000), 0);
	assert_int_equal(m.server, 0);
	assert_true(failed(&m, EV_TCP_REFUSED, T0 + 40000) > 0); /* a round is over */
	assert_int_equal(m.server, 1);
}

static void without_a_success_all_servers_are_tried_once(void **state)
{
	struct machine m;

	(void)state;
	daily_of(&m, 2);
	assert_int_equal(failed(&m, EV_TCP_REFUSED, T0), 0);
	machine_fail(&m, EV_TCP_TIMEOUT, "the second");
	it_ends_with(&m, EV_TCP_TIMEOUT);
	assert_false(m.incurable);
	/* A wrong password is one everywhere. */
	daily_of(&m, 2);
	machine_fail(&m, EV_AUTH_FAILED, "");
	it_ends_with(&m, EV_AUTH_FAILED);
}

static void clients_that_lose_one_server_do_not_come_at_one_moment(void **state)
{
	unsigned seen[8] = {0};

	(void)state;
	for (uint32_t seed = 1; seed <= 200; seed++) {
		struct machine m;
		uint64_t ms;

		lost_after(&m, 40000);
		m.opts.seed = seed * 2654435761u;
		ms = failed(&m, EV_TCP_REFUSED, T0 + 40000);
		seen[(ms - 750) * 8 / 501]++;
	}
	for (int i = 0; i < 8; i++)
		assert_true(seen[i] > 5);
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
		cmocka_unit_test(a_lost_connection_is_made_again_at_once_then_ever_later),
		cmocka_unit_test(
			only_a_connection_that_lasted_makes_the_failures_before_it_forgotten),
		cmocka_unit_test(what_a_repeat_does_not_cure_ends_it),
		cmocka_unit_test(what_a_repeat_may_cure_does_not_end_it),
		cmocka_unit_test(a_captive_portal_says_nothing_of_the_server),
		cmocka_unit_test(the_users_wish_ends_a_wait_at_once),
		cmocka_unit_test(a_new_way_ends_a_wait_and_the_waits_begin_again),
		cmocka_unit_test(a_new_way_replaces_an_attempt_that_knows_nothing_of_it),
		cmocka_unit_test(after_a_sleep_the_server_is_asked_for_a_sign),
		cmocka_unit_test(several_servers_are_tried_in_their_order),
		cmocka_unit_test(without_a_success_all_servers_are_tried_once),
		cmocka_unit_test(clients_that_lose_one_server_do_not_come_at_one_moment),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
