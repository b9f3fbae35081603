// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pkcs12.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "tls/ca.h"

#define NOW_S 1800000000

struct fixture {
	struct ca_blob ca, ca_key;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	const struct ca_root_opts opts = {.name = "Users", .now_s = NOW_S};

	assert_int_equal(ca_make_root(&opts, &f->ca, &f->ca_key, NULL), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	ca_blob_free(&f->ca);
	ca_blob_free(&f->ca_key);
	free(f);
	return 0;
}

static struct octets of(const struct ca_blob *b)
{
	return (struct octets){b->p, b->n};
}

static struct ca_issue_opts issue_opts(const struct fixture *f, const char *user)
{
	return (struct ca_issue_opts){
		.ca_cert = of(&f->ca), .ca_key = of(&f->ca_key), .user = user, .now_s = NOW_S};
}

static struct ca_cert_info issue(const struct ca_issue_opts *opts)
{
	AUTO_CA_BLOB cert = {0};
	AUTO_CA_BLOB key = {0};
	struct ca_cert_info info;

	assert_int_equal(ca_issue(opts, &cert, &key, NULL), 0);
	assert_int_equal(ca_cert_info(of(&cert), &info), 0);
	return info;
}

static X509 *x509_of(const struct ca_blob *b)
{
	const unsigned char *p = b->p;

	return d2i_X509(NULL, &p, (long)b->n);
}

/* As a server's OpenSSL judges it. */
static int verify(const struct ca_blob *ca, const struct ca_blob *cert, int purpose)
{
	X509_STORE *store = X509_STORE_new();
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	X509 *root = x509_of(ca), *leaf = x509_of(cert);
	int error;

	X509_STORE_add_cert(store, root);
	X509_STORE_CTX_init(ctx, store, leaf, NULL);
	X509_STORE_CTX_set_time(ctx, 0, NOW_S);
	X509_STORE_CTX_set_purpose(ctx, purpose);
	X509_STORE_CTX_set_flags(ctx, X509_V_FLAG_X509_STRICT);
	X509_verify_cert(ctx);
	error = X509_STORE_CTX_get_error(ctx);
	X509_STORE_CTX_free(ctx);
	X509_STORE_free(store);
	X509_free(root);
	X509_free(leaf);
	return error;
}

static void an_issued_certificate_is_a_clients_and_no_servers(void **state)
{
	struct fixture *f = *state;

	for (int kind = CA_P256; kind <= CA_RSA; kind++) {
		struct ca_issue_opts opts = issue_opts(f, "alice");
		AUTO_CA_BLOB cert = {0};
		AUTO_CA_BLOB key = {0};

		opts.key = (enum ca_key)kind;
		assert_int_equal(ca_issue(&opts, &cert, &key, NULL), 0);
		assert_int_equal(verify(&f->ca, &cert, X509_PURPOSE_SSL_CLIENT), X509_V_OK);
		assert_int_equal(
			verify(&f->ca, &cert, X509_PURPOSE_SSL_SERVER), X509_V_ERR_INVALID_PURPOSE);
	}
}

static void names_are_where_windows_looks(void **state)
{
	struct fixture *f = *state;
	struct ca_issue_opts opts = issue_opts(f, "alice");
	struct ca_cert_info info = issue(&opts);

	assert_string_equal(info.upn, "alice");
	assert_string_equal(info.email, "");
	assert_string_equal(info.subject, "alice");
	assert_string_equal(info.issuer, "/CN=Users");
	assert_true(info.client_auth);
	assert_false(info.ca);
	opts.user = "Bob@corp.example";
	info = issue(&opts);
	assert_string_equal(info.upn, "Bob@corp.example");
	assert_string_equal(info.email, "Bob@corp.example");
	opts.email = "b@x.example";
	assert_string_equal(issue(&opts).email, "b@x.example");
	opts.user = "j\xc3\xbcrgen@x.example"; /* no IA5String: not an rfc822Name */
	opts.email = NULL;
	assert_string_equal(issue(&opts).email, "");
	assert_string_equal(issue(&opts).upn, opts.user);
}

static void a_long_name_is_whole_in_the_upn_and_cut_in_the_cn(void **state)
{
	char name[256];
	struct ca_issue_opts opts = issue_opts(*state, name);
	struct ca_cert_info info;

	memset(name, 'a', 255);
	name[255] = '\0';
	memcpy(name + 63, "\xc3\xa4", 2); /* the cut must not halve it */
	info = issue(&opts);
	assert_string_equal(info.upn, name);
	assert_int_equal(strlen(info.subject), 63);
}

static void dates_are_as_asked_and_never_beyond_the_authority(void **state)
{
	struct fixture *f = *state;
	struct ca_issue_opts opts = issue_opts(f, "alice");
	struct ca_cert_info root, info = issue(&opts);

	assert_int_equal(info.not_after_s, NOW_S + CA_USER_DAYS * 86400LL);
	assert_true(info.not_before_s < NOW_S);
	opts.days = 1;
	assert_int_equal(issue(&opts).not_after_s, NOW_S + 86400);
	opts.days = CA_DAYS_MAX;
	assert_int_equal(ca_cert_info(of(&f->ca), &root), 0);
	assert_true(root.ca);
	assert_int_equal(issue(&opts).not_after_s, root.not_after_s);
}

static void an_authority_that_is_over_issues_nothing(void **state)
{
	struct ca_issue_opts opts = issue_opts(*state, "alice");
	AUTO_CA_BLOB cert = {0};
	AUTO_CA_BLOB key = {0};
	struct tls_failure why = {0};

	opts.now_s = NOW_S + (CA_ROOT_DAYS + 1) * 86400LL;
	assert_int_equal(ca_issue(&opts, &cert, &key, &why), -EKEYEXPIRED);
	assert_int_equal(why.event, EV_CERT_NOT_MADE);
}

static void another_key_is_refused(void **state)
{
	struct fixture *f = *state;
	AUTO_CA_BLOB other = {0};
	AUTO_CA_BLOB other_key = {0};
	AUTO_CA_BLOB cert = {0};
	AUTO_CA_BLOB key = {0};
	struct ca_issue_opts opts = issue_opts(f, "alice");

	assert_int_equal(ca_make_root(&(struct ca_root_opts){.name = "Others", .now_s = NOW_S},
				 &other, &other_key, NULL),
		0);
	opts.ca_key = of(&other_key);
	assert_int_equal(ca_issue(&opts, &cert, &key, NULL), -EKEYREJECTED);
	opts.ca_key = (struct octets){"none", 4};
	assert_int_equal(ca_issue(&opts, &cert, &key, NULL), -EKEYREJECTED);
}

static void serial_numbers_differ(void **state)
{
	struct ca_issue_opts opts = issue_opts(*state, "alice");
	struct ca_cert_info a = issue(&opts), b = issue(&opts);

	assert_int_equal(strlen(a.serial), 32);
	assert_string_not_equal(a.serial, b.serial);
}

/* ---- PKCS#12 ---- */

static void a_p12_has_key_certificate_and_authority(void **state)
{
	struct fixture *f = *state;
	struct ca_issue_opts opts = issue_opts(f, "alice");
	AUTO_CA_BLOB cert = {0};
	AUTO_CA_BLOB key = {0};

	assert_int_equal(ca_issue(&opts, &cert, &key, NULL), 0);
	for (int old = 0; old < 2; old++) {
		AUTO_CA_BLOB p12 = {0};
		const struct ca_p12_opts o = {
			of(&cert), of(&key), of(&f->ca), "alice", "geheim \xc3\xa4", old};
		const unsigned char *p;
		PKCS12 *parsed;
		EVP_PKEY *k = NULL;
		X509 *x = NULL;
		STACK_OF(X509) *chain = NULL;

		assert_int_equal(ca_pkcs12(&o, &p12, NULL), 0);
		p = p12.p;
		parsed = d2i_PKCS12(NULL, &p, (long)p12.n);
		assert_non_null(parsed);
		assert_int_equal(PKCS12_parse(parsed, "wrong", &k, &x, &chain), 0);
		assert_int_equal(PKCS12_parse(parsed, o.password, &k, &x, &chain), 1);
		assert_int_equal(X509_check_private_key(x, k), 1);
		assert_int_equal(sk_X509_num(chain), 1);
		EVP_PKEY_free(k);
		X509_free(x);
		sk_X509_pop_free(chain, X509_free);
		PKCS12_free(parsed);
	}
	ERR_clear_error();
}

/* PBES2 with AES and SHA-256 for Windows of today, 3DES with SHA-1 for the old ones. */
static void a_p12s_ciphers_are_those_that_windows_reads(void **state)
{
	static const uint8_t aes[] = {0x60, 0x86, 0x48, 1, 0x65, 3, 4, 1, 0x2a};
	static const uint8_t sha256[] = {0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1};
	static const uint8_t des3[] = {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 0x0c, 1, 3};
	struct fixture *f = *state;
	struct ca_issue_opts opts = issue_opts(f, "alice");
	AUTO_CA_BLOB cert = {0};
	AUTO_CA_BLOB key = {0};

	assert_int_equal(ca_issue(&opts, &cert, &key, NULL), 0);
	for (int old = 0; old < 2; old++) {
		AUTO_CA_BLOB p = {0};
		const struct ca_p12_opts o = {
			of(&cert), of(&key), of(&f->ca), "alice", "secret", old};

		assert_int_equal(ca_pkcs12(&o, &p, NULL), 0);
		assert_int_equal(!!memmem(p.p, p.n, aes, sizeof(aes)), !old);
		assert_int_equal(!!memmem(p.p, p.n, sha256, sizeof(sha256)), !old);
		assert_int_equal(!!memmem(p.p, p.n, des3, sizeof(des3)), old);
	}
}

/* ---- reading ---- */

static char *base64(const struct ca_blob *b, size_t width)
{
	char *text = calloc(2, 2 * b->n), *p = text, *all = calloc(2, 2 * b->n);

	EVP_EncodeBlock((unsigned char *)all, b->p, (int)b->n);
	for (size_t i = 0; i < strlen(all); i += width)
		p += sprintf(p, "%.*s\r\n", (int)width, all + i);
	free(all);
	return text;
}

static void a_certificate_is_read_in_each_form(void **state)
{
	struct fixture *f = *state;

	for (size_t form = 0; form < 4; form++) {
		AUTO_CA_BLOB der = {0};
		char *b64 = base64(&f->ca, form == 3 ? 10000 : 64), pem[8192];
		struct octets file = of(&f->ca);

		snprintf(pem, sizeof(pem),
			"some text\n-----BEGIN CERTIFICATE-----\n%s-----END CERTIFICATE-----\n",
			b64);
		if (form == 1)
			file = (struct octets){pem, strlen(pem)};
		else if (form > 1)
			file = (struct octets){b64, strlen(b64)};
		assert_int_equal(ca_read_cert(file, &der, NULL), 0);
		assert_int_equal(der.n, f->ca.n);
		assert_memory_equal(der.p, f->ca.p, der.n);
		free(b64);
	}
}

static void two_certificates_or_none_are_refused(void **state)
{
	struct fixture *f = *state;
	AUTO_CA_BLOB der = {0};
	char *b64 = base64(&f->ca, 64), pem[8192];
	struct tls_failure why = {0};

	snprintf(pem, sizeof(pem),
		"-----BEGIN CERTIFICATE-----\n%s-----END CERTIFICATE-----\n"
		"-----BEGIN CERTIFICATE-----\n%s-----END CERTIFICATE-----\n",
		b64, b64);
	assert_int_equal(ca_read_cert((struct octets){pem, strlen(pem)}, &der, &why), -E2BIG);
	assert_int_equal(ca_read_cert((struct octets){"", 0}, &der, &why), -EINVAL);
	assert_int_equal(ca_read_cert((struct octets){"AAAA", 4}, &der, &why), -EINVAL);
	assert_int_equal(ca_read_cert((struct octets){f->ca.p, f->ca.n - 1}, &der, &why), -EINVAL);
	assert_int_equal(why.event, EV_CERT_FILE_MALFORMED);
	free(b64);
}

/* A name with a zero inside must not end there: "admin\0.evil". */
static void a_name_with_a_zero_is_no_name(void **state)
{
	struct fixture *f = *state;
	struct ca_issue_opts opts = issue_opts(f, "adminXevil");
	AUTO_CA_BLOB cert = {0};
	AUTO_CA_BLOB key = {0};
	struct ca_cert_info info;
	uint8_t *at;

	assert_int_equal(ca_issue(&opts, &cert, &key, NULL), 0);
	for (uint8_t *p = cert.p; (at = memmem(p, cert.n - (size_t)(p - cert.p), "adminX", 6));
		p = at + 6)
		at[5] = '\0';
	assert_int_equal(ca_cert_info(of(&cert), &info), 0);
	assert_string_equal(info.upn, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_issued_certificate_is_a_clients_and_no_servers),
		cmocka_unit_test(names_are_where_windows_looks),
		cmocka_unit_test(a_long_name_is_whole_in_the_upn_and_cut_in_the_cn),
		cmocka_unit_test(dates_are_as_asked_and_never_beyond_the_authority),
		cmocka_unit_test(an_authority_that_is_over_issues_nothing),
		cmocka_unit_test(another_key_is_refused),
		cmocka_unit_test(serial_numbers_differ),
		cmocka_unit_test(a_p12_has_key_certificate_and_authority),
		cmocka_unit_test(a_p12s_ciphers_are_those_that_windows_reads),
		cmocka_unit_test(a_certificate_is_read_in_each_form),
		cmocka_unit_test(two_certificates_or_none_are_refused),
		cmocka_unit_test(a_name_with_a_zero_is_no_name),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
