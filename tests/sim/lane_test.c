// SPDX-License-Identifier: Apache-2.0
/*
 * A lane, a second connection of one session: two sims, the call and the connection that wants to be
 * its lane. What must hold whatever a stranger, a relay or a broken peer does.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "http/server.h"
#include "sim.h"

/* The session: a call that is up. */
static struct sim *call_up(struct tunnel_ticket *ret_ticket)
{
	struct sim *s = sim_new();

	sim_init(s, "Secret-1");
	sim_run(s);
	assert_true(s->client.up4 && s->server.up4);
	assert_true(tunnel_lane_ticket(s->client.tunnel, ret_ticket));
	return s;
}

static struct sim *lane_of(struct sim *call, const struct tunnel_ticket *ticket, size_t chunk)
{
	struct sim *s = sim_new();

	s->call = call;
	s->lane = ticket;
	s->chunk = chunk;
	sim_init(s, "Secret-1");
	return s;
}

static void a_lane_comes_up_and_carries_packets_both_ways(void **state)
{
	struct tunnel_ticket ticket;
	struct sim *call = call_up(&ticket), *s = lane_of(call, &ticket, 0);

	sim_run(s);
	assert_true(s->client.lane_up && s->server.lane_up);
	assert_true(tunnel_is_lane(s->client.tunnel) && tunnel_is_lane(s->server.tunnel));
	assert_int_equal(sim_send_ip(s, &s->client, 1400), 0);
	assert_int_equal(sim_send_ip(s, &s->client, 60), 0);
	assert_int_equal(sim_send_ip(s, &s->server, 84), 0);
	sim_run(s);
	assert_int_equal(s->server.packets, 2);
	assert_int_equal(s->server.last_packet_len, 60);
	assert_int_equal(s->client.packets, 1);
	sim_advance_ms(s, 3600 * 1000); /* no timer of its own ends it */
	assert_false(s->client.ended || s->server.ended);
	sim_free(s);
	assert_false(call->client.ended || call->server.ended);
	sim_free(call);
}

/* Something for the other end's TCP to acknowledge, that is all. */
static void nothing_is_sent_and_nothing_comes(void **state)
{
	struct tunnel_ticket ticket;
	struct sim *call = call_up(&ticket), *s = lane_of(call, &ticket, 0);

	assert_int_equal(tunnel_send_nothing(call->client.tunnel), -ENOTCONN);
	sim_run(s);
	for (int i = 0; i < 100; i++) {
		assert_int_equal(sim_send_ip(s, &s->client, 60), 0);
		sim_run(s);
		for (int k = 0; k < 3; k++) {
			assert_int_equal(tunnel_send_nothing(s->client.tunnel), 0);
			assert_true(buf_len(tunnel_output(s->client.tunnel)) > 0);
			sim_run(s);
		}
	}
	assert_int_equal(s->server.packets, 100);
	assert_false(s->client.ended || s->server.ended);
	sim_free(s);
	sim_free(call);
}

static void it_comes_up_however_the_stream_is_cut(void **state)
{
	static const size_t chunks[] = {1, 2, 3, 7, 13, 64, 1000};
	struct tunnel_ticket ticket;
	struct sim *call = call_up(&ticket);

	for (size_t i = 0; i < sizeof(chunks) / sizeof(*chunks); i++) {
		struct sim *s = lane_of(call, &ticket, chunks[i]);

		sim_run(s);
		assert_true(s->client.lane_up && s->server.lane_up);
		assert_int_equal(sim_send_ip(s, &s->client, 1400), 0);
		assert_int_equal(sim_send_ip(s, &s->server, 1400), 0);
		sim_run(s);
		assert_int_equal(s->server.packets, 1);
		assert_int_equal(s->client.packets, 1);
		assert_int_equal(s->client.last_packet[1399], 0x77);
		sim_free(s);
	}
	sim_free(call);
}

/* The lane breaks after each of its first octets: it ends, with a reason; its call does not. */
static void every_cut_point_ends_the_lane_alone(void **state)
{
	struct tunnel_ticket ticket;
	struct sim *call = call_up(&ticket);
	bool came_up = false;

	for (size_t cut = 0; !came_up; cut++) {
		struct sim *s = lane_of(call, &ticket, 37);

		for (size_t n = 0; n < cut; n++)
			sim_step(s);
		came_up = s->client.lane_up && s->server.lane_up;
		tunnel_recv_end(s->client.tunnel, 0, s->now_ms);
		tunnel_recv_end(s->server.tunnel, 104 /* ECONNRESET */, s->now_ms);
		sim_run(s);
		assert_true(s->client.ended && s->server.ended);
		assert_int_not_equal(s->client.reason, EV_NONE);
		assert_int_equal(tunnel_send_frames(s->client.tunnel, "x", 1), -ENOTCONN);
		sim_free(s);
	}
	assert_int_equal(sim_send_ip(call, &call->client, 100), 0);
	sim_run(call);
	assert_int_equal(call->server.packets, 1);
	sim_free(call);
}

