// SPDX-License-Identifier: Apache-2.0
/* ip/ra.c against a solicitation and an advertisement worked out by hand from the RFCs' drawings. */
#include "craft.h"
#include "hexlit.h"

#include <errno.h>

#include "ip/ra.h"

static const char rs_text[] =
	"6000000000083aff fe800000000000000200005efffe5301 ff020000000000000000000000000002"
	"850027d900000000";
static const char ra_text[] =
	"6000000000503aff fe800000000000000000000000000001 ff020000000000000000000000000001"
	"8600e1544040070800000000 00000000 0304404000015180000038400000000020010db80001000200000000"
	"00000000 190300000000070820010db8000000000000000000000053 0501000000000578";

static struct addr addr(const char *text)
{
	struct addr a;

	assert_int_equal(addr_parse(text, &a), 0);
	return a;
}

static struct ra sample(void)
{
	struct ra ra = {.from = addr("fe80::1"),
		.to = addr("ff02::1"),
		.router_lifetime_s = 1800,
		.other_config = true,
		.mtu = 1400,
		.valid_s = 86400,
		.preferred_s = 14400,
		.dns = {addr("2001:db8::53")},
		.n_dns = 1,
		.dns_lifetime_s = 1800};

	assert_int_equal(prefix_parse("2001:db8:1:2::/64", &ra.prefix), 0);
	return ra;
}

static void put_sum(struct hexlit *h)
{
	struct ip_packet p;

	craft16(h->p + 42, 0);
	p = parsed(h->p, h->n);
	craft16(h->p + 42, craft_l4_sum(h->p, &p));
}

static void an_advertisement_is_built_as_the_documents_draw_it(void **state)
{
	struct hexlit want = hexlit(ra_text);
	struct ra ra = sample();
	uint8_t got[RA_MAX];

	(void)state;
	assert_int_equal(ra_build(&ra, got, sizeof(got)), want.n);
	assert_memory_equal(got, want.p, want.n);
	for (size_t cap = 0; cap < want.n; cap++)
		assert_int_equal(ra_build(&ra, got, cap), 0);
}

/* RFC 4191 section 2.3 and RFC 8106 section 5.2, by hand. */
static void routes_and_a_search_list_are_built_as_the_documents_draw_them(void **state)
{
	struct hexlit want = hexlit("1f03 0000 00000708 04636f7270 076578616d706c65 00 0000"
				    "1802 3000 00000708 20010db800090000"
				    "1801 0000 00000000"
				    "1803 8008 00000001 20010db8000000000000000000000007"
				    "1802 4018 ffffffff fd00000000000001");
	struct ra ra = {.from = addr("fe80::1"),
		.to = addr("ff02::1"),
		.n_search = 1,
		.search_lifetime_s = 1800,
		.n_routes = 4,
		.routes = {{.lifetime_s = 1800}, {.lifetime_s = 0},
			{.lifetime_s = 1, .preference = 1},
			{.lifetime_s = UINT32_MAX, .preference = -1}}};
	uint8_t got[RA_MAX];
	struct ip_packet p;
	size_t n, len = 56;

	(void)state;
	strcpy(ra.search[0], "corp.example");
	assert_int_equal(prefix_parse("2001:db8:9::/48", &ra.routes[0].to), 0);
	assert_int_equal(prefix_parse("::/0", &ra.routes[1].to), 0);
	assert_int_equal(prefix_parse("2001:db8::7/128", &ra.routes[2].to), 0);
	assert_int_equal(prefix_parse("fd00:0:0:1::/64", &ra.routes[3].to), 0);
	n = ra_build(&ra, got, sizeof(got));
	assert_int_equal(n, 56 + want.n);
	assert_memory_equal(got + 56, want.p, want.n);
	for (size_t i = 0; i < 4; i++)
		len += ra_route_len(&ra.routes[i].to);
	assert_int_equal(n, len + 24);
	p = parsed(got, n);
	assert_int_equal(craft_l4_sum(got, &p), 0);
	for (size_t cap = 0; cap < n; cap++)
		assert_int_equal(ra_build(&ra, got, cap), 0);
}

/* An advertisement with these options alone. */
static int read_options(const char *options, struct ra *ret)
{
	struct ra ra = {.from = addr("fe80::1"), .to = addr("ff02::1")};
	struct hexlit more = hexlit(options), all = {0};
	struct ip_packet p;
	int r;

	all.n = ra_build(&ra, all.p, sizeof(all.p));
	memcpy(all.p + all.n, more.p, more.n);
	all.n += more.n;
	craft16(all.p + 4, (uint16_t)(all.n - 40));
	put_sum(&all);
	p = parsed(all.p, all.n);
	r = ra_parse(all.p, &p, ret);
	return r;
}

