// SPDX-License-Identifier: Apache-2.0
#include "tls/record.h"

#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/hot.h"
#include "base/wr.h"
#include "tls/aead.h"

#define IV_LEN AEAD_NONCE_LEN
#define CIPHERTEXT_MAX (RECORD_TEXT_MAX + 256) /* RFC 8446 5.2 */
#define SUITES 3

static const struct suite {
	uint16_t number;
	enum aead_kind aead;
	const char *digest;
	uint8_t secret_len;
} suites[SUITES] = {
	{0x1301, AEAD_AES_128_GCM, "SHA256", 32},
	{0x1302, AEAD_AES_256_GCM, "SHA384", 48},
	{0x1303, AEAD_CHACHA20_POLY1305, "SHA256", 32},
};

/* Fetched once: a fetch takes a lock and a search. */
static pthread_once_t once = PTHREAD_ONCE_INIT;
static EVP_KDF *kdf;

struct direction {
	struct record_secret secret;
	uint8_t iv[IV_LEN];
	uint64_t sequence;
	struct aead *aead;
};

struct record {
	const struct suite *suite;
	struct direction rx, tx;
	struct buf piece; /* of a record that came in parts */
};

static void fetch(void)
{
	kdf = EVP_KDF_fetch(NULL, "TLS13-KDF", NULL);
}

/* ---- keys ---------------------------------------------------------------------------------- */

/* HKDF-Expand-Label(secret, label, context, n), RFC 8446 7.1. */
static int expand_with(const struct suite *s, const struct record_secret *secret, const char *label,
	const uint8_t *context, size_t context_len, uint8_t *ret, size_t n)
{
	EVP_KDF_CTX *c = kdf ? EVP_KDF_CTX_new(kdf) : NULL;
	int mode = EVP_KDF_HKDF_MODE_EXPAND_ONLY;
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_int(OSSL_KDF_PARAM_MODE, &mode),
		OSSL_PARAM_construct_utf8_string(
			OSSL_KDF_PARAM_DIGEST, (char *)(uintptr_t)s->digest, 0),
		OSSL_PARAM_construct_octet_string(
			OSSL_KDF_PARAM_KEY, (void *)(uintptr_t)secret->octets, secret->len),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_PREFIX, (char[]){"tls13 "}, 6),
		OSSL_PARAM_construct_octet_string(
			OSSL_KDF_PARAM_LABEL, (void *)(uintptr_t)label, strlen(label)),
		OSSL_PARAM_construct_octet_string(
			OSSL_KDF_PARAM_DATA, (void *)(uintptr_t)context, context_len),
		OSSL_PARAM_construct_end(),
	};
	int ok = c && EVP_KDF_derive(c, ret, n, params) == 1;

	EVP_KDF_CTX_free(c);
	return ok ? 0 : -EIO;
}

static int expand(const struct suite *s, const struct record_secret *secret, const char *label,
	uint8_t *ret, size_t n)
{
	return expand_with(s, secret, label, (const uint8_t *)"", 0, ret, n);
}

int record_export(const struct record *r, const struct record_secret *exporter, const char *label,
	uint8_t *ret, size_t n)
{
	struct record_secret derived = {.len = r->suite->secret_len};
	uint8_t nothing[EVP_MAX_MD_SIZE]; /* the hash of it: of no transcript, and of no context */
	unsigned len;
	int e = -EIO;

	if (exporter->len != r->suite->secret_len)
		return -ENOKEY;
	if (EVP_Digest("", 0, nothing, &len, EVP_get_digestbyname(r->suite->digest), NULL) != 1)
		return -EIO;
	if (!expand_with(r->suite, exporter, label, nothing, len, derived.octets, derived.len))
		e = expand_with(r->suite, &derived, "exporter", nothing, len, ret, n);
	explicit_bzero(&derived, sizeof(derived));
	return e;
}

