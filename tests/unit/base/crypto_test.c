// SPDX-License-Identifier: Apache-2.0
#include "hexlit.h"

#include <errno.h>
#include <pthread.h>

#include "base/crypto.h"

static void digests_of_abc_are_the_published_ones(void **state)
{
	static const struct {
		enum hash hash;
		const char *digest;
	} cases[] = {{HASH_MD4, "a448017aaf21d8525fc10ae87aa6729d"},     /* RFC 1320 A.5 */
		{HASH_MD5, "900150983cd24fb0d6963f7d28e17f72"},          /* RFC 1321 A.5 */
		{HASH_SHA1, "a9993e364706816aba3e25717850c26c9cd0d89d"}, /* FIPS 180 */
		{HASH_SHA256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		uint8_t digest[MD_MAX_LEN];

		assert_int_equal(hash_one(cases[i].hash, "abc", 3, digest), 0);
		assert_octets(digest, hash_len(cases[i].hash), cases[i].digest);
		assert_int_equal(
			hash_parts(cases[i].hash, (struct octets[]){{"a", 1}, {"", 0}, {"bc", 2}},
				3, digest),
			0);
		assert_octets(digest, hash_len(cases[i].hash), cases[i].digest);
	}
}

/* RFC 2202 and RFC 4231, test cases 1, 2 and 6. */
static const struct {
	enum hash hash;
	size_t key_len[3];
	const char *mac[3];
} hmacs[] = {
	{HASH_MD5, {16, 4, 80},
		{"9294727a3638bb1c13f48ef8158bfc9d", "750c783e6ab0b503eaa86e310a5db738",
			"6b1ab7fe4bd7bf8f0b62e6ce61b9d0cd"}},
	{HASH_SHA1, {20, 4, 80},
		{"b617318655057264e28bc0b6fb378c8ef146be00",
			"effcdf6ae5eb2fa2d27416d5f184df9c259a7c79",
			"aa4ae5e15272d00e95705637ce8a3b55ed402112"}},
	{HASH_SHA256, {20, 4, 131},
		{"b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
			"5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
			"60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"}},
};

static void hmac_agrees_with_rfc_2202_and_4231(void **state)
{
	static const char *const texts[] = {"Hi There", "what do ya want for nothing?",
		"Test Using Larger Than Block-Size Key - Hash Key First"};
	uint8_t keys[3][131], mac[MD_MAX_LEN];

	memset(keys[0], 0x0b, sizeof(keys[0]));
	memcpy(keys[1], "Jefe", 4);
	memset(keys[2], 0xaa, sizeof(keys[2]));
	for (size_t i = 0; i < sizeof(hmacs) / sizeof(*hmacs); i++) {
		for (size_t k = 0; k < 3; k++) {
			struct octets parts[] = {
				{texts[k], 3}, {texts[k] + 3, strlen(texts[k]) - 3}};

			assert_int_equal(hmac_parts(hmacs[i].hash, keys[k], hmacs[i].key_len[k],
						 parts, 2, mac),
				0);
			assert_octets(mac, hash_len(hmacs[i].hash), hmacs[i].mac[k]);
		}
	}
}

static void hmac_refuses_more_parts_than_it_has_room_for(void **state)
{
	struct octets parts[9] = {{"", 0}};
	uint8_t mac[MD_MAX_LEN];

	assert_int_equal(hmac_parts(HASH_SHA1, "k", 1, parts, 9, mac), -EINVAL);
	assert_int_equal(hmac_parts(HASH_SHA1, NULL, 0, NULL, 0, mac), 0);
	assert_octets(mac, SHA1_LEN, "fbdb1d1b18aa6c08324b7d64b71fb76370690e1d");
}

static void des_block(const char *key, const char *in, const char *expected)
{
	struct hexlit k = hexlit(key), i = hexlit(in);
	uint8_t out[8];

	assert_int_equal(des_encrypt_block(k.p, i.p, out), 0);
	assert_octets(out, 8, expected);
}

/* RFC 2759 section 9.2 taken apart: the three blocks of the NT-Response. */
static void des_makes_the_blocks_of_the_nt_response(void **state)
{
	des_block("44ebba8d5312b8", "d02e4386bce91226", "82309ecd8d708b5e");
	des_block("d611474411f569", "d02e4386bce91226", "a08faa3981cd8354");
	des_block("89ae0000000000", "d02e4386bce91226", "4233114a3d85d6df");
}

/* RFC 2759 9.3: FC156AF7EDCD6C spreads to FD0B5B5E7F6E34D9, 0EDDE3337D427F to 0E6E796737EA08FE. */
static void des_keys_are_spread_as_in_rfc_2759(void **state)
{
	des_block("fc156af7edcd6c", "0001020304050607", "67b27803f2d16b5b");
	des_block("0edde3337d427f", "0001020304050607", "ffdfe8e3df290f28");
}

/* The GCM specification's test case 14: key, nonce and plain text all zero. */
static void aes_gcm_agrees_with_its_specification(void **state)
{
	uint8_t key[AEAD_KEY_LEN] = {0}, nonce[AEAD_NONCE_LEN] = {0}, text[16] = {0}, out[16],
		tag[16];

	assert_int_equal(aead_encrypt(key, nonce, NULL, 0, text, 16, out, tag), 0);
	assert_octets(out, 16, "cea7403d4d606b6e074ec5d3baf39d18");
	assert_octets(tag, 16, "d0d1c8a799996bf0265b98b5d48ab919");
}

static void aes_gcm_notices_every_flipped_bit(void **state)
{
	uint8_t key[AEAD_KEY_LEN] = {1}, nonce[AEAD_NONCE_LEN] = {2}, sealed[5 + 16], text[5];

	assert_int_equal(aead_encrypt(key, nonce, "aad", 3, "hello", 5, sealed, sealed + 5), 0);
	assert_int_equal(aead_decrypt(key, nonce, "aad", 3, sealed, 5, sealed + 5, text), 0);
	assert_memory_equal(text, "hello", 5);
	for (size_t bit = 0; bit < 8 * sizeof(sealed); bit++) {
		sealed[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_equal(
			aead_decrypt(key, nonce, "aad", 3, sealed, 5, sealed + 5, text), -EBADMSG);
		assert_octets(text, 5, "0000000000");
		sealed[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	assert_int_equal(aead_decrypt(key, nonce, "aae", 3, sealed, 5, sealed + 5, text), -EBADMSG);
	assert_int_equal(aead_encrypt(key, nonce, NULL, 0, NULL, 0, sealed, sealed + 5), 0);
	assert_int_equal(aead_decrypt(key, nonce, NULL, 0, sealed, 0, sealed + 5, text), 0);
}

static void *hash_in_a_thread(void *arg)
{
	for (int i = 0; i < 1000; i++)
		hash_one(HASH_MD4, "abc", 3, arg);
	return NULL;
}

static void threads_do_not_disturb_one_another(void **state)
{
	pthread_t threads[4];
	uint8_t digests[4][MD_MAX_LEN];

	for (size_t i = 0; i < 4; i++)
		assert_int_equal(
			pthread_create(&threads[i], NULL, hash_in_a_thread, digests[i]), 0);
	for (size_t i = 0; i < 4; i++) {
		pthread_join(threads[i], NULL);
		assert_octets(digests[i], MD4_LEN, "a448017aaf21d8525fc10ae87aa6729d");
	}
}

static void comparison_and_random_octets_work(void **state)
{
	uint8_t a[32], b[32];

	crypto_random(a, sizeof(a));
	crypto_random(b, sizeof(b));
	assert_false(crypto_equal(a, b, sizeof(a)));
	memcpy(b, a, sizeof(a));
	assert_true(crypto_equal(a, b, sizeof(a)));
	b[31] ^= 1;
	assert_false(crypto_equal(a, b, sizeof(a)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(digests_of_abc_are_the_published_ones),
		cmocka_unit_test(hmac_agrees_with_rfc_2202_and_4231),
		cmocka_unit_test(hmac_refuses_more_parts_than_it_has_room_for),
		cmocka_unit_test(des_makes_the_blocks_of_the_nt_response),
		cmocka_unit_test(des_keys_are_spread_as_in_rfc_2759),
		cmocka_unit_test(aes_gcm_agrees_with_its_specification),
		cmocka_unit_test(aes_gcm_notices_every_flipped_bit),
		cmocka_unit_test(threads_do_not_disturb_one_another),
		cmocka_unit_test(comparison_and_random_octets_work),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
