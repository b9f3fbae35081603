// SPDX-License-Identifier: Apache-2.0
/*
 * server/host/uplink.c and nat.c with a real TUN, routes and nft, in a namespace: what the host is
 * changed to, when clients have IPv6 to the Internet, and that all of it is undone.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "os/child.h"
#include "os/netlink.h"
#include "os/tun.h"
#include "unit/os/netns.h"
#include "unit/server/host/host.h"

static struct netlink *nl;

static int teardown(void **state)
{
	netlink_free(nl);
	nl = NULL;
	tun_free(context.tun);
	return host_teardown(state);
}

static void prefix(const char *text, struct prefix *ret)
{
	assert_int_equal(prefix_parse(text, ret), 0);
}

/* A TUN with its addresses, as a start makes it; `six`: the prefix of clients. */
static void begin(const char *more, const char *six)
{
	configure(more);
	assert_int_equal(netlink_new(&nl, NULL), 0);
	RUN("ip link set lo up");
	prefix("10.99.0.0/24", &context.pool);
	context.addresses.local = addr_v4(0x0a630001);
	context.n_sites = 1;
	if (six)
		prefix(six, &context.prefix6);
	assert_int_equal(host_open_tun(&host), 0);
	assert_int_equal(host_configure_tun(&host, nl), 0);
	assert_int_equal(n_logged, 0);
}

#define NEED_ALL()                                                                                 \
	NEED_NETNS();                                                                              \
	NEED_IPV6();                                                                               \
	NEED_SYSCTLS();                                                                            \
	NEED_TUN()

#define NEED_NFT()                                                                                 \
	do {                                                                                       \
		char path_[CHILD_PATH_LEN];                                                        \
		if (child_find("", "nft", path_) < 0)                                              \
			SKIP_FOR("the nft program is not installed");                              \
	} while (0)

#define ONWARD atomic_load(&context.ipv6_onward)
/* A veth: another that needs forwarding, to host_restore_machine(). */
#define UPLINK                                                                                     \
	"ip link add up0 type veth peer name up1 && ip link set up1 up && ip link set up0 up && "  \
	"ip -6 addr add 2001:db8:1::2/64 dev up0 nodad && "
#define ROUTE "ip -6 route add default via 2001:db8:1::1"

/* ---- interface ---- */

static void the_tun_gets_the_first_address_of_each_pool(void **state)
{
	NEED_ALL();
	context.pools[context.n_pools++] = (struct config_pool){"staff", {addr_v4(0x0a620000), 24}};
	begin("[tunnel]\ntun = cvt0\n", "fd12:3456::/48");
	assert_true(output_has("ip addr show cvt0", "inet 10.99.0.1/24"));
	assert_true(output_has("ip addr show cvt0", "inet 10.98.0.1/24"));
	assert_true(output_has("ip addr show cvt0", "inet6 fd12:3456::1/48"));
	assert_true(output_has("ip addr show cvt0", "inet6 fe80:"));
	assert_true(output_has("ip link show cvt0", "mtu 1400"));
	assert_int_equal(context.own6.octets[15], 1);
	assert_int_equal(context.duid[1], 4); /* RFC 6355 */
}

static void without_ipv6_it_has_none(void **state)
{
	NEED_ALL();
	begin("[tunnel]\ntun = cvt0\nmtu = 1300\n[ppp]\nipv6 = no\n", NULL);
	assert_false(output_has("ip addr show cvt0", "inet6"));
	assert_true(output_has("ip link show cvt0", "mtu 1300"));
}

/* ---- IPv6 to the Internet ---- */

static void clients_have_ipv6_while_the_host_has_a_route(void **state)
{
	NEED_ALL();
	begin("[tunnel]\ntun = cvt0\n", "fd12:3456::/48");
	host_ipv6_check(&host, nl);
	assert_false(ONWARD);
	assert_int_equal(said(EV_IPV6_NOT_ONWARD), 1);
	host_ipv6_check(&host, nl); /* the same again: no line */
	assert_int_equal(n_logged, 1);
	RUN(UPLINK ROUTE);
	host_ipv6_check(&host, nl);
	assert_true(ONWARD);
	assert_int_equal(said(EV_IPV6_ONWARD), 1);
	assert_non_null(strstr(logged_text[1], "masquerade=yes"));
	assert_true(output_has("cat /proc/sys/net/ipv6/conf/all/forwarding", "1"));
	RUN("ip -6 route del default");
	host_ipv6_check(&host, nl);
	assert_false(ONWARD);
	assert_int_equal(said(EV_IPV6_NOT_ONWARD), 2);
}

static void a_private_prefix_without_nat_leads_nowhere(void **state)
{
	NEED_ALL();
	begin("[tunnel]\ntun = cvt0\nnat = no\n", "fd12:3456::/48");
	RUN(UPLINK ROUTE);
	host_ipv6_check(&host, nl);
	assert_false(ONWARD);
	assert_true(output_has("cat /proc/sys/net/ipv6/conf/all/forwarding", "0"));
}

static void a_public_prefix_needs_no_nat(void **state)
{
	NEED_ALL();
	begin("[tunnel]\ntun = cvt0\nnat = no\n", "2001:db8:9::/48");
	RUN(UPLINK ROUTE);
	host_ipv6_check(&host, nl);
	assert_true(ONWARD);
	assert_false(host_ipv6_is_masqueraded(&context, &context.prefix6));
	assert_non_null(strstr(logged_text[0], "masquerade=no"));
}

