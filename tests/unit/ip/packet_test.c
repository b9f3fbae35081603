// SPDX-License-Identifier: Apache-2.0
/* ip/packet.c: headers, flows, scopes. */
#include "craft.h"
#include "unit/offload/packets.h"

#include <errno.h>

static const uint8_t udp[12] = {0x30, 0x39, 0, 53, 0, 12, 0, 0, 'a', 'b', 'c', 'd'};

static void an_ipv4_header_is_read(void **state)
{
	uint8_t octets[64] = {0};
	size_t n = craft_v4(octets, IP_UDP, udp, sizeof(udp));
	struct ip_packet p = parsed(octets, n);
	struct addr source = packet_source(octets, &p);

	assert_int_equal(p.family, AF_INET);
	assert_int_equal(p.len, 32);
	assert_int_equal(p.header_len, 20);
	assert_int_equal(p.protocol, IP_UDP);
	assert_int_equal(p.source_port, 12345);
	assert_int_equal(p.destination_port, 53);
	assert_int_equal(p.hop_limit, 61);
	assert_true(p.dont_fragment);
	assert_false(p.fragment);
	assert_int_equal(addr_v4_value(&source), 0x0a010203);
	assert_memory_equal(packet_destination_at(octets, &p), "\xc0\0\2\x09", 4);
}

static void an_ipv6_header_is_read(void **state)
{
	uint8_t octets[64] = {0};
	size_t n = craft_v6(octets, IP_UDP, udp, sizeof(udp));
	struct ip_packet p = parsed(octets, n);

	assert_int_equal(p.family, AF_INET6);
	assert_int_equal(p.len, 52);
	assert_int_equal(p.header_len, 40);
	assert_int_equal(p.protocol, IP_UDP);
	assert_int_equal(p.destination_port, 53);
	assert_int_equal(p.hop_limit, 62);
	assert_ptr_equal(packet_source_at(octets, &p), octets + 8);
	assert_ptr_equal(packet_destination_at(octets, &p), octets + 24);
}

static void padding_behind_a_packet_is_not_its_own(void **state)
{
	uint8_t octets[64] = {0};

	craft_v4(octets, IP_UDP, udp, sizeof(udp));
	assert_int_equal(parsed(octets, sizeof(octets)).len, 32);
	craft_v6(octets, IP_UDP, udp, sizeof(udp));
	assert_int_equal(parsed(octets, sizeof(octets)).len, 52);
}

static void every_prefix_of_a_packet_is_refused(void **state)
{
	uint8_t octets[64] = {0};
	struct ip_packet p;
	size_t n = craft_v4(octets, IP_UDP, udp, sizeof(udp));

	for (size_t i = 0; i < n; i++)
		assert_int_equal(packet_parse(octets, i, &p), -EPROTO);
	n = craft_v6(octets, IP_UDP, udp, sizeof(udp));
	for (size_t i = 0; i < n; i++)
		assert_int_equal(packet_parse(octets, i, &p), -EPROTO);
}

static void wrong_versions_and_lengths_are_refused(void **state)
{
	uint8_t octets[64] = {0};
	size_t n = craft_v4(octets, IP_UDP, udp, sizeof(udp));
	struct ip_packet p;

	for (unsigned version = 0; version < 16; version++) {
		octets[0] = (uint8_t)(version << 4 | 5);
		assert_int_equal(packet_parse(octets, n, &p), version == 4 ? 0 : -EPROTO);
	}
	octets[0] = 0x44; /* a header of 16 octets */
	assert_int_equal(packet_parse(octets, n, &p), -EPROTO);
	octets[0] = 0x49; /* of 36: more than the packet has */
	assert_int_equal(packet_parse(octets, n, &p), -EPROTO);
	octets[0] = 0x45;
	craft16(octets + 2, 19); /* less than its own header */
	assert_int_equal(packet_parse(octets, n, &p), -EPROTO);
}

