// SPDX-License-Identifier: Apache-2.0
#include "unit/ppp/talk.h"
#include "vectors.h"

#include "ppp/auth/chap.h"
#include "ppp/limits.h"

static const enum auth_method md5[] = {AUTH_CHAP_MD5};

static void values_are_parsed_and_cut_or_empty_ones_refused(void **state)
{
	struct hexlit h = hexlit("03 aabbcc 6e616d65");
	struct chap_value v;

	assert_int_equal(chap_value_parse(rd_init(h.p, h.n), &v), 0);
	assert_octets(v.value.p, rd_left(&v.value), "aabbcc");
	assert_octets(v.name.p, rd_left(&v.name), "6e616d65");
	for (size_t n = 0; n < 4; n++)
		assert_int_equal(chap_value_parse(rd_init(h.p, n), &v), -EPROTO);
	assert_int_equal(chap_value_parse(rd_init(h.p, 4), &v), 0); /* no name */
	h = hexlit("00 6e616d65");
	assert_int_equal(chap_value_parse(rd_init(h.p, h.n), &v), -EPROTO);
}

static void client(struct talk *t, const char *user, const char *password)
{
	struct ppp_opts opts = talk_client_opts(md5, 1);

	opts.user = user;
	opts.password = password;
	talk_start(t, &opts);
	talk_expect(t, "ff03c021 0101000e 01040578 0506????????");
	talk_answer(t, 2);
	talk_recv(t, "ff03c021 01010009 0305c22305");
	talk_expect(t, "ff03c021 02010009 0305c22305");
	talk_expect_quiet(t);
}

static void server(struct talk *t)
{
	struct ppp_opts opts = talk_server_opts(md5, 1);

	talk_start(t, &opts);
	talk_recv(t, "ff03c021 01010004");
	talk_expect(t, "ff03c021 01010013 01040578 0305c22305 0506????????");
	talk_answer(t, 2);
	talk_expect(t, "ff03c021 02010004");
	talk_expect(t, "ff03c223 01??001c 10???????????????????????????????? 63756c76657274");
}

/* Vector chap-md5: identifier 5, challenge 00 to 0f, "alice", "secret". */
static void the_client_answers_as_the_vector_says(void **state)
{
	struct hexlit want = vector_octets("chap-md5", "response_packet");
	struct talk t;

	client(&t, "alice", "secret");
	talk_recv(&t, "ff03c223 01050018 10000102030405060708090a0b0c0d0e0f 727261");
	assert_int_equal(ppp_output(t.ppp, t.last, sizeof(t.last)), 4 + want.n);
	assert_memory_equal(t.last + 4, want.p, want.n);
	talk_recv(&t, "ff03c223 03050004");
	talk_expect_event(&t, PPP_AUTHENTICATED);
	talk_end(&t);
}

static void the_server_hands_challenge_and_response_up(void **state)
{
	struct talk t;
	uint8_t challenge[16];
	char response[128];

	server(&t);
	memcpy(challenge, t.last + 9, 16);
	snprintf(response, sizeof(response),
		"ff03c223 02%02x001a 100a9065cdcebbe49bd1f1d1fda6ce3ff9 616c696365", t.last[5]);
	talk_recv(&t, response);
	talk_expect_event(&t, PPP_AUTH_REQUEST);
	assert_int_equal(t.ev.proof->method, AUTH_CHAP_MD5);
	assert_int_equal(t.ev.proof->identifier, t.last[5]);
	assert_string_equal(t.ev.proof->user, "alice");
	assert_memory_equal(t.ev.proof->challenge, challenge, 16);
	assert_octets(t.ev.proof->md5_response, 16, "0a9065cdcebbe49bd1f1d1fda6ce3ff9");
	talk_end(&t);
}

static void responses_to_another_challenge_or_of_another_length_are_dropped(void **state)
{
	struct talk t;
	char wrong[128];

	server(&t);
	snprintf(wrong, sizeof(wrong),
		"ff03c223 02%02x0019 100a9065cdcebbe49bd1f1d1fda6ce3ff9 61626364",
		(uint8_t)(t.last[5] + 1));
	talk_recv(&t, wrong);
	snprintf(wrong, sizeof(wrong),
		"ff03c223 02%02x0018 0f0a9065cdcebbe49bd1f1d1fda6ce3f 61626364", t.last[5]);
	talk_recv(&t, wrong);
	snprintf(wrong, sizeof(wrong), "ff03c223 02%02x0005 10", t.last[5]);
	talk_recv(&t, wrong);
	talk_expect_no_event(&t);
	talk_expect_quiet(&t);
	talk_end(&t);
}

