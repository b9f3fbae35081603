// SPDX-License-Identifier: Apache-2.0
/* ip/pushed.c: what a hostile server may not push, alone or by many routes, and what an honest one may. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/auto.h"
#include "ip/pushed.h"

static struct prefix prefix(const char *text)
{
	struct prefix p;

	if (prefix_parse(text, &p))
		fail_msg("%s", text);
	return p;
}

static void push(struct pushed *p, const char *list)
{
	char text[4096];

	snprintf(text, sizeof(text), "%s", list);
	for (char *save, *word = strtok_r(text, " ", &save); word;
		word = strtok_r(NULL, " ", &save)) {
		struct prefix to = prefix(word);

		assert_int_equal(pushed_route(p, &to), 0);
	}
}

static void beside(struct pushed *p, enum pushed_use use, const char *net)
{
	struct prefix n = prefix(net);

	pushed_beside(p, use, &n);
}

/* This machine: 192.168.7.2/24 behind 192.168.7.1, a docker bridge, another VPN; the server 203.0.113.9. */
static void here(struct pushed *p)
{
	beside(p, PUSHED_OUTER, "203.0.113.9");
	beside(p, PUSHED_OUTER, "2001:db8:feed::9");
	beside(p, PUSHED_LOCAL, "192.168.7.0/24");
	beside(p, PUSHED_LOCAL, "172.17.0.0/16");
	beside(p, PUSHED_LOCAL, "2001:db8:1:1::/64");
	beside(p, PUSHED_GATEWAY, "192.0.2.254");
	beside(p, PUSHED_RESOLVER, "9.9.9.9");
	beside(p, PUSHED_RESOLVER, "2620:fe::fe");
	beside(p, PUSHED_ELSEWHERE, "10.50.0.0/16");
	beside(p, PUSHED_ELSEWHERE, "0.0.0.0/1"); /* another VPN's default route is no network */
	beside(p, PUSHED_EXCLUDED, "10.66.0.0/16");
}

static size_t followed(const char *list, bool accept)
{
	struct pushed p = {0};

	push(&p, list);
	here(&p);
	pushed_judge(&p, accept);
	return pushed_followed(&p);
}

struct row {
	const char *routes;
	size_t followed, accepted; /* how many, by itself and when the user accepts */
};

