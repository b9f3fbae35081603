// SPDX-License-Identifier: Apache-2.0
/*
 * Certificates as files.
 *
 * What a generated one says: subject CN = first name, subjectAltName = all of them (DNS or IP),
 * CA:FALSE, digitalSignature (and keyEncipherment for RSA, which clients without ECDHE need),
 * serverAuth, SHA-256, a random serial number of 127 bits.
 */
#include "tls/cert.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hex.h"
#include "base/text.h"
#include "tls/private.h"

#define DAY_S 86400
#define COMMON_NAME_MAX 64 /* RFC 5280, ub-common-name */

DEFINE_AUTO(x509, X509 *, X509_free)
DEFINE_AUTO(pkey, EVP_PKEY *, EVP_PKEY_free)
DEFINE_AUTO(bio, BIO *, BIO_free_all)

static int fail_from_openssl(struct tls_failure *f, int error, enum event event, const char *file)
{
	char text[128];

	return tls_failure_set(f, error, event, "%s: %s", file, tls_error_text(text, sizeof(text)));
}

/* ---- reading ---- */

int cert_spki_sha256(const X509 *x, uint8_t ret[static SHA256_LEN])
{
	unsigned char *der = NULL;
	int n = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x), &der), r;

	if (n <= 0)
		return -EIO;
	r = hash_one(HASH_SHA256, der, (size_t)n, ret);
	OPENSSL_free(der);
	return r;
}

void cert_time_text(const ASN1_TIME *at, char *ret, size_t cap)
{
	struct tm tm;

	if (!ASN1_TIME_to_tm(at, &tm) || !strftime(ret, cap, "%Y-%m-%d %H:%M:%S UTC", &tm))
		snprintf(ret, cap, "an unreadable date");
}

static int64_t time_value(const ASN1_TIME *at)
{
	struct tm tm;

	return ASN1_TIME_to_tm(at, &tm) ? (int64_t)timegm(&tm) : 0;
}

/* One name of the subjectAltName as text; "" for kinds that name no host. */
static void general_name_text(const GENERAL_NAME *g, char *ret, size_t cap)
{
	int kind;
	const ASN1_STRING *s = GENERAL_NAME_get0_value(g, &kind);
	const unsigned char *p =
		kind == GEN_DNS || kind == GEN_IPADD ? ASN1_STRING_get0_data(s) : NULL;
	int n = p ? ASN1_STRING_length(s) : 0;

	*ret = 0;
	if (kind == GEN_DNS)
		text_of_octets(p, (size_t)n, ret, cap);
	else if (n == 4 || n == 16)
		inet_ntop(n == 4 ? AF_INET : AF_INET6, p, ret, (socklen_t)cap);
}

void cert_names_text(const X509 *x, char *ret, size_t cap)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL);
	size_t used = 0;

	*ret = 0;
	for (int i = 0; i < sk_GENERAL_NAME_num(names) && used + 5 < cap; i++) {
		char one[256], quoted[800];
		int n;

		general_name_text(sk_GENERAL_NAME_value(names, i), one, sizeof(one));
		if (!*one)
			continue;
		/* a blank or a comma in a name must not make two of it */
		text_format(
			quoted, sizeof(quoted), one[strcspn(one, " ,\"")] ? "\"%s\"" : "%s", one);
		n = snprintf(ret + used, cap - used, "%s%s", used ? ", " : "", quoted);
		if ((size_t)n >= cap - used) {
			snprintf(ret + used, cap - used, ", …");
			break;
		}
		used += (size_t)n;
	}
	GENERAL_NAMES_free(names);
}

static void name_text(const X509_NAME *name, char *ret, size_t cap)
{
	int i = X509_NAME_get_index_by_NID(name, NID_commonName, -1);
	const ASN1_STRING *cn = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, i));
	unsigned char *utf8 = NULL;
	int n = cn ? ASN1_STRING_to_UTF8(&utf8, cn) : -1;

	if (n >= 0)
		text_of_octets(utf8, (size_t)n, ret, cap);
	else
		X509_NAME_oneline(name, ret, (int)cap);
	OPENSSL_free(utf8);
}

