// SPDX-License-Identifier: Apache-2.0
/* LCP as a peer sees it: a whole end, of which only LCP is looked at. */
#include "unit/ppp/talk.h"
#include "vectors.h"

static const enum auth_method mschapv2_pap[] = {AUTH_MSCHAPV2, AUTH_PAP};
static const enum auth_method all_three[] = {AUTH_MSCHAPV2, AUTH_CHAP_MD5, AUTH_PAP};

/* A server in Req-Sent whose Request was taken out of the way. */
static void server(struct talk *t)
{
	struct ppp_opts opts = talk_server_opts(mschapv2_pap, 2);

	talk_start(t, &opts);
	talk_advance(t, 1000);
	talk_expect(t, "ff03c021 01010013 01040578 0305c22381 0506????????");
}

static void client(struct talk *t, const enum auth_method *methods, size_t n)
{
	struct ppp_opts opts = talk_client_opts(methods, n);

	talk_start(t, &opts);
	talk_expect(t, "ff03c021 0101000e 01040578 0506????????");
}

/* The first packet also brings our Request once more; only the answer counts here. */
static void asked(struct talk *t, const char *request, const char *answer)
{
	talk_recv(t, request);
	talk_expect(t, "ff03c021 01010013 01040578 0305c22381 0506????????");
	talk_expect(t, answer);
	talk_expect_quiet(t);
}

static void mru_accm_magic_pfc_acfc_are_acked(void **state)
{
	struct talk t;

	server(&t);
	asked(&t, "ff03c021 01070018 01040ffb 0206ffffffff 0506345f64ca 0702 0802",
		"ff03c021 02070018 01040ffb 0206ffffffff 0506345f64ca 0702 0802");
	assert_int_equal(
		ppp_peer_mru(t.ppp), PPP_MRU_MAX); /* 4091 less what the frame's header takes */
	talk_end(&t);
}

static void an_empty_request_is_acked(void **state)
{
	struct talk t;

	server(&t);
	asked(&t, "ff03c021 01070004", "ff03c021 02070004");
	assert_int_equal(ppp_peer_mru(t.ppp), 1500);
	talk_end(&t);
}

static void callback_multilink_quality_fcs_and_unknown_options_are_rejected(void **state)
{
	struct talk t;

	server(&t);
	asked(&t,
		"ff03c021 0100002e 01040578 0d0306 110405f4 1202 1305010203 17040001 0408c02500000000 090301 0304c023 c80500beef",
		"ff03c021 0400002a 0d0306 110405f4 1202 1305010203 17040001 0408c02500000000 090301 0304c023 c80500beef");
	talk_end(&t);
}

/* [MS-CBCP] 4.1: ACCM, magic, PFC, ACFC and callback, in a frame without FF 03. */
static void the_published_request_with_callback_is_answered(void **state)
{
	struct hexlit h = vector_octets("ms-cbcp-4.1-lcp", "frame");
	struct talk t;

	server(&t);
	ppp_recv(t.ppp, rd_init(h.p, h.n), t.now);
	talk_expect(&t, "ff03c021 01010013 01040578 0305c22381 0506????????");
	talk_expect(&t, "ff03c021 04000007 0d0306");
	talk_end(&t);
}

static void a_tiny_mru_is_nakd_with_1500(void **state)
{
	struct talk t;

	server(&t);
	asked(&t, "ff03c021 01070008 01040001", "ff03c021 03070008 010405dc");
	talk_recv(&t, "ff03c021 01080008 01040240");
	talk_expect(&t, "ff03c021 02080008 01040240");
	assert_int_equal(ppp_peer_mru(t.ppp), 576);
	talk_end(&t);
}

static void a_nak_of_our_mru_is_followed(void **state)
{
	struct talk t;

	server(&t);
	talk_recv(&t, "ff03c021 03010008 010405ac");
	talk_expect(&t, "ff03c021 01020013 010405ac 0305c22381 0506????????");
	talk_recv(&t, "ff03c021 03020008 01040001"); /* not followed */
	talk_expect(&t, "ff03c021 01030013 010405ac 0305c22381 0506????????");
	talk_end(&t);
}

