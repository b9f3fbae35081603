// SPDX-License-Identifier: Apache-2.0
/* Which method runs, and what ends a login before one has judged anything. */
#include "talk.h"

static const uint8_t both[] = {EAP_MSCHAPV2, EAP_MD5};

static void the_first_enabled_method_begins(void **state)
{
	struct talk t;

	(void)state;
	talk_begin(&t, both, 2);
	assert_int_equal(talk_identity(&t, "alice"), EAP_STEP_SEND);
	assert_int_equal(talk_request(&t).type, EAP_MSCHAPV2);
	assert_int_equal(talk_request(&t).identifier, 0x21);
	assert_string_equal(eap_word(t.eap), "eap-mschapv2");
	talk_end(&t);
}

static void a_nak_chooses_from_the_peers_list_in_its_order(void **state)
{
	static const uint8_t md5_last[] = {EAP_MSCHAPV2, EAP_MD5};
	struct talk t;

	(void)state;
	talk_begin(&t, md5_last, 2);
	talk_identity(&t, "alice");
	assert_int_equal(talk_nak(&t, "\x0d\x2b\x04", 3), EAP_STEP_SEND);
	assert_int_equal(talk_request(&t).type, EAP_MD5);
	assert_int_equal(talk_request(&t).identifier, 0x22);
	talk_end(&t);
}

static void a_nak_of_nothing_that_is_enabled_ends_it_and_names_the_list(void **state)
{
	static const struct {
		const char *types;
		size_t n;
		const char *detail;
	} rows[] = {{"\x0d\x19", 2, "the client wants EAP types: 13 25"}, {"\0", 1, NULL},
		{"", 0, NULL}, {"\x1a", 1, NULL}}; /* 26 was tried */
	struct talk t;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		talk_begin(&t, both, 1);
		talk_identity(&t, "alice");
		talk_nak(&t, rows[i].types, rows[i].n);
		assert_int_equal(talk_refused(&t), EV_AUTH_EAP_NO_METHOD);
		assert_int_equal(eap_refusal(t.eap)->code, AUTH_FAILED);
		if (rows[i].detail)
			assert_string_equal(eap_refusal(t.eap)->detail, rows[i].detail);
		talk_end(&t);
	}
}

/* All 253 octets that a packet can name: bounded words, no read beyond. */
static void a_long_nak_is_read_to_its_end(void **state)
{
	uint8_t types[1300];
	struct talk t;

	(void)state;
	memset(types, 200, sizeof(types));
	types[sizeof(types) - 1] = EAP_MD5;
	talk_begin(&t, both, 2);
	talk_identity(&t, "alice");
	assert_int_equal(talk_say(&t, EAP_NAK, types, sizeof(types)), EAP_STEP_SEND);
	assert_int_equal(talk_request(&t).type, EAP_MD5);
	talk_end(&t);
}

/* RFC 3748 5.3.1: a Nak answers the first Request of a method. */
static void a_nak_in_the_middle_of_a_method_ends_it(void **state)
{
	static const uint8_t bad_md5[] = {0};
	struct talk t;

	(void)state;
	talk_begin(&t, both, 2);
	talk_identity(&t, "alice");
	talk_nak(&t, "\x04", 1);
	talk_say(&t, EAP_MD5, bad_md5, 1);
	talk_nak(&t, "\x1a", 1);
	assert_int_equal(talk_refused(&t), EV_AUTH_EAP_MALFORMED);
	talk_end(&t);
}

static void what_is_no_answer_to_the_request_ends_it(void **state)
{
	static const struct {
		const char *packet;
		size_t n;
	} rows[] = {{"\x01\x21\0\x05\x1a", 5}, /* a Request */
		{"\x02\x21\0\x05\x04", 5},     /* of another method */
		{"\x02\x21\0\x06\x01x", 6},    /* the Identity again */
		{"\x02\x21\0\x04", 4},         /* without a type */
		{"\x02\x21\0\x06\x1a", 5},     /* cut */
		{"\x03\x21\0\x04", 4}, {"\x02", 1}, {"", 0}};
	struct talk t;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		talk_begin(&t, both, 2);
		talk_identity(&t, "alice");
		talk_raw(&t, rows[i].packet, rows[i].n);
		assert_int_equal(talk_refused(&t), EV_AUTH_EAP_MALFORMED);
		talk_end(&t);
	}
}

