// SPDX-License-Identifier: Apache-2.0
#include "tls/aead.h"

#include <errno.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/hot.h"
#include "tls/aead_mb.h"

static const struct {
	const char *name; /* OpenSSL's */
	size_t key_len;
	bool mb; /* ipsec-mb has it, too */
} kinds[AEAD_KINDS] = {
	[AEAD_AES_128_GCM] = {"AES-128-GCM", 16, true},
	[AEAD_AES_256_GCM] = {"AES-256-GCM", 32, true},
	[AEAD_CHACHA20_POLY1305] = {"ChaCha20-Poly1305", 32, false},
};

/* Fetched once: a fetch takes a lock and a search. */
static pthread_once_t once = PTHREAD_ONCE_INIT;
static EVP_CIPHER *ciphers[AEAD_KINDS];

struct aead {
	enum aead_kind kind;
	struct aead_mb *mb;  /* one of the two */
	EVP_CIPHER_CTX *evp; /* … */
};

static void fetch(void)
{
	for (size_t i = 0; i < AEAD_KINDS; i++)
		ciphers[i] = EVP_CIPHER_fetch(NULL, kinds[i].name, NULL);
}

size_t aead_key_len(enum aead_kind kind)
{
	return kinds[kind].key_len;
}

int aead_new(enum aead_kind kind, enum aead_provider provider, struct aead **ret)
{
	bool mb = provider != AEAD_OPENSSL && kinds[kind].mb && aead_mb_usable();
	AUTO(aead) struct aead *a = NULL;

	pthread_once(&once, fetch);
	if (!mb && (provider == AEAD_IPSEC_MB || !ciphers[kind]))
		return -ENOTSUP;
	a = calloc(1, sizeof(*a));
	if (!a)
		return -ENOMEM;
	a->kind = kind;
	if (mb)
		a->mb = aead_mb_new(aead_key_len(kind));
	else
		a->evp = EVP_CIPHER_CTX_new();
	if (!a->mb && !a->evp)
		return -ENOMEM;
	*ret = TAKE(a);
	return 0;
}

void aead_free(struct aead *a)
{
	if (!a)
		return;
	aead_mb_free(a->mb);
	EVP_CIPHER_CTX_free(a->evp);
	free(a);
}

enum aead_provider aead_provider(const struct aead *a)
{
	return a->mb ? AEAD_IPSEC_MB : AEAD_OPENSSL;
}

void aead_prefetch(const struct aead *a)
{
	if (a->mb)
		aead_mb_prefetch(a->mb);
}

int aead_set_key(struct aead *a, const uint8_t *key, bool seal)
{
	if (a->mb) {
		aead_mb_set_key(a->mb, key);
		return 0;
	}
	return EVP_CipherInit_ex2(a->evp, ciphers[a->kind], key, NULL, seal, NULL) ? 0 : -EIO;
}

static int seal_openssl(EVP_CIPHER_CTX *c, const uint8_t *nonce, const void *aad, size_t aad_len,
	const void *text, size_t n, uint8_t last, uint8_t *out)
{
	int len, ok;

	ok = EVP_CipherInit_ex2(c, NULL, NULL, nonce, 1, NULL) &&
	     EVP_CipherUpdate(c, NULL, &len, aad, (int)aad_len) &&
	     EVP_CipherUpdate(c, out, &len, text, (int)n) &&
	     EVP_CipherUpdate(c, out + n, &len, &last, 1) &&
	     EVP_CipherFinal_ex(c, out + n + 1, &len) &&
	     EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, AEAD_TAG_LEN, out + n + 1);
	return ok ? 0 : -EIO;
}

HOT int aead_seal(struct aead *a, const uint8_t nonce[static AEAD_NONCE_LEN], const void *aad,
	size_t aad_len, const void *text, size_t n, uint8_t last, uint8_t *out)
{
	if (!a->mb)
		return seal_openssl(a->evp, nonce, aad, aad_len, text, n, last, out);
	aead_mb_seal(a->mb, nonce, aad, aad_len, text, n, last, out);
	return 0;
}

static int open_openssl(EVP_CIPHER_CTX *c, const uint8_t *nonce, const void *aad, size_t aad_len,
	const uint8_t *in, size_t n, uint8_t *out)
{
	uint8_t tag[AEAD_TAG_LEN];
	int len, ok;

	memcpy(tag, in + n, AEAD_TAG_LEN);
	ok = EVP_CipherInit_ex2(c, NULL, NULL, nonce, 0, NULL) &&
	     EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, AEAD_TAG_LEN, tag) &&
	     EVP_CipherUpdate(c, NULL, &len, aad, (int)aad_len) &&
	     EVP_CipherUpdate(c, out, &len, in, (int)n) && EVP_CipherFinal_ex(c, out + n, &len) > 0;
	return ok ? 0 : -EBADMSG;
}

HOT int aead_open(struct aead *a, const uint8_t nonce[static AEAD_NONCE_LEN], const void *aad,
	size_t aad_len, const uint8_t *in, size_t n, uint8_t *out)
{
	return a->mb ? aead_mb_open(a->mb, nonce, aad, aad_len, in, n, out)
		     : open_openssl(a->evp, nonce, aad, aad_len, in, n, out);
}
