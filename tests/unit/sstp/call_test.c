// SPDX-License-Identifier: Apache-2.0
#include "call_rig.h"

#include <errno.h>

/* --- the crypto binding, as the server judges it --- */

struct verdict_of_flip {
	const char *sent; /* "" for nothing */
	enum where state;
	enum event why;
};

#define PAIR(attrib, status) "10010014 0005 0001 0002000c 000000" attrib " 000000" status
#define BINDING_WRONG PAIR("03", "04")
#define BINDING_MISSING PAIR("02", "09")
#define INVALID PAIR("02", "07")

/* What a flipped bit of CALL_CONNECTED makes of it: [MS-SSTP] 3.3.5.2.3, and 3.1.5.1 where it is no
 * longer that message. Octets as drawn in 2.2.11. */
static struct verdict_of_flip flip(size_t octet, unsigned bit)
{
	switch (octet) {
	case 0: return (struct verdict_of_flip){"", D, EV_SSTP_STREAM_LOST};
	case 1: /* no control packet any more, and no PPP control frame either: dropped */
		if (bit == 0)
			return (struct verdict_of_flip){"", CP, EV_NONE};
		break;
	case 2: /* a longer packet, of which the rest is awaited; the upper bits are reserved */
		if (bit < 4)
			return (struct verdict_of_flip){"", CP, EV_NONE};
		break;
	case 3:
		if (bit < 4 || bit == 7)
			return (struct verdict_of_flip){"", CP, EV_NONE};
		/* Shorter: the attribute is cut, and what follows is no packet. */
		return (struct verdict_of_flip){BINDING_MISSING, D, EV_SSTP_BINDING_MISSING};
	case 5:
		if (bit == 0) /* CALL_ABORT */
			return (struct verdict_of_flip){ABORT_MSG, AT, EV_SSTP_PEER_ABORTED};
		if (bit == 1) /* CALL_DISCONNECT */
			return (struct verdict_of_flip){
				DISCONNECT_ACK, DT, EV_SSTP_PEER_DISCONNECTED};
		/* fall through */
	case 4:
	case 6:
	case 7: return (struct verdict_of_flip){INVALID, AP, EV_SSTP_INVALID_MESSAGE};
	case 10:
		if (bit >= 4)
			break;
		/* fall through */
	case 9:
	case 11: return (struct verdict_of_flip){BINDING_MISSING, AP, EV_SSTP_BINDING_MISSING};
	case 15: return (struct verdict_of_flip){BINDING_WRONG, AP, EV_SSTP_BINDING_HASH_PROTOCOL};
	default: break;
	}
	if (octet >= 16 && octet < 48)
		return (struct verdict_of_flip){BINDING_WRONG, AP, EV_SSTP_BINDING_NONCE};
	if (octet >= 48 && octet < 80)
		return (struct verdict_of_flip){BINDING_WRONG, AP, EV_SSTP_BINDING_MISMATCH};
	return (struct verdict_of_flip){BINDING_WRONG, AP, EV_SSTP_BINDING_MAC};
}

static void check_flips(const char *id, bool held)
{
	for (size_t bit = 0; bit < SSTP_CALL_CONNECTED_LEN * 8; bit++) {
		struct verdict_of_flip want = flip(bit / 8, bit % 8);
		struct hexlit packet = vector_octets(id, "call_connected");
		struct hexlit sent = {.n = 0};
		struct rig rig;

		packet.p[bit / 8] ^= (uint8_t)(1 << bit % 8);
		rig_enter(&rig, SSTP_SERVER, CP);
		if (!held)
			rig_hlak(&rig);
		rig_recv_octets(&rig, packet.p, packet.n);
		sent = rig.sent;
		if (held) {
			rig_hlak(&rig);
			if (rig.sent.n)
				sent = rig.sent;
		}
		assert_octets(sent.p, sent.n, want.sent);
		assert_in_state(&rig, want.state);
		assert_int_equal(sstp_call_reason(rig.call), want.why);
		assert_false(sstp_call_data_ok(rig.call));
		if (want.state == CP) { /* then the negotiation timer ends it */
			rig_tick_at(&rig, rig.now_ms + 60000);
			assert_aborted(&rig, 2, 8, EV_SSTP_NO_CALL_CONNECTED);
		}
		rig_done(&rig);
	}
}

static void each_bit_flipped_in_call_connected_ends_the_call(void **state)
{
	check_flips("e2e-mschapv2-sha256", false);
	check_flips("e2e-mschapv2-sha1", false);
}

static void each_bit_flipped_in_a_held_call_connected_ends_the_call(void **state)
{
	check_flips("e2e-mschapv2-sha256", true);
}

static void each_bit_flipped_in_the_key_ends_the_call(void **state)
{
	for (size_t bit = 0; bit < HLAK_LEN * 8; bit++) {
		struct rig rig;

		rig_enter(&rig, SSTP_SERVER, CP);
		rig.hlak[bit / 8] ^= (uint8_t)(1 << bit % 8);
		rig_hlak(&rig);
		rig_recv_octets(&rig, rig.connected, sizeof(rig.connected));
		assert_aborted(&rig, 3, 4, EV_SSTP_BINDING_MAC);
		rig_done(&rig);
	}
}

static void the_halves_of_the_key_swapped_end_the_call(void **state)
{
	struct hexlit h = vector_octets("e2e-mschapv2-sha256-WRONG-ORDER", "call_connected");
	struct rig rig;

	rig_enter(&rig, SSTP_SERVER, CP);
	rig_hlak(&rig);
	rig_recv_octets(&rig, h.p, h.n);
	assert_aborted(&rig, 3, 4, EV_SSTP_BINDING_MAC);
	rig_done(&rig);
}

