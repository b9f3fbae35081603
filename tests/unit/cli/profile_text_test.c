// SPDX-License-Identifier: Apache-2.0
/* Profiles as text: what is taken survives being printed; what is not is said with its line. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "cli/profile_text.h"

static struct profile *parse(const char *text)
{
	struct profile_fault fault = {0};
	struct profile *p = NULL;

	if (profile_parse(text, strlen(text), false, &p, &fault) < 0)
		fail_msg("line %u: %s", fault.line, fault.text);
	return p;
}

static void expect_fault(const char *text, bool invite, unsigned line, const char *words)
{
	struct profile_fault fault = {0};
	struct profile *p = NULL;

	assert_int_equal(profile_parse(text, strlen(text), invite, &p, &fault), -EINVAL);
	assert_null(p);
	assert_int_equal(fault.line, line);
	if (!strstr(fault.text, words))
		fail_msg("expected \"%s\" in \"%s\"", words, fault.text);
}

static void expect_print(const struct profile *p, bool any, const char *want)
{
	char *text = NULL;
	size_t n = 0;
	FILE *out = open_memstream(&text, &n);

	profile_print(p, any, out);
	fclose(out);
	assert_string_equal(text, want);
	free(text);
}

static void keys_are_connects_options(void **state)
{
	struct profile *p = parse("[connect]\n"
				  "server = alice@vpn.example:444, other.example\n"
				  "lock = yes # a comment\n"
				  "insecure = no\n"
				  "auth = mschapv2 eap-tls\n"
				  "route = 10.1.0.0/16 10.2.0.0/16\n"
				  "route = 10.3.0.0/16\n"
				  "ca = \"/a b\\\"c\"\n");

	assert_string_equal(profile_get(p, PROFILE_SERVER), "alice@vpn.example:444");
	assert_null(profile_get(p, CONNECT_INSECURE));
	expect_print(p, false,
		"server = alice@vpn.example:444\nserver = other.example\n"
		"auth = \"mschapv2,eap-tls\"\nca = \"/a b\\\"c\"\n"
		"route = 10.1.0.0/16\nroute = 10.2.0.0/16\nroute = 10.3.0.0/16\nlock = yes\n");
	expect_print(p, true,
		"server = alice@vpn.example:444\nserver = other.example\nauth = \"mschapv2,eap-tls\"\n"
		"route = 10.1.0.0/16\nroute = 10.2.0.0/16\nroute = 10.3.0.0/16\n");
	profile_free(p);
}

static void every_row_is_a_key_and_survives_being_printed(void **state)
{
	for (int id = 0; id < CONNECT_IDS; id++) {
		const struct connect_option *row = connect_option((enum connect_id)id);
		char text[200];
		struct profile *p;

		snprintf(text, sizeof(text), "%s = %s\n", row->name,
			row->kind == CONNECT_FLAG ? "yes" : "\"a b\"");
		p = parse(text);
		assert_int_equal(p->n, 1);
		assert_int_equal(p->item[0].id, id);
		expect_print(p, false, text);
		profile_free(p);
	}
}

static void faults_have_their_line(void **state)
{
	expect_fault("server = x\nrotue = 10.0.0.0/8\n", false, 2, "did you mean route?");
	expect_fault("mtu = 1\n# x\nmtu = 2\n", false, 3, "it stands in line 1 already");
	expect_fault("\n[other]\nmtu = 1\n", false, 2, "expected no section but [connect]");
	expect_fault("lock = maybe\n", false, 1, "expected yes or no");
	expect_fault("mtu =\n", false, 1, "expected a value");
	expect_fault("mtu = 1 2\n", false, 1, "expected one text");
	expect_fault("password-file = -\n", false, 1, "no standard input");
	expect_fault("user = \"a\x1b\"\n", false, 1, "control characters");
	expect_fault("user = \"a\n", false, 1, "closing");
	expect_fault("password = x\n", false, 1, "there is no key password");
}

static void values_are_counted(void **state)
{
	struct profile *p = profile_new();

	for (size_t i = 0; i < PROFILE_ITEMS_MAX; i++)
		assert_int_equal(profile_put(p, CONNECT_ROUTE, "10.0.0.0/8", 0), 0);
	assert_int_equal(profile_put(p, CONNECT_ROUTE, "10.0.0.0/8", 0), -E2BIG);
	assert_int_equal(profile_put(p, CONNECT_MTU, "1", 0), -E2BIG);
	profile_drop(p, CONNECT_ROUTE);
	assert_int_equal(p->n, 0);
	assert_int_equal(profile_put(p, CONNECT_MTU, "1", 0), 0);
	assert_int_equal(profile_put(p, CONNECT_MTU, "2", 0), 0);
	assert_string_equal(profile_get(p, CONNECT_MTU), "2");
	profile_free(p);
}

/* What a stranger's file may set: nothing of this machine, nothing that weakens a check. */
static void an_invite_sets_what_is_harmless(void **state)
{
	static const char text[] =
		"name = work\nserver = bob@vpn.example\npin = sha256//AAAA\n"
		"ca-data = TUlJQ0xURDBkREpCZ0lKQUpmTVJUUWJqY1gwTUFvR0NDcUdTTTQ5QkFNQ01E"
		"QXhEREFLQmdO\npassword = \"a\\\"b\"\nca-data = QUJD\n";
	struct profile_fault fault = {0};
	struct profile *p = NULL;

	assert_int_equal(profile_parse(text, strlen(text), true, &p, &fault), 0);
	assert_string_equal(p->name, "work");
	assert_string_equal(p->secrets.value[0], "a\"b");
	assert_string_equal(p->ca,
		"-----BEGIN CERTIFICATE-----\n"
		"TUlJQ0xURDBkREpCZ0lKQUpmTVJUUWJqY1gwTUFvR0NDcUdTTTQ5QkFNQ01EQXhE\nREFLQmdO\n"
		"-----END CERTIFICATE-----\n-----BEGIN CERTIFICATE-----\nQUJD\n"
		"-----END CERTIFICATE-----\n");
	profile_free(p);
	for (int id = 0; id < CONNECT_IDS; id++) {
		const struct connect_option *row = connect_option((enum connect_id)id);
		char line[100];

		snprintf(line, sizeof(line), "%s = yes\n", row->name);
		if (row->from == CONNECT_OWN)
			expect_fault(line, true, 1, "may not set this");
	}
	expect_fault("name = ../x\n", true, 1, "expected letters");
	expect_fault("ca-data = a-b\n", true, 1, "DER as base64");
	expect_fault("password = \n", true, 1, "expected a secret");
}

