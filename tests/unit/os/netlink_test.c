// SPDX-License-Identifier: Apache-2.0
/* os/netlink.c against the kernel, in a namespace; iproute2 is the second opinion. */
#include "netns.h"

#include <net/if.h>

#include "os/netlink.h"

struct net {
	struct netlink *nl;
	unsigned a, b; /* the ends of the veth pair va and vb; va has 10.1.0.1/24 and fd01::1/64 */
};

static struct prefix prefix(const char *text)
{
	struct prefix p;
	char host[64], *slash;

	snprintf(host, sizeof(host), "%s", text);
	slash = strchr(host, '/');
	*slash = '\0';
	assert_int_equal(addr_parse(host, &p.addr), 0);
	p.len = (uint8_t)atoi(slash + 1);
	return p;
}

static struct addr addr(const char *text)
{
	struct addr a;

	assert_int_equal(addr_parse(text, &a), 0);
	return a;
}

static void net_open(struct net *n)
{
	RUN("ip link add name va type veth peer name vb && ip link set lo up && ip link set va up && "
	    "ip link set vb up && ip address add 10.1.0.1/24 dev va && "
	    "ip address add fd01::1/64 dev va nodad");
	n->a = if_nametoindex("va");
	n->b = if_nametoindex("vb");
	assert_int_equal(netlink_new(&n->nl, NULL), 0);
}

static void a_link_goes_up_with_mtu_and_queue_length(void **state)
{
	struct link_opts opts = {.up = true, .mtu = 1380, .txqueuelen = 77};
	struct net n;

	NEED_NETNS();
	NEED_IPV6();
	net_open(&n);
	RUN("ip link set vb down");
	assert_int_equal(netlink_link_set(n.nl, n.b, &opts, NULL), 0);
	assert_true(output_has("ip link show vb", "UP"));
	assert_true(output_has("ip link show vb", "mtu 1380"));
	assert_true(output_has("ip link show vb", "qlen 77"));
	netlink_free(n.nl);
}

static void a_link_goes_up_without_a_link_local_address(void **state)
{
	struct link_opts opts = {.no_link_local = true, .up = true}, up = {.up = true};
	struct net n;

	NEED_NETNS();
	NEED_IPV6();
	net_open(&n);
	RUN("ip link set vb down");
	assert_int_equal(netlink_link_set(n.nl, n.b, &opts, NULL), 0);
	assert_int_equal(netlink_link_set(n.nl, n.b, &up, NULL), 0);
	assert_false(output_has("ip -6 address show dev vb", "fe80"));
	netlink_free(n.nl);
}

static void a_missing_link_is_named_in_the_failure(void **state)
{
	struct link_opts opts = {.up = true};
	struct os_failure why = {0};
	struct net n;

	NEED_NETNS();
	NEED_IPV6();
	net_open(&n);
	assert_int_equal(netlink_link_set(n.nl, 4711, &opts, &why), -ENODEV);
	assert_int_equal(why.event, EV_LINK_REFUSED);
	assert_non_null(strstr(why.text, "4711"));
	netlink_free(n.nl);
}

static void addresses_are_added_with_and_without_peer_and_prefix_route(void **state)
{
	struct prefix own = prefix("10.2.0.1/22"), six = prefix("fd02::1/64"),
		      p2p = prefix("10.3.0.1/32");
	struct addr peer = addr("10.3.0.9");
	struct os_failure why;
	struct net n;

	NEED_NETNS();
	NEED_IPV6();
	net_open(&n);
	assert_int_equal(netlink_address_add(n.nl, n.b, &own, NULL, 0, NULL), 0);
	assert_true(output_has("ip route show dev vb", "10.2.0.0/22"));
	assert_int_equal(netlink_address_add(n.nl, n.b, &own, NULL, 0, &why), -EEXIST);
	assert_non_null(strstr(why.text, "10.2.0.1/22 to vb"));
	assert_int_equal(netlink_address_del(n.nl, n.b, &own, NULL), 0);
	assert_int_equal(
		netlink_address_add(n.nl, n.b, &own, NULL, NETLINK_NO_PREFIX_ROUTE, NULL), 0);
	assert_true(output_has("ip address show vb", "10.2.0.1/22"));
	assert_false(output_has("ip route show dev vb", "10.2.0.0/22"));
	assert_int_equal(netlink_address_add(n.nl, n.b, &p2p, &peer, 0, NULL), 0);
	assert_true(output_has("ip address show vb", "10.3.0.1 peer 10.3.0.9/32"));
	assert_int_equal(netlink_address_add(n.nl, n.b, &six, NULL,
				 NETLINK_NO_PREFIX_ROUTE | NETLINK_NO_DAD, NULL),
		0);
	assert_true(output_has("ip address show vb", "fd02::1/64"));
	assert_false(output_has("ip address show vb", "tentative fd02"));
	assert_false(output_has("ip -6 route show dev vb", "fd02"));
	netlink_free(n.nl);
}

