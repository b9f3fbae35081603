// SPDX-License-Identifier: Apache-2.0
/*
 * What a certificate of a user says: subject CN = the name, subjectAltName = UPN (Windows and Active
 * Directory read it) and, when there is one, the e-mail address; CA:FALSE, digitalSignature (and
 * keyEncipherment for RSA), clientAuth, SHA-256, a random serial number of 127 bits.
 *
 * The root: CA:TRUE with no authority below it, keyCertSign and cRLSign.
 */
#include "tls/ca.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/peer_cert.h"
#include "base/text.h"
#include "tls/private.h"

#define DAY_S 86400

DEFINE_AUTO(x509, X509 *, X509_free)
DEFINE_AUTO(pkey, EVP_PKEY *, EVP_PKEY_free)

void ca_blob_free(struct ca_blob *b)
{
	if (b->p)
		explicit_bzero(b->p, b->n);
	free(b->p);
	*b = (struct ca_blob){0};
}

static int failed(struct tls_failure *f, int error, const char *what)
{
	char text[160];

	return tls_failure_set(
		f, error, EV_CERT_NOT_MADE, "%s: %s", what, tls_error_text(text, sizeof(text)));
}

/* Takes OpenSSL's octets over. */
static int blob_of(unsigned char *der, int n, struct ca_blob *ret)
{
	if (n <= 0)
		return -EIO;
	ret->p = malloc((size_t)n);
	if (ret->p)
		memcpy(ret->p, der, (size_t)n);
	ret->n = ret->p ? (size_t)n : 0;
	OPENSSL_clear_free(der, (size_t)n);
	return ret->p ? 0 : -ENOMEM;
}

static int cert_blob(X509 *x, struct ca_blob *ret)
{
	unsigned char *der = NULL;
	int n = i2d_X509(x, &der);

	return blob_of(der, n, ret);
}

static int key_blob(EVP_PKEY *key, struct ca_blob *ret)
{
	unsigned char *der = NULL;
	int n = i2d_PrivateKey(key, &der);

	return blob_of(der, n, ret);
}

static X509 *cert_of(struct octets der)
{
	const unsigned char *p = der.p;
	X509 *x = d2i_X509(NULL, &p, (long)der.n);

	if (x && p != (const unsigned char *)der.p + der.n) {
		X509_free(x);
		return NULL;
	}
	return x;
}

static EVP_PKEY *key_of(struct octets der)
{
	const unsigned char *p = der.p;

	return d2i_AutoPrivateKey(NULL, &p, (long)der.n);
}

/* ---- making ---- */

static bool set_serial(X509 *x)
{
	uint8_t octets[16];
	BIGNUM *n;
	bool ok;

	crypto_random(octets, sizeof(octets));
	octets[0] = (uint8_t)((octets[0] & 0x7f) | 0x40); /* positive, always of one length */
	n = BN_bin2bn(octets, sizeof(octets), NULL);
	ok = n && BN_to_ASN1_INTEGER(n, X509_get_serialNumber(x));
	BN_free(n);
	return ok;
}

/* Cut at a character's beginning. */
static bool set_common_name(X509 *x, const char *name)
{
	size_t n = strlen(name);

	if (n > CA_NAME_MAX) {
		n = CA_NAME_MAX;
		while (n && ((unsigned char)name[n] & 0xc0) == 0x80)
			n--;
	}
	return X509_NAME_add_entry_by_NID(X509_get_subject_name(x), NID_commonName, MBSTRING_UTF8,
		(const unsigned char *)name, (int)n, -1, 0);
}

static bool set_dates(X509 *x, int64_t now_s, int64_t until_s)
{
	return ASN1_TIME_set(X509_getm_notBefore(x), now_s - DAY_S) &&
	       ASN1_TIME_set(X509_getm_notAfter(x), until_s);
}

struct extension {
	int nid;
	const char *value;
};

static bool add_extensions(X509 *x, X509 *issuer, const struct extension *rows, size_t n)
{
	X509V3_CTX v3;

	X509V3_set_ctx(&v3, issuer, x, NULL, NULL, 0);
	for (size_t i = 0; i < n; i++) {
		X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &v3, rows[i].nid, rows[i].value);
		int ok = e && X509_add_ext(x, e, -1);

		X509_EXTENSION_free(e);
		if (!ok)
			return false;
	}
	return true;
}

static EVP_PKEY *make_key(enum ca_key kind, bool root)
{
	return kind == CA_RSA ? EVP_RSA_gen(root ? 3072U : 2048U) : EVP_EC_gen("P-256");
}

