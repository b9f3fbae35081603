// SPDX-License-Identifier: Apache-2.0
/* Both ends of the whole stack in one process: what must hold whatever the network does. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "sim.h"
#include "tunnel/private.h"
#include "tunnel/tap.h"

static void the_tunnel_comes_up_and_carries_packets_both_ways(void **state)
{
	struct sim *s = sim_new();

	(void)state;
	s->ipv6 = true;
	sim_init(s, "Secret-1");
	sim_run(s);
	assert_true(s->client.up4 && s->server.up4 && s->client.up6 && s->server.up6);
	assert_true(s->server.bound);
	assert_int_equal(addr_v4_value(&s->client.addresses.local), 0x0a090002);
	assert_int_equal(addr_v4_value(&s->client.addresses.peer), 0x0a090001);
	assert_int_equal(addr_v4_value(&s->client.addresses.dns[0]), 0x09090909);
	assert_int_equal(s->now_ms, 1000000); /* no timer was needed */
	assert_int_equal(sim_send_ip(s, &s->client, 1400), 0);
	sim_run(s);
	assert_int_equal(s->server.packets, 1);
	assert_int_equal(s->server.last_packet_len, 1400);
	assert_int_equal(s->server.last_packet[1399], 0x77);
	assert_int_equal(sim_send_ip(s, &s->server, 60), 0);
	sim_run(s);
	assert_int_equal(s->client.packets, 1);
	sim_free(s);
}

struct ear {
	struct tunnel_tap tap;
	struct buf heard[2]; /* by enum tunnel_direction */
};

static void listen_to(
	struct tunnel_tap *tap, enum tunnel_direction direction, const void *octets, size_t n)
{
	struct ear *e = container_of(tap, struct ear, tap);

	assert_int_equal(buf_append(&e->heard[direction], octets, n), 0);
}

static struct ear ear(void)
{
	struct ear e = {.tap = {listen_to}};

	buf_init(&e.heard[TUNNEL_RECEIVED], 0);
	buf_init(&e.heard[TUNNEL_SENT], 0);
	return e;
}

static void heard_the_same(struct ear *sender, struct ear *receiver)
{
	struct buf *out = &sender->heard[TUNNEL_SENT], *in = &receiver->heard[TUNNEL_RECEIVED];

	assert_true(buf_len(out) > 1400 + 60);
	assert_int_equal(buf_len(out), buf_len(in));
	assert_memory_equal(buf_data(out), buf_data(in), buf_len(in));
}

static void taps_get_all_that_passes_in_its_order(void **state)
{
	struct sim *s = sim_new();
	struct ear client = ear(), server = ear();
	size_t before;

	(void)state;
	s->tap_client = &client.tap;
	s->tap_server = &server.tap;
	sim_init(s, "Secret-1");
	sim_run(s);
	assert_memory_equal(buf_data(&client.heard[TUNNEL_SENT]), "SSTP_DUPLEX_POST", 16);
	before = buf_len(&client.heard[TUNNEL_SENT]);
	assert_int_equal(sim_send_ip(s, &s->client, 1400), 0);
	assert_int_equal(buf_len(&client.heard[TUNNEL_SENT]), before + 8 + 1400);
	assert_int_equal(sim_send_ip(s, &s->server, 1400), 0);
	sim_run(s);
	assert_int_equal(s->server.packets + s->client.packets, 2);
	heard_the_same(&client, &server);
	heard_the_same(&server, &client);
	sim_free(s);
	for (int i = 0; i < 2; i++) {
		buf_done(&client.heard[i]);
		buf_done(&server.heard[i]);
	}
}