static void a_server_that_rejects_all_our_options_is_lived_with(void **state)
{
	struct talk t;

	client(&t, all_three, 3);
	talk_answer(&t, 4);
	talk_expect(&t, "ff03c021 01020004");
	talk_answer(&t, 2);
	talk_recv(&t, "ff03c021 01010009 0305c22381");
	talk_expect(&t, "ff03c021 02010009 0305c22381");
	assert_string_equal(ppp_phase_name(t.ppp), "Authenticate");
	talk_recv(&t,
		"ff03c021 09090008 01020304"); /* our magic number is gone: Echo-Replies carry zero */
	talk_expect(&t, "ff03c021 0a090008 00000000");
	talk_end(&t);
}

static void a_client_refuses_to_be_asked_by_a_client(void **state)
{
	struct talk t;

	server(&t);
	asked(&t, "ff03c021 01070009 0305c22381", "ff03c021 04070009 0305c22381");
	talk_end(&t);
}

/* SoftEther's way: EAP first, the next choice after a Nak. */
static void an_offer_of_eap_is_nakd_with_our_favourite(void **state)
{
	struct talk t;

	client(&t, all_three, 3);
	talk_recv(&t, "ff03c021 01010008 0304c227");
	talk_expect(&t, "ff03c021 0101000e 01040578 0506????????"); /* may be lost */
	talk_expect(&t, "ff03c021 03010009 0305c22381");
	talk_recv(&t, "ff03c021 01020009 0305c22381");
	talk_expect(&t, "ff03c021 02020009 0305c22381");
	talk_end(&t);
}

/* accel-ppp's way: it walks its own list, whatever our Nak says. */
static void a_server_that_walks_its_own_list_is_followed_as_far_as_max_failure(void **state)
{
	static const char *const walk[] = {
		"0304c023", "0305c22305", "0305c22380", "0304c227", "0305c22306"};
	char packet[64];
	struct talk t;

	for (unsigned n = 0; n <= ARRAY_SIZE(walk); n++) {
		client(&t, mschapv2_pap, 1);
		for (unsigned i = 0; i < n; i++) {
			snprintf(packet, sizeof(packet), "ff03c021 01%02x00%02x %s", 0x40 + i,
				4 + (unsigned)strlen(walk[i]) / 2, walk[i]);
			talk_recv(&t, packet);
			if (!i) /* its first word: our Request may be lost */
				talk_expect(&t, "ff03c021 0101000e 01040578 0506????????");
			snprintf(
				packet, sizeof(packet), "ff03c021 03%02x0009 0305c22381", 0x40 + i);
			talk_expect(&t, packet);
			talk_expect_no_event(&t);
		}
		talk_recv(&t, "ff03c021 01630009 0305c22381");
		if (!n)
			talk_expect(&t, "ff03c021 0101000e 01040578 0506????????");
		talk_expect(&t, "ff03c021 02630009 0305c22381");
		talk_end(&t);
	}
}

/* A server that did not hear us for a while: its one Request, seven times, then what we ask for. */
static void a_request_that_came_seven_times_is_refused_once(void **state)
{
	struct talk t;

	client(&t, mschapv2_pap, 1);
	for (unsigned i = 0; i < 7; i++) {
		talk_recv(&t, "ff03c021 01400008 0304c227");
		if (!i)
			talk_expect(&t, "ff03c021 0101000e 01040578 0506????????");
		talk_expect(&t, "ff03c021 03400009 0305c22381");
		talk_expect_no_event(&t);
	}
	talk_recv(&t, "ff03c021 01410009 0305c22381");
	talk_expect(&t, "ff03c021 02410009 0305c22381");
	talk_end(&t);
}