static void a_name_too_long_is_refused_without_asking(void **state)
{
	struct hexlit h = {.n = 4 + 4 + 17 + 257};
	struct talk t;

	server(&t);
	memset(h.p, 'a', h.n);
	memcpy(h.p, "\xff\x03\xc2\x23\x02\x00\x01\x16\x10", 9);
	h.p[5] = t.last[5];
	ppp_recv(t.ppp, rd_init(h.p, h.n), t.now);
	talk_expect(&t,
		"ff03c223 04??0016 75736572206e616d6520746f6f206c6f6e67"); /* user name too long */
	talk_drain(&t);
	talk_recv(&t, "ff03c021 06020004");
	talk_expect_closed(&t, EV_AUTH_FAILED);
	talk_end(&t);
}

static void the_challenge_is_repeated_unchanged_every_3_s_ten_times(void **state)
{
	struct talk t;
	uint8_t first[PPP_FRAME_MAX];

	server(&t);
	memcpy(first, t.last, t.last_len);
	for (unsigned i = 1; i < AUTH_TRIES; i++) {
		talk_advance(&t, 3000);
		talk_expect(
			&t, "ff03c223 01??001c 10???????????????????????????????? 63756c76657274");
		assert_memory_equal(t.last, first, t.last_len);
	}
	talk_expect_no_event(&t);
	talk_advance(&t, 3000 + 6000);
	talk_expect_closed(&t, EV_AUTH_NO_ANSWER);
	talk_end(&t);
}

static void a_repeated_response_gets_the_same_verdict_even_later(void **state)
{
	struct verdict v = talk_verdict();
	struct talk t;
	char response[128], success[64];

	server(&t);
	snprintf(response, sizeof(response),
		"ff03c223 02%02x001a 100a9065cdcebbe49bd1f1d1fda6ce3ff9 616c696365", t.last[5]);
	snprintf(success, sizeof(success), "ff03c223 03%02x0006 6869", t.last[5]);
	talk_recv(&t, response);
	talk_expect_event(&t, PPP_AUTH_REQUEST);
	talk_recv(&t, response);
	talk_expect_quiet(&t);
	strcpy(v.message, "hi");
	ppp_auth_verdict(t.ppp, &v, t.now);
	talk_expect(&t, success);
	talk_drain(&t);
	talk_recv(&t, response);
	talk_expect(&t, success);
	talk_expect_event(&t, PPP_AUTHENTICATED);
	talk_expect_no_event(&t);
	talk_end(&t);
}

static void the_client_repeats_its_response_and_gives_up(void **state)
{
	struct talk t;

	client(&t, "alice", "secret");
	talk_recv(&t, "ff03c223 01050015 10000102030405060708090a0b0c0d0e0f");
	talk_advance(&t, 29999);
	for (unsigned i = 0; i < AUTH_TRIES; i++)
		talk_expect(&t, "ff03c223 0205001a 100a9065cdcebbe49bd1f1d1fda6ce3ff9 616c696365");
	talk_expect_quiet(&t);
	talk_advance(&t, 1 + 6000);
	talk_expect_closed(&t, EV_AUTH_NO_ANSWER);
	talk_end(&t);
}

static void a_client_without_a_challenge_gives_up(void **state)
{
	struct talk t;

	client(&t, "alice", "secret");
	talk_advance(&t, 29999);
	talk_expect_no_event(&t);
	talk_expect_quiet(&t);
	talk_advance(&t, 1 + 6000);
	talk_expect_closed(&t, EV_AUTH_NO_ANSWER);
	talk_end(&t);
}

/* A server that skips the challenge would get in without knowing anything. */
static void a_success_that_nobody_asked_for_is_dropped(void **state)
{
	struct talk t;

	client(&t, "alice", "secret");
	talk_recv(&t, "ff03c223 03000004");
	talk_recv(&t, "ff03c223 03050004");
	talk_expect_no_event(&t);
	talk_recv(&t, "ff03c223 01050015 10000102030405060708090a0b0c0d0e0f");
	talk_recv(&t, "ff03c223 03060004"); /* another identifier */
	talk_expect_no_event(&t);
	talk_end(&t);
}

