// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation
 *
 * The engine (engine.c) does these connections, too; only the context differs: which versions and
 * suites are offered, that sessions may be resumed (to see whether a server offers it), and that a
 * request for a client certificate is noticed.
 *
 * OpenSSL 3 refuses TLS 1.0 and 1.1 and SHA-1 signatures at its usual security level, so a legacy
 * context is at level 0. The level belongs to the context and goes with it.
 */
#include "tls/probe.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

#include "base/auto.h"
#include "tls/private.h"

static int version_number(const char *text)
{
	static const struct {
		const char *text;
		int number;
	} versions[] = {{"1.0", TLS1_VERSION}, {"1.1", TLS1_1_VERSION}, {"1.2", TLS1_2_VERSION},
		{"1.3", TLS1_3_VERSION}};

	for (size_t i = 0; i < ARRAY_SIZE(versions); i++)
		if (!strcmp(versions[i].text, text))
			return versions[i].number;
	return 0;
}

/* For every session that could be resumed: TLS 1.2 after the handshake, 1.3 with each ticket. */
static int on_session(SSL *ssl, SSL_SESSION *session)
{
	struct tls *t = SSL_get_app_data(ssl);

	t->resumable = SSL_SESSION_is_resumable(session) != 0;
	return 0; /* not kept */
}

static int on_cert_wanted(SSL *ssl, X509 **cert UNUSED, EVP_PKEY **key UNUSED)
{
	struct tls *t = SSL_get_app_data(ssl);

	t->client_cert_wanted = true;
	return 0; /* go on without */
}

int tls_probe_ctx_new(
	const struct tls_probe_opts *opts, struct tls_ctx **ret, struct tls_failure *ret_failure)
{
	AUTO(tls_ctx) struct tls_ctx *ctx = NULL;
	int r = tls_client_ctx_new(
		&(struct tls_client_opts){.ca_file = opts->ca_file, .insecure = true}, &ctx,
		ret_failure);

	if (r < 0)
		return r;
	ctx->probe = true;
	SSL_CTX_clear_options(ctx->ssl, SSL_OP_NO_TICKET);
	SSL_CTX_set_session_cache_mode(
		ctx->ssl, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(ctx->ssl, on_session);
	SSL_CTX_set_client_cert_cb(ctx->ssl, on_cert_wanted);
	SSL_CTX_set_tlsext_status_type(ctx->ssl, TLSEXT_STATUSTYPE_ocsp);
	if (opts->legacy) {
		SSL_CTX_set_security_level(ctx->ssl, 0);
		SSL_CTX_set_cipher_list(ctx->ssl, "ALL:@SECLEVEL=0");
		SSL_CTX_set_options(ctx->ssl, SSL_OP_LEGACY_SERVER_CONNECT);
	}
	if (opts->min && !SSL_CTX_set_min_proto_version(ctx->ssl, version_number(opts->min)))
		return -EINVAL;
	if (opts->max && !SSL_CTX_set_max_proto_version(ctx->ssl, version_number(opts->max)))
		return -EINVAL;
	*ret = TAKE(ctx);
	return 0;
}

static size_t fill_chain(STACK_OF(X509) * chain, struct cert_info *ret, size_t cap)
{
	size_t n = 0;

	for (int i = 0; chain && i < sk_X509_num(chain) && n < cap; i++)
		cert_info_fill(sk_X509_value(chain, i), &ret[n++]);
	return n;
}

size_t tls_chain_sent(const struct tls *t, struct cert_info *ret, size_t cap)
{
	return fill_chain(SSL_get_peer_cert_chain(t->ssl), ret, cap);
}

size_t tls_chain_built(const struct tls *t, struct cert_info *ret, size_t cap)
{
	return fill_chain(SSL_get0_verified_chain(t->ssl), ret, cap);
}

static enum tls_issuer_kind kind_by_key_identifier(const X509 *leaf)
{
	AUTHORITY_KEYID *id = X509_get_ext_d2i(leaf, NID_authority_key_identifier, NULL, NULL);
	enum tls_issuer_kind kind = TLS_ISSUER_UNSAID;

	for (int i = 0; id && id->issuer && i < sk_GENERAL_NAME_num(id->issuer); i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(id->issuer, i);

		if (name->type == GEN_DIRNAME)
			kind = X509_NAME_cmp(name->d.directoryName, X509_get_issuer_name(leaf))
				       ? TLS_ISSUER_INTERMEDIATE
				       : TLS_ISSUER_ROOT;
	}
	AUTHORITY_KEYID_free(id);
	return kind;
}

enum tls_issuer_kind tls_issuer_kind(const struct tls *t)
{
	X509 *leaf = SSL_get0_peer_certificate(t->ssl);

	if (leaf && X509_get_ext_by_NID(leaf, NID_ct_precert_scts, -1) >= 0)
		return TLS_ISSUER_INTERMEDIATE;
	return leaf ? kind_by_key_identifier(leaf) : TLS_ISSUER_UNSAID;
}

bool tls_resumable(const struct tls *t)
{
	return t->resumable;
}

bool tls_wants_client_cert(const struct tls *t)
{
	return t->client_cert_wanted;
}
