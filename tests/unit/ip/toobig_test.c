// SPDX-License-Identifier: Apache-2.0
/* ip/toobig.c: what is sent, and what must not be. */
#include "craft.h"

#include "ip/toobig.h"

static struct addr own4, own6;
static uint8_t octets[2000], answer[TOOBIG_MAX];

static int setup(void **state)
{
	assert_int_equal(addr_parse("10.1.0.1", &own4), 0);
	assert_int_equal(addr_parse("fd00::1", &own6), 0);
	memset(octets, 0, sizeof(octets));
	memset(answer, 0, sizeof(answer));
	return 0;
}

static size_t build(size_t n, const struct addr *from, uint16_t mtu)
{
	struct ip_packet p = parsed(octets, n);

	return toobig_build(octets, &p, from, mtu, answer, sizeof(answer));
}

static void ipv4_fragmentation_needed_names_the_mtu_and_quotes_the_packet(void **state)
{
	static uint8_t body[1480];
	size_t n = craft_v4(octets, IP_UDP, body, sizeof(body));
	size_t len = build(n, &own4, 1400);
	struct ip_packet p = parsed(answer, len);

	assert_int_equal(len, 576);
	assert_int_equal(p.protocol, IP_ICMP);
	assert_memory_equal(packet_source_at(answer, &p), own4.octets, 4);
	assert_memory_equal(packet_destination_at(answer, &p), octets + 12, 4);
	assert_int_equal(craft_sum(0, answer, 20), 0);
	assert_int_equal(craft_sum(0, answer + 20, len - 20), 0);
	assert_int_equal(answer[20], 3);
	assert_int_equal(answer[21], 4);
	assert_int_equal(answer[26] << 8 | answer[27], 1400);
	assert_memory_equal(answer + 28, octets, len - 28);
}

static void a_packet_shorter_than_the_room_is_quoted_whole(void **state)
{
	static uint8_t body[101]; /* odd: the checksum's last octet stands alone */
	size_t n;

	body[100] = 0x77;
	n = craft_v4(octets, IP_UDP, body, sizeof(body));
	assert_int_equal(build(n, &own4, 100), 28 + n);
	assert_int_equal(craft_sum(0, answer + 20, 8 + n), 0);
	n = craft_v6(octets, IP_UDP, body, sizeof(body));
	assert_int_equal(build(n, &own6, 100), 48 + n);
	struct ip_packet p = parsed(answer, 48 + n);
	assert_int_equal(craft_l4_sum(answer, &p), 0);
}

static void ipv6_packet_too_big_names_the_mtu_and_quotes_the_packet(void **state)
{
	static uint8_t body[1460];
	size_t n = craft_v6(octets, IP_TCP, body, sizeof(body));
	size_t len = build(n, &own6, 1400);
	struct ip_packet p = parsed(answer, len);

	assert_int_equal(len, 1280);
	assert_int_equal(p.protocol, IP_ICMPV6);
	assert_memory_equal(packet_source_at(answer, &p), own6.octets, 16);
	assert_memory_equal(packet_destination_at(answer, &p), octets + 8, 16);
	assert_int_equal(craft_l4_sum(answer, &p), 0);
	assert_int_equal(answer[40], 2);
	assert_int_equal(answer[41], 0);
	assert_int_equal(answer[46] << 8 | answer[47], 1400);
	assert_memory_equal(answer + 48, octets, len - 48);
}

static void icmp_errors_are_not_answered_but_ping_is(void **state)
{
	uint8_t body[64] = {0};

	for (unsigned type = 0; type < 256; type++) {
		bool error4 = type == 3 || type == 4 || type == 5 || type == 11 || type == 12;
		bool error6 = type < 128 || type == 137;

		body[0] = (uint8_t)type;
		assert_int_equal(!build(craft_v4(octets, IP_ICMP, body, 64), &own4, 68), error4);
		assert_int_equal(!build(craft_v6(octets, IP_ICMPV6, body, 64), &own6, 68), error6);
	}
	assert_int_equal(build(craft_v4(octets, IP_ICMP, body, 0), &own4, 68), 0);
}

static void what_may_be_fragmented_is_not_answered(void **state)
{
	uint8_t body[64] = {0};
	size_t n = craft_v4(octets, IP_UDP, body, 64);

	octets[6] = 0;
	assert_int_equal(build(n, &own4, 68), 0);
}

static void a_later_fragment_is_not_answered(void **state)
{
	uint8_t body[64] = {IP_UDP, 0, 0, 8};

	assert_int_equal(build(craft_v6(octets, IP_FRAGMENT, body, 64), &own6, 68), 0);
	body[3] = 1; /* the first one is */
	assert_int_not_equal(build(craft_v6(octets, IP_FRAGMENT, body, 64), &own6, 68), 0);
}

static void nothing_goes_to_or_for_what_is_no_single_host(void **state)
{
	static const char *const four[] = {"0.0.0.0", "127.0.0.1", "224.0.0.5", "255.255.255.255"};
	static const char *const six[] = {"::", "::1", "ff02::1"};
	uint8_t body[64] = {0};
	struct addr a;

	for (size_t i = 0; i < 4; i++) {
		for (size_t at = 12; at <= 16; at += 4) {
			size_t n = craft_v4(octets, IP_UDP, body, 64);

			assert_int_equal(addr_parse(four[i], &a), 0);
			memcpy(octets + at, a.octets, 4);
			assert_int_equal(build(n, &own4, 68), 0);
		}
	}
	for (size_t i = 0; i < 3; i++) {
		for (size_t at = 8; at <= 24; at += 16) {
			size_t n = craft_v6(octets, IP_UDP, body, 64);

			assert_int_equal(addr_parse(six[i], &a), 0);
			memcpy(octets + at, a.octets, 16);
			assert_int_equal(build(n, &own6, 68), 0);
		}
	}
}

static void the_own_address_must_be_of_the_packets_family(void **state)
{
	uint8_t body[64] = {0};

	assert_int_equal(build(craft_v4(octets, IP_UDP, body, 64), &own6, 68), 0);
	assert_int_equal(build(craft_v6(octets, IP_UDP, body, 64), &own4, 68), 0);
}

static void a_buffer_too_small_gets_nothing(void **state)
{
	uint8_t body[64] = {0};
	struct ip_packet p = parsed(octets, craft_v4(octets, IP_UDP, body, 64));

	for (size_t cap = 0; cap < 28 + 84; cap++)
		assert_int_equal(toobig_build(octets, &p, &own4, 68, answer, cap), 0);
	assert_int_equal(toobig_build(octets, &p, &own4, 68, answer, 28 + 84), 28 + 84);
}

#define TEST(f) cmocka_unit_test_setup(f, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(ipv4_fragmentation_needed_names_the_mtu_and_quotes_the_packet),
		TEST(a_packet_shorter_than_the_room_is_quoted_whole),
		TEST(ipv6_packet_too_big_names_the_mtu_and_quotes_the_packet),
		TEST(icmp_errors_are_not_answered_but_ping_is),
		TEST(what_may_be_fragmented_is_not_answered),
		TEST(a_later_fragment_is_not_answered),
		TEST(nothing_goes_to_or_for_what_is_no_single_host),
		TEST(the_own_address_must_be_of_the_packets_family),
		TEST(a_buffer_too_small_gets_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