static int set_keys(const struct record *r, struct direction *d, bool seal)
{
	size_t key_len = aead_key_len(r->suite->aead);
	uint8_t key[32];
	int ok = !expand(r->suite, &d->secret, "key", key, key_len) &&
		 !expand(r->suite, &d->secret, "iv", d->iv, IV_LEN) &&
		 !aead_set_key(d->aead, key, seal);

	d->sequence = 0;
	explicit_bzero(key, sizeof(key));
	return ok ? 0 : -EIO;
}

static int update(const struct record *r, struct direction *d, bool seal)
{
	struct record_secret next = {.len = d->secret.len};
	int e = expand(r->suite, &d->secret, "traffic upd", next.octets, next.len);

	if (!e) {
		d->secret = next;
		e = set_keys(r, d, seal);
	}
	explicit_bzero(&next, sizeof(next));
	return e;
}

int record_update_rx(struct record *r)
{
	return update(r, &r->rx, false);
}

int record_update_tx(struct record *r)
{
	return update(r, &r->tx, true);
}

DEFINE_AUTO(record, struct record *, record_free)

int record_new(uint16_t number, const struct record_secret *rx, const struct record_secret *tx,
	struct record **ret)
{
	AUTO(record) struct record *r = NULL;
	size_t i = 0;
	int e;

	pthread_once(&once, fetch);
	while (i < SUITES && suites[i].number != number)
		i++;
	if (i == SUITES || rx->len != suites[i].secret_len || tx->len != rx->len)
		return -ENOTSUP;
	r = calloc(1, sizeof(*r));
	if (!r)
		return -ENOMEM;
	r->suite = &suites[i];
	r->rx.secret = *rx;
	r->tx.secret = *tx;
	buf_init(&r->piece, 0);
	e = aead_new(suites[i].aead, AEAD_FASTEST, &r->rx.aead);
	if (!e)
		e = aead_new(suites[i].aead, AEAD_FASTEST, &r->tx.aead);
	if (e)
		return e;
	if (set_keys(r, &r->rx, false) < 0 || set_keys(r, &r->tx, true) < 0)
		return -ENOMEM;
	*ret = TAKE(r);
	return 0;
}

void record_free(struct record *r)
{
	if (!r)
		return;
	aead_free(r->rx.aead);
	aead_free(r->tx.aead);
	buf_done(&r->piece);
	explicit_bzero(r, sizeof(*r));
	free(r);
}

void record_prefetch(const struct record *r)
{
	prefetch(r, sizeof(*r));
	aead_prefetch(r->rx.aead);
	aead_prefetch(r->tx.aead);
}

void record_idle(struct record *r)
{
	buf_shrink(&r->piece);
}

/* 5.3: the sequence number, big endian and padded on the left, over the IV. */
static void next_nonce(struct direction *d, uint8_t ret[static IV_LEN])
{
	memcpy(ret, d->iv, IV_LEN);
	for (int i = 0; i < 8; i++)
		ret[IV_LEN - 1 - i] ^= (uint8_t)(d->sequence >> 8 * i);
	d->sequence++;
}

/* ---- sealing --------------------------------------------------------------------------------- */

HOT int record_seal(
	struct record *r, enum record_type type, const void *text, size_t n, uint8_t *out)
{
	uint8_t nonce[IV_LEN];

	out[0] = RECORD_DATA;
	out[1] = out[2] = 3; /* TLS 1.2's number, 5.1 */
	wr_patch_be16(out + 3, n + 1 + RECORD_TAG_LEN);
	next_nonce(&r->tx, nonce);
	return aead_seal(r->tx.aead, nonce, out, RECORD_HEADER_LEN, text, n, (uint8_t)type,
		out + RECORD_HEADER_LEN);
}

/* ---- opening ----------------------------------------------------------------------------------- */

