// SPDX-License-Identifier: Apache-2.0
/*
 * Servers on a simulated clock: order, weight, repetition, death, late and forged answers, other
 * secrets.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aaa/radius/peer.h"
#include "base/auto.h"

#define REQUESTS 3000

struct fixture {
	struct radius_peer *peer;
	struct radius_peer_opts opts;
	uint64_t now;
	struct radius_request *request;
};

static void say_user(struct radius_request *r, struct radius_builder *b,
	const struct radius_secret *secret, const uint8_t *authenticator, uint64_t now_ms)
{
	(void)r;
	(void)secret;
	(void)authenticator;
	(void)now_ms;
	radius_put_text(b, RADIUS_USER_NAME, "alice");
}

static void add_server(struct fixture *f, const char *name)
{
	struct radius_server_opts *s = &f->opts.server[f->opts.n_servers++];

	snprintf(s->name, sizeof(s->name), "%s", name);
	s->secret = (struct radius_secret){10, "testing123"};
	s->weight = 1;
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	f->request = calloc(REQUESTS, sizeof(*f->request));
	f->now = 1000;
	f->opts = (struct radius_peer_opts){
		.in_order = true, .timeout_ms = 8000, .dead_ms = 30000, .in_flight = 256};
	add_server(f, "a:1812");
	add_server(f, "b:1812");
	assert_int_equal(radius_peer_new(&f->opts, &f->peer), 0);
	for (int i = 0; i < REQUESTS; i++)
		f->request[i] = (struct radius_request){.code = RADIUS_ACCESS_REQUEST,
			.sealed = true,
			.server = RADIUS_ANY_SERVER,
			.encode = say_user};
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	radius_peer_abandon(f->peer);
	while (radius_peer_done(f->peer)) {
	}
	radius_peer_free(f->peer);
	free(f->request);
	free(f);
	return 0;
}

static void submit(struct fixture *f, int i)
{
	assert_int_equal(radius_peer_submit(f->peer, &f->request[i], f->now), 0);
}

/* The next datagram; false: none. */
static bool output(struct fixture *f, struct radius_send *ret)
{
	return radius_peer_output(f->peer, f->now, ret);
}

static struct radius_send must_send(struct fixture *f)
{
	struct radius_send s;

	assert_true(output(f, &s));
	return s;
}

static void pass(struct fixture *f, uint64_t ms)
{
	f->now += ms;
	radius_peer_tick(f->peer, f->now);
}

/* An answer to what was sent, by a server with that secret. */
static size_t answer_to(
	const struct radius_send *s, uint8_t code, bool sealed, const char *secret, uint8_t *room)
{
	struct radius_secret k = {strlen(secret), {0}};
	struct radius_builder b;
	int n;

	memcpy(k.octets, secret, k.len);
	radius_begin(&b, code, s->octets[1], NULL, sealed, room, RADIUS_PACKET_MAX);
	n = radius_finish_reply(&b, &k, s->octets + 4);
	assert_true(n > 0);
	return (size_t)n;
}

static void reply(struct fixture *f, const struct radius_send *s, uint8_t code, bool sealed,
	const char *secret)
{
	static uint8_t room[RADIUS_PACKET_MAX]; /* the done request points into it */
	size_t n = answer_to(s, code, sealed, secret, room);

	radius_peer_recv(f->peer, s->server, s->port, room, n, f->now);
}

static struct radius_server_status status(struct fixture *f, size_t server)
{
	struct radius_server_status s;

	radius_peer_status(f->peer, server, &s);
	return s;
}

static bool told(struct fixture *f, size_t server, enum radius_change change)
{
	struct radius_news n;

	while (radius_peer_news(f->peer, &n))
		if (n.server == server && n.change == change)
			return true;
	return false;
}

/* ---- answers ------------------------------------------------------------ */

static void an_answer_ends_its_request(void **state)
{
	struct fixture *f = *state;
	struct radius_send s;

	submit(f, 0);
	s = must_send(f);
	assert_int_equal(s.server, 0);
	assert_int_equal(s.octets[20], RADIUS_MESSAGE_AUTHENTICATOR); /* first */
	assert_false(output(f, &s));
	f->now += 20;
	s = (struct radius_send){0, f->request[0].port, f->request[0].packet, f->request[0].len};
	reply(f, &s, RADIUS_ACCESS_ACCEPT, true, "testing123");
	assert_ptr_equal(radius_peer_done(f->peer), &f->request[0]);
	assert_int_equal(f->request[0].outcome, RADIUS_ANSWERED);
	assert_int_equal(f->request[0].reply.code, RADIUS_ACCESS_ACCEPT);
	assert_null(radius_peer_done(f->peer));
	assert_int_equal(status(f, 0).in_flight, 0);
	assert_true(status(f, 0).round_trip_us > 0);
	reply(f, &s, RADIUS_ACCESS_ACCEPT, true, "testing123"); /* a duplicate */
	assert_null(radius_peer_done(f->peer));
	assert_int_equal(status(f, 0).late, 1);
}

