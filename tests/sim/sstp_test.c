// SPDX-License-Identifier: Apache-2.0
/*
 * Two SSTP calls joined in memory on a simulated clock, with somebody in the middle who cuts the
 * stream, loses, repeats, changes and adds packets. Whatever is done to them, both ends come to
 * their end within bounded time, know why, and let no data through before their time.
 *
 * PPP is a stub here: two exchanges of control frames, each asked again every three seconds, after
 * which the server knows the key when it hears the second question and the client when it hears
 * the second answer.
 */
#include "hexlit.h"

#include <stdlib.h>

#include "base/auto.h"
#include "base/clock.h"
#include "base/crypto.h"
#include "sstp/call.h"

#define PATIENCE_MS 200000 /* then the client hangs up, if the call is still there */
#define ANY_END_MS 400000  /* no run may take longer, whatever happens to it */
#define STEPS_MAX 2000     /* nor turn in circles without time passing */
#define PPP_RETRY_MS 3000
#define PPP_TRIES 10
#define LATENCY_MS 10

enum { CLIENT = SSTP_CLIENT, SERVER = SSTP_SERVER, ENDS };
enum ppp_step { PPP_DOWN, PPP_ASKED_1, PPP_ASKED_2, PPP_DONE };

struct end {
	struct sstp_call *call;
	struct buf inbox; /* on the way to this end */
	enum ppp_step ppp;
	uint64_t ppp_retry_at;
	unsigned ppp_tries;
	unsigned starts, ups, closes, data_in, data_out;
	enum event reason;
	bool https_closed; /* this end has left */
};

struct sim;
/* The one in the middle: packet number `index` (from 0) that `from` sends, to be put on the way. */
typedef void middle_fn(struct sim *sim, int from, unsigned index, const uint8_t *pkt, size_t n);

struct sim {
	struct end ends[ENDS];
	uint64_t now_ms;
	unsigned sent[ENDS];
	middle_fn *middle;
	/* what the middle is told */
	int at_end;
	unsigned at_index, bit;
	const char *octets;
	unsigned seed;
	/* how it is run */
	size_t cut[ENDS];      /* first piece of the stream to this end, 0: whole; then the rest */
	size_t seen[ENDS];     /* octets delivered so far */
	bool one_by_one;       /* every octet alone */
	bool nobody_says_gone; /* an end that leaves is not noticed by the other */
	bool early;            /* the client believes itself authenticated at once */
	bool wrong_cert, wrong_key;
	uint64_t hang_up_at; /* the client has had enough */
};

static const uint8_t ppp_frame[] = {0xff, 0x03, 0xc0, 0x21, 1, 0, 0, 4};
static const uint8_t data_frame[] = {0xff, 0x03, 0x00, 0x21, 0x45, 0, 0, 20};

static void pass(struct sim *sim, int from, unsigned index, const uint8_t *pkt, size_t n)
{
	assert_int_equal(buf_append(&sim->ends[!from].inbox, pkt, n), 0);
}

static void sim_open(struct sim *sim)
{
	for (int i = 0; i < ENDS; i++) {
		struct sstp_cert_hash cert = {{1, 2, 3}, {4, 5, 6}};
		struct sstp_call_opts opts = {.role = i == CLIENT ? SSTP_CLIENT : SSTP_SERVER,
			.certs = &cert,
			.n_certs = 1,
			.require_binding = true,
			.nonce = {9, 9, 9}};

		if (i == CLIENT && sim->wrong_cert)
			cert.sha256[0] ^= 1;
		assert_int_equal(sstp_call_new(&opts, &sim->ends[i].call), 0);
		sim->ends[i].ppp_retry_at = NEVER;
	}
	if (!sim->middle)
		sim->middle = pass;
	sim->now_ms = 5000000;
	for (int i = 0; i < ENDS; i++)
		sstp_call_start(sim->ends[i].call, sim->now_ms);
}