static void a_server_that_insists_on_eap_is_left_with_a_clear_event(void **state)
{
	static const char *const ours[] = {"0009 0305c22381", "0008 0304c023"};
	char packet[64];
	struct talk t;

	client(&t, mschapv2_pap, 2);
	for (unsigned i = 0; i < FSM_MAX_FAILURE; i++) {
		snprintf(packet, sizeof(packet), "ff03c021 01%02x0008 0304c227", i);
		talk_recv(&t, packet);
		if (!i)
			talk_expect(&t, "ff03c021 0101000e 01040578 0506????????");
		snprintf(packet, sizeof(packet), "ff03c021 03%02x%s", i, ours[i % 2]);
		talk_expect(&t, packet);
		talk_expect_no_event(&t);
	}
	talk_recv(&t, "ff03c021 01090008 0304c227");
	talk_drain(&t);
	talk_advance(&t, 10000);
	talk_expect_closed(&t, EV_LCP_AUTH_NOT_COMMON);
	assert_string_equal(t.ev.detail, "the server asked for EAP; allowed here: MS-CHAPv2, PAP");
	talk_end(&t);
}

/* All that it asked for is named once, and what it said when it hung up. */
static void a_server_that_hangs_up_over_the_method_is_told_from_one_that_just_ends(void **state)
{
	struct talk t;

	client(&t, mschapv2_pap, 1);
	talk_recv(&t, "ff03c021 01010008 0304c023");
	talk_recv(&t, "ff03c021 01020009 0305c22380");
	talk_recv(&t, "ff03c021 01030008 0304c023");
	talk_recv(&t, "ff03c021 01040009 0305c22305");
	talk_recv(&t, "ff03c021 05050006 6e6f");
	talk_expect_closed(&t, EV_LCP_AUTH_NOT_COMMON);
	assert_string_equal(t.ev.detail, "the server asked for PAP, MS-CHAPv1, CHAP-MD5; allowed "
					 "here: MS-CHAPv2; it says \"no\"");
	talk_end(&t);
	client(&t, mschapv2_pap, 1);
	talk_recv(&t, "ff03c021 01010008 0304c023");
	talk_recv(&t, "ff03c021 01020009 0305c22381"); /* agreed */
	talk_recv(&t, "ff03c021 05050006 6e6f");
	talk_expect_closed(&t, EV_LCP_PEER_TERMINATED);
	talk_end(&t);
}

static void a_server_that_asks_for_no_authentication_is_not_trusted(void **state)
{
	struct talk t;

	client(&t, all_three, 3);
	talk_answer(&t, 2);
	talk_recv(&t, "ff03c021 01010004");
	talk_expect(&t, "ff03c021 02010004");
	talk_expect(&t, "ff03c021 05*");
	talk_recv(&t, "ff03c021 06020004");
	talk_expect_closed(&t, EV_LCP_NO_AUTHENTICATION);
	talk_end(&t);
}

/* pppd's way when its only method was Nak'd. */
static void a_server_that_drops_what_it_could_not_agree_on_is_told_from_it(void **state)
{
	struct talk t;

	client(&t, mschapv2_pap, 1);
	talk_answer(&t, 2);
	talk_recv(&t, "ff03c021 01010009 0305c22305");
	talk_expect(&t, "ff03c021 03010009 0305c22381");
	talk_recv(&t, "ff03c021 01020004");
	talk_drain(&t);
	talk_recv(&t, "ff03c021 06020004");
	talk_expect_closed(&t, EV_LCP_AUTH_NOT_COMMON);
	assert_string_equal(t.ev.detail, "the server asked for CHAP-MD5; allowed here: MS-CHAPv2");
	talk_end(&t);
}

static void a_nak_with_another_allowed_method_is_followed(void **state)
{
	struct talk t;

	server(&t);
	talk_recv(&t, "ff03c021 03010008 0304c023");
	talk_expect(&t, "ff03c021 01020012 01040578 0304c023 0506????????");
	talk_end(&t);
}

