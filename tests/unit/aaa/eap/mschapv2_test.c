// SPDX-License-Identifier: Apache-2.0
/* EAP-MSCHAPv2, the server: the vector's packets, and each that is cut, too long or out of place. */
#include "talk.h"
#include "vectors.h"

static const uint8_t only[] = {EAP_MSCHAPV2};
#define DATA_AT 5 /* in a packet */

static struct hexlit packet_of(const char *key)
{
	return vector_octets("eap-mschapv2-packets", key);
}

static void begin(struct talk *t)
{
	talk_begin(t, only, 1);
	assert_int_equal(talk_identity(t, "User"), EAP_STEP_SEND);
}

static enum eap_step answer(struct talk *t, const struct aaa_answer *a)
{
	t->step = eap_judged(t->eap, a);
	if (t->step == EAP_STEP_SEND)
		t->identifier = talk_request(t).identifier;
	return t->step;
}

static struct aaa_answer right(void)
{
	struct hexlit msk = vector_octets("eap-mschapv2-msk", "msk");
	struct aaa_answer a = {.outcome = AAA_ACCEPT,
		.event = EV_AUTH_ACCEPTED,
		.keys.auth_response = "S=407A5589115FD0D6209F510FE9C04566932CDA56"};

	memcpy(a.keys.hlak, msk.p, HLAK_LEN);
	return a;
}

static void ask(struct talk *t)
{
	struct hexlit response = packet_of("response");

	begin(t);
	assert_int_equal(talk_raw(t, response.p, response.n), EAP_STEP_ASK);
}

static void the_vectors_login_succeeds_with_the_vectors_key(void **state)
{
	struct hexlit challenge = packet_of("challenge_request"),
		      success = packet_of("success_request"),
		      msk = vector_octets("eap-mschapv2-msk", "msk");
	struct aaa_answer yes = right();
	struct talk t;

	(void)state;
	begin(&t);
	assert_memory_equal(talk_request(&t).whole.p, challenge.p, challenge.n);
	talk_end(&t);
	ask(&t);
	const struct proof *q = eap_question(t.eap);
	assert_int_equal(q->method, AUTH_MSCHAPV2);
	assert_int_equal(q->eap_type, EAP_MSCHAPV2);
	assert_string_equal(q->user, "User");
	assert_int_equal(q->challenge[0], 0x5b);
	assert_int_equal(q->peer_challenge[0], 0x21);
	assert_int_equal(q->nt_response[23], 0xdf);
	assert_int_equal(answer(&t, &yes), EAP_STEP_SEND);
	assert_int_equal(eap_failed(t.eap), EV_NONE);
	/* The vector keeps one identifier throughout; each Request of ours has the next. */
	assert_memory_equal(talk_request(&t).whole.p + 4, success.p + 4, success.n - 4);
	assert_int_equal(talk_say(&t, EAP_MSCHAPV2, "\x03", 1), EAP_STEP_SUCCESS);
	assert_memory_equal(eap_msk(t.eap), msk.p, EAP_MSK_LEN);
	talk_end(&t);
}

static void a_wrong_password_is_said_with_691_and_ends_when_it_was_heard(void **state)
{
	static const char text[] = "E=691 R=0 C=5B5D7C7D7B3F2F3E3C2C602132262628 V=3 M=Wrong";
	static const char *const replies[] = {"\x04", "\x03", "\x02", "\x07"};
	struct talk t;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(replies); i++) {
		ask(&t);
		assert_int_equal(answer(&t, &(struct aaa_answer){.event = EV_AUTH_WRONG_PASSWORD,
						    .code = AUTH_FAILED,
						    .message = "Wrong"}),
			EAP_STEP_SEND);
		assert_int_equal(eap_failed(t.eap), EV_AUTH_WRONG_PASSWORD);
		assert_int_equal(talk_request(&t).data.p[0], 4);
		assert_memory_equal(talk_request(&t).data.p + 4, text, strlen(text));
		talk_say(&t, EAP_MSCHAPV2, replies[i], 1);
		assert_int_equal(talk_refused(&t), EV_AUTH_WRONG_PASSWORD);
		assert_int_equal(eap_refusal(t.eap)->code, AUTH_FAILED);
		assert_int_equal(eap_msk(t.eap)[0], 0);
		talk_end(&t);
	}
}

static void the_code_of_a_refusal_is_the_judges(void **state)
{
	struct talk t;

	(void)state;
	ask(&t);
	answer(&t,
		&(struct aaa_answer){.event = EV_AUTH_USER_EXPIRED, .code = AUTH_PASSWORD_EXPIRED});
	assert_memory_equal(talk_request(&t).data.p + 4, "E=648 R=0", 9);
	talk_end(&t);
}

