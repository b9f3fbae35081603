// SPDX-License-Identifier: Apache-2.0
/*
 * tls/revocation.h — was the server's certificate revoked? Where to ask, and how to check an answer.
 *
 * An answer counts only when its signature leads to the issuer of the leaf in the chain that this
 * machine built and trusts, when it is about this certificate, and when it is fresh. All else is
 * TLS_REVOKED_UNKNOWN with the reason. Nothing here does I/O: lists, answers and requests are octets.
 *
 * Needs a connection of a probe context (tls/probe.h): OpenSSL must still hold the chain.
 */
#pragma once
#include "tls/engine.h"

#define TLS_REVOCATION_URL_MAX 200
#define TLS_REVOCATION_WHY_MAX 160

/* Where the leaf says that it can be asked, http only; "" when it names no such place. As the
 * certificate has them: any octet but zero may be in them. */
struct tls_revocation_urls {
	char crl[TLS_REVOCATION_URL_MAX], ocsp[TLS_REVOCATION_URL_MAX];
};
void tls_revocation_urls(const struct tls *t, struct tls_revocation_urls *ret);

/* UNREAD: nothing is wrong with it, and it is of a kind that is not read here. */
enum tls_revoked { TLS_REVOKED_NO, TLS_REVOKED_YES, TLS_REVOKED_UNKNOWN, TLS_REVOKED_UNREAD };
struct tls_revocation {
	enum tls_revoked answer;
	char why[TLS_REVOCATION_WHY_MAX]; /* UNKNOWN, UNREAD: the reason */
};

/* Nothing is wrong with the server's certificate: chain, name, dates, usage. */
bool tls_trusted(const struct tls *t);

/* Is the leaf on this revocation list (DER or PEM)? RFC 5280 6.3. */
void tls_check_crl(const struct tls *t, const void *octets, size_t n, struct tls_revocation *ret);

/* The request to POST to the responder, with a nonce (free() it); NULL: the issuer is not known. */
void *tls_ocsp_request(const struct tls *t, size_t *ret_len);
/* The answer to that request; request NULL: a stapled one. RFC 6960 3.2, 4.2.2.2. */
void tls_check_ocsp(const struct tls *t, const void *octets, size_t n, const void *request,
	size_t request_len, struct tls_revocation *ret);
/* The response that the server stapled (RFC 6066 8); lives as long as the connection. 0: none. */
size_t tls_stapled(const struct tls *t, const uint8_t **ret);
