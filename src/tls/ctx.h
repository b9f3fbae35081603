// SPDX-License-Identifier: Apache-2.0
/*
 * tls/ctx.h — what many TLS connections share: certificates and keys, trusted roots, pins, versions.
 *
 * Ownership: counted. The creator holds one reference and drops it with tls_ctx_free(); every
 *            connection holds one of its own. So a reload makes a new context for new connections
 *            while running ones keep theirs.
 * Threads:   a context may be used by all workers at once; nothing in it changes after creation.
 *            The key log function is called from whichever thread runs the handshake.
 * Errors:    negative errno; *ret_failure (may be NULL) says in words which file and what is wrong.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/auto.h"
#include "tls/failure.h"

struct tls_anchors;
struct tls_identity;
struct tls_ctx;

/* One line of the NSS key log format, without the newline. */
typedef void tls_keylog_fn(void *arg, const char *line);

/*
 * A PEM file with the leaf first and its chain after it, the PEM file of its key, and, unless NULL,
 * an OCSP response in DER that is stapled when a client asks (RFC 6066 section 8).
 */
struct tls_pair {
	const char *cert_file, *key_file, *ocsp_file;
};

struct tls_server_opts {
	/*
	 * For the same names at most one of each kind of key (the client's offer chooses); for other
	 * names others (SNI chooses). The first is for clients that ask for no known name.
	 */
	const struct tls_pair *pairs;
	size_t n_pairs;
	const char *min_version; /* "1.2" (NULL: this) or "1.3" */
	tls_keylog_fn *keylog;   /* NULL: none */
	void *keylog_arg;
	uint64_t records_per_key; /* 0: TLS_RECORDS_PER_KEY */
	/*
	 * For EAP: OpenSSL keeps the connection after the handshake, so that tls_export_eap() and
	 * tls_client_cert() work; there is no ALPN. With anchors the client must show a certificate of
	 * one of these CAs; referenced.
	 */
	bool inner;
	struct tls_anchors *anchors;
	/* Called for what is served all the same: an OCSP response that is not stapled. NULL: none. */
	void (*note)(void *arg, const struct tls_failure *what);
	void *note_arg;
};

struct tls_client_opts {
	const char *ca_file; /* PEM; a self-signed server leaf will do. NULL: the system's store */
	/*
	 * "sha256//BASE64" of the SubjectPublicKeyInfo (as curl's --pinnedpubkey); any one must match.
	 * With pins and no ca_file the pin alone decides: chain, name, dates and usage are not asked,
	 * for the key itself is what was agreed on. With pins and ca_file both must hold.
	 */
	const char *const *pins;
	size_t n_pins;
	bool insecure; /* accept any certificate; tls_problems() still reports the problems */
	bool inner;    /* for EAP: as in tls_server_opts */
	struct tls_identity
		*identity; /* shown when the server asks for one; borrowed; NULL: none */
	const char *min_version;
	tls_keylog_fn *keylog;
	void *keylog_arg;
	uint64_t records_per_key;
};

int tls_server_ctx_new(
	const struct tls_server_opts *opts, struct tls_ctx **ret, struct tls_failure *ret_failure);
int tls_client_ctx_new(
	const struct tls_client_opts *opts, struct tls_ctx **ret, struct tls_failure *ret_failure);
struct tls_ctx *tls_ctx_ref(struct tls_ctx *ctx);
void tls_ctx_free(struct tls_ctx *ctx); /* drops one reference; NULL is fine */

DEFINE_AUTO(tls_ctx, struct tls_ctx *, tls_ctx_free)
