// SPDX-License-Identifier: Apache-2.0
#include "unit/ppp/talk.h"
#include "vectors.h"

#include "ppp/auth/pap.h"

static void requests_are_parsed_and_cut_ones_refused(void **state)
{
	struct hexlit h = hexlit("0455736572 0a636c69656e7450617373");
	struct pap_request request;

	assert_int_equal(pap_request_parse(rd_init(h.p, h.n), &request), 0);
	assert_octets(request.user.p, rd_left(&request.user), "55736572");
	assert_octets(request.password.p, rd_left(&request.password), "636c69656e7450617373");
	for (size_t n = 0; n < h.n; n++)
		assert_int_equal(pap_request_parse(rd_init(h.p, n), &request), -EPROTO);
	h = hexlit("0000");
	assert_int_equal(pap_request_parse(rd_init(h.p, h.n), &request), 0);
	assert_int_equal(rd_left(&request.user) + rd_left(&request.password), 0);
}

static void the_published_request_becomes_a_proof_and_gets_a_bare_ack(void **state)
{
	struct hexlit h = vector_octets("ppp-frames", "pap_request");
	struct verdict v = talk_verdict();
	struct talk t;

	talk_server_establish(&t);
	ppp_recv(t.ppp, rd_init(h.p + 4, h.n - 4), t.now);
	talk_expect_event(&t, PPP_AUTH_REQUEST);
	assert_int_equal(t.ev.proof->method, AUTH_PAP);
	assert_string_equal(t.ev.proof->user, "User");
	assert_int_equal(t.ev.proof->user_len, 4);
	assert_string_equal(t.ev.proof->password, "clientPass");
	assert_int_equal(t.ev.proof->password_len, 10);
	strcpy(v.message, "welcome"); /* not sent; see "DEVIATION" in pap.c */
	ppp_auth_verdict(t.ppp, &v, t.now);
	talk_expect(&t, "ff03c023 02030004");
	talk_expect_event(&t, PPP_AUTHENTICATED);
	assert_octets(t.ev.hlak, HLAK_LEN,
		"0000000000000000000000000000000000000000000000000000000000000000");
	talk_end(&t);
}

static void names_and_passwords_may_hold_any_octet_and_be_long(void **state)
{
	struct hexlit h = {.n = 4 + 4 + 2 + 255 + 255};
	struct talk t;

	memset(h.p, 0xe9, h.n);
	memcpy(h.p, "\xff\x03\xc0\x23\x01\x07\x02\x04\xff", 9);
	h.p[9 + 3] = 0;
	h.p[9 + 255] = 0xff;
	talk_server_establish(&t);
	ppp_recv(t.ppp, rd_init(h.p, h.n), t.now);
	talk_expect_event(&t, PPP_AUTH_REQUEST);
	assert_int_equal(t.ev.proof->user_len, 255);
	assert_int_equal(t.ev.proof->password_len, 255);
	assert_int_equal(t.ev.proof->user[3], 0);
	assert_int_equal((uint8_t)t.ev.proof->user[254], 0xe9);
	talk_end(&t);
}

static void a_repeated_request_waits_for_the_verdict_and_then_gets_the_same(void **state)
{
	static const char request[] = "ff03c023 01030014 0455736572 0a636c69656e7450617373";
	struct verdict v = talk_verdict();
	struct talk t;

	talk_server_establish(&t);
	talk_recv(&t, request);
	talk_expect_event(&t, PPP_AUTH_REQUEST);
	talk_recv(&t, request);
	talk_expect_no_event(&t);
	talk_expect_quiet(&t);
	ppp_auth_verdict(t.ppp, &v, t.now);
	talk_expect(&t, "ff03c023 02030004");
	talk_drain(&t);
	talk_recv(&t, "ff03c023 01040014 0455736572 0a636c69656e7450617373");
	talk_expect(&t, "ff03c023 02040004");
	talk_expect_event(&t, PPP_AUTHENTICATED);
	talk_expect_no_event(&t);
	talk_end(&t);
}

static void a_refusal_is_a_nak_with_its_message_and_then_the_end(void **state)
{
	struct verdict v = {.error = AUTH_DISABLED, .message = "no"};
	struct talk t;

	talk_server_establish(&t);
	talk_recv(&t, "ff03c023 01030014 0455736572 0a636c69656e7450617373");
	talk_expect_event(&t, PPP_AUTH_REQUEST);
	ppp_auth_verdict(t.ppp, &v, t.now);
	talk_expect(&t, "ff03c023 03030007 026e6f");
	talk_drain(&t);
	talk_recv(&t, "ff03c021 06020004");
	talk_expect_closed(&t, EV_AUTH_DISABLED);
	talk_end(&t);
}

static void a_silent_client_is_waited_for_half_a_minute(void **state)
{
	struct talk t;

	talk_server_establish(&t);
	talk_advance(&t, 29999);
	talk_expect_no_event(&t);
	talk_advance(&t, 1 + 6000);
	talk_expect_closed(&t, EV_AUTH_NO_ANSWER);
	talk_end(&t);
}

