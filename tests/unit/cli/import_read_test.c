// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/hex.h"
#include "cli/import_read.h"

static char seen[4000];
static struct import_fault fault;

static int write_user(const struct imported *u, void *arg)
{
	char hash[2 * MSCHAP_NT_HASH_LEN + 1] = "";

	(void)arg;
	if (u->has_nt)
		hex_encode(u->nt_hash, sizeof(u->nt_hash), hash);
	sprintf(seen + strlen(seen), "%s|%s|%s", u->name, u->password, hash);
	for (size_t i = 0; i < u->n; i++)
		sprintf(seen + strlen(seen), "|%s=%s", u->value[i].key, u->value[i].value);
	strcat(seen, "\n");
	return !strcmp(u->name, "stop") ? 7 : 0;
}

static int reading(enum import_format format, const char *text)
{
	*seen = '\0';
	fault = (struct import_fault){0};
	return import_read(format, text, strlen(text), write_user, NULL, &fault);
}

static void chap_secrets_are_read(void **state)
{
	(void)state;
	assert_int_equal(reading(IMPORT_CHAP_SECRETS, "# Secrets for authentication using CHAP\n"
						      "# client server secret IP addresses\n\n"
						      "alice\t*\t\"two words\"\t*\r\n"
						      "bob vpn s#cret 10.8.0.7 # his\n"
						      "'a b' * x\\\"y 2001:db8::1\n"
						      "\"dom\\\\carol\" * \"\" *"),
		0);
	assert_string_equal(
		seen, "alice|two words|\nbob|s#cret||address=10.8.0.7\na b|x\"y|\ndom\\carol||\n");
}

static void wrong_lines_are_named(void **state)
{
	static const struct {
		enum import_format format;
		const char *text;
		unsigned line;
	} bad[] = {{IMPORT_CHAP_SECRETS, "alice * x\nbob *\n", 2},
		{IMPORT_CHAP_SECRETS, "alice * \"x\n", 1}, {IMPORT_CHAP_SECRETS, "* * x\n", 1},
		{IMPORT_CHAP_SECRETS, "alice * @/etc/secret\n", 1},
		{IMPORT_OCSERV, "alice:*:x\nbob\n", 2}, {IMPORT_CSV, "", 0},
		{IMPORT_CSV, "user\na\n", 1}, {IMPORT_CSV, "name,password\nalice\n", 2},
		{IMPORT_CSV, "name\n\"alice\n", 2}, {IMPORT_CSV, "name\n\"al\"ice\n", 2},
		{IMPORT_SOFTETHER, "declare root\n{\n", 2}, {IMPORT_SOFTETHER, "}\n", 1}};
	char long_line[2000];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		if (reading(bad[i].format, bad[i].text) != -EINVAL || fault.line != bad[i].line)
			fail_msg("%s: line %u", bad[i].text, fault.line);
		assert_non_null(fault.expected);
	}
	memset(long_line, 'x', sizeof(long_line));
	long_line[sizeof(long_line) - 1] = '\0';
	assert_int_equal(reading(IMPORT_CHAP_SECRETS, long_line), -EINVAL);
	assert_int_equal(reading(IMPORT_OCSERV, "alice"), -EINVAL);
}

static void csv_has_columns_in_any_order(void **state)
{
	(void)state;
	assert_int_equal(reading(IMPORT_CSV, "password,name,groups,rate_down\r\n"
					     "\"a,\"\"b\",alice,\"staff,admins\",10M\n"
					     "\n,bob,,\n"),
		0);
	assert_string_equal(seen, "alice|a,\"b||groups=staff,admins|rate_down=10M\nbob||\n");
}

static void ocpasswd_has_groups_and_a_hash_of_no_use(void **state)
{
	(void)state;
	assert_int_equal(reading(IMPORT_OCSERV,
				 "alice:*:$5$abc$def\nbob:staff,vpn:!$5$x$y\n# x\ncarol::z\n"),
		0);
	assert_string_equal(seen, "alice||\nbob|||groups=staff,vpn|disabled=yes\ncarol||\n");
}