static X509 *begin_cert(const char *name, EVP_PKEY *key)
{
	AUTO(x509) X509 *x = X509_new();

	if (!x || !X509_set_version(x, X509_VERSION_3) || !set_serial(x) ||
		!set_common_name(x, name) || !X509_set_pubkey(x, key))
		return NULL;
	return TAKE(x);
}

int ca_make_root(const struct ca_root_opts *opts, struct ca_blob *ret_cert, struct ca_blob *ret_key,
	struct tls_failure *ret_failure)
{
	static const struct extension rows[] = {
		{NID_basic_constraints, "critical,CA:TRUE,pathlen:0"},
		{NID_key_usage, "critical,keyCertSign,cRLSign"},
		{NID_subject_key_identifier, "hash"},
	};
	AUTO(pkey) EVP_PKEY *key = NULL;
	AUTO(x509) X509 *x = NULL;
	int64_t days = opts->days ? opts->days : CA_ROOT_DAYS;
	int r;

	ERR_clear_error();
	if (!*opts->name || strlen(opts->name) > CA_NAME_MAX)
		return tls_failure_set(ret_failure, -EINVAL, EV_CERT_BAD_NAME,
			"\"%.100s\": an authority's name has 1 to %d octets", opts->name,
			CA_NAME_MAX);
	key = make_key(opts->key, true);
	x = key ? begin_cert(opts->name, key) : NULL;
	if (!x || !X509_set_issuer_name(x, X509_get_subject_name(x)) ||
		!set_dates(x, opts->now_s, opts->now_s + days * DAY_S) ||
		!add_extensions(x, x, rows, ARRAY_SIZE(rows)) || !X509_sign(x, key, EVP_sha256()))
		return failed(ret_failure, -EIO, "certificate of the authority");
	r = cert_blob(x, ret_cert);
	if (!r)
		r = key_blob(key, ret_key);
	return r;
}

/* otherName 1.3.6.1.4.1.311.20.2.3, a UTF8String. */
static GENERAL_NAME *upn_name(const char *user)
{
	GENERAL_NAME *g = GENERAL_NAME_new();
	ASN1_TYPE *value = ASN1_TYPE_new();
	ASN1_UTF8STRING *s = ASN1_UTF8STRING_new();

	if (!g || !value || !s || !ASN1_STRING_set(s, user, -1)) {
		ASN1_STRING_free(s);
		ASN1_TYPE_free(value);
		GENERAL_NAME_free(g);
		return NULL;
	}
	ASN1_TYPE_set(value, V_ASN1_UTF8STRING, s);
	if (!GENERAL_NAME_set0_othername(g, OBJ_nid2obj(NID_ms_upn), value)) {
		ASN1_TYPE_free(value);
		GENERAL_NAME_free(g);
		return NULL;
	}
	return g;
}

static GENERAL_NAME *email_name(const char *email)
{
	GENERAL_NAME *g = GENERAL_NAME_new();
	ASN1_IA5STRING *s = ASN1_IA5STRING_new();

	if (!g || !s || !ASN1_STRING_set(s, email, -1)) {
		ASN1_STRING_free(s);
		GENERAL_NAME_free(g);
		return NULL;
	}
	GENERAL_NAME_set0_value(g, GEN_EMAIL, s);
	return g;
}

static bool push(GENERAL_NAMES *names, GENERAL_NAME *g)
{
	if (g && sk_GENERAL_NAME_push(names, g))
		return true;
	GENERAL_NAME_free(g);
	return false;
}

/* RFC 5280 4.2.1.6: an rfc822Name is ASCII. */
static bool is_email(const char *text)
{
	const char *at = strchr(text, '@');

	if (!at || at == text || !at[1])
		return false;
	for (; *text; text++)
		if ((unsigned char)*text <= ' ' || (unsigned char)*text >= 0x7f)
			return false;
	return true;
}

static bool add_user_names(X509 *x, const struct ca_issue_opts *opts)
{
	const char *email = opts->email ? opts->email : is_email(opts->user) ? opts->user : NULL;
	GENERAL_NAMES *names = GENERAL_NAMES_new();
	bool ok = names && push(names, upn_name(opts->user)) &&
		  (!email || push(names, email_name(email))) &&
		  X509_add1_ext_i2d(x, NID_subject_alt_name, names, 0, X509V3_ADD_APPEND) == 1;

	GENERAL_NAMES_free(names);
	return ok;
}

