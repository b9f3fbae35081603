// SPDX-License-Identifier: Apache-2.0
/*
 * base/crypto.h — hashes, ciphers and random octets (libcrypto). Knows nothing of VPNs.
 *
 * MD4 and DES, which MS-CHAPv2 needs, come from OpenSSL's legacy provider in a library context of
 * our own, so that nothing else in the process can use them by accident.
 *
 * Threads: every function may be called from any thread; contexts are kept per thread.
 * Errors:  -ENOTSUP when the provider lacks an algorithm (a FIPS build), -EIO otherwise.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum hash { HASH_MD4, HASH_MD5, HASH_SHA1, HASH_SHA256 };
#define MD_MAX_LEN 32
#define MD4_LEN 16
#define MD5_LEN 16
#define SHA1_LEN 20
#define SHA256_LEN 32

struct octets {
	const void *p;
	size_t n;
};

size_t hash_len(enum hash h);
/* Hash of the parts one after another; ret holds hash_len(h). */
int hash_parts(enum hash h, const struct octets *parts, size_t n_parts, uint8_t *ret);
int hash_one(enum hash h, const void *octets, size_t n, uint8_t *ret);
int hmac_parts(enum hash h, const void *key, size_t key_len, const struct octets *parts,
	size_t n_parts, uint8_t *ret);

/* One DES block under a 56-bit key of 7 octets (spread to 8 with parity inside). */
int des_encrypt_block(
	const uint8_t key[static 7], const uint8_t in[static 8], uint8_t ret[static 8]);

/* AES-256-GCM with 12-octet nonce and 16-octet tag. Decryption fails with -EBADMSG. */
#define AEAD_KEY_LEN 32
#define AEAD_NONCE_LEN 12
#define AEAD_TAG_LEN 16
int aead_encrypt(const uint8_t key[static AEAD_KEY_LEN], const uint8_t nonce[static AEAD_NONCE_LEN],
	const void *aad, size_t aad_len, const void *in, size_t n, uint8_t *ret_out,
	uint8_t *ret_tag);
int aead_decrypt(const uint8_t key[static AEAD_KEY_LEN], const uint8_t nonce[static AEAD_NONCE_LEN],
	const void *aad, size_t aad_len, const void *in, size_t n, const uint8_t *tag,
	uint8_t *ret_out);

/* A key from a passphrase: scrypt (RFC 7914) with N 2^15, r 8, p 1: 32 MiB and some 0.1 s a guess. */
int crypto_scrypt(const char *passphrase, const uint8_t *salt, size_t salt_len, uint8_t *ret_key,
	size_t key_len);

bool crypto_equal(const void *a, const void *b, size_t n); /* constant time */
void crypto_random(void *ret, size_t n);                   /* aborts if the system has none */