static void a_method_before_the_identity_ends_it(void **state)
{
	struct talk t;

	(void)state;
	talk_begin(&t, both, 2);
	talk_say(&t, EAP_MD5, "\0", 1);
	assert_int_equal(talk_refused(&t), EV_AUTH_EAP_MALFORMED);
	talk_nak(&t, "\x04", 1);
	assert_int_equal(talk_refused(&t), EV_AUTH_EAP_MALFORMED);
	talk_end(&t);
}

static void an_identity_is_as_long_as_a_name_may_be(void **state)
{
	char name[USER_NAME_MAX + 2];
	struct talk t;

	(void)state;
	for (size_t n = USER_NAME_MAX; n <= USER_NAME_MAX + 1; n++) {
		memset(name, 'a', n);
		name[n] = '\0';
		talk_begin(&t, both, 2);
		assert_int_equal(talk_identity(&t, name),
			n == USER_NAME_MAX ? EAP_STEP_SEND : EAP_STEP_FAILURE);
		talk_end(&t);
	}
}

static void md5_asks_with_what_the_digest_is_made_of(void **state)
{
	static const uint8_t type[] = {EAP_MD5};
	uint8_t answer[17] = {16, [16] = 9};
	struct eap_packet request;
	struct talk t;

	(void)state;
	talk_begin(&t, type, 1);
	talk_identity(&t, "alice");
	request = talk_request(&t);
	assert_int_equal(rd_left(&request.data), 17 + 7);
	assert_int_equal(talk_say(&t, EAP_MD5, answer, 17), EAP_STEP_ASK);
	assert_int_equal(eap_question(t.eap)->method, AUTH_CHAP_MD5);
	assert_int_equal(eap_question(t.eap)->eap_type, EAP_MD5);
	assert_int_equal(eap_question(t.eap)->identifier, request.identifier);
	assert_string_equal(eap_question(t.eap)->user, "alice");
	assert_memory_equal(eap_question(t.eap)->challenge, request.data.p + 1, 16);
	assert_memory_equal(eap_question(t.eap)->md5_response, answer + 1, 16);
	t.step = eap_judged(
		t.eap, &(struct aaa_answer){.event = EV_AUTH_WRONG_PASSWORD, .code = AUTH_FAILED});
	assert_int_equal(talk_refused(&t), EV_AUTH_WRONG_PASSWORD);
	talk_end(&t);
}

static void md5_takes_no_digest_of_another_length(void **state)
{
	static const uint8_t type[] = {EAP_MD5};
	uint8_t answer[40] = {0};
	struct talk t;

	(void)state;
	for (size_t n = 0; n < sizeof(answer); n++) {
		answer[0] = (uint8_t)(n ? n - 1 : 0);
		talk_begin(&t, type, 1);
		talk_identity(&t, "alice");
		talk_say(&t, EAP_MD5, answer, n);
		assert_int_equal(t.step, n == 17 ? EAP_STEP_ASK : EAP_STEP_FAILURE);
		talk_end(&t);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_enabled_method_begins),
		cmocka_unit_test(a_nak_chooses_from_the_peers_list_in_its_order),
		cmocka_unit_test(a_nak_of_nothing_that_is_enabled_ends_it_and_names_the_list),
		cmocka_unit_test(a_long_nak_is_read_to_its_end),
		cmocka_unit_test(a_nak_in_the_middle_of_a_method_ends_it),
		cmocka_unit_test(what_is_no_answer_to_the_request_ends_it),
		cmocka_unit_test(a_method_before_the_identity_ends_it),
		cmocka_unit_test(an_identity_is_as_long_as_a_name_may_be),
		cmocka_unit_test(md5_asks_with_what_the_digest_is_made_of),
		cmocka_unit_test(md5_takes_no_digest_of_another_length),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