static void sim_done(struct sim *sim)
{
	for (int i = 0; i < ENDS; i++) {
		sstp_call_free(sim->ends[i].call);
		buf_done(&sim->ends[i].inbox);
	}
}

/* --- the owner of one end: its PPP stub and its data --- */

static void ppp_ask(struct sim *sim, struct end *e)
{
	uint8_t frame[sizeof(ppp_frame)];

	memcpy(frame, ppp_frame, sizeof(frame));
	frame[5] = (uint8_t)e->ppp;
	(void)!sstp_call_send_frame(e->call, frame, sizeof(frame));
	e->ppp_retry_at = ++e->ppp_tries < PPP_TRIES ? sim->now_ms + PPP_RETRY_MS : NEVER;
}

static void ppp_key(struct sim *sim, struct end *e)
{
	uint8_t hlak[HLAK_LEN] = {7, 7, 7};

	if (sim->wrong_key && e == &sim->ends[CLIENT])
		hlak[31] ^= 0x80;
	sstp_call_set_hlak(e->call, hlak, sim->now_ms);
}

static void ppp_next(struct sim *sim, struct end *e, enum ppp_step step)
{
	e->ppp = step;
	e->ppp_tries = 0;
	e->ppp_retry_at = NEVER;
	if (step == PPP_DONE || (sim->early && step == PPP_ASKED_2))
		ppp_key(sim, e);
	if (step != PPP_DONE)
		ppp_ask(sim, e);
}

static void send_data(struct end *e)
{
	uint8_t pkt[SSTP_HEADER_LEN + sizeof(data_frame)];

	if (!sstp_call_data_ok(e->call))
		return;
	sstp_data_header(pkt, sizeof(data_frame));
	memcpy(pkt + SSTP_HEADER_LEN, data_frame, sizeof(data_frame));
	assert_int_equal(buf_append(sstp_call_output(e->call), pkt, sizeof(pkt)), 0);
	e->data_out++;
}

static void on_frame(struct sim *sim, int i, struct rd frame)
{
	struct end *e = &sim->ends[i];
	size_t n = rd_left(&frame);

	assert_int_equal(e->starts, 1);
	if (n >= 4 && !memcmp(frame.p, data_frame, 4)) {
		assert_true(e->ups); /* never before the call is up at this end */
		e->data_in++;
		if (i == SERVER && e->data_out < 100)
			send_data(e);
		return;
	}
	if (n != sizeof(ppp_frame) || memcmp(frame.p, ppp_frame, 5))
		return;    /* somebody in the middle made it up */
	if (i == SERVER) { /* an answer to each question; the second brings the verdict */
		if (frame.p[5] == PPP_ASKED_2 && e->ppp != PPP_DONE)
			ppp_next(sim, e, PPP_DONE);
		(void)!sstp_call_send_frame(e->call, frame.p, n);
	} else if (frame.p[5] == e->ppp && e->ppp < PPP_DONE) {
		ppp_next(sim, e, e->ppp + 1);
	}
}

static void pull(struct sim *sim, int i)
{
	struct end *e = &sim->ends[i];
	struct sstp_call_event ev;

	while (sstp_call_next_event(e->call, &ev)) {
		assert_int_equal(e->closes, 0);
		switch (ev.type) {
		case SSTP_CALL_PPP_START:
			e->starts++;
			if (i == CLIENT)
				ppp_next(sim, e, PPP_ASKED_1);
			break;
		case SSTP_CALL_PPP_FRAME: on_frame(sim, i, ev.frame); break;
		case SSTP_CALL_CONNECTED:
			e->ups++;
			if (i == CLIENT)
				send_data(e);
			break;
		case SSTP_CALL_CLOSED:
			e->closes++;
			e->reason = ev.reason;
			e->ppp_retry_at = NEVER;
			break;
		}
	}
	assert_true(e->starts <= 1 && e->ups <= 1 && e->closes <= 1 && e->ups <= e->starts);
}

