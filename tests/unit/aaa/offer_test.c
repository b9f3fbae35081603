// SPDX-License-Identifier: Apache-2.0
/* aaa/offer.c: which source counts for what a client learns, and what is the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "aaa/offer.h"

static struct offer offer;
static char text[PREFIXES_TEXT_LEN];

/* Pairs of key and value, to the first NULL. */
static struct grant *grant(enum grant_origin origin, const char *const *pairs)
{
	struct grant_values v = {0};
	char why[GRANT_WHY_LEN];
	struct grant *g;

	for (; *pairs; pairs += 2)
		if (grant_parse(&v, pairs[0], pairs[1], origin, why) < 0)
			fail_msg("%s", why);
	assert_int_equal(grant_new(&v, &g), 0);
	return g;
}

#define GRANTED(origin, ...) grant(origin, (const char *const[]){__VA_ARGS__, NULL})

static void read(struct grant *own, struct grant *all)
{
	memset(&offer, 0xa5, sizeof(offer));
	offer_read(own, all, &offer);
	grant_unref(own);
	grant_unref(all);
}

static const char *routes(void)
{
	return prefixes_format(&offer.routes, text, sizeof(text));
}

static void without_anything_nothing_is_offer(void **state)
{
	(void)state;
	read(NULL, NULL);
	assert_string_equal(routes(), "none");
	assert_int_equal(offer.n_dns + offer.n_dns6 + offer.n_search + offer_names(&offer), 0);
	assert_string_equal(offer.domain, "");
	assert_false(offer.own_dns);
}

static void the_users_and_groups_values_hide_those_of_all(void **state)
{
	(void)state;
	read(GRANTED(GRANT_GROUP, "routes", "10.9.0.0/16,2001:db8:9::/48", "dns", "10.9.0.53"),
		GRANTED(GRANT_DEFAULT, "routes", "10.1.0.0/16", "dns", "192.0.2.53,2001:db8::53"));
	assert_string_equal(routes(), "10.9.0.0/16,2001:db8:9::/48");
	assert_int_equal(offer.n_dns, 1);
	assert_int_equal(offer.dns[0].octets[1], 9);
	assert_int_equal(offer.n_dns6, 0); /* both families are replaced */
	assert_true(offer.own_dns);
	read(GRANTED(GRANT_USER, "routes", "none", "dns", "none"),
		GRANTED(GRANT_DEFAULT, "routes", "10.1.0.0/16", "dns", "192.0.2.53"));
	assert_string_equal(routes(), "none");
	assert_int_equal(offer.n_dns, 0);
}

/* A session keeps the defaults of its login in its grant; those of now count. */
static void the_configuration_of_now_counts(void **state)
{
	(void)state;
	read(GRANTED(GRANT_DEFAULT, "routes", "10.1.0.0/16", "dns", "10.1.0.53"),
		GRANTED(GRANT_DEFAULT, "routes", "10.2.0.0/16", "dns", "10.2.0.53,2001:db8::2"));
	assert_string_equal(routes(), "10.2.0.0/16");
	assert_int_equal(offer.dns[0].octets[1], 2);
	assert_int_equal(offer.dns6[0].octets[15], 2);
	assert_false(offer.own_dns);
	read(GRANTED(GRANT_DEFAULT, "routes", "10.1.0.0/16"), NULL);
	assert_string_equal(routes(), "none");
	read(GRANTED(GRANT_RADIUS, "routes", "10.3.0.0/16"),
		GRANTED(GRANT_DEFAULT, "routes", "10.2.0.0/16"));
	assert_string_equal(routes(), "10.3.0.0/16");
}

static void domains_that_have_no_option_of_their_own_stand_in_the_search_list(void **state)
{
	(void)state;
	read(GRANTED(GRANT_USER, "domains", "corp.example"), NULL);
	assert_string_equal(offer.domain, "corp.example");
	assert_int_equal(offer.n_search, 0);
	assert_int_equal(offer_names(&offer), 1);
	assert_string_equal(offer_name(&offer, 0), "corp.example");
	read(GRANTED(GRANT_USER, "domains", "corp.example,lab.example"), NULL);
	assert_int_equal(offer.n_search, 2);
	assert_string_equal(offer.search[1], "lab.example");
	assert_false(offer.own_search);
	read(GRANTED(GRANT_USER, "domains", "corp.example", "search", "corp.example,lab.example"),
		NULL);
	assert_int_equal(offer.n_search, 2);
	assert_true(offer.own_search);
	read(GRANTED(GRANT_USER, "domains", "corp.example,lab.example", "search", "x.example"),
		NULL);
	assert_int_equal(offer.n_search, 3);
	assert_string_equal(offer.search[0], "x.example");
	assert_string_equal(offer.search[2], "lab.example");
	read(GRANTED(GRANT_USER, "search", "x.example"), NULL);
	assert_string_equal(offer.domain, "");
	assert_true(offer_has_name(&offer, "x.example"));
	assert_false(offer_has_name(&offer, "y.example"));
}

