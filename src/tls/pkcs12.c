// SPDX-License-Identifier: Apache-2.0
/* PKCS#12 files (RFC 7292): the certificate of a user, its key and its authority under a password. */
#include <errno.h>
#include <openssl/err.h>
#include <openssl/pkcs12.h>
#include <string.h>

#include "tls/ca.h"
#include "tls/private.h"

DEFINE_AUTO(x509, X509 *, X509_free)
DEFINE_AUTO(pkey, EVP_PKEY *, EVP_PKEY_free)
DEFINE_AUTO(p12, PKCS12 *, PKCS12_free)

static STACK_OF(X509) * stack_of(X509 *x)
{
	STACK_OF(X509) *s = sk_X509_new_null();

	if (s && x && sk_X509_push(s, x))
		return s;
	sk_X509_free(s);
	return NULL;
}

/* PKCS12_create() makes a MAC of SHA-1 beside old ciphers and of SHA-256 beside new ones only since 3.0. */
static PKCS12 *make(const struct ca_p12_opts *o, EVP_PKEY *key, X509 *cert, X509 *ca)
{
	int cipher = o->old ? NID_pbe_WithSHA1And3_Key_TripleDES_CBC : NID_aes_256_cbc;
	const EVP_MD *md = o->old ? EVP_sha1() : EVP_sha256();
	STACK_OF(X509) *chain = stack_of(ca);
	AUTO(p12) PKCS12 *p = NULL;

	if (chain) /* -1: without a MAC, which comes below with the hash that is meant */
		p = PKCS12_create(o->password, o->name, key, cert, chain, cipher, cipher,
			CA_P12_ITERATIONS, -1, 0);
	sk_X509_free(chain);
	if (!p || !PKCS12_set_mac(p, o->password, -1, NULL, 0, CA_P12_ITERATIONS, md))
		return NULL;
	return TAKE(p);
}

int ca_pkcs12(const struct ca_p12_opts *o, struct ca_blob *ret, struct tls_failure *ret_failure)
{
	const unsigned char *cert_at = o->cert.p, *key_at = o->key.p, *ca_at = o->ca_cert.p;
	AUTO(x509) X509 *cert = NULL;
	AUTO(x509) X509 *ca = NULL;
	AUTO(pkey) EVP_PKEY *key = NULL;
	AUTO(p12) PKCS12 *p = NULL;
	unsigned char *der = NULL;
	char text[160];
	int n;

	ERR_clear_error();
	cert = d2i_X509(NULL, &cert_at, (long)o->cert.n);
	ca = d2i_X509(NULL, &ca_at, (long)o->ca_cert.n);
	key = d2i_AutoPrivateKey(NULL, &key_at, (long)o->key.n);
	p = cert && ca && key ? make(o, key, cert, ca) : NULL;
	n = p ? i2d_PKCS12(p, &der) : -1;
	if (n <= 0)
		return tls_failure_set(ret_failure, -EIO, EV_CERT_NOT_MADE, "PKCS#12: %s",
			tls_error_text(text, sizeof(text)));
	ret->p = malloc((size_t)n);
	if (ret->p)
		memcpy(ret->p, der, (size_t)n);
	ret->n = (size_t)n;
	OPENSSL_free(der);
	return ret->p ? 0 : -ENOMEM;
}
