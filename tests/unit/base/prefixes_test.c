// SPDX-License-Identifier: Apache-2.0
#include "hexlit.h"

#include <errno.h>
#include <stdio.h>

#include "base/prefixes.h"

static struct prefixes list;
static struct prefixes_seen seen;
static char text[PREFIXES_TEXT_LEN];

static void a_list_goes_there_and_back(void **state)
{
	static const char *const texts[] = {"10.9.0.0/16,2001:db8:9::/48", "0.0.0.0/0", "::/0",
		"0.0.0.0/1,128.0.0.0/1", "192.0.2.7/32,2001:db8::7/128", "none"};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		assert_int_equal(prefixes_parse(texts[i], &list, &seen), 0);
		assert_int_equal(seen.masked, 0);
		assert_string_equal(prefixes_format(&list, text, sizeof(text)), texts[i]);
	}
	assert_int_equal(list.n, 0);
}

static void blanks_and_bare_addresses_are_fine_and_each_is_taken_once(void **state)
{
	(void)state;
	assert_int_equal(
		prefixes_parse(" 10.9.0.0/16 , 192.0.2.7 10.9.0.0/16,192.0.2.7/32 ", &list, &seen),
		0);
	assert_string_equal(prefixes_format(&list, text, sizeof(text)), "10.9.0.0/16,192.0.2.7/32");
}

static void bits_beyond_the_length_are_zeroed_and_noted(void **state)
{
	(void)state;
	assert_int_equal(
		prefixes_parse("192.0.2.0/24,10.9.0.5/16,2001:db8:9::1/48", &list, &seen), 0);
	assert_string_equal(prefixes_format(&list, text, sizeof(text)),
		"192.0.2.0/24,10.9.0.0/16,2001:db8:9::/48");
	assert_int_equal(seen.masked, 2);
	assert_string_equal(seen.item, "10.9.0.5/16");
	/* odd lengths, and two that are one then */
	assert_int_equal(prefixes_parse("10.255.255.255/9,10.128.0.0/9,255.255.255.255/0,"
					"fd00:ffff::/20",
				 &list, &seen),
		0);
	assert_string_equal(prefixes_format(&list, text, sizeof(text)),
		"10.128.0.0/9,0.0.0.0/0,fd00:f000::/20");
}

static void what_is_no_list_is_refused_and_the_list_stays(void **state)
{
	static const struct {
		const char *text, *item;
	} bad[] = {{"", ""}, {",", ""}, {"10.0.0.0/8,", ""}, {"10.0.0.0/8,,fd00::/8", ""},
		{"10.0.0.0/33", "10.0.0.0/33"}, {"fd00::/129", "fd00::/129"},
		{"10.0.0.0/8,10.0.0/8", "10.0.0/8"}, {"10.0.0.0/-1", "10.0.0.0/-1"},
		{"10.0.0.0/8x", "10.0.0.0/8x"}, {"10.0.0.0/", "10.0.0.0/"},
		{"10.0.0.0/8 , ,fd00::/8", ""}, {"10.0.0.0/8 none", "none"}, {"all", "all"},
		{"10.0.0.0/8;fd00::/8", "10.0.0.0/8;fd00::/8"},
		{"fe80::1%eth0/64", "fe80::1%eth0/64"},
		{"10.0.0.0/0000000000000000000000000000000000000000000000000000000000008",
			"10.0.0.0/000000000000000000000000000000000000000000000000000000"}};

	(void)state;
	assert_int_equal(prefixes_parse("10.1.0.0/16", &list, &seen), 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		assert_int_equal(prefixes_parse(bad[i].text, &list, &seen), -EINVAL);
		assert_string_equal(seen.item, bad[i].item);
	}
	assert_string_equal(prefixes_format(&list, text, sizeof(text)), "10.1.0.0/16");
}

static size_t many(char *to, size_t n, const char *form)
{
	size_t at = 0;

	for (size_t i = 0; i < n; i++)
		at += (size_t)sprintf(to + at, form, i / 256, i % 256);
	to[at - 1] = '\0';
	return at;
}

static void it_is_bounded(void **state)
{
	static char long_text[2 * PREFIXES_TEXT_LEN], back[PREFIXES_TEXT_LEN];

	(void)state;
	many(long_text, PREFIXES_MAX, "10.%zu.%zu.0/24,");
	assert_int_equal(prefixes_parse(long_text, &list, &seen), 0);
	assert_int_equal(list.n, PREFIXES_MAX);
	assert_string_equal(prefixes_format(&list, back, sizeof(back)), long_text);
	strcat(long_text, ",11.0.0.0/8");
	assert_int_equal(prefixes_parse(long_text, &list, &seen), -E2BIG);
	/* one that is there takes no place */
	many(long_text, PREFIXES_MAX, "10.%zu.%zu.0/24,");
	strcat(long_text, ",10.0.0.0/24");
	assert_int_equal(prefixes_parse(long_text, &list, &seen), 0);
	assert_int_equal(prefixes_add(&list, &list.of[3]), -EEXIST);
	assert_true(prefixes_has(&list, &list.of[PREFIXES_MAX - 1]));
	assert_false(prefixes_has(&list, &(struct prefix){{AF_INET, {10}}, 23}));
	assert_int_equal(prefixes_add(&list, &(struct prefix){{AF_INET, {11}}, 8}), -E2BIG);
}