static void key_text(const X509 *x, char *ret, size_t cap)
{
	const EVP_PKEY *key = X509_get0_pubkey(x);
	char group[32] = "";
	size_t n;

	if (!key)
		snprintf(ret, cap, "unknown");
	else if (EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA)
		snprintf(ret, cap, "RSA-%d", EVP_PKEY_get_bits(key));
	else if (EVP_PKEY_get_group_name(key, group, sizeof(group), &n) &&
		 !strcmp(group, "prime256v1"))
		snprintf(ret, cap, "EC P-256");
	else if (*group)
		snprintf(ret, cap, "EC %.12s", group);
	else
		snprintf(ret, cap, "%.15s", EVP_PKEY_get0_type_name(key));
}

void cert_info_fill(X509 *x, struct cert_info *ret)
{
	uint8_t spki[SHA256_LEN] = {0};
	uint32_t eku = X509_get_extended_key_usage(x);
	unsigned n;

	*ret = (struct cert_info){
		.not_before_s = time_value(X509_get0_notBefore(x)),
		.not_after_s = time_value(X509_get0_notAfter(x)),
		.self_signed = X509_self_signed(x, 0) == 1,
		.server_auth = eku == UINT32_MAX || eku & (XKU_SSL_SERVER | XKU_ANYEKU),
	};
	cert_names_text(x, ret->names, sizeof(ret->names));
	name_text(X509_get_subject_name(x), ret->subject, sizeof(ret->subject));
	name_text(X509_get_issuer_name(x), ret->issuer, sizeof(ret->issuer));
	X509_NAME_oneline(X509_get_issuer_name(x), ret->issuer_dn, sizeof(ret->issuer_dn));
	key_text(x, ret->key, sizeof(ret->key));
	X509_digest(x, EVP_sha1(), ret->sha1, &n);
	X509_digest(x, EVP_sha256(), ret->sha256, &n);
	cert_spki_sha256(x, spki);
	memcpy(ret->pin, "sha256//", 8);
	base64_encode(spki, sizeof(spki), ret->pin + 8);
}

/* The first certificate of the file. */
static int load(const char *file, X509 **ret, struct tls_failure *ret_failure)
{
	AUTO(bio) BIO *bio = NULL;

	ERR_clear_error();
	bio = BIO_new_file(file, "r");
	if (!bio)
		return fail_from_openssl(
			ret_failure, tls_open_error(), EV_CERT_FILE_UNREADABLE, file);
	*ret = PEM_read_bio_X509_AUX(bio, NULL, NULL, NULL);
	if (!*ret)
		return fail_from_openssl(ret_failure, -EINVAL, EV_CERT_FILE_MALFORMED, file);
	return 0;
}

int cert_info_load(const char *file, struct cert_info *ret, struct tls_failure *ret_failure)
{
	AUTO(x509) X509 *x = NULL;
	int r = load(file, &x, ret_failure);

	if (!r)
		cert_info_fill(x, ret);
	return r;
}

int cert_names(const char *file, void (*each)(void *arg, const char *name), void *arg)
{
	AUTO(x509) X509 *x = NULL;
	int r = load(file, &x, NULL);
	GENERAL_NAMES *names = r ? NULL : X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL);

	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		char one[256];

		general_name_text(sk_GENERAL_NAME_value(names, i), one, sizeof(one));
		if (*one)
			each(arg, one);
	}
	GENERAL_NAMES_free(names);
	return r;
}

int cert_chain_check(const char *file, struct tls_failure *ret_failure)
{
	AUTO(bio) BIO *bio = BIO_new_file(file, "r");
	X509 *before = bio ? PEM_read_bio_X509_AUX(bio, NULL, NULL, NULL) : NULL, *x;
	int r = 0;

	if (!before)
		return fail_from_openssl(ret_failure, bio ? -EINVAL : tls_open_error(),
			bio ? EV_CERT_FILE_MALFORMED : EV_CERT_FILE_UNREADABLE, file);
	for (int n = 2; !r && X509_self_signed(before, 0) != 1 &&
			(x = PEM_read_bio_X509(bio, NULL, NULL, NULL));
		n++) {
		if (X509_check_issued(x, before) != X509_V_OK)
			r = tls_failure_set(ret_failure, -EINVAL, EV_CERT_FILE_MALFORMED,
				"%s: certificate %d did not issue certificate %d: expected the leaf first, "
				"then each one's issuer",
				file, n, n - 1);
		X509_free(before);
		before = x;
	}
	X509_free(before);
	ERR_clear_error();
	return r;
}

