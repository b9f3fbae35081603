// SPDX-License-Identifier: Apache-2.0
/*
 * tls/record.h — TLS 1.3 record protection after the handshake (RFC 8446 sections 5 and 7.3).
 *
 * OpenSSL does the handshake and hands over the traffic secrets; from then on records are sealed
 * from the caller's octets straight into the output, and opened straight into the caller's buffer.
 * That saves four copies of every octet and the memory of an SSL object per connection.
 *
 * Ownership: embedded nowhere; record_new()/record_free(), which wipes keys.
 * Threads:   as the connection it belongs to.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/rd.h"

#define RECORD_SECRET_MAX 48   /* SHA-384 */
#define RECORD_TEXT_MAX 16384u /* RFC 8446 5.1 */
#define RECORD_HEADER_LEN 5u
#define RECORD_TAG_LEN 16u
#define RECORD_OVERHEAD (RECORD_HEADER_LEN + 1u + RECORD_TAG_LEN) /* header, content type, tag */

enum record_type { /* RFC 8446 5.1 */
	RECORD_CHANGE_CIPHER_SPEC = 20,
	RECORD_ALERT = 21,
	RECORD_HANDSHAKE = 22,
	RECORD_DATA = 23,
};

struct record;

/* One direction's secret as the handshake left it; `suite` is TLS 1.3's number (0x1301 to 0x1303). */
struct record_secret {
	uint8_t octets[RECORD_SECRET_MAX];
	uint8_t len; /* 0: none */
};

/* -ENOTSUP: a suite that is not known here (the caller stays with OpenSSL). Secrets are copied. */
int record_new(uint16_t suite, const struct record_secret *rx, const struct record_secret *tx,
	struct record **ret);
void record_free(struct record *r); /* NULL is fine; wipes */

/*
 * Opens the next record of *in and advances past it. Its text goes to `out` (whose `room` must be
 * RECORD_TEXT_MAX + RECORD_TAG_LEN, or at least the record's own length: record_next_len()).
 * Returns the octets of text (may be 0) with *ret_type, -EAGAIN when the record is not complete (the
 * piece is kept, *in is used up), -EBADMSG when it does not verify, -EPROTO when it is no TLS 1.3
 * record, -EINVAL when its version number is not 0x0303, -EMSGSIZE when it is too long, -ENOMEM.
 */
ssize_t record_open(struct record *r, struct rd *in, uint8_t *out, enum record_type *ret_type);
/* Octets of room that the next record wants; 0: not known yet. */
size_t record_next_len(const struct record *r, const struct rd *in);

/* Seals n <= RECORD_TEXT_MAX octets as one record at `out` (n + RECORD_OVERHEAD octets of room). */
int record_seal(struct record *r, enum record_type type, const void *text, size_t n, uint8_t *out);

/*
 * The exporter of 7.5 with an empty context: n <= 32 octets that this connection's two ends alone
 * know, from its exporter secret.
 */
int record_export(const struct record *r, const struct record_secret *exporter, const char *label,
	uint8_t *ret, size_t n);

/* The next key of one direction (7.2). */
int record_update_rx(struct record *r);
int record_update_tx(struct record *r);
void record_prefetch(const struct record *r); /* what the next record touches (base/hot.h) */
/* Gives back what is not needed while nothing is under way. */
void record_idle(struct record *r);
