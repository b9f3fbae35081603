// SPDX-License-Identifier: Apache-2.0
/* server/core/behind.c: what may lie behind a user's router. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "server/core/behind.h"

static struct prefix net(const char *text)
{
	struct prefix p;

	assert_int_equal(prefix_parse(text, &p), 0);
	return p;
}

static struct pools pools;
static struct host_addresses host;
static struct behind_server server = {.pools = &pools, .host = &host};
static char why[RANGES_TEXT_LEN];

static int setup(void **state)
{
	(void)state;
	pools = (struct pools){.ordinary = net("10.77.0.0/24"),
		.named = {{"staff", net("10.78.0.0/24")}},
		.n_named = 1};
	server.prefix6 = net("2001:db8:77::/48");
	server.delegate = net("2001:db8:100::/40");
	host = (struct host_addresses){
		.item = {{net("192.0.2.1").addr, 24, 0xfffffff}, {net("203.0.113.254").addr, 32, 0},
			{net("2001:db8:1::1").addr, 64, 0xfffffff}},
		.n = 3};
	return 0;
}

static bool may(const char *text)
{
	struct prefix p = net(text);

	strcpy(why, "");
	return behind_check_network("behind", &p, &server, why) == 0;
}

static void a_network_of_its_own_may_lie_there(void **state)
{
	(void)state;
	assert_true(may("10.1.0.0/16"));
	assert_true(may("10.76.0.0/16"));
	assert_true(may("192.0.3.0/24"));
	assert_true(may("192.168.1.9/32"));
	assert_true(may("2001:db8:9::/48"));
	assert_true(may("fd00:9::/64"));
}

static void what_the_server_has_itself_may_not(void **state)
{
	static const struct {
		const char *network, *words;
	} rows[] = {
		{"10.77.0.0/24", "overlaps 10.77.0.0/24 (the pool of the clients)"},
		{"10.77.0.128/25", "the pool of the clients"},
		{"10.0.0.0/8", "the pool of the clients"},
		{"10.78.0.9/32", "the pool staff"},
		{"192.0.2.0/24", "overlaps 192.0.2.1/32 (an address of this server's host"},
		{"192.0.2.128/25", "overlaps 192.0.2.0/24 (a network of this server's host"},
		{"203.0.113.0/24", "203.0.113.254/32 (an address of this server's host: a gateway"},
		{"2001:db8:77:5::/64", "tunnel.ipv6_prefix"},
		{"2001:db8:100:5::/64", "tunnel.delegate"},
		{"2001:db8::/32", "tunnel.ipv6_prefix"},
		{"2001:db8:1::/64", "2001:db8:1::1/128"},
		{"0.0.0.0/0", "behind = 0.0.0.0/0"},
		{"0.0.0.0/1", "behind"},
		{"128.0.0.0/1", "link-local"},
		{"::/0", "reserved"},
		{"127.0.0.0/8", "the loopback"},
		{"169.254.0.0/16", "link-local"},
		{"224.0.0.0/4", "multicast"},
		{"fe80::/64", "link-local"},
		{"ff00::/8", "multicast"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_false(may(rows[i].network));
		if (!strstr(why, rows[i].words))
			fail_msg("%s: %s", rows[i].network, why);
	}
}

static void a_server_that_has_nothing_refuses_only_what_is_no_network(void **state)
{
	static const struct behind_server none;
	struct prefix p = net("10.77.0.0/24"), loopback = net("127.0.0.0/8");

	(void)state;
	assert_int_equal(behind_check_network("behind", &p, &none, why), 0);
	assert_int_equal(behind_check_network("behind", &loopback, &none, why), -EINVAL);
}

static void routes_and_the_list_itself_do_not_overlap_it(void **state)
{
	struct prefixes list = {.n = 2, .of = {net("10.9.0.0/16"), net("2001:db8:9::/48")}};
	struct prefix inside = net("10.9.3.0/24"), around = net("10.8.0.0/15"),
		      other = net("10.10.0.0/16");

	(void)state;
	assert_int_equal(behind_check_routes(&inside, &list, why), -EINVAL);
	assert_non_null(strstr(why, "10.9.3.0/24 overlaps 10.9.0.0/16"));
	assert_int_equal(behind_check_routes(&around, &list, why), -EINVAL);
	assert_int_equal(behind_check_routes(&other, &list, why), 0);
	assert_int_equal(behind_check_list(&list, why), 0);
	list.of[list.n++] = net("2001:db8:9:1::/64");
	assert_int_equal(behind_check_list(&list, why), -EINVAL);
}

static void what_another_user_has_is_named_with_the_user(void **state)
{
	struct prefix own = net("10.1.0.0/16"), theirs = net("10.1.7.0/24"),
		      beside = net("10.2.0.0/16"), six = net("2001:db8::/32");

	(void)state;
	assert_int_equal(behind_check_other(&own, &theirs, "of user bob", why), -EEXIST);
	assert_string_equal(why, "10.1.0.0/16 overlaps 10.1.7.0/24 (of user bob)");
	assert_int_equal(behind_check_other(&own, &beside, "of user bob", why), 0);
	assert_int_equal(behind_check_other(&own, &six, "of user bob", why), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_network_of_its_own_may_lie_there),
		cmocka_unit_test(what_the_server_has_itself_may_not),
		cmocka_unit_test(a_server_that_has_nothing_refuses_only_what_is_no_network),
		cmocka_unit_test(routes_and_the_list_itself_do_not_overlap_it),
		cmocka_unit_test(what_another_user_has_is_named_with_the_user),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
