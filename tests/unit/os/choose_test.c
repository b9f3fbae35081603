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

static void when_10_is_full_it_is_100_64_and_after_that_nothing(void **state)
{
	struct prefix taken[] = {prefix("10.0.0.0/8"), prefix("100.64.0.0/10"), prefix("fc00::/7")};
	struct prefix p;

	assert_int_equal(choose_pool_v4(7, taken, 1, &p), 0);
	assert_true(inside(&p, "100.64.0.0/10"));
	assert_int_equal(choose_pool_v4(7, taken, 2, &p), -EADDRNOTAVAIL);
	assert_int_equal(choose_pool_v6(7, taken, 3, &p), -EADDRNOTAVAIL);
}

static void a_popular_network_is_better_than_none(void **state)
{
	struct prefix taken[] = {prefix("100.64.0.0/10"), prefix("10.128.0.0/9"),
		prefix("10.64.0.0/10"), prefix("10.32.0.0/11"), prefix("10.16.0.0/12"),
		prefix("10.12.0.0/14"), prefix("10.10.0.0/15"), prefix("10.9.0.0/16"),
		prefix("10.0.0.0/13")};
	struct prefix p;

	assert_int_equal(choose_pool_v4(7, taken, ARRAY_SIZE(taken), &p), 0);
	assert_true(inside(&p, "10.8.0.0/16"));
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
		cmocka_unit_test(when_10_is_full_it_is_100_64_and_after_that_nothing),
		cmocka_unit_test(a_popular_network_is_better_than_none),
		cmocka_unit_test(the_machines_own_networks_are_avoided_but_not_its_default_route),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