static const struct row rows[] = {
	/* honest */
	{"10.9.0.0/16", 1, 1},
	{"10.0.0.0/9 10.128.0.0/10", 2, 2}, /* 10.50.0.0/16 is longer: it goes on as before */
	{"2001:db8:9::/48", 1, 1},
	{"fc00::/7", 1, 1},
	{"fd00::/8 fd12:3456::/32", 2, 2},
	{"17.0.0.0/8", 1, 1},
	{"198.51.100.0/24 198.51.100.7", 2, 2},
	{"2a00:1450::/32 64:ff9b::/96", 2, 2},
	/* the default route, in one piece and in several */
	{"0.0.0.0/0", 0, 1},
	{"0.0.0.0/1 128.0.0.0/1", 0, 2},
	{"0.0.0.0/2 64.0.0.0/2 128.0.0.0/2 192.0.0.0/2", 0, 4},
	{"0.0.0.0/1 128.0.0.0/2 192.0.0.0/3", 0, 3},
	{"0.0.0.0/1", 0, 1},
	{"8.0.0.0/7", 0, 1},
	{"8.0.0.0/8 17.0.0.0/8", 0, 2},
	{"8.0.0.0/9 8.128.0.0/9", 2, 2},
	{"8.0.0.0/9 8.128.0.0/9 4.4.4.4", 0, 3},
	{"8.0.0.0/8 8.8.8.0/24 8.8.8.8", 3, 3}, /* nested ones count once */
	{"172.0.0.0/8", 0, 1},                  /* with the docker bridge */
	{"::/0", 0, 1},
	{"::/1 8000::/1", 0, 2},
	{"2000::/3", 0, 1},
	{"2000::/4 3000::/4", 0, 2},
	{"2a00::/16", 1, 1},
	{"2a00::/16 2600::/16", 0, 2},
	{"2a00::/17 2a00:8000::/17 2600::/64", 0, 3},
	{"fc00::/6", 0, 1},
	{"0.0.0.0/1 128.0.0.0/1 10.9.0.0/16", 1, 3}, /* the honest one goes on */
	{"8.0.0.0/8 17.0.0.0/8 10.9.0.0/16 2001:db8:9::/48", 2, 4},
	/* the server's own outer address */
	{"203.0.113.9", 0, 1},
	{"203.0.113.0/24", 0, 1},
	{"203.0.113.8/30 203.0.113.128/25", 1, 2},
	{"2001:db8:feed::9", 0, 1},
	{"2001:db8::/32", 0, 1},
	/* the local network: the same, a part, parts of it, more than it */
	{"192.168.7.0/24", 0, 1},
	{"192.168.7.0/25 192.168.7.128/25", 0, 2},
	{"192.168.7.99", 0, 1},
	{"192.168.0.0/16", 0, 1},
	{"192.168.8.0/24", 1, 1},
	{"172.16.0.0/12", 0, 1},
	{"2001:db8:1:1::7", 0, 1},
	{"2001:db8:1:1:8000::/65", 0, 1},
	{"2001:db8:1::/48", 0, 1},
	{"2001:db8:1:2::/64", 1, 1},
	/* gateways, name servers, other ways of this machine */
	{"192.0.2.254", 0, 1},
	{"192.0.2.0/24", 0, 1},
	{"9.9.9.0/24", 0, 1},
	{"9.9.9.9", 0, 1},
	{"2620:fe::/48", 0, 1},
	{"10.50.0.0/16", 0, 1},
	{"10.50.3.0/24", 0, 1},
	{"10.50.3.4", 0, 1},
	{"10.48.0.0/12", 1, 1},
	/* what the user keeps out stays out, whatever is accepted */
	{"10.66.0.0/16", 0, 0},
	{"10.66.1.0/24", 0, 0},
	{"10.66.1.1", 0, 0},
	{"10.64.0.0/12", 1, 1}, /* the longer exclusion counts in there */
	/* never */
	{"127.0.0.0/8", 0, 0},
	{"127.0.0.1", 0, 0},
	{"0.0.0.0/8", 0, 0},
	{"169.254.0.0/16", 0, 0},
	{"169.254.169.254", 0, 0},
	{"169.0.0.0/8", 0, 1}, /* it takes in link-local addresses, and more */
	{"224.0.0.0/4", 0, 0},
	{"239.1.2.3", 0, 0},
	{"224.0.0.0/3", 0, 0},
	{"240.0.0.0/4", 0, 0},
	{"255.255.255.255", 0, 0},
	{"::1", 0, 0},
	{"::/96", 0, 0},
	{"::ffff:0:0/96", 0, 0},
	{"::ffff:10.0.0.1", 0, 0},
	{"::/64", 0, 1},
	{"fe80::/10", 0, 0},
	{"fe80::/64", 0, 0},
	{"fe80::1", 0, 0},
	{"fe00::/8", 0, 1},
	{"ff00::/8", 0, 0},
	{"ff02::1", 0, 0},
};

static void each_list_is_judged(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct row *r = &rows[i];
		size_t got = followed(r->routes, false), accepted = followed(r->routes, true);

		if (got != r->followed || accepted != r->accepted)
			fail_msg("%s: followed %zu, expected %zu; accepted %zu, expected %zu",
				r->routes, got, r->followed, accepted, r->accepted);
	}
}

/* Any way to cut the Internet into equal pieces, from two halves to 256 of them. */
static void the_internet_in_equal_pieces_is_refused(void **state)
{
	(void)state;
	for (uint8_t len = 1; len <= 8; len++) {
		struct pushed p = {0};

		for (uint32_t i = 0; i < 1u << len; i++)
			pushed_route(&p, &(struct prefix){addr_v4(i << (32 - len)), len});
		pushed_judge(&p, false);
		assert_in_range(pushed_followed(&p), 0, 1); /* of the /8s: 10.0.0.0/8 */
		assert_false(pushed_reaches(&p, &(struct addr){AF_INET, {8, 8, 8, 8}}));
		pushed_judge(&p, true);
		assert_true(pushed_reaches(&p, &(struct addr){AF_INET, {8, 8, 8, 8}}));
	}
}

