// SPDX-License-Identifier: Apache-2.0
#include "hexlit.h"

#include <errno.h>

#include "base/addr.h"

static void addresses_go_there_and_back(void **state)
{
	static const char *const texts[] = {
		"0.0.0.0", "10.0.0.1", "255.255.255.255", "::", "::1", "fe80::1", "2001:db8::2:3"};

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		struct addr a;
		char back[ADDR_TEXT_LEN];

		assert_int_equal(addr_parse(texts[i], &a), 0);
		assert_string_equal(addr_format(&a, back), texts[i]);
	}
	assert_int_equal(addr_v4_value(&(struct addr){AF_INET, {10, 1, 2, 3}}), 0x0a010203);
}

static void what_is_not_an_address_is_refused(void **state)
{
	static const char *const texts[] = {"", "10.0.0", "10.0.0.256", "010.0.0.1", "10.0.0.1 ",
		"fe80::1%lo", ":::", "host", "1.2.3.4.5"};
	struct addr a;

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		assert_int_equal(addr_parse(texts[i], &a), -EINVAL);
}

static struct prefix prefix(const char *text)
{
	struct prefix p;

	assert_int_equal(prefix_parse(text, &p), 0);
	return p;
}

static void prefixes_know_what_they_contain(void **state)
{
	static const struct {
		const char *prefix, *addr;
		bool inside;
	} cases[] = {{"10.0.0.0/8", "10.255.0.1", true}, {"10.0.0.0/8", "11.0.0.0", false},
		{"100.64.0.0/10", "100.127.255.255", true}, {"100.64.0.0/10", "100.128.0.0", false},
		{"0.0.0.0/0", "1.2.3.4", true}, {"0.0.0.0/0", "::1", false},
		{"1.2.3.4", "1.2.3.4", true}, {"1.2.3.4", "1.2.3.5", false},
		{"fd00::/63", "fd00:0:0:1::5", true}, {"fd00::/63", "fd00:0:0:2::5", false}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct prefix p = prefix(cases[i].prefix);
		struct addr a;

		assert_int_equal(addr_parse(cases[i].addr, &a), 0);
		assert_int_equal(prefix_contains(&p, &a), cases[i].inside);
	}
}

static void prefixes_overlap_when_one_contains_the_other(void **state)
{
	struct prefix ten = prefix("10.0.0.0/8"), part = prefix("10.9.0.0/16"),
		      other = prefix("172.16.0.0/12");

	assert_true(prefix_overlaps(&ten, &part));
	assert_true(prefix_overlaps(&part, &ten));
	assert_true(prefix_overlaps(&ten, &ten));
	assert_false(prefix_overlaps(&part, &other));
}

static void prefixes_with_host_bits_or_a_bad_length_are_refused(void **state)
{
	static const char *const texts[] = {"10.0.0.1/8", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/-1",
		"10.0.0.0/8 ", "fd00::1/64", "fd00::/129", "/8", ""};
	struct prefix p;

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		assert_int_equal(prefix_parse(texts[i], &p), -EINVAL);
}

static void endpoints_have_a_port_or_get_the_default(void **state)
{
	static const char *const cases[][2] = {{"1.2.3.4:8443", "1.2.3.4:8443"},
		{"1.2.3.4", "1.2.3.4:443"}, {"[::1]:8443", "[::1]:8443"}, {"[::1]", "[::1]:443"},
		{"::1", "[::1]:443"}, {":8443", "[::]:8443"}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct endpoint e;
		char text[ENDPOINT_TEXT_LEN];

		assert_int_equal(endpoint_parse(cases[i][0], 443, &e), 0);
		assert_string_equal(endpoint_format(&e, text), cases[i][1]);
	}
}

static void broken_endpoints_are_refused(void **state)
{
	static const char *const texts[] = {
		"1.2.3.4:", "1.2.3.4:65536", "1.2.3.4:x", "[::1]8443", "[::1", "host:443"};
	struct endpoint e;

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		assert_int_equal(endpoint_parse(texts[i], 443, &e), -EINVAL);
}

static void socket_addresses_go_there_and_back(void **state)
{
	static const char *const texts[] = {"1.2.3.4:8443", "[2001:db8::1]:443"};

	for (size_t i = 0; i < 2; i++) {
		struct sockaddr_storage ss;
		struct endpoint e, back;
		char text[ENDPOINT_TEXT_LEN];

		assert_int_equal(endpoint_parse(texts[i], 0, &e), 0);
		endpoint_to_sockaddr(&e, &ss);
		endpoint_from_sockaddr((const struct sockaddr *)&ss, &back);
		assert_string_equal(endpoint_format(&back, text), texts[i]);
	}
}

static void mapped_addresses_come_back_as_ipv4(void **state)
{
	struct endpoint e;
	struct sockaddr_storage ss;
	char text[ENDPOINT_TEXT_LEN];

	assert_int_equal(endpoint_parse("[::ffff:10.0.0.1]:443", 0, &e), 0);
	endpoint_to_sockaddr(&e, &ss);
	endpoint_from_sockaddr((const struct sockaddr *)&ss, &e);
	assert_string_equal(endpoint_format(&e, text), "10.0.0.1:443");
}

/* Behind a port may stand a path: the length counts, no zero ends it. */
static void a_port_is_digits_alone(void **state)
{
	static const struct {
		const char *text;
		size_t n;
		uint16_t port; /* 0: refused */
	} cases[] = {{"443/index", 3, 443}, {"1", 1, 1}, {"65535", 5, 65535}, {"00080", 5, 80},
		{"", 0, 0}, {"0", 1, 0}, {"00000", 5, 0}, {"65536", 5, 0}, {"99999", 5, 0},
		{"000443", 6, 0}, {"4294967739", 10, 0}, {"44a", 3, 0}, {"+443", 4, 0},
		{" 443", 4, 0}, {"443 ", 4, 0}, {"-1", 2, 0}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		uint16_t port = 0;

		assert_int_equal(
			port_parse(cases[i].text, cases[i].n, &port), cases[i].port ? 0 : -EINVAL);
		assert_int_equal(port, cases[i].port); /* written only on success */
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_go_there_and_back),
		cmocka_unit_test(what_is_not_an_address_is_refused),
		cmocka_unit_test(prefixes_know_what_they_contain),
		cmocka_unit_test(prefixes_overlap_when_one_contains_the_other),
		cmocka_unit_test(prefixes_with_host_bits_or_a_bad_length_are_refused),
		cmocka_unit_test(endpoints_have_a_port_or_get_the_default),
		cmocka_unit_test(broken_endpoints_are_refused),
		cmocka_unit_test(socket_addresses_go_there_and_back),
		cmocka_unit_test(mapped_addresses_come_back_as_ipv4),
		cmocka_unit_test(a_port_is_digits_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
