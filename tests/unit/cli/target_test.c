// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cli/target.h"

static void user_host_and_port_are_parted(void **state)
{
	static const struct {
		const char *text, *user, *host;
		uint16_t port;
	} cases[] = {{"vpn.example", "", "vpn.example", 443},
		{"alice@vpn.example", "alice", "vpn.example", 443},
		{"alice@realm@vpn.example:8443", "alice@realm", "vpn.example", 8443},
		{"LAB\\bob@192.0.2.1:1", "LAB\\bob", "192.0.2.1", 1},
		{"[2001:db8::1]:65535", "", "2001:db8::1", 65535},
		{"carol@[2001:db8::1]", "carol", "2001:db8::1", 443},
		{"2001:db8::1", "", "2001:db8::1", 443},
		{"alice@m\xc3\xbcller.example:8443", "alice", "xn--mller-kva.example", 8443}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct target t = {0};

		assert_int_equal(target_parse(cases[i].text, &t), 0);
		assert_string_equal(t.user, cases[i].user);
		assert_string_equal(t.host, cases[i].host);
		assert_int_equal(t.port, cases[i].port);
	}
}

static void what_is_no_target_is_refused(void **state)
{
	static const char *const texts[] = {"", "alice@", ":443", "host:", "host:0", "host:65536",
		"host:44x", "[::1", "[::1]443", "[]", "host:-1", "host: 443"};
	char long_host[400];
	struct target t;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		assert_int_equal(target_parse(texts[i], &t), -EINVAL);
	for (size_t i = 0; i < sizeof(long_host); i++)
		long_host[i] = i % 50 == 49 ? '.' : 'a';
	long_host[254] = '\0';
	assert_int_equal(target_parse(long_host, &t), -EINVAL);
	assert_non_null(strstr(t.fault, "253"));
	long_host[253] = '\0';
	assert_int_equal(target_parse(long_host, &t), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(user_host_and_port_are_parted),
		cmocka_unit_test(what_is_no_target_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