/* 16 and 16, none of them twice: all of them fit. */
static void the_longest_lists_fit(void **state)
{
	char domains[GRANT_DOMAINS_LEN] = "", search[GRANT_DOMAINS_LEN] = "";

	(void)state;
	for (int i = 0; i < GRANT_DOMAINS_MAX; i++) {
		sprintf(domains + strlen(domains), "%sd%d.example", i ? "," : "", i);
		sprintf(search + strlen(search), "%ss%d.example", i ? "," : "", i);
	}
	read(GRANTED(GRANT_USER, "domains", domains, "search", search), NULL);
	assert_int_equal(offer.n_search, 2 * GRANT_DOMAINS_MAX);
	assert_string_equal(offer.search[31], "d15.example");
}

static bool same(struct grant *a, struct grant *all_a, struct grant *b, struct grant *all_b)
{
	bool yes = offer_same(a, all_a, b, all_b);

	grant_unref(a);
	grant_unref(all_a);
	grant_unref(b);
	grant_unref(all_b);
	return yes;
}

static void only_what_is_offer_makes_a_difference(void **state)
{
	(void)state;
	assert_true(same(NULL, NULL, NULL, NULL));
	assert_true(same(GRANTED(GRANT_USER, "routes", "10.1.0.0/16", "idle", "10m"), NULL,
		GRANTED(GRANT_GROUP, "routes", "10.1.0.0/16"), NULL));
	assert_false(same(GRANTED(GRANT_USER, "routes", "10.1.0.0/16"), NULL,
		GRANTED(GRANT_USER, "routes", "10.2.0.0/16"), NULL));
	assert_false(same(GRANTED(GRANT_USER, "domains", "a.example"), NULL, NULL, NULL));
	assert_false(same(GRANTED(GRANT_USER, "search", "a.example"), NULL,
		GRANTED(GRANT_USER, "search", "a.example,b.example"), NULL));
	assert_false(same(GRANTED(GRANT_USER, "dns", "10.1.0.53"), NULL,
		GRANTED(GRANT_USER, "dns", "10.1.0.54"), NULL));
	/* the same servers, but an admin's word for this user: they count without a way onward */
	assert_false(same(GRANTED(GRANT_USER, "dns", "10.1.0.53"), NULL, NULL,
		GRANTED(GRANT_DEFAULT, "dns", "10.1.0.53")));
	assert_false(same(NULL, GRANTED(GRANT_DEFAULT, "routes", "10.1.0.0/16"), NULL,
		GRANTED(GRANT_DEFAULT, "routes", "10.2.0.0/16")));
	assert_true(same(GRANTED(GRANT_USER, "routes", "10.9.0.0/16"),
		GRANTED(GRANT_DEFAULT, "routes", "10.1.0.0/16"),
		GRANTED(GRANT_USER, "routes", "10.9.0.0/16"),
		GRANTED(GRANT_DEFAULT, "routes", "10.2.0.0/16")));
}

static void a_server_is_found_in_the_list(void **state)
{
	struct addr a;

	(void)state;
	read(GRANTED(GRANT_USER, "dns", "10.9.0.53,2001:db8::53,2001:db8::54"), NULL);
	assert_int_equal(addr_parse("2001:db8::54", &a), 0);
	assert_true(offer_has_server(&offer, &a));
	assert_int_equal(addr_parse("2001:db8::55", &a), 0);
	assert_false(offer_has_server(&offer, &a));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_anything_nothing_is_offer),
		cmocka_unit_test(the_users_and_groups_values_hide_those_of_all),
		cmocka_unit_test(the_configuration_of_now_counts),
		cmocka_unit_test(domains_that_have_no_option_of_their_own_stand_in_the_search_list),
		cmocka_unit_test(the_longest_lists_fit),
		cmocka_unit_test(only_what_is_offer_makes_a_difference),
		cmocka_unit_test(a_server_is_found_in_the_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
