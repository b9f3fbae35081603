// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation
 *
 * A CRL is judged by OpenSSL's own path validation: the leaf is verified once more against nothing but
 * its issuer, with the list beside it and X509_V_FLAG_CRL_CHECK. That covers signature, issuer, scope
 * (issuing distribution point), thisUpdate and nextUpdate, the issuer's key usage and critical
 * extensions. The callback notes the faults of the list and ignores the others, which the first
 * verification has checked.
 *
 * An OCSP response is signed by the issuer itself or by a responder that the issuer certified for it
 * (extended key usage OCSPSigning): OCSP_basic_verify() with a store that holds the issuer alone. It
 * has to be about the same certificate, and fresh: by the nonce that was asked with, or by its dates.
 *
 * Recognised and not read: delta CRLs, a list that has one besides, indirect CRLs, and lists of some
 * reasons only (RFC 5280 5.2.4 to 5.2.6, 4.2.1.13). Left out: whether a responder's own certificate was
 * revoked.
 */
#include "tls/revocation.h"

#include <openssl/err.h>
#include <openssl/ocsp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

#include "base/auto.h"
#include "tls/private.h"

#define CRL_OCTETS_MAX (4L << 20)
#define OCSP_OCTETS_MAX (64L << 10)
#define LEEWAY_S 300       /* between this clock and the responder's */
#define UNDATED_S (86400L) /* how old a response without nonce and nextUpdate may be */

bool tls_trusted(const struct tls *t)
{
	return !t->distrusted;
}

/* ---- where ---------------------------------------------------------------------------- */

static void copy_url(const GENERAL_NAME *name, char *ret)
{
	const ASN1_IA5STRING *uri =
		name->type == GEN_URI ? name->d.uniformResourceIdentifier : NULL;
	size_t n = uri ? (size_t)ASN1_STRING_length(uri) : 0;
	const char *text = uri ? (const char *)ASN1_STRING_get0_data(uri) : "";

	if (*ret || n >= TLS_REVOCATION_URL_MAX || n < 7 || strncasecmp(text, "http://", 7) ||
		memchr(text, '\0', n))
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
			copy_url(sk_GENERAL_NAME_value(p->distpoint->name.fullname, k), ret);
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
			copy_url(d->location, ret->ocsp);
	}
	AUTHORITY_INFO_ACCESS_free(access);
	ERR_clear_error();
}

/* ---- the issuer ---------------------------------------------------------------------------- */

/* As this machine verified it; a self-signed leaf is its own. NULL: the chain is not trusted. */
static X509 *issuer_of_leaf(const struct tls *t)
{
	STACK_OF(X509) *chain = SSL_get0_verified_chain(t->ssl);
	X509 *leaf = chain ? sk_X509_value(chain, 0) : NULL;

	if (t->distrusted || !leaf)
		return NULL;
	if (sk_X509_num(chain) > 1)
		return sk_X509_value(chain, 1);
	return X509_self_signed(leaf, 0) == 1 ? leaf : NULL;
}

/* A store that trusts only the issuer. */
static X509_STORE *store_of_issuer(const struct tls *t)
{
	X509 *issuer = issuer_of_leaf(t);
	X509_STORE *store = issuer ? X509_STORE_new() : NULL;

	if (store && (!X509_STORE_add_cert(store, issuer) ||
			     !X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN))) {
		X509_STORE_free(store);
		return NULL;
	}
	return store;
}

static void unknown(struct tls_revocation *ret, const char *why)
{
	ret->answer = TLS_REVOKED_UNKNOWN;
	snprintf(ret->why, sizeof(ret->why), "%s", why);
}

/* ---- lists ---------------------------------------------------------------------------- */

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

/* What the verification with a list said; hangs on its context. */
struct crl_faults {
	int first; /* but for the date; X509_V_OK: none */
	bool expired, revoked;
};