/* The ciphertext's length out of a whole header; negative errno when it is no record for us. */
static ssize_t body_len(const uint8_t header[static RECORD_HEADER_LEN])
{
	size_t n = (size_t)(header[3] << 8 | header[4]);

	if (header[0] != RECORD_DATA)
		return -EPROTO; /* 5.2: after the handshake nothing travels in the clear */
	if (header[1] != 3 || header[2] != 3)
		return -EINVAL; /* 5.2: legacy_record_version is always 0x0303 */
	if (n > CIPHERTEXT_MAX)
		return -EMSGSIZE; /* 5.2 */
	return (ssize_t)n;
}

/* 5.2: what is too short for a tag cannot be opened either. */
static int open_body(
	struct record *r, const uint8_t *header, const uint8_t *body, size_t n, uint8_t *out)
{
	uint8_t nonce[IV_LEN];

	if (n < RECORD_TAG_LEN)
		return -EBADMSG;
	next_nonce(&r->rx, nonce);
	return aead_open(
		r->rx.aead, nonce, header, RECORD_HEADER_LEN, body, n - RECORD_TAG_LEN, out);
}

/*
 * 5.4: zeros behind the content type are padding; all of it, padding too, has RECORD_TEXT_MAX octets and
 * one. Returns the octets of text.
 */
static ssize_t strip_padding(const uint8_t *text, size_t n, enum record_type *ret_type)
{
	if (n > RECORD_TEXT_MAX + 1)
		return -EMSGSIZE;
	while (n && !text[n - 1])
		n--;
	if (!n)
		return -EPROTO; /* no content type at all: unexpected_message */
	*ret_type = text[n - 1];
	return (ssize_t)n - 1;
}

/* Moves octets from *in to the piece until it has `want`. True when it has. */
HOT static bool fill_piece(struct record *r, struct rd *in, size_t want)
{
	size_t have = buf_len(&r->piece), take = rd_left(in);

	if (have >= want)
		return true;
	if (take > want - have)
		take = want - have;
	if (take && !buf_append(&r->piece, in->p, take))
		in->p += take;
	return buf_len(&r->piece) >= want;
}

/* A whole record in one place: where it lies, and its body's length. */
static ssize_t find_record(struct record *r, struct rd *in, const uint8_t **ret)
{
	bool lone = buf_len(&r->piece) == 0 && rd_left(in) >= RECORD_HEADER_LEN;
	ssize_t n;

	if (lone) {
		n = body_len(in->p);
		if (n < 0)
			return n;
		if (rd_left(in) >= RECORD_HEADER_LEN + (size_t)n) {
			*ret = rd_ptr(in, RECORD_HEADER_LEN + (size_t)n);
			return n;
		}
	}
	if (!fill_piece(r, in, RECORD_HEADER_LEN))
		return -EAGAIN;
	n = body_len(buf_data(&r->piece));
	if (n < 0)
		return n;
	if (!fill_piece(r, in, RECORD_HEADER_LEN + (size_t)n))
		return -EAGAIN;
	*ret = buf_data(&r->piece);
	return n;
}

HOT ssize_t record_open(struct record *r, struct rd *in, uint8_t *out, enum record_type *ret_type)
{
	const uint8_t *at = NULL;
	ssize_t n = find_record(r, in, &at);
	int e;

	if (n < 0)
		return n;
	e = open_body(r, at, at + RECORD_HEADER_LEN, (size_t)n, out);
	if (buf_len(&r->piece))
		buf_consume(&r->piece, buf_len(&r->piece));
	return e < 0 ? e : strip_padding(out, (size_t)n - RECORD_TAG_LEN, ret_type);
}

size_t record_next_len(const struct record *r, const struct rd *in)
{
	uint8_t header[RECORD_HEADER_LEN];
	size_t have = buf_len(&r->piece);
	ssize_t n;

	if (have + rd_left(in) < RECORD_HEADER_LEN)
		return 0;
	for (size_t i = 0; i < RECORD_HEADER_LEN; i++)
		header[i] = i < have ? buf_data(&r->piece)[i] : in->p[i - have];
	n = body_len(header);
	return n < 0 ? 0 : (size_t)n;
}
