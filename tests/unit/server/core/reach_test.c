// SPDX-License-Identifier: Apache-2.0
/* server/core/reach.c: networks of which the server would say too much, or what nobody reaches. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "server/core/reach.h"

static struct reach r;
static char why[REACH_TEXT_LEN];

static struct prefix prefix(const char *text)
{
	struct prefix p;

	assert_int_equal(prefix_parse(text, &p), 0);
	return p;
}

static void route(const char *to, bool leads)
{
	r.route[r.n++] = (struct reach_route){prefix(to), leads};
}

static int setup(void **state)
{
	(void)state;
	r.own.n = r.n = 0;
	r.all = true;
	prefixes_add(&r.own, &(struct prefix){addr_v4(0xc0000201), 32});
	return 0;
}

static bool doubt(const char *to)
{
	struct prefix p = prefix(to);

	*why = '\0';
	return reach_doubt(&r, "routes", &p, why);
}

static void a_network_that_holds_the_servers_address(void **state)
{
	(void)state;
	route("0.0.0.0/0", true);
	assert_true(doubt("192.0.2.0/24"));
	assert_non_null(strstr(why, "routes: 192.0.2.0/24 holds 192.0.2.1"));
	assert_true(doubt("0.0.0.0/0"));
	assert_true(doubt("128.0.0.0/1"));
	assert_false(doubt("0.0.0.0/1"));
	assert_false(doubt("192.0.3.0/24"));
	assert_true(doubt("::/0")); /* no way onward */
}

static void a_network_that_this_host_has_no_way_to(void **state)
{
	(void)state;
	route("10.9.0.0/16", true);
	route("2001:db8::/32", true);
	assert_false(doubt("10.9.0.0/16"));
	assert_false(doubt("10.9.3.0/24"));
	assert_false(doubt("10.0.0.0/8")); /* a part of it */
	assert_false(doubt("2001:db8:9::/48"));
	assert_true(doubt("10.10.0.0/16"));
	assert_string_equal(
		why, "routes: this host has no route to 10.10.0.0/16, so no client reaches it");
	assert_true(doubt("2001:db9::/32"));
	r.all = false; /* not all was seen: nothing is said */
	assert_false(doubt("10.10.0.0/16"));
}

static void a_route_that_refuses_is_none(void **state)
{
	(void)state;
	route("0.0.0.0/0", true);
	route("10.0.0.0/8", false);
	route("10.9.0.0/16", true);
	assert_true(doubt("10.10.0.0/16"));
	assert_false(doubt("10.9.1.0/24"));
	assert_false(doubt("10.0.0.0/8"));
	assert_false(doubt("172.16.0.0/12"));
}

/* Of the machine on which the test runs; whatever it has, it is read. */
static void the_host_is_read(void **state)
{
	struct config *cfg;
	struct config_error err;

	(void)state;
	assert_int_equal(
		config_parse("t", "[server]\nlisten = 192.0.2.7:443 [::]:443\n", 39, &cfg, &err),
		0);
	reach_read(cfg, &r);
	assert_true(r.own.n >= 1);
	assert_true(addr_equal(&r.own.of[0].addr, &(struct addr){AF_INET, {192, 0, 2, 7}}));
	for (size_t i = 0; i < r.own.n; i++)
		assert_int_not_equal(r.own.of[i].addr.octets[0], 127);
	config_free(cfg);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_network_that_holds_the_servers_address, setup),
		cmocka_unit_test_setup(a_network_that_this_host_has_no_way_to, setup),
		cmocka_unit_test_setup(a_route_that_refuses_is_none, setup),
		cmocka_unit_test(the_host_is_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
