// SPDX-License-Identifier: Apache-2.0
/* os/harden.c in a namespace: what a TUN must not inherit, and what others may change later. */
#include "netns.h"

#include "os/forward.h"
#include "os/harden.h"

static void is(const char *path, const char *value)
{
	char command[160];

	snprintf(command, sizeof(command), "cat /proc/sys/net/%s", path);
	assert_true(output_has(command, value));
}

static void a_tun_believes_nothing(void **state)
{
	NEED_NETNS();
	NEED_SYSCTLS();
	NEED_TUN();
	RUN("for s in ipv6/conf/default/accept_ra ipv6/conf/default/accept_redirects "
	    "ipv4/conf/default/accept_source_route ipv4/conf/default/accept_redirects; do "
	    "echo 1 > /proc/sys/net/$s; done");
	RUN("ip tuntap add mode tun name own0");
	is("ipv6/conf/own0/accept_ra", "1");
	assert_int_equal(harden_interface("own0"), 0);
	is("ipv6/conf/own0/accept_ra", "0");
	is("ipv6/conf/own0/autoconf", "0");
	is("ipv6/conf/own0/accept_redirects", "0");
	is("ipv6/conf/own0/accept_source_route", "-1");
	is("ipv4/conf/own0/accept_redirects", "0");
	is("ipv4/conf/own0/secure_redirects", "0");
	is("ipv4/conf/own0/send_redirects", "0");
	is("ipv4/conf/own0/accept_source_route", "0");
}

/* Forwarding makes accept_ra 2 of 1 elsewhere, and never on the tunnel's interface. */
static void forwarding_leaves_it_alone(void **state)
{
	struct forward f = {.own = "own0"};

	NEED_NETNS();
	NEED_SYSCTLS();
	NEED_TUN();
	RUN("echo 0 > /proc/sys/net/ipv6/conf/all/forwarding");
	RUN("ip tuntap add mode tun name own0 && ip tuntap add mode tun name other0");
	RUN("echo 1 > /proc/sys/net/ipv6/conf/own0/accept_ra");
	RUN("echo 1 > /proc/sys/net/ipv6/conf/other0/accept_ra");
	assert_int_equal(forward_v6_on(&f, NULL), 0);
	is("ipv6/conf/own0/accept_ra", "1"); /* which a router does not heed */
	is("ipv6/conf/other0/accept_ra", "2");
}

static void an_interface_that_is_not_there_is_no_error(void **state)
{
	NEED_NETNS();
	assert_int_equal(harden_interface("none0"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_tun_believes_nothing),
		cmocka_unit_test(forwarding_leaves_it_alone),
		cmocka_unit_test(an_interface_that_is_not_there_is_no_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
