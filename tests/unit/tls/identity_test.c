// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pkcs12.h>
#include <openssl/provider.h>
#include <openssl/x509.h>
#include <string.h>

#include "tls/ca.h"
#include "tls/identity.h"

#define NOW_S 1800000000

struct fixture {
	struct ca_blob ca, ca_key, cert, key;
};

static struct octets of(const struct ca_blob *b)
{
	return (struct octets){b->p, b->n};
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct ca_issue_opts opts = {.user = "alice", .now_s = NOW_S};

	assert_int_equal(ca_make_root(&(struct ca_root_opts){.name = "Users", .now_s = NOW_S},
				 &f->ca, &f->ca_key, NULL),
		0);
	opts.ca_cert = of(&f->ca);
	opts.ca_key = of(&f->ca_key);
	assert_int_equal(ca_issue(&opts, &f->cert, &f->key, NULL), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	ca_blob_free(&f->ca);
	ca_blob_free(&f->ca_key);
	ca_blob_free(&f->cert);
	ca_blob_free(&f->key);
	free(f);
	return 0;
}

static struct ca_blob p12_of(const struct fixture *f, const char *password, bool old)
{
	const struct ca_p12_opts o = {of(&f->cert), of(&f->key), of(&f->ca), "x", password, old};
	struct ca_blob p = {0};

	assert_int_equal(ca_pkcs12(&o, &p, NULL), 0);
	return p;
}

static void a_file_of_ours_opens_with_its_passphrase(void **state)
{
	struct fixture *f = *state;

	for (int old = 0; old < 2; old++) {
		AUTO_CA_BLOB p = p12_of(f, "secret", old);
		AUTO(tls_identity) struct tls_identity *i = NULL;
		struct tls_failure why = {0};
		char name[300];

		assert_int_equal(tls_identity_p12(of(&p), "wrong", &i, &why), -EKEYREJECTED);
		assert_int_equal(why.event, EV_CERT_PASSPHRASE);
		assert_int_equal(tls_identity_p12(of(&p), "", &i, &why), -EKEYREJECTED);
		assert_null(i);
		assert_int_equal(tls_identity_p12(of(&p), "secret", &i, &why), 0);
		tls_identity_name(i, name, sizeof(name));
		assert_string_equal(name, "alice");
	}
}

/* RC2 with 40 bits, as Windows exported certificates for twenty years. */
static void a_file_of_an_old_windows_opens(void **state)
{
	struct fixture *f = *state;
	OSSL_LIB_CTX *ctx = OSSL_LIB_CTX_new();
	AUTO(tls_identity) struct tls_identity *i = NULL;
	const unsigned char *cert_at = f->cert.p, *key_at = f->key.p;
	X509 *x = d2i_X509(NULL, &cert_at, (long)f->cert.n);
	EVP_PKEY *k = d2i_AutoPrivateKey(NULL, &key_at, (long)f->key.n);
	unsigned char *der = NULL;
	PKCS12 *p;
	int n;
	OSSL_PROVIDER *legacy = OSSL_PROVIDER_load(ctx, "legacy"),
		      *usual = OSSL_PROVIDER_load(ctx, "default");

	assert_true(legacy && usual);
	p = PKCS12_create_ex("secret", "x", k, x, NULL, NID_pbe_WithSHA1And3_Key_TripleDES_CBC,
		NID_pbe_WithSHA1And40BitRC2_CBC, 2000, 2000, 0, ctx, NULL);
	assert_non_null(p);
	n = i2d_PKCS12(p, &der);
	assert_int_equal(tls_identity_p12((struct octets){der, (size_t)n}, "secret", &i, NULL), 0);
	OPENSSL_free(der);
	PKCS12_free(p);
	X509_free(x);
	EVP_PKEY_free(k);
	OSSL_PROVIDER_unload(legacy);
	OSSL_PROVIDER_unload(usual);
	OSSL_LIB_CTX_free(ctx);
}

static void a_cut_or_changed_file_is_refused(void **state)
{
	struct fixture *f = *state;
	AUTO_CA_BLOB p = p12_of(f, "secret", false);

	for (size_t n = 0; n < p.n; n += n < 40 ? 1 : 97) {
		struct tls_identity *i = NULL;

		assert_true(tls_identity_p12((struct octets){p.p, n}, "secret", &i, NULL) < 0);
	}
	for (size_t at = 30; at < p.n; at += 211) {
		struct tls_identity *i = NULL;

		p.p[at] ^= 0x55;
		assert_true(tls_identity_p12(of(&p), "secret", &i, NULL) < 0);
		p.p[at] ^= 0x55;
	}
	assert_int_equal(ERR_peek_error(), 0);
}

/* A MAC of a thousand million rounds would hold the program for an hour. */
static void a_file_that_asks_for_too_much_work_is_refused(void **state)
{
	struct fixture *f = *state;
	AUTO_CA_BLOB p = p12_of(f, "secret", false);
	static const uint8_t mine[] = {0x02, 0x03, 0x00, 0xc3, 0x50}; /* 50000 */
	uint8_t *at = NULL, *found = p.p;
	struct tls_identity *i = NULL;
	struct tls_failure why = {0};

	while ((found = memmem(found, p.n - (size_t)(found - p.p), mine, sizeof(mine))))
		at = found++;
	assert_non_null(at); /* the last one is the MAC's */
	at[2] = 0x7f;
	assert_int_equal(tls_identity_p12(of(&p), "secret", &i, &why), -EINVAL);
	assert_int_equal(why.event, EV_CERT_FILE_MALFORMED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_of_ours_opens_with_its_passphrase),
		cmocka_unit_test(a_file_of_an_old_windows_opens),
		cmocka_unit_test(a_cut_or_changed_file_is_refused),
		cmocka_unit_test(a_file_that_asks_for_too_much_work_is_refused),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
