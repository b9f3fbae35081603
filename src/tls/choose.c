// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation
 *
 * This file chooses the certificate that a client gets. It sorts the server's pairs into sets: a set
 * holds one certificate of each kind of key for the same names, and OpenSSL chooses among these by
 * what the client can verify. The client's SNI (RFC 6066 section 3) chooses the set. The first set is
 * for clients without SNI, and for unknown names; it borrows the kinds of key that it lacks from the
 * other sets, so that an old client gets some certificate rather than none.
 *
 * Each set is an SSL_CTX; changing the set of a connection changes its certificates, nothing else.
 * A staple (RFC 6066 section 8) belongs to one certificate and is found again by it.
 */
#include "tls/private.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ocsp.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "base/auto.h"

static bool is_for(X509 *leaf, const char *name)
{
	return X509_check_host(leaf, name, 0, 0, NULL) == 1 ||
	       X509_check_ip_asc(leaf, name, 0) == 1;
}

static int find_kind(const struct tls_set *set, const char *kind)
{
	for (size_t i = 0; i < set->n; i++)
		if (!strcmp(set->shown[i].kind, kind))
			return (int)i;
	return -1;
}

static bool shares_name(const struct tls_set *set, const struct cert_info *info)
{
	char names[sizeof(info->names)], *rest, *name;

	for (size_t i = 0; i < set->n; i++) {
		strcpy(names, *info->names ? info->names : info->subject);
		for (name = strtok_r(names, ", ", &rest); name; name = strtok_r(NULL, ", ", &rest))
			if (is_for(set->shown[i].leaf, name))
				return true;
	}
	return false;
}

struct tls_set *tls_set_for(struct tls_ctx *ctx, const struct cert_info *info, bool *ret_taken)
{
	*ret_taken = false;
	for (size_t i = 0; i < ctx->n_sets; i++) {
		if (!shares_name(&ctx->sets[i], info))
			continue;
		*ret_taken = find_kind(&ctx->sets[i], tls_kind_of(info)) >= 0;
		return &ctx->sets[i];
	}
	return NULL;
}

const char *tls_kind_of(const struct cert_info *info)
{
	return !strncmp(info->key, "RSA", 3) ? "RSA" : !strncmp(info->key, "EC", 2) ? "EC" : "Ed";
}

static int choose_by_name(SSL *ssl, int *alert UNUSED, void *arg)
{
	struct tls_ctx *ctx = arg;
	const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);

	for (size_t i = 0; name && i < ctx->n_sets; i++) {
		if (!is_for(ctx->sets[i].shown[0].leaf, name))
			continue;
		SSL_set_SSL_CTX(ssl, ctx->sets[i].ssl);
		return SSL_TLSEXT_ERR_OK;
	}
	return SSL_TLSEXT_ERR_NOACK; /* an unknown name is no error: the first set */
}

static int staple(SSL *ssl, void *arg)
{
	struct tls_ctx *ctx = arg;
	X509 *shown = SSL_get_certificate(ssl);

	for (size_t i = 0; i < ctx->n_sets; i++)
		for (size_t k = 0; k < ctx->sets[i].n; k++) {
			const struct tls_shown *s = &ctx->sets[i].shown[k];
			unsigned char *copy;

			if (X509_cmp(s->leaf, shown) || !tls_staple_is_current(s))
				continue;
			copy = OPENSSL_memdup(s->staple, s->staple_len);
			if (!copy)
				return SSL_TLSEXT_ERR_NOACK;
			SSL_set_tlsext_status_ocsp_resp(ssl, copy, (long)s->staple_len);
			return SSL_TLSEXT_ERR_OK;
		}
	return SSL_TLSEXT_ERR_NOACK;
}

void tls_choose_on(struct tls_ctx *ctx)
{
	for (size_t i = 0; i < ctx->n_sets; i++) {
		SSL_CTX_set_tlsext_servername_callback(ctx->sets[i].ssl, choose_by_name);
		SSL_CTX_set_tlsext_servername_arg(ctx->sets[i].ssl, ctx);
		SSL_CTX_set_tlsext_status_cb(ctx->sets[i].ssl, staple);
		SSL_CTX_set_tlsext_status_arg(ctx->sets[i].ssl, ctx);
	}
}

void tls_sets_done(struct tls_ctx *ctx)
{
	for (size_t i = 0; i < ctx->n_sets; i++) {
		for (size_t k = 0; k < ctx->sets[i].n; k++) {
			X509_free(ctx->sets[i].shown[k].leaf);
			OPENSSL_free(ctx->sets[i].shown[k].staple);
		}
		if (ctx->sets[i].ssl != ctx->ssl)
			SSL_CTX_free(ctx->sets[i].ssl);
	}
}