static void ipv4_options_are_skipped(void **state)
{
	uint8_t octets[64] = {0}, body[16] = {1, 1, 1, 0};
	size_t n;

	memcpy(body + 4, udp, sizeof(udp));
	n = craft_v4(octets, IP_UDP, body, sizeof(body));
	octets[0] = 0x46;
	assert_int_equal(parsed(octets, n).header_len, 24);
	assert_int_equal(parsed(octets, n).destination_port, 53);
}

static void fragments_show_no_ports_but_the_first(void **state)
{
	uint8_t octets[80] = {0}, body[20] = {IP_UDP, 0, 0, 1};
	size_t n = craft_v4(octets, IP_UDP, udp, sizeof(udp));

	octets[6] = 0x20; /* MF */
	assert_true(parsed(octets, n).fragment);
	assert_false(parsed(octets, n).later_fragment);
	assert_false(parsed(octets, n).dont_fragment);
	assert_int_equal(parsed(octets, n).destination_port, 53);
	octets[6] = 0;
	octets[7] = 185;
	assert_true(parsed(octets, n).later_fragment);
	assert_int_equal(parsed(octets, n).destination_port, 0);

	memcpy(body + 8, udp, sizeof(udp));
	n = craft_v6(octets, IP_FRAGMENT, body, sizeof(body));
	assert_int_equal(parsed(octets, n).protocol, IP_UDP);
	assert_int_equal(parsed(octets, n).header_len, 48);
	assert_int_equal(parsed(octets, n).destination_port, 53);
	assert_true(parsed(octets, n).fragment);
	octets[42] = 0x05; /* offset 160 */
	assert_true(parsed(octets, n).later_fragment);
	assert_int_equal(parsed(octets, n).destination_port, 0);
	assert_int_equal(parsed(octets, n).protocol, IP_UDP);
	octets[42] = octets[43] = 0; /* an atomic fragment (RFC 6946) is whole */
	assert_false(parsed(octets, n).fragment);
}

static void extension_headers_are_walked_to_the_upper_layer(void **state)
{
	uint8_t octets[120] = {0},
		body[56] = {
			IP_DSTOPTS, 0, 1, 4, 0, 0, 0, 0, /* hop-by-hop, padded */
			IP_ROUTING, 1, 1, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, /* 16 octets */
			IP_AH, 0, 0, 0, 0, 0, 0, 0, IP_UDP, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0,
			1, /* (1 + 2) * 4 octets */
		};
	size_t n;

	memcpy(body + 44, udp, sizeof(udp));
	n = craft_v6(octets, IP_HOPOPTS, body, sizeof(body));
	assert_int_equal(parsed(octets, n).protocol, IP_UDP);
	assert_int_equal(parsed(octets, n).header_len, 84);
	assert_int_equal(parsed(octets, n).destination_port, 53);
}

static void an_extension_header_that_leaves_the_packet_is_refused(void **state)
{
	uint8_t octets[80] = {0}, body[8] = {IP_UDP, 1};
	size_t n = craft_v6(octets, IP_DSTOPTS, body, sizeof(body));
	struct ip_packet p;

	assert_int_equal(packet_parse(octets, n, &p), -EPROTO);
	assert_int_equal(
		packet_parse(octets, sizeof(octets), &p), -EPROTO); /* padding does not help */
}

static void an_endless_chain_of_extension_headers_is_refused(void **state)
{
	static uint8_t octets[40 + 8 * 1000];
	struct ip_packet p;

	for (size_t i = 0; i < 1000; i++)
		octets[40 + 8 * i] = IP_DSTOPTS;
	octets[0] = 0x60;
	craft16(octets + 4, 8000);
	octets[6] = IP_DSTOPTS;
	assert_int_equal(packet_parse(octets, sizeof(octets), &p), -EPROTO);
	octets[40 + 8 * 7] = IP_NO_NEXT; /* eight are fine */
	assert_int_equal(packet_parse(octets, sizeof(octets), &p), 0);
	assert_int_equal(p.header_len, 40 + 64);
}