static bool may_have_a_lane(struct sim *s)
{
	struct tunnel_ticket ticket;
	bool client, server;

	sim_init(s, "Secret-1");
	sim_run(s);
	assert_true(s->client.up4 && s->server.up4);
	client = tunnel_lane_ticket(s->client.tunnel, &ticket);
	server = tunnel_lane_ticket(s->server.tunnel, &ticket);
	assert_int_equal(client, server);
	sim_free(s);
	return client;
}

static void both_ends_have_to_want_it_and_the_login_a_key(void **state)
{
	struct sim *s = sim_new();

	assert_true(may_have_a_lane(s));
	s = sim_new();
	s->no_lanes_client = true;
	assert_false(may_have_a_lane(s));
	s = sim_new();
	s->no_lanes_server = true;
	assert_false(may_have_a_lane(s));
	s = sim_new();
	s->method = AUTH_PAP;
	assert_false(may_have_a_lane(s));
}

static void there_is_no_lane_before_the_binding_holds_nor_after_the_end(void **state)
{
	struct sim *s = sim_new();
	struct tunnel_ticket ticket;

	s->hold_verdict = true;
	sim_init(s, "Secret-1");
	sim_run(s);
	assert_false(tunnel_lane_ticket(s->client.tunnel, &ticket));
	assert_false(tunnel_lane_ticket(s->server.tunnel, &ticket));
	sim_free(s);
	s = call_up(&ticket);
	tunnel_close(s->client.tunnel, EV_CLIENT_STOPPED, s->now_ms);
	sim_run(s);
	sim_advance_ms(s, 10000);
	assert_true(s->server.ended);
	assert_false(tunnel_lane_ticket(s->server.tunnel, &ticket));
	sim_free(s);
}

/* No relay may have a session's lane: what does not verify, or proves nothing, grants none. */
static void a_binding_that_does_not_hold_grants_no_lane(void **state)
{
	static const struct {
		enum auth_method method;
		bool other_certificate;
		enum tunnel_binding binding;
		enum event fault;
	} cases[] = {
		{AUTH_MSCHAPV2, false, TUNNEL_BINDING_KEYED, EV_NONE},
		{AUTH_MSCHAPV2, true, TUNNEL_BINDING_BROKEN, EV_SSTP_BINDING_MISMATCH},
		{AUTH_PAP, false, TUNNEL_BINDING_UNKEYED, EV_NONE},
		{AUTH_PAP, true, TUNNEL_BINDING_BROKEN, EV_SSTP_BINDING_MISMATCH},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct tunnel_ticket ticket;
		struct sim *s = sim_new();

		s->method = cases[i].method;
		s->binding_optional = true;
		s->other_certificate = cases[i].other_certificate;
		sim_init(s, "Secret-1");
		sim_run(s);
		assert_true(s->server.bound && s->server.up4);
		assert_int_equal(s->server.binding, cases[i].binding);
		assert_int_equal(s->server.binding_fault, cases[i].fault);
		/* the client knows what it sent, not how it was judged */
		assert_int_equal(s->client.binding, cases[i].method == AUTH_PAP
							    ? TUNNEL_BINDING_UNKEYED
							    : TUNNEL_BINDING_KEYED);
		assert_int_equal(tunnel_lane_ticket(s->server.tunnel, &ticket),
			cases[i].binding == TUNNEL_BINDING_KEYED);
		sim_free(s);
	}
}

static void refused(struct sim *call, const struct tunnel_ticket *ticket, enum event client)
{
	struct sim *s = lane_of(call, ticket, 0);

	sim_run(s);
	assert_false(s->client.lane_up || s->server.lane_up);
	assert_true(s->client.ended);
	assert_int_equal(s->client.reason, client);
	assert_false(call->client.ended || call->server.ended);
	sim_free(s);
}

static void a_wrong_key_handle_or_certificate_gets_no_lane(void **state)
{
	struct tunnel_ticket right, wrong;
	struct sim *call = call_up(&right);

	wrong = right;
	wrong.call.key[31] ^= 1;
	refused(call, &wrong, EV_HTTP_STATUS);
	wrong = right;
	wrong.call.handle[0] ^= 1;
	refused(call, &wrong, EV_HTTP_STATUS);
	wrong = right;
	wrong.leaf_sha256[5] ^= 1;
	refused(call, &wrong, EV_LANE_CERTIFICATE);
	sim_free(call);
}

