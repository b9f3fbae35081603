// SPDX-License-Identifier: Apache-2.0
/* os/choose.c: the choice over lists, and over a namespace's real routes. */
#include "netns.h"

#include "os/choose.h"

static struct prefix prefix(const char *text)
{
	struct prefix p;

	assert_int_equal(prefix_parse(text, &p), 0);
	return p;
}

static bool inside(const struct prefix *p, const char *around)
{
	struct prefix a = prefix(around);

	return p->len >= a.len && prefix_contains(&a, &p->addr);
}

static void a_seed_gives_one_answer_and_another_seed_another(void **state)
{
	struct prefix a, b, c, six, seven;

	assert_int_equal(choose_pool_v4(1, NULL, 0, &a), 0);
	assert_int_equal(choose_pool_v4(1, NULL, 0, &b), 0);
	assert_int_equal(choose_pool_v4(2, NULL, 0, &c), 0);
	assert_true(addr_equal(&a.addr, &b.addr));
	assert_false(addr_equal(&a.addr, &c.addr));
	assert_int_equal(choose_pool_v6(1, NULL, 0, &six), 0);
	assert_int_equal(choose_pool_v6(2, NULL, 0, &seven), 0);
	assert_false(addr_equal(&six.addr, &seven.addr));
}

static void thousands_of_seeds_stay_away_from_popular_networks(void **state)
{
	struct prefix p;

	for (uint64_t seed = 0; seed < 5000; seed++) {
		assert_int_equal(choose_pool_v4(seed, NULL, 0, &p), 0);
		assert_int_equal(p.len, 22);
		assert_true(inside(&p, "10.0.0.0/8"));
		assert_int_equal(p.addr.octets[2] & 3, 0);
		assert_int_equal(p.addr.octets[3], 0);
		assert_false(inside(&p, "10.0.0.0/15"));
		assert_false(inside(&p, "10.8.0.0/16"));
		assert_false(inside(&p, "10.96.0.0/12"));
		assert_int_equal(choose_pool_v6(seed, NULL, 0, &p), 0);
		assert_int_equal(p.len, 48);
		assert_true(inside(&p, "fd00::/8"));
		for (int i = 6; i < 16; i++)
			assert_int_equal(p.addr.octets[i], 0);
	}
}

static void the_choice_overlaps_nothing_that_is_taken(void **state)
{
	struct prefix taken[] = {prefix("10.0.0.0/9"), prefix("10.128.0.0/10"),
		prefix("10.192.0.0/11"), prefix("10.224.7.9/32"), prefix("192.168.0.0/16"),
		prefix("fd00::/9")};
	struct prefix p;

	for (uint64_t seed = 0; seed < 500; seed++) {
		assert_int_equal(choose_pool_v4(seed, taken, ARRAY_SIZE(taken), &p), 0);
		assert_true(inside(&p, "10.224.0.0/11"));
		assert_false(prefix_contains(&p, &taken[3].addr));
		assert_int_equal(choose_pool_v6(seed, taken, ARRAY_SIZE(taken), &p), 0);
		assert_true(inside(&p, "fd80::/9"));
	}
}

static struct prefix chosen(uint64_t seed, const char *const *taken, size_t n)
{
	struct prefix all[40], p = {0};

	for (size_t i = 0; i < n; i++)
		all[i] = prefix(taken[i]);
	assert_int_equal(choose_pool_v4(seed, all, n, &p), 0);
	for (size_t i = 0; i < n; i++)
		assert_false(prefix_overlaps(&p, &all[i]));
	return p;
}

static void each_private_block_is_tried_before_giving_up(void **state)
{
	static const char *const taken[] = {
		"10.0.0.0/8", "100.64.0.0/10", "172.16.0.0/12", "192.168.0.0/16"};
	struct prefix all[4], six = prefix("fc00::/7"), p;

	(void)state;
	for (uint64_t seed = 0; seed < 200; seed++) {
		p = chosen(seed, taken, 1);
		assert_true(inside(&p, "100.64.0.0/10"));
		p = chosen(seed, taken, 2);
		assert_true(inside(&p, "172.16.0.0/16")); /* the others are Docker's */
		p = chosen(seed, taken, 3);
		assert_true(inside(&p, "192.168.0.0/16"));
		assert_false(inside(&p, "192.168.0.0/20"));
		assert_false(inside(&p, "192.168.176.0/22"));
		p = chosen(seed, taken + 1, 3);
		assert_true(inside(&p, "10.0.0.0/8"));
	}
	for (size_t i = 0; i < 4; i++)
		all[i] = prefix(taken[i]);
	assert_int_equal(choose_pool_v4(7, all, 4, &p), -EADDRNOTAVAIL);
	assert_int_equal(choose_pool_v6(7, &six, 1, &p), -EADDRNOTAVAIL);
}