bool cert_is_for(const char *file, const char *name)
{
	AUTO(bio) BIO *bio = BIO_new_file(file, "r");
	AUTO(x509) X509 *x = bio ? PEM_read_bio_X509_AUX(bio, NULL, NULL, NULL) : NULL;

	ERR_clear_error();
	return x &&
	       (X509_check_host(x, name, 0, 0, NULL) == 1 || X509_check_ip_asc(x, name, 0) == 1);
}

/* ---- making ---- */

static int add_general_name(GENERAL_NAMES *names, const char *text)
{
	GENERAL_NAME *g = GENERAL_NAME_new();
	uint8_t octets[16];
	int len = inet_pton(AF_INET, text, octets) == 1    ? 4
		  : inet_pton(AF_INET6, text, octets) == 1 ? 16
							   : 0;
	ASN1_STRING *s = len ? ASN1_OCTET_STRING_new() : ASN1_IA5STRING_new();
	bool ok = len ? ASN1_STRING_set(s, octets, len) : ASN1_STRING_set(s, text, -1);

	GENERAL_NAME_set0_value(g, len ? GEN_IPADD : GEN_DNS, s);
	if (ok && sk_GENERAL_NAME_push(names, g))
		return 0;
	GENERAL_NAME_free(g);
	return -ENOMEM;
}

static int add_names(X509 *x, const struct cert_opts *opts)
{
	GENERAL_NAMES *names = GENERAL_NAMES_new();
	int r = 0;

	for (size_t i = 0; !r && i < opts->n_names; i++)
		r = add_general_name(names, opts->names[i]);
	if (!r && X509_add1_ext_i2d(x, NID_subject_alt_name, names, 0, X509V3_ADD_APPEND) != 1)
		r = -ENOMEM;
	GENERAL_NAMES_free(names);
	return r;
}

static int add_extensions(X509 *x, const struct cert_opts *opts)
{
	const struct {
		int nid;
		const char *value;
	} rows[] = {
		{NID_basic_constraints, "critical,CA:FALSE"},
		{NID_key_usage, opts->key == CERT_RSA_2048
					? "critical,digitalSignature,keyEncipherment"
					: "critical,digitalSignature"},
		{NID_ext_key_usage, "serverAuth"},
		{NID_subject_key_identifier, "hash"},
	};
	X509V3_CTX v3;

	X509V3_set_ctx(&v3, x, x, NULL, NULL, 0);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &v3, rows[i].nid, rows[i].value);
		int ok = e && X509_add_ext(x, e, -1);

		X509_EXTENSION_free(e);
		if (!ok)
			return -EIO;
	}
	return add_names(x, opts);
}

static bool set_serial(X509 *x)
{
	uint8_t octets[16];
	BIGNUM *n;
	bool ok;

	crypto_random(octets, sizeof(octets));
	octets[0] =
		(uint8_t)((octets[0] & 0x7f) | 0x40); /* positive, and always of the same length */
	n = BN_bin2bn(octets, sizeof(octets), NULL);
	ok = n && BN_to_ASN1_INTEGER(n, X509_get_serialNumber(x));
	BN_free(n);
	return ok;
}

static bool set_subject(X509 *x, const struct cert_opts *opts)
{
	const char *cn = strlen(opts->names[0]) <= COMMON_NAME_MAX ? opts->names[0] : "culvert";
	X509_NAME *name = X509_get_subject_name(x);

	return X509_NAME_add_entry_by_NID(
		       name, NID_commonName, MBSTRING_UTF8, (const unsigned char *)cn, -1, -1, 0) &&
	       X509_set_issuer_name(x, name);
}

static X509 *make_cert(const struct cert_opts *opts, EVP_PKEY *key)
{
	AUTO(x509) X509 *x = X509_new();
	int64_t days = opts->days ? opts->days : CERT_DAYS;

	if (!x || !X509_set_version(x, X509_VERSION_3) || !set_serial(x) || !set_subject(x, opts) ||
		!X509_set_pubkey(x, key) ||
		!ASN1_TIME_set(X509_getm_notBefore(x), opts->now_s - DAY_S) ||
		!ASN1_TIME_set(X509_getm_notAfter(x), opts->now_s - DAY_S + days * DAY_S) ||
		add_extensions(x, opts) < 0 || !X509_sign(x, key, EVP_sha256()))
		return NULL;
	return TAKE(x);
}