/* Every vector, from the server's point of view, with its own key. */
static void every_vector_brings_the_call_up(void **state)
{
	static const char *const ids[] = {"e2e-mschapv2-sha256", "e2e-mschapv2-sha1",
		"e2e-zero-hlak-sha256", "e2e-zero-hlak-sha1", "e2e-eap-msk64-sha256",
		"e2e-peap-sha256"};

	for (size_t i = 0; i < ARRAY_SIZE(ids); i++)
		for (int early = 0; early < 2; early++) {
			struct hexlit packet = vector_octets(ids[i], "call_connected");
			struct hexlit hlak = vector_octets(ids[i], "hlak");
			struct rig rig;

			rig_enter(&rig, SSTP_SERVER, CP);
			memcpy(rig.hlak, hlak.p, HLAK_LEN);
			if (!early)
				rig_hlak(&rig);
			rig_recv_octets(&rig, packet.p, packet.n);
			if (early) {
				assert_in_state(&rig, CP);
				assert_int_equal(rig.sent.n, 0);
				rig_hlak(&rig);
			}
			assert_int_equal(rig.up, 1);
			assert_in_state(&rig, C);
			assert_int_equal(sstp_call_binding(rig.call).hash, packet.p[15]);
			assert_int_equal(sstp_call_binding(rig.call).failure, EV_NONE);
			rig_done(&rig);
		}
}

/* The first row of the server's checks: attribute 3 there, 104 octets, no Status Info that errs. */
static void a_call_connected_without_a_whole_binding_is_refused(void **state)
{
	struct rig rig;

	for (unsigned length = 4; length <= 120; length++) {
		uint8_t packet[132] = {
			0x10, 1, 0, (uint8_t)(8 + length), 0, 4, 0, 1, 0, 3, 0, (uint8_t)length};

		if (length == 104)
			continue;
		rig_enter(&rig, SSTP_SERVER, CP);
		rig_hlak(&rig);
		rig_recv_octets(&rig, packet, 8 + length);
		assert_aborted(&rig, 2, 9, EV_SSTP_BINDING_MISSING);
		rig_done(&rig);
	}
	for (int i = 0; i < 2; i++) {
		struct hexlit status =
			hexlit(i ? "0002000c 00000003 00000004" : "0009000c 00000000 00000000");
		uint8_t packet[124];

		rig_enter(&rig, SSTP_SERVER, CP);
		rig_hlak(&rig);
		memcpy(packet, rig.connected, 112);
		memcpy(packet + 112, status.p, 12);
		packet[3] = 124;
		packet[7] = 2;
		rig_recv_octets(&rig, packet, sizeof(packet));
		assert_aborted(&rig, 2, 9, EV_SSTP_BINDING_MISSING);
		rig_done(&rig);
	}
}

static void an_early_call_connected_waits_for_the_key_and_frames_go_on(void **state)
{
	struct rig rig;

	rig_enter(&rig, SSTP_SERVER, CP);
	rig_recv_octets(&rig, rig.connected, sizeof(rig.connected));
	assert_int_equal(rig.sent.n, 0);
	rig_recv(&rig, LCP_PACKET IP_PACKET LCP_PACKET);
	assert_int_equal(rig.frames, 2); /* data is not let through */
	rig.now_ms += 59999;
	rig_hlak(&rig);
	assert_int_equal(rig.up, 1);
	rig_recv(&rig, IP_PACKET);
	assert_int_equal(rig.frames, 1);
	rig_done(&rig);
}

static void a_second_call_connected_while_one_is_held_ends_the_call(void **state)
{
	struct rig rig;

	rig_enter(&rig, SSTP_SERVER, CP);
	rig_recv_octets(&rig, rig.connected, sizeof(rig.connected));
	rig_recv_octets(&rig, rig.connected, sizeof(rig.connected));
	assert_aborted(&rig, 2, 5, EV_SSTP_UNEXPECTED_MESSAGE);
	rig_done(&rig);
}

static void a_held_call_connected_does_not_stop_the_negotiation_timer(void **state)
{
	struct rig rig;

	rig_enter(&rig, SSTP_SERVER, CP);
	rig.now_ms += 30000;
	rig_recv_octets(&rig, rig.connected, sizeof(rig.connected));
	rig_tick_at(&rig, rig.now_ms + 29999);
	assert_in_state(&rig, CP);
	rig_tick_at(&rig, rig.now_ms + 1);
	assert_aborted(&rig, 2, 8, EV_SSTP_AUTH_TIMEOUT);
	rig_done(&rig);
}

static void a_binding_that_is_not_required_is_only_reported(void **state)
{
	struct rig rig;
	struct sstp_call_opts opts = rig_opts(&rig, SSTP_SERVER);

	opts.require_binding = false;
	assert_int_equal(sstp_call_new(&opts, &rig.call), 0);
	sstp_call_start(rig.call, rig.now_ms);
	rig_recv(&rig, REQUEST);
	rig.hlak[3] ^= 1;
	rig_recv_octets(&rig, rig.connected, sizeof(rig.connected));
	assert_int_equal(rig.up, 0); /* still not before authentication */
	rig_hlak(&rig);
	assert_int_equal(rig.up, 1);
	assert_int_equal(sstp_call_binding(rig.call).failure, EV_SSTP_BINDING_MAC);
	rig_done(&rig);
}

