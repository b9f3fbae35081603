// SPDX-License-Identifier: Apache-2.0
/* Connections of NetworkManager as `culvert connect` takes them. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "cli/nm_settings.h"

static void take(struct nm_settings *s, const char *pairs[][2], size_t n)
{
	*s = (struct nm_settings){0};
	for (size_t i = 0; i < n && pairs[i][0]; i++)
		assert_int_equal(nm_settings_take(s, pairs[i][0], pairs[i][1]), 0);
}

static void expect_words(const struct nm_settings *s, const char *want)
{
	char text[2048] = "";
	struct nm_words w;
	const char *why;

	assert_int_equal(nm_settings_words(s, "/proc/self/fd/9", &w, &why), 0);
	for (int i = 0; i < w.argc; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s", i ? " " : "",
			w.argv[i]);
	assert_null(w.argv[w.argc]);
	assert_string_equal(text, want);
}

static void each_key_becomes_its_option(void **state)
{
	static const struct {
		const char *pairs[8][2];
		const char *want;
	} rows[] = {
		{{{"gateway", "a:444"}, {"user", "u"}},
			"connect --user=u --auth=mschapv2,eap-mschapv2 --password-file=- --no-proxy -- a:444"},
		{{{"gateway", "a"}, {"user", "u"}, {"domain", "D"}, {"refuse-eap", "yes"}},
			"connect --user=D\\u --auth=mschapv2 --password-file=- --no-proxy -- a"},
		{{{"gateway", "a"}, {"user", "E\\u"}, {"domain", "D"}, {"refuse-mschapv2", "yes"}},
			"connect --user=E\\u --auth=chap,pap --password-file=- --no-proxy -- a"},
		{{{"gateway", "a"}, {"user", "u"}, {"refuse-mschapv2", "yes"},
			 {"refuse-chap", "yes"}},
			"connect --user=u --auth=pap --password-file=- --no-proxy -- a"},
		{{{"gateway", "a"}, {"user", "u"}, {"ca-cert", "file:///x y"},
			 {"ignore-cert-warn", "yes"}, {"pin", "sha256//A="}, {"sni", "n"},
			 {"mtu", "1300"}},
			"connect --user=u --auth=mschapv2,eap-mschapv2 --password-file=- --ca=/x y "
			"--pin=sha256//A= --sni=n --mtu=1300 --insecure --no-proxy -- a"},
		{{{"gateway", "a"}, {"user", "u"}, {"tls-user-cert", "/c"}, {"tls-user-key", "/k"}},
			"connect --user=u --auth=eap-tls --cert=/c --key=/k --no-proxy -- a"},
		{{{"gateway", "a"}, {"user", "u"}, {"proxy-server", "p"}, {"proxy-port", "1"},
			 {"proxy-user", "q"}, {"lcp-echo-interval", "9"}},
			"connect --user=u --auth=mschapv2,eap-mschapv2 --password-file=- "
			"--proxy=http://p:1 --proxy-user=q --proxy-password-file=/proc/self/fd/9 -- a"},
		{{{"gateway", "--help"}, {"user", "-x"}},
			"connect --user=-x --auth=mschapv2,eap-mschapv2 --password-file=- --no-proxy -- --help"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct nm_settings s;

		take(&s, (const char *(*)[2])rows[i].pairs, 8);
		expect_words(&s, rows[i].want);
	}
}

static void what_is_missing_is_named(void **state)
{
	struct nm_settings s = {0};
	struct nm_words w;
	const char *why;

	assert_int_equal(nm_settings_words(&s, "", &w, &why), -EINVAL);
	assert_string_equal(why, "gateway is missing");
	nm_settings_take(&s, "gateway", "a");
	assert_int_equal(nm_settings_words(&s, "", &w, &why), -EINVAL);
	assert_string_equal(why, "user is missing");
	nm_settings_take(&s, "user", "u");
	nm_settings_take(&s, "refuse-mschapv2", "yes");
	nm_settings_take(&s, "refuse-chap", "yes");
	nm_settings_take(&s, "refuse-pap", "yes");
	assert_int_equal(nm_settings_words(&s, "", &w, &why), -EINVAL);
	assert_string_equal(why, "every login method is refused");
}

static void values_that_cannot_be_are_refused(void **state)
{
	char long_one[NM_VALUE_MAX + 1];
	struct nm_settings s = {0};

	memset(long_one, 'a', NM_VALUE_MAX);
	long_one[NM_VALUE_MAX] = '\0';
	assert_int_equal(nm_settings_take(&s, "user", long_one), -EMSGSIZE);
	assert_int_equal(nm_settings_take(&s, "user", long_one + 1), 0);
	assert_int_equal(nm_settings_take(&s, "password", "a\nb"), -EINVAL);
	assert_int_equal(nm_settings_take(&s, "password-flags", "8"), -EINVAL);
	assert_int_equal(nm_settings_take(&s, "password-flags", ""), -EINVAL);
	assert_int_equal(nm_settings_take(&s, "password-flags", "2"), 0);
	assert_int_equal(s.password_flags, NM_SECRET_NOT_SAVED);
	nm_settings_done(&s);
	assert_string_equal(s.user, "");
}

static void the_secrets_that_are_missing_are_asked_for(void **state)
{
	struct nm_settings s = {0};
	const char *missing[2];

	assert_int_equal(nm_settings_missing(&s, missing), 1);
	assert_string_equal(missing[0], "password");
	nm_settings_take(&s, "proxy-user", "p");
	assert_int_equal(nm_settings_missing(&s, missing), 2);
	nm_settings_take(&s, "password", "x");
	assert_int_equal(nm_settings_missing(&s, missing), 1);
	assert_string_equal(missing[0], "proxy-password");
	nm_settings_take(&s, "proxy-password-flags", "4");
	assert_int_equal(nm_settings_missing(&s, missing), 0);
	nm_settings_take(&s, "password", "");
	nm_settings_take(&s, "tls-user-cert", "/c");
	assert_int_equal(nm_settings_missing(&s, missing), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_key_becomes_its_option),
		cmocka_unit_test(what_is_missing_is_named),
		cmocka_unit_test(values_that_cannot_be_are_refused),
		cmocka_unit_test(the_secrets_that_are_missing_are_asked_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
