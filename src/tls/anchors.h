// SPDX-License-Identifier: Apache-2.0
/*
 * tls/anchors.h — the CAs that certificates of clients are trusted by, with their revocation lists; and
 * what is in a certificate that a client has shown (EAP-TLS).
 *
 * The system's store of CAs is never among them: it would let every holder of a public certificate in.
 *
 * Ownership: counted; a TLS context holds a reference.
 * Threads:   constant after creation; tls_anchors_ref() and tls_anchors_free() any.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/auto.h"
#include "base/crypto.h"
#include "tls/failure.h"

struct tls;
struct tls_anchors;

struct tls_anchor {
	const uint8_t *cert; /* DER */
	size_t cert_len;
	const struct octets *crls; /* DER; those of other issuers are no fault, and no use */
	size_t n_crls;
	bool require_crl; /* a missing list, or one past its nextUpdate, refuses the certificate */
};

/* Copies all. -EINVAL: the certificate or list number *ret_bad of the anchor is unreadable. */
int tls_anchors_new(const struct tls_anchor *list, size_t n, struct tls_anchors **ret,
	struct tls_failure *ret_failure);
struct tls_anchors *tls_anchors_ref(struct tls_anchors *a);
void tls_anchors_free(struct tls_anchors *a); /* drops one reference; NULL is fine */
DEFINE_AUTO(tls_anchors, struct tls_anchors *, tls_anchors_free)

#define TLS_CERT_NAME_MAX 256 /* octets; a longer name counts as none */
#define TLS_SERIAL_MAX 40     /* octets; RFC 5280 4.1.2.2 allows 20 */

/* Of a client's certificate that was accepted. Names are "" when absent, named twice, or with a zero in them. */
struct tls_client_cert {
	size_t anchor;                       /* which of the list its chain leads to */
	char upn[TLS_CERT_NAME_MAX + 1];     /* subjectAltName, Microsoft's user principal name */
	char email[TLS_CERT_NAME_MAX + 1];   /* subjectAltName, rfc822Name */
	char cn[TLS_CERT_NAME_MAX + 1];      /* common name of the subject */
	char serial[2 * TLS_SERIAL_MAX + 1]; /* upper-case hexadecimal digits */
	char issuer[300];                    /* "/O=…/CN=…" */
	uint8_t sha1[SHA1_LEN], sha256[SHA256_LEN]; /* of the DER */
	int64_t not_after_s;
};

/* Server, after the handshake. -EAGAIN before; -ENOENT: the client has shown none. */
int tls_client_cert(const struct tls *t, struct tls_client_cert *ret);
/* The same out of a certificate's DER; `anchor` is the caller's. -EINVAL. */
int tls_client_cert_read(struct octets der, struct tls_client_cert *ret);
/* A list of this issuer has the certificate, which is DER. */
bool tls_anchors_list(const struct tls_anchors *a, struct octets der);
/* Its DER. -E2BIG: longer than cap. */
int tls_client_cert_der(const struct tls *t, uint8_t *ret, size_t cap, size_t *ret_len);