static void routes_carry_our_mark_and_come_back_as_written(void **state)
{
	struct net n;

	NEED_NETNS();
	NEED_IPV6();
	net_open(&n);
	struct route four = {.dst = prefix("10.7.0.0/16"),
		.via = addr("10.1.0.9"),
		.ifindex = n.a,
		.source = addr("10.1.0.1"),
		.metric = 50};
	struct route dev = {.dst = prefix("0.0.0.0/0"), .ifindex = n.b, .metric = 5};
	struct route six = {
		.dst = prefix("fd07::/48"), .via = addr("fd01::9"), .ifindex = n.a, .metric = 7};
	struct os_failure why;

	assert_int_equal(netlink_route_add(n.nl, &four, NULL), 0);
	assert_int_equal(netlink_route_add(n.nl, &four, &why), -EEXIST);
	assert_non_null(strstr(why.text, "add route 10.7.0.0/16 via 10.1.0.9 dev va metric 50"));
	assert_int_equal(netlink_route_add(n.nl, &dev, NULL), 0);
	assert_int_equal(netlink_route_add(n.nl, &six, NULL), 0);
	assert_true(output_has(
		"ip route", "10.7.0.0/16 via 10.1.0.9 dev va proto 83 src 10.1.0.1 metric 50"));
	assert_true(output_has("ip route", "default dev vb proto 83 scope link metric 5"));
	assert_true(output_has("ip -6 route", "fd07::/48 via fd01::9 dev va proto 83 metric 7"));
	assert_int_equal(netlink_route_del(n.nl, &four, NULL), 0);
	assert_int_equal(netlink_route_del(n.nl, &four, &why), -ESRCH);
	assert_int_equal(netlink_route_del(n.nl, &six, NULL), 0);
	assert_false(output_has("ip route; ip -6 route", ".7."));
	netlink_free(n.nl);
}

static void routes_of_others_are_not_deleted(void **state)
{
	struct net n;

	NEED_NETNS();
	NEED_IPV6();
	net_open(&n);
	RUN("ip route add 10.7.0.0/16 via 10.1.0.9 metric 50");
	struct route rt = {.dst = prefix("10.7.0.0/16"),
		.via = addr("10.1.0.9"),
		.ifindex = n.a,
		.metric = 50};

	assert_int_equal(netlink_route_del(n.nl, &rt, NULL), -ESRCH);
	assert_true(output_has("ip route", "10.7.0.0/16"));
	netlink_free(n.nl);
}

static void the_way_to_an_address_is_told_or_that_there_is_none(void **state)
{
	struct addr near = addr("10.1.0.5"), far = addr("192.0.2.1"), six = addr("2001:db8::1");
	struct os_failure why = {0};
	struct route rt;
	struct net n;

	NEED_NETNS();
	NEED_IPV6();
	net_open(&n);
	assert_int_equal(netlink_route_get(n.nl, &near, 0, &rt, NULL), 0);
	assert_int_equal(rt.ifindex, n.a);
	assert_int_equal(rt.via.family, AF_UNSPEC);
	assert_int_equal(addr_v4_value(&rt.source), 0x0a010001);
	assert_int_equal(netlink_route_get(n.nl, &far, 0, &rt, &why), -ENETUNREACH);
	assert_int_equal(why.event, EV_NO_ROUTE);
	assert_int_equal(netlink_route_get(n.nl, &six, 0, &rt, &why), -ENETUNREACH);
	RUN("ip route add default via 10.1.0.254 && ip -6 route add default via fd01::fe dev va");
	assert_int_equal(netlink_route_get(n.nl, &far, 0, &rt, NULL), 0);
	assert_int_equal(addr_v4_value(&rt.via), 0x0a0100fe);
	assert_int_equal(netlink_route_get(n.nl, &six, 0, &rt, NULL), 0);
	assert_int_equal(rt.via.family, AF_INET6);
	assert_int_equal(rt.ifindex, n.a);
	netlink_free(n.nl);
}