static void a_server_without_lanes_refuses_as_it_refuses_any_path(void **state)
{
	struct tunnel_ticket ticket;
	struct sim *call = call_up(&ticket), *s = sim_new();

	s->lane = &ticket;
	s->no_lanes_server = true;
	sim_init(s, "Secret-1");
	sim_run(s);
	assert_true(s->client.ended && s->server.ended);
	assert_int_equal(s->client.reason, EV_HTTP_STATUS);
	assert_non_null(strstr(s->client.text, "404"));
	assert_int_equal(s->server.reason, EV_LANE_REFUSED);
	sim_free(s);
	sim_free(call);
}

/* ---- a bare TLS client or server at the other end of a tunnel, saying what it likes ---- */

static struct {
	char text[1024];
	size_t n;
} heard;

static void exchange(struct tls *bare, struct sim *s, struct sim_end *end)
{
	for (int quiet = 0; quiet < 2;) {
		struct buf *out = tls_output(bare);
		ssize_t n;

		quiet++;
		if (buf_len(out)) {
			buf_append(&end->wire, buf_data(out), buf_len(out));
			buf_consume(out, buf_len(out));
			quiet = 0;
		}
		sim_step(s);
		out = end == &s->server ? &s->client.wire : &s->server.wire;
		if (buf_len(out)) {
			tls_recv(bare, buf_data(out), buf_len(out));
			quiet = 0;
		}
		while ((n = tls_read(
				bare, heard.text + heard.n, sizeof(heard.text) - 1 - heard.n)) > 0)
			heard.n += (size_t)n;
		heard.text[heard.n] = '\0';
		buf_consume(out, buf_len(out));
	}
}

#define REQUEST                                                                                    \
	"SSTP_DUPLEX_POST " SSTP_URI " HTTP/1.1\r\nContent-Length: 18446744073709551615\r\n"       \
	"Host: sim.test\r\nCulvert-Lane: %s\r\n\r\n"

/* A server end whose client is a bare TLS client; the sim's own client is never started. */
static struct sim *server_alone(
	struct sim *call, const struct tunnel_ticket *ticket, struct tls **ret_bare)
{
	static const struct tls_peer_opts peer = {.host = "sim.test"};
	struct sim *s = lane_of(call, ticket, 0);

	buf_consume(&s->server.wire, buf_len(&s->server.wire));
	s->bare_client = true;
	heard.n = 0;
	assert_int_equal(tls_new(s->client_ctx, &peer, ret_bare), 0);
	exchange(*ret_bare, s, &s->server);
	assert_true(tls_established(*ret_bare));
	return s;
}

static void ask(struct tls *bare, const char *value, const void *more, size_t n)
{
	char text[1024];
	size_t len = (size_t)snprintf(text, sizeof(text) - 128, REQUEST, value);

	memcpy(text + len, more, n);
	assert_int_equal(tls_write(bare, text, len + n), 0);
}

static void right_value(struct tls *bare, const struct tunnel_ticket *ticket,
	char ret[static SSTP_LANE_REQUEST_LEN])
{
	uint8_t exported[SSTP_LANE_EXPORT_LEN], proof[SSTP_LANE_PROOF_LEN];

	assert_int_equal(tls_export(bare, SSTP_LANE_EXPORT_LABEL, exported, sizeof(exported)), 0);
	assert_int_equal(sstp_lane_prove(&ticket->call, SSTP_LANE_CLIENT, exported, proof), 0);
	sstp_lane_request_format(ticket->call.handle, proof, ret);
}

/* What a relay that ends TLS, or one who records, can do with a proof: nothing. */
static void a_proof_is_good_for_its_own_connection_only(void **state)
{
	char value[SSTP_LANE_REQUEST_LEN];
	struct tunnel_ticket ticket;
	struct sim *call = call_up(&ticket), *s, *s2;
	struct tls *bare, *bare2;

	s = server_alone(call, &ticket, &bare);
	right_value(bare, &ticket, value);
	s2 = server_alone(call, &ticket, &bare2);
	ask(bare2, value, "", 0);
	exchange(bare2, s2, &s2->server);
	assert_non_null(strstr(heard.text, "HTTP/1.1 404 Not Found\r\n"));
	assert_null(strstr(heard.text, "Culvert"));
	assert_int_equal(s2->server.reason, EV_LANE_REFUSED);
	heard.n = 0;
	ask(bare, value, "", 0); /* in its own place it holds */
	exchange(bare, s, &s->server);
	assert_non_null(strstr(heard.text, "HTTP/1.1 200 OK\r\n"));
	assert_true(s->server.lane_up);
	tls_free(bare);
	tls_free(bare2);
	sim_free(s);
	sim_free(s2);
	sim_free(call);
}

