// SPDX-License-Identifier: Apache-2.0
/*
 * Theory: EVP contexts and fetched algorithms are expensive to make and cheap to reuse, and a login
 * takes some ten digests. Each thread keeps one EVP_MD_CTX and one EVP_CIPHER_CTX; the fetched
 * algorithms are shared and made once.
 */
#include "base/crypto.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/provider.h>
#include <openssl/rand.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t thread_key;
static EVP_MD *mds[4];
static EVP_CIPHER *des_ecb, *aes_gcm;

struct thread_ctx {
	EVP_MD_CTX *md;
	EVP_CIPHER_CTX *cipher;
};

static void thread_ctx_free(void *arg)
{
	struct thread_ctx *t = arg;

	EVP_MD_CTX_free(t->md);
	EVP_CIPHER_CTX_free(t->cipher);
	free(t);
}

static void init(void)
{
	OSSL_LIB_CTX *legacy = OSSL_LIB_CTX_new();

	pthread_key_create(&thread_key, thread_ctx_free);
	if (legacy && OSSL_PROVIDER_load(legacy, "legacy") &&
		OSSL_PROVIDER_load(legacy, "default")) {
		mds[HASH_MD4] = EVP_MD_fetch(legacy, "MD4", NULL);
		des_ecb = EVP_CIPHER_fetch(legacy, "DES-ECB", NULL);
	}
	mds[HASH_MD5] = EVP_MD_fetch(NULL, "MD5", NULL);
	mds[HASH_SHA1] = EVP_MD_fetch(NULL, "SHA1", NULL);
	mds[HASH_SHA256] = EVP_MD_fetch(NULL, "SHA256", NULL);
	aes_gcm = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
}

static struct thread_ctx *thread_ctx(void)
{
	struct thread_ctx *t;

	pthread_once(&once, init);
	t = pthread_getspecific(thread_key);
	if (t)
		return t;
	t = calloc(1, sizeof(*t));
	if (!t)
		return NULL;
	t->md = EVP_MD_CTX_new();
	t->cipher = EVP_CIPHER_CTX_new();
	if (!t->md || !t->cipher || pthread_setspecific(thread_key, t)) {
		thread_ctx_free(t);
		return NULL;
	}
	return t;
}

size_t hash_len(enum hash h)
{
	static const size_t len[] = {MD4_LEN, MD5_LEN, SHA1_LEN, SHA256_LEN};

	return len[h];
}

int hash_parts(enum hash h, const struct octets *parts, size_t n_parts, uint8_t *ret)
{
	struct thread_ctx *t = thread_ctx();
	int ok;

	if (!t)
		return -ENOMEM;
	if (!mds[h])
		return -ENOTSUP;
	ok = EVP_DigestInit_ex2(t->md, mds[h], NULL);
	for (size_t i = 0; i < n_parts; i++)
		ok = ok && EVP_DigestUpdate(t->md, parts[i].p, parts[i].n);
	ok = ok && EVP_DigestFinal_ex(t->md, ret, NULL);
	return ok ? 0 : -EIO;
}

int hash_one(enum hash h, const void *octets, size_t n, uint8_t *ret)
{
	return hash_parts(h, &(struct octets){octets, n}, 1, ret);
}

/* RFC 2104, on our own digests: HMAC through EVP_MAC costs a fetch and an allocation a call. */
int hmac_parts(enum hash h, const void *key, size_t key_len, const struct octets *parts,
	size_t n_parts, uint8_t *ret)
{
	uint8_t k[64] = {0}, pad[64], inner[MD_MAX_LEN];
	struct octets all[9] = {{pad, sizeof(pad)}};
	struct octets outer[2] = {{pad, sizeof(pad)}, {inner, hash_len(h)}};
	int r;

	if (n_parts > 8)
		return -EINVAL;
	if (key_len > sizeof(k)) {
		r = hash_one(h, key, key_len, k);
		if (r < 0)
			return r;
	} else if (key_len) {
		memcpy(k, key, key_len);
	}
	for (size_t i = 0; i < n_parts; i++)
		all[i + 1] = parts[i];
	for (size_t i = 0; i < sizeof(pad); i++)
		pad[i] = k[i] ^ 0x36;
	r = hash_parts(h, all, n_parts + 1, inner);
	for (size_t i = 0; i < sizeof(pad); i++)
		pad[i] = k[i] ^ 0x5c;
	if (!r)
		r = hash_parts(h, outer, 2, ret);
	explicit_bzero(k, sizeof(k));
	explicit_bzero(pad, sizeof(pad));
	return r;
}

