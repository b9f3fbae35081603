// SPDX-License-Identifier: Apache-2.0
/* diagnose/fetch.c: which URLs and addresses out of a certificate may be asked. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <string.h>
#include <cmocka.h>

#include "diagnose/fetch.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof(*(a)))

static void a_url_is_taken_apart(void **state)
{
	static const struct {
		const char *text, *host, *path;
		uint16_t port;
	} cases[] = {
		{"http://ca.example/a.crl", "ca.example", "/a.crl", 80},
		{"HTTP://ca.example", "ca.example", "", 80},
		{"http://ca.example:8080?id=1", "ca.example", "?id=1", 8080},
		{"http://192.0.2.1:65535/", "192.0.2.1", "/", 65535},
		{"http://[2001:db8::1]:81/x", "2001:db8::1", "/x", 81},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct fetch_url url;

		assert_int_equal(fetch_url_parse(cases[i].text, &url), 0);
		assert_string_equal(url.host, cases[i].host);
		assert_string_equal(url.path, cases[i].path);
		assert_int_equal(url.port, cases[i].port);
	}
}

static void what_is_no_plain_url_is_refused(void **state)
{
	static const char *const cases[] = {"", "http:/", "http://", "https://ca.example/",
		"ftp://ca.example/", "http:///a", "http://:80/", "http://ca.example:/",
		"http://ca.example:0/", "http://ca.example:65536/", "http://ca.example:080808/",
		"http://ca.example:-1/", "http://ca.example:8o/", "http://u@ca.example/",
		"http://ca.example\\@x/", "http://ca.example/a b", "http://ca.example/\r\nX: y",
		"http://ca.example/\n", "http://ca.example/a#b", "http://ca.ex\x80mple/",
		"http://[::1/", "http://[::1]x/", "http://[1.2.3.4]/", "http://[::1%25eth0]/",
		"http://ca.example:80:81/", "http://ca,example/"};
	char longest[600];
	struct fetch_url url;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (!fetch_url_parse(cases[i], &url))
			fail_msg("\"%s\" was taken", cases[i]);
	memset(longest, 'a', sizeof(longest));
	memcpy(longest, "http://", 7);
	longest[sizeof(longest) - 1] = '\0';
	assert_int_not_equal(fetch_url_parse(longest, &url), 0);
}

enum { NEVER_ASKED, ASKED, WHEN_PRIVATE_TOO };

static void addresses_are_judged_in_every_form(void **state)
{
	static const struct {
		const char *text;
		int want;
	} cases[] = {
		{"203.0.113.2", ASKED},
		{"8.8.8.8", ASKED},
		{"2001:4860:4860::8888", ASKED},
		{"172.15.255.255", ASKED},
		{"172.32.0.0", ASKED},
		{"100.128.0.1", ASKED},
		{"10.0.0.1", WHEN_PRIVATE_TOO},
		{"172.16.0.1", WHEN_PRIVATE_TOO},
		{"172.31.255.255", WHEN_PRIVATE_TOO},
		{"192.168.1.1", WHEN_PRIVATE_TOO},
		{"100.64.0.1", WHEN_PRIVATE_TOO},
		{"198.18.0.1", WHEN_PRIVATE_TOO},
		{"fd00::1", WHEN_PRIVATE_TOO},
		{"fec0::1", WHEN_PRIVATE_TOO},
		{"::ffff:10.0.0.1", WHEN_PRIVATE_TOO},
		{"2002:a00:1::1", WHEN_PRIVATE_TOO},
		{"64:ff9b::10.0.0.1", WHEN_PRIVATE_TOO},
		{"127.0.0.1", NEVER_ASKED},
		{"127.255.255.255", NEVER_ASKED},
		{"0.0.0.0", NEVER_ASKED},
		{"0.1.2.3", NEVER_ASKED},
		{"169.254.169.254", NEVER_ASKED},
		{"224.0.0.251", NEVER_ASKED},
		{"239.1.1.1", NEVER_ASKED},
		{"240.0.0.1", NEVER_ASKED},
		{"255.255.255.255", NEVER_ASKED},
		{"::", NEVER_ASKED},
		{"::1", NEVER_ASKED},
		{"::127.0.0.1", NEVER_ASKED},
		{"::ffff:127.0.0.1", NEVER_ASKED},
		{"::ffff:0:127.0.0.1", NEVER_ASKED},
		{"::ffff:0.0.0.0", NEVER_ASKED},
		{"::ffff:169.254.169.254", NEVER_ASKED},
		{"fe80::1", NEVER_ASKED},
		{"febf::1", NEVER_ASKED},
		{"ff02::1", NEVER_ASKED},
		{"ff0e::1", NEVER_ASKED},
		{"2002:7f00:1::", NEVER_ASKED},
		{"2002:a9fe:a9fe::1", NEVER_ASKED},
		{"64:ff9b::127.0.0.1", NEVER_ASKED},
		{"64:ff9b:1::127.0.0.1", NEVER_ASKED},
		/* Teredo with 127.0.0.1 as client (inverted) and as server */
		{"2001:0:cb00:7102:0:0:80ff:fffe", NEVER_ASKED},
		{"2001:0:7f00:1:0:0:34ff:8efd", NEVER_ASKED},
		{"2001:db8::5efe:127.0.0.1", NEVER_ASKED},
		{"2001:db8::200:5efe:127.0.0.1", NEVER_ASKED},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct addr a;

		assert_int_equal(addr_parse(cases[i].text, &a), 0);
		if (!fetch_forbidden(&a, false) != (cases[i].want == ASKED) ||
			!fetch_forbidden(&a, true) != (cases[i].want != NEVER_ASKED))
			fail_msg("%s is judged wrong", cases[i].text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_url_is_taken_apart),
		cmocka_unit_test(what_is_no_plain_url_is_refused),
		cmocka_unit_test(addresses_are_judged_in_every_form),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