static void it_comes_up_however_the_stream_is_cut(void **state)
{
	static const size_t chunks[] = {1, 2, 3, 5, 7, 13, 64, 100, 1000, 4096};

	(void)state;
	for (size_t i = 0; i < sizeof(chunks) / sizeof(*chunks); i++) {
		struct sim *s = sim_new();

		s->chunk = chunks[i];
		sim_init(s, "Secret-1");
		sim_run(s);
		assert_true(s->client.up4 && s->server.up4);
		assert_int_equal(sim_send_ip(s, &s->client, 1400), 0);
		sim_run(s);
		assert_int_equal(s->server.packets, 1);
		sim_free(s);
	}
}

/* In one read with a packet: the packet arrives, and the end is seen at once, with its own reason. */
static void what_ends_it_behind_a_packet_is_seen_at_once(void **state)
{
	(void)state;
	for (int damage = 0; damage < 2; damage++) {
		struct sim *s = sim_new();
		struct buf *out;

		sim_init(s, "Secret-1");
		sim_run(s);
		out = tunnel_output(s->client.tunnel);
		assert_int_equal(sim_send_ip(s, &s->client, 100), 0);
		if (damage) {
			assert_int_equal(sim_send_ip(s, &s->client, 100), 0);
			out->mem[out->tail - 1] ^= 1;
		} else {
			tls_close(s->client.tunnel->outer.tls);
		}
		sim_step(s);
		assert_int_equal(s->server.packets, 1);
		assert_true(s->server.ended);
		assert_int_equal(s->server.reason, damage ? EV_TLS_DAMAGED : EV_TCP_CLOSED_BY_PEER);
		sim_free(s);
	}
}

/* The connection breaks after each of its first octets: both ends must end, with a reason. */
static void every_cut_point_ends_both_ends(void **state)
{
	bool came_up = false;

	(void)state;
	for (size_t cut = 0; !came_up; cut++) {
		struct sim *s = sim_new();

		s->chunk = 37; /* a different place in some record each time */
		sim_init(s, "Secret-1");
		for (size_t n = 0; n < cut; n++)
			sim_step(s);
		came_up = s->client.up4 && s->server.up4;
		tunnel_recv_end(s->client.tunnel, 0, s->now_ms);
		tunnel_recv_end(s->server.tunnel, 104 /* ECONNRESET */, s->now_ms);
		sim_run(s);
		assert_true(s->client.ended && s->server.ended);
		assert_int_not_equal(s->client.reason, EV_NONE);
		assert_int_not_equal(s->server.reason, EV_NONE);
		sim_free(s);
	}
}

/* From some point on nothing arrives any more, and nobody says so: timers must end it. */
static void silence_from_any_point_ends_both_within_three_minutes(void **state)
{
	bool came_up = false;

	(void)state;
	for (size_t cut = 1; !came_up; cut += 3) {
		struct sim *s = sim_new();

		s->chunk = 61;
		sim_init(s, "Secret-1");
		for (size_t n = 0; n < cut; n++)
			sim_step(s);
		came_up = s->client.up4 && s->server.up4;
		s->deaf_client = s->deaf_server = true;
		sim_advance_ms(s, 180000);
		assert_true(s->client.ended);
		assert_true(s->server.ended);
		sim_free(s);
	}
}

static void a_wrong_password_is_told_as_such(void **state)
{
	struct sim *s = sim_new();

	(void)state;
	sim_init(s, "wrong");
	sim_advance_ms(s, 10000);
	assert_true(s->client.ended);
	assert_int_equal(event_info(s->client.reason)->layer, LAYER_AUTH);
	assert_false(s->client.up4 || s->server.up4 || s->server.bound);
	sim_free(s);
}

static void a_503_reaches_the_client_as_an_http_error(void **state)
{
	struct sim *s = sim_new();

	(void)state;
	sim_init(s, "Secret-1");
	s->http_status = 503;
	sim_run(s);
	assert_true(s->client.ended && s->server.ended);
	assert_int_equal(event_info(s->client.reason)->layer, LAYER_HTTP);
	assert_non_null(strstr(s->client.text, "503"));
	sim_free(s);
}

