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
#include <openssl/ocsp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

#include "base/auto.h"
#include "tls/private.h"

#define CRL_OCTETS_MAX (4L << 20)

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

static int on_cert_wanted(SSL *ssl, X509 **cert, EVP_PKEY **key)
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

bool tls_resumable(const struct tls *t)
{
	return t->resumable;
}

bool tls_wants_client_cert(const struct tls *t)
{
	return t->client_cert_wanted;
}

/* ---- revocation ---------------------------------------------------------------------------- */

static void copy_url(const GENERAL_NAME *name, const char *scheme, char *ret)
{
	const ASN1_IA5STRING *uri =
		name->type == GEN_URI ? name->d.uniformResourceIdentifier : NULL;
	size_t n = uri ? (size_t)ASN1_STRING_length(uri) : 0;
	const char *text = uri ? (const char *)ASN1_STRING_get0_data(uri) : "";

	if (*ret || n >= TLS_PROBE_URL_MAX || n < strlen(scheme) ||
		strncmp(text, scheme, strlen(scheme)))
		return;
	memcpy(ret, text, n);
	ret[n] = '\0';
}

static void find_crl(const X509 *leaf, char *ret)
{
	CRL_DIST_POINTS *points = X509_get_ext_d2i(leaf, NID_crl_distribution_points, NULL, NULL);

	for (int i = 0; points && i < sk_DIST_POINT_num(points); i++) {
		const DIST_POINT *p = sk_DIST_POINT_value(points, i);

		if (!p->distpoint || p->distpoint->type != 0)
			continue;
		for (int k = 0; k < sk_GENERAL_NAME_num(p->distpoint->name.fullname); k++)
			copy_url(sk_GENERAL_NAME_value(p->distpoint->name.fullname, k), "http://",
				ret);
	}
	CRL_DIST_POINTS_free(points);
}

void tls_revocation_urls(const struct tls *t, struct tls_revocation_urls *ret)
{
	X509 *leaf = SSL_get0_peer_certificate(t->ssl);
	AUTHORITY_INFO_ACCESS *access;

	*ret = (struct tls_revocation_urls){0};
	if (!leaf)
		return;
	find_crl(leaf, ret->crl);
	access = X509_get_ext_d2i(leaf, NID_info_access, NULL, NULL);
	for (int i = 0; access && i < sk_ACCESS_DESCRIPTION_num(access); i++) {
		const ACCESS_DESCRIPTION *d = sk_ACCESS_DESCRIPTION_value(access, i);

		if (OBJ_obj2nid(d->method) == NID_ad_OCSP)
			copy_url(d->location, "http://", ret->ocsp);
		else if (OBJ_obj2nid(d->method) == NID_ad_ca_issuers)
			copy_url(d->location, "http://", ret->issuer);
	}
	AUTHORITY_INFO_ACCESS_free(access);
}

static X509_CRL *read_crl(const void *octets, size_t n)
{
	const unsigned char *p = octets;
	X509_CRL *crl = d2i_X509_CRL(NULL, &p, (long)n);
	BIO *bio;

	if (crl)
		return crl;
	bio = BIO_new_mem_buf(octets, (int)n);
	crl = bio ? PEM_read_bio_X509_CRL(bio, NULL, NULL, NULL) : NULL;
	BIO_free(bio);
	return crl;
}

enum tls_revoked tls_check_crl(const struct tls *t, const void *octets, size_t n)
{
	X509 *leaf = SSL_get0_peer_certificate(t->ssl);
	X509_CRL *crl = n < CRL_OCTETS_MAX ? read_crl(octets, n) : NULL;
	enum tls_revoked ret = TLS_REVOKED_UNKNOWN;
	X509_REVOKED *entry;

	if (crl && leaf && !X509_NAME_cmp(X509_CRL_get_issuer(crl), X509_get_issuer_name(leaf)))
		ret = X509_CRL_get0_by_cert(crl, &entry, leaf) == 1 ? TLS_REVOKED_YES
								    : TLS_REVOKED_NO;
	X509_CRL_free(crl);
	ERR_clear_error();
	return ret;
}

static X509 *issuer_of_leaf(const struct tls *t)
{
	STACK_OF(X509) *chain = SSL_get0_verified_chain(t->ssl);

	return chain && sk_X509_num(chain) > 1 ? sk_X509_value(chain, 1) : NULL;
}

static OCSP_CERTID *cert_id(const struct tls *t)
{
	X509 *leaf = SSL_get0_peer_certificate(t->ssl), *issuer = issuer_of_leaf(t);

	return leaf && issuer ? OCSP_cert_to_id(EVP_sha1(), leaf, issuer) : NULL;
}

void *tls_ocsp_request(const struct tls *t, size_t *ret_len)
{
	OCSP_CERTID *id = cert_id(t);
	OCSP_REQUEST *request = id ? OCSP_REQUEST_new() : NULL;
	unsigned char *out = NULL, *copy = NULL;
	int n = 0;

	if (request && OCSP_request_add0_id(request, id)) {
		id = NULL;
		n = i2d_OCSP_REQUEST(request, &out);
	}
	if (n > 0 && (copy = malloc((size_t)n))) {
		memcpy(copy, out, (size_t)n);
		*ret_len = (size_t)n;
	}
	OPENSSL_free(out);
	OCSP_CERTID_free(id);
	OCSP_REQUEST_free(request);
	return copy;
}

enum tls_revoked tls_check_ocsp(const struct tls *t, const void *octets, size_t n)
{
	const unsigned char *p = octets;
	OCSP_RESPONSE *response = d2i_OCSP_RESPONSE(NULL, &p, (long)n);
	OCSP_BASICRESP *basic = response ? OCSP_response_get1_basic(response) : NULL;
	OCSP_CERTID *id = cert_id(t);
	enum tls_revoked ret = TLS_REVOKED_UNKNOWN;
	int status;

	/* who signed it does not matter here: nothing is trusted because of it */
	if (basic && id && OCSP_resp_find_status(basic, id, &status, NULL, NULL, NULL, NULL))
		ret = status == V_OCSP_CERTSTATUS_REVOKED ? TLS_REVOKED_YES
		      : status == V_OCSP_CERTSTATUS_GOOD  ? TLS_REVOKED_NO
							  : TLS_REVOKED_UNKNOWN;
	OCSP_CERTID_free(id);
	OCSP_BASICRESP_free(basic);
	OCSP_RESPONSE_free(response);
	ERR_clear_error();
	return ret;
}
