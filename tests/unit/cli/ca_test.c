// SPDX-License-Identifier: Apache-2.0
/* cli/ca*.c: an authority, its certificates, their revocation, and the authorities of others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>

#include "base/clock.h"
#include "cli/cmd.h"
#include "tls/ca.h"
#include "unit/cli/run.h"
#include "unit/store/state.h"

#define CA(...)                                                                                    \
	run_command(cmd_ca, "pass\n",                                                              \
		(const char *const[]){                                                             \
			"ca", __VA_ARGS__, "--state", ((struct state *)*state)->folder, NULL})
#define ISSUE(name, file) CA("issue", name, "--out", file, "--p12-password-file", "-")

static char p12[128];

static int setup(void **state)
{
	state_setup(state);
	snprintf(p12, sizeof(p12), "%s/user.p12", ((struct state *)*state)->folder);
	return 0;
}

static json_t *listed(void **state)
{
	struct said said = CA("list", "--json");
	json_t *o = json_loads(said.out, 0, NULL);

	if (!o)
		fail_msg("%s%s", said.out, said.err);
	return o;
}

static json_t *rows(const json_t *all, const char *kind)
{
	return json_object_get(all, kind);
}

static const char *text_at(const json_t *o, const char *key)
{
	return json_string_value(json_object_get(o, key));
}

/* The state of the only certificate. */
static void assert_certificate(void **state, const char *user, const char *is)
{
	json_t *all = listed(state);

	assert_int_equal(json_array_size(rows(all, "certificates")), 1);
	assert_string_equal(text_at(json_array_get(rows(all, "certificates"), 0), "user"), user);
	assert_string_equal(text_at(json_array_get(rows(all, "certificates"), 0), "state"), is);
	json_decref(all);
}

static void only_one_authority_is_our_own(void **state)
{
	json_t *all;

	assert_int_equal(CA("init", "--name", "Test users").code, CMD_OK);
	assert_int_not_equal(CA("init").code, CMD_OK);
	all = listed(state);
	assert_int_equal(json_array_size(rows(all, "authorities")), 1);
	assert_string_equal(
		text_at(json_array_get(rows(all, "authorities"), 0), "name"), "Test users");
	json_decref(all);
}

static void a_name_that_is_no_line_is_refused(void **state)
{
	char wide[80];

	memset(wide, 'w', sizeof(wide) - 1);
	wide[sizeof(wide) - 1] = '\0';
	assert_int_equal(CA("init", "--name", "a\nb").code, CMD_USAGE);
	assert_int_equal(CA("init", "--name", wide).code, CMD_USAGE);
	assert_int_equal(CA("init", "--key", "dsa").code, CMD_USAGE);
	assert_int_equal(CA("init", "--days", "0").code, CMD_USAGE);
	assert_int_equal(CA("init", "--days", "40000").code, CMD_USAGE);
}