static void the_mark_decides_where_rules_say_so(void **state)
{
	struct addr far = addr("192.0.2.1");
	struct route rt;
	struct net n;

	NEED_NETNS();
	NEED_IPV6();
	net_open(&n);
	RUN("ip route add default via 10.1.0.254 && ip address add 10.2.0.1/24 dev vb && "
	    "ip route add default via 10.2.0.254 table 99 && ip rule add fwmark 0x2a lookup 99");
	assert_int_equal(netlink_route_get(n.nl, &far, 0, &rt, NULL), 0);
	assert_int_equal(rt.ifindex, n.a);
	assert_int_equal(netlink_route_get(n.nl, &far, 0x2a, &rt, NULL), 0);
	assert_int_equal(rt.ifindex, n.b);
	netlink_free(n.nl);
}

static void a_default_route_counts_unless_it_is_the_tunnels(void **state)
{
	struct net n;

	NEED_NETNS();
	NEED_IPV6();
	net_open(&n);
	assert_false(netlink_has_default_route(n.nl, AF_INET, 0));
	assert_false(netlink_has_default_route(n.nl, AF_INET6, 0));
	RUN("ip route add default via 10.1.0.254");
	assert_true(netlink_has_default_route(n.nl, AF_INET, 0));
	assert_true(netlink_has_default_route(n.nl, AF_INET, n.b));
	assert_false(netlink_has_default_route(n.nl, AF_INET, n.a));
	assert_false(netlink_has_default_route(n.nl, AF_INET6, 0));
	RUN("ip -6 route add default via fd01::fe dev va");
	assert_true(netlink_has_default_route(n.nl, AF_INET6, 0));
	netlink_free(n.nl);
}

struct seen {
	struct prefix wanted;
	unsigned n;
};

static bool look_at_route(const struct route *rt, void *arg)
{
	struct seen *s = arg;

	s->n += rt->dst.len == s->wanted.len && addr_equal(&rt->dst.addr, &s->wanted.addr);
	return true;
}

static bool look_at_address(unsigned ifindex, const struct prefix *p, void *arg)
{
	struct seen *s = arg;

	s->n += p->len == s->wanted.len && addr_equal(&p->addr, &s->wanted.addr);
	return true;
}

static void all_routes_and_addresses_are_seen(void **state)
{
	struct seen route4 = {prefix("10.1.0.0/24"), 0}, route6 = {prefix("fd01::/64"), 0};
	struct seen own4 = {prefix("10.1.0.1/24"), 0}, own6 = {prefix("fd01::1/64"), 0};
	struct net n;

	NEED_NETNS();
	NEED_IPV6();
	net_open(&n);
	assert_int_equal(netlink_routes(n.nl, AF_INET, look_at_route, &route4, NULL), 0);
	assert_int_equal(netlink_routes(n.nl, AF_UNSPEC, look_at_route, &route6, NULL), 0);
	assert_int_equal(netlink_addresses(n.nl, AF_INET, look_at_address, &own4, NULL), 0);
	assert_int_equal(netlink_addresses(n.nl, AF_UNSPEC, look_at_address, &own6, NULL), 0);
	assert_int_equal(route4.n, 1);
	assert_int_equal(route6.n, 1);
	assert_int_equal(own4.n, 1);
	assert_int_equal(own6.n, 1);
	netlink_free(n.nl);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_link_goes_up_with_mtu_and_queue_length),
		cmocka_unit_test(a_link_goes_up_without_a_link_local_address),
		cmocka_unit_test(a_missing_link_is_named_in_the_failure),
		cmocka_unit_test(addresses_are_added_with_and_without_peer_and_prefix_route),
		cmocka_unit_test(routes_carry_our_mark_and_come_back_as_written),
		cmocka_unit_test(routes_of_others_are_not_deleted),
		cmocka_unit_test(the_way_to_an_address_is_told_or_that_there_is_none),
		cmocka_unit_test(the_mark_decides_where_rules_say_so),
		cmocka_unit_test(a_default_route_counts_unless_it_is_the_tunnels),
		cmocka_unit_test(all_routes_and_addresses_are_seen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