/* The key that is there already, if it is asked for and of the wanted kind. */
static EVP_PKEY *old_key(const struct cert_opts *opts, const char *file)
{
	AUTO(pkey) EVP_PKEY *key = NULL;
	AUTO(bio) BIO *bio = opts->keep_key ? BIO_new_file(file, "r") : NULL;
	int wanted = opts->key == CERT_RSA_2048 ? EVP_PKEY_RSA : EVP_PKEY_EC;

	key = bio ? PEM_read_bio_PrivateKey(bio, NULL, NULL, (void *)"") : NULL;
	return key && EVP_PKEY_get_base_id(key) == wanted ? TAKE(key) : NULL;
}

static int text_of(BIO *bio, const char **ret)
{
	char *p;
	long n = BIO_get_mem_data(bio, &p);

	*ret = p;
	return (int)n;
}

/* Whole or not at all: written beside the file, synced, renamed over it. */
static int write_file(const char *file, BIO *content, mode_t mode, struct tls_failure *ret_failure)
{
	char tmp[PATH_MAX];
	const char *text;
	int n = text_of(content, &text), fd, e = 0;

	if ((size_t)snprintf(tmp, sizeof(tmp), "%s.XXXXXX", file) >= sizeof(tmp))
		return tls_failure_set(
			ret_failure, -ENAMETOOLONG, EV_CERT_FILE_UNWRITABLE, "%s", file);
	fd = mkostemp(tmp, O_CLOEXEC); /* 0600 */
	if (fd < 0) {
		e = errno;
		return tls_failure_set(
			ret_failure, -e, EV_CERT_FILE_UNWRITABLE, "%s: %s", file, strerror(e));
	}
	if (write(fd, text, (size_t)n) != n)
		e = errno ? errno : EIO;
	else if (fchmod(fd, mode) < 0 || fsync(fd) < 0 || rename(tmp, file) < 0)
		e = errno;
	close(fd);
	if (!e)
		return 0;
	unlink(tmp);
	return tls_failure_set(
		ret_failure, -e, EV_CERT_FILE_UNWRITABLE, "%s: %s", file, strerror(e));
}

/* A name in a certificate is of A-labels (RFC 5280 7.2). */
static bool has_high_octet(const char *name)
{
	for (; *name; name++)
		if (*name & 0x80)
			return true;
	return false;
}

static int check_opts(const struct cert_opts *opts, struct tls_failure *ret_failure)
{
	if (!opts->n_names || opts->n_names > CERT_NAMES_MAX)
		return tls_failure_set(ret_failure, -EINVAL, EV_CERT_BAD_NAME,
			"%zu names; 1 to %d are possible", opts->n_names, CERT_NAMES_MAX);
	for (size_t i = 0; i < opts->n_names; i++) {
		size_t n = strlen(opts->names[i]);

		if (!n || n > 253 || strcspn(opts->names[i], " \t\r\n\"'/,;@") != n ||
			has_high_octet(opts->names[i]))
			return tls_failure_set(ret_failure, -EINVAL, EV_CERT_BAD_NAME, "\"%.100s\"",
				opts->names[i]);
	}
	return 0;
}

int cert_create(const struct cert_opts *opts, const char *cert_file, const char *key_file,
	struct tls_failure *ret_failure)
{
	AUTO(pkey) EVP_PKEY *key = NULL;
	AUTO(x509) X509 *x = NULL;
	AUTO(bio) BIO *key_pem = NULL;
	AUTO(bio) BIO *cert_pem = NULL;
	bool kept;
	int r = check_opts(opts, ret_failure);

	if (r < 0)
		return r;
	ERR_clear_error();
	key = old_key(opts, key_file);
	kept = key;
	if (!key)
		key = opts->key == CERT_RSA_2048 ? EVP_RSA_gen(2048) : EVP_EC_gen("P-256");
	x = key ? make_cert(opts, key) : NULL;
	key_pem = BIO_new(BIO_s_secmem()); /* wiped when freed */
	cert_pem = BIO_new(BIO_s_mem());
	if (!x || !key_pem || !cert_pem ||
		!PEM_write_bio_PKCS8PrivateKey(key_pem, key, NULL, NULL, 0, NULL, NULL) ||
		!PEM_write_bio_X509(cert_pem, x))
		return fail_from_openssl(ret_failure, -EIO, EV_CERT_NOT_MADE, cert_file);
	if (!kept)
		r = write_file(key_file, key_pem, 0600, ret_failure);
	return r < 0 ? r : write_file(cert_file, cert_pem, 0644, ret_failure);
}