static void the_certificate_the_client_saw_can_be_asked_for(void **state)
{
	struct sstp_call_binding binding;
	struct rig rig;

	rig_enter(&rig, SSTP_SERVER, CP);
	rig_hlak(&rig);
	rig.connected[50] ^= 0x10;
	rig_recv_octets(&rig, rig.connected, sizeof(rig.connected));
	binding = sstp_call_binding(rig.call);
	assert_int_equal(binding.failure, EV_SSTP_BINDING_MISMATCH);
	assert_int_equal(binding.hash, CERT_HASH_PROTOCOL_SHA256);
	assert_memory_equal(binding.cert_hash, rig.connected + 48, SSTP_HASH_FIELD_LEN);
	rig_done(&rig);
}

/* With a key of zeros everybody can compute the MAC: right, and proof of nothing. */
static void a_binding_made_without_a_key_is_told_from_one_with(void **state)
{
	for (int keyed = 0; keyed < 2; keyed++) {
		struct rig rig;

		rig_enter(&rig, SSTP_CLIENT, AR);
		if (!keyed)
			memset(rig.hlak, 0, sizeof(rig.hlak));
		rig_hlak(&rig);
		assert_int_equal(rig.up, 1);
		assert_int_equal(sstp_call_binding(rig.call).keyed, keyed);
		rig_done(&rig);
	}
}

/* What follows CALL_CONNECTED and is answered shows that it was not refused. */
static void an_echo_is_asked_for_and_noticed(void **state)
{
	struct rig rig;

	rig_enter(&rig, SSTP_CLIENT, AR);
	assert_false(sstp_call_echo(rig.call, rig.now_ms)); /* there is no binding yet */
	rig_done(&rig);
	rig_enter(&rig, SSTP_CLIENT, C);
	rig_recv(&rig, ECHO_RESPONSE);
	assert_false(sstp_call_echoed(rig.call)); /* the answer to nothing */
	assert_true(sstp_call_echo(rig.call, rig.now_ms));
	rig_collect(&rig);
	assert_sent(&rig, ECHO_REQUEST);
	rig_recv(&rig, IP_PACKET);
	assert_false(sstp_call_echoed(rig.call));
	rig_recv(&rig, ECHO_RESPONSE);
	assert_true(sstp_call_echoed(rig.call));
	rig_recv(&rig, ABORT_MSG);
	assert_false(sstp_call_echo(rig.call, rig.now_ms));
	rig_done(&rig);
}

static void a_disconnect_that_names_the_binding_refuses_it(void **state)
{
	struct rig rig;

	rig_enter(&rig, SSTP_CLIENT, C);
	rig_recv(&rig, "10010014 0006 0001 0002000c 00000003 00000004");
	assert_int_equal(sstp_call_reason(rig.call), EV_SSTP_BINDING_REFUSED);
	rig_done(&rig);
	rig_enter(&rig, SSTP_CLIENT, AR); /* none was sent: it cannot be what is refused */
	rig_recv(&rig, PAIR("03", "04"));
	assert_int_equal(sstp_call_reason(rig.call), EV_SSTP_PEER_ABORTED);
	rig_done(&rig);
}

/* --- NAKs --- */

static void the_fourth_bad_request_ends_the_call(void **state)
{
	struct rig rig;

	rig_enter(&rig, SSTP_SERVER, RP);
	for (int i = 0; i < 3; i++) {
		rig_recv(&rig, REQUEST_BAD);
		assert_sent(&rig, NAK);
	}
	rig_recv(&rig, REQUEST_BAD);
	assert_aborted(&rig, 2, 6, EV_SSTP_TOO_MANY_NAKS);
	rig_done(&rig);
}

static void a_good_request_is_welcome_after_three_bad_ones(void **state)
{
	struct rig rig;

	rig_enter(&rig, SSTP_SERVER, RP);
	rig_recv(&rig, REQUEST_BAD REQUEST_BAD REQUEST_BAD REQUEST);
	assert_sent(&rig, NAK NAK NAK ACK);
	assert_int_equal(rig.started, 1);
	rig_done(&rig);
}

static void naks_do_not_prolong_the_negotiation(void **state)
{
	struct rig rig;

	rig_enter(&rig, SSTP_SERVER, RP);
	rig.now_ms += 50000;
	rig_recv(&rig, REQUEST_BAD);
	rig_tick_at(&rig, rig.now_ms + 10000);
	assert_aborted(&rig, 2, 8, EV_SSTP_NO_CONNECT_REQUEST);
	rig_done(&rig);
}

static void the_client_asks_three_times_more_and_no_further(void **state)
{
	struct sstp_call_status status;
	struct rig rig;

	rig_enter(&rig, SSTP_CLIENT, RS);
	for (int i = 0; i < 3; i++) {
		rig.now_ms += 59000;
		rig_recv(&rig, NAK);
		assert_sent(&rig, REQUEST);
		assert_int_equal(sstp_call_deadline(rig.call), rig.now_ms + 60000);
	}
	rig_recv(&rig, NAK);
	assert_aborted(&rig, 2, 6, EV_SSTP_CONNECT_REFUSED);
	status = sstp_call_status(rig.call);
	assert_true(status.known && status.from_peer);
	assert_int_equal(status.message, SSTP_MSG_CALL_CONNECT_NAK);
	assert_int_equal(status.attrib_id, SSTP_ATTRIB_ENCAPSULATED_PROTOCOL_ID);
	assert_int_equal(status.status, ATTRIB_STATUS_VALUE_NOT_SUPPORTED);
	rig_done(&rig);
}

/* --- timers --- */

