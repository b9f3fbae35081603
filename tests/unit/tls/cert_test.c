// SPDX-License-Identifier: Apache-2.0
/* Certificates as files: what is made, how it is written, what is read. */
#include <dirent.h>

#include "unit/tls/pair.h"

static const char *const names[] = {"vpn.test", "192.0.2.1", "2001:db8::1", "other.test"};

static struct cert_opts opts_for(enum cert_key key)
{
	return (struct cert_opts){
		.key = key, .names = names, .n_names = ARRAY_SIZE(names), .now_s = NOW};
}

static void create(struct cert_opts opts, const char *crt, const char *key)
{
	struct tls_failure f = {0};

	if (cert_create(&opts, in_dir(crt), in_dir(key), &f) < 0)
		fail_msg("%d %s", f.event, f.text);
}

static X509 *load(const char *crt)
{
	FILE *f = fopen(in_dir(crt), "r");
	X509 *x = PEM_read_X509(f, NULL, NULL, NULL);

	fclose(f);
	assert_non_null(x);
	return x;
}

static void a_made_certificate_says_what_was_asked_for(void **state)
{
	static const char *const kinds[] = {"RSA-2048", "EC P-256"};

	for (int i = 0; i < 2; i++) {
		struct cert_info info;

		create(opts_for(i ? CERT_P256 : CERT_RSA_2048), "a.crt", "a.key");
		assert_int_equal(cert_info_load(in_dir("a.crt"), &info, NULL), 0);
		assert_string_equal(info.names, "vpn.test, 192.0.2.1, 2001:db8::1, other.test");
		assert_string_equal(info.subject, "vpn.test");
		assert_string_equal(info.issuer, "vpn.test");
		assert_string_equal(info.key, kinds[i]);
		assert_true(info.self_signed);
		assert_true(info.server_auth);
		assert_int_equal(info.not_before_s, NOW - DAY);
		assert_int_equal(info.not_after_s - info.not_before_s, (int64_t)CERT_DAYS * DAY);
	}
}

static void a_made_certificate_is_a_leaf_for_servers(void **state)
{
	for (int i = 0; i < 2; i++) {
		X509 *x;

		create(opts_for(i ? CERT_P256 : CERT_RSA_2048), "a.crt", "a.key");
		x = load("a.crt");
		assert_int_equal(X509_get_version(x), X509_VERSION_3);
		assert_int_equal(X509_check_ca(x), 0);
		assert_int_equal(X509_get_extended_key_usage(x), XKU_SSL_SERVER);
		assert_int_equal(X509_get_key_usage(x),
			i ? KU_DIGITAL_SIGNATURE : KU_DIGITAL_SIGNATURE | KU_KEY_ENCIPHERMENT);
		assert_int_equal(X509_check_purpose(x, X509_PURPOSE_SSL_SERVER, 0), 1);
		assert_int_equal(ASN1_STRING_length(X509_get0_serialNumber(x)), 16);
		assert_int_equal(X509_get_signature_nid(x),
			i ? NID_ecdsa_with_SHA256 : NID_sha256WithRSAEncryption);
		assert_int_equal(X509_verify(x, X509_get0_pubkey(x)), 1);
		X509_free(x);
	}
}

