// SPDX-License-Identifier: Apache-2.0
/* Contexts: what files and settings are taken, and what is said of those that are not. */
#include "unit/tls/pair.h"

static struct made rsa, rsa2, ec;

static void write_text(const char *name, const char *text)
{
	FILE *f = fopen(in_dir(name), "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static int setup(void **state)
{
	FILE *f;

	if (make_test_dir(state))
		return -1;
	rsa = make((struct wish){.cn = "a", .san = "DNS:a.test"});
	rsa2 = make((struct wish){.cn = "b", .san = "DNS:b.test"});
	ec = make((struct wish){.cn = "c", .san = "DNS:c.test", .ec = true});
	write_made("rsa", &rsa, NULL);
	write_made("rsa2", &rsa2, NULL);
	write_made("ec", &ec, NULL);
	write_text("empty", "");
	write_text("text", "no PEM here\n");
	write_text("cut", "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n");
	f = fopen(in_dir("locked.key"), "w");
	PEM_write_PrivateKey(
		f, rsa.key, EVP_aes_256_cbc(), (const unsigned char *)"pw", 2, NULL, NULL);
	fclose(f);
	return 0;
}

static int teardown(void **state)
{
	made_done(&rsa);
	made_done(&rsa2);
	made_done(&ec);
	return remove_test_dir(state);
}

static void server_files_that_do_not_fit_are_named(void **state)
{
	static const struct {
		const char *crt, *key;
		int error;
		enum event event;
		const char *text;
	} rows[] = {
		{"none.crt", "rsa.key", -ENOENT, EV_CERT_FILE_UNREADABLE,
			"/none.crt: No such file"},
		{"rsa.crt", "none.key", -ENOENT, EV_CERT_FILE_UNREADABLE,
			"/none.key: No such file"},
		{"empty", "rsa.key", -EINVAL, EV_CERT_FILE_MALFORMED, "/empty: no start line"},
		{"text", "rsa.key", -EINVAL, EV_CERT_FILE_MALFORMED, "/text: no start line"},
		{"cut", "rsa.key", -EINVAL, EV_CERT_FILE_MALFORMED, "/cut: "},
		{"rsa.crt", "rsa.crt", -EINVAL, EV_CERT_FILE_MALFORMED, "/rsa.crt: no private key"},
		{"rsa.crt", "empty", -EINVAL, EV_CERT_FILE_MALFORMED, "/empty: no private key"},
		{"rsa.crt", "rsa2.key", -EKEYREJECTED, EV_CERT_KEY_MISMATCH, "/rsa.crt and "},
		{"rsa.crt", "ec.key", -EKEYREJECTED, EV_CERT_KEY_MISMATCH, "/ec.key"},
		{"rsa.crt", "locked.key", -EACCES, EV_CERT_KEY_ENCRYPTED, "/locked.key"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct tls_pair pair = {in_dir(rows[i].crt), in_dir(rows[i].key), NULL};
		struct tls_server_opts opts = {.pairs = &pair, .n_pairs = 1};
		struct tls_ctx *ctx = NULL;
		struct tls_failure f = {0};

		if (tls_server_ctx_new(&opts, &ctx, &f) != rows[i].error ||
			f.event != rows[i].event)
			fail_msg("row %zu: %d %s", i, f.event, f.text);
		if (!strstr(f.text, rows[i].text))
			fail_msg("\"%s\" is not in: %s", rows[i].text, f.text);
		assert_null(ctx);
		assert_true(tls_server_ctx_new(&opts, &ctx, NULL) < 0);
	}
}

static void pairs_of_different_kinds_stand_side_by_side_and_of_the_same_do_not(void **state)
{
	struct tls_pair both[] = {{in_dir("rsa.crt"), in_dir("rsa.key"), NULL},
		{in_dir("ec.crt"), in_dir("ec.key"), NULL}};
	struct tls_pair twice[] = {{in_dir("rsa.crt"), in_dir("rsa.key"), NULL},
		{in_dir("rsa.crt"), in_dir("rsa.key"), NULL}};
	struct tls_pair two_names[] = {{in_dir("rsa.crt"), in_dir("rsa.key"), NULL},
		{in_dir("rsa2.crt"), in_dir("rsa2.key"), NULL}};
	struct tls_failure f = {0};
	struct tls_ctx *ctx;

	assert_int_equal(tls_server_ctx_new(
				 &(struct tls_server_opts){.pairs = both, .n_pairs = 2}, &ctx, &f),
		0);
	tls_ctx_free(ctx);
	assert_int_equal(tls_server_ctx_new(
				 &(struct tls_server_opts){.pairs = twice, .n_pairs = 2}, &ctx, &f),
		-EEXIST);
	assert_int_equal(f.event, EV_TLS_SETTING);
	assert_int_equal(
		tls_server_ctx_new(
			&(struct tls_server_opts){.pairs = two_names, .n_pairs = 2}, &ctx, &f),
		0);
	tls_ctx_free(ctx);
	assert_int_equal(tls_server_ctx_new(&(struct tls_server_opts){0}, &ctx, &f), -EINVAL);
}

static void versions_other_than_1_2_and_1_3_are_refused(void **state)
{
	static const char *const bad[] = {"1.0", "1.1", "1.4", "TLSv1.2", "tlc1.2", ""};
	struct tls_failure f = {0};
	struct tls_ctx *ctx;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct tls_client_opts opts = {.min_version = bad[i]};

		assert_int_equal(tls_client_ctx_new(&opts, &ctx, &f), -EINVAL);
		assert_int_equal(f.event, EV_TLS_SETTING);
	}
	assert_int_equal(
		tls_client_ctx_new(&(struct tls_client_opts){.min_version = "1.3"}, &ctx, &f), 0);
	tls_ctx_free(ctx);
}

static void pins_that_cannot_be_read_are_refused(void **state)
{
	static const char *const bad[] = {"", "sha256//",
		"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", "sha256//AAAA",
		"sha1//AAAAAAAAAAAAAAAAAAAAAAAAAAA=",
		"sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
		"sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=x",
		"sha256//AAAAAAAAAAAAAAAAAAAAAA AAAAAAAAAAAAAAAAAAAAA="};
	struct tls_failure f = {0};
	struct tls_ctx *ctx = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct tls_client_opts opts = {.pins = &bad[i], .n_pins = 1};

		if (tls_client_ctx_new(&opts, &ctx, &f) != -EINVAL)
			fail_msg("%s", bad[i]);
		assert_int_equal(f.event, EV_CERT_PIN_MALFORMED);
	}
	assert_int_equal(tls_client_ctx_new(
				 &(struct tls_client_opts){.pins = bad, .n_pins = TLS_PINS_MAX + 1},
				 &ctx, &f),
		-E2BIG);
	assert_null(ctx);
}

static void a_ca_file_that_cannot_be_read_is_named(void **state)
{
	static const struct {
		const char *file;
		enum event event;
	} rows[] = {{"none", EV_CERT_FILE_UNREADABLE}, {"text", EV_CERT_FILE_MALFORMED},
		{"rsa.key", EV_CERT_FILE_MALFORMED}};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct tls_client_opts opts = {.ca_file = in_dir(rows[i].file)};
		struct tls_failure f = {0};
		struct tls_ctx *ctx = NULL;

		assert_true(tls_client_ctx_new(&opts, &ctx, &f) < 0);
		assert_int_equal(f.event, rows[i].event);
		assert_null(ctx);
	}
}

static void the_last_holder_frees_a_context(void **state)
{
	struct tls_ctx *ctx = server_of("rsa.crt", "rsa.key");

	assert_ptr_equal(tls_ctx_ref(ctx), ctx);
	tls_ctx_free(ctx);
	struct tls *t;

	assert_int_equal(tls_new(ctx, NULL, &t), 0);
	tls_ctx_free(ctx);
	tls_free(t); /* the sanitizer sees to it that this was the last */
	tls_ctx_free(NULL);
	tls_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(server_files_that_do_not_fit_are_named),
		cmocka_unit_test(
			pairs_of_different_kinds_stand_side_by_side_and_of_the_same_do_not),
		cmocka_unit_test(versions_other_than_1_2_and_1_3_are_refused),
		cmocka_unit_test(pins_that_cannot_be_read_are_refused),
		cmocka_unit_test(a_ca_file_that_cannot_be_read_is_named),
		cmocka_unit_test(the_last_holder_frees_a_context),
	};

	return cmocka_run_group_tests_name("tls/ctx", tests, setup, teardown);
}