static void a_response_cut_anywhere_ends_it(void **state)
{
	struct hexlit response = packet_of("response");
	struct talk t;

	(void)state;
	for (size_t n = DATA_AT; n < response.n; n++) {
		begin(&t);
		talk_say(&t, EAP_MSCHAPV2, response.p + DATA_AT, n - DATA_AT);
		assert_int_equal(talk_refused(&t), EV_AUTH_EAP_MALFORMED);
		talk_end(&t);
	}
}

/* Lengths that do not agree, another challenge's id, another op; without the response at all. */
static void a_response_with_one_field_wrong_ends_it(void **state)
{
	static const struct {
		size_t at;
		uint8_t value;
	} rows[] = {{0, 1}, {0, 3}, {0, 4}, {0, 7}, {0, 0}, {1, 0x22}, {2, 1}, {3, 0xff}, {3, 3},
		{3, 0}, {3, 53}, {4, 48}, {4, 50}, {4, 0}, {4, 0xff}};
	struct hexlit response = packet_of("response");
	struct talk t;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct hexlit bad = response;

		bad.p[DATA_AT + rows[i].at] = rows[i].value;
		begin(&t);
		talk_raw(&t, bad.p, bad.n);
		assert_int_equal(talk_refused(&t), EV_AUTH_EAP_MALFORMED);
		talk_end(&t);
	}
}

static void say_as(struct talk *t, const char *identity, const char *name, size_t n)
{
	struct hexlit response = packet_of("response");
	uint8_t data[1400];

	talk_begin(t, only, 1);
	assert_int_equal(talk_identity(t, identity), EAP_STEP_SEND);
	memcpy(data, response.p + DATA_AT, 54);
	memcpy(data + 54, name, n);
	data[2] = (uint8_t)((54 + n) >> 8);
	data[3] = (uint8_t)(54 + n);
	talk_say(t, EAP_MSCHAPV2, data, 54 + n);
}

/* CVE-2020-8597: pppd copied the name into 256 octets after it had moved the bound by the wrong length. */
static void a_name_beyond_256_octets_is_never_copied(void **state)
{
	char identity[USER_NAME_MAX + 1], name[1300];
	struct talk t;

	(void)state;
	memset(identity, 'a', USER_NAME_MAX);
	identity[USER_NAME_MAX] = '\0';
	memset(name, 'a', sizeof(name));
	say_as(&t, identity, name, USER_NAME_MAX);
	assert_int_equal(t.step, EAP_STEP_ASK);
	talk_end(&t);
	for (size_t n = USER_NAME_MAX + 1; n < sizeof(name); n += 61) {
		say_as(&t, identity, name, n);
		assert_int_equal(talk_refused(&t), EV_AUTH_EAP_MALFORMED);
		talk_end(&t);
	}
}

/* Null authentication: an empty name is judged like any other, and nothing is empty of a response. */
static void an_empty_name_is_asked_for_like_any_other(void **state)
{
	struct talk t;

	(void)state;
	say_as(&t, "", "", 0);
	assert_int_equal(t.step, EAP_STEP_ASK);
	assert_int_equal(eap_question(t.eap)->user_len, 0);
	talk_end(&t);
}

static void the_name_is_the_identitys_but_for_domain_and_case(void **state)
{
	static const struct {
		const char *identity, *name;
		bool same;
	} rows[] = {{"User", "User", true}, {"CORP\\User", "User", true},
		{"User", "CORP\\user", true}, {"A\\User", "B\\USER", true}, {"alice", "bob", false},
		{"User", "", false}, {"", "User", false}, {"User", "Use", false},
		{"User\\", "User", false}};
	struct talk t;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		say_as(&t, rows[i].identity, rows[i].name, strlen(rows[i].name));
		assert_int_equal(t.step, rows[i].same ? EAP_STEP_ASK : EAP_STEP_FAILURE);
		talk_end(&t);
	}
}

static void a_success_is_acknowledged_by_a_success(void **state)
{
	static const struct {
		const char *reply;
		size_t n;
		enum event event;
	} rows[] = {{"\x04", 1, EV_AUTH_EAP_PROOF_REFUSED}, {"\x02", 1, EV_AUTH_EAP_MALFORMED},
		{"", 0, EV_AUTH_EAP_MALFORMED}, {"\x07", 1, EV_AUTH_EAP_MALFORMED}};
	struct aaa_answer yes = right();
	struct talk t;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		ask(&t);
		answer(&t, &yes);
		talk_say(&t, EAP_MSCHAPV2, rows[i].reply, rows[i].n);
		assert_int_equal(talk_refused(&t), rows[i].event);
		talk_end(&t);
	}
	ask(&t); /* some peers send the whole header again */
	answer(&t, &yes);
	assert_int_equal(talk_say(&t, EAP_MSCHAPV2, "\x03\x21\0\x04", 4), EAP_STEP_SUCCESS);
	talk_end(&t);
}