/* A client that wants something else is offered ours in turn, until its Naks come to Max-Failure. */
static void naks_with_a_foreign_method_bring_our_own_in_turn_and_then_the_end(void **state)
{
	static const char *const ours[] = {"0012 01040578 0304c023", "0013 01040578 0305c22381"};
	char packet[64];
	struct talk t;

	server(&t);
	for (unsigned i = 1; i < FSM_MAX_FAILURE; i++) {
		snprintf(packet, sizeof(packet), "ff03c021 03%02x0008 0304c227", i);
		talk_recv(&t, packet);
		snprintf(packet, sizeof(packet), "ff03c021 01%02x%s 0506????????", i + 1,
			ours[(i - 1) % 2]);
		talk_expect(&t, packet);
		talk_expect_no_event(&t);
	}
	snprintf(packet, sizeof(packet), "ff03c021 03%02x0008 0304c227", FSM_MAX_FAILURE);
	talk_recv(&t, packet);
	talk_drain(&t);
	talk_advance(&t, 6000);
	talk_expect_closed(&t, EV_LCP_AUTH_NOT_COMMON);
	assert_string_equal(t.ev.detail, "the client asked for EAP; allowed here: MS-CHAPv2, PAP");
	talk_end(&t);
}

/* RFC 1661 4.6 at the client's end: after its Max-Failure the Nak becomes a Reject. */
static void a_reject_behind_naks_is_a_method_not_common(void **state)
{
	struct talk t;

	server(&t);
	talk_recv(&t, "ff03c021 03010008 0304c227");
	talk_recv(&t, "ff03c021 04020008 0304c023");
	talk_drain(&t);
	talk_advance(&t, 6000);
	talk_expect_closed(&t, EV_LCP_AUTH_NOT_COMMON);
	talk_end(&t);
}

static void naks_in_a_circle_end_as_well(void **state)
{
	static const char *const naks[] = {"0009 0305c22381", "0008 0304c023"};
	char packet[64];
	struct talk t;

	server(&t);
	for (unsigned i = 1; i <= FSM_MAX_FAILURE; i++) {
		talk_expect_no_event(&t);
		snprintf(packet, sizeof(packet), "ff03c021 03%02x%s", i, naks[i % 2]);
		talk_recv(&t, packet);
	}
	talk_advance(&t, 6000);
	talk_expect_closed(&t, EV_LCP_AUTH_NOT_COMMON);
	talk_end(&t);
}

static void a_client_that_rejects_authentication_is_closed_with_its_own_event(void **state)
{
	struct talk t;

	server(&t);
	talk_recv(&t, "ff03c021 04010009 0305c22381");
	talk_advance(&t, 6000);
	talk_expect_closed(&t, EV_LCP_AUTH_REFUSED);
	talk_end(&t);
}

static void a_looped_link_is_noticed_by_its_magic_number(void **state)
{
	struct talk t;
	uint8_t frame[PPP_FRAME_MAX];
	size_t n;

	server(&t);
	ppp_recv(t.ppp, rd_init(t.last, t.last_len), t.now);
	for (unsigned i = 0; i < 200 && (n = ppp_output(t.ppp, frame, sizeof(frame))); i++)
		ppp_recv(t.ppp, rd_init(frame, n), t.now); /* all that goes out comes back */
	talk_advance(&t, 6000);
	talk_expect_closed(&t, EV_LCP_LOOPBACK);
	talk_end(&t);
}

static void our_own_magic_number_is_nakd_with_another(void **state)
{
	struct talk t;
	char own[80], answer[80];

	server(&t);
	snprintf(own, sizeof(own), "ff03c021 0107000a 0506%02x%02x%02x%02x", t.last[19], t.last[20],
		t.last[21], t.last[22]);
	snprintf(answer, sizeof(answer), "ff03c021 0307000a 0506%02x%02x%02x%02x",
		t.last[19] ^ 0xff, t.last[20] ^ 0xff, t.last[21] ^ 0xff, t.last[22] ^ 0xff);
	asked(&t, own, answer);
	talk_end(&t);
}