static void what_is_not_trusted_ends_nothing(void **state)
{
	struct fixture *f = *state;
	struct radius_send s;

	submit(f, 0);
	s = must_send(f);
	reply(f, &s, RADIUS_ACCESS_ACCEPT, true, "another-secret");
	reply(f, &s, RADIUS_ACCOUNTING_RESPONSE, true, "testing123"); /* no answer to a login */
	radius_peer_recv(f->peer, 0, s.port, "\2\0\0\1", 4, f->now);
	s.server = 1; /* from the other server */
	reply(f, &s, RADIUS_ACCESS_ACCEPT, true, "testing123");
	assert_null(radius_peer_done(f->peer));
	assert_int_equal(status(f, 0).dropped[RADIUS_WRONG_AUTHENTICATOR], 1);
	assert_int_equal(status(f, 0).dropped[RADIUS_MALFORMED], 2);
	assert_int_equal(status(f, 1).late, 1);
	assert_true(f->request[0].distrusted);
}

/* Message-Authenticator: required by the configuration, or since the server has sent one. */
static void a_server_that_sealed_once_must_seal(void **state)
{
	struct fixture *f = *state;
	struct radius_send s;

	f->opts.server[0].learn_seal = true;
	radius_peer_configure(f->peer, &f->opts, f->now);
	submit(f, 0);
	s = must_send(f);
	reply(f, &s, RADIUS_ACCESS_REJECT, false, "testing123"); /* not seen yet: believed */
	assert_non_null(radius_peer_done(f->peer));
	submit(f, 1);
	s = must_send(f);
	reply(f, &s, RADIUS_ACCESS_ACCEPT, true, "testing123");
	assert_non_null(radius_peer_done(f->peer));
	assert_true(told(f, 0, RADIUS_SERVER_SEALED));
	submit(f, 2);
	s = must_send(f);
	reply(f, &s, RADIUS_ACCESS_ACCEPT, false, "testing123");
	assert_null(radius_peer_done(f->peer));
	assert_int_equal(f->request[2].why, RADIUS_NO_MESSAGE_AUTHENTICATOR);
	assert_true(told(f, 0, RADIUS_SERVER_DISTRUSTED));
}

/* ---- repetition, death -------------------------------------------------- */

static void a_request_is_repeated_with_the_same_octets(void **state)
{
	struct fixture *f = *state;
	uint8_t first[RADIUS_PACKET_MAX];
	struct radius_send s;
	unsigned sends = 1;

	submit(f, 0);
	s = must_send(f);
	memcpy(first, s.octets, s.len);
	for (int i = 0; i < 79; i++) { /* 7.9 s */
		pass(f, 100);
		while (output(f, &s)) {
			assert_int_equal(s.server, 0);
			assert_memory_equal(s.octets, first, s.len);
			sends++;
		}
	}
	assert_in_range(sends, 3, 3); /* at 0, about 2, about 6 s */
	assert_int_equal(status(f, 0).resent, 2);
}

static void the_next_server_is_asked_and_the_first_rests(void **state)
{
	struct fixture *f = *state;
	struct radius_send s, old;

	submit(f, 0);
	old = must_send(f);
	uint8_t id = old.octets[1];
	uint8_t late[RADIUS_PACKET_MAX];
	size_t n = answer_to(&old, RADIUS_ACCESS_ACCEPT, true, "testing123", late);

	pass(f, 8001);
	s = must_send(f);
	while (s.server == 0) { /* the probe */
		assert_int_equal(s.octets[0], RADIUS_STATUS_SERVER);
		assert_int_not_equal(s.octets[1], id); /* it rests */
		s = must_send(f);
	}
	assert_int_equal(s.server, 1);
	assert_true(told(f, 0, RADIUS_SERVER_DEAD));
	radius_peer_recv(f->peer, 0, old.port, late, n, f->now); /* too late: ends nothing */
	assert_null(radius_peer_done(f->peer));
	reply(f, &s, RADIUS_ACCESS_REJECT, false, "testing123");
	assert_ptr_equal(radius_peer_done(f->peer), &f->request[0]);
	submit(f, 1); /* the dead one is passed by */
	assert_int_equal(must_send(f).server, 1);
}

static void a_probe_brings_a_server_back(void **state)
{
	struct fixture *f = *state;
	struct radius_send s;

	submit(f, 0);
	must_send(f);
	pass(f, 8001);
	s = must_send(f);
	if (s.octets[0] != RADIUS_STATUS_SERVER)
		s = must_send(f);
	assert_int_equal(s.octets[0], RADIUS_STATUS_SERVER);
	reply(f, &s, RADIUS_ACCESS_ACCEPT, true, "testing123");
	assert_false(status(f, 0).dead);
	assert_true(told(f, 0, RADIUS_SERVER_ALIVE));
	submit(f, 1);
	do
		s = must_send(f);
	while (s.server != 0);
}