static void a_failure_is_told_with_the_servers_words(void **state)
{
	struct talk t;

	client(&t, "alice", "secret");
	talk_recv(&t, "ff03c223 01050015 10000102030405060708090a0b0c0d0e0f");
	talk_recv(&t, "ff03c223 04050006 6e6f");
	talk_drain(&t);
	talk_recv(&t, "ff03c021 06020004");
	talk_expect_closed(&t, EV_AUTH_FAILED);
	assert_string_equal(t.ev.detail, "CHAP-MD5, the server says \"no\"");
	talk_end(&t);
}

static void the_client_answers_a_later_challenge_on_the_open_link(void **state)
{
	struct talk t;

	client(&t, "alice", "secret");
	talk_recv(&t, "ff03c223 01040015 10ff0102030405060708090a0b0c0d0e0f");
	talk_recv(&t, "ff03c223 03040004");
	talk_expect_event(&t, PPP_AUTHENTICATED);
	talk_drain(&t);
	talk_recv(&t, "ff03c223 01050015 10000102030405060708090a0b0c0d0e0f");
	talk_expect(&t, "ff03c223 0205001a 100a9065cdcebbe49bd1f1d1fda6ce3ff9 616c696365");
	talk_recv(&t, "ff03c223 03050004");
	talk_expect_no_event(&t);
	talk_end(&t);
}

/* The n-th Challenge of a server, each another one. */
static void challenge_again(struct talk *t, unsigned n)
{
	char challenge[64];

	snprintf(challenge, sizeof(challenge),
		"ff03c223 01%02x0015 10%02x%02x02030405060708090a0b0c0d0e0f", n & 0xff, n & 0xff,
		n >> 8 & 0xff);
	talk_recv(t, challenge);
}

static void a_server_that_challenges_without_end_is_left(void **state)
{
	for (int repeated = 0; repeated < 2; repeated++) {
		struct talk t;
		unsigned n;

		client(&t, "alice", "secret");
		for (n = 0; n < CHAP_CHALLENGES_MAX; n++) {
			challenge_again(&t, repeated ? 5 : n);
			talk_expect(&t, "ff03c223 02??001a 10*");
		}
		talk_expect_no_event(&t);
		challenge_again(&t, repeated ? 5 : n);
		talk_expect(&t, "ff03c021 05*");
		talk_answer(&t, 6);
		talk_expect_closed(&t, EV_AUTH_WITHOUT_END);
		assert_string_equal(t.ev.detail, "CHAP-MD5 comes to no end: 20 challenges");
		talk_end(&t);
	}
}

static void one_on_the_open_link_is_left_as_well_and_one_now_and_then_is_not(void **state)
{
	struct talk t;
	unsigned n;

	client(&t, "alice", "secret");
	challenge_again(&t, 0);
	talk_recv(&t, "ff03c223 03000004");
	talk_expect_event(&t, PPP_AUTHENTICATED);
	talk_drain(&t);
	for (n = 1; n < 100; n++) {
		char success[32];

		t.now += CHAP_CHALLENGE_MS;
		challenge_again(&t, n);
		talk_expect(&t, "ff03c223 02??001a 10*");
		snprintf(success, sizeof(success), "ff03c223 03%02x0004", n);
		talk_recv(&t, success);
		talk_expect_no_event(&t);
	}
	for (; n < 100 + CHAP_CHALLENGES_MAX; n++)
		challenge_again(&t, n);
	talk_drain(&t);
	talk_recv(&t, "ff03c021 06020004");
	talk_expect_closed(&t, EV_AUTH_WITHOUT_END);
	talk_end(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_are_parsed_and_cut_or_empty_ones_refused),
		cmocka_unit_test(the_client_answers_as_the_vector_says),
		cmocka_unit_test(the_server_hands_challenge_and_response_up),
		cmocka_unit_test(responses_to_another_challenge_or_of_another_length_are_dropped),
		cmocka_unit_test(a_name_too_long_is_refused_without_asking),
		cmocka_unit_test(the_challenge_is_repeated_unchanged_every_3_s_ten_times),
		cmocka_unit_test(a_repeated_response_gets_the_same_verdict_even_later),
		cmocka_unit_test(the_client_repeats_its_response_and_gives_up),
		cmocka_unit_test(a_client_without_a_challenge_gives_up),
		cmocka_unit_test(a_success_that_nobody_asked_for_is_dropped),
		cmocka_unit_test(a_failure_is_told_with_the_servers_words),
		cmocka_unit_test(the_client_answers_a_later_challenge_on_the_open_link),
		cmocka_unit_test(a_server_that_challenges_without_end_is_left),
		cmocka_unit_test(one_on_the_open_link_is_left_as_well_and_one_now_and_then_is_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