static void a_login_nobody_judges_ends_by_itself(void **state)
{
	struct sim *s = sim_new();

	(void)state;
	sim_init(s, "Secret-1");
	s->hold_verdict = true;
	sim_advance_ms(s, 240000);
	assert_true(s->client.ended && s->server.ended);
	assert_false(s->server.up4);
	sim_free(s);
}

static void a_polite_end_reaches_the_other_side(void **state)
{
	(void)state;
	for (int who = 0; who < 2; who++) {
		struct sim *s = sim_new();
		struct sim_end *from = who ? &s->server : &s->client;

		sim_init(s, "Secret-1");
		sim_run(s);
		assert_true(s->client.up4);
		tunnel_close(from->tunnel, EV_CLIENT_STOPPED, s->now_ms);
		sim_advance_ms(s, 10000);
		assert_true(s->client.ended && s->server.ended);
		assert_int_equal(from->reason, EV_CLIENT_STOPPED);
		assert_int_equal(
			(who ? &s->client : &s->server)->reason, EV_SSTP_PEER_DISCONNECTED);
		sim_free(s);
	}
}

static void an_idle_tunnel_lives_on_echo(void **state)
{
	struct sim *s = sim_new();

	(void)state;
	sim_init(s, "Secret-1");
	sim_run(s);
	sim_advance_ms(s, 3600000);
	assert_true(s->client.up4 && s->server.up4);
	assert_false(s->client.ended || s->server.ended);
	sim_free(s);
}

static void data_is_not_sent_before_it_may(void **state)
{
	struct sim *s = sim_new();

	(void)state;
	s->chunk = 50;
	sim_init(s, "Secret-1");
	while (!s->client.up4 && sim_step(s))
		if (!tunnel_data_ok(s->client.tunnel, AF_INET))
			assert_false(s->client.up4);
	assert_true(s->client.up4);
	sim_free(s);
}

static void a_thousand_tunnels_live_in_one_process(void **state)
{
	struct sim **s = calloc(1000, sizeof(*s));

	(void)state;
	assert_non_null(s);
	for (unsigned i = 0; i < 1000; i++) {
		s[i] = sim_new();
		s[i]->peer_last = (uint8_t)(i % 250 + 2);
		sim_init(s[i], "Secret-1");
	}
	for (bool moved = true; moved;) { /* all a step at a time, side by side */
		moved = false;
		for (unsigned i = 0; i < 1000; i++)
			moved |= sim_step(s[i]);
	}
	for (unsigned i = 0; i < 1000; i++) {
		assert_true(s[i]->client.up4 && s[i]->server.up4);
		sim_send_ip(s[i], &s[i]->server, 100 + i);
	}
	for (unsigned i = 0; i < 1000; i++) {
		sim_run(s[i]);
		assert_int_equal(s[i]->client.last_packet_len, 100 + i);
		sim_free(s[i]);
	}
	free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_tunnel_comes_up_and_carries_packets_both_ways),
		cmocka_unit_test(taps_get_all_that_passes_in_its_order),
		cmocka_unit_test(it_comes_up_however_the_stream_is_cut),
		cmocka_unit_test(what_ends_it_behind_a_packet_is_seen_at_once),
		cmocka_unit_test(every_cut_point_ends_both_ends),
		cmocka_unit_test(silence_from_any_point_ends_both_within_three_minutes),
		cmocka_unit_test(a_wrong_password_is_told_as_such),
		cmocka_unit_test(a_503_reaches_the_client_as_an_http_error),
		cmocka_unit_test(a_login_nobody_judges_ends_by_itself),
		cmocka_unit_test(a_polite_end_reaches_the_other_side),
		cmocka_unit_test(an_idle_tunnel_lives_on_echo),
		cmocka_unit_test(data_is_not_sent_before_it_may),
		cmocka_unit_test(a_thousand_tunnels_live_in_one_process),
	};

	return cmocka_run_group_tests(tests, sim_make_contexts, sim_drop_contexts);
}