static bool is_about_the_list(int error)
{
	switch (error) {
	case X509_V_ERR_UNABLE_TO_GET_CRL:
	case X509_V_ERR_UNABLE_TO_DECRYPT_CRL_SIGNATURE:
	case X509_V_ERR_CRL_SIGNATURE_FAILURE:
	case X509_V_ERR_CRL_NOT_YET_VALID:
	case X509_V_ERR_ERROR_IN_CRL_LAST_UPDATE_FIELD:
	case X509_V_ERR_ERROR_IN_CRL_NEXT_UPDATE_FIELD:
	case X509_V_ERR_UNABLE_TO_GET_CRL_ISSUER:
	case X509_V_ERR_UNHANDLED_CRITICAL_CRL_EXTENSION:
	case X509_V_ERR_KEYUSAGE_NO_CRL_SIGN:
	case X509_V_ERR_DIFFERENT_CRL_SCOPE:
	case X509_V_ERR_CRL_PATH_VALIDATION_ERROR:
	case X509_V_ERR_UNSUPPORTED_EXTENSION_FEATURE:
	case X509_V_ERR_UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY:
	case X509_V_ERR_OUT_OF_MEM:
	case X509_V_ERR_UNSPECIFIED: return true;
	default: return false;
	}
}

static int note_crl_fault(int ok, X509_STORE_CTX *sctx)
{
	struct crl_faults *f = X509_STORE_CTX_get_app_data(sctx);
	int error = X509_STORE_CTX_get_error(sctx);

	if (!ok && error == X509_V_ERR_CERT_REVOKED)
		f->revoked = true;
	else if (!ok && error == X509_V_ERR_CRL_HAS_EXPIRED)
		f->expired = true;
	else if (!ok && is_about_the_list(error) && !f->first)
		f->first = error;
	return 1;
}

static bool verify_with_crl(const struct tls *t, X509_CRL *crl, struct crl_faults *ret)
{
	X509_STORE *store = store_of_issuer(t);
	X509_STORE_CTX *sctx = store ? X509_STORE_CTX_new() : NULL;
	STACK_OF(X509_CRL) *list = sctx ? sk_X509_CRL_new_null() : NULL;
	bool ran = false;

	if (list && sk_X509_CRL_push(list, crl) &&
		X509_STORE_CTX_init(sctx, store, SSL_get0_peer_certificate(t->ssl), NULL)) {
		X509_STORE_CTX_set0_crls(sctx, list);
		X509_STORE_CTX_set_flags(sctx, X509_V_FLAG_CRL_CHECK);
		if (t->verify_at_s)
			X509_STORE_CTX_set_time(sctx, 0, t->verify_at_s);
		X509_STORE_CTX_set_app_data(sctx, ret);
		X509_STORE_CTX_set_verify_cb(sctx, note_crl_fault);
		ran = X509_verify_cert(sctx) == 1; /* the callback lets faults pass */
	}
	X509_STORE_CTX_free(sctx);
	sk_X509_CRL_free(list);
	X509_STORE_free(store);
	return ran;
}

static bool names_delta(const struct tls *t, const X509_CRL *crl)
{
	return X509_CRL_get_ext_by_NID(crl, NID_freshest_crl, -1) >= 0 ||
	       X509_get_ext_by_NID(SSL_get0_peer_certificate(t->ssl), NID_freshest_crl, -1) >= 0;
}

/* Has the leaf's own list another issuer than the leaf? */
static bool leaf_wants_indirect(const struct tls *t)
{
	CRL_DIST_POINTS *points = X509_get_ext_d2i(
		SSL_get0_peer_certificate(t->ssl), NID_crl_distribution_points, NULL, NULL);
	bool found = false;

	for (int i = 0; points && i < sk_DIST_POINT_num(points); i++)
		found |= sk_DIST_POINT_value(points, i)->CRLissuer != NULL;
	CRL_DIST_POINTS_free(points);
	return found;
}