static void files_have_their_modes_and_nothing_is_left_beside(void **state)
{
	struct stat st;
	struct dirent *e;
	DIR *d;

	umask(0);
	create(opts_for(CERT_P256), "m.crt", "m.key");
	assert_int_equal(stat(in_dir("m.key"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(stat(in_dir("m.crt"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0644);
	d = opendir(test_dir);
	while ((e = readdir(d)))
		assert_true(strlen(e->d_name) <= 5); /* no m.key.XXXXXX */
	closedir(d);
}

static void a_renewal_keeps_the_key_and_so_the_pin(void **state)
{
	struct cert_opts opts = opts_for(CERT_P256);
	struct cert_info before, after;

	create(opts, "r.crt", "r.key");
	assert_int_equal(cert_info_load(in_dir("r.crt"), &before, NULL), 0);
	opts.keep_key = true;
	opts.now_s += 100 * DAY;
	create(opts, "r.crt", "r.key");
	assert_int_equal(cert_info_load(in_dir("r.crt"), &after, NULL), 0);
	assert_string_equal(before.pin, after.pin);
	assert_memory_not_equal(before.sha256, after.sha256, SHA256_LEN);
	tls_ctx_free(server_of("r.crt", "r.key"));
	opts.keep_key = false;
	create(opts, "r.crt", "r.key");
	assert_int_equal(cert_info_load(in_dir("r.crt"), &after, NULL), 0);
	assert_string_not_equal(before.pin, after.pin);
	/* a key of the other kind is no key to keep */
	opts.keep_key = true;
	opts.key = CERT_RSA_2048;
	create(opts, "r.crt", "r.key");
	assert_int_equal(cert_info_load(in_dir("r.crt"), &after, NULL), 0);
	assert_string_equal(after.key, "RSA-2048");
	tls_ctx_free(server_of("r.crt", "r.key"));
}

static void a_made_certificate_serves_a_client_that_trusts_it(void **state)
{
	for (int i = 0; i < 2; i++) {
		struct tls_ctx *server, *client;

		create(opts_for(i ? CERT_P256 : CERT_RSA_2048), "s.crt", "s.key");
		server = server_of("s.crt", "s.key");
		client = client_of((struct tls_client_opts){.ca_file = in_dir("s.crt")});
		for (size_t k = 0; k < ARRAY_SIZE(names); k++) {
			struct pair *p = pair_new(server, client, names[k]);

			pair_run(p);
			assert_int_equal(tls_failure(p->client)->event, EV_NONE);
			assert_true(tls_established(p->client));
			pair_free(p);
		}
		tls_ctx_free(server);
		tls_ctx_free(client);
	}
}

static void a_long_first_name_is_no_common_name(void **state)
{
	static const char *const long_names[] = {
		"a234567890123456789012345678901234567890.b234567890123456789012345678901234567890.test"};
	struct cert_opts opts = {
		.key = CERT_P256, .names = long_names, .n_names = 1, .now_s = NOW, .days = 10};
	struct cert_info info;

	create(opts, "l.crt", "l.key");
	assert_int_equal(cert_info_load(in_dir("l.crt"), &info, NULL), 0);
	assert_string_equal(info.subject, "culvert");
	assert_string_equal(info.names, long_names[0]);
	assert_int_equal(info.not_after_s - info.not_before_s, 10 * DAY);
}

static void names_that_are_none_are_refused_and_nothing_is_written(void **state)
{
	static const char *const bad[] = {"", "a b", "a,b", "user@host", "a/b", "\n"};
	struct tls_failure f = {0};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct cert_opts opts = {
			.key = CERT_P256, .names = &bad[i], .n_names = 1, .now_s = NOW};

		assert_int_equal(cert_create(&opts, in_dir("n.crt"), in_dir("n.key"), &f), -EINVAL);
		assert_int_equal(f.event, EV_CERT_BAD_NAME);
	}
	assert_int_equal(cert_create(&(struct cert_opts){.key = CERT_P256}, in_dir("n.crt"),
				 in_dir("n.key"), &f),
		-EINVAL);
	assert_int_equal(access(in_dir("n.key"), F_OK), -1);
}

static void a_folder_that_cannot_be_written_is_named(void **state)
{
	struct cert_opts opts = opts_for(CERT_P256);
	struct tls_failure f = {0};

	assert_int_equal(
		cert_create(&opts, in_dir("none/a.crt"), in_dir("none/a.key"), &f), -ENOENT);
	assert_int_equal(f.event, EV_CERT_FILE_UNWRITABLE);
	assert_non_null(strstr(f.text, "none/a.key: No such file or directory"));
}

static void names_that_do_not_fit_are_cut_with_a_mark(void **state)
{
	static char text[CERT_NAMES_MAX][64];
	static const char *many[CERT_NAMES_MAX];
	struct cert_opts opts = {
		.key = CERT_P256, .names = many, .n_names = CERT_NAMES_MAX, .now_s = NOW};
	struct cert_info info;

	for (int i = 0; i < CERT_NAMES_MAX; i++) {
		snprintf(text[i], sizeof(text[i]), "a-rather-long-host-name-number-%02d.vpn.test",
			i);
		many[i] = text[i];
	}
	create(opts, "w.crt", "w.key");
	assert_int_equal(cert_info_load(in_dir("w.crt"), &info, NULL), 0);
	assert_true(strlen(info.names) < sizeof(info.names));
	assert_string_equal(info.names + strlen(info.names) - strlen(", …"), ", …");
}

static void a_certificate_of_others_is_read(void **state)
{
	struct made ca = make((struct wish){.cn = "some root", .ca = true, .ec = true});
	struct made leaf = make((struct wish){.cn = "leaf", .eku = "clientAuth", .issuer = &ca});
	struct cert_info info;

	write_made("o", &leaf, &ca);
	assert_int_equal(cert_info_load(in_dir("o.crt"), &info, NULL), 0);
	assert_string_equal(info.subject, "leaf");
	assert_string_equal(info.issuer, "some root");
	assert_string_equal(info.names, "");
	assert_false(info.self_signed);
	assert_false(info.server_auth);
	made_done(&leaf);
	made_done(&ca);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_made_certificate_says_what_was_asked_for),
		cmocka_unit_test(a_made_certificate_is_a_leaf_for_servers),
		cmocka_unit_test(files_have_their_modes_and_nothing_is_left_beside),
		cmocka_unit_test(a_renewal_keeps_the_key_and_so_the_pin),
		cmocka_unit_test(a_made_certificate_serves_a_client_that_trusts_it),
		cmocka_unit_test(a_long_first_name_is_no_common_name),
		cmocka_unit_test(names_that_are_none_are_refused_and_nothing_is_written),
		cmocka_unit_test(a_folder_that_cannot_be_written_is_named),
		cmocka_unit_test(names_that_do_not_fit_are_cut_with_a_mark),
		cmocka_unit_test(a_certificate_of_others_is_read),
	};

	return cmocka_run_group_tests_name("tls/cert", tests, make_test_dir, remove_test_dir);
}