static void a_certificate_goes_into_a_file_that_others_cannot_read(void **state)
{
	struct said said;
	struct stat st;

	CA("init");
	said = ISSUE("alice", p12);
	assert_int_equal(said.code, CMD_OK);
	assert_non_null(strstr(said.err, "there is no user \"alice\" yet"));
	assert_int_equal(stat(p12, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_true(st.st_size > 1000);
	assert_certificate(state, "alice", "good");
}

/* A file that is there may be another user's; nothing is issued then. */
static void an_existing_file_is_not_replaced(void **state)
{
	FILE *f = fopen(p12, "w");
	json_t *all;

	fputs("mine", f);
	fclose(f);
	CA("init");
	assert_int_not_equal(ISSUE("alice", p12).code, CMD_OK);
	all = listed(state);
	assert_int_equal(json_array_size(rows(all, "certificates")), 0);
	json_decref(all);
}

static void what_issue_needs_is_said(void **state)
{
	struct said said = ISSUE("alice", p12);

	assert_int_not_equal(said.code, CMD_OK); /* no authority, and no database */
	CA("init");
	said = CA("issue", "alice");
	assert_int_equal(said.code, CMD_USAGE);
	assert_non_null(strstr(said.err, "--out"));
	assert_int_equal(ISSUE("", p12).code, CMD_USAGE);
	assert_int_equal(ISSUE("CORP\\alice", p12).code, CMD_USAGE);
	assert_int_equal(access(p12, F_OK), -1);
}

static void the_users_spelling_is_that_of_the_database(void **state)
{
	struct db *db = state_open(*state);

	state_add_user(db, "Alice", "x", false);
	db_close(db);
	CA("init");
	assert_null(strstr(ISSUE("ALICE", p12).err, "there is no user"));
	assert_certificate(state, "Alice", "good");
}

/* ---- revoke ---- */

static void a_users_certificates_are_revoked_by_name(void **state)
{
	CA("init");
	ISSUE("alice", p12);
	assert_int_not_equal(CA("revoke", "bob").code, CMD_OK);
	assert_certificate(state, "alice", "good");
	assert_string_equal(CA("revoke", "alice").out, "1 certificate of alice revoked\n");
	assert_certificate(state, "alice", "revoked");
	assert_int_not_equal(CA("revoke", "alice").code, CMD_OK); /* none that is good is left */
}

static void one_is_revoked_by_its_serial_number(void **state)
{
	char serial[64];
	json_t *all;

	CA("init");
	ISSUE("alice", p12);
	all = listed(state);
	snprintf(serial, sizeof(serial), "%s",
		text_at(json_array_get(rows(all, "certificates"), 0), "serial"));
	json_decref(all);
	for (char *p = serial; *p; p++) /* as other programs print it */
		*p = (char)(*p >= 'A' && *p <= 'F' ? *p + 32 : *p);
	assert_int_not_equal(CA("revoke", "--serial", "01").code, CMD_OK);
	assert_int_equal(CA("revoke", "--serial", serial).code, CMD_OK);
	assert_certificate(state, "alice", "revoked");
}

static void thumbprints_are_read_in_any_form(void **state)
{
	static const char *const forms[] = {"00112233445566778899aabbccddeeff00112233",
		"00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33",
		"\xe2\x80\x8e\x30\x30 11 22 33 44 55 66 77 88 99 aa bb cc dd ee ff 00 11 22 33"};
	static const char *const wrong[] = {"", "0011", "g0112233445566778899aabbccddeeff00112233",
		"00112233445566778899aabbccddeeff0011223344"};
	json_t *all;

	CA("init");
	for (size_t i = 0; i < sizeof(forms) / sizeof(*forms); i++)
		assert_int_equal(CA("revoke", "--thumbprint", forms[i]).code, CMD_OK);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		assert_int_equal(CA("revoke", "--thumbprint", wrong[i]).code, CMD_USAGE);
	all = listed(state);
	assert_int_equal(json_array_size(rows(all, "revoked")), 1);
	assert_string_equal(
		text_at(json_array_get(rows(all, "revoked"), 0), "thumbprint"), forms[0]);
	json_decref(all);
}

/* A listing of another program: what is no thumbprint is passed over. */
static void a_list_of_thumbprints_is_found_among_other_words(void **state)
{
	char path[128];
	json_t *all;
	FILE *f;

	CA("init");
	snprintf(path, sizeof(path), "%s/list", ((struct state *)*state)->folder);
	f = fopen(path, "w");
	fputs("Thumbprint                                Subject\n"
	      "----------                                -------\n"
	      "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA  CN=one\n"
	      "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb, cccccccccccccccccccccccccccccccccccccccc\n"
	      "dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd too long\n",
		f);
	fclose(f);
	assert_int_equal(CA("revoke", "--thumbprints", path).code, CMD_OK);
	all = listed(state);
	assert_int_equal(json_array_size(rows(all, "revoked")), 3);
	json_decref(all);
	f = fopen(path, "w");
	fputs("nothing here\n", f);
	fclose(f);
	assert_int_not_equal(CA("revoke", "--thumbprints", path).code, CMD_OK);
	assert_int_equal(CA("revoke").code, CMD_USAGE);
}

/* ---- others' ---- */

/* The certificate of another authority, in a file. */
static const char *foreign(struct state *s)
{
	static char path[128];
	const struct ca_root_opts opts = {
		.name = "Corp Root", .key = CA_P256, .now_s = clock_wall_s()};
	struct ca_blob cert = {0}, key = {0};
	struct tls_failure why = {0};
	FILE *f;

	snprintf(path, sizeof(path), "%s/corp.cer", s->folder);
	assert_int_equal(ca_make_root(&opts, &cert, &key, &why), 0);
	f = fopen(path, "w");
	assert_int_equal(fwrite(cert.p, 1, cert.n, f), cert.n);
	fclose(f);
	ca_blob_free(&cert);
	ca_blob_free(&key);
	return path;
}

/* Without a pattern every name of a foreign authority would be a user here. */
static void a_rule_for_a_foreign_authority_needs_a_pattern(void **state)
{
	const char *cert = foreign(*state);
	json_t *all, *ca;

	assert_int_equal(CA("import", cert, "--user-from", "upn").code, CMD_USAGE);
	assert_int_equal(CA("import", cert, "--match", "*@corp.example").code, CMD_USAGE);
	assert_int_equal(
		CA("import", cert, "--user-from", "upn", "--match", "*@*.example").code, CMD_USAGE);
	assert_int_equal(
		CA("import", cert, "--user-from", "phone", "--match", "*@corp.example").code,
		CMD_USAGE);
	assert_int_equal(
		CA("import", cert, "--user-from", "cn", "--match", "exact", "--strip").code,
		CMD_USAGE);
	assert_int_equal(CA("import", cert, "--crl-mode", "sometimes").code, CMD_USAGE);
	assert_int_equal(CA("import", cert, "--user-from", "upn,email", "--match", "*@corp.example",
				 "--strip")
				 .code,
		CMD_OK);
	all = listed(state);
	ca = json_array_get(rows(all, "authorities"), 0);
	assert_int_equal(json_array_size(rows(all, "authorities")), 1);
	assert_string_equal(text_at(ca, "match"), "*@corp.example");
	assert_true(json_is_true(json_object_get(ca, "strip")));
	assert_false(json_is_true(json_object_get(ca, "own")));
	assert_int_equal(json_array_size(json_object_get(ca, "user_from")), 2);
	json_decref(all);
}

static void a_file_that_is_no_certificate_is_refused(void **state)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/words", ((struct state *)*state)->folder);
	f = fopen(path, "w");
	fputs("hello\n", f);
	fclose(f);
	assert_int_not_equal(CA("import", path).code, CMD_OK);
	assert_int_equal(CA("import", "/nonexistent").code, CMD_FAILED);
	assert_int_equal(CA("import").code, CMD_USAGE);
}

static void wrong_use_is_told(void **state)
{
	assert_int_equal(
		run_command(cmd_ca, "", (const char *const[]){"ca", NULL}).code, CMD_USAGE);
	assert_non_null(strstr(CA("isue", "a").err, "did you mean \"issue\"?"));
	assert_int_equal(CA("list", "x").code, CMD_USAGE);
	assert_int_equal(CA("list", "--expiring", "soon").code, CMD_USAGE);
	assert_int_equal(CA("set", "a").code, CMD_USAGE);
	assert_int_equal(CA("list").code, CMD_FAILED); /* no database is made to look at */
	assert_int_equal(access(((struct state *)*state)->file, F_OK), -1);
}

static void those_that_end_soon_are_listed(void **state)
{
	json_t *all;

	CA("init");
	CA("issue", "alice", "--out", p12, "--p12-password-file", "-", "--days", "20");
	all = json_loads(CA("list", "--expiring", "4w", "--json").out, 0, NULL);
	assert_int_equal(json_array_size(rows(all, "certificates")), 1);
	json_decref(all);
	all = json_loads(CA("list", "--expiring", "2w", "--json").out, 0, NULL);
	assert_int_equal(json_array_size(rows(all, "certificates")), 0);
	json_decref(all);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, state_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(only_one_authority_is_our_own),
		CASE(a_name_that_is_no_line_is_refused),
		CASE(a_certificate_goes_into_a_file_that_others_cannot_read),
		CASE(an_existing_file_is_not_replaced),
		CASE(what_issue_needs_is_said),
		CASE(the_users_spelling_is_that_of_the_database),
		CASE(a_users_certificates_are_revoked_by_name),
		CASE(one_is_revoked_by_its_serial_number),
		CASE(thumbprints_are_read_in_any_form),
		CASE(a_list_of_thumbprints_is_found_among_other_words),
		CASE(a_rule_for_a_foreign_authority_needs_a_pattern),
		CASE(a_file_that_is_no_certificate_is_refused),
		CASE(wrong_use_is_told),
		CASE(those_that_end_soon_are_listed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
