// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation
 *
 * All CAs are in one X509_STORE, with their lists. OpenSSL builds the chain and checks signatures, dates,
 * usage and lists; a fault ends the check with an event of its own, but for a list that is missing or past
 * its nextUpdate: whether that matters is the anchor's choice, and the anchor is known when the chain is.
 * A list that is past its time still revokes what is on it.
 *
 * An anchor may be an intermediate CA: what issued it need not be known.
 */
#include "tls/anchors.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#include "tls/private.h"

struct tls_anchors {
	atomic_uint refs;
	X509_STORE *store;
	size_t n;
	struct anchor {
		X509 *cert;
		bool require_crl;
	} item[];
};

struct tls_anchors *tls_anchors_ref(struct tls_anchors *a)
{
	atomic_fetch_add_explicit(&a->refs, 1, memory_order_relaxed);
	return a;
}

void tls_anchors_free(struct tls_anchors *a)
{
	if (!a || atomic_fetch_sub_explicit(&a->refs, 1, memory_order_acq_rel) != 1)
		return;
	for (size_t i = 0; i < a->n; i++)
		X509_free(a->item[i].cert);
	X509_STORE_free(a->store);
	free(a);
}

static int add_crl(struct tls_anchors *a, const struct octets *der)
{
	const unsigned char *p = der->p;
	X509_CRL *crl = d2i_X509_CRL(NULL, &p, (long)der->n);
	int ok = crl && X509_STORE_add_crl(a->store, crl);

	X509_CRL_free(crl);
	return ok ? 0 : -EINVAL;
}

static int add_anchor(
	struct tls_anchors *a, const struct tls_anchor *from, struct tls_failure *ret_failure)
{
	const unsigned char *p = from->cert;
	X509 *x = d2i_X509(NULL, &p, (long)from->cert_len);

	if (!x)
		return tls_failure_set(ret_failure, -EINVAL, EV_CERT_FILE_MALFORMED,
			"CA %zu is no certificate", a->n + 1);
	a->item[a->n++] = (struct anchor){x, from->require_crl};
	if (!X509_STORE_add_cert(a->store, x))
		return -ENOMEM;
	for (size_t i = 0; i < from->n_crls; i++)
		if (add_crl(a, &from->crls[i]) < 0)
			return tls_failure_set(ret_failure, -EINVAL, EV_CERT_FILE_MALFORMED,
				"list %zu of CA %zu is no revocation list", i + 1, a->n);
	return 0;
}

int tls_anchors_new(const struct tls_anchor *list, size_t n, struct tls_anchors **ret,
	struct tls_failure *ret_failure)
{
	AUTO(tls_anchors) struct tls_anchors *a = calloc(1, sizeof(*a) + n * sizeof(*a->item));
	int r = 0;

	if (!a)
		return -ENOMEM;
	atomic_init(&a->refs, 1);
	a->store = X509_STORE_new();
	if (!a->store ||
		!X509_STORE_set_flags(a->store, X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_CRL_CHECK |
							X509_V_FLAG_CRL_CHECK_ALL))
		return -ENOMEM;
	for (size_t i = 0; i < n && !r; i++)
		r = add_anchor(a, &list[i], ret_failure);
	ERR_clear_error();
	if (r < 0)
		return r;
	*ret = TAKE(a);
	return 0;
}

/* ---- the judgement --------------------------------------------------------------------------- */

// clang-format off
static const struct {
	int error;
	enum event event;
} faults[] = {
	{X509_V_ERR_CERT_HAS_EXPIRED,                   EV_AUTH_CERT_EXPIRED},
	{X509_V_ERR_CERT_NOT_YET_VALID,                 EV_AUTH_CERT_NOT_YET_VALID},
	{X509_V_ERR_CERT_REVOKED,                       EV_AUTH_CERT_REVOKED},
	{X509_V_ERR_INVALID_PURPOSE,                    EV_AUTH_CERT_WRONG_USAGE},
	{X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT,        EV_AUTH_CERT_UNKNOWN_CA},
	{X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN,          EV_AUTH_CERT_UNKNOWN_CA},
	{X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT,          EV_AUTH_CERT_UNKNOWN_CA},
	{X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY,  EV_AUTH_CERT_UNKNOWN_CA},
	{X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE,    EV_AUTH_CERT_UNKNOWN_CA},
	{X509_V_ERR_CERT_UNTRUSTED,                     EV_AUTH_CERT_UNKNOWN_CA},
}; /* any other: EV_AUTH_CERT_INVALID */
// clang-format on

static enum event event_of(int error)
{
	for (size_t i = 0; i < ARRAY_SIZE(faults); i++)
		if (faults[i].error == error)
			return faults[i].event;
	return EV_AUTH_CERT_INVALID;
}

static struct tls *tls_of(X509_STORE_CTX *sctx)
{
	return SSL_get_app_data(
		X509_STORE_CTX_get_ex_data(sctx, SSL_get_ex_data_X509_STORE_CTX_idx()));
}