static void without_a_prefix_nothing_is_looked_for(void **state)
{
	NEED_ALL();
	begin("[tunnel]\ntun = cvt0\n", NULL);
	RUN(UPLINK ROUTE);
	host_ipv6_check(&host, nl);
	assert_false(ONWARD);
	assert_int_equal(n_logged, 0);
}

/* ---- packet filter and switches ---- */

static void all_pools_are_masqueraded_and_clients_kept_apart(void **state)
{
	static const char list[] = "nft list table inet culvert_cvt0";

	NEED_ALL();
	NEED_NFT();
	context.pools[context.n_pools++] = (struct config_pool){"staff", {addr_v4(0x0a620000), 24}};
	begin("[tunnel]\ntun = cvt0\n", "fd12:3456::/48");
	host_change_machine(&host, nl);
	assert_true(output_has(list, "ip saddr 10.99.0.0/24 masquerade"));
	assert_true(output_has(list, "ip saddr 10.98.0.0/24 masquerade"));
	assert_true(output_has(list, "ip6 saddr fd12:3456::/48 masquerade"));
	assert_true(output_has(list, "hook forward"));
	assert_true(output_has(
		list, "oifname \"cvt0\" ip saddr { 10.98.0.0/24, 10.99.0.0/24 } ip daddr"));
	assert_true(output_has(list, "ip6 saddr fd12:3456::/48 ip6 daddr fd12:3456::/48"));
	assert_true(output_has(list, "hook input"));
	assert_true(output_has("cat /proc/sys/net/ipv4/ip_forward", "1"));
	host_restore_machine(&host);
	assert_false(output_has("nft list tables", "culvert_cvt0"));
	assert_true(output_has("cat /proc/sys/net/ipv4/ip_forward", "0"));
}

static void a_public_prefix_is_not_translated(void **state)
{
	NEED_ALL();
	NEED_NFT();
	begin("[tunnel]\ntun = cvt0\n", "2001:db8:9::/48");
	host_change_machine(&host, nl);
	assert_true(output_has("nft list table inet culvert_cvt0", "10.99.0.0/24 masquerade"));
	assert_false(output_has("nft list table inet culvert_cvt0", "2001:db8:9::/48 masquerade"));
	host_restore_machine(&host);
}

static void what_is_not_asked_for_is_not_in_the_filter(void **state)
{
	NEED_ALL();
	NEED_NFT();
	begin("[tunnel]\ntun = cvt0\nnat = no\nclient_to_client = yes\nserver_access = all\n",
		NULL);
	host_change_machine(&host, nl);
	assert_false(output_has("nft list tables", "culvert_cvt0"));
	assert_true(output_has("cat /proc/sys/net/ipv4/ip_forward", "0"));
	host_restore_machine(&host);
}

/* A switch that others had on stays on. */
static void forwarding_that_was_on_stays_on(void **state)
{
	NEED_ALL();
	NEED_NFT();
	begin("[tunnel]\ntun = cvt0\n", NULL);
	write_sysctl("/proc/sys/net/ipv4/ip_forward", "1");
	host_change_machine(&host, nl);
	host_restore_machine(&host);
	assert_true(output_has("cat /proc/sys/net/ipv4/ip_forward", "1"));
}

/* After a kill -9 the next start finds the note, and its end switches off what the first had on. */
static void the_next_start_undoes_what_a_killed_one_left(void **state)
{
	NEED_ALL();
	NEED_NFT();
	begin("[tunnel]\ntun = cvt0\n", NULL);
	host_change_machine(&host, nl);
	assert_int_equal(access(in_folder("forward"), F_OK), 0);
	host = (struct host){.context = &context, .lock = -1};
	snprintf(host.forward.own, sizeof(host.forward.own), "cvt0");
	host_change_machine(&host, nl);
	host_restore_machine(&host);
	assert_true(output_has("cat /proc/sys/net/ipv4/ip_forward", "0"));
	assert_int_equal(access(in_folder("forward"), F_OK), -1);
}

/* The policy of another table drops what is forwarded: logged with its cure, for nothing here undoes it. */
static void another_programs_filter_is_named(void **state)
{
	NEED_ALL();
	NEED_NFT();
	begin("[tunnel]\ntun = cvt0\n", NULL);
	RUN("nft 'table inet other { chain f { type filter hook forward priority 0; policy drop; }; }'");
	host_change_machine(&host, nl);
	assert_int_equal(said(EV_FORWARD_DROPPED), 1);
	host_restore_machine(&host);
}

static void an_unchanged_machine_is_not_restored(void **state)
{
	(void)state;
	host_restore_machine(&host); /* no TUN either */
	assert_int_equal(n_logged, 0);
}

#undef CASE
#define CASE(f) cmocka_unit_test_setup_teardown(f, host_setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(the_tun_gets_the_first_address_of_each_pool),
		CASE(without_ipv6_it_has_none),
		CASE(clients_have_ipv6_while_the_host_has_a_route),
		CASE(a_private_prefix_without_nat_leads_nowhere),
		CASE(a_public_prefix_needs_no_nat),
		CASE(without_a_prefix_nothing_is_looked_for),
		CASE(all_pools_are_masqueraded_and_clients_kept_apart),
		CASE(a_public_prefix_is_not_translated),
		CASE(what_is_not_asked_for_is_not_in_the_filter),
		CASE(forwarding_that_was_on_stays_on),
		CASE(the_next_start_undoes_what_a_killed_one_left),
		CASE(another_programs_filter_is_named),
		CASE(an_unchanged_machine_is_not_restored),
	};

	return cmocka_run_group_tests_name("server/host/machine", tests, NULL, NULL);
}
