// SPDX-License-Identifier: Apache-2.0
#include "hexlit.h"

#include "base/host_name.h"

#include <errno.h>
#include <string.h>

#include "base/auto.h"

static void names_of_people_become_names_of_the_wire(void **state)
{
	static const struct {
		const char *in, *out;
	} rows[] = {
		{"vpn.example", "vpn.example"},
		{"VPN.Example.", "VPN.Example."},
		{"my_host", "my_host"},
		{"m\xc3\xbcller.example", "xn--mller-kva.example"},
		{"M\xc3\x9cLLER.Example", "xn--mller-kva.example"},
		{"mu\xcc\x88ller.example", "xn--mller-kva.example"}, /* u and a combining mark */
		{"fa\xc3\x9f.example", "xn--fa-hia.example"},        /* not "fass": IDNA2008 */
		{"xn--mller-kva.example", "xn--mller-kva.example"},
		{"\xe4\xbe\x8b\xe3\x81\x88\xe3\x80\x82\xe3\x83\x86\xe3\x82\xb9\xe3\x83\x88",
			"xn--r8jz45g.xn--zckzah"}, /* an ideographic full stop */
		{"192.0.2.1", "192.0.2.1"},
		{"2001:db8::1", "2001:db8::1"},
		{"fe80::1%eth0", "fe80::1%eth0"},
	};
	char got[HOST_NAME_MAX_LEN + 2];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_int_equal(host_to_ascii(rows[i].in, got, sizeof(got), NULL), 0);
		assert_string_equal(got, rows[i].out);
	}
}

static void what_is_no_host_name_is_refused_with_the_reason(void **state)
{
	static const char *const names[] = {"", ".", "a..b", ".a", "-a.example", "a-.example",
		"a b", "a\r\nHost: b", "a\x1b[2J", "a/b", "a\"b", "xn--\xc3\xbc", "xn--a.example",
		"\xff.example", "a\xe2\x80\xae.example", "a\xe2\x80\x8b/b",
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.example"};
	char got[HOST_NAME_MAX_LEN + 2], longest[HOST_NAME_MAX_LEN + 2];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		const char *why = NULL;

		if (host_to_ascii(names[i], got, sizeof(got), &why) != -EINVAL)
			fail_msg("taken: %zu as %s", i, got);
		assert_non_null(why);
	}
	for (size_t i = 0; i < sizeof(longest) - 1; i++)
		longest[i] = i % 50 == 49 ? '.' : 'a';
	longest[sizeof(longest) - 1] = '\0';
	assert_int_equal(host_to_ascii(longest, got, sizeof(got), NULL), -EINVAL);
	longest[HOST_NAME_MAX_LEN] = '\0';
	assert_int_equal(host_to_ascii(longest, got, sizeof(got), NULL), 0);
}

static void both_forms_are_shown(void **state)
{
	char got[600];

	(void)state;
	assert_string_equal(host_shown("xn--mller-kva.example", got, sizeof(got)),
		"xn--mller-kva.example (m\xc3\xbcller.example)");
	assert_string_equal(host_shown("vpn.example", got, sizeof(got)), "vpn.example");
	assert_string_equal(host_shown("xn--", got, sizeof(got)), "xn--");
	assert_string_equal(
		host_unicode("xn--mller-kva.example", got, sizeof(got)), "m\xc3\xbcller.example");
	assert_string_equal(host_unicode("vpn.example", got, sizeof(got)), "vpn.example");
	assert_string_equal(host_shown("\x1b", got, sizeof(got)), "\\x1b");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_of_people_become_names_of_the_wire),
		cmocka_unit_test(what_is_no_host_name_is_refused_with_the_reason),
		cmocka_unit_test(both_forms_are_shown),
	};

	return cmocka_run_group_tests_name("base/host_name", tests, NULL, NULL);
}