static void an_acknowledgement_before_the_judgement_lets_no_one_in(void **state)
{
	struct talk t;

	(void)state;
	begin(&t);
	talk_say(&t, EAP_MSCHAPV2, "\x03", 1);
	assert_int_equal(talk_refused(&t), EV_AUTH_EAP_MALFORMED);
	talk_end(&t);
	ask(&t);
	talk_say(&t, EAP_MSCHAPV2, "\x03", 1); /* while the judge works */
	assert_int_equal(talk_refused(&t), EV_AUTH_EAP_MALFORMED);
	talk_end(&t);
}

/* ---- Change-Password ---- */

static size_t change_data(struct talk *t, uint8_t *ret)
{
	struct hexlit h = vector_octets("mschapv2-change-password", "change_password_packet");

	ret[0] = 7;
	ret[1] = talk_request(t).data.p[1];
	ret[2] = (uint8_t)(h.n >> 8);
	ret[3] = (uint8_t)h.n;
	memcpy(ret + 4, h.p + 4, h.n - 4);
	return h.n;
}

static void outdated(struct talk *t)
{
	ask(t);
	answer(t,
		&(struct aaa_answer){.event = EV_AUTH_PASSWORD_OLD, .code = AUTH_PASSWORD_EXPIRED});
	assert_memory_equal(talk_request(t).data.p + 4, "E=648 R=0 C=", 12);
}

static void an_old_password_is_changed_and_the_new_one_logs_in(void **state)
{
	struct hexlit blocks = vector_octets("mschapv2-change-password", "encrypted_password");
	struct aaa_answer yes = right();
	uint8_t data[600];
	struct talk t;

	(void)state;
	outdated(&t);
	assert_int_equal(talk_say(&t, EAP_MSCHAPV2, data, change_data(&t, data)), EAP_STEP_ASK);
	assert_memory_equal(eap_question(t.eap)->change, blocks.p, blocks.n);
	assert_string_equal(eap_question(t.eap)->user, "User");
	assert_int_equal(eap_question(t.eap)->nt_response[0], 0x84);
	assert_int_equal(answer(&t, &yes), EAP_STEP_SEND);
	assert_int_equal(talk_say(&t, EAP_MSCHAPV2, "\x03", 1), EAP_STEP_SUCCESS);
	talk_end(&t);
}

static void a_change_is_taken_once_and_only_when_asked_for(void **state)
{
	uint8_t data[600];
	size_t n;
	struct talk t;

	(void)state;
	begin(&t); /* instead of the response */
	talk_say(&t, EAP_MSCHAPV2, data, change_data(&t, data));
	assert_int_equal(talk_refused(&t), EV_AUTH_EAP_MALFORMED);
	talk_end(&t);
	outdated(&t);
	n = change_data(&t, data);
	for (size_t cut = 1; cut < n; cut += 31) {
		struct talk u;

		outdated(&u);
		talk_say(&u, EAP_MSCHAPV2, data, cut);
		assert_int_equal(talk_refused(&u), EV_AUTH_EAP_MALFORMED);
		talk_end(&u);
	}
	talk_say(&t, EAP_MSCHAPV2, data, n);
	answer(&t, /* refused; the same word a second time does not open it again */
		&(struct aaa_answer){.event = EV_AUTH_PASSWORD_OLD, .code = AUTH_PASSWORD_EXPIRED});
	talk_say(&t, EAP_MSCHAPV2, data, n);
	assert_int_equal(talk_refused(&t), EV_AUTH_PASSWORD_OLD);
	talk_end(&t);
	outdated(&t); /* the user does not want to */
	talk_say(&t, EAP_MSCHAPV2, "\x04", 1);
	assert_int_equal(talk_refused(&t), EV_AUTH_PASSWORD_OLD);
	talk_end(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_vectors_login_succeeds_with_the_vectors_key),
		cmocka_unit_test(a_wrong_password_is_said_with_691_and_ends_when_it_was_heard),
		cmocka_unit_test(the_code_of_a_refusal_is_the_judges),
		cmocka_unit_test(a_response_cut_anywhere_ends_it),
		cmocka_unit_test(a_response_with_one_field_wrong_ends_it),
		cmocka_unit_test(a_name_beyond_256_octets_is_never_copied),
		cmocka_unit_test(an_empty_name_is_asked_for_like_any_other),
		cmocka_unit_test(the_name_is_the_identitys_but_for_domain_and_case),
		cmocka_unit_test(a_success_is_acknowledged_by_a_success),
		cmocka_unit_test(an_acknowledgement_before_the_judgement_lets_no_one_in),
		cmocka_unit_test(an_old_password_is_changed_and_the_new_one_logs_in),
		cmocka_unit_test(a_change_is_taken_once_and_only_when_asked_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
