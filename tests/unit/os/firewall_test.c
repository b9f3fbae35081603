// SPDX-License-Identifier: Apache-2.0
/* os/firewall.c: rule sets as ufw, Docker and firewalld leave them, in nft's own JSON. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "os/firewall.h"

#define CHAIN(family, table, name, more)                                                           \
	"{\"chain\":{\"family\":\"" family "\",\"table\":\"" table "\",\"name\":\"" name           \
	"\",\"handle\":1" more "}}"
#define FORWARD(policy)                                                                            \
	",\"type\":\"filter\",\"hook\":\"forward\",\"prio\":0,\"policy\":\"" policy "\""
#define RULE(family, table, chain, expr)                                                           \
	"{\"rule\":{\"family\":\"" family "\",\"table\":\"" table "\",\"chain\":\"" chain          \
	"\",\"expr\":[" expr "]}}"
#define FROM_TUN                                                                                   \
	"{\"match\":{\"op\":\"==\",\"left\":{\"meta\":{\"key\":\"iifname\"}},\"right\":\"culvert0\"}}"
#define COUNTER "{\"counter\":{\"packets\":0,\"bytes\":0}}"

static struct firewall_block judge(const char *items)
{
	struct firewall_block b;
	struct prefix pool;
	char text[4096];

	snprintf(text, sizeof(text), "{\"nftables\":[{\"metainfo\":{\"version\":\"1\"}}%s%s]}",
		*items ? "," : "", items);
	assert_int_equal(prefix_parse("10.9.0.0/22", &pool), 0);
	firewall_judge(text, "culvert0", &pool, &b);
	return b;
}

static void an_empty_machine_and_one_that_accepts_block_nothing(void **state)
{
	(void)state;
	assert_int_equal(judge("").by, FIREWALL_NONE);
	assert_int_equal(
		judge(CHAIN("ip", "filter", "FORWARD", FORWARD("accept"))).by, FIREWALL_NONE);
	assert_int_equal(
		judge(CHAIN("inet", "culvert_x", "forward", FORWARD("drop"))).by, FIREWALL_NONE);
}

static void each_is_known_by_its_chains(void **state)
{
	struct firewall_block b;

	(void)state;
	b = judge(CHAIN("ip", "filter", "FORWARD", FORWARD("drop")) "," CHAIN(
		"ip", "filter", "ufw-user-forward", ""));
	assert_int_equal(b.by, FIREWALL_UFW);
	assert_non_null(strstr(b.text, "table=\"ip filter\" chain=FORWARD policy=drop"));
	b = judge(CHAIN("ip", "filter", "FORWARD", FORWARD("drop")) "," CHAIN(
		"ip", "filter", "DOCKER-USER", ""));
	assert_int_equal(b.by, FIREWALL_DOCKER);
	b = judge(CHAIN("inet", "mine", "fwd", FORWARD("drop")));
	assert_int_equal(b.by, FIREWALL_OTHER);
}

static void a_last_rule_that_refuses_is_a_drop_too(void **state)
{
	struct firewall_block b = judge(CHAIN(
		"inet", "firewalld", "filter_FORWARD", FORWARD("accept")) "," RULE("inet",
		"firewalld", "filter_FORWARD", COUNTER ",{\"reject\":{\"type\":\"icmpx\"}}"));

	(void)state;
	assert_int_equal(b.by, FIREWALL_FIREWALLD);
	assert_non_null(strstr(b.text, "last_rule=drop"));
	b = judge(CHAIN("inet", "x", "f", FORWARD("accept")) "," RULE(
		"inet", "x", "f", FROM_TUN ",{\"drop\":null}"));
	assert_int_equal(b.by, FIREWALL_NONE);
}

static void the_cure_is_seen(void **state)
{
	(void)state;
	assert_int_equal(
		judge(CHAIN("ip", "filter", "FORWARD", FORWARD("drop")) "," RULE("ip", "filter",
			      "DOCKER-USER", FROM_TUN "," COUNTER ",{\"accept\":null}"))
			.by,
		FIREWALL_NONE);
	/* The same in another table helps nobody. */
	assert_int_equal(judge(CHAIN("ip", "filter", "FORWARD", FORWARD("drop")) "," RULE(
				       "inet", "mine", "forward", FROM_TUN ",{\"accept\":null}"))
				 .by,
		FIREWALL_OTHER);
}

static void what_is_no_json_blocks_nothing(void **state)
{
	struct firewall_block b;
	struct prefix pool = {.addr.family = AF_INET};

	(void)state;
	firewall_judge("Error: x", "culvert0", &pool, &b);
	assert_int_equal(b.by, FIREWALL_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_machine_and_one_that_accepts_block_nothing),
		cmocka_unit_test(each_is_known_by_its_chains),
		cmocka_unit_test(a_last_rule_that_refuses_is_a_drop_too),
		cmocka_unit_test(the_cure_is_seen),
		cmocka_unit_test(what_is_no_json_blocks_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
