// SPDX-License-Identifier: Apache-2.0
/*
 * client/permit.c: an address that has another use on this machine is not the server's to choose. A
 * namespace with one network, a gateway and a second interface.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <net/if.h>

#include "client/permit.h"
#include "unit/os/netns.h"

static struct permit permit;

/* 192.0.2.2/24 and 2001:db8:1::2/64 on up0, gateways .1 and ::1; tun0 is the tunnel's. */
static void begin(void)
{
	RUN("ip link set lo up");
	RUN("ip link add up0 type veth peer name up1 && ip link set up1 up && ip link set up0 up");
	RUN("ip addr add 192.0.2.2/24 dev up0 && ip route add default via 192.0.2.1");
	RUN("ip route add 198.51.100.0/24 via 192.0.2.9");
	RUN("ip -6 addr add 2001:db8:1::2/64 dev up0 nodad && ip -6 route add default via 2001:db8:1::1");
	RUN("ip tuntap add tun0 mode tun && ip link set tun0 up && ip addr add 10.8.0.2/24 dev tun0");
	assert_int_equal(netlink_new(&permit.nl, NULL), 0);
	assert_int_equal(addr_parse("203.0.113.7", &permit.server), 0);
	permit.ifindex = if_nametoindex("tun0");
}

static int teardown(void **state)
{
	(void)state;
	netlink_free(permit.nl);
	permit.nl = NULL;
	return 0;
}

#define NEED_ALL()                                                                                 \
	NEED_NETNS();                                                                              \
	NEED_IPV6();                                                                               \
	NEED_TUN()

enum { OWN, HOST };

/* NULL: permitted. */
static const char *why_not(int what, const char *text)
{
	struct addr a;

	assert_int_equal(addr_parse(text, &a), 0);
	return what == OWN ? permit_own(&permit, &a) : permit_host(&permit, &a);
}

static void refused(int what, const char *text, const char *part)
{
	const char *why = why_not(what, text);

	if (!why || !strstr(why, part))
		fail_msg("%s: %s; wanted %s", text, why ? why : "permitted", part);
}

static void an_address_of_nothing_here_is_permitted(void **state)
{
	static const char *const free_ones[] = {
		"10.8.0.7", "172.16.9.9", "203.0.113.8", "fd00::7", "2001:db8:2::1"};

	NEED_ALL();
	begin();
	for (size_t i = 0; i < sizeof(free_ones) / sizeof(*free_ones); i++) {
		assert_null(why_not(OWN, free_ones[i]));
		assert_null(why_not(HOST, free_ones[i]));
	}
}

static void what_no_host_can_have_is_refused(void **state)
{
	static const char *const none[] = {"0.0.0.0", "127.0.0.1", "224.0.0.5", "255.255.255.255",
		"169.254.1.1", "::", "::1", "ff02::1", "fe80::1", "0.1.2.3"};
	struct addr unset = {0};

	NEED_ALL();
	begin();
	for (size_t i = 0; i < sizeof(none) / sizeof(*none); i++) {
		refused(OWN, none[i], "no host");
		refused(HOST, none[i], "no host");
	}
	assert_non_null(permit_own(&permit, &unset));
	assert_non_null(permit_host(&permit, &unset));
}

/* The tunnel's own packets would go into the tunnel. */
static void the_server_itself_is_refused(void **state)
{
	NEED_ALL();
	begin();
	refused(OWN, "203.0.113.7", "connection to the server");
	refused(HOST, "203.0.113.7", "connection to the server");
}

static void a_gateway_is_refused_the_default_one_or_another(void **state)
{
	NEED_ALL();
	begin();
	refused(OWN, "192.0.2.1", "gateway");
	refused(HOST, "192.0.2.9", "gateway");
	refused(OWN, "2001:db8:1::1", "gateway");
}

static void another_interfaces_address_is_refused_and_the_tunnels_own_is_not(void **state)
{
	NEED_ALL();
	begin();
	refused(OWN, "192.0.2.2", "another interface");
	refused(HOST, "2001:db8:1::2", "another interface");
	assert_null(why_not(OWN, "10.8.0.2")); /* given again */
	assert_null(why_not(HOST, "10.8.0.1"));
}

/* For this machine an address of its network that no one has may do; a host behind the tunnel may not. */
static void a_host_of_the_local_network_is_not_behind_the_tunnel(void **state)
{
	NEED_ALL();
	begin();
	assert_null(why_not(OWN, "192.0.2.77"));
	refused(HOST, "192.0.2.77", "network that this machine is in");
	refused(HOST, "2001:db8:1::77", "network that this machine is in");
}

static void a_prefix_must_be_a_link_of_its_own(void **state)
{
	static const struct {
		const char *net, *part; /* NULL: permitted */
	} cases[] = {{"2001:db8:2::/64", NULL}, {"fd00:1:2:3::/64", NULL}, {"fd00::7/128", NULL},
		{"2001:db8:2::/63", "64 bits"}, {"2000::/3", "64 bits"}, {"::/0", "no host"},
		{"fe80::/64", "no host"}, {"ff00::/8", "no host"},
		{"2001:db8:1::/64", "another interface"}, {"2001:db8:1::/80", "gateway"},
		{"2001:db8:1:0:1::/80", "network that this machine is in"}};

	NEED_ALL();
	begin();
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct prefix p;
		const char *why;

		assert_int_equal(prefix_parse(cases[i].net, &p), 0);
		why = permit_net(&permit, &p);
		if (!cases[i].part != !why)
			fail_msg("%s: %s", cases[i].net, why ? why : "permitted");
	}
}

/* Networks come and go: the lists are read again each time. */
static void what_is_local_now_was_not_before(void **state)
{
	NEED_ALL();
	begin();
	assert_null(why_not(HOST, "10.77.0.5"));
	RUN("ip addr add 10.77.0.1/24 dev up0");
	refused(HOST, "10.77.0.5", "network that this machine is in");
	RUN("ip addr del 10.77.0.1/24 dev up0");
	assert_null(why_not(HOST, "10.77.0.5"));
}

static void a_name_server_of_this_machine_is_not_this_machine(void **state)
{
	static const char file[] = "/tmp/culvert-permit-resolv";
	FILE *f;

	NEED_ALL();
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		SKIP_FOR("no mount namespace without root (%s)", strerror(errno));
	f = fopen(file, "we");
	fputs("nameserver 10.66.0.53\n", f);
	fclose(f);
	if (mount(file, "/etc/resolv.conf", NULL, MS_BIND, NULL) < 0)
		SKIP_FOR("the kernel lacks bind mounts of a file: %s", strerror(errno));
	begin();
	refused(OWN, "10.66.0.53", "name server");
	assert_null(why_not(HOST, "10.66.0.53")); /* it may well be behind the tunnel */
	umount("/etc/resolv.conf");
	unlink(file);
}

#define CASE(f) cmocka_unit_test_teardown(f, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(an_address_of_nothing_here_is_permitted),
		CASE(what_no_host_can_have_is_refused),
		CASE(the_server_itself_is_refused),
		CASE(a_gateway_is_refused_the_default_one_or_another),
		CASE(another_interfaces_address_is_refused_and_the_tunnels_own_is_not),
		CASE(a_host_of_the_local_network_is_not_behind_the_tunnel),
		CASE(a_prefix_must_be_a_link_of_its_own),
		CASE(what_is_local_now_was_not_before),
		CASE(a_name_server_of_this_machine_is_not_this_machine),
	};

	return cmocka_run_group_tests_name("client/permit", tests, NULL, NULL);
}