static int64_t end_of(const X509 *x)
{
	struct tm tm;

	return ASN1_TIME_to_tm(X509_get0_notAfter(x), &tm) ? (int64_t)timegm(&tm) : 0;
}

static X509 *make_user_cert(
	const struct ca_issue_opts *opts, X509 *ca, EVP_PKEY *ca_key, EVP_PKEY *key)
{
	const struct extension rows[] = {
		{NID_basic_constraints, "critical,CA:FALSE"},
		{NID_key_usage, opts->key == CA_RSA ? "critical,digitalSignature,keyEncipherment"
						    : "critical,digitalSignature"},
		{NID_ext_key_usage, "clientAuth"},
		{NID_subject_key_identifier, "hash"},
		{NID_authority_key_identifier, "keyid:always"},
	};
	AUTO(x509) X509 *x = begin_cert(opts->user, key);
	int64_t days = opts->days ? opts->days : CA_USER_DAYS;
	int64_t until_s = opts->now_s + days * DAY_S, end_s = end_of(ca);

	if (!x || !X509_set_issuer_name(x, X509_get_subject_name(ca)) ||
		!set_dates(x, opts->now_s, until_s < end_s ? until_s : end_s) ||
		!add_extensions(x, ca, rows, ARRAY_SIZE(rows)) || !add_user_names(x, opts) ||
		!X509_sign(x, ca_key, EVP_sha256()))
		return NULL;
	return TAKE(x);
}

int ca_issue(const struct ca_issue_opts *opts, struct ca_blob *ret_cert, struct ca_blob *ret_key,
	struct tls_failure *ret_failure)
{
	AUTO(x509) X509 *ca = NULL;
	AUTO(x509) X509 *x = NULL;
	AUTO(pkey) EVP_PKEY *ca_key = NULL;
	AUTO(pkey) EVP_PKEY *key = NULL;
	int r;

	ERR_clear_error();
	if (opts->email && !is_email(opts->email))
		return tls_failure_set(ret_failure, -EINVAL, EV_CERT_BAD_NAME,
			"\"%.100s\" is no e-mail address", opts->email);
	ca = cert_of(opts->ca_cert);
	ca_key = key_of(opts->ca_key);
	if (!ca || !ca_key || X509_check_private_key(ca, ca_key) != 1)
		return failed(ret_failure, -EKEYREJECTED, "key of the authority");
	if (end_of(ca) <= opts->now_s)
		return tls_failure_set(ret_failure, -EKEYEXPIRED, EV_CERT_NOT_MADE,
			"the authority's own certificate has expired");
	key = make_key(opts->key, false);
	x = key ? make_user_cert(opts, ca, ca_key, key) : NULL;
	if (!x)
		return failed(ret_failure, -EIO, opts->user);
	r = cert_blob(x, ret_cert);
	if (!r)
		r = key_blob(key, ret_key);
	return r;
}

/* ---- reading ---- */

static void copy_text(const ASN1_STRING *s, char *ret, size_t cap)
{
	unsigned char *utf8 = NULL;
	int n = s ? ASN1_STRING_to_UTF8(&utf8, s) : -1;

	/* a zero inside, or a name that does not fit, is no name: it must not be cut to another's */
	if (n > 0 && (size_t)n < cap && !memchr(utf8, '\0', (size_t)n)) {
		memcpy(ret, utf8, (size_t)n);
		ret[n] = '\0';
	}
	OPENSSL_free(utf8);
}

static void take_names(const X509 *x, struct ca_cert_info *ret)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL);

	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *g = sk_GENERAL_NAME_value(names, i);

		if (g->type == GEN_EMAIL && !*ret->email)
			copy_text(g->d.rfc822Name, ret->email, sizeof(ret->email));
		else if (g->type == GEN_OTHERNAME && !*ret->upn &&
			 OBJ_obj2nid(g->d.otherName->type_id) == NID_ms_upn &&
			 g->d.otherName->value->type == V_ASN1_UTF8STRING)
			copy_text(g->d.otherName->value->value.utf8string, ret->upn,
				sizeof(ret->upn));
	}
	GENERAL_NAMES_free(names);
}

static void take_serial(const X509 *x, char ret[static CA_SERIAL_LEN])
{
	BIGNUM *n = ASN1_INTEGER_to_BN(X509_get0_serialNumber(x), NULL);
	char *hex = n ? BN_bn2hex(n) : NULL;

	if (hex && strlen(hex) < CA_SERIAL_LEN)
		strcpy(ret, hex);
	OPENSSL_free(hex);
	BN_free(n);
}