static void client(struct talk *t, const char *password)
{
	static const enum auth_method pap[] = {AUTH_PAP};
	struct ppp_opts opts = talk_client_opts(pap, 1);

	opts.password = password;
	talk_start(t, &opts);
	talk_expect(t, "ff03c021 0101000e 01040578 0506????????");
	talk_answer(t, 2);
	talk_recv(t, "ff03c021 01010008 0304c023");
	talk_expect(t, "ff03c021 02010008 0304c023");
}

static void the_client_repeats_its_request_every_3_s_ten_times(void **state)
{
	struct talk t;

	client(&t, "clientPass");
	talk_advance(&t, 29999);
	for (unsigned i = 0; i < AUTH_TRIES; i++)
		talk_expect(&t, "ff03c023 01010014 0455736572 0a636c69656e7450617373");
	talk_expect_quiet(&t);
	talk_advance(&t, 1 + 6000);
	talk_expect_closed(&t, EV_AUTH_NO_ANSWER);
	talk_end(&t);
}

/* RFC 1334 2.2.2 has a Msg-Length; servers leave it out, send zero, or send text. */
static void an_ack_of_any_form_lets_the_client_in(void **state)
{
	static const char *const acks[] = {"ff03c023 02010004", "ff03c023 0201000500",
		"ff03c023 0201000a 0568656c6c6f", "ff03c023 02010006 ff41",
		"ff03c023 02010004 0000", "c023 0201000500"};
	struct hexlit h = vector_octets("ppp-frames", "pap_ack");
	struct talk t;

	for (size_t i = 0; i < ARRAY_SIZE(acks); i++) {
		client(&t, "clientPass");
		talk_expect(&t, "ff03c023 01010014*");
		talk_recv(&t, acks[i]);
		talk_expect_event(&t, PPP_AUTHENTICATED);
		talk_end(&t);
	}
	client(&t, "clientPass");
	talk_drain(&t);
	h.p[9] = 1; /* the identifier of our Request */
	ppp_recv(t.ppp, rd_init(h.p + 4, h.n - 4), t.now);
	talk_expect_event(&t, PPP_AUTHENTICATED);
	talk_end(&t);
}

static void a_nak_of_any_form_ends_the_login(void **state)
{
	static const struct {
		const char *nak, *detail;
	} cases[] = {{"ff03c023 03010004", "PAP"}, {"ff03c023 0301000500", "PAP"},
		{"ff03c023 03010007 026e6f", "PAP, the server says \"no\""}};
	struct talk t;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		client(&t, "x");
		talk_recv(&t, cases[i].nak);
		talk_recv(&t, "ff03c021 06020004");
		talk_expect_closed(&t, EV_AUTH_FAILED);
		assert_string_equal(t.ev.detail, cases[i].detail);
		talk_end(&t);
	}
}

static void a_nak_is_told_with_the_servers_words(void **state)
{
	struct talk t;

	client(&t, "x");
	talk_expect(&t, "ff03c023 0101000b 0455736572 0178");
	talk_recv(&t, "ff03c023 02020005 00"); /* of another Request: passed over */
	talk_recv(&t, "ff03c023 03010007 026e6f");
	talk_drain(&t);
	talk_recv(&t, "ff03c021 06020004");
	talk_expect_closed(&t, EV_AUTH_FAILED);
	assert_string_equal(t.ev.detail, "PAP, the server says \"no\"");
	talk_end(&t);
}

static void a_password_too_long_for_pap_is_said_to_be_so(void **state)
{
	char password[300];
	struct talk t;

	memset(password, 'a', sizeof(password));
	password[299] = '\0';
	client(&t, password);
	talk_drain(&t);
	talk_recv(&t, "ff03c021 06020004");
	talk_expect_closed(&t, EV_AUTH_CANNOT_COMPUTE);
	talk_end(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests_are_parsed_and_cut_ones_refused),
		cmocka_unit_test(the_published_request_becomes_a_proof_and_gets_a_bare_ack),
		cmocka_unit_test(names_and_passwords_may_hold_any_octet_and_be_long),
		cmocka_unit_test(a_repeated_request_waits_for_the_verdict_and_then_gets_the_same),
		cmocka_unit_test(a_refusal_is_a_nak_with_its_message_and_then_the_end),
		cmocka_unit_test(a_silent_client_is_waited_for_half_a_minute),
		cmocka_unit_test(the_client_repeats_its_request_every_3_s_ten_times),
		cmocka_unit_test(an_ack_of_any_form_lets_the_client_in),
		cmocka_unit_test(a_nak_of_any_form_ends_the_login),
		cmocka_unit_test(a_nak_is_told_with_the_servers_words),
		cmocka_unit_test(a_password_too_long_for_pap_is_said_to_be_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