static void routes_and_a_search_list_are_read(void **state)
{
	struct ra ra;
	char text[PREFIX_TEXT_LEN];

	(void)state;
	assert_int_equal(read_options("1f03 0000 00000708 04636f7270 076578616d706c65 00 0000"
				      "1802 3000 00000708 20010db800090000"
				      "1801 0000 00000000"
				      "1803 8008 00000001 20010db8000000000000000000000007"
				      "1802 4018 ffffffff fd00000000000001",
				 &ra),
		0);
	assert_int_equal(ra.n_search, 1);
	assert_string_equal(ra.search[0], "corp.example");
	assert_int_equal(ra.search_lifetime_s, 1800);
	assert_int_equal(ra.n_routes, 4);
	assert_string_equal(prefix_format(&ra.routes[0].to, text), "2001:db8:9::/48");
	assert_string_equal(prefix_format(&ra.routes[1].to, text), "::/0");
	assert_int_equal(ra.routes[1].lifetime_s, 0);
	assert_int_equal(ra.routes[2].preference, 1);
	assert_int_equal(ra.routes[2].to.len, 128);
	assert_int_equal(ra.routes[3].preference, -1);
	assert_int_equal(ra.routes[3].lifetime_s, UINT32_MAX);
}

/* Broken ones are left out, the others count. */
static void routes_that_are_none_are_left_out(void **state)
{
	static const char *const bad[] = {
		"1801 0100 00000708",                                  /* a length without octets */
		"1802 4100 00000708 20010db800090000",                 /* 65 bits in eight octets */
		"1803 8100 00000708 20010db8000000000000000000000007", /* 129 */
		"1803 ff00 00000708 20010db8000000000000000000000007",
		"1802 3010 00000708 20010db800090000", /* the reserved preference */
		"1804 4000 00000708 20010db8000000000000000000000007 0000000000000000",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct ra ra;

		assert_int_equal(read_options(bad[i], &ra), 0);
		assert_int_equal(ra.n_routes, 0);
	}
}

