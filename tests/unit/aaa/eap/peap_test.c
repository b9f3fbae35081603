// SPDX-License-Identifier: Apache-2.0
/* PEAPv0, the server: the inner login, its binding, and what a client may say instead. */
#include "tls_rig.h"

#include "base/peap_binding.h"

static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

static void go_on(struct login *l)
{
	uint8_t wire[32768];

	while (l->talk.step == EAP_STEP_SEND) {
		hear(l);
		size_t n = client_speaks(l, wire, sizeof(wire));

		if (l->text_len)
			return; /* the server said something inside */
		send_message(l, wire, n);
	}
}

static void say_inside(struct login *l, const void *text, size_t n)
{
	static uint8_t wire[65536];
	int len;

	assert_int_equal(SSL_write(l->client.ssl, text, (int)n), n);
	len = BIO_read(l->client.out, wire, sizeof(wire));
	assert_true(len > 0);
	l->text_len = 0;
	send_message(l, wire, (size_t)len);
	go_on(l);
}

static void begin_inside(struct login *l, int version)
{
	begin(l, &(struct set){.version = version, .type = EAP_PEAP});
	talk_identity(&l->talk, "anonymous");
	go_on(l);
	assert_int_equal(l->text_len, 1);
	assert_int_equal(l->text[0], EAP_IDENTITY);
}

/* Up to the judge's answer. */
static void respond(struct login *l)
{
	uint8_t response[5 + 50 + 5] = {EAP_MSCHAPV2, 2, 0, 0, 59, 49};

	say_inside(l,
		"\x01"
		"alice",
		6);
	assert_int_equal(l->text[0], EAP_MSCHAPV2);
	assert_int_equal(l->text[1], 1);
	response[2] = l->text[2];
	memcpy(response + 55, "alice", 5);
	say_inside(l, response, sizeof(response));
}

static struct peap_keys keys_of(struct login *l)
{
	uint8_t isk[PEAP_ISK_LEN];
	struct peap_keys k;

	memset(isk, 0x42, sizeof(isk));
	assert_int_equal(peap_keys_make(l->msk, isk, &k), 0);
	return k;
}

/* Up to the server's Result and binding. */
static struct peap_keys reach_the_binding(struct login *l, int version)
{
	struct peap_extensions e;
	struct peap_keys k;

	begin_inside(l, version);
	respond(l);
	assert_int_equal(l->text[0], EAP_MSCHAPV2);
	assert_int_equal(l->text[1], 3);
	say_inside(l, "\x1a\x03", 2);
	assert_int_equal(l->text[0], EAP_REQUEST);
	assert_int_equal(l->text[4], EAP_TLV);
	assert_int_equal(peap_extensions_parse(rd_init(l->text + 5, l->text_len - 5), &e), 0);
	assert_int_equal(e.result, 1);
	k = keys_of(l);
	assert_true(peap_binding_verifies(&k, PEAP_BINDING_REQUEST, e.binding));
	return k;
}

static size_t result_packet(
	struct login *l, const struct peap_keys *k, uint8_t result, uint8_t *ret)
{
	static const uint8_t nonce[PEAP_NONCE_LEN] = {7};
	uint8_t head[] = {EAP_RESPONSE, l->text[1], 0, 11, EAP_TLV, 0x80, 3, 0, 2, 0, result};

	memcpy(ret, head, sizeof(head));
	if (!k)
		return sizeof(head);
	ret[3] = 11 + PEAP_BINDING_LEN;
	assert_int_equal(
		peap_binding_write(k, PEAP_BINDING_RESPONSE, nonce, ret + sizeof(head)), 0);
	return sizeof(head) + PEAP_BINDING_LEN;
}

static void the_inner_login_and_its_binding_let_the_user_in(void **state)
{
	uint8_t packet[100], msk[EAP_MSK_LEN];

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct login l;
		struct peap_keys k = reach_the_binding(&l, versions[i]);

		say_inside(&l, packet, result_packet(&l, &k, 1, packet));
		assert_int_equal(l.talk.step, EAP_STEP_SUCCESS);
		assert_int_equal(peap_msk(&k, msk), 0);
		assert_memory_equal(eap_msk(l.talk.eap), msk, sizeof(msk));
		end(&l);
	}
}

