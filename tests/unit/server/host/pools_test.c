// SPDX-License-Identifier: Apache-2.0
/* server/host/pools.c: pools configured, chosen once or refused; name servers for clients. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "aaa/grant.h"
#include "os/netlink.h"
#include "server/host/grant.h"
#include "store/db.h"
#include "unit/os/netns.h"
#include "unit/server/host/host.h"

static struct db *db;
static struct netlink *nl;

static int setup(void **state)
{
	struct db_opts opts = {.state = folder, .check = true};
	struct db_error err;

	host_setup(state);
	if (db_open(&opts, &db, &err) < 0)
		fail_msg("%s", err.text);
	return 0;
}

static int teardown(void **state)
{
	db_close(db);
	netlink_free(nl);
	nl = NULL;
	return host_teardown(state);
}

/* As a new start would: another context over the same database. */
static void start_again(const char *more)
{
	configure(more);
	context = (struct context){.config = context.config};
	assert_int_equal(host_check_pools(&host), 0);
	forget_events();
}

static bool is(const struct prefix *p, const char *text)
{
	char got[PREFIX_TEXT_LEN];

	return !strcmp(prefix_format(p, got), text);
}

/* ---- choosing ---- */

static void a_chosen_pool_stays(void **state)
{
	char four[PREFIX_TEXT_LEN], six[PREFIX_TEXT_LEN];

	NEED_NETNS();
	assert_int_equal(netlink_new(&nl, NULL), 0);
	assert_int_equal(host_choose_pools(&host, nl, db), 0);
	assert_int_equal(said(EV_POOL_CHOSEN), 2); /* IPv4 and IPv6 */
	prefix_format(&context.pool, four);
	prefix_format(&context.prefix6, six);
	assert_int_equal(context.prefix6.addr.octets[0], 0xfd); /* RFC 4193 */
	assert_int_equal(context.prefix6.len, 48);
	start_again("");
	assert_int_equal(host_choose_pools(&host, nl, db), 0);
	assert_int_equal(n_logged, 0);
	assert_true(is(&context.pool, four));
	assert_true(is(&context.prefix6, six));
	assert_int_equal(
		addr_v4_value(&context.addresses.local), addr_v4_value(&context.pool.addr) + 1);
}

static void a_configured_one_comes_before_the_chosen_one(void **state)
{
	NEED_NETNS();
	assert_int_equal(netlink_new(&nl, NULL), 0);
	assert_int_equal(host_choose_pools(&host, nl, db), 0);
	start_again("[tunnel]\nipv4_pool = 10.99.0.0/16\nipv6_prefix = 2001:db8:9::/48\n"
		    "pools = staff=10.98.0.0/24\n");
	assert_int_equal(host_choose_pools(&host, nl, db), 0);
	assert_true(is(&context.pool, "10.99.0.0/16"));
	assert_true(is(&context.prefix6, "2001:db8:9::/48"));
	assert_int_equal(n_logged, 0);
	assert_int_equal(context.n_nets, 2); /* what the guard knows as clients' */
	assert_true(is(&context.nets[1], "10.98.0.0/24"));
}

static void without_ipv6_no_prefix_is_chosen(void **state)
{
	NEED_NETNS();
	assert_int_equal(netlink_new(&nl, NULL), 0);
	start_again("[ppp]\nipv6 = no\n");
	assert_int_equal(host_choose_pools(&host, nl, db), 0);
	assert_int_equal(context.prefix6.addr.family, AF_UNSPEC);
	assert_int_equal(said(EV_POOL_CHOSEN), 1);
}

/* What stands in the database is not believed when it is no prefix. */
static void nonsense_in_the_database_is_chosen_again(void **state)
{
	NEED_NETNS();
	assert_int_equal(netlink_new(&nl, NULL), 0);
	assert_int_equal(db_meta_set(db, "ipv4_pool", "10.0.0.1/99"), 0);
	start_again("[ppp]\nipv6 = no\n");
	assert_int_equal(host_choose_pools(&host, nl, db), 0);
	assert_int_equal(said(EV_POOL_CHOSEN), 1);
	assert_int_equal(context.pool.addr.family, AF_INET);
}

static void a_pool_of_the_loopback_is_refused_by_name(void **state)
{
	(void)state;
	configure("[tunnel]\nipv4_pool = 127.5.0.0/16\n");
	assert_int_equal(host_check_pools(&host), layer_exit_code(LAYER_CONFIG));
	assert_int_equal(said(EV_POOL_UNUSABLE), 1);
	assert_non_null(strstr(logged_text[0], "loopback"));
}

/* ---- name servers ---- */

static void a_router_advertisement_has_room_for_three(void **state)
{
	struct grant *g;

	(void)state;
	configure("[tunnel]\ndns = 2001:db8::1 192.0.2.53 2001:db8::2 2001:db8::3 2001:db8::4\n");
	assert_int_equal(host_default_grant(context.config, &g), 0);
	assert_int_equal(g->is.dns.n, 4);
	assert_int_equal(g->is.dns.item[3].octets[15], 3);
	grant_unref(g);
}

/* In a file they stand with commas, with blanks, or both; host bits are zeroed. */
static void networks_of_all_are_granted_to_all(void **state)
{
	static const char *const files[] = {"routes = 10.9.0.0/16 2001:db8:9::/48\n",
		"routes = 10.9.0.0/16, 2001:db8:9::/48\n", "routes = 10.9.0.0/16,2001:db8:9::/48\n",
		"routes = \"10.9.7.1/16 2001:db8:9::/48\"\n"};
	char section[200], text[GRANT_VALUE_LEN];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		struct grant *g;

		snprintf(section, sizeof(section), "[tunnel]\n%s", files[i]);
		configure(section);
		assert_int_equal(host_default_grant(context.config, &g), 0);
		assert_int_equal(g->is.routes.origin, GRANT_DEFAULT);
		assert_string_equal(grant_text(&g->is, grant_key_find("routes"), text),
			"10.9.0.0/16,2001:db8:9::/48");
		grant_unref(g);
	}
}

static void ipcp_has_room_for_two_and_of_ipv4(void **state)
{
	struct grant *g;

	(void)state;
	configure("[tunnel]\ndns = 2001:db8::1 192.0.2.53 192.0.2.54 192.0.2.55\n"
		  "nbns = 192.0.2.60\n[auth]\nuser_sessions = 3\n[ppp]\nipv6 = no\n");
	assert_int_equal(host_default_grant(context.config, &g), 0);
	assert_int_equal(g->is.dns.n, 3); /* the first is for IPv6 hosts */
	assert_int_equal(addr_v4_value(&g->is.dns.item[1]), 0xc0000235);
	assert_int_equal(addr_v4_value(&g->is.dns.item[2]), 0xc0000236);
	assert_int_equal(g->is.nbns.n, 1);
	assert_int_equal(g->is.sessions.value, 3);
	assert_false(g->is.ipv6.value);
	grant_unref(g);
}

#undef CASE
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_chosen_pool_stays),
		CASE(a_configured_one_comes_before_the_chosen_one),
		CASE(without_ipv6_no_prefix_is_chosen),
		CASE(nonsense_in_the_database_is_chosen_again),
		CASE(a_pool_of_the_loopback_is_refused_by_name),
		CASE(networks_of_all_are_granted_to_all),
		CASE(a_router_advertisement_has_room_for_three),
		CASE(ipcp_has_room_for_two_and_of_ipv4),
	};

	return cmocka_run_group_tests_name("server/host/pools", tests, NULL, NULL);
}
