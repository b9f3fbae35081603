// SPDX-License-Identifier: Apache-2.0
/*
 * tls/aead.h — the ciphers of TLS 1.3's records (RFC 8446 5.2, RFC 5116): one key, one direction.
 *
 * Two libraries implement them. OpenSSL 3.0 has no AES-GCM for processors with VAES. Intel's ipsec-mb
 * has it (four times as fast there: docs/performance.md), and is used when it is built in, the processor
 * supports it and its self-test passes. ChaCha20-Poly1305 is always OpenSSL's.
 *
 * Ownership: aead_new()/aead_free(), which wipes the key. Keys are copied.
 * Threads:   as the connection it belongs to.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/auto.h"
#include "base/crypto.h"

enum aead_kind { AEAD_AES_128_GCM, AEAD_AES_256_GCM, AEAD_CHACHA20_POLY1305, AEAD_KINDS };
enum aead_provider { AEAD_FASTEST, AEAD_OPENSSL, AEAD_IPSEC_MB };

struct aead;

size_t aead_key_len(enum aead_kind kind);
/* -ENOTSUP: the library does not have it here; -ENOMEM. */
int aead_new(enum aead_kind kind, enum aead_provider provider, struct aead **ret);
void aead_free(struct aead *a);
void aead_prefetch(const struct aead *a); /* what the next record touches (base/hot.h) */
enum aead_provider aead_provider(const struct aead *a); /* never AEAD_FASTEST */

/* What follows is for this direction only. -EIO: the library failed. */
int aead_set_key(struct aead *a, const uint8_t *key, bool seal);

/*
 * Seals n octets of text and one more, `last` (the content type of 5.2; it spares the copy that
 * would put it behind the text): out gets n + 1 + AEAD_TAG_LEN octets. -EIO: the library failed.
 */
int aead_seal(struct aead *a, const uint8_t nonce[static AEAD_NONCE_LEN], const void *aad,
	size_t aad_len, const void *text, size_t n, uint8_t last, uint8_t *out);
/* Opens n octets, AEAD_TAG_LEN of tag not counted. -EBADMSG: it does not verify, and out is void. */
int aead_open(struct aead *a, const uint8_t nonce[static AEAD_NONCE_LEN], const void *aad,
	size_t aad_len, const uint8_t *in, size_t n, uint8_t *out);

DEFINE_AUTO(aead, struct aead *, aead_free)