static void a_popular_network_is_better_than_none(void **state)
{
	static const char *const taken[] = {"100.64.0.0/10", "172.16.0.0/12", "192.168.0.0/16",
		"10.128.0.0/9", "10.64.0.0/10", "10.32.0.0/11", "10.16.0.0/12", "10.12.0.0/14",
		"10.10.0.0/15", "10.9.0.0/16", "10.0.0.0/13"};
	static const char *const docker[] = {
		"10.0.0.0/8", "100.64.0.0/10", "172.16.0.0/16", "192.168.0.0/16"};
	struct prefix p = chosen(7, taken, ARRAY_SIZE(taken));

	(void)state;
	assert_true(inside(&p, "10.8.0.0/16"));
	p = chosen(7, docker, ARRAY_SIZE(docker));
	assert_true(inside(&p, "172.16.0.0/12"));
}

static void where_no_22_is_free_a_24_is(void **state)
{
	static const char *const taken[] = {"10.0.0.0/8", "100.64.0.0/10", "172.16.0.0/12",
		"192.168.0.0/17", "192.168.128.0/18", "192.168.192.0/19", "192.168.224.0/20",
		"192.168.240.0/21", "192.168.248.0/22", "192.168.252.0/24", "192.168.254.0/23"};
	struct prefix p = chosen(3, taken, ARRAY_SIZE(taken));

	(void)state;
	assert_int_equal(p.len, 24);
	assert_true(inside(&p, "192.168.253.0/24"));
}

static void the_machines_own_networks_are_avoided_but_not_its_default_route(void **state)
{
	struct prefix v4, v6, net = prefix("10.0.0.0/8");
	struct netlink *nl;

	NEED_NETNS();
	assert_int_equal(netlink_new(&nl, NULL), 0);
	RUN("ip link add name v0 type veth peer name v1 && ip link set v0 up && ip link set v1 up && "
	    "ip address add 10.3.0.1/9 dev v0 && ip route add default via 10.3.0.2 && "
	    "ip route add 0.0.0.0/1 dev v0 && ip route add unreachable 10.128.0.0/9");
	for (uint64_t seed = 0; seed < 50; seed++) {
		assert_int_equal(os_choose_pool(nl, seed, &v4, &v6, NULL), 0);
		assert_true(inside(&v4, "10.128.0.0/9"));
	}
	RUN("ip route add 10.128.0.0/10 via 10.3.0.2 table 77 && ip route add 10.192.0.0/10 dev v1");
	assert_int_equal(os_choose_pool(nl, 1, &v4, &v6, NULL), 0);
	assert_false(prefix_overlaps(&net, &v4));
	assert_true(inside(&v4, "100.64.0.0/10"));
	RUN("ip route add 100.64.0.0/10 dev v1");
	assert_int_equal(os_choose_pool(nl, 1, &v4, &v6, NULL), 0);
	assert_true(inside(&v4, "172.16.0.0/12"));
	RUN("ip route add 172.16.0.0/12 dev v1 && ip route add 192.168.0.0/16 dev v1");
	struct os_failure why = {0};
	assert_int_equal(os_choose_pool(nl, 1, &v4, &v6, &why), -EADDRNOTAVAIL);
	assert_int_equal(why.event, EV_POOL_NONE_FREE);
	netlink_free(nl);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_seed_gives_one_answer_and_another_seed_another),
		cmocka_unit_test(thousands_of_seeds_stay_away_from_popular_networks),
		cmocka_unit_test(the_choice_overlaps_nothing_that_is_taken),
		cmocka_unit_test(each_private_block_is_tried_before_giving_up),
		cmocka_unit_test(where_no_22_is_free_a_24_is),
		cmocka_unit_test(a_popular_network_is_better_than_none),
		cmocka_unit_test(the_machines_own_networks_are_avoided_but_not_its_default_route),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
