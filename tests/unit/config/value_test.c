// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/auto.h"
#include "config/parse.h"
#include "config/value.h"

union field {
	uint64_t align;
	char octets[sizeof(struct endpoint_list) + sizeof(struct text_list) +
		    sizeof(struct addr_list)];
};

/* Parses `text` as the value; gives back how it prints, or what is wrong, after a '!'. */
static const char *shown(enum value_type type, const char *valid, const char *text)
{
	static char got[CONFIG_WHY_LEN + 2];
	char copy[256], why[CONFIG_WHY_LEN];
	union field field = {0};
	struct words words;
	FILE *out;

	strcpy(copy, text);
	assert_int_equal(parse_words(copy, &words, why), 0);
	memset(got, 0, sizeof(got));
	if (value_parse(type, valid, &words, &field, why) < 0) {
		snprintf(got, sizeof(got), "!%s", why);
		return got;
	}
	out = fmemopen(got, sizeof(got), "w");
	value_print(type, valid, &field, out);
	fclose(out);
	value_done(type, &field);
	return got;
}

static void each_type_takes_its_values_and_prints_them_back(void **state)
{
	static const struct {
		enum value_type type;
		const char *valid, *text, *printed;
	} cases[] = {
		{VALUE_BOOL, NULL, "yes", "yes"},
		{VALUE_BOOL, NULL, "on", "yes"},
		{VALUE_BOOL, NULL, "false", "no"},
		{VALUE_INT, "1..64", "64", "64"},
		{VALUE_INT, "auto 1..64", "auto", "auto"},
		{VALUE_INT, "0..64", "0", "0"},
		{VALUE_INT, NULL, "2147483647", "2147483647"},
		{VALUE_SIZE, "1k..1G", "64k", "64k"},
		{VALUE_SIZE, "1k..1G", "65536", "64k"},
		{VALUE_SIZE, NULL, "1025", "1025"},
		{VALUE_DURATION, "1s..1h", "60s", "1m"},
		{VALUE_DURATION, "0s..1h", "0s", "0s"},
		{VALUE_DURATION, NULL, "1500ms", "1500ms"},
		{VALUE_DURATION, NULL, "48h", "2d"},
		{VALUE_TEXT, "1..4", "abcd", "abcd"},
		{VALUE_TEXT, NULL, "\"a \\\"b\\\" # \\\\\"", "\"a \\\"b\\\" # \\\\\""},
		{VALUE_PATH, NULL, "", "\"\""},
		{VALUE_CHOICE, "auto bpf ring", "ring", "ring"},
		{VALUE_SET, "mschapv2 chap pap", "pap mschapv2", "pap mschapv2"},
		{VALUE_ADDRESS, "443", "192.0.2.1", "192.0.2.1:443"},
		{VALUE_ADDRESS, "443", ":8443", "[::]:8443"},
		{VALUE_ADDRESS_LIST, "443", "[2001:db8::1]:1, 192.0.2.1:2",
			"[2001:db8::1]:1 192.0.2.1:2"},
		{VALUE_IP_LIST, "auto", "auto", "auto"},
		{VALUE_IP_LIST, "auto", "\"\"", "\"\""},
		{VALUE_IP_LIST, NULL, "192.0.2.1 2001:db8::1", "192.0.2.1 2001:db8::1"},
		{VALUE_PREFIX, "auto ipv4 8..30", "auto", "auto"},
		{VALUE_PREFIX, "auto ipv4 8..30", "10.8.0.0/22", "10.8.0.0/22"},
		{VALUE_PREFIX, "ipv6 48..64", "fd00:1::/64", "fd00:1::/64"},
		{VALUE_LIST, NULL, "a \"b c\"", "a \"b c\""},
		{VALUE_LIST, NULL, "", "\"\""},
		{VALUE_PATH_LIST, NULL, "/a,/b", "/a /b"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_string_equal(
			shown(cases[i].type, cases[i].valid, cases[i].text), cases[i].printed);
}

static void each_type_says_what_it_expected_and_what_came(void **state)
{
	static const struct {
		enum value_type type;
		const char *valid, *text, *error;
	} cases[] = {
		{VALUE_BOOL, NULL, "maybe", "!expected yes or no, got \"maybe\""},
		{VALUE_BOOL, NULL, "", "!expected a value, got \"\""},
		{VALUE_BOOL, NULL, "yes no", "!expected one value, got \"no\""},
		{VALUE_INT, "1..64", "65", "!expected a number from 1 to 64, got \"65\""},
		{VALUE_INT, "1..64", "-1", "!expected a number from 1 to 64, got \"-1\""},
		{VALUE_INT, "1..64", "auto", "!expected a number from 1 to 64, got \"auto\""},
		{VALUE_INT, "auto 1..64", "0",
			"!expected a number from 1 to 64, or auto, got \"0\""},
		{VALUE_INT, NULL, "99999999999999999999",
			"!expected a number, got \"99999999999999999999\""},
		{VALUE_INT, NULL, "2147483648",
			"!expected a number below 2147483647, got \"2147483648\""},
		{VALUE_INT, NULL, "0x10", "!expected a number, got \"0x10\""},
		{VALUE_SIZE, "1k..1G", "2G",
			"!expected a size like 512, 64k or 4M from 1k to 1G, got \"2G\""},
		{VALUE_SIZE, NULL, "9000000000000000000G",
			"!expected a size like 512, 64k or 4M, got \"9000000000000000000G\""},
		{VALUE_DURATION, "1s..1h", "60",
			"!expected a time like 250ms, 10s, 5m, 1h from 1s to 1h, got \"60\""},
		{VALUE_DURATION, "1s..1h", "2h",
			"!expected a time like 250ms, 10s, 5m, 1h from 1s to 1h, got \"2h\""},
		{VALUE_TEXT, "1..4", "abcde", "!expected a text of 1 to 4 octets, got \"abcde\""},
		{VALUE_TEXT, NULL, "a b",
			"!expected one text, in quotes when blanks or commas belong to it, got \"b\""},
		{VALUE_TEXT, NULL, "\"a\tb\"",
			"!expected a text without control characters, got \"a\\x09b\""},
		{VALUE_CHOICE, "auto bpf ring", "rin", "!expected auto, bpf or ring, got \"rin\""},
		{VALUE_SET, "mschapv2 chap pap", "pap pap",
			"!expected each word once, got \"pap\""},
		{VALUE_SET, "mschapv2 chap pap", "eap",
			"!expected mschapv2, chap or pap, got \"eap\""},
		{VALUE_ADDRESS, "443", "host:1",
			"!expected an address and port like 192.0.2.1:443 or [::]:443, got \"host:1\""},
		{VALUE_ADDRESS, "443", "192.0.2.1:70000",
			"!expected an address and port like 192.0.2.1:443 or [::]:443, got \"192.0.2.1:70000\""},
		{VALUE_IP_LIST, "auto", "auto 192.0.2.1",
			"!expected addresses without ports, or auto alone, got \"192.0.2.1\""},
		{VALUE_IP_LIST, NULL, "auto", "!expected addresses without ports, got \"auto\""},
		{VALUE_PREFIX, "auto ipv4 8..30", "10.8.0.1/22",
			"!expected a prefix without host bits like 10.8.0.0/22, got \"10.8.0.1/22\""},
		{VALUE_PREFIX, "auto ipv4 8..30", "10.8.0.0/31",
			"!expected a prefix length of 8 to 30, or auto, got \"10.8.0.0/31\""},
		{VALUE_PREFIX, "ipv6 48..64", "10.8.0.0/22",
			"!expected a prefix without host bits like fd00:1:2:3::/64, got \"10.8.0.0/22\""},
		{VALUE_LIST, NULL, "a \"\"",
			"!expected texts that are not empty and without control characters, got \"\""},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_string_equal(
			shown(cases[i].type, cases[i].valid, cases[i].text), cases[i].error);
}

static void a_bad_value_leaves_the_old_one(void **state)
{
	struct text_list list = {0};
	struct words good = {2, {"a", "b"}}, bad = {2, {"c", ""}};
	char why[CONFIG_WHY_LEN];

	(void)state;
	assert_int_equal(value_parse(VALUE_LIST, NULL, &good, &list, why), 0);
	assert_int_equal(value_parse(VALUE_LIST, NULL, &bad, &list, why), -EINVAL);
	assert_int_equal(list.n, 2);
	assert_string_equal(list.item[1], "b");
	value_done(VALUE_LIST, &list);
	assert_int_equal(list.n, 0);
}

static void a_full_list_refuses_one_more(void **state)
{
	struct text_list list = {0};
	struct words one = {1, {"a"}};
	char why[CONFIG_WHY_LEN];

	(void)state;
	for (int i = 0; i < CONFIG_ITEMS_MAX; i++)
		assert_int_equal(value_append(VALUE_LIST, NULL, &one, &list, why), 0);
	assert_int_equal(value_append(VALUE_LIST, NULL, &one, &list, why), -EINVAL);
	assert_int_equal(list.n, CONFIG_ITEMS_MAX);
	value_done(VALUE_LIST, &list);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_type_takes_its_values_and_prints_them_back),
		cmocka_unit_test(each_type_says_what_it_expected_and_what_came),
		cmocka_unit_test(a_bad_value_leaves_the_old_one),
		cmocka_unit_test(a_full_list_refuses_one_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