static void whoever_sends_before_the_answer_is_refused(void **state)
{
	static const uint8_t packet[] = {
		0x10, 0, 0, 12, 0xff, 3, 0, 0x21, 0x45, 0, 0, 4}; /* any data packet */
	char value[SSTP_LANE_REQUEST_LEN];
	struct tunnel_ticket ticket;
	struct sim *call = call_up(&ticket), *s;
	struct tls *bare;

	s = server_alone(call, &ticket, &bare);
	right_value(bare, &ticket, value);
	ask(bare, value, packet, sizeof(packet));
	exchange(bare, s, &s->server);
	assert_non_null(strstr(heard.text, "HTTP/1.1 404 Not Found\r\n"));
	assert_int_equal(s->server.packets, 0);
	assert_true(s->server.ended);
	tls_free(bare);
	sim_free(s);
	sim_free(call);
}

static void a_malformed_value_is_refused(void **state)
{
	static const char *const values[] = {"", "1", "a0a1 b0b1", "x"};
	struct tunnel_ticket ticket;
	struct sim *call = call_up(&ticket), *s;
	struct tls *bare;

	for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++) {
		s = server_alone(call, &ticket, &bare);
		ask(bare, values[i], "", 0);
		exchange(bare, s, &s->server);
		assert_non_null(strstr(heard.text, "HTTP/1.1 404 Not Found\r\n"));
		assert_int_equal(s->server.reason, EV_LANE_REFUSED);
		tls_free(bare);
		sim_free(s);
	}
	sim_free(call);
}

/* The certificate is right, but what answers has not the key: no packet is entrusted to it. */
static void a_server_that_does_not_prove_itself_gets_nothing(void **state)
{
	static const char *const answers[] = {"HTTP/1.1 200 OK\r\n\r\n",
		"HTTP/1.1 200 OK\r\nCulvert-Lane: "
		"038b7310c4bba1e025f80568e8dd16a24a1adcc6775040a650f7d44e8321a4c7\r\n\r\n"};
	struct tunnel_ticket ticket;
	struct sim *call = call_up(&ticket);

	for (size_t i = 0; i < sizeof(answers) / sizeof(*answers); i++) {
		struct sim *s = lane_of(call, &ticket, 0);
		struct tls *bare;

		s->bare_server = true;
		heard.n = 0;
		assert_int_equal(tls_new(s->server_ctx, NULL, &bare), 0);
		exchange(bare, s, &s->client);
		assert_non_null(strstr(heard.text, "Culvert-Lane: "));
		assert_int_equal(tls_write(bare, answers[i], strlen(answers[i])), 0);
		exchange(bare, s, &s->client);
		assert_false(s->client.lane_up);
		assert_true(s->client.ended);
		assert_int_equal(s->client.reason, EV_LANE_NOT_PROVEN);
		tls_free(bare);
		sim_free(s);
	}
	sim_free(call);
}

/* ---- on a lane that is up ---- */

static void nothing_but_ip_has_a_place_on_a_lane(void **state)
{
	static const struct {
		uint8_t octets[16];
		size_t n;
	} rows[] = {
		{{0x10, 1, 0, 8, 0, 8, 0, 0}, 8},                        /* ECHO_REQUEST */
		{{0x10, 1, 0, 8, 0, 6, 0, 0}, 8},                        /* CALL_DISCONNECT */
		{{0x10, 0, 0, 12, 0xff, 3, 0xc0, 0x21, 5, 1, 0, 4}, 12}, /* LCP Terminate-Request */
		{{0x10, 0, 0, 12, 0xff, 3, 0x80, 0x21, 5, 1, 0, 4}, 12}, /* IPCP */
		{{0x10, 0, 0, 5, 0xfe}, 5},                              /* no protocol at all */
		{{0x20, 0, 0, 12, 0xff, 3, 0, 0x21, 0, 0, 0, 0}, 12},    /* not SSTP 1.0 */
		{{0x10, 0, 0, 3, 0}, 5}, /* shorter than its header */
	};
	struct tunnel_ticket ticket;
	struct sim *call = call_up(&ticket);

	for (size_t i = 0; i < 2 * sizeof(rows) / sizeof(*rows); i++) {
		struct sim *s = lane_of(call, &ticket, 0);
		struct sim_end *from = i % 2 ? &s->client : &s->server;
		struct sim_end *to = i % 2 ? &s->server : &s->client;

		sim_run(s);
		assert_true(s->client.lane_up && s->server.lane_up);
		assert_int_equal(sim_send_ip(s, from, 60), 0);
		assert_int_equal(
			tunnel_send_frames(from->tunnel, rows[i / 2].octets, rows[i / 2].n), 0);
		assert_int_equal(sim_send_ip(s, from, 60), 0);
		sim_run(s);
		assert_int_equal(
			to->packets, 1); /* what came before the fault, and nothing after */
		assert_true(to->ended && from->ended);
		assert_int_equal(to->reason, EV_LANE_PROTOCOL);
		sim_free(s);
	}
	assert_false(call->client.ended || call->server.ended);
	sim_free(call);
}