/* Not a millisecond early, in every state that has a timer. */
static void no_timer_runs_out_before_its_time(void **state)
{
	static const unsigned ms[STATES] = {[NEGOTIATING_1] = 60000,
		[NEGOTIATING_2] = 60000,
		[C] = 60000,
		[AP] = 3000,
		[AT] = 1000,
		[DA] = 5000,
		[DT] = 1000};

	for (enum sstp_role role = SSTP_CLIENT; role <= SSTP_SERVER; role++)
		for (enum where where = NEGOTIATING_1; where < STATES; where++) {
			struct rig rig;

			rig_enter(&rig, role, where);
			assert_int_equal(sstp_call_deadline(rig.call), rig.now_ms + ms[where]);
			rig_tick_at(&rig, rig.now_ms + ms[where] - 1);
			assert_int_equal(rig.sent.n + rig.closed, 0);
			assert_in_state(&rig, where);
			rig_tick_at(&rig, rig.now_ms + 1);
			assert_true(rig.sent.n + rig.closed > 0);
			rig_done(&rig);
		}
}

static void negotiation_timeouts_say_what_was_missing(void **state)
{
	struct rig rig;

	rig_enter(&rig, SSTP_CLIENT, RS);
	rig_tick_at(&rig, rig.now_ms + 60000);
	assert_aborted(&rig, 2, 8, EV_SSTP_NO_CONNECT_ACK);
	rig_done(&rig);
	rig_enter(&rig, SSTP_CLIENT, AR);
	rig_tick_at(&rig, rig.now_ms + 60000);
	assert_aborted(&rig, 2, 8, EV_SSTP_AUTH_TIMEOUT);
	rig_done(&rig);
	rig_enter(&rig, SSTP_SERVER, CP);
	rig_tick_at(&rig, rig.now_ms + 60000);
	assert_aborted(&rig, 2, 8, EV_SSTP_AUTH_TIMEOUT);
	rig_done(&rig);
	rig_enter(&rig, SSTP_SERVER, CP);
	rig_hlak(&rig);
	rig_tick_at(&rig, rig.now_ms + 60000);
	assert_aborted(&rig, 2, 8, EV_SSTP_NO_CALL_CONNECTED);
	rig_done(&rig);
}

static void a_silent_peer_is_asked_once_and_dropped_without_abort(void **state)
{
	for (enum sstp_role role = SSTP_CLIENT; role <= SSTP_SERVER; role++) {
		struct rig rig;

		rig_enter(&rig, role, C);
		rig_tick_at(&rig, rig.now_ms + 60000);
		assert_sent(&rig, ECHO_REQUEST);
		rig_tick_at(&rig, rig.now_ms + 59999);
		assert_int_equal(rig.sent.n + rig.closed, 0);
		rig_tick_at(&rig, rig.now_ms + 1);
		assert_int_equal(rig.sent.n, 0);
		assert_int_equal(rig.closed, 1);
		assert_int_equal(rig.reason, EV_SSTP_PEER_SILENT);
		rig_done(&rig);
	}
}

/* Peers exist that never answer an echo: any packet proves life. */
static void any_packet_after_the_echo_request_proves_life(void **state)
{
	static const char *const packets[] = {
		ECHO_RESPONSE, ECHO_REQUEST, LCP_PACKET, IP_PACKET, "10000004"};

	for (size_t i = 0; i < ARRAY_SIZE(packets); i++) {
		struct rig rig;

		rig_enter(&rig, SSTP_CLIENT, C);
		for (int round = 0; round < 5; round++) {
			rig_tick_at(&rig, rig.now_ms + 60000);
			assert_sent(&rig, ECHO_REQUEST);
			rig.now_ms += round ? 59999 : 0; /* the first in the same millisecond */
			rig_recv(&rig, packets[i]);
			assert_int_equal(sstp_call_deadline(rig.call), rig.now_ms + 60000);
		}
		assert_in_state(&rig, C);
		rig_done(&rig);
	}
}

/* Another login wants what this call holds. */
static void a_peer_that_is_probed_answers_in_time_or_is_dropped(void **state)
{
	static const enum where states[] = {C, CP};
	struct rig rig;

	for (size_t i = 0; i < ARRAY_SIZE(states); i++) {
		rig_enter(&rig, SSTP_SERVER, states[i]);
		rig.now_ms += 1000;
		sstp_call_probe(rig.call, 4000, rig.now_ms);
		rig_tick_at(&rig, rig.now_ms);
		if (states[i] == C)
			assert_sent(&rig, ECHO_REQUEST);
		assert_int_equal(sstp_call_deadline(rig.call), rig.now_ms + 4000);
		rig_tick_at(&rig, rig.now_ms + 2000);
		sstp_call_probe(rig.call, 4000, rig.now_ms); /* the first wait goes on */
		rig_tick_at(&rig, rig.now_ms + 1999);
		assert_int_equal(rig.closed, 0);
		rig_tick_at(&rig, rig.now_ms + 1);
		assert_int_equal(rig.closed, 1);
		assert_int_equal(rig.reason, EV_SSTP_PEER_SILENT);
		rig_done(&rig);
	}
}

static void a_probed_peer_that_says_anything_stays_with_its_usual_timer(void **state)
{
	static const char *const packets[] = {ECHO_RESPONSE, ECHO_REQUEST, LCP_PACKET, IP_PACKET};

	for (size_t i = 0; i < ARRAY_SIZE(packets); i++) {
		struct rig rig;

		rig_enter(&rig, SSTP_SERVER, C);
		for (unsigned late = 0; late < 2; late++) {
			uint64_t heard;

			sstp_call_probe(rig.call, 4000, rig.now_ms);
			rig_tick_at(&rig, rig.now_ms);
			assert_sent(&rig, ECHO_REQUEST);
			rig.now_ms += late * 3999; /* first in the very same millisecond */
			rig_recv(&rig, packets[i]);
			rig.sent.n = 0;
			heard = rig.now_ms;
			rig_tick_at(&rig, heard + 4000);
			assert_int_equal(rig.closed, 0);
			assert_in_state(&rig, C);
			assert_int_equal(sstp_call_deadline(rig.call), heard + 60000);
		}
		/* and the next silence ends it as ever */
		rig_tick_at(&rig, sstp_call_deadline(rig.call));
		assert_sent(&rig, ECHO_REQUEST);
		rig_tick_at(&rig, rig.now_ms + 60000);
		assert_int_equal(rig.reason, EV_SSTP_PEER_SILENT);
		rig_done(&rig);
	}
}

