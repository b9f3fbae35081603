// SPDX-License-Identifier: Apache-2.0
/*
 * The ciphers of records: published vectors, both libraries against each other at every length around
 * a block and a batch of blocks, and every octet changed.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/hex.h"
#include "tls/aead.h"

#define LONGEST 16384
static const uint8_t aad[5] = {0x17, 3, 3, 0x40, 0x11};
static const uint8_t nonce[AEAD_NONCE_LEN] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
static uint8_t key[32], text[LONGEST], sealed[2][LONGEST + 1 + AEAD_TAG_LEN], opened[LONGEST + 1];

static struct aead *make(
	enum aead_kind kind, enum aead_provider provider, const uint8_t *k, bool seal)
{
	struct aead *a;

	assert_int_equal(aead_new(kind, provider, &a), 0);
	assert_int_equal(aead_set_key(a, k, seal), 0);
	return a;
}

/* What the machine that runs this has, of the two. */
static bool have(enum aead_provider provider)
{
	struct aead *a;

	if (aead_new(AEAD_AES_256_GCM, provider, &a) < 0)
		return false;
	assert_int_equal(aead_provider(a), provider);
	aead_free(a);
	return true;
}

static int fill(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(key); i++)
		key[i] = (uint8_t)(3 * i + 1);
	for (size_t i = 0; i < LONGEST; i++)
		text[i] = (uint8_t)(i * i + (i >> 8));
	return 0;
}

/*
 * "The Galois/Counter Mode of Operation (GCM)", McGrew and Viega, appendix B, test cases 4 and 16: 60
 * octets of text (the last given as `last`), 20 of additional data.
 */
static void seals_and_opens_the_vectors_of_gcm(enum aead_provider provider)
{
	static const struct {
		enum aead_kind kind;
		const char *key, *out;
	} cases[] = {
		{AEAD_AES_128_GCM, "feffe9928665731c6d6a8f9467308308",
			"42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e21d514b254"
			"66931c7d8f6a5aac84aa051ba30b396a0aac973d58e0915bc94fbc3221a5db94fae95ae7121"
			"a47"},
		{AEAD_AES_256_GCM,
			"feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",
			"522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590"
			"dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f66276fc6ece0f4e1768cddf8853bb2d55"
			"1b"},
	};
	uint8_t k[32], iv[12], more[20], plain[60], want[76], out[76];

	assert_int_equal(hex_decode("cafebabefacedbaddecaf888", iv, 12), 0);
	assert_int_equal(hex_decode("feedfacedeadbeeffeedfacedeadbeefabaddad2", more, 20), 0);
	assert_int_equal(
		hex_decode("d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0"
			   "c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
			plain, 60),
		0);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct aead *a, *b;

		assert_int_equal(hex_decode(cases[i].key, k, aead_key_len(cases[i].kind)), 0);
		assert_int_equal(hex_decode(cases[i].out, want, sizeof(want)), 0);
		a = make(cases[i].kind, provider, k, true);
		b = make(cases[i].kind, provider, k, false);
		assert_int_equal(aead_seal(a, iv, more, 20, plain, 59, plain[59], out), 0);
		assert_memory_equal(out, want, sizeof(want));
		assert_int_equal(aead_open(b, iv, more, 20, want, 60, out), 0);
		assert_memory_equal(out, plain, 60);
		aead_free(a);
		aead_free(b);
	}
}

static void openssl_gives_the_published_vectors(void **state)
{
	(void)state;
	seals_and_opens_the_vectors_of_gcm(AEAD_OPENSSL);
}

/* Without it OpenSSL is what is used. */
#define NEED_IPSEC_MB()                                                                            \
	do {                                                                                       \
		if (!have(AEAD_IPSEC_MB)) {                                                        \
			print_message("skipped: the processor lacks VAES, or no ipsec-mb\n");      \
			skip();                                                                    \
		}                                                                                  \
	} while (0)

static void ipsec_mb_gives_the_published_vectors(void **state)
{
	(void)state;
	NEED_IPSEC_MB();
	seals_and_opens_the_vectors_of_gcm(AEAD_IPSEC_MB);
}

static void both_agree(enum aead_kind kind, size_t n)
{
	struct aead *a = make(kind, AEAD_OPENSSL, key, true),
		    *b = make(kind, AEAD_IPSEC_MB, key, true),
		    *back = make(kind, AEAD_IPSEC_MB, key, false);

	assert_int_equal(aead_seal(a, nonce, aad, 5, text, n, 23, sealed[0]), 0);
	assert_int_equal(aead_seal(b, nonce, aad, 5, text, n, 23, sealed[1]), 0);
	assert_memory_equal(sealed[0], sealed[1], n + 1 + AEAD_TAG_LEN);
	assert_int_equal(aead_open(back, nonce, aad, 5, sealed[0], n + 1, opened), 0);
	assert_memory_equal(opened, text, n);
	assert_int_equal(opened[n], 23);
	aead_free(a);
	aead_free(b);
	aead_free(back);
}