static void a_flow_has_one_hash_and_another_flow_another(void **state)
{
	uint8_t a[64] = {0}, b[64] = {0};
	size_t n = craft_v4(a, IP_UDP, udp, sizeof(udp));
	struct ip_packet pa, pb;

	craft_v4(b, IP_UDP, udp, sizeof(udp));
	b[4] ^= 1; /* identification, TOS and TTL are no part of a flow */
	b[1] = 3;
	b[8] = 1;
	pa = parsed(a, n);
	pb = parsed(b, n);
	assert_int_equal(packet_flow_hash(a, &pa, 7), packet_flow_hash(b, &pb, 7));
	assert_int_not_equal(packet_flow_hash(a, &pa, 7), packet_flow_hash(a, &pa, 8));
	static const size_t matters[] = {9, 12, 15, 16, 19, 20, 21, 22, 23};
	for (size_t i = 0; i < sizeof(matters) / sizeof(*matters); i++) {
		memcpy(b, a, sizeof(b));
		b[matters[i]] ^= matters[i] == 9 ? IP_UDP ^ IP_TCP : 1;
		pb = parsed(b, n);
		assert_int_not_equal(packet_flow_hash(a, &pa, 7), packet_flow_hash(b, &pb, 7));
	}
}

static void all_pieces_of_a_fragmented_packet_share_a_flow(void **state)
{
	uint8_t a[64] = {0}, b[64] = {0};
	size_t n = craft_v4(a, IP_UDP, udp, sizeof(udp));
	struct ip_packet first, later;

	craft_v4(b, IP_UDP, udp + 4, 8);
	a[6] = 0x20;
	b[6] = 0;
	b[7] = 1;
	first = parsed(a, n);
	later = parsed(b, n);
	assert_int_equal(packet_flow_hash(a, &first, 7), packet_flow_hash(b, &later, 7));
}

static void many_flows_spread_over_the_hash(void **state)
{
	uint8_t octets[64] = {0};
	size_t n = craft_v4(octets, IP_UDP, udp, sizeof(udp));
	unsigned buckets[64] = {0};

	for (unsigned port = 0; port < 6400; port++) {
		struct ip_packet p;

		craft16(octets + 20, port);
		p = parsed(octets, n);
		buckets[packet_flow_hash(octets, &p, 1) % 64]++;
	}
	for (size_t i = 0; i < 64; i++)
		assert_in_range(buckets[i], 50, 170);
}

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

	packet_parse(packet, n, &p);
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

