// SPDX-License-Identifier: Apache-2.0
/* NTLMv2 against the example of [MS-NLMP] 4.2.4, and challenges that are none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "base/auto.h"
#include "base/crypto.h"
#include "base/hex.h"
#include "base/mschap.h"
#include "http/ntlm.h"

static const uint8_t nonce[] = {0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa};

/* 4.2.4.3, its CHALLENGE_MESSAGE */
static const uint8_t example[] = {0x4e, 0x54, 0x4c, 0x4d, 0x53, 0x53, 0x50, 0x00, 0x02, 0x00, 0x00,
	0x00, 0x0c, 0x00, 0x0c, 0x00, 0x38, 0x00, 0x00, 0x00, 0x33, 0x82, 0x8a, 0xe2, 0x01, 0x23,
	0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x24,
	0x00, 0x24, 0x00, 0x44, 0x00, 0x00, 0x00, 0x06, 0x00, 0x70, 0x17, 0x00, 0x00, 0x00, 0x0f,
	0x53, 0x00, 0x65, 0x00, 0x72, 0x00, 0x76, 0x00, 0x65, 0x00, 0x72, 0x00, 0x02, 0x00, 0x0c,
	0x00, 0x44, 0x00, 0x6f, 0x00, 0x6d, 0x00, 0x61, 0x00, 0x69, 0x00, 0x6e, 0x00, 0x01, 0x00,
	0x0c, 0x00, 0x53, 0x00, 0x65, 0x00, 0x72, 0x00, 0x76, 0x00, 0x65, 0x00, 0x72, 0x00, 0x00,
	0x00, 0x00, 0x00};
#define INFO_AT 0x44

static size_t answer_to(const uint8_t *challenge, size_t n, const char *user, uint8_t *ret,
	size_t cap, int *ret_error)
{
	char text[HTTP_NTLM_CHALLENGE_TEXT * 2], value[9000];
	struct http_ntlm_opts o = {
		.challenge = text, .user = user, .password = "Password", .nonce = nonce};
	int got;

	base64_encode(challenge, n, text);
	*ret_error = http_ntlm_answer(&o, value, sizeof(value));
	if (*ret_error)
		return 0;
	assert_memory_equal(value, "NTLM ", 5);
	got = base64_decode(value + 5, ret, cap);
	assert_true(got > 0);
	return (size_t)got;
}

static const uint8_t *field(const uint8_t *message, size_t n, size_t at, size_t *ret_n)
{
	size_t offset = (size_t)(message[at + 4] | message[at + 5] << 8);

	*ret_n = (size_t)(message[at] | message[at + 1] << 8);
	assert_true(offset + *ret_n <= n);
	return message + offset;
}

static void the_example_of_the_document_comes_out(void **state)
{
	static const uint8_t lm[] = {0x86, 0xc3, 0x50, 0x97, 0xac, 0x9c, 0xec, 0x10, 0x25, 0x54,
		0x76, 0x4a, 0x57, 0xcc, 0xcc, 0x19, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa},
			     proof[] = {0x68, 0xcd, 0x0a, 0xb8, 0x51, 0xe5, 0x1c, 0x96, 0xaa, 0xbc,
				     0x92, 0x7b, 0xeb, 0xef, 0x6a, 0x1c};
	uint8_t message[4000];
	int error;
	size_t n = answer_to(
		       example, sizeof(example), "Domain\\User", message, sizeof(message), &error),
	       len;
	const uint8_t *p;

	(void)state;
	assert_int_equal(error, 0);
	assert_memory_equal(message, "NTLMSSP\0\3\0\0\0", 12);
	p = field(message, n, 12, &len);
	assert_int_equal(len, sizeof(lm));
	assert_memory_equal(p, lm, sizeof(lm));
	p = field(message, n, 20, &len);
	assert_true(len > sizeof(proof));
	assert_memory_equal(p, proof, sizeof(proof));
	p = field(message, n, 28, &len);
	assert_int_equal(len, 12);
	assert_memory_equal(p, "D\0o\0m\0a\0i\0n\0", 12);
	p = field(message, n, 36, &len);
	assert_memory_equal(p, "U\0s\0e\0r\0", 8);
}

/* The name is hashed in capitals: another case of it is the same proof. */
static void the_case_of_the_user_makes_no_difference_to_the_proof(void **state)
{
	static const char *const users[][2] = {{"Domain\\User", "Domain\\uSER"},
		{"J\303\234RGEN", "j\303\274rgen"},
		{"\320\230\320\222\320\220\320\235", "\320\270\320\262\320\260\320\275"},
		{"\316\221\316\223", "\316\261\316\263"}, {"\305\270", "\303\277"},
		{"\305\275", "\305\276"}};
	uint8_t a[4000], b[4000];
	int error;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(users); i++) {
		size_t n = answer_to(example, sizeof(example), users[i][0], a, sizeof(a), &error),
		       m = answer_to(example, sizeof(example), users[i][1], b, sizeof(b), &error),
		       len;

		if (memcmp(field(a, n, 20, &len), field(b, m, 20, &len), MD5_LEN))
			fail_msg("row %zu", i);
	}
}

