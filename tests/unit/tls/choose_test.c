// SPDX-License-Identifier: Apache-2.0
/* Which certificate a client is shown: by the name it asks for, and by the keys it knows. */
#include "unit/tls/pair.h"

#include <openssl/ocsp.h>

#include "tls/private.h"

static struct made ec_a, rsa_a, ec_b, rsa_c;
static struct tls_ctx *ctx;

static struct tls_pair files(const char *name)
{
	char crt[32], key[32];

	snprintf(crt, sizeof(crt), "%s.crt", name);
	snprintf(key, sizeof(key), "%s.key", name);
	return (struct tls_pair){in_dir(crt), in_dir(key), NULL};
}

/* About the certificate `about`, good from and until so many seconds from now; until 0: no end. */
static void write_staple_for(const char *name, const struct made *about, int from, int until)
{
	OCSP_BASICRESP *basic = OCSP_BASICRESP_new();
	OCSP_CERTID *id = OCSP_cert_to_id(EVP_sha1(), about->x, about->x); /* self-signed */
	ASN1_TIME *begin = X509_time_adj_ex(NULL, 0, from, NULL);
	ASN1_TIME *end = until ? X509_time_adj_ex(NULL, 0, until, NULL) : NULL;
	ASN1_GENERALIZEDTIME *from_text = ASN1_TIME_to_generalizedtime(begin, NULL);
	ASN1_GENERALIZEDTIME *end_text = end ? ASN1_TIME_to_generalizedtime(end, NULL) : NULL;
	OCSP_RESPONSE *r;
	BIO *bio = BIO_new_file(in_dir(name), "w");

	OCSP_basic_add1_status(basic, id, V_OCSP_CERTSTATUS_GOOD, 0, NULL, from_text, end_text);
	OCSP_basic_add1_cert(basic, about->x);
	assert_true(OCSP_basic_sign(basic, about->x, about->key, EVP_sha256(), NULL, 0));
	r = OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, basic);
	assert_true(i2d_OCSP_RESPONSE_bio(bio, r));
	BIO_free(bio);
	ASN1_TIME_free(begin);
	ASN1_GENERALIZEDTIME_free(from_text);
	ASN1_GENERALIZEDTIME_free(end_text);
	ASN1_TIME_free(end);
	OCSP_CERTID_free(id);
	OCSP_RESPONSE_free(r);
	OCSP_BASICRESP_free(basic);
}

static void write_staple(const char *name)
{
	write_staple_for(name, &ec_a, -60, 3600);
}

static int setup(void **state)
{
	struct tls_pair pairs[4];
	struct tls_failure f = {0};

	if (make_test_dir(state))
		return -1;
	ec_a = make((struct wish){.cn = "a", .san = "DNS:a.test,DNS:*.a.test", .ec = true});
	rsa_a = make((struct wish){.cn = "a", .san = "DNS:a.test"});
	ec_b = make((struct wish){.cn = "b", .san = "DNS:b.test", .ec = true});
	rsa_c = make((struct wish){.cn = "c", .san = "DNS:c.test"});
	write_made("ec_a", &ec_a, NULL);
	write_made("rsa_a", &rsa_a, NULL);
	write_made("ec_b", &ec_b, NULL);
	write_made("rsa_c", &rsa_c, NULL);
	write_staple("ec_a.ocsp");
	pairs[0] = files("ec_a");
	pairs[1] = files("rsa_a");
	pairs[2] = files("ec_b");
	pairs[3] = files("rsa_c");
	pairs[0].ocsp_file = in_dir("ec_a.ocsp");
	if (tls_server_ctx_new(&(struct tls_server_opts){.pairs = pairs, .n_pairs = 4}, &ctx, &f) <
		0)
		fail_msg("%d %s", f.event, f.text);
	return 0;
}

static int teardown(void **state)
{
	tls_ctx_free(ctx);
	made_done(&ec_a);
	made_done(&rsa_a);
	made_done(&ec_b);
	made_done(&rsa_c);
	return remove_test_dir(state);
}

/* What a client with these abilities sees, and that the server's own hash is of the very same. */
static void expect_shown(int version, const char *sni, const char *sigalgs, const struct made *want)
{
	struct stranger s = stranger_new(TLS1_2_VERSION, version);
	struct tls *t;
	uint8_t got[64], seen[32], ours[32], wanted[32];
	X509 *x;

	if (sigalgs)
		SSL_CTX_set1_sigalgs_list(s.ctx, sigalgs);
	stranger_dial(&s);
	if (sni)
		SSL_set_tlsext_host_name(s.ssl, sni);
	assert_int_equal(tls_new(ctx, NULL, &t), 0);
	stranger_run(&s, t, got, sizeof(got));
	assert_true(tls_established(t));
	x = SSL_get0_peer_certificate(s.ssl);
	X509_digest(x, EVP_sha256(), seen, NULL);
	X509_digest(want->x, EVP_sha256(), wanted, NULL);
	assert_memory_equal(seen, wanted, sizeof(seen));
	assert_int_equal(tls_leaf_hash(t, HASH_SHA256, ours), 0);
	assert_memory_equal(ours, seen, sizeof(seen));
	tls_free(t);
	stranger_done(&s);
}