/* ... and into a ladder: 0.0.0.0/1, 128.0.0.0/2, 192.0.0.0/3 and on. */
static void the_internet_as_a_ladder_is_refused(void **state)
{
	struct pushed p = {0};
	uint32_t at = 0;

	(void)state;
	for (uint8_t len = 1; len <= 32; len++) {
		pushed_route(&p, &(struct prefix){addr_v4(at), len});
		at |= 1u << (32 - len);
	}
	pushed_judge(&p, false);
	assert_int_equal(pushed_followed(&p), 0);
}

static void host_bits_do_not_count_and_the_same_route_counts_once(void **state)
{
	struct prefix to = {{AF_INET, {10, 9, 8, 7}}, 16}, six = {{AF_INET6, {0xfd, 1, 2, 3}}, 12};
	struct pushed p = {0};
	char text[PREFIX_TEXT_LEN];

	(void)state;
	assert_int_equal(pushed_route(&p, &to), 0);
	assert_int_equal(pushed_route(&p, &six), 0);
	push(&p, "10.9.0.0/16 fd00::/12");
	assert_int_equal(p.n_routes, 2);
	assert_string_equal(prefix_format(&p.routes[0].to, text), "10.9.0.0/16");
	to.len = 33;
	assert_int_equal(pushed_route(&p, &to), -EINVAL);
	six.len = 129;
	assert_int_equal(pushed_route(&p, &six), -EINVAL);
	assert_int_equal(pushed_route(&p, &(struct prefix){0}), -EINVAL);
}

static void what_is_too_many_is_counted(void **state)
{
	struct pushed p = {0};

	(void)state;
	for (uint32_t i = 0; i < PUSHED_ROUTES_MAX + 44; i++)
		pushed_route(&p, &(struct prefix){addr_v4(10u << 24 | i << 8), 24});
	assert_int_equal(p.n_routes, PUSHED_ROUTES_MAX);
	assert_int_equal(p.left_out, 44);
	for (uint8_t i = 0; i < PUSHED_DNS_MAX + 3; i++)
		pushed_dns(&p, &(struct addr){AF_INET, {10, 0, 0, (uint8_t)(1 + i)}});
	assert_int_equal(p.n_dns, PUSHED_DNS_MAX);
	assert_int_equal(p.left_out, 47);
	for (int i = 0; i < PUSHED_DOMAINS_MAX + 2; i++) {
		char name[32];

		pushed_domain(&p, name, (size_t)snprintf(name, sizeof(name), "d%d.example", i));
	}
	assert_int_equal(p.n_domains, PUSHED_DOMAINS_MAX);
	assert_int_equal(p.left_out, 49);
}

static void a_reason_names_what_it_stands_against(void **state)
{
	struct pushed p = {0};
	char text[PREFIX_TEXT_LEN];

	(void)state;
	push(&p, "192.168.0.0/16");
	here(&p);
	pushed_judge(&p, false);
	assert_non_null(strstr(p.routes[0].why, "this machine is in"));
	assert_string_equal(prefix_format(&p.routes[0].against, text), "192.168.7.0/24");
}

struct name_row {
	const char *name;
	bool good, accepted;
};

static const struct name_row names[] = {
	{"corp.example", true, true},
	{"CORP.Example.", true, true},
	{"_msdcs.corp.example", true, true},
	{"9.10.in-addr.arpa", true, true},
	{"8.b.d.0.1.0.0.2.ip6.arpa", true, true},
	{"xn--mller-kva.example", true, true},
	{".", false, true},
	{"", false, true},
	{"com", false, true},
	{"com.", false, true},
	{"local", false, true},
	{"in-addr.arpa", false, true},
	{"ip6.arpa", false, true},
	{"arpa", false, true},
	{"..", false, false},
	{".corp.example", false, false},
	{"corp..example", false, false},
	{"~.", false, false},
	{"~corp.example", false, false},
	{"*.example", false, false},
	{"a b.example", false, false},
	{"corp.example\nsearch evil", false, false},
	{"m\xc3\xbcller.example", false, false},
	{"-a.example", false, false},
	{"a-.example", false, false},
	{"10.0.0.1", false, false},
	{"a.1", false, false},
	{"localhost", false, false},
	{"x.localhost", false, false},
	{"x.onion", false, false},
	{"home.arpa", false, false},
	{"printer.home.arpa", false, false},
	{"nothome.arpa", true, true},
	{"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.example", false, false},
};