/* --- the wire and the clock --- */

/* Everything an end sent, packet by packet, through the one in the middle. */
static bool send_all(struct sim *sim, int from)
{
	struct buf *out = sstp_call_output(sim->ends[from].call);
	size_t n = buf_len(out);
	struct rd in = rd_init(buf_data(out), n);
	struct sstp_packet pkt;

	while (n && rd_left(&in)) {
		assert_int_equal(sstp_packet_parse(&in, &pkt), 0);
		sim->middle(sim, from, sim->sent[from]++, pkt.start, (size_t)(in.p - pkt.start));
	}
	buf_consume(out, n);
	return n > 0;
}

static size_t piece_of(const struct sim *sim, int to, size_t n)
{
	size_t cut = sim->cut[to], seen = sim->seen[to];

	if (sim->one_by_one)
		return 1;
	return cut > seen && cut - seen < n ? cut - seen : n;
}

static bool deliver(struct sim *sim, int to)
{
	struct end *e = &sim->ends[to];
	bool any = false;

	while (buf_len(&e->inbox) && !e->closes) {
		size_t n = piece_of(sim, to, buf_len(&e->inbox));
		uint8_t *piece = malloc(n); /* so that a read behind it is caught */

		assert_non_null(piece);
		memcpy(piece, buf_data(&e->inbox), n);
		buf_consume(&e->inbox, n);
		sim->seen[to] += n;
		sstp_call_recv(e->call, piece, n, sim->now_ms);
		pull(sim, to);
		free(piece);
		any = true;
	}
	return any;
}

/* An end that is closed and has nothing left to say closes HTTPS. */
static bool leave(struct sim *sim, int i)
{
	struct end *e = &sim->ends[i], *other = &sim->ends[!i];

	if (!e->closes || e->https_closed)
		return false;
	e->https_closed = true;
	if (!sim->nobody_says_gone && !other->closes) {
		sstp_call_https_gone(other->call);
		pull(sim, !i);
	}
	return true;
}

static void tick(struct sim *sim)
{
	for (int i = 0; i < ENDS; i++) {
		struct end *e = &sim->ends[i];

		if (e->closes)
			continue;
		if (sim->now_ms >= sstp_call_deadline(e->call)) {
			sstp_call_tick(e->call, sim->now_ms);
			pull(sim, i);
		}
		if (sim->now_ms >= e->ppp_retry_at)
			ppp_ask(sim, e);
	}
	if (sim->now_ms >= sim->hang_up_at) {
		sstp_call_disconnect(sim->ends[CLIENT].call, EV_SSTP_PEER_GAVE_UP, sim->now_ms);
		pull(sim, CLIENT);
		sim->hang_up_at = NEVER;
	}
}

static uint64_t next_time(const struct sim *sim)
{
	uint64_t at = sim->ends[CLIENT].closes ? NEVER : sim->hang_up_at;

	for (int i = 0; i < ENDS; i++) {
		if (sim->ends[i].closes)
			continue;
		at = deadline_min(at, sstp_call_deadline(sim->ends[i].call));
		at = deadline_min(at, sim->ends[i].ppp_retry_at);
	}
	return at;
}

/* One turn; false when nothing will ever happen again. */
static bool turn(struct sim *sim)
{
	bool any = false;

	for (int i = 0; i < ENDS; i++)
		any |= send_all(sim, i);
	sim->now_ms += any ? LATENCY_MS : 0;
	for (int i = 0; i < ENDS; i++)
		any |= deliver(sim, i);
	for (int i = 0; i < ENDS; i++)
		any |= leave(sim, i);
	if (any)
		return true;
	if (next_time(sim) == NEVER)
		return false;
	if (next_time(sim) > sim->now_ms)
		sim->now_ms = next_time(sim);
	tick(sim);
	return true;
}

