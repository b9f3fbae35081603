// SPDX-License-Identifier: Apache-2.0
/* diagnose/dns_kind.c: an answer that is a server's address, and what stands in its place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/auto.h"
#include "diagnose/dns_kind.h"

static struct addr addr(const char *text)
{
	struct addr a;

	assert_int_equal(addr_parse(text, &a), 0);
	return a;
}

static void each_address_has_its_kind(void **state)
{
	static const struct {
		const char *address;
		enum dns_kind kind;
	} cases[] = {
		{"8.8.8.8", DNS_PUBLIC},
		{"2606:4700::1", DNS_PUBLIC},
		{"9.255.255.255", DNS_PUBLIC},
		{"11.0.0.0", DNS_PUBLIC},
		{"172.15.255.255", DNS_PUBLIC},
		{"172.32.0.0", DNS_PUBLIC},
		{"100.63.255.255", DNS_PUBLIC},
		{"100.128.0.0", DNS_PUBLIC},
		{"10.0.0.1", DNS_PRIVATE},
		{"172.16.0.0", DNS_PRIVATE},
		{"172.31.255.255", DNS_PRIVATE},
		{"192.168.1.1", DNS_PRIVATE},
		{"100.64.0.1", DNS_PRIVATE},
		{"169.254.1.1", DNS_PRIVATE},
		{"fd00::1", DNS_PRIVATE},
		{"fe80::1", DNS_PRIVATE},
		{"127.0.0.1", DNS_LOOPBACK},
		{"127.9.9.9", DNS_LOOPBACK},
		{"::1", DNS_LOOPBACK},
		{"0.0.0.0", DNS_BLOCKED},
		{"0.1.2.3", DNS_BLOCKED},
		{"::", DNS_BLOCKED},
		{"224.0.0.1", DNS_BLOCKED},
		{"ff02::1", DNS_BLOCKED},
		{"255.255.255.255", DNS_BLOCKED},
		{"146.112.61.106", DNS_BLOCKED},
		{"146.112.61.112", DNS_PUBLIC},
		{"208.91.112.55", DNS_BLOCKED},
		{"208.91.112.56", DNS_PUBLIC},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct addr a = addr(cases[i].address);

		if (dns_kind(&a) != cases[i].kind)
			fail_msg("%s: %d", cases[i].address, dns_kind(&a));
	}
}

static void only_what_is_no_server_has_words(void **state)
{
	static const char *const good[] = {"8.8.8.8", "10.0.0.1", "fd00::1"};
	struct addr a;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		a = addr(good[i]);
		assert_string_equal(dns_kind_text(&a), "");
	}
	a = addr("146.112.61.104");
	assert_non_null(strstr(dns_kind_text(&a), "OpenDNS"));
	a = addr("208.91.112.53");
	assert_non_null(strstr(dns_kind_text(&a), "FortiGuard"));
	a = addr("127.0.0.1");
	assert_non_null(strstr(dns_kind_text(&a), "this machine"));
	a = addr("0.0.0.0");
	assert_non_null(strstr(dns_kind_text(&a), "no address"));
}

static void loopback_is_a_network_of_this_machine_and_a_test_network_is_not(void **state)
{
	struct addr own = addr("127.200.1.1"), other = addr("203.0.113.77"),
		    other6 = addr("3fff:77::1");

	(void)state;
	assert_true(dns_on_link(&own));
	assert_false(dns_on_link(&other));
	assert_false(dns_on_link(&other6));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_address_has_its_kind),
		cmocka_unit_test(only_what_is_no_server_has_words),
		cmocka_unit_test(loopback_is_a_network_of_this_machine_and_a_test_network_is_not),
	};

	return cmocka_run_group_tests_name("diagnose/dns_kind", tests, NULL, NULL);
}