static void both_libraries_agree_at_every_length(void **state)
{
	(void)state;
	NEED_IPSEC_MB();
	for (size_t n = 0; n <= 2000; n++) /* at about 1500 another function does it */
		both_agree(AEAD_AES_256_GCM, n);
	for (size_t n = 0; n <= 300; n++)
		both_agree(AEAD_AES_128_GCM, n);
	for (size_t n = LONGEST - 40; n <= LONGEST; n++)
		both_agree(AEAD_AES_256_GCM, n);
}

/* A seal that was used before is as good as new: nothing of one record is left for the next. */
static void a_key_serves_many_records(void **state)
{
	struct aead *a = make(AEAD_AES_256_GCM, AEAD_FASTEST, key, true),
		    *b = make(AEAD_AES_256_GCM, AEAD_FASTEST, key, false);

	(void)state;
	for (uint8_t i = 0; i < 200; i++) {
		uint8_t iv[AEAD_NONCE_LEN] = {i};

		assert_int_equal(aead_seal(a, iv, aad, 5, text + i, i * 7u, i, sealed[0]), 0);
		assert_int_equal(aead_open(b, iv, aad, 5, sealed[0], i * 7u + 1, opened), 0);
		assert_memory_equal(opened, text + i, i * 7u);
		assert_int_equal(opened[i * 7u], i);
	}
	aead_free(a);
	aead_free(b);
}

static void a_change_is_noticed_and_gives_nothing(enum aead_kind kind, enum aead_provider provider)
{
	enum { N = 100 };
	struct aead *a = make(kind, provider, key, true), *b = make(kind, provider, key, false);
	uint8_t more[5], iv[AEAD_NONCE_LEN];

	for (size_t at = 0; at < N + AEAD_TAG_LEN; at++) {
		assert_int_equal(aead_seal(a, nonce, aad, 5, text, N - 1, 23, sealed[0]), 0);
		sealed[0][at] ^= 0x10;
		assert_int_equal(aead_open(b, nonce, aad, 5, sealed[0], N, opened), -EBADMSG);
	}
	assert_int_equal(aead_seal(a, nonce, aad, 5, text, N - 1, 23, sealed[0]), 0);
	for (size_t at = 0; at < sizeof(more); at++) {
		memcpy(more, aad, sizeof(more));
		more[at] ^= 1;
		assert_int_equal(aead_open(b, nonce, more, 5, sealed[0], N, opened), -EBADMSG);
	}
	for (size_t at = 0; at < sizeof(iv); at++) {
		memcpy(iv, nonce, sizeof(iv));
		iv[at] ^= 0x80;
		assert_int_equal(aead_open(b, iv, aad, 5, sealed[0], N, opened), -EBADMSG);
	}
	assert_int_equal(aead_open(b, nonce, aad, 5, sealed[0], N, opened), 0);
	aead_free(a);
	aead_free(b);
}

static void what_was_changed_does_not_open(void **state)
{
	(void)state;
	for (enum aead_kind kind = 0; kind < AEAD_KINDS; kind++)
		a_change_is_noticed_and_gives_nothing(kind, AEAD_OPENSSL);
	if (!have(AEAD_IPSEC_MB))
		return;
	a_change_is_noticed_and_gives_nothing(AEAD_AES_128_GCM, AEAD_IPSEC_MB);
	a_change_is_noticed_and_gives_nothing(AEAD_AES_256_GCM, AEAD_IPSEC_MB);
}

/* ipsec-mb decrypts before it knows: what is not authentic must not stay in the caller's buffer. */
static void what_does_not_verify_is_wiped(void **state)
{
	static const uint8_t nothing[50];
	struct aead *a, *b;

	(void)state;
	NEED_IPSEC_MB();
	a = make(AEAD_AES_256_GCM, AEAD_IPSEC_MB, key, true);
	b = make(AEAD_AES_256_GCM, AEAD_IPSEC_MB, key, false);
	assert_int_equal(aead_seal(a, nonce, aad, 5, text, 49, 23, sealed[0]), 0);
	sealed[0][50] ^= 1; /* the tag's first octet */
	memset(opened, 0x55, sizeof(opened));
	assert_int_equal(aead_open(b, nonce, aad, 5, sealed[0], 50, opened), -EBADMSG);
	assert_memory_equal(opened, nothing, 50);
	assert_int_equal(opened[50], 0x55);
	aead_free(a);
	aead_free(b);
}

static void chacha_is_openssls(void **state)
{
	struct aead *a;

	(void)state;
	assert_int_equal(aead_new(AEAD_CHACHA20_POLY1305, AEAD_IPSEC_MB, &a), -ENOTSUP);
	assert_int_equal(aead_new(AEAD_CHACHA20_POLY1305, AEAD_FASTEST, &a), 0);
	assert_int_equal(aead_provider(a), AEAD_OPENSSL);
	aead_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(openssl_gives_the_published_vectors),
		cmocka_unit_test(ipsec_mb_gives_the_published_vectors),
		cmocka_unit_test(both_libraries_agree_at_every_length),
		cmocka_unit_test(a_key_serves_many_records),
		cmocka_unit_test(what_was_changed_does_not_open),
		cmocka_unit_test(what_does_not_verify_is_wiped),
		cmocka_unit_test(chacha_is_openssls),
	};

	return cmocka_run_group_tests(tests, fill, NULL);
}