/* What was heard before the question is no answer to it. */
static void data_in_the_millisecond_before_a_probe_proves_nothing(void **state)
{
	struct rig rig;

	rig_enter(&rig, SSTP_SERVER, C);
	rig.now_ms += 1000;
	rig_recv(&rig, IP_PACKET);
	sstp_call_probe(rig.call, 4000, rig.now_ms);
	rig_tick_at(&rig, rig.now_ms + 4000);
	assert_int_equal(rig.reason, EV_SSTP_PEER_SILENT);
	rig_done(&rig);
}

static void half_a_packet_proves_nothing(void **state)
{
	struct rig rig;
	uint64_t deadline;

	rig_enter(&rig, SSTP_SERVER, C);
	deadline = sstp_call_deadline(rig.call);
	rig.now_ms += 5000;
	rig_recv(&rig, "1000 0010");
	assert_int_equal(sstp_call_deadline(rig.call), deadline);
	rig_done(&rig);
}

static void the_hello_interval_can_be_shortened(void **state)
{
	struct rig rig;
	struct sstp_call_opts opts = rig_opts(&rig, SSTP_CLIENT);

	opts.hello_ms = 20000;
	assert_int_equal(sstp_call_new(&opts, &rig.call), 0);
	sstp_call_start(rig.call, rig.now_ms);
	rig_recv(&rig, ACK);
	rig_hlak(&rig);
	assert_int_equal(sstp_call_deadline(rig.call), rig.now_ms + 20000);
	rig_tick_at(&rig, rig.now_ms + 20000);
	assert_sent(&rig, ECHO_REQUEST);
	rig_done(&rig);
}

static void the_waits_of_the_set_up_can_be_shortened(void **state)
{
	struct rig rig;
	struct sstp_call_opts opts = rig_opts(&rig, SSTP_SERVER);

	opts.negotiation_ms = 5000;
	assert_int_equal(sstp_call_new(&opts, &rig.call), 0);
	sstp_call_start(rig.call, rig.now_ms);
	assert_int_equal(sstp_call_deadline(rig.call), rig.now_ms + 5000);
	rig_done(&rig);
}

/* --- the client --- */

static void the_client_sends_call_connected_as_the_vectors_have_it(void **state)
{
	static const struct {
		const char *id, *ack;
	} cases[] = {{"e2e-mschapv2-sha256", ACK}, {"e2e-mschapv2-sha1", ACK_SHA1},
		{"e2e-zero-hlak-sha256", ACK}, {"e2e-peap-sha256", ACK}};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct hexlit packet = vector_octets(cases[i].id, "call_connected");
		struct hexlit hlak = vector_octets(cases[i].id, "hlak");
		struct rig rig;

		rig_enter(&rig, SSTP_CLIENT, RS);
		memcpy(rig.hlak, hlak.p, HLAK_LEN);
		rig_recv(&rig, cases[i].ack);
		assert_int_equal(rig.started, 1);
		rig_hlak(&rig);
		assert_int_equal(rig.sent.n, packet.n);
		assert_memory_equal(rig.sent.p, packet.p, packet.n);
		assert_int_equal(rig.up, 1);
		rig_done(&rig);
	}
}

static void a_client_that_may_not_use_sha1_refuses_a_server_with_nothing_else(void **state)
{
	struct rig rig;
	struct sstp_call_opts opts = rig_opts(&rig, SSTP_CLIENT);

	opts.hashes = CERT_HASH_PROTOCOL_SHA256;
	assert_int_equal(sstp_call_new(&opts, &rig.call), 0);
	sstp_call_start(rig.call, rig.now_ms);
	rig_collect(&rig);
	rig_recv(&rig, ACK_SHA1);
	assert_aborted(&rig, 4, 4, EV_SSTP_NO_COMMON_HASH);
	rig_done(&rig);
}

/* The server cannot say more on the wire than AttribID and Status. */
static void the_peers_abort_becomes_the_event_that_fits_its_status(void **state)
{
	static const struct {
		const char *octets;
		enum event why;
		bool known;
	} cases[] = {
		{PAIR("03", "04"), EV_SSTP_BINDING_REFUSED, true},
		{PAIR("02", "08"), EV_SSTP_PEER_GAVE_UP, true},
		{PAIR("02", "07"), EV_SSTP_PEER_ABORTED, true},
		{PAIR("02", "04"), EV_SSTP_PEER_ABORTED, true},
		{"10010008 0005 0000", EV_SSTP_PEER_ABORTED, false},
		/* A Status Info of eight octets, and one of five: seen from real servers. */
		{"10010010 0005 0001 00020008 00000002", EV_SSTP_PEER_ABORTED, true},
		{"1001000d 0005 0001 00020005 00", EV_SSTP_PEER_ABORTED, false},
		{"1001000c 0005 0001 00020030", EV_SSTP_PEER_ABORTED, false},
		{"10010008 0005 0007", EV_SSTP_PEER_ABORTED, false},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct rig rig;

		rig_enter(&rig, SSTP_CLIENT, C);
		rig_recv(&rig, cases[i].octets);
		assert_sent(&rig, ABORT_MSG);
		assert_in_state(&rig, AT);
		assert_int_equal(sstp_call_reason(rig.call), cases[i].why);
		assert_int_equal(sstp_call_status(rig.call).known, cases[i].known);
		rig_tick_at(&rig, rig.now_ms + 1000);
		assert_int_equal(rig.closed, 1);
		assert_int_equal(rig.reason, cases[i].why);
		rig_done(&rig);
	}
}