static const char *kind_of_list(const X509_CRL *crl)
{
	ISSUING_DIST_POINT *scope =
		X509_CRL_get_ext_d2i(crl, NID_issuing_distribution_point, NULL, NULL);
	const char *kind = NULL;

	if (X509_CRL_get_ext_by_NID(crl, NID_delta_crl, -1) >= 0)
		kind = "it is a delta list, which says nothing without its base";
	else if (scope && scope->indirectCRL > 0)
		kind = "it is an indirect list (of several issuers), which is not read here";
	else if (scope && scope->onlysomereasons)
		kind = "it lists some reasons of revocation only";
	ISSUING_DIST_POINT_free(scope);
	return kind;
}

/* Why it is not read; NULL when it is. Only a list of the issuer may say of itself that it is special. */
static const char *unread_kind(const struct tls *t, X509_CRL *crl)
{
	X509 *issuer = issuer_of_leaf(t);

	if (!issuer)
		return NULL;
	if (leaf_wants_indirect(t))
		return "it is an indirect list (of another issuer), which is not read here";
	return X509_CRL_verify(crl, X509_get0_pubkey(issuer)) == 1 ? kind_of_list(crl) : NULL;
}

static void unread(struct tls_revocation *ret, const char *why)
{
	unknown(ret, why);
	ret->answer = TLS_REVOKED_UNREAD;
}

void tls_check_crl(const struct tls *t, const void *octets, size_t n, struct tls_revocation *ret)
{
	struct crl_faults f = {0};
	const char *kind;
	X509_CRL *crl = n && n < CRL_OCTETS_MAX ? read_crl(octets, n) : NULL;

	*ret = (struct tls_revocation){0};
	if (!crl)
		unknown(ret, "it is no revocation list");
	else if ((kind = unread_kind(t, crl)))
		unread(ret, kind);
	else if (!issuer_of_leaf(t) || !verify_with_crl(t, crl, &f))
		unknown(ret, "there is no trusted issuer to verify it with");
	else if (!X509_CRL_get0_nextUpdate(crl))
		unknown(ret, "the list does not say until when it is good");
	else if (f.first)
		unknown(ret, X509_verify_cert_error_string(f.first));
	else if (f.expired && !f.revoked) /* what an old list has stays revoked */
		unknown(ret, X509_verify_cert_error_string(X509_V_ERR_CRL_HAS_EXPIRED));
	else if (!f.revoked && names_delta(t, crl))
		unread(ret, "it does not have this certificate, and a newer delta list, which is "
			    "not read here, may have it");
	else
		ret->answer = f.revoked ? TLS_REVOKED_YES : TLS_REVOKED_NO;
	X509_CRL_free(crl);
	ERR_clear_error();
}

/* ---- OCSP ---------------------------------------------------------------------------- */

/* By the hash that the answer names: stapled ones are not answers to a request of ours. */
static OCSP_CERTID *cert_id(const struct tls *t, const EVP_MD *md)
{
	X509 *leaf = SSL_get0_peer_certificate(t->ssl), *issuer = issuer_of_leaf(t);

	return leaf && issuer ? OCSP_cert_to_id(md, leaf, issuer) : NULL;
}