/* Until both ends are closed. The client hangs up a second after its first data came back. */
static void sim_run(struct sim *sim)
{
	bool asked = false;
	uint64_t began;
	unsigned steps = 0;

	sim_open(sim);
	began = sim->now_ms;
	sim->hang_up_at = began + PATIENCE_MS;
	while (turn(sim)) {
		assert_true(++steps < STEPS_MAX);
		if (!asked && sim->ends[CLIENT].data_in) {
			asked = true;
			sim->hang_up_at = sim->now_ms + 1000;
		}
		assert_true(sim->now_ms - began <= ANY_END_MS);
	}
	for (int i = 0; i < ENDS; i++) {
		assert_int_equal(sim->ends[i].closes, 1);
		assert_true(sim->ends[i].reason != EV_NONE);
		assert_int_equal(sstp_call_deadline(sim->ends[i].call), NEVER);
		assert_false(sstp_call_data_ok(sim->ends[i].call));
	}
}

static void assert_served(const struct sim *sim)
{
	assert_int_equal(sim->ends[CLIENT].reason, EV_SSTP_PEER_GAVE_UP);
	assert_int_equal(sim->ends[SERVER].reason, EV_SSTP_PEER_DISCONNECTED);
	assert_int_equal(sim->ends[CLIENT].data_in, 1);
	assert_int_equal(sim->ends[SERVER].data_in, 1);
}

/* How many packets each end sends when nobody disturbs, and how many octets. */
static void undisturbed(struct sim *ret)
{
	*ret = (struct sim){0};
	sim_run(ret);
	assert_served(ret);
	sim_done(ret);
}

/* --- the tests --- */

static void client_and_server_meet_and_part(void **state)
{
	struct sim sim;

	undisturbed(&sim);
	/* REQUEST, two questions, CONNECTED, data, DISCONNECT; ACK, two answers, data, DISCONNECT_ACK */
	assert_int_equal(sim.sent[CLIENT], 6);
	assert_int_equal(sim.sent[SERVER], 5);
}

static void an_early_client_is_waited_for(void **state)
{
	struct sim sim = {.early = true};

	sim_run(&sim);
	assert_int_equal(sim.ends[SERVER].ups, 1);
	assert_int_equal(sim.ends[CLIENT].ups, 1);
	sim_done(&sim);
}

static void every_cut_point_comes_to_the_same(void **state)
{
	struct sim plain;

	undisturbed(&plain);
	for (int to = 0; to < ENDS; to++)
		for (size_t cut = 1; cut < plain.seen[to]; cut++) {
			struct sim sim = {0};

			sim.cut[to] = cut;
			sim_run(&sim);
			assert_served(&sim);
			sim_done(&sim);
		}
}

static void octet_by_octet_comes_to_the_same(void **state)
{
	struct sim sim = {.one_by_one = true};

	sim_run(&sim);
	assert_served(&sim);
	sim_done(&sim);
}

static void lose(struct sim *sim, int from, unsigned index, const uint8_t *pkt, size_t n)
{
	if (from != sim->at_end || index != sim->at_index)
		pass(sim, from, index, pkt, n);
}

static void repeat(struct sim *sim, int from, unsigned index, const uint8_t *pkt, size_t n)
{
	pass(sim, from, index, pkt, n);
	if (from == sim->at_end && index == sim->at_index)
		pass(sim, from, index, pkt, n);
}

/* From this packet on nothing gets through, either way: the cable is cut. */
static void cut_cable(struct sim *sim, int from, unsigned index, const uint8_t *pkt, size_t n)
{
	if (sim->sent[sim->at_end] <= sim->at_index)
		pass(sim, from, index, pkt, n);
}

static void inject(struct sim *sim, int from, unsigned index, const uint8_t *pkt, size_t n)
{
	struct hexlit h = hexlit(sim->octets);

	if (from == sim->at_end && index == sim->at_index)
		pass(sim, from, index, h.p, h.n);
	pass(sim, from, index, pkt, n);
}