/* 3.1.5.1.2, with the key of 3.3.2 for "User" without a domain. */
static int make_mic(const uint8_t *challenge, size_t challenge_n, const uint8_t *hello,
	const uint8_t *message, size_t n, uint8_t ret[static 16])
{
	static const uint8_t upper[] = "U\0S\0E\0R";
	const struct octets name = {upper, 8},
			    all[] = {{hello, 32}, {challenge, challenge_n}, {message, n}};
	uint8_t nt[16], key[16], session[16];
	struct octets proof;
	size_t len;

	proof = (struct octets){field(message, n, 20, &len), 16};
	mschap_nt_hash("Password", nt);
	hmac_parts(HASH_MD5, nt, 16, &name, 1, key);
	hmac_parts(HASH_MD5, key, 16, &proof, 1, session);
	return hmac_parts(HASH_MD5, session, 16, all, ARRAY_SIZE(all), ret);
}

/* A server that names its time gets the MIC, the flag that says so, and no LM answer. */
static void a_time_brings_the_checksum_over_all_messages(void **state)
{
	uint8_t with_time[sizeof(example) + 12], message[4000], hello[64], none[24] = {0}, mic[16],
									   again[16];
	size_t n, len;
	const uint8_t *p;
	char text[100];
	int error;

	(void)state;
	memcpy(with_time, example, INFO_AT);
	memcpy(with_time + INFO_AT, "\7\0\10\0\1\2\3\4\5\6\7\10", 12);
	memcpy(with_time + INFO_AT + 12, example + INFO_AT, sizeof(example) - INFO_AT);
	with_time[40] = with_time[42] = 0x24 + 12;
	n = answer_to(with_time, sizeof(with_time), "User", message, sizeof(message), &error);
	assert_int_equal(error, 0);
	p = field(message, n, 12, &len);
	assert_memory_equal(p, none, sizeof(none));
	p = field(message, n, 20, &len);
	assert_memory_equal(p + 16 + 8, "\1\2\3\4\5\6\7\10", 8);
	assert_non_null(memmem(p, len, "\6\0\4\0\2\0\0\0", 8));
	/* the checksum, made once more */
	assert_int_equal(http_ntlm_hello(text, sizeof(text)), 0);
	assert_int_equal(base64_decode(text + 5, hello, sizeof(hello)), 32);
	memcpy(mic, message + 72, sizeof(mic));
	assert_memory_not_equal(mic, none, sizeof(mic));
	memset(message + 72, 0, sizeof(mic));
	assert_int_equal(make_mic(with_time, sizeof(with_time), hello, message, n, again), 0);
	assert_memory_equal(mic, again, sizeof(mic));
}

static void what_is_no_challenge_is_refused(void **state)
{
	uint8_t c[sizeof(example)], message[4000];
	int error;

	(void)state;
	for (size_t n = 0; n < sizeof(example); n++) { /* each prefix, from memory of that size */
		uint8_t *copy = malloc(n ? n : 1);

		memcpy(copy, example, n);
		answer_to(copy, n, "User", message, sizeof(message), &error);
		if (n < INFO_AT && n >= 48)
			assert_int_equal(error, -EPROTO);
		free(copy);
	}
	memcpy(c, example, sizeof(c));
	c[8] = 3;
	answer_to(c, sizeof(c), "User", message, sizeof(message), &error);
	assert_int_equal(error, -EPROTO);
	memcpy(c, example, sizeof(c));
	c[20] &= 0xfe;
	answer_to(c, sizeof(c), "User", message, sizeof(message), &error);
	assert_int_equal(error, -ENOTSUP);
	memcpy(c, example, sizeof(c));
	c[44] = c[45] = c[46] = c[47] = 0xff; /* where the pairs would be */
	answer_to(c, sizeof(c), "User", message, sizeof(message), &error);
	assert_int_equal(error, -EPROTO);
	memcpy(c, example, sizeof(c));
	c[INFO_AT + 2] = 0xff; /* a pair that is longer than all of them */
	c[INFO_AT + 3] = 0xff;
	answer_to(c, sizeof(c), "User", message, sizeof(message), &error);
	assert_int_equal(error, -EPROTO);
}

static void texts_that_do_not_fit_are_refused(void **state)
{
	char name[2000], small[20];
	uint8_t message[4000];
	int error;

	(void)state;
	memset(name, 'a', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	answer_to(example, sizeof(example), name, message, sizeof(message), &error);
	assert_int_equal(error, -ENOSPC);
	answer_to(example, sizeof(example), "\xff", message, sizeof(message), &error);
	assert_int_equal(error, -EILSEQ);
	assert_int_equal(http_ntlm_hello(small, sizeof(small)), -ENOSPC);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_example_of_the_document_comes_out),
		cmocka_unit_test(the_case_of_the_user_makes_no_difference_to_the_proof),
		cmocka_unit_test(a_time_brings_the_checksum_over_all_messages),
		cmocka_unit_test(what_is_no_challenge_is_refused),
		cmocka_unit_test(texts_that_do_not_fit_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