static void name_text(const X509_NAME *name, char *ret, size_t cap)
{
	char *line = X509_NAME_oneline(name, NULL, 0);

	snprintf(ret, cap, "%s", line ? line : "");
	OPENSSL_free(line);
}

static void note_fault(struct tls *t, X509 *x, int error)
{
	char subject[100] = "", issuer[100] = "";

	if (t->failure.event)
		return;
	if (x) {
		name_text(X509_get_subject_name(x), subject, sizeof(subject));
		name_text(X509_get_issuer_name(x), issuer, sizeof(issuer));
	}
	tls_failure_set(&t->failure, 0, event_of(error), "%s; subject \"%s\" issuer \"%s\"",
		X509_verify_cert_error_string(error), subject, issuer);
}

/* OpenSSL's purpose "sslclient" does not know that anyExtendedKeyUsage will do. */
static bool usable_by_any_purpose(X509 *x)
{
	uint32_t eku = X509_get_extended_key_usage(x), ku = X509_get_key_usage(x);

	return eku != UINT32_MAX && eku & XKU_ANYEKU &&
	       ku & (KU_DIGITAL_SIGNATURE | KU_KEY_AGREEMENT);
}

/* Called for each fault; 1: go on. */
static int on_fault(int ok, X509_STORE_CTX *sctx)
{
	int error = X509_STORE_CTX_get_error(sctx), depth = X509_STORE_CTX_get_error_depth(sctx);
	X509 *x = X509_STORE_CTX_get_current_cert(sctx);
	struct tls *t = tls_of(sctx);

	if (ok)
		return 1;
	switch (error) {
	case X509_V_ERR_UNABLE_TO_GET_CRL:
	case X509_V_ERR_UNABLE_TO_GET_CRL_ISSUER: t->crl_missing |= depth == 0; return 1;
	case X509_V_ERR_CRL_HAS_EXPIRED: t->crl_stale |= depth == 0; return 1;
	case X509_V_ERR_INVALID_PURPOSE:
		if (depth == 0 && x && usable_by_any_purpose(x))
			return 1;
	}
	note_fault(t, x, error);
	return 0;
}

/* The anchor that is nearest to the leaf. The leaf itself is none, were it among the CAs. */
static const struct anchor *anchor_of(
	const struct tls_anchors *a, STACK_OF(X509) * chain, size_t *ret_index)
{
	for (int i = 1; chain && i < sk_X509_num(chain); i++)
		for (size_t k = 0; k < a->n; k++)
			if (!X509_cmp(sk_X509_value(chain, i), a->item[k].cert)) {
				*ret_index = k;
				return &a->item[k];
			}
	return NULL;
}

static bool lists_suffice(struct tls *t, const struct anchor *anchor)
{
	if (!anchor) {
		tls_failure_set(&t->failure, 0, EV_AUTH_CERT_UNKNOWN_CA, "no CA above it");
		return false;
	}
	if (!anchor->require_crl || (!t->crl_missing && !t->crl_stale))
		return true;
	tls_failure_set(&t->failure, 0, EV_AUTH_CERT_NO_LIST, "%s",
		t->crl_missing ? "there is no revocation list of its issuer"
			       : "the revocation list of its issuer is past its next update");
	return false;
}

static int alert_error(enum event event)
{
	for (size_t i = 0; i < ARRAY_SIZE(faults); i++)
		if (faults[i].event == event && event != EV_AUTH_CERT_UNKNOWN_CA)
			return faults[i].error;
	return event == EV_AUTH_CERT_UNKNOWN_CA ? X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY
						: X509_V_ERR_CERT_REJECTED;
}

static int verify_client(X509_STORE_CTX *sctx, void *arg UNUSED)
{
	struct tls *t = tls_of(sctx);
	int r;

	t->crl_missing = t->crl_stale = false;
	X509_STORE_CTX_set_verify_cb(sctx, on_fault);
	r = X509_verify_cert(sctx);
	if (r <= 0 && !t->failure.event)
		note_fault(t, X509_STORE_CTX_get0_cert(sctx), X509_STORE_CTX_get_error(sctx));
	if (r > 0)
		lists_suffice(
			t, anchor_of(t->ctx->anchors, X509_STORE_CTX_get0_chain(sctx), &t->anchor));
	if (!t->failure.event) {
		X509_STORE_CTX_set_error(sctx, X509_V_OK);
		return 1;
	}
	X509_STORE_CTX_set_error(sctx, alert_error(t->failure.event));
	return 0;
}

