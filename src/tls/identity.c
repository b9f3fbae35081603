// SPDX-License-Identifier: Apache-2.0
/*
 * What is read is kept as OpenSSL has it: the leaf, its key, the certificates above it.
 *
 * A PKCS#12 file is untrusted until its MAC is right: the password is tried on the MAC first, so that a
 * wrong one differs from a damaged file, and with a bound on the iterations. Old files are encrypted with
 * RC2, which OpenSSL has in its legacy provider: they are opened in a library context of their own, and
 * what was in them is read again into the usual one.
 */
#include "tls/identity.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/provider.h>
#include <stdio.h>
#include <string.h>

#include "tls/ca.h"
#include "tls/private.h"

struct tls_identity {
	X509 *leaf;
	EVP_PKEY *key;
	STACK_OF(X509) * chain;
};

#define CHAIN_MAX 8

void tls_identity_free(struct tls_identity *i)
{
	if (!i)
		return;
	X509_free(i->leaf);
	EVP_PKEY_free(i->key);
	sk_X509_pop_free(i->chain, X509_free);
	free(i);
}

static struct tls_identity *identity_new(void)
{
	struct tls_identity *i = calloc(1, sizeof(*i));

	if (!i)
		return NULL;
	i->chain = sk_X509_new_null();
	if (!i->chain) {
		free(i);
		return NULL;
	}
	return i;
}

static int refuse(struct tls_failure *f, int error, enum event event, const char *what)
{
	char text[160];

	return tls_failure_set(f, error, event, "%s: %s", what, tls_error_text(text, sizeof(text)));
}

static int check(const struct tls_identity *i, const char *file, struct tls_failure *ret_failure)
{
	ERR_clear_error();
	if (X509_check_private_key(i->leaf, i->key) == 1)
		return 0;
	return refuse(ret_failure, -EINVAL, EV_CERT_KEY_MISMATCH, file);
}

/* ---- PEM ---- */

struct passphrase {
	const char *text; /* NULL: none */
	bool asked;
};

static int give_passphrase(char *buf, int size, int rwflag UNUSED, void *arg)
{
	struct passphrase *p = arg;
	size_t n = p->text ? strlen(p->text) : 0;

	p->asked = true;
	if (!n || n > (size_t)size)
		return -1;
	memcpy(buf, p->text, n);
	return (int)n;
}

static int read_certs(struct tls_identity *i, const char *file, struct tls_failure *ret_failure)
{
	BIO *bio = BIO_new_file(file, "r");
	X509 *x;

	if (!bio)
		return refuse(ret_failure, tls_open_error(), EV_CERT_FILE_UNREADABLE, file);
	i->leaf = PEM_read_bio_X509_AUX(bio, NULL, NULL, (void *)"");
	while (i->leaf && sk_X509_num(i->chain) < CHAIN_MAX &&
		(x = PEM_read_bio_X509(bio, NULL, NULL, (void *)"")))
		if (!sk_X509_push(i->chain, x))
			X509_free(x);
	BIO_free(bio);
	return i->leaf ? 0 : refuse(ret_failure, -EINVAL, EV_CERT_FILE_MALFORMED, file);
}

static int read_key(struct tls_identity *i, const char *file, struct passphrase *p,
	struct tls_failure *ret_failure)
{
	BIO *bio = BIO_new_file(file, "r");

	if (!bio)
		return refuse(ret_failure, tls_open_error(), EV_CERT_FILE_UNREADABLE, file);
	i->key = PEM_read_bio_PrivateKey(bio, NULL, give_passphrase, p);
	BIO_free(bio);
	if (i->key)
		return 0;
	return p->asked
		       ? tls_failure_set(ret_failure, -EKEYREJECTED, EV_CERT_PASSPHRASE, "%s", file)
		       : refuse(ret_failure, -EINVAL, EV_CERT_FILE_MALFORMED, file);
}

int tls_identity_pem(const char *cert_file, const char *key_file, const char *passphrase,
	struct tls_identity **ret, struct tls_failure *ret_failure)
{
	AUTO(tls_identity) struct tls_identity *i = identity_new();
	struct passphrase p = {.text = passphrase};
	const char *key = key_file ? key_file : cert_file;
	int r;

	if (!i)
		return -ENOMEM;
	ERR_clear_error();
	r = read_certs(i, cert_file, ret_failure);
	if (!r)
		r = read_key(i, key, &p, ret_failure);
	if (!r)
		r = check(i, key, ret_failure);
	if (!r)
		*ret = TAKE(i);
	return r;
}

/* ---- PKCS#12 ---- */

struct old_ciphers {
	OSSL_LIB_CTX *ctx;
	OSSL_PROVIDER *legacy, *usual;
};

static bool old_ciphers_load(struct old_ciphers *o)
{
	*o = (struct old_ciphers){.ctx = OSSL_LIB_CTX_new()};
	if (o->ctx) {
		o->legacy = OSSL_PROVIDER_load(o->ctx, "legacy");
		o->usual = OSSL_PROVIDER_load(o->ctx, "default");
	}
	return o->legacy && o->usual;
}

static void old_ciphers_done(struct old_ciphers *o)
{
	if (o->legacy)
		OSSL_PROVIDER_unload(o->legacy);
	if (o->usual)
		OSSL_PROVIDER_unload(o->usual);
	OSSL_LIB_CTX_free(o->ctx);
}

static PKCS12 *decode(struct octets file, OSSL_LIB_CTX *ctx)
{
	PKCS12 *p = PKCS12_init_ex(NID_pkcs7_data, ctx, NULL), *read;
	const unsigned char *at = file.p;

	read = p ? d2i_PKCS12(&p, &at, (long)file.n) : NULL;
	if (!read)
		PKCS12_free(p);
	return read;
}