int ca_cert_info(struct octets der, struct ca_cert_info *ret)
{
	AUTO(x509) X509 *x = cert_of(der);
	struct cert_info common;
	uint32_t eku;

	if (!x) {
		ERR_clear_error();
		return -EINVAL;
	}
	cert_info_fill(x, &common);
	eku = X509_get_extended_key_usage(x);
	*ret = (struct ca_cert_info){.not_before_s = common.not_before_s,
		.not_after_s = common.not_after_s,
		.ca = X509_check_ca(x) > 0,
		.client_auth = eku == UINT32_MAX || eku & (XKU_SSL_CLIENT | XKU_ANYEKU)};
	memcpy(ret->sha1, common.sha1, sizeof(ret->sha1));
	memcpy(ret->sha256, common.sha256, sizeof(ret->sha256));
	snprintf(ret->subject, sizeof(ret->subject), "%s", common.subject);
	snprintf(ret->issuer, sizeof(ret->issuer), "%s", common.issuer_dn);
	X509_NAME_oneline(X509_get_subject_name(x), ret->subject_dn, sizeof(ret->subject_dn));
	snprintf(ret->key, sizeof(ret->key), "%s", common.key);
	take_serial(x, ret->serial);
	take_names(x, ret);
	ERR_clear_error();
	return 0;
}

/* All certificates of a PEM text; the first one is returned. */
static X509 *read_pem(struct octets file, unsigned *ret_n)
{
	BIO *bio = BIO_new_mem_buf(file.p, (int)file.n);
	X509 *first = NULL, *x;

	*ret_n = 0;
	while (bio && (x = PEM_read_bio_X509(bio, NULL, NULL, (void *)""))) {
		if (!(*ret_n)++)
			first = x;
		else
			X509_free(x);
	}
	BIO_free(bio);
	return first;
}

static X509 *read_base64(struct octets file)
{
	uint8_t *der = malloc(file.n ? file.n : 1), *text = malloc(file.n + 1);
	X509 *x = NULL;
	size_t n = 0;
	int len;

	for (size_t i = 0; der && text && i < file.n; i++)
		if (!strchr(" \t\r\n", ((const char *)file.p)[i]))
			text[n++] = ((const uint8_t *)file.p)[i];
	len = der && text ? EVP_DecodeBlock(der, text, (int)n) : -1;
	while (len > 0 && n && text[n - 1] == '=') { /* DecodeBlock counts the padding */
		len--;
		n--;
	}
	if (len > 0)
		x = cert_of((struct octets){der, (size_t)len});
	free(der);
	free(text);
	return x;
}

int ca_read_cert(struct octets file, struct ca_blob *ret_der, struct tls_failure *ret_failure)
{
	AUTO(x509) X509 *x = NULL;
	unsigned n = 1;

	if (!file.n || file.n > CA_FILE_MAX)
		return tls_failure_set(ret_failure, -EINVAL, EV_CERT_FILE_MALFORMED,
			"expected a certificate, got %zu octets", file.n);
	ERR_clear_error();
	x = cert_of(file);
	if (!x)
		x = read_pem(file, &n);
	if (!x && (n = 1))
		x = read_base64(file);
	ERR_clear_error();
	if (!x)
		return tls_failure_set(ret_failure, -EINVAL, EV_CERT_FILE_MALFORMED,
			"expected one certificate as PEM, DER or Base64");
	if (n > 1)
		return tls_failure_set(ret_failure, -E2BIG, EV_CERT_FILE_MALFORMED,
			"expected one certificate, there are %u in it", n);
	return cert_blob(x, ret_der);
}

int ca_peer_cert(struct octets der, struct peer_cert **ret)
{
	struct ca_cert_info info;
	int r = ca_cert_info(der, &info);

	if (!r)
		r = peer_cert_new(der.p, der.n, ret);
	if (r < 0)
		return r;
	memcpy((*ret)->sha1, info.sha1, sizeof((*ret)->sha1));
	memcpy((*ret)->sha256, info.sha256, sizeof((*ret)->sha256));
	(*ret)->not_after_s = info.not_after_s;
	memcpy((*ret)->serial, info.serial, sizeof((*ret)->serial));
	memcpy((*ret)->subject, info.subject, sizeof((*ret)->subject));
	return 0;
}
