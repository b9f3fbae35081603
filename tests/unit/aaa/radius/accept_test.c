// SPDX-License-Identifier: Apache-2.0
/* What an Access-Accept grants: each attribute, its limits, and addresses that no client can have. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "aaa/radius/accept.h"
#include "base/auto.h"

static uint8_t room[RADIUS_PACKET_MAX];
static struct radius_builder builder;
static struct grant_values got;

static void begin(void)
{
	radius_begin(&builder, RADIUS_ACCESS_ACCEPT, 1, NULL, false, room, sizeof(room));
}

static struct radius_packet finished(void)
{
	static const uint8_t request[RADIUS_AUTHENTICATOR_LEN];
	const struct radius_secret secret = {1, "x"};
	struct radius_packet p;
	int n = radius_finish_reply(&builder, &secret, request);

	assert_true(n > 0);
	assert_int_equal(radius_parse(room, (size_t)n, &p), 0);
	return p;
}

/* Into `got`; returns how many were of no use. */
static unsigned granted(void)
{
	struct radius_packet p = finished();

	got = (struct grant_values){0};
	return radius_grant(&p, GRANT_RADIUS, &got);
}

static unsigned one_addr(uint64_t id, uint32_t value)
{
	const struct addr address = addr_v4(value);

	begin();
	radius_put_addr(&builder, id, &address);
	return granted();
}

static void put_addr(uint64_t id, uint32_t value)
{
	const struct addr address = addr_v4(value);

	radius_put_addr(&builder, id, &address);
}

static unsigned one_octets(uint64_t id, const void *octets, size_t n)
{
	begin();
	radius_put(&builder, id, octets, n);
	return granted();
}

static unsigned one_text(uint64_t id, const char *text)
{
	return one_octets(id, text, strlen(text));
}

static const uint32_t no_hosts[] = {0, 0x00000001, 0x7f000001, 0x7fffffff, 0xa9fe0101, 0xe0000005,
	0xefffffff, 0xf0000001, 0xfffffffd};

static void an_address_is_one_that_a_host_can_have(void **state)
{
	(void)state;
	assert_int_equal(one_addr(RADIUS_FRAMED_IP_ADDRESS, 0x0a080007), 0);
	assert_int_equal(addr_v4_value(&got.address.value), 0x0a080007);
	assert_int_equal(got.address.origin, GRANT_RADIUS);
	for (uint32_t chosen = 0xfffffffe; chosen; chosen++) { /* by the NAS, by the user */
		assert_int_equal(one_addr(RADIUS_FRAMED_IP_ADDRESS, chosen), 0);
		assert_int_equal(got.address.origin, GRANT_UNSET);
	}
	for (size_t i = 0; i < ARRAY_SIZE(no_hosts); i++) {
		assert_int_equal(one_addr(RADIUS_FRAMED_IP_ADDRESS, no_hosts[i]), 1);
		assert_int_equal(got.address.value.family, 0);
	}
	assert_int_equal(one_octets(RADIUS_FRAMED_IP_ADDRESS, "\x0a\x08\0", 3), 1);
	assert_int_equal(one_octets(RADIUS_FRAMED_IP_ADDRESS, "\x0a\x08\0\7\0", 5), 1);
}

static void name_servers_are_hosts_and_keep_their_order(void **state)
{
	static const uint64_t ids[] = {RADIUS_MS_PRIMARY_DNS, RADIUS_MS_SECONDARY_DNS,
		RADIUS_MS_PRIMARY_NBNS, RADIUS_MS_SECONDARY_NBNS};

	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(ids); k++)
		for (size_t i = 0; i < ARRAY_SIZE(no_hosts); i++) {
			assert_int_equal(one_addr(ids[k], no_hosts[i]), 1);
			assert_int_equal(got.dns.n + got.nbns.n, 0);
		}
	begin();
	put_addr(RADIUS_MS_SECONDARY_DNS, 0x0a000002);
	put_addr(RADIUS_MS_PRIMARY_DNS, 0x0a000001);
	assert_int_equal(granted(), 0);
	assert_int_equal(got.dns.n, 2);
	assert_int_equal(addr_v4_value(&got.dns.item[0]), 0x0a000001);
	begin();
	for (unsigned i = 0; i < GRANT_ADDRS_MAX + 3; i++)
		put_addr(RADIUS_MS_SECONDARY_DNS, 0x0a000001 + i);
	assert_int_equal(granted(), 3);
	assert_int_equal(got.dns.n, GRANT_ADDRS_MAX);
}