static void a_server_that_answers_no_probe_is_tried_by_one_request(void **state)
{
	struct fixture *f = *state;
	struct radius_send s;
	unsigned at_first = 0;

	submit(f, 0);
	must_send(f);
	pass(f, 8001);
	while (output(f, &s))
		if (s.server == 1)
			reply(f, &s, RADIUS_ACCESS_REJECT, false, "testing123");
	radius_peer_done(f->peer);
	for (int i = 0; i < 31; i++) {
		pass(f, 1000);
		while (output(f, &s))
			assert_int_equal(s.octets[0], RADIUS_STATUS_SERVER);
	}
	for (int i = 1; i < 10; i++)
		submit(f, i);
	while (output(f, &s))
		at_first += s.server == 0 && s.octets[0] == RADIUS_ACCESS_REQUEST;
	assert_int_equal(at_first, 1);
}

static void silence_everywhere_ends_in_a_time_out(void **state)
{
	struct fixture *f = *state;
	struct radius_send s;
	int seconds = 0;

	submit(f, 0);
	while (!radius_peer_done(f->peer) && seconds < 60) {
		while (output(f, &s)) {
		}
		pass(f, 1000);
		seconds++;
	}
	assert_in_range(seconds, 16, 18);
	assert_int_equal(f->request[0].outcome, RADIUS_TIMED_OUT);
	assert_false(f->request[0].distrusted);
	submit(f, 1); /* all are dead: one is tried, and no other */
	for (seconds = 0; !radius_peer_done(f->peer) && seconds < 60; seconds++) {
		while (output(f, &s)) {
		}
		pass(f, 1000);
	}
	assert_in_range(seconds, 8, 10);
}

static void no_server_is_said_at_once(void **state)
{
	struct fixture *f = *state;
	struct radius_peer_opts none = f->opts;
	struct radius_send s;

	none.n_servers = 0;
	radius_peer_configure(f->peer, &none, f->now);
	submit(f, 0);
	assert_false(output(f, &s));
	assert_ptr_equal(radius_peer_done(f->peer), &f->request[0]);
	assert_int_equal(f->request[0].outcome, RADIUS_NO_SERVER);
}

/* State belongs to one server (RFC 2865 section 5.24). */
static void a_round_stays_with_its_server(void **state)
{
	struct fixture *f = *state;
	struct radius_send s;

	f->request[0].server = 1;
	submit(f, 0);
	assert_int_equal(must_send(f).server, 1);
	pass(f, 8001);
	while (output(f, &s))
		assert_int_equal(s.octets[0], RADIUS_STATUS_SERVER);
	assert_ptr_equal(radius_peer_done(f->peer), &f->request[0]);
	assert_int_equal(f->request[0].outcome, RADIUS_TIMED_OUT);
}

/* ---- load ---------------------------------------------------------------- */

static void requests_share_servers_by_weight(void **state)
{
	struct fixture *f = *state;
	struct radius_send s;
	unsigned n[3] = {0};

	f->opts.in_order = false;
	f->opts.server[0].weight = 3;
	add_server(f, "backup:1812");
	f->opts.server[2].weight = 0;
	radius_peer_configure(f->peer, &f->opts, f->now);
	for (int i = 0; i < 100; i++)
		submit(f, i);
	while (output(f, &s))
		n[s.server]++;
	assert_in_range(n[0], 74, 76);
	assert_in_range(n[1], 24, 26);
	assert_int_equal(n[2], 0);
}

static void many_in_flight_take_more_ports_and_no_number_twice(void **state)
{
	struct fixture *f = *state;
	static bool seen[RADIUS_PORTS_MAX][256];
	struct radius_send s;
	unsigned n = 0;

	memset(seen, 0, sizeof(seen));
	f->opts.in_flight = 2000;
	radius_peer_configure(f->peer, &f->opts, f->now);
	for (int i = 0; i < REQUESTS; i++)
		submit(f, i);
	while (output(f, &s)) {
		assert_false(seen[s.port][s.octets[1]]);
		seen[s.port][s.octets[1]] = true;
		n++;
	}
	assert_int_equal(n, 2000);
	assert_int_equal(status(f, 0).ports, 8);
	assert_int_equal(radius_peer_waiting(f->peer), REQUESTS - 2000);
	for (int i = 0; i < 2000; i++) { /* the server is back: what waits drains to nothing */
		s = (struct radius_send){
			0, f->request[i].port, f->request[i].packet, f->request[i].len};
		reply(f, &s, RADIUS_ACCESS_REJECT, false, "testing123");
	}
	for (n = 0; output(f, &s); n++)
		reply(f, &s, RADIUS_ACCESS_REJECT, false, "testing123");
	assert_int_equal(n, REQUESTS - 2000);
	assert_int_equal(status(f, 0).in_flight, 0);
	assert_int_equal(radius_peer_waiting(f->peer), 0);
	for (n = 0; radius_peer_done(f->peer); n++) {
	}
	assert_int_equal(n, REQUESTS);
}