static void names(void **state)
{
	static const char *const good[] = {"a", "work", "A-1_b.c", "9"};
	static const char *const bad[] = {"", ".", "..", ".a", "-a", "_a", "a/b", "a b", "a..b",
		"\xc3\xa9", "a\n",
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};

	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		assert_true(profile_name_ok(good[i]));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_false(profile_name_ok(bad[i]));
}

static void expect_no_secrets(const char *text, unsigned line)
{
	struct profile_fault fault = {0};
	struct profile_secrets s;

	assert_int_equal(profile_secrets_parse(text, strlen(text), &s, &fault), -EINVAL);
	assert_int_equal(fault.line, line);
	assert_null(strstr(fault.text, "hush")); /* an error goes to a log */
}

static void secrets_survive_being_printed(void **state)
{
	struct profile_secrets s = {.value = {"a\"b\\c# ,", "", "x"}}, again;
	struct profile_fault fault = {0};
	char *text = NULL;
	size_t n = 0;
	FILE *out = open_memstream(&text, &n);

	profile_secrets_print(&s, out);
	fclose(out);
	assert_int_equal(profile_secrets_parse(text, n, &again, &fault), 0);
	assert_memory_equal(&s, &again, sizeof(s));
	free(text);
	expect_no_secrets("password = hush hush\n", 1);
	expect_no_secrets("password = \"hush\n", 1);
	expect_no_secrets("#\npassword = hush\npassword = hush\n", 3);
	expect_no_secrets("hush = 1\n", 1);
	expect_no_secrets("password = \"hush\x01\"\n", 1);
}

/* A command line goes before a profile; lists are both. */
static void a_command_line_goes_before_a_profile(void **state)
{
	struct profile *p =
		parse("server = alice@a.example\nmtu = 1300\nroute = 10.1.0.0/16\nlock = yes\n");
	char *argv[] = {
		"connect", "--mtu", "1400", "--route", "10.2.0.0/16", "--user", "bob", NULL};
	struct connect_options co;

	connect_options_init(&co);
	optind = 0;
	assert_int_equal(connect_command_line(&co, 7, argv), 0);
	assert_int_equal(profile_apply(p, "file", &co), 0);
	assert_int_equal(co.client.mtu, 1400);
	assert_int_equal(co.client.n_routes, 2);
	assert_true(co.client.lock);
	assert_string_equal(co.target.user, "bob");
	assert_string_equal(co.target.host, "a.example");
	connect_options_done(&co);
	profile_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_are_connects_options),
		cmocka_unit_test(every_row_is_a_key_and_survives_being_printed),
		cmocka_unit_test(faults_have_their_line),
		cmocka_unit_test(values_are_counted),
		cmocka_unit_test(an_invite_sets_what_is_harmless),
		cmocka_unit_test(names),
		cmocka_unit_test(secrets_survive_being_printed),
		cmocka_unit_test(a_command_line_goes_before_a_profile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
