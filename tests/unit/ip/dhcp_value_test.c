// SPDX-License-Identifier: Apache-2.0
/* ip/dhcp_value.c: the examples of RFC 3442 and RFC 3397, and names and routes that lie. */
#include "vectors.h"

#include <errno.h>

#include "ip/dhcp_value.h"

static struct dhcp_names names;
static struct dhcp_route routes[DHCP_ROUTES_MAX];
static unsigned ignored;

static const struct addr router = {AF_INET, {10, 8, 0, 1}};

static void destinations_are_encoded_as_the_rfc_prints_them(void **state)
{
	const char *text;
	json_t *hex;

	(void)state;
	json_object_foreach(json_object_get(vector("rfc3442-descriptors"), "outputs"), text, hex)
	{
		struct hexlit want = hexlit(json_string_value(hex));
		uint8_t out[16];
		struct wr w = wr_init(out, sizeof(out));
		struct prefix p;
		struct rd r;
		size_t n;

		assert_int_equal(prefix_parse(text, &p), 0);
		dhcp_write_route(&w, &p, &router);
		assert_int_equal(wr_len(&w), want.n + 4);
		assert_int_equal(dhcp_route_len(&p), want.n + 4);
		assert_memory_equal(out, want.p, want.n);
		assert_memory_equal(out + want.n, router.octets, 4);
		r = rd_init(out, wr_len(&w));
		assert_int_equal(dhcp_read_routes(&r, routes, &n, &ignored), 0);
		assert_int_equal(n, 1);
		assert_int_equal(routes[0].to.len, p.len);
		assert_true(addr_equal(&routes[0].to.addr, &p.addr));
		assert_true(addr_equal(&routes[0].via, &router));
	}
}

static void bits_beyond_the_length_are_never_sent_nor_taken(void **state)
{
	static const uint8_t odd[] = {9, 10, 255, 0, 0, 0, 0};
	struct prefix p = {{AF_INET, {10, 255, 255, 255}}, 9};
	struct rd r = rd_init(odd, sizeof(odd));
	uint8_t out[16];
	struct wr w = wr_init(out, sizeof(out));
	size_t n;

	(void)state;
	dhcp_write_route(&w, &p, &router);
	assert_memory_equal(out, "\x09\x0a\x80\x0a\x08\x00\x01", 7);
	assert_int_equal(dhcp_read_routes(&r, routes, &n, &ignored), 0);
	assert_int_equal(addr_v4_value(&routes[0].to.addr), 0x0a800000);
}

static void routes_that_are_cut_or_too_long_are_refused(void **state)
{
	static const uint8_t two[] = {8, 10, 10, 8, 0, 1, 32, 192, 0, 2, 7, 10, 8, 0, 1};
	static const uint8_t bad[] = {33, 10, 0, 0, 0, 0, 10, 8, 0, 1};
	struct rd r = rd_init(bad, sizeof(bad));
	size_t n;

	(void)state;
	assert_int_equal(dhcp_read_routes(&r, routes, &n, &ignored), -EPROTO);
	for (size_t len = 0; len <= sizeof(two); len++) {
		r = rd_init(two, len);
		assert_int_equal(dhcp_read_routes(&r, routes, &n, &ignored),
			len == 0 || len == 6 || len == 15 ? 0 : -EPROTO);
	}
	assert_int_equal(n, 2);
}

static void more_routes_than_there_is_room_for_are_counted(void **state)
{
	static uint8_t many[(DHCP_ROUTES_MAX + 3) * 5]; /* 0.0.0.0/0 by 0.0.0.0 */
	struct rd r = rd_init(many, sizeof(many));
	size_t n;

	(void)state;
	ignored = 0;
	assert_int_equal(dhcp_read_routes(&r, routes, &n, &ignored), 0);
	assert_int_equal(n, DHCP_ROUTES_MAX);
	assert_int_equal(ignored, 3);
}

/* ---- names ------------------------------------------------------------------ */

/* RFC 3397 section 2: what three options 119 hold together. */
static const uint8_t apple[] = "\3eng\5apple\3com\0\11marketing\xc0\4";

static int read(const void *octets, size_t n)
{
	ignored = 0;
	return dhcp_read_names(octets, n, &names, &ignored);
}

static void the_example_of_the_rfc_is_read_and_written(void **state)
{
	uint8_t out[64];
	struct wr w = wr_init(out, sizeof(out));

	(void)state;
	assert_int_equal(read(apple, sizeof(apple) - 1), 0);
	assert_int_equal(names.n, 2);
	assert_string_equal(names.of[0], "eng.apple.com");
	assert_string_equal(names.of[1], "marketing.apple.com");
	assert_int_equal(dhcp_write_names(&w, sizeof(out), &names, true), 2);
	assert_int_equal(wr_len(&w), sizeof(apple) - 1);
	assert_memory_equal(out, apple, sizeof(apple) - 1);
}

static void written_without_pointers_it_reads_the_same(void **state)
{
	struct dhcp_names wrote;
	uint8_t out[600];

	(void)state;
	wrote = (struct dhcp_names){4,
		{"corp.example", "lab.corp.example", "CORP.example", "a_b.xn--mller-kva.example"}};
	for (int compress = 0; compress < 2; compress++) {
		struct wr w = wr_init(out, sizeof(out));

		assert_int_equal(dhcp_write_names(&w, sizeof(out), &wrote, compress), 4);
		assert_int_equal(wr_len(&w), compress ? 14 + 6 + 2 + 20 : 14 + 18 + 14 + 27);
		assert_int_equal(read(out, wr_len(&w)), 0);
		assert_int_equal(names.n, 4);
		for (size_t i = 0; i < 4; i++)
			assert_int_equal(strcasecmp(names.of[i], wrote.of[i]), 0);
	}
}