void *tls_ocsp_request(const struct tls *t, size_t *ret_len)
{
	OCSP_CERTID *id = cert_id(t, EVP_sha1());
	OCSP_REQUEST *request = id ? OCSP_REQUEST_new() : NULL;
	unsigned char *out = NULL, *copy = NULL;
	int n = 0;

	if (request && OCSP_request_add0_id(request, id)) {
		id = NULL;
		if (OCSP_request_add1_nonce(request, NULL, -1))
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

/* NULL: good. The nonce is the one that was asked with, or there is none in the answer. */
static const char *judge_nonce(
	OCSP_BASICRESP *basic, const void *request, size_t request_len, bool *ret_matched)
{
	const unsigned char *p = request;
	OCSP_REQUEST *asked = request ? d2i_OCSP_REQUEST(NULL, &p, (long)request_len) : NULL;
	int r = asked ? OCSP_check_nonce(asked, basic) : -1;

	OCSP_REQUEST_free(asked);
	*ret_matched = r == 1;
	return r == 0 ? "it answers another request (nonce)" : NULL;
}

struct ocsp_single {
	int status;
	ASN1_GENERALIZEDTIME *this_update, *next_update;
};

static bool find_single(const struct tls *t, OCSP_BASICRESP *basic, struct ocsp_single *ret)
{
	const EVP_MD *hashes[] = {EVP_sha1(), EVP_sha256()};
	bool found = false;

	for (size_t i = 0; i < ARRAY_SIZE(hashes) && !found; i++) {
		OCSP_CERTID *id = cert_id(t, hashes[i]);

		found = id && OCSP_resp_find_status(basic, id, &ret->status, NULL, NULL,
				      &ret->this_update, &ret->next_update) == 1;
		OCSP_CERTID_free(id);
	}
	return found;
}

/* Signed by the issuer, or by a responder that it certified (RFC 6960 4.2.2.2). */
static bool signed_rightly(const struct tls *t, OCSP_BASICRESP *basic)
{
	X509_STORE *store = store_of_issuer(t);
	STACK_OF(X509) *certs = store ? sk_X509_new_null() : NULL;
	bool ok = certs && sk_X509_push(certs, issuer_of_leaf(t)) &&
		  OCSP_basic_verify(basic, certs, store, OCSP_NOEXPLICIT) == 1;

	sk_X509_free(certs);
	X509_STORE_free(store);
	return ok;
}

static const char *judge_ocsp(const struct tls *t, OCSP_BASICRESP *basic, const void *request,
	size_t request_len, struct ocsp_single *ret)
{
	bool by_nonce = false;
	const char *why = judge_nonce(basic, request, request_len, &by_nonce);

	if (why)
		return why;
	if (!issuer_of_leaf(t))
		return "there is no trusted issuer to verify it with";
	if (!signed_rightly(t, basic))
		return "neither the issuer nor a responder that it certified has signed it";
	if (!find_single(t, basic, ret))
		return "it is about another certificate";
	if (!OCSP_check_validity(ret->this_update, ret->next_update, LEEWAY_S,
		    ret->next_update || by_nonce ? -1 : UNDATED_S))
		return "it is out of date";
	return NULL;
}

void tls_check_ocsp(const struct tls *t, const void *octets, size_t n, const void *request,
	size_t request_len, struct tls_revocation *ret)
{
	const unsigned char *p = octets;
	OCSP_RESPONSE *response =
		n && n < OCSP_OCTETS_MAX ? d2i_OCSP_RESPONSE(NULL, &p, (long)n) : NULL;
	OCSP_BASICRESP *basic = NULL;
	struct ocsp_single single;
	const char *why = NULL;

	*ret = (struct tls_revocation){0};
	if (!response)
		why = "it is no OCSP response";
	else if (OCSP_response_status(response) != OCSP_RESPONSE_STATUS_SUCCESSFUL)
		why = OCSP_response_status_str(OCSP_response_status(response));
	else if (!(basic = OCSP_response_get1_basic(response)))
		why = "it is an OCSP response of an unknown kind";
	else
		why = judge_ocsp(t, basic, request, request_len, &single);
	if (why)
		unknown(ret, why);
	else if (single.status == V_OCSP_CERTSTATUS_UNKNOWN)
		unknown(ret, "the responder does not know the certificate");
	else
		ret->answer = single.status == V_OCSP_CERTSTATUS_REVOKED ? TLS_REVOKED_YES
									 : TLS_REVOKED_NO;
	OCSP_BASICRESP_free(basic);
	OCSP_RESPONSE_free(response);
	ERR_clear_error();
}

size_t tls_stapled(const struct tls *t, const uint8_t **ret)
{
	const unsigned char *p = NULL;
	long n = SSL_get_tlsext_status_ocsp_resp(t->ssl, &p);

	*ret = p;
	return n > 0 && p ? (size_t)n : 0;
}
