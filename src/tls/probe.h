// SPDX-License-Identifier: Apache-2.0
/*
 * tls/probe.h — TLS connections made to find out what a server speaks and shows, not to be trusted.
 *
 * A probe context checks the certificate as a client would and remembers every problem
 * (tls_problems()), but accepts all of them. With `legacy` it also speaks TLS 1.0 and 1.1 and weak
 * suites: the security level is lowered for this context alone. Never send a password through one.
 */
#pragma once
#include "tls/cert.h"
#include "tls/ctx.h"
#include "tls/engine.h"

#define TLS_PROBE_CHAIN_MAX 8

struct tls_probe_opts {
	const char *ca_file;   /* as in tls_client_opts */
	const char *min, *max; /* "1.0" to "1.3"; NULL: what Culvert itself speaks */
	bool legacy;
};

int tls_probe_ctx_new(
	const struct tls_probe_opts *opts, struct tls_ctx **ret, struct tls_failure *ret_failure);

/* The certificates as the server sent them, leaf first. Returns how many (at most cap). */
size_t tls_chain_sent(const struct tls *t, struct cert_info *ret, size_t cap);
/* The chain as this machine built it, leaf first; it may be cut where an issuer is missing. */
size_t tls_chain_built(const struct tls *t, struct cert_info *ret, size_t cap);
/*
 * What the leaf itself says of the certificate that signed it, when that did not come along: a root
 * (the authority key identifier names the issuer as its own issuer), or an intermediate (it names
 * another one, or the leaf was logged for the public CAs, whose roots sign no leaves: SCTs).
 */
enum tls_issuer_kind { TLS_ISSUER_UNSAID, TLS_ISSUER_ROOT, TLS_ISSUER_INTERMEDIATE };
enum tls_issuer_kind tls_issuer_kind(const struct tls *t);
/* The server lets a client resume this session (a ticket came, or a session id). */
bool tls_resumable(const struct tls *t);
/* The server asked for a client certificate. */
bool tls_wants_client_cert(const struct tls *t);