static void names_that_are_none_end_the_list(void **state)
{
	static const struct {
		const char *option, *first;
		size_t n;
	} rows[] = {
		{"1f02 0000 00000708 0161 0162 00 000000", "a.b", 1},
		{"1f02 0000 00000708 00 00000000000000", NULL, 0},    /* the root is padding */
		{"1f02 0000 00000708 c000 000000000000", NULL, 0},    /* a pointer */
		{"1f02 0000 00000708 0761 626364656667", NULL, 0},    /* runs out */
		{"1f02 0000 00000708 03 612e62 00 000000", "a?b", 1}, /* a dot inside a label */
		{"1f02 0000 00000708 03 610a62 00 000000", "a?b", 1}, /* a line break */
		{"1f02 0000 00000708 03 610062 00 000000", "a?b", 1}, /* a zero */
		{"1f02 0000 00000708 03 61ff62 00 000000", "a?b", 1},
		{"1f01 0000 00000708", NULL, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct ra ra;

		assert_int_equal(read_options(rows[i].option, &ra), 0);
		assert_int_equal(ra.n_search, rows[i].n);
		if (rows[i].first)
			assert_string_equal(ra.search[0], rows[i].first);
	}
}

/* Its length has to fit one octet, in units of eight; and RA_MAX holds what the struct holds. */
static void the_longest_lists_fit(void **state)
{
	struct ra ra = sample();
	uint8_t got[RA_MAX];

	(void)state;
	for (ra.n_search = 0; ra.n_search < RA_SEARCH_MAX; ra.n_search++) {
		memset(ra.search[ra.n_search], 'a', 253);
		for (size_t i = 63; i < 253; i += 64)
			ra.search[ra.n_search][i] = '.';
	}
	for (ra.n_routes = 0; ra.n_routes < RA_ROUTES_MAX; ra.n_routes++)
		ra.routes[ra.n_routes].to = (struct prefix){addr("2001:db8::7"), 128};
	ra.n_dns = RA_DNS_MAX;
	assert_true(ra_build(&ra, got, sizeof(got)) > 0);
	assert_int_equal(got[56 + 32 + 56 + 8], 31);
	assert_int_equal(got[56 + 32 + 56 + 8 + 1], (8 + RA_SEARCH_MAX * 255 + 7) / 8);
}

static void a_solicitation_is_built_as_the_documents_draw_it(void **state)
{
	struct hexlit want = hexlit(rs_text);
	struct addr from = addr("fe80::200:5e:fffe:5301");
	uint8_t got[RS_LEN];

	(void)state;
	assert_int_equal(ra_solicit(&from, got), want.n);
	assert_memory_equal(got, want.p, want.n);
}

static bool is_solicitation(const struct hexlit *h)
{
	struct ip_packet p = parsed(h->p, h->n);

	return ra_is_solicitation(h->p, &p);
}

static void a_solicitation_is_known_and_a_false_one_is_not(void **state)
{
	struct hexlit good = hexlit(rs_text), bad;

	(void)state;
	assert_true(is_solicitation(&good));
	bad = good;
	bad.p[7] = 254; /* came through a router */
	assert_false(is_solicitation(&bad));
	bad = good;
	bad.p[43] ^= 1; /* checksum */
	assert_false(is_solicitation(&bad));
	bad = good;
	bad.p[41] = 1; /* code */
	put_sum(&bad);
	assert_false(is_solicitation(&bad));
	bad = hexlit(ra_text);
	assert_false(is_solicitation(&bad));
}

static void an_option_of_length_zero_spoils_a_solicitation(void **state)
{
	struct hexlit h = hexlit(rs_text);

	(void)state;
	memcpy(h.p + h.n, "\x01\x01\0\0\0\0\0\0", 8);
	h.n += 8;
	h.p[5] = 16;
	put_sum(&h);
	assert_true(is_solicitation(&h));
	h.p[49] = 0;
	put_sum(&h);
	assert_false(is_solicitation(&h));
	h.p[49] = 2; /* longer than the packet */
	put_sum(&h);
	assert_false(is_solicitation(&h));
}

static int parse(const struct hexlit *h, struct ra *ret)
{
	struct ip_packet p = parsed(h->p, h->n);

	return ra_parse(h->p, &p, ret);
}

static void an_advertisement_is_read_back(void **state)
{
	struct hexlit h = hexlit(ra_text);
	struct ra ra, want = sample();

	(void)state;
	assert_int_equal(parse(&h, &ra), 0);
	assert_int_equal(ra.router_lifetime_s, 1800);
	assert_true(ra.other_config);
	assert_int_equal(ra.mtu, 1400);
	assert_true(addr_equal(&ra.prefix.addr, &want.prefix.addr));
	assert_int_equal(ra.prefix.len, 64);
	assert_int_equal(ra.valid_s, 86400);
	assert_int_equal(ra.n_dns, 1);
	assert_true(addr_equal(&ra.dns[0], &want.dns[0]));
}

static void an_advertisement_from_elsewhere_is_refused(void **state)
{
	struct hexlit h = hexlit(ra_text);
	struct ra ra;

	(void)state;
	h.p[7] = 64;
	assert_int_equal(parse(&h, &ra), -EPROTO);
	h = hexlit(ra_text);
	h.p[8] = 0x20; /* not link-local */
	put_sum(&h);
	assert_int_equal(parse(&h, &ra), -EPROTO);
	h = hexlit(rs_text);
	assert_int_equal(parse(&h, &ra), -ENOMSG);
}

static void a_prefix_that_makes_no_address_is_ignored(void **state)
{
	struct hexlit h = hexlit(ra_text);
	struct ra ra;

	(void)state;
	h.p[58] = 65;
	put_sum(&h);
	assert_int_equal(parse(&h, &ra), 0);
	assert_int_equal(ra.prefix.addr.family, AF_UNSPEC);
	h = hexlit(ra_text);
	h.p[59] = 0x80; /* on-link, not autonomous */
	put_sum(&h);
	assert_int_equal(parse(&h, &ra), 0);
	assert_int_equal(ra.prefix.addr.family, AF_UNSPEC);
}

static void a_prefix_on_the_link_is_kept_as_long_as_it_says(void **state)
{
	struct hexlit h = hexlit(ra_text);
	struct ra ra;

	(void)state;
	assert_int_equal(parse(&h, &ra), 0);
	assert_int_equal(ra.n_on_link, 0);
	h.p[58] = 61;
	h.p[59] = 0x80;
	put_sum(&h);
	assert_int_equal(parse(&h, &ra), 0);
	assert_int_equal(ra.n_on_link, 1);
	assert_int_equal(ra.on_link[0].prefix.len, 61);
	assert_int_equal(ra.on_link[0].valid_s, 86400);
	assert_int_equal(
		ra.on_link[0].prefix.addr.octets[7], 0); /* 2001:db8:1:2 without host bits */
	h.p[58] = 129;
	put_sum(&h);
	assert_int_equal(parse(&h, &ra), 0);
	assert_int_equal(ra.n_on_link, 0);
	h.p[58] = 64;
	memcpy(h.p + 72, "\xfe\x80\0\0\0\0\0\0", 8);
	put_sum(&h);
	assert_int_equal(parse(&h, &ra), 0);
	assert_int_equal(ra.n_on_link, 0);
}

/* An option's length and what it is of contradict each other: it says nothing. */
static void an_option_of_another_length_is_ignored(void **state)
{
	struct hexlit h = hexlit(ra_text);
	struct ra ra;

	(void)state;
	h.p[57] = 7; /* the prefix takes the name servers in */
	h.p[59] = 0xc0;
	put_sum(&h);
	assert_int_equal(parse(&h, &ra), 0);
	assert_int_equal(ra.prefix.addr.family, AF_UNSPEC);
	assert_int_equal(ra.n_on_link, 0);
	assert_int_equal(ra.n_dns, 0);
	h = hexlit(ra_text);
	h.p[89] = 4; /* the name servers take the MTU in */
	put_sum(&h);
	assert_int_equal(parse(&h, &ra), 0);
	assert_int_equal(ra.n_dns, 0);
	h = hexlit(ra_text);
	memset(h.p + 96, 0, 16);
	h.p[111] = 1; /* ::1 */
	put_sum(&h);
	assert_int_equal(parse(&h, &ra), 0);
	assert_int_equal(ra.n_dns, 0);
	h.p[97] = 9; /* longer than the packet */
	h.p[89] = 9;
	put_sum(&h);
	assert_int_equal(parse(&h, &ra), -EPROTO);
}

static size_t answer(const struct hexlit *h, uint8_t ret[static NA_LEN])
{
	const struct addr own[] = {{0}, addr("fe80::1")};
	struct ip_packet p = parsed(h->p, h->n);

	return ra_answer_neighbour(h->p, &p, own, 2, true, ret);
}

static void a_neighbour_that_asks_for_us_is_answered(void **state)
{
	static const char ns_text[] =
		"6000000000183aff fe800000000000000200005efffe5301 ff0200000000000000000001ff000001"
		"87000000 00000000 fe800000000000000000000000000001";
	struct hexlit h = hexlit(ns_text);
	uint8_t got[NA_LEN];
	struct ip_packet p;

	(void)state;
	assert_int_equal(answer(&h, got), 0); /* its checksum is wrong */
	put_sum(&h);
	assert_int_equal(answer(&h, got), NA_LEN);
	p = parsed(got, NA_LEN);
	assert_int_equal(craft_l4_sum(got, &p), 0);
	assert_int_equal(got[40], 136);
	assert_int_equal(got[44], 0xe0); /* a router, solicited, override */
	assert_memory_equal(got + 24, h.p + 8, 16);
	assert_memory_equal(got + 48, h.p + 48, 16);
	h.p[63] = 2; /* another's */
	put_sum(&h);
	assert_int_equal(answer(&h, got), 0);
	h.p[63] = 1;
	h.p[7] = 254;
	put_sum(&h);
	assert_int_equal(answer(&h, got), 0);
	h.p[7] = 255;
	memset(h.p + 8, 0, 16); /* it has no address yet */
	put_sum(&h);
	assert_int_equal(answer(&h, got), NA_LEN);
	assert_int_equal(got[44], 0xa0);
	assert_int_equal(got[39], 1); /* to all nodes */
	h.p[24] = 0xfe;
	put_sum(&h);
	assert_int_equal(answer(&h, got), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_advertisement_is_built_as_the_documents_draw_it),
		cmocka_unit_test(routes_and_a_search_list_are_built_as_the_documents_draw_them),
		cmocka_unit_test(routes_and_a_search_list_are_read),
		cmocka_unit_test(routes_that_are_none_are_left_out),
		cmocka_unit_test(names_that_are_none_end_the_list),
		cmocka_unit_test(the_longest_lists_fit),
		cmocka_unit_test(a_solicitation_is_built_as_the_documents_draw_it),
		cmocka_unit_test(a_solicitation_is_known_and_a_false_one_is_not),
		cmocka_unit_test(an_option_of_length_zero_spoils_a_solicitation),
		cmocka_unit_test(an_advertisement_is_read_back),
		cmocka_unit_test(an_advertisement_from_elsewhere_is_refused),
		cmocka_unit_test(a_prefix_that_makes_no_address_is_ignored),
		cmocka_unit_test(a_prefix_on_the_link_is_kept_as_long_as_it_says),
		cmocka_unit_test(an_option_of_another_length_is_ignored),
		cmocka_unit_test(a_neighbour_that_asks_for_us_is_answered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