static void what_does_not_fit_is_left_out_whole(void **state)
{
	struct dhcp_names wrote = {3, {"corp.example", "lab.example", "x.test"}};
	uint8_t out[64];

	(void)state;
	for (size_t most = 0; most <= 14 + 13 + 8; most++) {
		struct wr w = wr_init(out, sizeof(out));
		size_t n = dhcp_write_names(&w, most, &wrote, false);

		assert_int_equal(n, most < 14 ? 0 : most < 27 ? 1 : most < 35 ? 2 : 3);
		assert_int_equal(wr_len(&w), n == 0 ? 0 : n == 1 ? 14 : n == 2 ? 27 : 35);
		assert_false(w.overflow);
	}
	for (size_t cap = 0; cap < 20; cap++) { /* the buffer is the bound */
		struct wr w = wr_init(out, cap);

		assert_int_equal(dhcp_write_names(&w, 64, &wrote, false), cap < 14 ? 0 : 1);
	}
}

static void the_root_and_names_that_cannot_be_written(void **state)
{
	static struct dhcp_names wrote = {2, {".", "corp.example"}};
	uint8_t out[600];
	struct wr w = wr_init(out, sizeof(out));

	(void)state;
	assert_int_equal(dhcp_write_names(&w, sizeof(out), &wrote, true), 2);
	assert_int_equal(read(out, wr_len(&w)), 0);
	assert_string_equal(names.of[0], ".");
	assert_string_equal(names.of[1], "corp.example");
	for (int i = 0; i < 3; i++) {
		static const char *const bad[] = {"", "a..b", ".a"};

		strcpy(wrote.of[0], bad[i]);
		w = wr_init(out, sizeof(out));
		assert_int_equal(dhcp_write_names(&w, sizeof(out), &wrote, true), 0);
	}
	memset(wrote.of[0], 'a', 64);
	wrote.of[0][64] = '\0';
	w = wr_init(out, sizeof(out));
	assert_int_equal(dhcp_write_names(&w, sizeof(out), &wrote, true), 0);
}

static void pointers_that_lead_nowhere_or_round_are_refused(void **state)
{
	static const struct {
		const char *octets;
		size_t n;
	} bad[] = {{"\xc0\0", 2}, {"\1a\xc0\2", 4}, {"\1a\xc0\0", 4}, {"\1a\0\xc0\3", 5},
		{"\1a\0\xc0", 4}, {"\1a\0\1b\xc0\3", 7}, {"\1a\0\xff\xff", 5}, {"\1a", 2},
		{"\2a", 2},
		{"\x40"
		 "a",
			2},
		{"\x80", 1}, {"\1a\0\1b\xc0\7\1c\0", 10}, {"\1", 1}};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(read(bad[i].octets, bad[i].n), -EPROTO);
}

/* A pointer to a pointer to a pointer … is fine, for each leads further to the front. */
static void a_chain_of_pointers_ends(void **state)
{
	static uint8_t chain[3 + 2 * 120];

	(void)state;
	memcpy(chain, "\1a", 3);
	for (size_t i = 0; i < 120; i++) {
		chain[3 + 2 * i] = 0xc0;
		chain[4 + 2 * i] = (uint8_t)(i ? 1 + 2 * i : 0);
	}
	assert_int_equal(read(chain, sizeof(chain)), 0);
	assert_int_equal(names.n, DHCP_NAMES_MAX);
	assert_string_equal(names.of[DHCP_NAMES_MAX - 1], "a");
	assert_int_equal(ignored, 121 - DHCP_NAMES_MAX);
}

static void a_name_that_is_too_long_is_refused_and_one_of_odd_octets_left_out(void **state)
{
	static uint8_t octets[300];
	size_t n = 0;

	(void)state;
	for (int i = 0; i < 4; i++, n += 64) {
		octets[n] = 63;
		memset(octets + n + 1, 'a', 63);
	}
	assert_int_equal(read(octets, n + 1), -EPROTO); /* 255 with the dots */
	octets[192] = 61;
	octets[192 + 62] = 0;
	assert_int_equal(read(octets, 192 + 63), 0);
	assert_int_equal(strlen(names.of[0]), 253);
	assert_int_equal(read("\4a\x1b[m\0\3a b\0\2a.\0\1b\0", 18), 0);
	assert_int_equal(ignored, 3);
	assert_int_equal(names.n, 1);
	assert_string_equal(names.of[0], "b");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(destinations_are_encoded_as_the_rfc_prints_them),
		cmocka_unit_test(bits_beyond_the_length_are_never_sent_nor_taken),
		cmocka_unit_test(routes_that_are_cut_or_too_long_are_refused),
		cmocka_unit_test(more_routes_than_there_is_room_for_are_counted),
		cmocka_unit_test(the_example_of_the_rfc_is_read_and_written),
		cmocka_unit_test(written_without_pointers_it_reads_the_same),
		cmocka_unit_test(what_does_not_fit_is_left_out_whole),
		cmocka_unit_test(the_root_and_names_that_cannot_be_written),
		cmocka_unit_test(pointers_that_lead_nowhere_or_round_are_refused),
		cmocka_unit_test(a_chain_of_pointers_ends),
		cmocka_unit_test(a_name_that_is_too_long_is_refused_and_one_of_odd_octets_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