/* Either end may let it go, while packets are on their way in both directions. */
static void a_retired_lane_loses_nothing(void **state)
{
	struct tunnel_ticket ticket;
	struct sim *call = call_up(&ticket);

	for (int i = 0; i < 2; i++) {
		struct sim *s = lane_of(call, &ticket, 37);
		struct sim_end *who = i ? &s->client : &s->server;

		sim_run(s);
		for (int n = 0; n < 3; n++) {
			assert_int_equal(sim_send_ip(s, &s->client, 1400), 0);
			assert_int_equal(sim_send_ip(s, &s->server, 1400), 0);
		}
		tunnel_retire(who->tunnel, EV_LANE_ENDED, s->now_ms);
		assert_false(tunnel_is_lane(who->tunnel));
		assert_true(sim_send_ip(s, who, 60) < 0);
		sim_run(s);
		assert_int_equal(s->client.packets, 3);
		assert_int_equal(s->server.packets, 3);
		assert_true(s->client.ended && s->server.ended);
		assert_int_equal(who->reason, EV_LANE_ENDED);
		sim_free(s);
	}
	assert_false(call->client.ended || call->server.ended);
	sim_free(call);
}

static void a_retired_lane_does_not_wait_for_ever(void **state)
{
	struct tunnel_ticket ticket;
	struct sim *call = call_up(&ticket), *s = lane_of(call, &ticket, 0);

	sim_run(s);
	s->deaf_client = s->deaf_server = true;
	tunnel_retire(s->client.tunnel, EV_LANE_ENDED, s->now_ms);
	sim_advance_ms(s, 30000);
	assert_true(s->client.ended);
	assert_int_equal(s->client.reason, EV_LANE_ENDED);
	sim_free(s);
	sim_free(call);
}

/* Who asks for a lane and does not go on is gone after the time for TLS and HTTP. */
static void a_lane_that_is_not_answered_ends(void **state)
{
	struct tunnel_ticket ticket;
	struct sim *call = call_up(&ticket), *s = lane_of(call, &ticket, 37);

	while (!s->client.steps) /* TLS is up, the request leaves */
		sim_step(s);
	s->deaf_client = true;
	sim_advance_ms(s, 61000);
	assert_true(s->client.ended);
	assert_int_equal(s->client.reason, EV_HTTP_TIMEOUT);
	sim_free(s);
	sim_free(call);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_lane_comes_up_and_carries_packets_both_ways),
		cmocka_unit_test(nothing_is_sent_and_nothing_comes),
		cmocka_unit_test(it_comes_up_however_the_stream_is_cut),
		cmocka_unit_test(every_cut_point_ends_the_lane_alone),
		cmocka_unit_test(both_ends_have_to_want_it_and_the_login_a_key),
		cmocka_unit_test(there_is_no_lane_before_the_binding_holds_nor_after_the_end),
		cmocka_unit_test(a_binding_that_does_not_hold_grants_no_lane),
		cmocka_unit_test(a_wrong_key_handle_or_certificate_gets_no_lane),
		cmocka_unit_test(a_server_without_lanes_refuses_as_it_refuses_any_path),
		cmocka_unit_test(a_proof_is_good_for_its_own_connection_only),
		cmocka_unit_test(whoever_sends_before_the_answer_is_refused),
		cmocka_unit_test(a_malformed_value_is_refused),
		cmocka_unit_test(a_server_that_does_not_prove_itself_gets_nothing),
		cmocka_unit_test(nothing_but_ip_has_a_place_on_a_lane),
		cmocka_unit_test(a_retired_lane_loses_nothing),
		cmocka_unit_test(a_retired_lane_does_not_wait_for_ever),
		cmocka_unit_test(a_lane_that_is_not_answered_ends),
	};

	return cmocka_run_group_tests(tests, sim_make_contexts, sim_drop_contexts);
}
