// SPDX-License-Identifier: Apache-2.0
/* tls/aead_mb.h — AES-GCM by Intel's ipsec-mb, for tls/aead.c alone. Contracts are those of aead.h. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct aead_mb;

#if HAVE_IPSEC_MB
/* True when this processor has VAES with AVX-512 and the library's self-test passed. */
bool aead_mb_usable(void);
struct aead_mb *aead_mb_new(size_t key_len); /* AES-128, AES-256: 16 or 32 */
void aead_mb_prefetch(const struct aead_mb *m);
void aead_mb_free(struct aead_mb *m);
void aead_mb_set_key(struct aead_mb *m, const uint8_t *key);
void aead_mb_seal(struct aead_mb *m, const uint8_t *nonce, const void *aad, size_t aad_len,
	const void *text, size_t n, uint8_t last, uint8_t *out);
int aead_mb_open(struct aead_mb *m, const uint8_t *nonce, const void *aad, size_t aad_len,
	const uint8_t *in, size_t n, uint8_t *out);
#else
static inline bool aead_mb_usable(void)
{
	return false;
}
static inline struct aead_mb *aead_mb_new(size_t key_len)
{
	return NULL;
}
static inline void aead_mb_prefetch(const struct aead_mb *m)
{
}
static inline void aead_mb_free(struct aead_mb *m)
{
}
static inline void aead_mb_set_key(struct aead_mb *m, const uint8_t *key)
{
}
static inline void aead_mb_seal(struct aead_mb *m, const uint8_t *nonce, const void *aad,
	size_t aad_len, const void *text, size_t n, uint8_t last, uint8_t *out)
{
}
static inline int aead_mb_open(struct aead_mb *m, const uint8_t *nonce, const void *aad,
	size_t aad_len, const uint8_t *in, size_t n, uint8_t *out)
{
	return -1;
}
#endif