static void names_fit_and_have_no_nul(void **state)
{
	char text[GRANT_WORD_MAX + 2];

	(void)state;
	memset(text, 'a', sizeof(text));
	assert_int_equal(one_octets(RADIUS_FRAMED_POOL, text, GRANT_WORD_MAX), 0);
	assert_int_equal(strlen(got.pool.value), GRANT_WORD_MAX);
	assert_int_equal(one_octets(RADIUS_FRAMED_POOL, text, GRANT_WORD_MAX + 1), 1);
	assert_int_equal(one_octets(RADIUS_FRAMED_POOL, "a\0b", 3), 1);
	assert_int_equal(one_octets(RADIUS_FILTER_ID, text, GRANT_WORD_MAX + 1), 1);
	assert_int_equal(one_octets(RADIUS_FILTER_ID, "a\0b", 3), 1);
	begin();
	for (unsigned i = 0; i < GRANT_NAMES_MAX + 1; i++)
		radius_put_text(&builder, RADIUS_FILTER_ID, "one");
	assert_int_equal(granted(), 1);
	assert_int_equal(got.filter.n, GRANT_NAMES_MAX);
}

static void mikrotiks_rate_is_what_the_router_receives_first(void **state)
{
	static const struct {
		const char *text;
		uint64_t up, down;
	} rows[] = {{"2M/10M", 2000000, 10000000}, {"512k", 512000, 512000},
		{"1m/3M 2M/6M 1/1 8/8", 1000000, 3000000}, {"64000/128000", 64000, 128000},
		{"4294967295M", UINT64_C(4294967295000000), UINT64_C(4294967295000000)}};
	static const char *const bad[] = {"x", "/", "1M/", "1M/x", "1Mx", "-1M", " 1M", "1M/2M/3M"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_int_equal(one_text(RADIUS_MIKROTIK_RATE_LIMIT, rows[i].text), 0);
		assert_true(got.rate_up.value == rows[i].up);
		assert_true(got.rate_down.value == rows[i].down);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_int_equal(one_text(RADIUS_MIKROTIK_RATE_LIMIT, bad[i]), 1);
		assert_int_equal(got.rate_up.origin, GRANT_UNSET);
	}
}

static void numbers_have_four_octets(void **state)
{
	static const uint64_t ids[] = {RADIUS_PORT_LIMIT, RADIUS_SESSION_TIMEOUT,
		RADIUS_IDLE_TIMEOUT, RADIUS_ACCT_INTERIM_INTERVAL, RADIUS_WISPR_MAX_UP,
		RADIUS_WISPR_MAX_DOWN};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
		assert_int_equal(one_octets(ids[i], "\0\0\1", 3), 1);
		assert_int_equal(one_octets(ids[i], "\0\0\0\0\1", 5), 1);
		assert_int_equal(one_octets(ids[i], "\0\0\0\7", 4), 0);
	}
	assert_int_equal(one_octets(RADIUS_PORT_LIMIT, "\0\0\0\0", 4), 1); /* no session at all */
	assert_int_equal(one_octets(RADIUS_ACCT_INTERIM_INTERVAL, "\0\0\0\1", 4), 0);
	assert_int_equal(got.interim.value, 60); /* RFC 2869 5.16 */
}

static void an_error_of_ms_chap_is_read(void **state)
{
	static const struct {
		const char *text;
		int code;
		const char *message;
	} rows[] = {{"\1E=648 R=0 C=00 V=3 M=expired", 648, "expired"}, {"\1E=691", 691, ""},
		{"", 691, ""}, {"\1", 691, ""}, {"\1E=", 691, ""}, {"\1M=only", 691, "only"},
		{"\1E=99999999999999 M=x", 99999, "x"}};
	char message[64];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_int_equal(radius_chap_error(rd_init(rows[i].text, strlen(rows[i].text)),
					 message, sizeof(message)),
			rows[i].code);
		assert_string_equal(message, rows[i].message);
	}
}

/* Repeated in accounting in their order; what is beyond the bound is left out whole. */
static void classes_are_kept_as_they_came(void **state)
{
	uint8_t much[RADIUS_VALUE_MAX] = {0};
	struct radius_classes *c;
	struct radius_packet p;

	(void)state;
	begin();
	p = finished();
	assert_int_equal(radius_classes_new(&p, &c), 0);
	assert_null(c);
	begin();
	radius_put(&builder, RADIUS_CLASS, "a", 1);
	for (int i = 0; i < 10; i++)
		radius_put(&builder, RADIUS_CLASS, much, sizeof(much));
	radius_put(&builder, RADIUS_CLASS, "z", 1);
	p = finished();
	assert_int_equal(radius_classes_new(&p, &c), 0);
	assert_memory_equal(c->octets, "\x19\3a\x19\xff", 5);
	assert_memory_equal(c->octets + c->len - 3, "\x19\3z", 3);
	assert_int_equal(c->len, 3 + 8 * 255 + 3);
	radius_classes_unref(radius_classes_ref(c));
	radius_classes_unref(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_address_is_one_that_a_host_can_have),
		cmocka_unit_test(name_servers_are_hosts_and_keep_their_order),
		cmocka_unit_test(names_fit_and_have_no_nul),
		cmocka_unit_test(mikrotiks_rate_is_what_the_router_receives_first),
		cmocka_unit_test(numbers_have_four_octets),
		cmocka_unit_test(an_error_of_ms_chap_is_read),
		cmocka_unit_test(classes_are_kept_as_they_came),
	};

	return cmocka_run_group_tests_name("aaa/radius/accept", tests, NULL, NULL);
}
