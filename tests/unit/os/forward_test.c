// SPDX-License-Identifier: Apache-2.0
/* os/forward.c in a namespace: switches on and back, and what must not be lost. */
#include "netns.h"

#include <net/if.h>

#include "os/forward.h"

#define V4 "/proc/sys/net/ipv4/ip_forward"
#define V6 "/proc/sys/net/ipv6/conf/all/forwarding"

static char value_of(const char *path)
{
	char c = '?';
	int fd = open(path, O_RDONLY);

	assert_true(fd >= 0);
	assert_int_equal(read(fd, &c, 1), 1);
	close(fd);
	return c;
}

static void forwarding_goes_on_and_off_again_on_a_plain_machine(void **state)
{
	struct forward f = {0};
	struct netlink *nl;

	NEED_NETNS();
	NEED_SYSCTLS();
	NEED_IPV6();
	assert_int_equal(netlink_new(&nl, NULL), 0);
	RUN("echo 0 > " V4 " && echo 0 > " V6);
	assert_int_equal(forward_v4_on(&f, NULL), 0);
	assert_int_equal(forward_v6_on(&f, NULL), 0);
	assert_int_equal(value_of(V4), '1');
	assert_int_equal(value_of(V6), '1');
	forward_restore(&f, nl, 0);
	assert_int_equal(value_of(V4), '0');
	assert_int_equal(value_of(V6), '0');
	netlink_free(nl);
}

static void what_was_on_before_stays_on(void **state)
{
	struct forward f = {0};
	struct netlink *nl;

	NEED_NETNS();
	NEED_SYSCTLS();
	NEED_IPV6();
	assert_int_equal(netlink_new(&nl, NULL), 0);
	RUN("echo 1 > " V4 " && echo 1 > " V6);
	assert_int_equal(forward_v4_on(&f, NULL), 0);
	assert_int_equal(forward_v6_on(&f, NULL), 0);
	forward_restore(&f, nl, 0);
	assert_int_equal(value_of(V4), '1');
	assert_int_equal(value_of(V6), '1');
	netlink_free(nl);
}

static void it_stays_on_while_containers_or_another_vpn_are_there(void **state)
{
	static const char *const others[] = {"ip link add br0 type bridge",
		"ip link add name v0 type veth peer name v1", "ip tuntap add mode tun name other0"};

	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		struct forward f = {0};
		struct netlink *nl;

		NEED_NETNS();
		NEED_SYSCTLS();
		NEED_TUN();
		assert_int_equal(netlink_new(&nl, NULL), 0);
		RUN("echo 0 > " V4);
		assert_int_equal(forward_v4_on(&f, NULL), 0);
		RUN(others[i]);
		forward_restore(&f, nl, 0);
		assert_int_equal(value_of(V4), '1');
		netlink_free(nl);
	}
}

static void the_tunnels_own_interface_does_not_count(void **state)
{
	struct forward f = {0};
	struct netlink *nl;

	NEED_NETNS();
	NEED_SYSCTLS();
	NEED_TUN();
	assert_int_equal(netlink_new(&nl, NULL), 0);
	RUN("echo 0 > " V4 " && ip tuntap add mode tun name own0");
	assert_int_equal(forward_v4_on(&f, NULL), 0);
	forward_restore(&f, nl, if_nametoindex("own0"));
	assert_int_equal(value_of(V4), '0');
	netlink_free(nl);
}

/* An interface with accept_ra 0 was told not to listen: it stays that way. */
static void interfaces_that_listen_to_routers_go_on_listening(void **state)
{
	struct forward f = {0};
	struct netlink *nl;

	NEED_NETNS();
	NEED_SYSCTLS();
	NEED_IPV6();
	RUN("ip link add name v0 type veth peer name v1 && echo 0 > " V6
	    " && echo 1 > /proc/sys/net/ipv6/conf/v0/accept_ra"
	    " && echo 0 > /proc/sys/net/ipv6/conf/v1/accept_ra");
	assert_int_equal(netlink_new(&nl, NULL), 0);
	assert_int_equal(forward_v6_on(&f, NULL), 0);
	assert_int_equal(value_of("/proc/sys/net/ipv6/conf/v0/accept_ra"), '2');
	assert_int_equal(value_of("/proc/sys/net/ipv6/conf/v1/accept_ra"), '0');
	RUN("ip link add name br0 type bridge && ip link del br0");
	forward_restore(&f, nl, if_nametoindex("v0")); /* v1 is there: all stays as it is */
	assert_int_equal(value_of("/proc/sys/net/ipv6/conf/v0/accept_ra"), '2');
	netlink_free(nl);
}

static void accept_ra_comes_back_with_the_switch(void **state)
{
	struct forward f = {0};
	struct netlink *nl;

	NEED_NETNS();
	NEED_SYSCTLS();
	NEED_IPV6();
	RUN("echo 0 > " V6 " && echo 1 > /proc/sys/net/ipv6/conf/default/accept_ra");
	assert_int_equal(netlink_new(&nl, NULL), 0);
	assert_int_equal(forward_v6_on(&f, NULL), 0);
	assert_int_equal(value_of("/proc/sys/net/ipv6/conf/default/accept_ra"), '2');
	forward_restore(&f, nl, 0);
	assert_int_equal(value_of("/proc/sys/net/ipv6/conf/default/accept_ra"), '1');
	netlink_free(nl);
}

static void a_switch_that_cannot_be_put_on_is_told(void **state)
{
	struct os_failure why = {0};
	struct forward f = {0};
	int r;

	NEED_NETNS();
	NEED_SYSCTLS();
	NEED_NOBODY();
	RUN("echo 0 > " V4);
	assert_int_equal(seteuid(65534), 0);
	r = forward_v4_on(&f, &why);
	assert_int_equal(seteuid(0), 0);
	assert_int_equal(r, -EACCES);
	assert_int_equal(why.event, EV_FORWARD_REFUSED);
	assert_false(f.v4_was_off);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(forwarding_goes_on_and_off_again_on_a_plain_machine),
		cmocka_unit_test(what_was_on_before_stays_on),
		cmocka_unit_test(it_stays_on_while_containers_or_another_vpn_are_there),
		cmocka_unit_test(the_tunnels_own_interface_does_not_count),
		cmocka_unit_test(interfaces_that_listen_to_routers_go_on_listening),
		cmocka_unit_test(accept_ra_comes_back_with_the_switch),
		cmocka_unit_test(a_switch_that_cannot_be_put_on_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