/* The longest text that there is fits into PREFIXES_TEXT_LEN, and a short buffer holds what fits. */
static void the_text_fits_or_is_cut(void **state)
{
	char cut[24];

	(void)state;
	for (list.n = 0; list.n < PREFIXES_MAX; list.n++) {
		list.of[list.n] = (struct prefix){{AF_INET6, {0}}, 128};
		memset(list.of[list.n].addr.octets, 0xff, 16);
		list.of[list.n].addr.octets[15] = (uint8_t)list.n;
		list.of[list.n].addr.octets[13] = (uint8_t)(list.n >> 8 | 0xf0);
	}
	prefixes_format(&list, text, sizeof(text));
	assert_int_equal(strlen(text), PREFIXES_MAX * 43 + PREFIXES_MAX - 1);
	assert_int_equal(prefixes_parse("10.9.0.0/16,2001:db8:9::/48", &list, &seen), 0);
	prefixes_format(&list, cut, sizeof(cut));
	assert_memory_equal(cut, "10.9.0.0/16,2001:db8", 20);
}

static void who_holds_and_who_overlaps(void **state)
{
	struct addr a;
	struct prefix p;

	(void)state;
	assert_int_equal(prefixes_parse("10.9.0.0/16,10.0.0.0/8,fd00::/48", &list, &seen), 0);
	assert_int_equal(addr_parse("10.9.3.4", &a), 0);
	assert_ptr_equal(prefixes_holding(&list, &a), &list.of[0]);
	assert_int_equal(addr_parse("10.10.3.4", &a), 0);
	assert_ptr_equal(prefixes_holding(&list, &a), &list.of[1]);
	assert_int_equal(addr_parse("fd00:0:1::", &a), 0);
	assert_null(prefixes_holding(&list, &a));
	assert_int_equal(prefix_parse("0.0.0.0/0", &p), 0);
	assert_ptr_equal(prefixes_overlapping(&list, &p), &list.of[0]);
	assert_int_equal(prefix_parse("fd00::/64", &p), 0);
	assert_ptr_equal(prefixes_overlapping(&list, &p), &list.of[2]);
	assert_int_equal(prefix_parse("192.0.2.0/24", &p), 0);
	assert_null(prefixes_overlapping(&list, &p));
}

static void packed_and_unpacked_it_is_the_same(void **state)
{
	static struct prefixes_packed packed;
	static struct prefixes back;
	static char again[PREFIXES_TEXT_LEN];

	(void)state;
	assert_int_equal(prefixes_parse("0.0.0.0/0,::/0,10.9.0.0/16,10.229.0.128/25,192.0.2.7/32,"
					"2001:db8:9::/48,2001:db8::1/128,fd00::/9",
				 &list, &seen),
		0);
	assert_int_equal(prefixes_pack(&list, &packed), 0);
	assert_int_equal(packed.len, 1 + 1 + 3 + 5 + 5 + 7 + 17 + 3);
	memset(&back, 0xa5, sizeof(back));
	prefixes_unpack(&packed, &back);
	assert_string_equal(prefixes_format(&back, again, sizeof(again)),
		prefixes_format(&list, text, sizeof(text)));
	many(text, PREFIXES_MAX, "10.9.%zu.%zu,");
	assert_int_equal(prefixes_parse(text, &list, &seen), 0);
	assert_int_equal(prefixes_pack(&list, &packed), 0); /* the most of IPv4 */
	many(text, PREFIXES_MAX, "2001:db8::%zu:%zu,");
	assert_int_equal(prefixes_parse(text, &list, &seen), 0);
	assert_int_equal(prefixes_pack(&list, &packed), -E2BIG);
	assert_int_equal(packed.n, PREFIXES_MAX); /* as it was */
	assert_int_equal(packed.len, PREFIXES_PACKED_MAX);
	list.n = PREFIXES_PACKED_MAX / 17;
	assert_int_equal(prefixes_pack(&list, &packed), 0);
	list.n = 0;
	assert_int_equal(prefixes_pack(&list, &packed), 0);
	prefixes_unpack(&packed, &back);
	assert_int_equal(back.n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_list_goes_there_and_back),
		cmocka_unit_test(blanks_and_bare_addresses_are_fine_and_each_is_taken_once),
		cmocka_unit_test(bits_beyond_the_length_are_zeroed_and_noted),
		cmocka_unit_test(what_is_no_list_is_refused_and_the_list_stays),
		cmocka_unit_test(it_is_bounded),
		cmocka_unit_test(the_text_fits_or_is_cut),
		cmocka_unit_test(who_holds_and_who_overlaps),
		cmocka_unit_test(packed_and_unpacked_it_is_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