static void a_flood_of_one_source_does_not_hold_up_another(void **state)
{
	struct fixture *f = *state;
	struct radius_send s;
	unsigned before = 0;

	f->opts.in_flight = 1;
	radius_peer_configure(f->peer, &f->opts, f->now);
	for (int i = 0; i < 1000; i++) {
		f->request[i].turn = 7;
		submit(f, i);
	}
	f->request[1000].turn = 99;
	submit(f, 1000);
	while (output(f, &s)) {
		reply(f, &s, RADIUS_ACCESS_REJECT, false, "testing123");
		if (radius_peer_done(f->peer) == &f->request[1000])
			break;
		before++;
	}
	assert_in_range(before, 0, 2);
}

static void too_many_are_refused(void **state)
{
	struct fixture *f = *state;
	struct radius_request *more = calloc(RADIUS_QUEUE_MAX, sizeof(*more));

	for (int i = 0; i < RADIUS_QUEUE_MAX; i++) {
		more[i] = f->request[0];
		assert_int_equal(radius_peer_submit(f->peer, &more[i], f->now), 0);
	}
	assert_int_equal(radius_peer_submit(f->peer, &f->request[0], f->now), -EAGAIN);
	radius_peer_abandon(f->peer);
	while (radius_peer_done(f->peer)) {
	}
	free(more);
}

/* ---- a reload ------------------------------------------------------------ */

static void another_secret_is_used_when_the_request_is_due_again(void **state)
{
	struct fixture *f = *state;
	struct radius_send s;
	uint8_t id;

	submit(f, 0);
	id = must_send(f).octets[1];
	f->opts.server[0].secret = (struct radius_secret){5, "other"};
	radius_peer_configure(f->peer, &f->opts, f->now);
	pass(f, 2300);
	s = must_send(f);
	assert_int_equal(s.server, 0);
	assert_int_not_equal(s.octets[1], id);
	reply(f, &s, RADIUS_ACCESS_ACCEPT, true, "other");
	assert_ptr_equal(radius_peer_done(f->peer), &f->request[0]);
}

static void what_is_in_flight_moves_with_its_server(void **state)
{
	struct fixture *f = *state;
	struct radius_peer_opts next = f->opts;
	struct radius_send s;

	f->request[1].server = 1;
	submit(f, 0);
	submit(f, 1);
	must_send(f);
	must_send(f);
	next.server[0] = f->opts.server[1]; /* a is gone, b is the first now */
	next.n_servers = 1;
	radius_peer_configure(f->peer, &next, f->now);
	assert_int_equal(radius_peer_server(f->peer, "b:1812"), 0);
	assert_int_equal(radius_peer_server(f->peer, "a:1812"), RADIUS_ANY_SERVER);
	s = (struct radius_send){0, f->request[1].port, f->request[1].packet, f->request[1].len};
	reply(f, &s, RADIUS_ACCESS_ACCEPT, false, "testing123");
	assert_ptr_equal(radius_peer_done(f->peer), &f->request[1]);
	s = must_send(f); /* that of a goes to b */
	reply(f, &s, RADIUS_ACCESS_ACCEPT, false, "testing123");
	assert_ptr_equal(radius_peer_done(f->peer), &f->request[0]);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_answer_ends_its_request),
		TEST(what_is_not_trusted_ends_nothing),
		TEST(a_server_that_sealed_once_must_seal),
		TEST(a_request_is_repeated_with_the_same_octets),
		TEST(the_next_server_is_asked_and_the_first_rests),
		TEST(a_probe_brings_a_server_back),
		TEST(a_server_that_answers_no_probe_is_tried_by_one_request),
		TEST(silence_everywhere_ends_in_a_time_out),
		TEST(no_server_is_said_at_once),
		TEST(a_round_stays_with_its_server),
		TEST(requests_share_servers_by_weight),
		TEST(many_in_flight_take_more_ports_and_no_number_twice),
		TEST(a_flood_of_one_source_does_not_hold_up_another),
		TEST(too_many_are_refused),
		TEST(another_secret_is_used_when_the_request_is_due_again),
		TEST(what_is_in_flight_moves_with_its_server),
	};

	return cmocka_run_group_tests_name("aaa/radius/peer", tests, NULL, NULL);
}