static void the_first_reason_stays(void **state)
{
	struct rig rig;

	rig_enter(&rig, SSTP_SERVER, CP);
	rig.connected[100] ^= 1;
	rig_hlak(&rig);
	rig_recv_octets(&rig, rig.connected, sizeof(rig.connected));
	rig_recv(&rig, ABORT_MSG);
	sstp_call_https_gone(rig.call);
	rig_collect(&rig);
	assert_int_equal(rig.reason, EV_SSTP_BINDING_MAC);
	assert_false(sstp_call_status(rig.call).from_peer);
	assert_int_equal(sstp_call_status(rig.call).attrib_id, SSTP_ATTRIB_CRYPTO_BINDING);
	rig_done(&rig);
}

/* --- what comes in, in pieces and in crowds --- */

/* What happened, as text: one letter an event, then the octets sent. */
static void conversation(enum sstp_role role, size_t cut, char *ret, size_t cap)
{
	struct hexlit in = hexlit(
		role == SSTP_SERVER ? REQUEST LCP_PACKET IP_PACKET : ACK LCP_PACKET IP_PACKET);
	struct hexlit tail =
		hexlit(IP_PACKET ECHO_REQUEST LCP_PACKET "10000004" DISCONNECT IP_PACKET);
	struct sstp_call_event ev;
	struct rig rig;
	size_t n = 0;

	rig_enter(&rig, role, NEGOTIATING_1);
	if (role == SSTP_SERVER) {
		memcpy(in.p + in.n, rig.connected, sizeof(rig.connected));
		in.n += sizeof(rig.connected);
	}
	memcpy(in.p + in.n, tail.p, tail.n);
	in.n += tail.n;
	cut = cut < in.n ? cut : in.n;
	for (size_t at = 0; at < in.n; at = at < cut ? cut : in.n) {
		size_t end = at < cut ? cut : in.n;
		uint8_t *piece = malloc(end - at);

		memcpy(piece, in.p + at, end - at);
		sstp_call_recv(rig.call, piece, end - at, rig.now_ms);
		while (sstp_call_next_event(rig.call, &ev)) {
			n += (size_t)snprintf(ret + n, cap - n, "%c", "sfuc"[ev.type]);
			if (ev.type == SSTP_CALL_PPP_START)
				sstp_call_set_hlak(rig.call, rig.hlak, rig.now_ms);
			if (ev.type == SSTP_CALL_PPP_FRAME)
				n += (size_t)snprintf(ret + n, cap - n, "%zu", rd_left(&ev.frame));
		}
		free(piece);
	}
	rig_collect(&rig);
	for (size_t i = 0; i < rig.sent.n; i++)
		n += (size_t)snprintf(ret + n, cap - n, " %02x", rig.sent.p[i]);
	snprintf(ret + n, cap - n, " %s", sstp_call_state_name(rig.call));
	rig_done(&rig);
}

static void a_stream_cut_at_any_octet_comes_to_the_same(void **state)
{
	char whole[2048], cut[2048];

	for (enum sstp_role role = SSTP_CLIENT; role <= SSTP_SERVER; role++) {
		conversation(role, 0, whole, sizeof(whole));
		assert_non_null(strstr(whole, "Call_Disconnect_Timeout_Pending"));
		assert_non_null(strstr(whole, role == SSTP_CLIENT ? "suf12f6f6f12" : "sf12uf6f12"));
		for (size_t at = 1; at < 260; at++) {
			conversation(role, at, cut, sizeof(cut));
			assert_string_equal(cut, whole);
		}
	}
}

static void frames_are_handed_up_where_they_lie(void **state)
{
	struct hexlit h = hexlit(IP_PACKET LCP_PACKET IP_PACKET);
	const size_t at[] = {4, 14, 30};
	struct sstp_call_event ev;
	struct rig rig;

	rig_enter(&rig, SSTP_SERVER, C);
	sstp_call_recv(rig.call, h.p, h.n, rig.now_ms);
	for (size_t i = 0; i < ARRAY_SIZE(at); i++) {
		assert_true(sstp_call_next_event(rig.call, &ev));
		assert_ptr_equal(ev.frame.p, h.p + at[i]);
	}
	assert_false(sstp_call_next_event(rig.call, &ev));
	rig_done(&rig);
}

/* Which frames are control: the forms with and without address, control and compressed protocol. */
static void only_control_frames_pass_before_the_call_is_up(void **state)
{
	static const struct {
		const char *octets;
		bool control;
	} cases[] = {
		{"1000000a ff03 c021 0101", true},
		{"10000008 c021 0101", true},
		{"1000000a ff03 c223 0101", true},
		{"1000000a ff03 8021 0101", true},
		{"1000000a ff03 80fd 0101", true},
		{"1000000a ff03 0021 4500", false},
		{"1000000a ff03 0057 6000", false},
		{"10000009 ff03 21 4500", false},
		{"10000007 21 4500", false},
		{"10000007 57 6000", false},
		{"10000008 0021 4500", false},
		{"10000008 00fd 4500", false},
		{"10000006 ff03", false},
		{"10000005 ff", false},
		{"10000005 c1", false},
		{"10000008 ff04 c021", false},
		{"10000005 c0", true},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct rig rig;

		rig_enter(&rig, SSTP_SERVER, CP);
		rig_recv(&rig, cases[i].octets);
		assert_int_equal(rig.frames, cases[i].control);
		rig_done(&rig);
	}
}