static void flip_bit(struct sim *sim, int from, unsigned index, const uint8_t *pkt, size_t n)
{
	uint8_t copy[SSTP_PACKET_MAX];

	memcpy(copy, pkt, n);
	if (from == sim->at_end && index == sim->at_index && sim->bit / 8 < n)
		copy[sim->bit / 8] ^= (uint8_t)(1 << sim->bit % 8);
	pass(sim, from, index, copy, n);
}

/* At every packet of the undisturbed run, with and without the end of one being noticed. */
static void at_every_packet(middle_fn *middle, const char *octets)
{
	struct sim plain;

	undisturbed(&plain);
	for (int end = 0; end < ENDS; end++)
		for (unsigned index = 0; index < plain.sent[end]; index++)
			for (int alone = 0; alone < 2; alone++) {
				struct sim sim = {.middle = middle,
					.at_end = end,
					.at_index = index,
					.octets = octets,
					.nobody_says_gone = alone};

				sim_run(&sim);
				sim_done(&sim);
			}
}

static void every_lost_packet_ends_within_bounded_time(void **state)
{
	at_every_packet(lose, NULL);
}

static void every_repeated_packet_ends_within_bounded_time(void **state)
{
	at_every_packet(repeat, NULL);
}

static void a_cable_cut_at_every_packet_ends_within_bounded_time(void **state)
{
	at_every_packet(cut_cable, NULL);
}

static void every_message_out_of_place_ends_within_bounded_time(void **state)
{
	static const char *const messages[] = {"1001000e 0001 0001 00010006 0001",
		"1001000e 0001 0001 00010006 0002", "10010008 0001 0000",
		"10010030 0002 0001 00040028 00000003"
		"0909090000000000000000000000000000000000000000000000000000000000",
		"10010030 0002 0001 00040028 00000001"
		"0101010000000000000000000000000000000000000000000000000000000000",
		"10010008 0002 0000", "10010016 0003 0001 0002000e 00000001 00000004 0002",
		"10010008 0003 0000", "10010008 0004 0000",
		"10010070 0004 0001 00030068 00000002"
		"0909090000000000000000000000000000000000000000000000000000000000"
		"0405060000000000000000000000000000000000000000000000000000000000"
		"0000000000000000000000000000000000000000000000000000000000000000",
		"10010014 0005 0001 0002000c 00000003 00000004", "10010008 0005 0000",
		"10010014 0006 0001 0002000c 00000000 00000000", "10010008 0007 0000",
		"10010008 0008 0000", "10010008 0009 0000", "10010008 000a 0000",
		"10010008 0000 0000", "10010008 ffff ffff", "10000010 ff03c021 09000008 a1b2c3d4",
		"1000000a ff030021 4500", "10000004", "10000005 ff", "16030100", "10010000",
		"1000ffff" /* swallows what follows */, "1001f008"};

	for (size_t i = 0; i < ARRAY_SIZE(messages); i++)
		at_every_packet(inject, messages[i]);
}

static void every_flipped_bit_ends_within_bounded_time(void **state)
{
	struct sim plain;

	undisturbed(&plain);
	for (int end = 0; end < ENDS; end++)
		for (unsigned index = 0; index < plain.sent[end]; index++)
			for (unsigned bit = 0; bit < SSTP_CALL_CONNECTED_LEN * 8; bit++) {
				struct sim sim = {.middle = flip_bit,
					.at_end = end,
					.at_index = index,
					.bit = bit};

				sim_run(&sim);
				sim_done(&sim);
			}
}

/* The relay attack that crypto binding exists for. */
static void the_call_is_aborted_when_the_certificate_differs(void **state)
{
	struct sim sim = {.wrong_cert = true};

	sim_run(&sim);
	assert_int_equal(sim.ends[SERVER].reason, EV_SSTP_BINDING_MISMATCH);
	assert_int_equal(sim.ends[CLIENT].reason, EV_SSTP_BINDING_REFUSED);
	assert_int_equal(sim.ends[SERVER].ups, 0);
	assert_int_equal(sim.ends[SERVER].data_in, 0);
	sim_done(&sim);
}