static void each_domain_is_judged(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		const struct name_row *r = &names[i];
		struct pushed p = {0};
		bool good;

		pushed_domain(&p, r->name, strlen(r->name));
		assert_int_equal(p.n_domains, 1);
		good = !p.domains[0].why;
		pushed_judge(&p, true);
		if (good != r->good || !p.domains[0].why != r->accepted)
			fail_msg("\"%s\": %d, accepted %d", r->name, good, !p.domains[0].why);
	}
}

static void a_domain_is_kept_in_small_letters_once(void **state)
{
	static const char zero[] = "corp\0.example";
	char longest[300];
	struct pushed p = {0};

	(void)state;
	pushed_domain(&p, "Corp.EXAMPLE.", 13);
	pushed_domain(&p, "corp.example", 12);
	assert_int_equal(p.n_domains, 1);
	assert_string_equal(p.domains[0].name, "corp.example");
	pushed_domain(&p, zero, sizeof(zero) - 1);
	assert_non_null(p.domains[1].why);
	memset(longest, 'a', sizeof(longest));
	pushed_domain(&p, longest, PUSHED_NAME_LEN);
	assert_int_equal(p.n_domains, 2);
	assert_int_equal(p.left_out, 1);
}

static void a_name_server_is_a_host(void **state)
{
	static const struct {
		const char *address;
		bool good;
	} servers[] = {{"10.9.0.53", true}, {"fd00::53", true}, {"127.0.0.53", false},
		{"169.254.1.1", false}, {"224.0.0.251", false}, {"0.0.0.0", false}, {"::1", false},
		{"fe80::1", false}, {"ff02::fb", false}, {"255.255.255.255", false}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(servers); i++) {
		struct pushed p = {0};
		struct addr a;

		assert_int_equal(addr_parse(servers[i].address, &a), 0);
		pushed_dns(&p, &a);
		pushed_dns(&p, &a);
		assert_int_equal(p.n_dns, 1);
		assert_int_equal(!p.dns[0].why, servers[i].good);
	}
}

static void a_change_is_seen(void **state)
{
	struct pushed a = {0}, b = {0};

	(void)state;
	push(&a, "10.9.0.0/16");
	push(&b, "10.9.0.0/16");
	assert_true(pushed_equal(&a, &b));
	beside(&b, PUSHED_LOCAL, "10.9.1.0/24"); /* the machine came into another network */
	assert_false(pushed_equal(&a, &b));
	b = a;
	pushed_domain(&b, "corp.example", 12);
	assert_false(pushed_equal(&a, &b));
	b = a;
	pushed_dns(&b, &(struct addr){AF_INET, {10, 9, 0, 53}});
	assert_false(pushed_equal(&a, &b));
	b = a;
	push(&b, "10.10.0.0/16");
	assert_false(pushed_equal(&a, &b));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_list_is_judged),
		cmocka_unit_test(the_internet_in_equal_pieces_is_refused),
		cmocka_unit_test(the_internet_as_a_ladder_is_refused),
		cmocka_unit_test(host_bits_do_not_count_and_the_same_route_counts_once),
		cmocka_unit_test(what_is_too_many_is_counted),
		cmocka_unit_test(a_reason_names_what_it_stands_against),
		cmocka_unit_test(each_domain_is_judged),
		cmocka_unit_test(a_domain_is_kept_in_small_letters_once),
		cmocka_unit_test(a_name_server_is_a_host),
		cmocka_unit_test(a_change_is_seen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