static void softethers_users_come_with_their_nt_hash(void **state)
{
	static const char text[] =
		"# Software Configuration File\ndeclare root\n{\n"
		"\tdeclare VirtualHUB\n\t{\n\t\tdeclare DEFAULT\n\t\t{\n"
		"\t\t\tdeclare SecurityAccountDatabase\n\t\t\t{\n"
		"\t\t\t\tdeclare GroupList\n\t\t\t\t{\n\t\t\t\t\tdeclare g\n\t\t\t\t\t{\n"
		"\t\t\t\t\t}\n\t\t\t\t}\n"
		"\t\t\t\tdeclare UserList\n\t\t\t\t{\n\t\t\t\t\tdeclare alice\n\t\t\t\t\t{\n"
		"\t\t\t\t\t\tbyte AuthNtLmSecureHash AAECAwQFBgcICQoLDA0ODw==\n"
		"\t\t\t\t\t\tbyte AuthPassword AAAA\n"
		"\t\t\t\t\t\tdeclare Policy\n\t\t\t\t\t\t{\n\t\t\t\t\t\t}\n\t\t\t\t\t}\n"
		"\t\t\t\t\tdeclare bob\n\t\t\t\t\t{\n"
		"\t\t\t\t\t\tbyte AuthNtLmSecureHash AAEC\n\t\t\t\t\t}\n\t\t\t\t}\n"
		"\t\t\t}\n\t\t}\n\t}\n\tdeclare other\n\t{\n\t}\n}\n";

	(void)state;
	assert_int_equal(reading(IMPORT_SOFTETHER, text), 0);
	assert_string_equal(seen, "alice||000102030405060708090a0b0c0d0e0f\nbob||\n");
}

static void the_receiver_can_stop(void **state)
{
	(void)state;
	assert_int_equal(reading(IMPORT_CHAP_SECRETS, "stop * x\nalice * y\n"), 7);
	assert_string_equal(seen, "stop|x|\n");
}

/* Excel writes a byte order mark, PowerShell UTF-16: the one is passed over, the other is no empty list. */
static void marks_and_utf16_are_known(void **state)
{
	static const char utf16[] = "\xff\xfe"
				    "a\0 \0*\0 \0x\0\n\0";
	char text[200];

	(void)state;
	assert_int_equal(reading(IMPORT_CSV, "\xef\xbb\xbfname,password\nalice,x\n"), 0);
	assert_string_equal(seen, "alice|x|\n");
	assert_int_equal(reading(IMPORT_CHAP_SECRETS, "\xef\xbb\xbf"
						      "alice * x\n"),
		0);
	assert_string_equal(seen, "alice|x|\n");
	for (int format = IMPORT_CHAP_SECRETS; format <= IMPORT_SOFTETHER; format++)
		for (size_t skip = 0; skip <= 2; skip += 2) {
			memcpy(text, utf16 + skip, sizeof(utf16) - skip);
			assert_int_equal(
				import_read((enum import_format)format, text,
					sizeof(utf16) - 1 - skip, write_user, NULL, &fault),
				-EINVAL);
			assert_int_equal(fault.line, 1);
			assert_non_null(strstr(fault.expected, "UTF-16"));
		}
}

static void formats_have_names(void **state)
{
	enum import_format f;

	(void)state;
	assert_true(import_format_of("softether", &f) && f == IMPORT_SOFTETHER);
	assert_false(import_format_of("excel", &f) || import_format_of("", &f));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(chap_secrets_are_read),
		cmocka_unit_test(wrong_lines_are_named),
		cmocka_unit_test(csv_has_columns_in_any_order),
		cmocka_unit_test(ocpasswd_has_groups_and_a_hash_of_no_use),
		cmocka_unit_test(softethers_users_come_with_their_nt_hash),
		cmocka_unit_test(the_receiver_can_stop),
		cmocka_unit_test(marks_and_utf16_are_known),
		cmocka_unit_test(formats_have_names),
	};

	return cmocka_run_group_tests_name("cli/import_read", tests, NULL, NULL);
}