static void a_closing_call_that_is_shouted_at_ends_at_once(void **state)
{
	for (enum where where = AP; where < STATES; where++) {
		unsigned n = 0;
		struct rig rig;

		rig_enter(&rig, SSTP_SERVER, where);
		for (rig.closed = 0; !rig.closed; n++) {
			assert_true(n <= SSTP_CONTROL_BEFORE_CALL_MAX);
			rig_recv(&rig, ECHO_REQUEST);
			assert_int_equal(rig.sent.n, 0);
		}
		assert_true(n > SSTP_CONTROL_BEFORE_CALL_MAX - 4); /* the handshake took some */
		rig_done(&rig);
	}
}

static void echoes_nobody_reads_are_bounded_and_the_call_can_still_end(void **state)
{
	struct hexlit echo = hexlit(ECHO_REQUEST);
	uint8_t frame[SSTP_FRAME_MAX] = {0xff, 0x03, 0xc0, 0x21};
	struct sstp_call_event ev;
	struct rig rig;

	rig_enter(&rig, SSTP_SERVER, C);
	for (int i = 0; i < 20000; i++) {
		sstp_call_recv(rig.call, echo.p, echo.n, rig.now_ms);
		assert_false(sstp_call_next_event(rig.call, &ev));
	}
	assert_in_state(&rig, C);
	assert_int_equal(buf_len(sstp_call_output(rig.call)),
		(SSTP_OUTPUT_MAX - SSTP_OUTPUT_RESERVE) / 8 * 8);
	assert_int_equal(sstp_call_send_frame(rig.call, frame, sizeof(frame)), -ENOBUFS);
	sstp_call_disconnect(rig.call, EV_OUT_OF_MEMORY, rig.now_ms);
	assert_in_state(&rig, DA);
	rig_done(&rig);
}

static void frames_too_large_for_a_packet_are_refused(void **state)
{
	uint8_t frame[SSTP_FRAME_MAX + 1] = {0xff, 0x03, 0xc0, 0x21};
	struct rig rig;

	rig_enter(&rig, SSTP_CLIENT, AR);
	assert_int_equal(sstp_call_send_frame(rig.call, frame, 0), -EMSGSIZE);
	assert_int_equal(sstp_call_send_frame(rig.call, frame, sizeof(frame)), -EMSGSIZE);
	assert_int_equal(sstp_call_send_frame(rig.call, frame, sizeof(frame) - 1), 0);
	assert_int_equal(buf_len(sstp_call_output(rig.call)), SSTP_PACKET_MAX);
	rig_done(&rig);
	rig_enter(&rig, SSTP_CLIENT, RS);
	assert_int_equal(sstp_call_send_frame(rig.call, frame, 8), -ENOTCONN);
	rig_done(&rig);
}

/* Octets and frames behind the packet that ended the stream are not looked at. */
static void nothing_is_read_behind_a_lost_stream(void **state)
{
	struct rig rig;

	rig_enter(&rig, SSTP_CLIENT, C);
	rig_recv(&rig, IP_PACKET "22000004" IP_PACKET);
	assert_int_equal(rig.frames, 1);
	assert_int_equal(rig.closed, 1);
	assert_int_equal(rig.sent.n, 0);
	assert_int_equal(rig.reason, EV_SSTP_STREAM_LOST);
	rig_recv(&rig, IP_PACKET);
	assert_int_equal(rig.frames, 0);
	rig_done(&rig);
}

/* --- options and ends --- */

static void options_that_make_no_sense_are_refused(void **state)
{
	struct sstp_cert_hash certs[SSTP_CERTS_MAX + 1] = {{{1}, {1}}};
	struct sstp_call *call;
	struct rig rig;
	struct sstp_call_opts good = rig_opts(&rig, SSTP_SERVER), opts;

	opts = good;
	opts.n_certs = 0;
	assert_int_equal(sstp_call_new(&opts, &call), -EINVAL);
	opts.require_binding = false; /* then a server may know no certificate */
	assert_int_equal(sstp_call_new(&opts, &call), 0);
	sstp_call_free(call);
	opts.role = SSTP_CLIENT;
	assert_int_equal(sstp_call_new(&opts, &call), -EINVAL);
	opts = good;
	opts.hashes = 4;
	assert_int_equal(sstp_call_new(&opts, &call), -EINVAL);
	opts = good;
	opts.certs = certs;
	opts.n_certs = SSTP_CERTS_MAX + 1;
	assert_int_equal(sstp_call_new(&opts, &call), -EINVAL);
	opts.n_certs = SSTP_CERTS_MAX;
	assert_int_equal(sstp_call_new(&opts, &call), 0);
	sstp_call_free(call);
	opts.role = SSTP_CLIENT;
	assert_int_equal(sstp_call_new(&opts, &call), -EINVAL);
	sstp_call_free(NULL);
}

/* A certificate being renewed: clients that saw the old one and the new one both get in. */
static void any_configured_certificate_brings_the_call_up(void **state)
{
	for (size_t at = 0; at < 3; at++) {
		struct sstp_cert_hash certs[3] = {{{7}, {7}}, {{8}, {8}}, {{9}, {9}}};
		struct rig rig;
		struct sstp_call_opts opts = rig_opts(&rig, SSTP_SERVER);

		certs[at] = rig.cert;
		opts.certs = certs;
		opts.n_certs = 3;
		assert_int_equal(sstp_call_new(&opts, &rig.call), 0);
		memset(certs, 0, sizeof(certs)); /* they were copied */
		sstp_call_start(rig.call, rig.now_ms);
		rig_recv(&rig, REQUEST);
		rig_hlak(&rig);
		rig_recv_octets(&rig, rig.connected, sizeof(rig.connected));
		assert_int_equal(rig.up, 1);
		rig_done(&rig);
	}
}

