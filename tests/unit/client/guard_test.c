// SPDX-License-Identifier: Apache-2.0
/* client/guard.c: the table that nft gets. tests/net/test_lock.py counts what gets by it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "client/guard.h"

static void both_hooks_drop_by_default(void **state)
{
	char rules[4096];
	int n = guard_rules(&(struct guard_lock){.tun = "cv0"}, rules, sizeof(rules));

	(void)state;
	assert_int_equal(n, strlen(rules));
	assert_non_null(strstr(rules, "hook output priority 0; policy drop;"));
	assert_non_null(strstr(rules, "hook forward priority 0; policy drop;"));
	assert_non_null(strstr(rules, "meta mark & 0xffffffc0 == 0x63760000"));
	assert_non_null(strstr(rules, "oifname \"cv0\" accept"));
	assert_null(strstr(rules, "10.0.0.0/8"));
	assert_null(strstr(rules, "dport 53"));
}

static void names_do_not_go_to_the_local_network(void **state)
{
	char rules[4096];
	const char *dns, *lan;

	(void)state;
	guard_rules(&(struct guard_lock){"cv0", true}, rules, sizeof(rules));
	dns = strstr(rules, "udp dport 53 drop");
	lan = strstr(rules, "10.0.0.0/8");
	assert_true(dns && lan && dns < lan);
	assert_non_null(strstr(lan, "udp dport 53 drop")); /* those of guests, too */
}

static void a_name_cannot_bring_rules_of_its_own(void **state)
{
	static const char *const bad[] = {
		"", "a\"b", "a b", "x;flush ruleset", "a\n", "{", "\xc3\xa4"};
	char rules[4096];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(
			guard_rules(&(struct guard_lock){.tun = bad[i]}, rules, sizeof(rules)),
			-EINVAL);
	assert_int_equal(guard_rules(&(struct guard_lock){.tun = "cv0"}, rules, 100), -ENOSPC);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_hooks_drop_by_default),
		cmocka_unit_test(names_do_not_go_to_the_local_network),
		cmocka_unit_test(a_name_cannot_bring_rules_of_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