static void a_nak_of_our_magic_number_brings_a_new_one(void **state)
{
	struct talk t;
	uint8_t before[4];

	server(&t);
	memcpy(before, t.last + 19, 4);
	talk_recv(&t, "ff03c021 0301000a 050600000001");
	talk_expect(&t, "ff03c021 01020013 01040578 0305c22381 0506????????");
	assert_memory_not_equal(before, t.last + 19, 4);
	talk_end(&t);
}

static void echo_requests_are_answered_only_when_opened(void **state)
{
	struct talk t;

	server(&t);
	talk_recv(&t, "ff03c021 09070008 a1b2c3d4"); /* SoftEther sends them early */
	talk_expect_quiet(&t);
	talk_end(&t);
	talk_server_establish(&t);
	talk_recv(&t, "ff03c021 0907000a a1b2c3d4 beef");
	talk_expect(&t, "ff03c021 0a07000a ???????? beef");
	talk_recv(&t, "ff03c021 0b080008 a1b2c3d4"); /* Discard-Request */
	talk_recv(&t, "ff03c021 0a080008 a1b2c3d4"); /* Echo-Reply to nothing */
	talk_recv(&t, "ff03c021 09080006 a1b2");     /* too short for a magic number */
	talk_expect_quiet(&t);
	talk_expect_no_event(&t);
	talk_end(&t);
}

static void an_echo_reply_is_cut_to_what_the_peer_takes(void **state)
{
	struct hexlit h = {.n = 4 + 4000};
	struct talk t;
	uint8_t frame[PPP_FRAME_MAX];

	memcpy(h.p, "\xff\x03\xc0\x21\x09\x01\x0f\xa0", 8);
	talk_server_establish(&t);
	ppp_recv(t.ppp, rd_init(h.p, h.n), t.now);
	assert_int_equal(ppp_output(t.ppp, frame, sizeof(frame)), 4 + 1500);
	talk_end(&t);
}

static void an_echo_with_our_own_magic_number_means_a_loop(void **state)
{
	struct talk t;
	char echo[64];

	talk_server_establish(&t);
	talk_recv(&t, "ff03c021 09070008 a1b2c3d4");
	talk_expect(&t, "ff03c021 0a070008 ????????");
	snprintf(echo, sizeof(echo), "ff03c021 09080008 %02x%02x%02x%02x", t.last[8], t.last[9],
		t.last[10], t.last[11]);
	talk_recv(&t, echo);
	talk_advance(&t, 6000);
	talk_expect_closed(&t, EV_LCP_LOOPBACK);
	talk_end(&t);
}

static void identifications_are_told_up_to_a_number(void **state)
{
	struct talk t;
	unsigned told = 0;

	talk_server_establish(&t);
	talk_recv(&t, "ff03c021 0c030012 345f64ca 4d53524153 56352e3230");
	talk_expect_event(&t, PPP_IDENTIFICATION);
	assert_string_equal(t.ev.text, "MSRASV5.20");
	talk_recv(&t, "ff03c021 0d04000e 345f64ca 00000078 6279");
	talk_expect_event(&t, PPP_IDENTIFICATION);
	assert_string_equal(t.ev.text, "120 s remaining by");
	for (unsigned i = 0; i < 100; i++) {
		talk_recv(&t, "ff03c021 0c030008 345f64ca");
		while (ppp_next_event(t.ppp, &t.ev))
			told++;
	}
	assert_int_equal(told, PPP_IDENTIFICATIONS_MAX - 2);
	talk_expect_quiet(&t);
	talk_end(&t);
}