static void octets_behind_the_packet_do_not_make_it_odd(void **state)
{
	size_t n = build(4, 17, 30);

	(void)state;
	assert_true(parse(n).simple);
	assert_true(parse(n + 1).simple);
	assert_int_equal(parse(n + 1).len, n);
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

static void behind_extension_headers_the_ports_are_not_used(void **state)
{
	size_t n = build(6, 6, 100);

	(void)state;
	packet[6] = 44; /* Fragment, RFC 8200 4.5 */
	assert_true(parse(n).whole);
	assert_int_equal(parse(n).l4, 0);
	assert_false(parse(n).simple);
	packet[6] =
		60; /* and where the chain leaves the packet, all that is known is whose it is */
	packet[41] = 255;
	assert_int_equal(parse(n).version, 6);
	assert_false(parse(n).whole);
	assert_int_equal(parse(n).protocol, 0);
	assert_int_equal(parse(n).len, n);
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
	uint32_t hash = packet_flow_hash(packet, &p, 1);

	(void)state;
	assert_int_not_equal(hash, packet_flow_hash(packet, &p, 2));
	packet[41] ^= 1; /* source port */
	p = parse(p.len);
	assert_int_not_equal(hash, packet_flow_hash(packet, &p, 1));
	packet[41] ^= 1;
	packet[45] ^= 1; /* sequence */
	p = parse(p.len);
	assert_int_equal(hash, packet_flow_hash(packet, &p, 1));
}

static void marking_sets_ce_and_keeps_the_checksum_right(void **state)
{
	(void)state;
	for (unsigned tos = 0; tos < 256; tos++) {
		struct spec s = {
			.version = 4, .protocol = 6, .tos = (uint8_t)tos, .ttl = 64, .payload = 9};
		size_t n = build_packet(packet, &s);

		assert_int_equal(packet_mark_ce(packet), (tos & 3) != 0);
		assert_int_equal(packet[1], tos & 3 ? tos | 3 : tos);
		assert_int_equal(ref_sum(packet, 20, 0), 0xffff);
		s.version = 6;
		n = build_packet(packet, &s);
		assert_int_equal(packet_mark_ce(packet), (tos & 3) != 0);
		assert_int_equal(get16(packet) >> 4 & 0xff, tos & 3 ? tos | 3 : tos);
		assert_int_equal(ref_l4_sum(packet, n, 40, 6), 0xffff);
	}
}

static void addresses_have_their_scopes(void **state)
{
	static const struct {
		const char *text;
		enum ip_scope scope;
	} rows[] = {
		{"0.0.0.0", IP_UNSPECIFIED},
		{"127.0.0.53", IP_LOOPBACK},
		{"169.254.1.1", IP_LINK_LOCAL},
		{"10.0.0.1", IP_UNICAST},
		{"223.255.255.255", IP_UNICAST},
		{"224.0.0.251", IP_MULTICAST},
		{"239.255.255.250", IP_MULTICAST},
		{"240.0.0.1", IP_BROADCAST},
		{"255.255.255.255", IP_BROADCAST},
		{"::", IP_UNSPECIFIED},
		{"::1", IP_LOOPBACK},
		{"::2", IP_UNICAST},
		{"fe80::1", IP_LINK_LOCAL},
		{"febf::1", IP_LINK_LOCAL},
		{"fec0::1", IP_UNICAST},
		{"ff02::fb", IP_MULTICAST},
		{"2001:db8::1", IP_UNICAST},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct addr a;

		assert_int_equal(addr_parse(rows[i].text, &a), 0);
		assert_int_equal(ip_scope_of(a.family, a.octets), rows[i].scope);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_ipv4_header_is_read),
		cmocka_unit_test(an_ipv6_header_is_read),
		cmocka_unit_test(padding_behind_a_packet_is_not_its_own),
		cmocka_unit_test(every_prefix_of_a_packet_is_refused),
		cmocka_unit_test(wrong_versions_and_lengths_are_refused),
		cmocka_unit_test(ipv4_options_are_skipped),
		cmocka_unit_test(fragments_show_no_ports_but_the_first),
		cmocka_unit_test(extension_headers_are_walked_to_the_upper_layer),
		cmocka_unit_test(an_extension_header_that_leaves_the_packet_is_refused),
		cmocka_unit_test(an_endless_chain_of_extension_headers_is_refused),
		cmocka_unit_test(a_flow_has_one_hash_and_another_flow_another),
		cmocka_unit_test(all_pieces_of_a_fragmented_packet_share_a_flow),
		cmocka_unit_test(many_flows_spread_over_the_hash),
		cmocka_unit_test(tcp_and_udp_of_both_versions_are_simple),
		cmocka_unit_test(a_packet_cut_short_is_not_simple_at_any_length),
		cmocka_unit_test(octets_behind_the_packet_do_not_make_it_odd),
		cmocka_unit_test(fragments_have_no_ports),
		cmocka_unit_test(ip_options_keep_the_ports_but_are_odd),
		cmocka_unit_test(behind_extension_headers_the_ports_are_not_used),
		cmocka_unit_test(a_tcp_header_longer_than_the_packet_is_odd),
		cmocka_unit_test(the_hash_tells_flows_apart_and_seeds_change_it),
		cmocka_unit_test(marking_sets_ce_and_keeps_the_checksum_right),
		cmocka_unit_test(addresses_have_their_scopes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