/* The file's maker chose the iterations: a month of them is an attack on the reader. */
static bool iterations_are_fair(const PKCS12 *p)
{
	const ASN1_INTEGER *iterations = NULL;

	PKCS12_get0_mac(NULL, NULL, NULL, &iterations, p);
	return !iterations || (ASN1_INTEGER_get(iterations) > 0 &&
				      ASN1_INTEGER_get(iterations) <= CA_P12_ITERATIONS_MAX);
}

/* As DER and back: what is left hangs on no library context but the usual one. */
static X509 *adopt_cert(X509 *from)
{
	unsigned char *der = NULL;
	int n = i2d_X509(from, &der);
	const unsigned char *at = der;
	X509 *copy = n > 0 ? d2i_X509(NULL, &at, n) : NULL;

	OPENSSL_free(der);
	return copy;
}

static EVP_PKEY *adopt_key(EVP_PKEY *from)
{
	unsigned char *der = NULL;
	int n = i2d_PrivateKey(from, &der);
	const unsigned char *at = der;
	EVP_PKEY *copy = n > 0 ? d2i_AutoPrivateKey(NULL, &at, n) : NULL;

	OPENSSL_clear_free(der, n > 0 ? (size_t)n : 0);
	return copy;
}

static bool adopt(struct tls_identity *i, EVP_PKEY *key, X509 *leaf, STACK_OF(X509) * chain)
{
	i->key = adopt_key(key);
	i->leaf = adopt_cert(leaf);
	for (int k = 0; k < sk_X509_num(chain) && k < CHAIN_MAX; k++) {
		X509 *copy = adopt_cert(sk_X509_value(chain, k));

		if (copy && !sk_X509_push(i->chain, copy))
			X509_free(copy);
	}
	return i->key && i->leaf;
}

/* -EAGAIN: perhaps with the old ciphers. */
static int open_with(struct tls_identity *i, struct octets file, const char *passphrase,
	OSSL_LIB_CTX *ctx, struct tls_failure *ret_failure)
{
	PKCS12 *p = decode(file, ctx);
	EVP_PKEY *key = NULL;
	X509 *leaf = NULL;
	STACK_OF(X509) *chain = NULL;
	int r = 0;

	if (!p || !iterations_are_fair(p))
		r = tls_failure_set(ret_failure, -EINVAL, EV_CERT_FILE_MALFORMED,
			"it is no PKCS#12 file, or it asks for more than %d iterations",
			CA_P12_ITERATIONS_MAX);
	else if (PKCS12_mac_present(p) && !PKCS12_verify_mac(p, passphrase, -1) &&
		 (*passphrase || !PKCS12_verify_mac(p, NULL, 0)))
		r = tls_failure_set(
			ret_failure, -EKEYREJECTED, EV_CERT_PASSPHRASE, "the PKCS#12 file");
	else if (PKCS12_parse(p, passphrase, &key, &leaf, &chain) != 1)
		r = ctx ? refuse(ret_failure, -EINVAL, EV_CERT_FILE_MALFORMED, "PKCS#12") : -EAGAIN;
	else if (!key || !leaf)
		r = tls_failure_set(ret_failure, -EINVAL, EV_CERT_FILE_MALFORMED,
			"the PKCS#12 file has no certificate with its key");
	else if (!adopt(i, key, leaf, chain))
		r = refuse(ret_failure, -EIO, EV_CERT_FILE_MALFORMED, "PKCS#12");
	EVP_PKEY_free(key);
	X509_free(leaf);
	sk_X509_pop_free(chain, X509_free);
	PKCS12_free(p);
	return r;
}

int tls_identity_p12(struct octets file, const char *passphrase, struct tls_identity **ret,
	struct tls_failure *ret_failure)
{
	AUTO(tls_identity) struct tls_identity *i = identity_new();
	struct old_ciphers old;
	int r;

	if (!i)
		return -ENOMEM;
	if (!file.n || file.n > TLS_IDENTITY_FILE_MAX)
		return tls_failure_set(ret_failure, -EINVAL, EV_CERT_FILE_MALFORMED,
			"expected a PKCS#12 file, got %zu octets", file.n);
	ERR_clear_error();
	r = open_with(i, file, passphrase, NULL, ret_failure);
	if (r == -EAGAIN) {
		r = old_ciphers_load(&old) ? open_with(i, file, passphrase, old.ctx, ret_failure)
					   : refuse(ret_failure, -ENOTSUP, EV_CERT_FILE_MALFORMED,
						     "OpenSSL's legacy provider is missing");
		old_ciphers_done(&old);
	}
	if (!r)
		r = check(i, "PKCS#12", ret_failure);
	ERR_clear_error();
	if (!r)
		*ret = TAKE(i);
	return r;
}

/* ---- use ---- */

int tls_identity_use(SSL_CTX *c, struct tls_identity *i)
{
	return SSL_CTX_use_certificate(c, i->leaf) == 1 && SSL_CTX_use_PrivateKey(c, i->key) == 1 &&
			       SSL_CTX_set1_chain(c, i->chain) == 1
		       ? 0
		       : -EINVAL;
}

void tls_identity_name(const struct tls_identity *i, char *ret, size_t cap)
{
	unsigned char *der = NULL;
	int n = i2d_X509(i->leaf, &der);
	struct ca_cert_info info;

	*ret = '\0';
	if (n > 0 && !ca_cert_info((struct octets){der, (size_t)n}, &info))
		snprintf(ret, cap, "%s",
			*info.upn     ? info.upn
			: *info.email ? info.email
				      : info.subject);
	OPENSSL_free(der);
}