/* A success without the binding was taken by servers: a relay's own TLS around another one's login. */
static void a_result_without_the_right_binding_lets_no_one_in(void **state)
{
	enum { NONE, WRONG_KEY, REQUEST, FAILED, EMPTY, WRONG_IDENTIFIER, NAK, KINDS };
	uint8_t packet[100];

	(void)state;
	for (int kind = 0; kind < KINDS; kind++) {
		struct login l;
		struct peap_keys k = reach_the_binding(&l, versions[kind & 1]);
		size_t n;

		if (kind == WRONG_KEY)
			k.cmk[3] ^= 1;
		n = result_packet(&l, kind == NONE ? NULL : &k, kind == FAILED ? 2 : 1, packet);
		if (kind == REQUEST)
			memcpy(packet + 11, l.text + 11,
				PEAP_BINDING_LEN); /* the server's own, back */
		if (kind == EMPTY)
			n = 5, packet[3] = 5;
		if (kind == WRONG_IDENTIFIER)
			packet[1]++;
		if (kind == NAK)
			n = 2, memcpy(packet, "\x03\x0d", 2);
		say_inside(&l, packet, n);
		assert_int_equal(talk_refused(&l.talk), kind == WRONG_IDENTIFIER || kind == NAK
								? EV_AUTH_EAP_MALFORMED
								: EV_AUTH_EAP_BINDING);
		assert_int_equal(eap_msk(l.talk.eap)[0], 0);
		end(&l);
	}
}

static void a_failed_inner_login_is_told_inside_and_ends_with_its_reason(void **state)
{
	static const uint8_t result[] = {0x21, 0x80, 3, 0, 2, 0, 2};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct login l;

		begin_inside(&l, versions[i]);
		l.known = false;
		respond(&l);
		assert_int_equal(l.text[1], 4); /* E=691 */
		assert_int_equal(
			eap_failed(l.talk.eap), EV_AUTH_CERT_UNKNOWN_USER); /* the rig's word */
		say_inside(&l, "\x1a\x04", 2);
		assert_int_equal(l.text_len, 4 + sizeof(result));
		assert_memory_equal(l.text + 4, result, sizeof(result));
		say_inside(&l, "\x02\x00\x00\x0b\x21\x80\x03\x00\x02\x00\x02", 11);
		assert_int_equal(talk_refused(&l.talk), EV_AUTH_CERT_UNKNOWN_USER);
		end(&l);
	}
}

/* CVE-2026-75883: pppd copied an inner reply of any length into a fixed buffer. */
static void an_inner_packet_of_any_length_overflows_nothing(void **state)
{
	static const size_t sizes[] = {1495, 1496, 1497, 4000, 4095, 4096, 4097, 9000, 16384};
	static uint8_t text[16384];

	(void)state;
	memset(text, 'a', sizeof(text));
	text[0] = EAP_IDENTITY;
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct login l;

		begin_inside(&l, versions[i & 1]);
		say_inside(&l, text, sizes[i]);
		while (l.talk.step == EAP_STEP_SEND)
			say(&l, "", 1);
		assert_int_equal(l.talk.step, EAP_STEP_FAILURE);
		end(&l);
	}
}

static void a_result_before_the_inner_login_is_none(void **state)
{
	static const uint8_t early[] = {2, 0, 0, 11, 0x21, 0x80, 3, 0, 2, 0, 1};

	(void)state;
	for (size_t at = 0; at < 2; at++) {
		struct login l;

		begin_inside(&l, versions[at]);
		if (at)
			respond(&l);
		say_inside(&l, early, sizeof(early));
		while (l.talk.step == EAP_STEP_SEND)
			say(&l, "", 1);
		assert_int_equal(l.talk.step, EAP_STEP_FAILURE);
		assert_int_equal(eap_msk(l.talk.eap)[0], 0);
		end(&l);
	}
}

static void another_version_is_refused(void **state)
{
	struct login l;

	(void)state;
	begin(&l, &(struct set){.version = TLS1_2_VERSION, .type = EAP_PEAP});
	talk_identity(&l.talk, "x");
	say(&l, "\x01\x16\x03\x01", 4);
	assert_int_equal(talk_refused(&l.talk), EV_AUTH_EAP_MALFORMED);
	end(&l);
}

/* What is inside is as strict as what is outside. */
static void an_inner_nak_leads_to_nothing_that_is_not_enabled(void **state)
{
	struct login l;

	(void)state;
	begin_inside(&l, TLS1_3_VERSION);
	say_inside(&l,
		"\x01"
		"alice",
		6);
	say_inside(&l, "\x03\x04\x0d", 3); /* MD5, and TLS without authorities */
	say_inside(&l, "\x02\x00\x00\x0b\x21\x80\x03\x00\x02\x00\x02", 11);
	assert_int_equal(talk_refused(&l.talk), EV_AUTH_EAP_NO_METHOD);
	end(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_inner_login_and_its_binding_let_the_user_in),
		cmocka_unit_test(a_result_without_the_right_binding_lets_no_one_in),
		cmocka_unit_test(a_failed_inner_login_is_told_inside_and_ends_with_its_reason),
		cmocka_unit_test(an_inner_packet_of_any_length_overflows_nothing),
		cmocka_unit_test(a_result_before_the_inner_login_is_none),
		cmocka_unit_test(another_version_is_refused),
		cmocka_unit_test(an_inner_nak_leads_to_nothing_that_is_not_enabled),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
