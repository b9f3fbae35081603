// SPDX-License-Identifier: Apache-2.0
#include "hexlit.h"

#include <errno.h>

#include "base/mschap.h"

/* RFC 2759 section 9.2. */
#define AUTH_CHALLENGE "5b5d7c7d7b3f2f3e3c2c602132262628"
#define PEER_CHALLENGE "21402324255e262a28295f2b3a337c7e"
#define NT_HASH "44ebba8d5312b8d611474411f56989ae"
#define NT_RESPONSE "82309ecd8d708b5ea08faa3981cd83544233114a3d85d6df"
#define AUTH_RESPONSE "S=407A5589115FD0D6209F510FE9C04566932CDA56"

static void nt_hashes_of_ascii_passwords_are_the_published_ones(void **state)
{
	uint8_t hash[MSCHAP_NT_HASH_LEN];

	assert_int_equal(mschap_nt_hash("clientPass", hash), 0);
	assert_octets(hash, sizeof(hash), NT_HASH);
	assert_int_equal(mschap_nt_hash("MyPw", hash), 0); /* RFC 2759 9.3 */
	assert_octets(hash, sizeof(hash), "fc156af7edcd6c0edde3337d427f4eac");
	assert_int_equal(mschap_nt_hash("", hash), 0);
	assert_octets(hash, sizeof(hash), "31d6cfe0d16ae931b73c59d7e0c089c0");
}

/* Recomputed with iconv and the openssl command. */
static void nt_hashes_go_through_utf_16(void **state)
{
	uint8_t hash[MSCHAP_NT_HASH_LEN];

	assert_int_equal(mschap_nt_hash("p\xc3\xa4ssw\xc3\xb6rd", hash), 0);
	assert_octets(hash, sizeof(hash), "0553152250ac01adb4213cb9938663e4");
	assert_int_equal(mschap_nt_hash("\xe5\xaf\x86\xe7\xa0\x81", hash), 0);
	assert_octets(hash, sizeof(hash), "f900556f89880c4084e3c644c6c20b9c");
	assert_int_equal(mschap_nt_hash("\xf0\x9f\x98\x80pw", hash), 0); /* a surrogate pair */
	assert_octets(hash, sizeof(hash), "810ecc432030df99f64e27f13f1a092f");
}

static void passwords_that_are_not_utf_8_are_refused(void **state)
{
	static const char *const bad[] = {"\xff", "a\x80", "\xc0\x80", "\xc3", "\xe2\x82",
		"\xe0\x80\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80",
		"\xf0\x8f\xbf\xbf"};
	uint8_t hash[MSCHAP_NT_HASH_LEN];

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(mschap_nt_hash(bad[i], hash), -EILSEQ);
}

static void responses_agree_with_rfc_2759(void **state)
{
	static const char *const users[] = {
		"User", "DOMAIN\\User"}; /* the domain does not count, 8.2 */
	struct hexlit auth = hexlit(AUTH_CHALLENGE), peer = hexlit(PEER_CHALLENGE),
		      hash = hexlit(NT_HASH);

	for (size_t i = 0; i < 2; i++) {
		uint8_t response[MSCHAP_NT_RESPONSE_LEN];
		char proof[MSCHAP_AUTH_RESPONSE_LEN];
		size_t len = strlen(users[i]);

		assert_int_equal(
			mschap_nt_response(auth.p, peer.p, users[i], len, hash.p, response), 0);
		assert_octets(response, sizeof(response), NT_RESPONSE);
		assert_int_equal(mschap_auth_response(
					 hash.p, response, auth.p, peer.p, users[i], len, proof),
			0);
		assert_memory_equal(proof, AUTH_RESPONSE, sizeof(proof));
	}
}

static void the_case_of_the_user_name_counts(void **state)
{
	struct hexlit auth = hexlit(AUTH_CHALLENGE), peer = hexlit(PEER_CHALLENGE),
		      hash = hexlit(NT_HASH);
	uint8_t response[MSCHAP_NT_RESPONSE_LEN];

	assert_int_equal(mschap_nt_response(auth.p, peer.p, "user", 4, hash.p, response), 0);
	assert_memory_not_equal(response, hexlit(NT_RESPONSE).p, sizeof(response));
}

/* RFC 3079 3.5.3; the order is [MS-SSTP] 3.2.5.2.2's: client send key, client receive key. */
static void the_hlak_is_made_of_the_keys_of_rfc_3079(void **state)
{
	struct hexlit hash = hexlit(NT_HASH), response = hexlit(NT_RESPONSE);
	uint8_t hlak[MSCHAP_HLAK_LEN];

	assert_int_equal(mschap_hlak(hash.p, response.p, hlak), 0);
	assert_octets(hlak, sizeof(hlak),
		"d5f0e9521e3ea9589645e86051c82226 8b7cdc149b993a1ba118cb153f56dccb");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nt_hashes_of_ascii_passwords_are_the_published_ones),
		cmocka_unit_test(nt_hashes_go_through_utf_16),
		cmocka_unit_test(passwords_that_are_not_utf_8_are_refused),
		cmocka_unit_test(responses_agree_with_rfc_2759),
		cmocka_unit_test(the_case_of_the_user_name_counts),
		cmocka_unit_test(the_hlak_is_made_of_the_keys_of_rfc_3079),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