static void the_call_is_aborted_when_the_keys_differ(void **state)
{
	struct sim sim = {.wrong_key = true};

	sim_run(&sim);
	assert_int_equal(sim.ends[SERVER].reason, EV_SSTP_BINDING_MAC);
	assert_int_equal(sim.ends[CLIENT].reason, EV_SSTP_BINDING_REFUSED);
	sim_done(&sim);
}

static void nothing(struct sim *sim, int from, unsigned index, const uint8_t *pkt, size_t n)
{
}

static void ends_that_never_hear_each_other_give_up(void **state)
{
	struct sim sim = {.middle = nothing, .nobody_says_gone = true};

	sim_run(&sim);
	assert_int_equal(sim.ends[SERVER].reason, EV_SSTP_NO_CONNECT_REQUEST);
	assert_int_equal(sim.ends[CLIENT].reason, EV_SSTP_NO_CONNECT_ACK);
	assert_int_equal(sim.now_ms, 5000000 + 63000);
	sim_done(&sim);
}

static unsigned dice(struct sim *sim, unsigned sides)
{
	sim->seed = sim->seed * 1103515245u + 12345u;
	return (sim->seed >> 16) % sides;
}

static void anything(struct sim *sim, int from, unsigned index, const uint8_t *pkt, size_t n)
{
	uint8_t control[8] = {0x10, 1, 0, 8, 0, (uint8_t)(1 + dice(sim, 10)), 0, 0};
	uint8_t copy[SSTP_PACKET_MAX];

	memcpy(copy, pkt, n);
	switch (dice(sim, 12)) {
	case 0: return;
	case 1: pass(sim, from, index, pkt, n); break;
	case 2: pass(sim, from, index, control, sizeof(control)); break;
	case 3: pass(sim, !from, index, pkt, n); break; /* back to its sender */
	case 4: copy[dice(sim, (unsigned)n)] ^= (uint8_t)(1 << dice(sim, 8)); break;
	case 5: n = dice(sim, (unsigned)n); break;
	default: break;
	}
	pass(sim, from, index, copy, n);
}

static void five_thousand_drunken_networks_come_to_an_end(void **state)
{
	unsigned served = 0;

	for (unsigned seed = 0; seed < 5000; seed++) {
		struct sim sim = {.middle = anything,
			.seed = seed,
			.early = seed & 1,
			.one_by_one = seed & 2,
			.nobody_says_gone = seed & 4};

		sim_run(&sim);
		served += sim.ends[CLIENT].data_in > 0;
		sim_done(&sim);
	}
	assert_true(served > 0 && served < 5000); /* or the dice are loaded */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(client_and_server_meet_and_part),
		cmocka_unit_test(an_early_client_is_waited_for),
		cmocka_unit_test(every_cut_point_comes_to_the_same),
		cmocka_unit_test(octet_by_octet_comes_to_the_same),
		cmocka_unit_test(every_lost_packet_ends_within_bounded_time),
		cmocka_unit_test(every_repeated_packet_ends_within_bounded_time),
		cmocka_unit_test(a_cable_cut_at_every_packet_ends_within_bounded_time),
		cmocka_unit_test(every_message_out_of_place_ends_within_bounded_time),
		cmocka_unit_test(every_flipped_bit_ends_within_bounded_time),
		cmocka_unit_test(the_call_is_aborted_when_the_certificate_differs),
		cmocka_unit_test(the_call_is_aborted_when_the_keys_differ),
		cmocka_unit_test(ends_that_never_hear_each_other_give_up),
		cmocka_unit_test(five_thousand_drunken_networks_come_to_an_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