static void des_spread_key(const uint8_t key7[static 7], uint8_t ret_key8[static 8])
{
	uint64_t bits = 0;

	for (int i = 0; i < 7; i++)
		bits = bits << 8 | key7[i];
	for (int i = 0; i < 8; i++) {
		uint8_t seven = (uint8_t)(bits >> (49 - 7 * i) & 0x7f);

		ret_key8[i] = (uint8_t)(seven << 1 | (__builtin_parity(seven) ^ 1));
	}
}

int des_encrypt_block(
	const uint8_t key[static 7], const uint8_t in[static 8], uint8_t ret[static 8])
{
	struct thread_ctx *t = thread_ctx();
	uint8_t key8[8];
	int n = 0, ok;

	if (!t)
		return -ENOMEM;
	if (!des_ecb)
		return -ENOTSUP;
	des_spread_key(key, key8);
	ok = EVP_EncryptInit_ex2(t->cipher, des_ecb, key8, NULL, NULL) &&
	     EVP_CIPHER_CTX_set_padding(t->cipher, 0) &&
	     EVP_EncryptUpdate(t->cipher, ret, &n, in, 8) && n == 8;
	EVP_CIPHER_CTX_reset(t->cipher);
	explicit_bzero(key8, sizeof(key8));
	return ok ? 0 : -EIO;
}

int crypto_scrypt(const char *passphrase, const uint8_t *salt, size_t salt_len, uint8_t *ret_key,
	size_t key_len)
{
	return EVP_PBE_scrypt(passphrase, strlen(passphrase), salt, salt_len, 1 << 15, 8, 1,
		       64 << 20, ret_key, key_len) == 1
		       ? 0
		       : -ENOMEM;
}

int aead_encrypt(const uint8_t key[static AEAD_KEY_LEN], const uint8_t nonce[static AEAD_NONCE_LEN],
	const void *aad, size_t aad_len, const void *in, size_t n, uint8_t *ret_out,
	uint8_t *ret_tag)
{
	struct thread_ctx *t = thread_ctx();
	int len = 0, ok;

	if (!t)
		return -ENOMEM;
	ok = EVP_EncryptInit_ex2(t->cipher, aes_gcm, key, nonce, NULL) &&
	     EVP_EncryptUpdate(t->cipher, NULL, &len, aad, (int)aad_len) &&
	     EVP_EncryptUpdate(t->cipher, ret_out, &len, in, (int)n) &&
	     EVP_EncryptFinal_ex(t->cipher, ret_out + len, &len) &&
	     EVP_CIPHER_CTX_ctrl(t->cipher, EVP_CTRL_AEAD_GET_TAG, AEAD_TAG_LEN, ret_tag);
	EVP_CIPHER_CTX_reset(t->cipher);
	return ok ? 0 : -EIO;
}

int aead_decrypt(const uint8_t key[static AEAD_KEY_LEN], const uint8_t nonce[static AEAD_NONCE_LEN],
	const void *aad, size_t aad_len, const void *in, size_t n, const uint8_t *tag,
	uint8_t *ret_out)
{
	struct thread_ctx *t = thread_ctx();
	uint8_t tag_copy[AEAD_TAG_LEN];
	int len = 0, ok;

	if (!t)
		return -ENOMEM;
	memcpy(tag_copy, tag, sizeof(tag_copy));
	ok = EVP_DecryptInit_ex2(t->cipher, aes_gcm, key, nonce, NULL) &&
	     EVP_DecryptUpdate(t->cipher, NULL, &len, aad, (int)aad_len) &&
	     EVP_DecryptUpdate(t->cipher, ret_out, &len, in, (int)n) &&
	     EVP_CIPHER_CTX_ctrl(t->cipher, EVP_CTRL_AEAD_SET_TAG, AEAD_TAG_LEN, tag_copy) &&
	     EVP_DecryptFinal_ex(t->cipher, ret_out + len, &len) > 0;
	EVP_CIPHER_CTX_reset(t->cipher);
	if (!ok)
		explicit_bzero(ret_out, n);
	return ok ? 0 : -EBADMSG;
}

bool crypto_equal(const void *a, const void *b, size_t n)
{
	return CRYPTO_memcmp(a, b, n) == 0;
}

void crypto_random(void *ret, size_t n)
{
	if (RAND_bytes(ret, (int)n) == 1)
		return;
	fputs("culvert: no random numbers to be had from the system; refusing to go on\n", stderr);
	abort();
}
