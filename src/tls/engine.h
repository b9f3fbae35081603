// SPDX-License-Identifier: Apache-2.0
/*
 * tls/engine.h — one TLS connection over memory, client or server side: ciphertext in, plaintext
 * out, and the other way round. TLS 1.2 and 1.3.
 *
 * Ownership: the creator owns the engine; it owns its output. Octets given to tls_recv() are
 *            borrowed until a tls_read() returns -EAGAIN, 0 or -EPROTO, or nothing is tls_pending().
 * Threads:   an engine belongs to one worker; nothing here locks.
 * Use:       after tls_recv() call tls_read() until it has nothing; then send what tls_output()
 *            holds, also after a failure (an alert may be waiting there). A client calls tls_read()
 *            once before anything came, which writes its ClientHello.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/auto.h"
#include "base/buf.h"
#include "base/crypto.h"
#include "tls/ctx.h"
#include "tls/failure.h"

struct tls;
struct cert_info;

struct tls_peer_opts {       /* clients only; strings are copied */
	const char *host;    /* name or IP address that the certificate must be for */
	const char *sni;     /* NULL: host, when it is a name; "": send none */
	int64_t verify_at_s; /* certificates are judged at this time (since 1970); 0: the system's */
};

int tls_new(struct tls_ctx *ctx, const struct tls_peer_opts *peer, struct tls **ret);
void tls_free(struct tls *t); /* NULL is fine; wipes keys */

void tls_recv(struct tls *t, const void *octets, size_t n);

/*
 * Plaintext, as many whole records at once as fit into cap. Drives the handshake, too.
 *   > 0       octets; call again while tls_pending()
 *   -EAGAIN   needs more from the peer
 *   0         the peer closed properly (close_notify); for good
 *   -EPROTO   failed, see tls_failure(); for good
 */
ssize_t tls_read(struct tls *t, void *buf, size_t cap);

/*
 * There is something to read: some of what tls_recv() lent, the rest of a record, or that the connection
 * is over, which a tls_read() that returned octets has seen behind them.
 */
bool tls_pending(const struct tls *t);

/*
 * Seals n octets as full records (16 KiB each, the last one shorter) into tls_output().
 * -EAGAIN before the handshake is done, -ENOBUFS (nothing written) while the output holds
 * TLS_OUTPUT_MAX, -EPROTO after a failure, -EPIPE after tls_close().
 */
int tls_write(struct tls *t, const void *octets, size_t n);
/*
 * Seals a record without data (RFC 8446 5.4), which the peer's TCP acknowledges and nothing else sees.
 * Errors as above; -ENOTSUP before TLS 1.3.
 */
int tls_write_empty(struct tls *t);

struct buf *tls_output(struct tls *t);
bool tls_established(const struct tls *t);

void tls_close(struct tls *t); /* queues close_notify; harmless at any time */
/* TCP ended without close_notify: a failure with the right name, if nothing failed before. */
void tls_eof(struct tls *t);

/* What ended it; event is EV_NONE as long as nothing did. */
const struct tls_failure *tls_failure(const struct tls *t);
/* Client: everything wrong with the server's certificate, as found, also when it was accepted. */
size_t tls_problems(const struct tls *t, const struct tls_failure **ret);

struct tls_info {
	const char *version; /* "TLSv1.3" */
	const char *cipher;  /* "TLS_AES_256_GCM_SHA384" */
	const char *group;   /* "x25519"; "" for RSA key exchange */
	const char *sni;     /* name the client asked for; "" for none */
	const char *alpn;    /* "http/1.1" or "" */
	bool resumed;
};
void tls_info(const struct tls *t, struct tls_info *ret); /* strings live as long as t */

/*
 * Hash of the leaf certificate of this very connection: sent (server) or received (client), what the
 * crypto binding is about ([MS-SSTP] 2.2.7). -EAGAIN before there is one, -EINVAL for other hashes
 * than HASH_SHA1 and HASH_SHA256.
 */
int tls_leaf_hash(const struct tls *t, enum hash h, uint8_t *ret);
int tls_leaf_info(const struct tls *t, struct cert_info *ret);

/*
 * n <= 32 octets that only the two ends of this connection can compute (RFC 5705, RFC
 * 8446 7.5; empty context). -EAGAIN before the handshake is done; -ENOTSUP with TLS 1.2 without an
 * extended master secret, where two connections could be made to export the same (RFC 7627 1).
 */
int tls_export(const struct tls *t, const char *label, uint8_t *ret, size_t n);

#define TLS_EAP_KEY_LEN 128 /* MSK and EMSK */
/*
 * The keys of an EAP method that runs inside TLS: RFC 9190 2.3 and 9427 2.1 (TLS 1.3, with the type as
 * context), RFC 5216 2.3 (before). `type` is EAP's. -EAGAIN before the handshake is done; -ENOTSUP: the
 * context is not `inner`.
 */
int tls_export_eap(const struct tls *t, uint8_t type, uint8_t ret[static TLS_EAP_KEY_LEN]);
bool tls_is_1_3(const struct tls *t); /* after the handshake */

void tls_prefetch(const struct tls *t); /* what the next record touches (base/hot.h) */
/* Nothing to send or receive for a while: gives back what memory it can. */
void tls_idle(struct tls *t);

DEFINE_AUTO(tls, struct tls *, tls_free)
