// SPDX-License-Identifier: Apache-2.0
/* ip/mss.c: SYN packets with every order of options. */
#include "craft.h"

#include "ip/mss.h"

#define MSS_SYN 0x02
#define MSS_SYN_ACK 0x12

/* A TCP segment with the options given and `data` octets; returns its length. */
static size_t craft_tcp(uint8_t *ret, uint8_t flags, const uint8_t *options, size_t n, size_t data)
{
	size_t header = (20 + n + 3) / 4 * 4;

	memset(ret, 0, header);
	craft16(ret, 40000);
	craft16(ret + 2, 443);
	ret[12] = (uint8_t)(header / 4 << 4);
	ret[13] = flags;
	craft16(ret + 14, 65535);
	memcpy(ret + 20, options, n);
	memset(ret + header, 0xa5, data);
	return header + data;
}

static struct ip_packet seal(uint8_t *octets, size_t n)
{
	struct ip_packet p = parsed(octets, n);

	craft16(octets + p.header_len + 16, 0);
	craft16(octets + p.header_len + 16, craft_l4_sum(octets, &p));
	assert_int_equal(craft_l4_sum(octets, &p), 0);
	return p;
}

static unsigned mss_at(const uint8_t *octets, const struct ip_packet *p, size_t offset)
{
	const uint8_t *v = octets + p->header_len + 20 + offset;

	return (unsigned)v[0] << 8 | v[1];
}

static const struct options {
	const char *name;
	uint8_t octets[24];
	size_t n, value_at;
} orders[] = {
	{"mss first", {2, 4, 5, 180, 4, 2, 1, 3, 3, 7}, 10, 2},
	{"mss last", {4, 2, 8, 10, 1, 2, 3, 4, 0, 0, 0, 0, 3, 3, 7, 2, 4, 5, 180}, 19, 17},
	{"behind one NOP", {1, 2, 4, 5, 180}, 5, 3},
	{"behind two NOPs", {1, 1, 2, 4, 5, 180}, 6, 4},
	{"an unknown option before it", {253, 5, 9, 9, 9, 2, 4, 5, 180, 0}, 10, 7},
};

static void the_option_is_lowered_in_any_order_and_the_checksum_stays_right(void **state)
{
	uint8_t tcp[80], octets[160];

	for (size_t i = 0; i < sizeof(orders) / sizeof(*orders); i++) {
		for (unsigned flags = MSS_SYN; flags <= MSS_SYN_ACK; flags += 0x10) {
			size_t n = craft_tcp(tcp, (uint8_t)flags, orders[i].octets, orders[i].n, 3);
			struct ip_packet p = seal(octets, craft_v4(octets, IP_TCP, tcp, n));

			assert_true(mss_clamp(octets, &p, 1400, false));
			assert_int_equal(mss_at(octets, &p, orders[i].value_at), 1360);
			assert_int_equal(craft_l4_sum(octets, &p), 0);
			p = seal(octets, craft_v6(octets, IP_TCP, tcp, n));
			assert_true(mss_clamp(octets, &p, 1400, false));
			assert_int_equal(mss_at(octets, &p, orders[i].value_at), 1340);
			assert_int_equal(craft_l4_sum(octets, &p), 0);
		}
	}
}

/* Every old and new value that the arithmetic of RFC 1624 could trip over. */
static void the_checksum_is_right_for_every_mtu(void **state)
{
	uint8_t tcp[80], octets[160];
	uint8_t option[5] = {1, 2, 4, 0xff, 0xff};

	for (unsigned odd = 0; odd < 2; odd++) {
		for (unsigned mtu = 41; mtu < 65536; mtu += 7) {
			size_t n = craft_tcp(tcp, MSS_SYN, option + !odd, 4 + odd, 0);
			struct ip_packet p = seal(octets, craft_v4(octets, IP_TCP, tcp, n));

			assert_true(mss_clamp(octets, &p, (uint16_t)mtu, false));
			assert_int_equal(craft_l4_sum(octets, &p), 0);
		}
	}
}