static void windows_error_is_read_from_its_terminate_request(void **state)
{
	struct talk t;

	talk_server_establish(&t);
	talk_recv(&t, "ff03c021 05090010 345f64ca 003ccd74 b3020000");
	talk_expect(&t, "ff03c021 06090004");
	talk_expect_closed(&t, EV_LCP_PEER_TERMINATED);
	assert_string_equal(t.ev.detail, "Windows error 691");
	talk_end(&t);
}

static void unknown_codes_are_rejected(void **state)
{
	struct talk t;

	talk_server_establish(&t);
	talk_recv(&t, "ff03c021 0e010004"); /* Reset-Request is CCP's */
	talk_expect(&t, "ff03c021 07??0008 0e010004");
	talk_end(&t);
}

static void protocol_reject_counts_only_when_opened(void **state)
{
	struct talk t;

	server(&t);
	talk_recv(&t, "ff03c021 08010006 c021");
	talk_expect_no_event(&t);
	talk_end(&t);
	talk_server_establish(&t);
	talk_recv(&t, "ff03c021 08010005 c0");   /* cut */
	talk_recv(&t, "ff03c021 08010006 80fd"); /* nothing of ours */
	talk_expect_no_event(&t);
	talk_recv(&t, "ff03c021 08010006 c023");
	talk_advance(&t, 6000);
	talk_expect_closed(&t, EV_AUTH_PROTOCOL_REJECTED);
	talk_end(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mru_accm_magic_pfc_acfc_are_acked),
		cmocka_unit_test(an_empty_request_is_acked),
		cmocka_unit_test(callback_multilink_quality_fcs_and_unknown_options_are_rejected),
		cmocka_unit_test(the_published_request_with_callback_is_answered),
		cmocka_unit_test(a_tiny_mru_is_nakd_with_1500),
		cmocka_unit_test(a_nak_of_our_mru_is_followed),
		cmocka_unit_test(a_server_that_rejects_all_our_options_is_lived_with),
		cmocka_unit_test(a_client_refuses_to_be_asked_by_a_client),
		cmocka_unit_test(an_offer_of_eap_is_nakd_with_our_favourite),
		cmocka_unit_test(a_request_that_came_seven_times_is_refused_once),
		cmocka_unit_test(
			a_server_that_walks_its_own_list_is_followed_as_far_as_max_failure),
		cmocka_unit_test(
			a_server_that_hangs_up_over_the_method_is_told_from_one_that_just_ends),
		cmocka_unit_test(a_server_that_insists_on_eap_is_left_with_a_clear_event),
		cmocka_unit_test(a_server_that_asks_for_no_authentication_is_not_trusted),
		cmocka_unit_test(a_server_that_drops_what_it_could_not_agree_on_is_told_from_it),
		cmocka_unit_test(a_nak_with_another_allowed_method_is_followed),
		cmocka_unit_test(naks_with_a_foreign_method_bring_our_own_in_turn_and_then_the_end),
		cmocka_unit_test(a_reject_behind_naks_is_a_method_not_common),
		cmocka_unit_test(naks_in_a_circle_end_as_well),
		cmocka_unit_test(a_client_that_rejects_authentication_is_closed_with_its_own_event),
		cmocka_unit_test(a_looped_link_is_noticed_by_its_magic_number),
		cmocka_unit_test(our_own_magic_number_is_nakd_with_another),
		cmocka_unit_test(a_nak_of_our_magic_number_brings_a_new_one),
		cmocka_unit_test(echo_requests_are_answered_only_when_opened),
		cmocka_unit_test(an_echo_reply_is_cut_to_what_the_peer_takes),
		cmocka_unit_test(an_echo_with_our_own_magic_number_means_a_loop),
		cmocka_unit_test(identifications_are_told_up_to_a_number),
		cmocka_unit_test(windows_error_is_read_from_its_terminate_request),
		cmocka_unit_test(unknown_codes_are_rejected),
		cmocka_unit_test(protocol_reject_counts_only_when_opened),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
