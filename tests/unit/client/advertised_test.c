// SPDX-License-Identifier: Apache-2.0
/* client/advertised.c on a clock of the test's own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "client/advertised.h"

#define T0 1000000

static struct prefix prefix(const char *text)
{
	struct prefix p;

	assert_int_equal(prefix_parse(text, &p), 0);
	return p;
}

static struct ra with_route(const char *to, uint32_t lifetime_s)
{
	return (struct ra){.n_routes = 1, .routes = {{.to = prefix(to), .lifetime_s = lifetime_s}}};
}

static struct ra with_names(const char *server, const char *domain, uint32_t lifetime_s)
{
	struct ra ra = {.n_dns = 1,
		.dns_lifetime_s = lifetime_s,
		.n_search = 1,
		.search_lifetime_s = lifetime_s};

	assert_int_equal(addr_parse(server, &ra.dns[0]), 0);
	snprintf(ra.search[0], sizeof(ra.search[0]), "%s", domain);
	return ra;
}

static size_t routes(const struct advertised *a)
{
	struct pushed p = {0};

	advertised_put(a, &p);
	return p.n_routes;
}

static void a_route_ends_by_its_lifetime(void **state)
{
	struct ra ra = with_route("2001:db8:9::/48", 10);
	struct advertised a = {0};

	(void)state;
	assert_int_equal(advertised_next_end_ms(&a), NEVER);
	assert_true(advertised_take(&a, &ra, T0));
	assert_false(advertised_take(&a, &ra, T0 + 5000)); /* the same again: only longer */
	assert_int_equal(advertised_next_end_ms(&a), T0 + 15000);
	assert_false(advertised_end_due(&a, T0 + 14999));
	assert_int_equal(routes(&a), 1);
	assert_true(advertised_end_due(&a, T0 + 15000));
	assert_int_equal(routes(&a), 0);
	assert_int_equal(advertised_next_end_ms(&a), NEVER);
}

static void a_lifetime_of_zero_takes_back_and_all_ones_are_for_ever(void **state)
{
	struct ra ra = with_route("2001:db8:9::/48", UINT32_MAX);
	struct advertised a = {0};

	(void)state;
	assert_true(advertised_take(&a, &ra, T0));
	assert_int_equal(advertised_next_end_ms(&a), NEVER);
	ra.routes[0].to = prefix("2001:db8:9::/64"); /* another one */
	assert_true(advertised_take(&a, &ra, T0));
	assert_int_equal(routes(&a), 2);
	ra.routes[0].lifetime_s = 0;
	assert_true(advertised_take(&a, &ra, T0));
	assert_false(advertised_take(&a, &ra, T0));
	assert_int_equal(routes(&a), 1);
}

static void what_is_not_named_stays(void **state)
{
	struct ra ra = with_route("2001:db8:9::/48", 100),
		  names = with_names("fd00::53", "corp.example", 50);
	struct advertised a = {0};
	struct pushed p = {0};

	(void)state;
	assert_true(advertised_take(&a, &ra, T0));
	assert_true(advertised_take(&a, &names, T0));
	advertised_put(&a, &p);
	assert_int_equal(p.n_routes, 1);
	assert_int_equal(p.n_dns, 1);
	assert_string_equal(p.domains[0].name, "corp.example");
	assert_int_equal(advertised_next_end_ms(&a), T0 + 50000);
	assert_true(advertised_end_due(&a, T0 + 50000));
	p = (struct pushed){0};
	advertised_put(&a, &p);
	assert_int_equal(p.n_routes, 1);
	assert_int_equal(p.n_dns + p.n_domains, 0);
	names = with_names("fd00::53", "corp.example", 0);
	assert_false(advertised_take(&a, &names, T0 + 50000));
}

static void places_are_bounded_and_used_again(void **state)
{
	struct advertised a = {0};
	struct ra ra;

	(void)state;
	for (int i = 0; i < RA_ROUTES_MAX + 9; i++) {
		char text[32];

		snprintf(text, sizeof(text), "2001:db8:%x::/48", i);
		ra = with_route(text, 100);
		assert_int_equal(advertised_take(&a, &ra, T0), i < RA_ROUTES_MAX);
	}
	assert_int_equal(routes(&a), RA_ROUTES_MAX);
	ra = with_route("2001:db8:7::/48", 0);
	assert_true(advertised_take(&a, &ra, T0));
	ra = with_route("fd00::/48", 100);
	assert_true(advertised_take(&a, &ra, T0));
	assert_int_equal(routes(&a), RA_ROUTES_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_route_ends_by_its_lifetime),
		cmocka_unit_test(a_lifetime_of_zero_takes_back_and_all_ones_are_for_ever),
		cmocka_unit_test(what_is_not_named_stays),
		cmocka_unit_test(places_are_bounded_and_used_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
