// SPDX-License-Identifier: Apache-2.0
/* server/host/certificates.c: made once, for all names, renewed with the old keys; and their end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "server/core/snapshot.h"
#include "server/host/certificates.h"
#include "tls/cert.h"
#include "tls/ctx.h"
#include "unit/server/host/host.h"

static struct tls_failure why;

static struct cert_info info_of(const char *name)
{
	struct cert_info info;

	if (cert_info_load(in_folder(name), &info, &why) < 0)
		fail_msg("%s: %s", name, why.text);
	return info;
}

static void make(bool renew)
{
	if (certificates_make(context.config, renew, &why) < 0)
		fail_msg("%s", why.text);
}

static bool same_file(const char *name, const struct stat *before)
{
	struct stat st;

	assert_int_equal(stat(in_folder(name), &st), 0);
	return st.st_ino == before->st_ino && st.st_size == before->st_size;
}

/* ---- which ---- */

static void given_ones_are_listed_in_their_order(void **state)
{
	struct certificate_files files;

	(void)state;
	configure("[tls]\ncertificate = /a.crt /b.crt\nkey = /a.key /b.key\n"
		  "ocsp = /a.ocsp\n");
	certificates_list(context.config, &files);
	assert_false(files.generated);
	assert_int_equal(files.n, 2);
	assert_string_equal(files.item[0].cert, "/a.crt");
	assert_string_equal(files.item[0].ocsp, "/a.ocsp");
	assert_string_equal(files.item[1].key, "/b.key");
	assert_string_equal(files.item[1].ocsp, "");
}

static void without_any_ours_are_in_the_state_folder_p256_first(void **state)
{
	struct certificate_files files;

	(void)state;
	certificates_list(context.config, &files);
	assert_true(files.generated);
	assert_int_equal(files.n, 2);
	assert_string_equal(files.item[0].cert, in_folder("server-p256.crt"));
	assert_string_equal(files.item[0].key, in_folder("server.key"));
	assert_string_equal(files.item[1].key, in_folder("server-rsa.key"));
}

/* ---- making ---- */

static void both_are_made_and_bundled_and_then_left_alone(void **state)
{
	struct stat cert, key;
	char bundle[16384];
	FILE *f;
	size_t n;

	(void)state;
	configure("name = m\xc3\xbcller.example\nlisten = 192.0.2.77:443\n");
	make(false);
	assert_int_equal(said(EV_CERT_MADE), 2);
	assert_string_equal(info_of("server-p256.crt").key, "EC P-256");
	assert_string_equal(info_of("server-rsa.crt").key, "RSA-2048");
	assert_string_equal(info_of("server-p256.crt").subject, "xn--mller-kva.example");
	assert_true(cert_is_for(in_folder("server-rsa.crt"), "xn--mller-kva.example"));
	assert_true(cert_is_for(in_folder("server-p256.crt"), "192.0.2.77"));
	assert_false(cert_is_for(in_folder("server-p256.crt"), "0.0.0.0"));
	stat(in_folder("server.key"), &key);
	assert_int_equal(key.st_mode & 0777, 0600);
	f = fopen(in_folder("server.crt"), "re");
	n = fread(bundle, 1, sizeof(bundle) - 1, f);
	bundle[n] = '\0';
	fclose(f);
	assert_non_null(strstr(strstr(bundle, "BEGIN CERTIFICATE") + 1, "BEGIN CERTIFICATE"));
	stat(in_folder("server-p256.crt"), &cert);
	make(false); /* a second start */
	assert_int_equal(said(EV_CERT_MADE), 2);
	assert_true(same_file("server-p256.crt", &cert));
	assert_int_equal(unlink(in_folder("server.crt")), 0); /* only that is made again */
	make(false);
	assert_true(same_file("server-p256.crt", &cert));
	assert_int_equal(access(in_folder("server.crt"), R_OK), 0);
}

static void a_renewal_keeps_keys_and_names_and_adds_new_ones(void **state)
{
	struct cert_info before;

	(void)state;
	configure("name = old.example\n");
	make(false);
	before = info_of("server-p256.crt");
	configure("name = new.example\n");
	make(true);
	assert_string_equal(info_of("server-p256.crt").pin, before.pin);
	assert_memory_not_equal(info_of("server-p256.crt").sha256, before.sha256, SHA256_LEN);
	assert_true(cert_is_for(in_folder("server-p256.crt"), "new.example"));
	assert_true(cert_is_for(in_folder("server-p256.crt"), "old.example"));
	assert_string_equal(info_of("server-p256.crt").subject, "new.example");
}

/* More names than a report has room for: none is lost, and none is cut to another name. */
static void a_renewal_keeps_many_long_names(void **state)
{
	char more[3000] = "name =";

	(void)state;
	for (int i = 0; i < 16; i++)
		snprintf(more + strlen(more), sizeof(more) - strlen(more),
			" a-rather-long-name-number-%02d.of-a-long-domain.example", i);
	configure(strcat(more, "\n"));
	make(false);
	configure("");
	make(true);
	assert_true(cert_is_for(in_folder("server-p256.crt"),
		"a-rather-long-name-number-00.of-a-long-domain.example"));
	assert_true(cert_is_for(in_folder("server-p256.crt"),
		"a-rather-long-name-number-15.of-a-long-domain.example"));
}

