// SPDX-License-Identifier: Apache-2.0
/* server/core/ranges.c: pools and static addresses against a host that is given. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "server/core/ranges.h"

static struct addr addr(const char *text)
{
	struct addr a;

	assert_int_equal(addr_parse(text, &a), 0);
	return a;
}

static struct host_addresses host(void)
{
	struct host_addresses h = {.n = 3};

	h.item[0].addr = addr("192.0.2.1");
	h.item[0].ifindex = 9999;
	h.item[1].addr = addr("192.0.2.254"); /* a gateway */
	h.item[2].addr = addr("2001:db8:7::1");
	h.item[2].ifindex = 9999;
	return h;
}

static int check(const char *option, const char *value, char *why)
{
	AUTO(config) struct config *cfg = NULL;
	struct config_error err;
	struct host_addresses h = host();

	assert_int_equal(config_load(NULL, &cfg, &err), 0);
	assert_int_equal(config_set(cfg, option, value, &err), 0);
	return ranges_check_config(cfg, &h, why);
}

static void pools_that_hold_what_is_the_hosts_are_refused(void **state)
{
	static const struct {
		const char *option, *value, *words; /* NULL: good */
	} rows[] = {
		{"tunnel.ipv4_pool", "10.0.0.0/8", NULL},
		{"tunnel.ipv4_pool", "192.0.2.128/26", NULL}, /* of the host's network, but free */
		{"tunnel.ipv4_pool", "192.0.2.0/30", "192.0.2.1 is in use"},
		{"tunnel.ipv4_pool", "192.0.2.192/26", "192.0.2.254 is in use (a gateway"},
		{"tunnel.ipv4_pool", "192.0.0.0/16", "192.0.0.0/24 is reserved"},
		{"tunnel.ipv4_pool", "0.0.0.0/8", "this network"},
		{"tunnel.ipv4_pool", "126.0.0.0/8", NULL},
		{"tunnel.ipv4_pool", "127.64.0.0/16", "loopback"},
		{"tunnel.ipv4_pool", "169.254.9.0/24", "link-local"},
		{"tunnel.ipv4_pool", "239.1.1.0/24", "multicast"},
		{"tunnel.ipv4_pool", "255.255.255.0/24", "reserved"},
		{"tunnel.pools", "b=192.0.2.0/28", "pools: b = 192.0.2.0/28"},
		{"tunnel.pools", "a=10.1.0.0/24", NULL},
		{"tunnel.ipv6_prefix", "2001:db8:7::/48", "2001:db8:7::1 is in use"},
		{"tunnel.ipv6_prefix", "2001:db8:8::/48", NULL},
		{"tunnel.ipv6_prefix", "fd12:3456:789a::/48", NULL},
		{"tunnel.ipv6_prefix", "ff02::/32", "multicast"},
		{"tunnel.ipv6_prefix", "fe80::/32", "link-local"},
	};
	char why[RANGES_TEXT_LEN];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		int r = check(rows[i].option, rows[i].value, why);

		if (r != (rows[i].words ? -EINVAL : 0))
			fail_msg("%s = %s: %d", rows[i].option, rows[i].value, r);
		if (rows[i].words)
			assert_non_null(strstr(why, rows[i].words));
	}
}

static struct pools two_pools(void)
{
	struct pools p = {.n_named = 1, .named = {{.name = "staff"}}};

	assert_int_equal(prefix_parse("10.7.0.0/22", &p.ordinary), 0);
	assert_int_equal(prefix_parse("10.8.0.0/30", &p.named[0].prefix), 0);
	return p;
}

static void a_static_address_is_one_that_a_client_can_have(void **state)
{
	static const struct {
		const char *address;
		int want;
	} rows[] = {
		{"10.7.0.0", -EINVAL},
		{"10.7.0.1", -EINVAL},
		{"10.7.0.2", 0},
		{"10.7.0.255", 0}, /* in the middle of a /22 */
		{"10.7.3.254", 0},
		{"10.7.3.255", -EINVAL},
		{"10.7.4.0", 0}, /* of no pool */
		{"10.8.0.1", -EINVAL},
		{"10.8.0.2", 0},
		{"10.8.0.3", -EINVAL},
		{"192.0.2.1", -EINVAL},
		{"192.0.2.254", -EINVAL},
		/* of no pool, and of no client anywhere */
		{"0.0.0.0", -EINVAL},
		{"127.0.0.1", -EINVAL},
		{"169.254.7.7", -EINVAL},
		{"224.0.0.5", -EINVAL},
		{"240.0.0.1", -EINVAL},
		{"255.255.255.255", -EINVAL},
	};
	struct pools p = two_pools();
	struct host_addresses h = host();
	char why[RANGES_TEXT_LEN];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct addr a = addr(rows[i].address);

		assert_int_equal(ranges_check_static(&a, &p, &h, why), rows[i].want);
	}
}

static void a_pool_has_to_be_there_and_beside_the_others(void **state)
{
	struct pools p = two_pools();
	struct host_addresses h = host();
	char why[RANGES_TEXT_LEN];

	(void)state;
	assert_int_equal(ranges_check_pool_name("staff", &p, why), 0);
	assert_int_equal(ranges_check_pool_name("", &p, why), 0);
	assert_int_equal(ranges_check_pool_name("Staff", &p, why), -ENOENT);
	assert_non_null(strstr(why, "staff=10.8.0.0/30"));
	assert_int_equal(ranges_check_chosen(&p, &h, why), 0);
	assert_int_equal(prefix_parse("10.7.1.0/24", &p.named[0].prefix), 0);
	assert_int_equal(ranges_check_chosen(&p, &h, why), -EEXIST);
	assert_int_equal(prefix_parse("192.0.2.0/24", &p.ordinary), 0);
	assert_int_equal(ranges_check_chosen(&p, &h, why), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pools_that_hold_what_is_the_hosts_are_refused),
		cmocka_unit_test(a_static_address_is_one_that_a_client_can_have),
		cmocka_unit_test(a_pool_has_to_be_there_and_beside_the_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