static void the_name_chooses_and_the_hash_follows(void **state)
{
	static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

	for (size_t i = 0; i < ARRAY_SIZE(versions); i++) {
		expect_shown(versions[i], "a.test", NULL, &ec_a);
		expect_shown(versions[i], "www.a.test", NULL, &ec_a);
		expect_shown(versions[i], "b.test", NULL, &ec_b);
		expect_shown(versions[i], "B.TEST", NULL, &ec_b);
		expect_shown(versions[i], "c.test", NULL, &rsa_c);
		expect_shown(versions[i], "unknown.test", NULL, &ec_a);
		expect_shown(versions[i], NULL, NULL, &ec_a);
	}
}

static void a_client_that_knows_rsa_only_gets_the_rsa_one_of_that_name(void **state)
{
	static const char rsa[] = "RSA-PSS+SHA256:RSA+SHA256";

	expect_shown(TLS1_2_VERSION, "a.test", rsa, &rsa_a);
	expect_shown(TLS1_3_VERSION, "a.test", rsa, &rsa_a);
	expect_shown(TLS1_3_VERSION, NULL, rsa, &rsa_a);
}

static void the_staple_goes_out_with_its_certificate_only(void **state)
{
	static const struct {
		const char *sni;
		bool stapled;
	} rows[] = {{"a.test", true}, {"b.test", false}};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct stranger s = stranger_new(TLS1_2_VERSION, TLS1_3_VERSION);
		const unsigned char *staple = NULL;
		struct tls *t;
		uint8_t got[64];

		stranger_dial(&s);
		SSL_set_tlsext_host_name(s.ssl, rows[i].sni);
		SSL_set_tlsext_status_type(s.ssl, TLSEXT_STATUSTYPE_ocsp);
		assert_int_equal(tls_new(ctx, NULL, &t), 0);
		stranger_run(&s, t, got, sizeof(got));
		assert_true(tls_established(t));
		assert_true(
			(SSL_get_tlsext_status_ocsp_resp(s.ssl, &staple) > 0) == rows[i].stapled);
		tls_free(t);
		stranger_done(&s);
	}
}

static void keep_note(void *arg, const struct tls_failure *what)
{
	*(struct tls_failure *)arg = *what;
}

/* A file of the certificate before a renewal, or past its time: clients would refuse us over it. */
static void a_staple_that_does_not_belong_is_left_out_with_a_note(void **state)
{
	static const struct {
		const struct made *about;
		int from, until;
		const char *note; /* NULL: stapled */
	} rows[] = {{&ec_b, -60, 3600, NULL}, {&ec_b, -60, 0, NULL},
		{&ec_a, -60, 3600, "another certificate"}, {&rsa_c, -60, 0, "another certificate"},
		{&ec_b, -7200, -3600, "good until"}, {&ec_b, 7200, 14400, "good from"}};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct tls_pair pair = files("ec_b");
		struct tls_failure f = {0}, note = {0};
		struct tls_ctx *one = NULL;

		write_staple_for("other.ocsp", rows[i].about, rows[i].from, rows[i].until);
		pair.ocsp_file = in_dir("other.ocsp");
		assert_int_equal(tls_server_ctx_new(&(struct tls_server_opts){.pairs = &pair,
							    .n_pairs = 1,
							    .note = keep_note,
							    .note_arg = &note},
					 &one, &f),
			0);
		assert_int_equal(note.event, rows[i].note ? EV_CERT_OCSP_NOT_STAPLED : EV_NONE);
		assert_int_equal(tls_staple_is_current(&one->sets[0].shown[0]), !rows[i].note);
		if (rows[i].note)
			assert_non_null(strstr(note.text, rows[i].note));
		tls_ctx_free(one);
	}
}

/* It was good at the start, and the server runs on. */
static void a_staple_goes_out_no_longer_than_it_is_good(void **state)
{
	struct tls_shown s = {.staple = (unsigned char *)"x", .staple_len = 1};

	assert_true(tls_staple_is_current(&s));
	s.staple_until_s = time(NULL) + 60;
	assert_true(tls_staple_is_current(&s));
	s.staple_until_s = time(NULL) - 1;
	assert_false(tls_staple_is_current(&s));
}

static void a_staple_that_is_none_is_refused(void **state)
{
	struct tls_pair pair = files("ec_b");
	struct tls_failure f = {0};
	struct tls_ctx *none = NULL;

	pair.ocsp_file = in_dir("ec_b.crt");
	assert_true(tls_server_ctx_new(&(struct tls_server_opts){.pairs = &pair, .n_pairs = 1},
			    &none, &f) < 0);
	assert_int_equal(f.event, EV_CERT_OCSP_BAD);
	pair.ocsp_file = in_dir("none");
	assert_int_equal(tls_server_ctx_new(&(struct tls_server_opts){.pairs = &pair, .n_pairs = 1},
				 &none, &f),
		-ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_name_chooses_and_the_hash_follows),
		cmocka_unit_test(a_client_that_knows_rsa_only_gets_the_rsa_one_of_that_name),
		cmocka_unit_test(the_staple_goes_out_with_its_certificate_only),
		cmocka_unit_test(a_staple_that_does_not_belong_is_left_out_with_a_note),
		cmocka_unit_test(a_staple_goes_out_no_longer_than_it_is_good),
		cmocka_unit_test(a_staple_that_is_none_is_refused),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