static void the_offered_hashes_are_those_of_the_options(void **state)
{
	for (uint8_t hashes = 1; hashes <= 3; hashes++) {
		struct rig rig;
		struct sstp_call_opts opts = rig_opts(&rig, SSTP_SERVER);

		opts.hashes = hashes;
		assert_int_equal(sstp_call_new(&opts, &rig.call), 0);
		sstp_call_start(rig.call, rig.now_ms);
		rig_recv(&rig, REQUEST);
		assert_int_equal(rig.sent.n, 48);
		assert_int_equal(rig.sent.p[15], hashes);
		rig_hlak(&rig);
		rig_recv_octets(&rig, rig.connected, sizeof(rig.connected));
		if (hashes & CERT_HASH_PROTOCOL_SHA256)
			assert_int_equal(rig.up, 1);
		else
			assert_aborted(&rig, 3, 4, EV_SSTP_BINDING_HASH_PROTOCOL);
		rig_done(&rig);
	}
}

static void a_polite_end_is_acknowledged_and_told_with_its_reason(void **state)
{
	struct rig rig;

	rig_enter(&rig, SSTP_CLIENT, C);
	rig_disconnect(&rig, EV_SSTP_AUTH_TIMEOUT);
	assert_sent(&rig, DISCONNECT);
	rig_recv(&rig, IP_PACKET LCP_PACKET); /* what was under way */
	assert_int_equal(rig.frames, 0);
	rig_recv(&rig, DISCONNECT_ACK);
	assert_int_equal(rig.closed, 1);
	assert_int_equal(rig.reason, EV_SSTP_AUTH_TIMEOUT);
	rig_done(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_bit_flipped_in_call_connected_ends_the_call),
		cmocka_unit_test(each_bit_flipped_in_a_held_call_connected_ends_the_call),
		cmocka_unit_test(each_bit_flipped_in_the_key_ends_the_call),
		cmocka_unit_test(the_halves_of_the_key_swapped_end_the_call),
		cmocka_unit_test(every_vector_brings_the_call_up),
		cmocka_unit_test(a_call_connected_without_a_whole_binding_is_refused),
		cmocka_unit_test(an_early_call_connected_waits_for_the_key_and_frames_go_on),
		cmocka_unit_test(a_second_call_connected_while_one_is_held_ends_the_call),
		cmocka_unit_test(a_held_call_connected_does_not_stop_the_negotiation_timer),
		cmocka_unit_test(a_binding_that_is_not_required_is_only_reported),
		cmocka_unit_test(the_certificate_the_client_saw_can_be_asked_for),
		cmocka_unit_test(a_binding_made_without_a_key_is_told_from_one_with),
		cmocka_unit_test(an_echo_is_asked_for_and_noticed),
		cmocka_unit_test(a_disconnect_that_names_the_binding_refuses_it),
		cmocka_unit_test(the_fourth_bad_request_ends_the_call),
		cmocka_unit_test(a_good_request_is_welcome_after_three_bad_ones),
		cmocka_unit_test(naks_do_not_prolong_the_negotiation),
		cmocka_unit_test(the_client_asks_three_times_more_and_no_further),
		cmocka_unit_test(no_timer_runs_out_before_its_time),
		cmocka_unit_test(negotiation_timeouts_say_what_was_missing),
		cmocka_unit_test(a_silent_peer_is_asked_once_and_dropped_without_abort),
		cmocka_unit_test(any_packet_after_the_echo_request_proves_life),
		cmocka_unit_test(a_peer_that_is_probed_answers_in_time_or_is_dropped),
		cmocka_unit_test(a_probed_peer_that_says_anything_stays_with_its_usual_timer),
		cmocka_unit_test(data_in_the_millisecond_before_a_probe_proves_nothing),
		cmocka_unit_test(half_a_packet_proves_nothing),
		cmocka_unit_test(the_hello_interval_can_be_shortened),
		cmocka_unit_test(the_waits_of_the_set_up_can_be_shortened),
		cmocka_unit_test(the_client_sends_call_connected_as_the_vectors_have_it),
		cmocka_unit_test(a_client_that_may_not_use_sha1_refuses_a_server_with_nothing_else),
		cmocka_unit_test(the_peers_abort_becomes_the_event_that_fits_its_status),
		cmocka_unit_test(the_first_reason_stays),
		cmocka_unit_test(a_stream_cut_at_any_octet_comes_to_the_same),
		cmocka_unit_test(frames_are_handed_up_where_they_lie),
		cmocka_unit_test(only_control_frames_pass_before_the_call_is_up),
		cmocka_unit_test(a_closing_call_that_is_shouted_at_ends_at_once),
		cmocka_unit_test(echoes_nobody_reads_are_bounded_and_the_call_can_still_end),
		cmocka_unit_test(frames_too_large_for_a_packet_are_refused),
		cmocka_unit_test(nothing_is_read_behind_a_lost_stream),
		cmocka_unit_test(options_that_make_no_sense_are_refused),
		cmocka_unit_test(any_configured_certificate_brings_the_call_up),
		cmocka_unit_test(the_offered_hashes_are_those_of_the_options),
		cmocka_unit_test(a_polite_end_is_acknowledged_and_told_with_its_reason),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
