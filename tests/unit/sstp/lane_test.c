// SPDX-License-Identifier: Apache-2.0
/* Lanes: keys and proofs against values that Python's hmac and `openssl mac` gave alike; headers. */
#include <errno.h>

#include "hexlit.h"
#include "sstp/lane.h"

#define HANDLE "a0a1a2a3a4a5a6a7a8a9aaabacadaeaf"
#define CLIENT_PROOF "038b7310c4bba1e025f80568e8dd16a24a1adcc6775040a650f7d44e8321a4c7"
#define SERVER_PROOF "1983e2d958ce808354ce8ba4b89de34235a704b43955bda26954a757b574f29d"

static void fill(uint8_t *octets, size_t n, uint8_t first)
{
	for (size_t i = 0; i < n; i++)
		octets[i] = (uint8_t)(first + i);
}

static struct sstp_lane_ticket ticket(void)
{
	struct sstp_lane_ticket t;
	uint8_t hlak[HLAK_LEN];

	fill(hlak, sizeof(hlak), 0x20);
	fill(t.handle, sizeof(t.handle), 0xa0);
	assert_int_equal(sstp_lane_key(hlak, t.key), 0);
	return t;
}

static void key_and_proofs_are_what_others_compute(void **state)
{
	struct sstp_lane_ticket t = ticket();
	uint8_t exported[SSTP_LANE_EXPORT_LEN], proof[SSTP_LANE_PROOF_LEN];

	(void)state;
	fill(exported, sizeof(exported), 0xc0);
	assert_octets(t.key, sizeof(t.key),
		"a4a54d64e087588f8cc0a9ccd039c0be8119a680aad2071ef757f52ab377c39b");
	assert_int_equal(sstp_lane_prove(&t, SSTP_LANE_CLIENT, exported, proof), 0);
	assert_octets(proof, sizeof(proof), CLIENT_PROOF);
	assert_true(sstp_lane_proved(&t, SSTP_LANE_CLIENT, exported, proof));
	assert_int_equal(sstp_lane_prove(&t, SSTP_LANE_SERVER, exported, proof), 0);
	assert_octets(proof, sizeof(proof), SERVER_PROOF);
}

static void a_login_without_a_key_has_no_lane(void **state)
{
	uint8_t hlak[HLAK_LEN] = {0}, key[SSTP_LANE_KEY_LEN];

	(void)state;
	assert_int_equal(sstp_lane_key(hlak, key), -ENOKEY);
	hlak[HLAK_LEN - 1] = 1;
	assert_int_equal(sstp_lane_key(hlak, key), 0);
}

/* Proof, key, handle, exported octets: whichever bit differs, it is no proof; nor is the other side's. */
static void each_bit_flipped_spoils_the_proof(void **state)
{
	struct sstp_lane_ticket t = ticket();
	uint8_t exported[SSTP_LANE_EXPORT_LEN], proof[SSTP_LANE_PROOF_LEN];
	struct {
		uint8_t *p;
		size_t n;
	} parts[] = {{t.key, sizeof(t.key)}, {t.handle, sizeof(t.handle)},
		{exported, sizeof(exported)}, {proof, sizeof(proof)}};

	(void)state;
	fill(exported, sizeof(exported), 0xc0);
	assert_int_equal(sstp_lane_prove(&t, SSTP_LANE_CLIENT, exported, proof), 0);
	assert_false(sstp_lane_proved(&t, SSTP_LANE_SERVER, exported, proof));
	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++)
		for (size_t bit = 0; bit < 8 * parts[i].n; bit++) {
			parts[i].p[bit / 8] ^= (uint8_t)(1 << bit % 8);
			assert_false(sstp_lane_proved(&t, SSTP_LANE_CLIENT, exported, proof));
			parts[i].p[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
	assert_true(sstp_lane_proved(&t, SSTP_LANE_CLIENT, exported, proof));
}

static void header_values_come_back_as_they_went(void **state)
{
	char answer[SSTP_LANE_ANSWER_LEN], request[SSTP_LANE_REQUEST_LEN];
	char text[SSTP_LANE_PROOF_TEXT_LEN];
	struct sstp_lane_ticket t = ticket();
	struct hexlit proof = hexlit(CLIENT_PROOF);
	uint8_t handle[SSTP_LANE_HANDLE_LEN], got[SSTP_LANE_PROOF_LEN];

	(void)state;
	sstp_lane_answer_format(t.handle, answer);
	assert_string_equal(answer, "1 " HANDLE);
	assert_int_equal(sstp_lane_answer_parse(answer, handle), 0);
	assert_memory_equal(handle, t.handle, sizeof(handle));
	sstp_lane_request_format(t.handle, proof.p, request);
	assert_string_equal(request, HANDLE " " CLIENT_PROOF);
	memset(handle, 0, sizeof(handle));
	assert_int_equal(sstp_lane_request_parse(request, handle, got), 0);
	assert_memory_equal(handle, t.handle, sizeof(handle));
	assert_memory_equal(got, proof.p, sizeof(got));
	sstp_lane_proof_format(proof.p, text);
	assert_int_equal(sstp_lane_proof_parse(text, got), 0);
	assert_string_equal(text, CLIENT_PROOF);
}

/* Each character wrong in turn, each length but the right one. */
static void refuse_all_but(const char *right, int (*parse)(const char *text))
{
	size_t n = strlen(right);
	char text[200];

	assert_int_equal(parse(right), 0);
	for (size_t i = 0; i < n; i++) {
		strcpy(text, right);
		text[i] = 'g';
		assert_int_equal(parse(text), -EINVAL);
		text[i] = '\0';
		assert_int_equal(parse(text), -EINVAL);
	}
	strcpy(text, right);
	strcat(text, "0");
	assert_int_equal(parse(text), -EINVAL);
	strcpy(text, " ");
	strcat(text, right);
	assert_int_equal(parse(text), -EINVAL);
}

static int parse_answer(const char *text)
{
	uint8_t handle[SSTP_LANE_HANDLE_LEN];

	return sstp_lane_answer_parse(text, handle);
}

static int parse_request(const char *text)
{
	uint8_t handle[SSTP_LANE_HANDLE_LEN], proof[SSTP_LANE_PROOF_LEN];

	return sstp_lane_request_parse(text, handle, proof);
}

static int parse_proof(const char *text)
{
	uint8_t proof[SSTP_LANE_PROOF_LEN];

	return sstp_lane_proof_parse(text, proof);
}

static void anything_but_the_right_form_is_refused(void **state)
{
	(void)state;
	refuse_all_but("1 " HANDLE, parse_answer);
	refuse_all_but(HANDLE " " CLIENT_PROOF, parse_request);
	refuse_all_but(CLIENT_PROOF, parse_proof);
	assert_true(sstp_lane_offered("1"));
	assert_false(sstp_lane_offered(""));
	assert_false(sstp_lane_offered("1 "));
	assert_false(sstp_lane_offered("2"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(key_and_proofs_are_what_others_compute),
		cmocka_unit_test(a_login_without_a_key_has_no_lane),
		cmocka_unit_test(each_bit_flipped_spoils_the_proof),
		cmocka_unit_test(header_values_come_back_as_they_went),
		cmocka_unit_test(anything_but_the_right_form_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
