// SPDX-License-Identifier: Apache-2.0
/*
 * The direct GCM functions of ipsec-mb: they keep no state but what is passed, so one manager (a table
 * of function pointers for this processor) serves all threads. The library checks its arguments and
 * wipes registers and stack (its features SAFE_PARAM and SAFE_DATA, on in Debian's build).
 */
#include "tls/aead_mb.h"

#include <errno.h>
#include <intel-ipsec-mb.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/crypto.h"
#include "base/hot.h"

#define KEY_ALIGN 64
#define FUNCTION_BEGIN 448 /* octets */
#define WHOLE_MAX 1536     /* octets of text up to which a copy costs less than sealing in parts */
/* Below these OpenSSL is as good, and used for longer. */
#define WANTED (IMB_FEATURE_VAES | IMB_FEATURE_VPCLMULQDQ | IMB_FEATURE_SELF_TEST_PASS)

/* The functions for one length of key. */
struct gcm {
	aes_gcm_pre_t pre;
	aes_gcm_init_t init;
	aes_gcm_enc_dec_update_t seal_more;
	aes_gcm_enc_dec_finalize_t seal_end;
	aes_gcm_enc_dec_t seal, open;
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static IMB_MGR *manager; /* NULL: not usable; never freed */
static struct gcm gcm128, gcm256;

struct aead_mb {
	_Alignas(KEY_ALIGN) struct gcm_key_data key;
	const struct gcm *gcm;
};

static void start(void)
{
	IMB_MGR *m = alloc_mb_mgr(0);
	IMB_ARCH arch = IMB_ARCH_NONE;

	if (!m)
		return;
	init_mb_mgr_auto(m, &arch);
	if (arch != IMB_ARCH_AVX512 || (m->features & WANTED) != WANTED) {
		free_mb_mgr(m);
		return;
	}
	gcm128 = (struct gcm){m->gcm128_pre, m->gcm128_init, m->gcm128_enc_update,
		m->gcm128_enc_finalize, m->gcm128_enc, m->gcm128_dec};
	gcm256 = (struct gcm){m->gcm256_pre, m->gcm256_init, m->gcm256_enc_update,
		m->gcm256_enc_finalize, m->gcm256_enc, m->gcm256_dec};
	manager = m;
}

bool aead_mb_usable(void)
{
	pthread_once(&once, start);
	return manager;
}

struct aead_mb *aead_mb_new(size_t key_len)
{
	struct aead_mb *m = aligned_alloc(KEY_ALIGN, sizeof(*m)); /* a multiple of it, as C wants */

	if (m) {
		memset(m, 0, sizeof(*m));
		m->gcm = key_len == 32 ? &gcm256 : &gcm128;
	}
	return m;
}

void aead_mb_free(struct aead_mb *m)
{
	if (!m)
		return;
	explicit_bzero(m, sizeof(*m));
	free(m);
}

void aead_mb_set_key(struct aead_mb *m, const uint8_t *key)
{
	m->gcm->pre(key, &m->key);
}

/* Only the beginning of the library's code: by length, it uses different parts of some 100 KiB. */
static void prefetch_function(aes_gcm_enc_dec_t f)
{
	prefetch((const void *)(uintptr_t)f, FUNCTION_BEGIN);
}

void aead_mb_prefetch(const struct aead_mb *m)
{
	prefetch(m, sizeof(*m));
	prefetch_function(m->gcm->seal);
	prefetch_function(m->gcm->open);
}

/* The text and its last octet side by side, sealed where they lie: one call instead of four. */
static void seal_whole(struct aead_mb *m, struct gcm_context_data *c, const uint8_t *nonce,
	const void *aad, size_t aad_len, const void *text, size_t n, uint8_t last, uint8_t *out)
{
	if (n)
		memcpy(out, text, n);
	out[n] = last;
	m->gcm->seal(&m->key, c, out, out, n + 1, nonce, aad, aad_len, out + n + 1, AEAD_TAG_LEN);
}

static void seal_in_parts(struct aead_mb *m, struct gcm_context_data *c, const uint8_t *nonce,
	const void *aad, size_t aad_len, const void *text, size_t n, uint8_t last, uint8_t *out)
{
	m->gcm->init(&m->key, c, nonce, aad, aad_len);
	m->gcm->seal_more(&m->key, c, out, text, n);
	m->gcm->seal_more(&m->key, c, out + n, &last, 1);
	m->gcm->seal_end(&m->key, c, out + n + 1, AEAD_TAG_LEN);
}

HOT void aead_mb_seal(struct aead_mb *m, const uint8_t *nonce, const void *aad, size_t aad_len,
	const void *text, size_t n, uint8_t last, uint8_t *out)
{
	struct gcm_context_data c;

	(n <= WHOLE_MAX ? seal_whole : seal_in_parts)(
		m, &c, nonce, aad, aad_len, text, n, last, out);
	explicit_bzero(&c, sizeof(c));
}

HOT int aead_mb_open(struct aead_mb *m, const uint8_t *nonce, const void *aad, size_t aad_len,
	const uint8_t *in, size_t n, uint8_t *out)
{
	struct gcm_context_data c;
	uint8_t tag[AEAD_TAG_LEN];
	bool same;

	m->gcm->open(&m->key, &c, out, in, n, nonce, aad, aad_len, tag, AEAD_TAG_LEN);
	same = crypto_equal(tag, in + n, AEAD_TAG_LEN);
	explicit_bzero(&c, sizeof(c));
	explicit_bzero(tag, sizeof(tag));
	if (!same)
		explicit_bzero(out, n); /* unauthentic text must not be visible */
	return same ? 0 : -EBADMSG;
}