static void a_partial_checksum_is_left_to_whoever_finishes_it(void **state)
{
	uint8_t tcp[80], octets[160];
	size_t n = craft_tcp(tcp, MSS_SYN, orders[0].octets, orders[0].n, 0);
	struct ip_packet p = parsed(octets, craft_v4(octets, IP_TCP, tcp, n));

	craft16(octets + p.header_len + 16, 0xbeef);
	assert_true(mss_clamp(octets, &p, 1400, true));
	assert_int_equal(mss_at(octets, &p, 2), 1360);
	assert_int_equal(octets[p.header_len + 16] << 8 | octets[p.header_len + 17], 0xbeef);
}

/* Clamps and expects the very same octets afterwards. */
static void expect_untouched(uint8_t *octets, size_t n, uint16_t mtu)
{
	uint8_t before[200];
	struct ip_packet p = parsed(octets, n);

	memcpy(before, octets, n);
	assert_false(mss_clamp(octets, &p, mtu, false));
	assert_memory_equal(before, octets, n);
}

static void what_needs_no_clamp_is_left_alone(void **state)
{
	uint8_t tcp[80], octets[160];
	static const uint8_t mss[] = {2, 4, 5, 180}, none[] = {1, 1, 4, 2};
	size_t n = craft_tcp(tcp, MSS_SYN, mss, 4, 0), ip;

	ip = craft_v4(octets, IP_TCP, tcp, n);
	expect_untouched(octets, ip, 1500); /* it fits already */
	expect_untouched(octets, ip, 9000); /* and is never raised */
	expect_untouched(octets, ip, 40);   /* an MTU that is none */
	octets[7] = 1;                      /* a later fragment */
	expect_untouched(octets, ip, 1400);
	ip = craft_v4(octets, IP_UDP, tcp, n);
	expect_untouched(octets, ip, 1400);
	ip = craft_v4(octets, IP_TCP, tcp, craft_tcp(tcp, 0x10, mss, 4, 0)); /* no SYN */
	expect_untouched(octets, ip, 1400);
	ip = craft_v4(octets, IP_TCP, tcp, craft_tcp(tcp, MSS_SYN, none, 4, 0));
	expect_untouched(octets, ip, 1400);
}

static void broken_options_are_left_alone(void **state)
{
	static const struct {
		uint8_t octets[8];
		size_t n;
	} broken[] = {
		{{2, 3, 5, 180}, 4},
		{{2, 5, 5, 180, 1}, 8},
		{{8, 0, 2, 4, 5, 180}, 8},
		{{8, 1, 2, 4, 5, 180}, 8},
		{{8, 40, 2, 4, 5, 180}, 8},
		{{0, 2, 4, 5, 180}, 5},
		{{1, 1, 1, 2}, 4},
		{{1, 1, 2, 4}, 4},
	};
	uint8_t tcp[80], octets[160];

	for (size_t i = 0; i < sizeof(broken) / sizeof(*broken); i++) {
		size_t n = craft_tcp(tcp, MSS_SYN, broken[i].octets, broken[i].n, 0);

		expect_untouched(octets, craft_v4(octets, IP_TCP, tcp, n), 100);
	}
}

static void a_header_longer_than_the_packet_is_left_alone(void **state)
{
	uint8_t tcp[80], octets[160];
	size_t n = craft_tcp(tcp, MSS_SYN, orders[0].octets, orders[0].n, 0);

	tcp[12] = 0xf0;
	expect_untouched(octets, craft_v4(octets, IP_TCP, tcp, n), 1400);
	for (size_t i = 0; i < 24; i++)
		expect_untouched(octets, craft_v4(octets, IP_TCP, tcp, i), 1400);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_option_is_lowered_in_any_order_and_the_checksum_stays_right),
		cmocka_unit_test(the_checksum_is_right_for_every_mtu),
		cmocka_unit_test(a_partial_checksum_is_left_to_whoever_finishes_it),
		cmocka_unit_test(what_needs_no_clamp_is_left_alone),
		cmocka_unit_test(broken_options_are_left_alone),
		cmocka_unit_test(a_header_longer_than_the_packet_is_left_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
