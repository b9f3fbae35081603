// SPDX-License-Identifier: Apache-2.0
/* offload/ip_packet.c: what is plain, what is odd, and marking. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "offload/ip_packet.h"
#include "unit/offload/packets.h"

static uint8_t packet[2048];

static size_t build(unsigned version, unsigned protocol, size_t payload)
{
	struct spec s = {.version = version,
		.protocol = protocol,
		.sport = 5000,
		.flags = 0x10,
		.ttl = 64,
		.host = 9,
		.payload = payload,
		.df = true};

	return build_packet(packet, &s);
}

static struct ip_packet parse(size_t n)
{
	struct ip_packet p;

	ip_packet_parse(packet, n, &p);
	return p;
}

static void tcp_and_udp_of_both_versions_are_simple(void **state)
{
	(void)state;
	for (unsigned version = 4; version <= 6; version += 2) {
		unsigned ip = version == 4 ? 20 : 40;
		struct ip_packet p = parse(build(version, 6, 100));

		assert_true(p.simple);
		assert_int_equal(p.version, version);
		assert_int_equal(p.protocol, 6);
		assert_int_equal(p.l4, ip);
		assert_int_equal(p.payload, ip + 20);
		p = parse(build(version, 17, 0));
		assert_true(p.simple);
		assert_int_equal(p.payload, ip + 8);
		assert_int_equal(p.payload, p.len);
	}
}

static void a_packet_cut_short_is_not_simple_at_any_length(void **state)
{
	(void)state;
	for (unsigned version = 4; version <= 6; version += 2) {
		size_t n = build(version, 6, 30);

		for (size_t cut = 0; cut < n; cut++) {
			struct ip_packet p = parse(cut);

			assert_false(p.simple);
			assert_int_equal(p.version, cut < ip_header_octets(packet) ? 0 : version);
		}
	}
}

static void octets_behind_the_packet_make_it_odd(void **state)
{
	size_t n = build(4, 17, 30);

	(void)state;
	assert_true(parse(n).simple);
	assert_false(parse(n + 1).simple);
}

static void fragments_have_no_ports(void **state)
{
	static const unsigned fields[] = {0x2000, 0x2001, 0x0001, 0x8000};

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		size_t n = build(4, 6, 100);

		put16(packet + 6, fields[i]);
		assert_false(parse(n).simple);
		assert_int_equal(parse(n).l4, 0);
		assert_int_equal(parse(n).protocol, 6);
	}
}

static void ip_options_keep_the_ports_but_are_odd(void **state)
{
	size_t n = build(4, 17, 100);

	(void)state;
	packet[0] = 0x46;
	assert_int_equal(parse(n).l4, 24);
	assert_false(parse(n).simple);
	packet[0] = 0x44;
	assert_int_equal(parse(n).version, 0);
}

static void extension_headers_hide_the_protocol(void **state)
{
	size_t n = build(6, 6, 100);

	(void)state;
	packet[6] = 44; /* Fragment, RFC 8200 4.5 */
	assert_int_equal(parse(n).protocol, 0);
	assert_int_equal(parse(n).l4, 0);
	assert_false(parse(n).simple);
}

static void a_tcp_header_longer_than_the_packet_is_odd(void **state)
{
	size_t n = build(4, 6, 4);

	(void)state;
	packet[32] = 6 << 4;
	assert_true(parse(n).simple);
	packet[32] = 7 << 4;
	assert_false(parse(n).simple);
	packet[32] = 4 << 4;
	assert_false(parse(n).simple);
}

static void the_hash_tells_flows_apart_and_seeds_change_it(void **state)
{
	struct ip_packet p = parse(build(6, 6, 10));
	uint32_t hash = ip_packet_hash(&p, 1);

	(void)state;
	assert_int_not_equal(hash, ip_packet_hash(&p, 2));
	packet[41] ^= 1; /* source port */
	assert_int_not_equal(hash, ip_packet_hash(&p, 1));
	packet[41] ^= 1;
	packet[45] ^= 1; /* sequence */
	assert_int_equal(hash, ip_packet_hash(&p, 1));
}

static void marking_sets_ce_and_keeps_the_checksum_right(void **state)
{
	(void)state;
	for (unsigned tos = 0; tos < 256; tos++) {
		struct spec s = {
			.version = 4, .protocol = 6, .tos = (uint8_t)tos, .ttl = 64, .payload = 9};
		size_t n = build_packet(packet, &s);

		assert_int_equal(ip_packet_mark_ce(packet), (tos & 3) != 0);
		assert_int_equal(packet[1], tos & 3 ? tos | 3 : tos);
		assert_int_equal(ref_sum(packet, 20, 0), 0xffff);
		s.version = 6;
		n = build_packet(packet, &s);
		assert_int_equal(ip_packet_mark_ce(packet), (tos & 3) != 0);
		assert_int_equal(get16(packet) >> 4 & 0xff, tos & 3 ? tos | 3 : tos);
		assert_int_equal(ref_l4_sum(packet, n, 40, 6), 0xffff);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tcp_and_udp_of_both_versions_are_simple),
		cmocka_unit_test(a_packet_cut_short_is_not_simple_at_any_length),
		cmocka_unit_test(octets_behind_the_packet_make_it_odd),
		cmocka_unit_test(fragments_have_no_ports),
		cmocka_unit_test(ip_options_keep_the_ports_but_are_odd),
		cmocka_unit_test(extension_headers_hide_the_protocol),
		cmocka_unit_test(a_tcp_header_longer_than_the_packet_is_odd),
		cmocka_unit_test(the_hash_tells_flows_apart_and_seeds_change_it),
		cmocka_unit_test(marking_sets_ce_and_keeps_the_checksum_right),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