static void given_ones_are_never_made(void **state)
{
	(void)state;
	configure("[tls]\ncertificate = /nowhere.crt\nkey = /nowhere.key\n");
	make(true);
	assert_int_equal(access("/nowhere.crt", F_OK), -1);
	assert_int_equal(access(in_folder("server.crt"), F_OK), -1);
}

static void a_folder_that_cannot_be_written_to_is_named(void **state)
{
	(void)state;
	configure_below("/none", "");
	assert_true(certificates_make(context.config, false, &why) < 0);
	assert_non_null(strstr(why.text, in_folder("none")));
}

/* ---- reading ---- */

static void a_snapshot_gets_context_pin_and_fingerprint(void **state)
{
	struct snapshot *s;
	char more[500];

	(void)state;
	make(false);
	snprintf(more, sizeof(more), "[balancer]\naccept_certificates = %s\n",
		in_folder("server-rsa.crt"));
	configure(more);
	assert_int_equal(snapshot_new(context.config, &s), 0);
	if (certificates_load(s, &why) < 0)
		fail_msg("%s", why.text);
	assert_non_null(s->tls);
	assert_string_equal(s->pin, info_of("server-p256.crt").pin);
	assert_int_equal(strlen(s->fingerprint), 64);
	assert_int_equal(s->n_accepted, 1);
	assert_memory_equal(s->accepted[0].sha256, info_of("server-rsa.crt").sha256, SHA256_LEN);
	snapshot_free(s);
}

static void a_damaged_file_is_named_by_load_and_by_try(void **state)
{
	struct snapshot *s;

	(void)state;
	make(false);
	put_file("server-rsa.crt", "no certificate");
	assert_int_equal(snapshot_new(context.config, &s), 0);
	assert_true(certificates_load(s, &why) < 0);
	assert_non_null(strstr(why.text, "server-rsa.crt"));
	snapshot_free(s);
	assert_true(certificates_try(context.config, NULL, NULL, &why) < 0);
	assert_non_null(strstr(why.text, "server-rsa.crt"));
}

static void a_key_of_another_certificate_is_refused(void **state)
{
	(void)state;
	make(false);
	assert_int_equal(rename(in_folder("server-rsa.key"), in_folder("server.key")), 0);
	put_file("server-rsa.key", "");
	assert_true(certificates_try(context.config, NULL, NULL, &why) < 0);
}

/* config check before the first start */
static void ours_that_are_not_made_yet_are_no_fault(void **state)
{
	(void)state;
	assert_int_equal(certificates_try(context.config, NULL, NULL, &why), 0);
	assert_int_equal(access(in_folder("server.crt"), F_OK), -1); /* and are not made by it */
}

/* ---- the end of their time ---- */

#define DAY (24 * 3600)

static void each_term_is_logged_once_and_a_renewal_begins_again(void **state)
{
	struct certificate_terms terms = {0};
	int64_t end;

	(void)state;
	make(false);
	end = info_of("server-p256.crt").not_after_s;
	forget_events();
	certificates_warn(context.config, &terms, end - 30 * DAY);
	assert_int_equal(n_logged, 0);
	certificates_warn(context.config, &terms, end - 20 * DAY);
	assert_int_equal(said(EV_CERT_ENDS_SOON), 2); /* P-256 and RSA */
	assert_non_null(strstr(logged_text[0], "days=20"));
	certificates_warn(context.config, &terms, end - 19 * DAY);
	assert_int_equal(said(EV_CERT_ENDS_SOON), 2);
	certificates_warn(context.config, &terms, end - 6 * DAY);
	assert_int_equal(said(EV_CERT_ENDS_SOON), 4);
	certificates_warn(context.config, &terms, end + DAY);
	certificates_warn(context.config, &terms, end + 2 * DAY);
	assert_int_equal(said(EV_CERT_OVER), 2);
	terms.not_after[0]--; /* as after a renewal: another end */
	certificates_warn(context.config, &terms, end - 20 * DAY);
	assert_int_equal(said(EV_CERT_ENDS_SOON), 5);
}

static void a_file_that_cannot_be_read_has_no_term(void **state)
{
	struct certificate_terms terms = {0};

	(void)state;
	configure("[tls]\ncertificate = /nowhere.crt\nkey = /nowhere.key\n");
	certificates_warn(context.config, &terms, clock_wall_s());
	assert_int_equal(n_logged, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(given_ones_are_listed_in_their_order),
		CASE(without_any_ours_are_in_the_state_folder_p256_first),
		CASE(both_are_made_and_bundled_and_then_left_alone),
		CASE(a_renewal_keeps_keys_and_names_and_adds_new_ones),
		CASE(a_renewal_keeps_many_long_names),
		CASE(given_ones_are_never_made),
		CASE(a_folder_that_cannot_be_written_to_is_named),
		CASE(a_snapshot_gets_context_pin_and_fingerprint),
		CASE(a_damaged_file_is_named_by_load_and_by_try),
		CASE(a_key_of_another_certificate_is_refused),
		CASE(ours_that_are_not_made_yet_are_no_fault),
		CASE(each_term_is_logged_once_and_a_renewal_begins_again),
		CASE(a_file_that_cannot_be_read_has_no_term),
	};

	return cmocka_run_group_tests_name("server/host/certificates", tests, NULL, NULL);
}