/* The names of the CAs help a client with several certificates to choose (RFC 8446 4.2.4). */
int tls_anchors_use(SSL_CTX *c, struct tls_anchors *a)
{
	for (size_t i = 0; i < a->n; i++)
		if (!SSL_CTX_add_client_CA(c, a->item[i].cert))
			return -ENOMEM;
	if (!SSL_CTX_set1_verify_cert_store(c, a->store))
		return -ENOMEM;
	SSL_CTX_set_verify(c, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	SSL_CTX_set_cert_verify_callback(c, verify_client, NULL);
	return 0;
}

/* ---- what is in it --------------------------------------------------------------------------- */

/* Of two of a kind none counts: there is no telling which is meant. */
static void take_name(const ASN1_STRING *s, char *ret, unsigned *count)
{
	unsigned char *utf8 = NULL;
	int n = s ? ASN1_STRING_to_UTF8(&utf8, s) : -1;

	if (++*count > 1 || n <= 0 || n > TLS_CERT_NAME_MAX || memchr(utf8, '\0', (size_t)n)) {
		*ret = '\0';
	} else {
		memcpy(ret, utf8, (size_t)n);
		ret[n] = '\0';
	}
	OPENSSL_free(utf8);
}

static void read_alternative_names(const X509 *x, struct tls_client_cert *ret)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL);
	unsigned emails = 0, upns = 0;

	for (int i = 0; names && i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *g = sk_GENERAL_NAME_value(names, i);
		const ASN1_TYPE *value;

		if (g->type == GEN_EMAIL)
			take_name(g->d.rfc822Name, ret->email, &emails);
		if (g->type != GEN_OTHERNAME || OBJ_obj2nid(g->d.otherName->type_id) != NID_ms_upn)
			continue;
		value = g->d.otherName->value;
		take_name(value->type == V_ASN1_UTF8STRING ? value->value.utf8string : NULL,
			ret->upn, &upns);
	}
	GENERAL_NAMES_free(names);
}

static void read_common_name(const X509 *x, struct tls_client_cert *ret)
{
	const X509_NAME *subject = X509_get_subject_name(x);
	unsigned count = 0;

	for (int i = -1; (i = X509_NAME_get_index_by_NID(subject, NID_commonName, i)) >= 0;)
		take_name(
			X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, i)), ret->cn, &count);
}

static void read_serial(const X509 *x, char ret[static 2 * TLS_SERIAL_MAX + 1])
{
	const ASN1_INTEGER *n = X509_get0_serialNumber(x);
	BIGNUM *bn = ASN1_INTEGER_to_BN(n, NULL);
	char *hex = bn ? BN_bn2hex(bn) : NULL;

	snprintf(ret, 2 * TLS_SERIAL_MAX + 1, "%s", hex ? hex : "");
	OPENSSL_free(hex);
	BN_free(bn);
}

static void read_cert(X509 *x, struct tls_client_cert *ret)
{
	struct cert_info info;

	cert_info_fill(x, &info);
	*ret = (struct tls_client_cert){.not_after_s = info.not_after_s};
	memcpy(ret->sha1, info.sha1, sizeof(ret->sha1));
	memcpy(ret->sha256, info.sha256, sizeof(ret->sha256));
	snprintf(ret->issuer, sizeof(ret->issuer), "%s", info.issuer_dn);
	read_alternative_names(x, ret);
	read_common_name(x, ret);
	read_serial(x, ret->serial);
	ERR_clear_error();
}

int tls_client_cert(const struct tls *t, struct tls_client_cert *ret)
{
	X509 *x = t->ssl ? SSL_get0_peer_certificate(t->ssl) : NULL;

	if (t->state != TLS_OPEN && t->state != TLS_PEER_CLOSED)
		return -EAGAIN;
	if (!x)
		return -ENOENT;
	read_cert(x, ret);
	ret->anchor = t->anchor;
	return 0;
}

int tls_client_cert_read(struct octets der, struct tls_client_cert *ret)
{
	const unsigned char *p = der.p;
	X509 *x = d2i_X509(NULL, &p, (long)der.n);

	ERR_clear_error();
	if (!x)
		return -EINVAL;
	read_cert(x, ret);
	X509_free(x);
	return 0;
}

/* A list that removed it again says so by another kind of entry. */
static bool has(X509_CRL *crl, X509 *x)
{
	X509_REVOKED *entry;

	return !X509_NAME_cmp(X509_CRL_get_issuer(crl), X509_get_issuer_name(x)) &&
	       X509_CRL_get0_by_cert(crl, &entry, x) == 1;
}

bool tls_anchors_list(const struct tls_anchors *a, struct octets der)
{
	const unsigned char *p = der.p;
	X509 *x = d2i_X509(NULL, &p, (long)der.n);
	const STACK_OF(X509_OBJECT) *all = X509_STORE_get0_objects(a->store);
	bool found = false;

	for (int i = 0; x && !found && i < sk_X509_OBJECT_num(all); i++) {
		X509_CRL *crl = X509_OBJECT_get0_X509_CRL(sk_X509_OBJECT_value(all, i));

		found = crl && has(crl, x);
	}
	X509_free(x);
	ERR_clear_error();
	return found;
}

int tls_client_cert_der(const struct tls *t, uint8_t *ret, size_t cap, size_t *ret_len)
{
	X509 *x = t->ssl ? SSL_get0_peer_certificate(t->ssl) : NULL;
	int n = x ? i2d_X509(x, NULL) : 0;

	if (n <= 0)
		return -ENOENT;
	if ((size_t)n > cap)
		return -E2BIG;
	*ret_len = (size_t)i2d_X509(x, &ret);
	return 0;
}
