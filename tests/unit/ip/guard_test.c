// SPDX-License-Identifier: Apache-2.0
/* ip/guard.c: what a peer may send, whatever stands before the header that counts. */
#include "craft.h"

#include <stdlib.h>

#include "ip/guard.h"

#define ICMPV6 58

static struct prefix pools[2];
static struct guard server, client;
static uint8_t octets[70000];

static struct addr address(const char *text)
{
	struct addr a;

	assert_int_equal(addr_parse(text, &a), 0);
	return a;
}

static int setup(void **state)
{
	(void)state;
	prefix_parse("10.1.0.0/22", &pools[0]);
	prefix_parse("10.9.0.0/24", &pools[1]);
	server = (struct guard){.server = true,
		.peer_link_local = address("fe80::3"),
		.own_link_local = address("fe80::1"),
		.own4 = address("10.1.0.1"),
		.own6 = address("fd00::1"),
		.nets = pools,
		.n_nets = 2};
	client = server;
	client.server = false;
	client.n_nets = 0;
	return 0;
}

static enum guard_verdict judge(const struct guard *g, size_t n)
{
	uint8_t *exact = malloc(n ? n : 1); /* so that a sanitizer sees a read behind the end */
	struct ip_packet p;
	enum guard_verdict v;

	memcpy(exact, octets, n);
	packet_parse(exact, n, &p);
	v = guard_judge(g, exact, &p);
	if (v == GUARD_PASS)
		assert_int_equal(guard_addresses(g, exact), GUARD_PASS);
	free(exact);
	return v;
}

#define assert_both(n, verdict)                                                                    \
	do {                                                                                       \
		assert_int_equal(judge(&server, n), verdict);                                      \
		assert_int_equal(judge(&client, n), verdict);                                      \
	} while (0)

/* ---- IPv4 --------------------------------------------------------------------------------- */

static const uint8_t udp_body[20] = {0x13, 0x88, 0x13, 0x89, 0, 20};
static const uint8_t tcp_body[20] = {0, 80, 0, 90, [12] = 0x50};

static size_t v4(const char *from, const char *to)
{
	size_t n = craft_v4(octets, IP_UDP, udp_body, sizeof(udp_body));
	struct addr a = address(from), b = address(to);

	memcpy(octets + 12, a.octets, 4);
	memcpy(octets + 16, b.octets, 4);
	return n;
}

static void ipv4_goes_to_hosts_alone(void **state)
{
	(void)state;
	assert_both(v4("10.1.2.3", "192.0.2.9"), GUARD_PASS);
	assert_both(v4("10.1.2.3", "223.255.255.255"), GUARD_PASS);
	assert_both(v4("10.1.2.3", "10.1.0.255"), GUARD_PASS); /* a host of the /22 */
	assert_both(v4("10.1.2.3", "224.0.0.251"), GUARD_NOISE);
	assert_both(v4("10.1.2.3", "239.255.255.250"), GUARD_NOISE);
	assert_both(v4("10.1.2.3", "255.255.255.255"), GUARD_NOISE);
	assert_both(v4("10.1.2.3", "240.0.0.1"), GUARD_NOISE);
	assert_both(v4("10.1.2.3", "127.0.0.1"), GUARD_FORBIDDEN);
	assert_both(v4("10.1.2.3", "127.255.0.1"), GUARD_FORBIDDEN);
	assert_both(v4("10.1.2.3", "0.0.0.0"), GUARD_FORBIDDEN);
	assert_both(v4("10.1.2.3", "0.1.2.3"), GUARD_FORBIDDEN);
	assert_both(v4("10.1.2.3", "169.254.169.254"), GUARD_FORBIDDEN);
}

static void the_ends_of_each_pool_are_no_hosts(void **state)
{
	(void)state;
	assert_int_equal(judge(&server, v4("10.1.2.3", "10.1.3.255")), GUARD_NOISE);
	assert_int_equal(judge(&server, v4("10.1.2.3", "10.1.0.0")), GUARD_NOISE);
	assert_int_equal(judge(&server, v4("10.1.2.3", "10.9.0.255")), GUARD_NOISE);
	assert_int_equal(judge(&server, v4("10.1.2.3", "10.1.4.255")), GUARD_PASS);
	assert_int_equal(judge(&client, v4("10.1.2.3", "10.1.3.255")), GUARD_PASS);
}

static void ipv4_comes_from_hosts_alone_and_not_from_us(void **state)
{
	static const char *const wrong[] = {"127.0.0.1", "0.0.0.0", "255.255.255.255", "224.0.0.1",
		"169.254.1.1", "10.1.0.1", "240.0.0.9"};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		assert_both(v4(wrong[i], "192.0.2.9"), GUARD_SOURCE);
}

/* A packet with `options` (a multiple of four octets), then TCP. */
static size_t with_options(const void *options, size_t n)
{
	uint8_t body[80];

	memcpy(body, options, n);
	memcpy(body + n, tcp_body, sizeof(tcp_body));
	n += craft_v4(octets, IP_TCP, body, n + sizeof(tcp_body)) - 20 - n;
	octets[0] = (uint8_t)(0x45 + (n - 20) / 4);
	return 20 + n;
}

static void source_routes_and_unknown_options_do_not_pass(void **state)
{
	(void)state;
	assert_both(with_options("\1\1\1\1", 4), GUARD_PASS);
	assert_both(with_options("\x94\4\0\0", 4), GUARD_PASS);                /* router alert */
	assert_both(with_options("\7\7\4\0\0\0\0\0", 8), GUARD_PASS);          /* record route */
	assert_both(with_options("\0\x83\7\4", 4), GUARD_PASS);                /* behind the end */
	assert_both(with_options("\x83\7\4\xc0\0\2\1\0", 8), GUARD_FORBIDDEN); /* loose */
	assert_both(with_options("\x89\7\4\xc0\0\2\1\0", 8), GUARD_FORBIDDEN); /* strict */
	assert_both(with_options("\1\1\1\1\x83\7\4\xc0\0\2\1\0", 12), GUARD_FORBIDDEN);
	assert_both(with_options("\x86\4\0\0", 4), GUARD_FORBIDDEN); /* CIPSO */
	assert_both(with_options("\x83\1\0\0", 4), GUARD_MALFORMED);
	assert_both(with_options("\x83\0\0\0", 4), GUARD_MALFORMED);
	assert_both(with_options("\7\x40\4\0", 4), GUARD_MALFORMED); /* longer than the header */
	assert_both(with_options("\1\1\1\7", 4), GUARD_MALFORMED);   /* no length */
}

static size_t icmp(uint8_t type)
{
	uint8_t body[16] = {type};

	return craft_v4(octets, IP_ICMP, body, sizeof(body));
}

static void of_icmp_echo_and_errors_pass(void **state)
{
	(void)state;
	for (unsigned type = 0; type < 256; type++) {
		bool good = type == 0 || type == 3 || type == 8 || type == 11 || type == 12;

		assert_both(icmp((uint8_t)type), good ? GUARD_PASS : GUARD_FORBIDDEN);
	}
	assert_both(craft_v4(octets, IP_ICMP, "\10", 1), GUARD_MALFORMED);
}

static void unknown_protocols_do_not_pass(void **state)
{
	static const uint8_t body[40] = {[4] = 0, [5] = 40, [12] = 0x50};
	static const uint8_t bad[] = {0, 2, 3, 43, 44, 46, 58, 59, 60, 89, 103, 112, 135, 139, 253};

	(void)state;
	for (size_t i = 0; i < sizeof(bad); i++)
		assert_both(craft_v4(octets, bad[i], body, sizeof(body)), GUARD_FORBIDDEN);
	assert_both(craft_v4(octets, 47, body, sizeof(body)), GUARD_PASS);
	assert_both(craft_v4(octets, 50, body, sizeof(body)), GUARD_PASS);
	assert_both(craft_v4(octets, 132, body, sizeof(body)), GUARD_PASS);
}

static void lengths_that_contradict_each_other_do_not_pass(void **state)
{
	size_t n = v4("10.1.2.3", "192.0.2.9");

	(void)state;
	octets[3] = (uint8_t)(n + 1);
	assert_both(n, GUARD_MALFORMED);
	octets[3] = 19;
	assert_both(n, GUARD_MALFORMED);
	octets[3] = (uint8_t)(n - 1); /* shorter than UDP says */
	assert_both(n, GUARD_MALFORMED);
	n = v4("10.1.2.3", "192.0.2.9");
	octets[25] = 7; /* shorter than UDP's header */
	assert_both(n, GUARD_MALFORMED);
	octets[25] = 12; /* something stands behind the datagram */
	assert_both(n, GUARD_PASS);
	octets[0] = 0x44;
	assert_both(n, GUARD_MALFORMED);
	octets[0] = 0x4f; /* options beyond the packet */
	assert_both(n, GUARD_MALFORMED);
	n = craft_v4(octets, IP_TCP, tcp_body, sizeof(tcp_body));
	octets[32] = 0x60; /* TCP's options beyond it */
	assert_both(n, GUARD_MALFORMED);
	octets[32] = 0x40;
	assert_both(n, GUARD_MALFORMED);
}

static void padding_is_told_apart(void **state)
{
	size_t n = v4("10.1.2.3", "192.0.2.9");
	struct ip_packet p;

	(void)state;
	memset(octets + n, 0xaa, 30);
	assert_int_equal(packet_parse(octets, n + 30, &p), 0);
	assert_int_equal(guard_judge(&server, octets, &p), GUARD_PASS);
	assert_int_equal(p.len, n);
}

static size_t v4_fragment(uint8_t protocol, const void *body, size_t n, unsigned field)
{
	n = craft_v4(octets, protocol, body, n);
	craft16(octets + 6, field);
	return n;
}

static void the_first_fragment_holds_the_ports_and_flags(void **state)
{
	static const uint8_t redirect[16] = {5}, echo[16] = {8};
	uint8_t body[64] = {0};

	(void)state;
	memcpy(body, tcp_body, 20);
	assert_both(v4_fragment(IP_TCP, body, 24, 0x2000), GUARD_PASS);
	assert_both(v4_fragment(IP_TCP, body, 8, 0x2000), GUARD_MALFORMED);
	assert_both(v4_fragment(IP_TCP, body, 16, 0x2000), GUARD_MALFORMED);
	assert_both(v4_fragment(IP_TCP, body, 24, 0x0001), GUARD_MALFORMED); /* over the flags */
	assert_both(v4_fragment(IP_TCP, body, 24, 0x0003), GUARD_PASS);
	assert_both(v4_fragment(IP_UDP, udp_body, 16, 0x2000), GUARD_PASS);
	assert_both(v4_fragment(IP_ICMP, echo, 16, 0x2000), GUARD_PASS);
	assert_both(v4_fragment(IP_ICMP, redirect, 16, 0x2000), GUARD_FORBIDDEN);
	assert_both(v4_fragment(IP_UDP, body, 20, 0x2000), GUARD_MALFORMED); /* not of eights */
	assert_both(v4_fragment(IP_UDP, body, 0, 0x0003), GUARD_MALFORMED);
	assert_both(v4_fragment(IP_UDP, body, 64, 0x1fff), GUARD_MALFORMED); /* beyond 65535 */
	assert_both(v4_fragment(89, body, 64, 0x0003), GUARD_FORBIDDEN);
}

/* ---- IPv6 ---------------------------------------------------------------------------------- */

static size_t v6(const char *from, const char *to, uint8_t next, const void *body, size_t n)
{
	struct addr a = address(from), b = address(to);

	n = craft_v6(octets, next, body, n);
	memcpy(octets + 8, a.octets, 16);
	memcpy(octets + 24, b.octets, 16);
	return n;
}

static size_t v6_udp(const char *from, const char *to)
{
	return v6(from, to, IP_UDP, udp_body, sizeof(udp_body));
}

static void ipv6_goes_to_hosts_alone(void **state)
{
	static const char *const wrong[] = {
		"::", "::1", "::ffff:127.0.0.1", "::ffff:192.0.2.1", "::192.0.2.1", "fe80::2"};

	(void)state;
	assert_both(v6_udp("fd00::3", "2001:db8::9"), GUARD_PASS);
	assert_both(v6_udp("fd00::3", "64:ff9b::192.0.2.1"), GUARD_PASS);
	assert_both(v6_udp("fe80::3", "fe80::1"), GUARD_PASS);
	assert_both(v6_udp("fd00::3", "ff02::fb"), GUARD_NOISE);
	assert_both(v6_udp("fd00::3", "ff0e::1"), GUARD_NOISE);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		assert_both(v6_udp("fd00::3", wrong[i]), GUARD_FORBIDDEN);
}

static void ipv6_comes_from_the_agreed_link_local_address_alone(void **state)
{
	static const char *const wrong[] = {"fe80::4", "fe80::1", "febf::3", "fe80:0:0:1::3",
		"::", "::1", "ff02::1", "::ffff:10.0.0.1", "fd00::1"};
	struct guard none = {.server = true};

	(void)state;
	assert_both(v6_udp("fe80::3", "fd00::1"), GUARD_PASS);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		assert_both(v6_udp(wrong[i], "2001:db8::9"), GUARD_SOURCE);
	v6_udp("fe80::", "2001:db8::9");
	assert_int_equal(guard_addresses(&none, octets), GUARD_SOURCE);
}

static size_t icmpv6(const char *from, const char *to, uint8_t type)
{
	uint8_t body[24] = {type};

	return v6(from, to, ICMPV6, body, sizeof(body));
}

static void of_icmpv6_echo_and_errors_pass(void **state)
{
	(void)state;
	for (unsigned type = 0; type < 256; type++) {
		enum guard_verdict want = (type >= 1 && type <= 4) || type == 128 || type == 129
						  ? GUARD_PASS
						  : GUARD_FORBIDDEN;

		if (type < 133 || type > 136)
			assert_both(icmpv6("fd00::3", "2001:db8::9", (uint8_t)type), want);
	}
	assert_both(v6("fd00::3", "fd00::9", ICMPV6, "\x80\0\0\0\0\0", 6), GUARD_MALFORMED);
}

static void neighbour_discovery_goes_to_the_owner_of_the_link(void **state)
{
	(void)state;
	assert_int_equal(judge(&server, icmpv6("fe80::3", "ff02::2", 133)), GUARD_SOLICITATION);
	assert_int_equal(judge(&server, icmpv6("::", "ff02::2", 133)), GUARD_SOLICITATION);
	assert_int_equal(judge(&client, icmpv6("fe80::3", "ff02::2", 133)), GUARD_NOISE);
	assert_int_equal(judge(&client, icmpv6("fe80::3", "ff02::1", 134)), GUARD_ADVERTISEMENT);
	assert_int_equal(judge(&client, icmpv6("fe80::3", "fe80::1", 134)), GUARD_ADVERTISEMENT);
	assert_int_equal(judge(&client, icmpv6("fe80::4", "ff02::1", 134)), GUARD_SOURCE);
	assert_int_equal(judge(&client, icmpv6("fd00::3", "ff02::1", 134)), GUARD_SOURCE);
	assert_int_equal(judge(&client, icmpv6("::", "ff02::1", 134)), GUARD_SOURCE);
	assert_int_equal(judge(&server, icmpv6("fe80::3", "fe80::1", 134)), GUARD_FORBIDDEN);
	assert_both(icmpv6("fe80::3", "ff02::1:ff00:1", 135), GUARD_NEIGHBOUR);
	assert_both(icmpv6("::", "ff02::1:ff00:1", 135), GUARD_NEIGHBOUR);
	assert_both(icmpv6("fd00::3", "fd00::1", 135), GUARD_NEIGHBOUR);
	assert_both(icmpv6("fe80::4", "fe80::1", 135), GUARD_SOURCE);
	assert_both(icmpv6("fe80::3", "fe80::9", 136), GUARD_FORBIDDEN);
	assert_both(icmpv6("fe80::3", "fe80::1", 137), GUARD_FORBIDDEN); /* redirect */
}

static void dhcpv6_is_for_the_link_and_not_for_the_world(void **state)
{
	static const uint8_t dhcp[8] = {0x02, 0x22, 0x02, 0x23, 0, 8};

	(void)state;
	assert_int_equal(judge(&server, v6("fe80::3", "ff02::1:2", IP_UDP, dhcp, 8)), GUARD_DHCPV6);
	assert_int_equal(judge(&server, v6("fe80::3", "fe80::1", IP_UDP, dhcp, 8)), GUARD_DHCPV6);
	assert_int_equal(judge(&server, v6("fe80::4", "ff02::1:2", IP_UDP, dhcp, 8)), GUARD_SOURCE);
	assert_int_equal(judge(&server, v6("fd00::3", "ff02::1:2", IP_UDP, dhcp, 8)), GUARD_SOURCE);
	assert_int_equal(judge(&client, v6("fe80::3", "ff02::1:2", IP_UDP, dhcp, 8)), GUARD_NOISE);
	assert_both(v6("fd00::3", "2001:db8::1", IP_UDP, dhcp, 8), GUARD_PASS);
}

static size_t dhcpv4(const char *from, const char *to, uint16_t port)
{
	uint8_t dhcp[8] = {0, 68, (uint8_t)(port >> 8), (uint8_t)port, 0, 8};
	size_t n = craft_v4(octets, IP_UDP, dhcp, sizeof(dhcp));

	memcpy(octets + 12, address(from).octets, 4);
	memcpy(octets + 16, address(to).octets, 4);
	return n;
}

/* By everybody's address, or by the server's own; from a host that has an address. */
static void dhcp_is_for_the_server_of_the_link(void **state)
{
	(void)state;
	assert_int_equal(judge(&server, dhcpv4("10.1.2.3", "255.255.255.255", 67)), GUARD_DHCPV4);
	assert_int_equal(judge(&server, dhcpv4("10.1.2.3", "10.1.0.1", 67)), GUARD_DHCPV4);
	assert_int_equal(guard_addresses(&server, octets), GUARD_DHCPV4); /* to be looked at */
	assert_int_equal(judge(&server, dhcpv4("0.0.0.0", "255.255.255.255", 67)), GUARD_NOISE);
	assert_int_equal(judge(&server, dhcpv4("10.1.0.1", "255.255.255.255", 67)), GUARD_NOISE);
	assert_int_equal(judge(&server, dhcpv4("10.1.2.3", "255.255.255.255", 68)), GUARD_NOISE);
	assert_int_equal(judge(&server, dhcpv4("10.1.2.3", "10.1.3.255", 67)), GUARD_NOISE);
	assert_int_equal(judge(&server, dhcpv4("10.1.2.3", "192.0.2.9", 67)), GUARD_PASS);
	assert_int_equal(judge(&client, dhcpv4("10.1.2.3", "255.255.255.255", 67)), GUARD_NOISE);
	assert_int_equal(judge(&client, dhcpv4("10.1.2.3", "10.1.0.1", 67)), GUARD_PASS);
}

/* Headers that lie are no request, and a fragment is none either. */
static void a_broken_dhcp_request_is_not_passed_on(void **state)
{
	size_t n = dhcpv4("10.1.2.3", "255.255.255.255", 67);

	(void)state;
	octets[25] = 200; /* UDP's length */
	assert_int_equal(judge(&server, n), GUARD_MALFORMED);
	n = dhcpv4("10.1.2.3", "255.255.255.255", 67);
	octets[6] = 0x20; /* more fragments */
	assert_int_equal(judge(&server, n), GUARD_NOISE);
}

/* What goes to the server's own address and is no request passes as before. */
static void other_packets_to_the_server_itself_pass(void **state)
{
	struct ip_packet p;
	size_t n = dhcpv4("10.1.2.3", "10.1.0.1", 53);

	(void)state;
	assert_int_equal(packet_parse(octets, n, &p), 0);
	assert_int_equal(guard_judge(&server, octets, &p), GUARD_PASS);
}

/*
 * A chain of headers as text: h hop-by-hop, d destination options, r routing (nothing left), R with a
 * segment left, a authentication, f fragment (whole), F first fragment, L later one; then `last`.
 */
static size_t chain(const char *headers, uint8_t last, const void *body, size_t n)
{
	static uint8_t packet[2000];
	size_t at = 0;

	for (const char *h = headers; *h; h++, at += 8) {
		static const char kinds[] = "hdrRafFL";
		static const uint8_t numbers[] = {0, 60, 43, 43, 51, 44, 44, 44};
		const char *next = h[1] ? strchr(kinds, h[1]) : NULL;

		memset(packet + at, 0, 8);
		packet[at] = next ? numbers[next - kinds] : last;
		if (*h == 'h' || *h == 'd') {
			packet[at + 2] = 1; /* PadN */
			packet[at + 3] = 4;
		}
		packet[at + 3] = *h == 'R' ? 1 : *h == 'F' ? 1 : *h == 'L' ? 8 : packet[at + 3];
	}
	memcpy(packet + at, body, n);
	at += n;
	{
		static const char kinds[] = "hdrRafFL";
		static const uint8_t numbers[] = {0, 60, 43, 43, 51, 44, 44, 44};
		const char *first = *headers ? strchr(kinds, *headers) : NULL;

		return v6("fd00::3", "2001:db8::9", first ? numbers[first - kinds] : last, packet,
			at);
	}
}

static void what_counts_is_the_end_of_the_chain(void **state)
{
	static const char *const good[] = {"", "h", "d", "r", "f", "a", "hd", "hdrfd", "hdr", "dd",
		"hfd", "hdrfad", "F", "hF", "hdrF"};
	static const uint8_t echo[16] = {128}, ra[16] = {134}, redirect[40] = {137};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		assert_both(chain(good[i], ICMPV6, echo, 16), GUARD_PASS);
		assert_both(chain(good[i], IP_UDP, udp_body, 16),
			strchr(good[i], 'F') ? GUARD_PASS : GUARD_MALFORMED);
		assert_both(chain(good[i], ICMPV6, redirect, 40), GUARD_FORBIDDEN);
		assert_int_equal(judge(&server, chain(good[i], ICMPV6, ra, 16)), GUARD_FORBIDDEN);
		if (*good[i]) /* behind another header it is not even the client's affair */
			assert_both(chain(good[i], ICMPV6, ra, 16), GUARD_FORBIDDEN);
		assert_both(chain(good[i], 139, echo, 16), GUARD_FORBIDDEN);
		assert_both(chain(good[i], 135, echo, 16), GUARD_FORBIDDEN);
		assert_both(chain(good[i], IP_NO_NEXT, echo, 16), GUARD_PASS);
	}
	assert_both(chain("L", ICMPV6, ra, 16), GUARD_PASS); /* the middle of an echo */
	assert_both(chain("L", 139, ra, 16), GUARD_FORBIDDEN);
}

static void a_chain_out_of_order_or_without_end_does_not_pass(void **state)
{
	static const char *const bad[] = {
		"dh", "hh", "ddd", "rr", "aa", "ff", "fF", "Ff", "fL", "hdrfadd", "fh"};
	static const uint8_t echo[16] = {128};
	uint8_t many[8 * 30] = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_both(chain(bad[i], ICMPV6, echo, 16), GUARD_MALFORMED);
	assert_both(chain("R", ICMPV6, echo, 16), GUARD_FORBIDDEN);
	for (size_t i = 0; i < sizeof(many); i += 8)
		memcpy(many + i, "\x3c\0\1\4\0\0\0\0", 8);
	assert_both(v6("fd00::3", "2001:db8::9", 60, many, sizeof(many)), GUARD_MALFORMED);
}

static void a_chain_that_runs_into_the_second_fragment_does_not_pass(void **state)
{
	static const uint8_t none[1] = {0}, tcp[16] = {0, 80};

	(void)state;
	/* The first fragment ends behind a header, and the upper layer is in the next one. */
	assert_both(chain("F", ICMPV6, none, 0), GUARD_MALFORMED);
	assert_both(chain("Fd", ICMPV6, none, 0), GUARD_MALFORMED);
	assert_both(chain("hF", 60, none, 0), GUARD_MALFORMED);
	assert_both(chain("F", IP_TCP, tcp, 16), GUARD_MALFORMED); /* half of TCP's header */
	assert_both(chain("F", IP_UDP, udp_body, 8), GUARD_PASS);
	assert_both(chain("L", 60, tcp, 16), GUARD_PASS);
	assert_both(chain("L", IP_TCP, none, 0), GUARD_MALFORMED);
	assert_both(chain("F", IP_UDP, udp_body, 20), GUARD_MALFORMED); /* not of eights */
}

static void options_that_change_what_was_judged_do_not_pass(void **state)
{
	static const uint8_t jumbo[16] = {ICMPV6, 0, 0xc2, 4, 0, 1, 0, 0, 128},
			     alert[16] = {ICMPV6, 0, 5, 2, 0, 0, 1, 0, 128},
			     calipso[16] = {ICMPV6, 0, 7, 4, 0, 0, 0, 0, 128},
			     beyond[16] = {ICMPV6, 0, 1, 5, 0, 0, 0, 0, 128},
			     home[32] = {ICMPV6, 2, 1, 2, 0, 0, 0xc9, 16, [24] = 128};

	(void)state;
	assert_both(v6("fd00::3", "fd00::9", 0, alert, 16), GUARD_PASS);
	assert_both(v6("fd00::3", "fd00::9", 0, jumbo, 16), GUARD_FORBIDDEN);
	assert_both(v6("fd00::3", "fd00::9", 0, calipso, 16), GUARD_FORBIDDEN);
	assert_both(v6("fd00::3", "fd00::9", 60, calipso, 16), GUARD_PASS);
	assert_both(v6("fd00::3", "fd00::9", 60, beyond, 16), GUARD_MALFORMED);
	assert_both(v6("fd00::3", "fd00::9", 60, home, 32), GUARD_FORBIDDEN);
	v6("fd00::3", "fd00::9", 0, jumbo, 16);
	craft16(octets + 4, 0); /* as RFC 2675 has it */
	assert_both(56, GUARD_MALFORMED);
}

/* The very packet that took a server's default route. */
static void an_advertisement_behind_a_hop_by_hop_header_is_caught(void **state)
{
	static const uint8_t packet[] = {
		ICMPV6, 0, 1, 4, 0, 0, 0, 0, 134, 0, 0, 0, 64, 0, 7, 8, 0, 0, 0, 0, 0, 0, 0, 0};

	(void)state;
	assert_int_equal(judge(&server, v6("fe80::bad", "fe80::1", 0, packet, sizeof(packet))),
		GUARD_FORBIDDEN);
	assert_int_equal(judge(&server, v6("fe80::3", "fe80::1", 0, packet, sizeof(packet))),
		GUARD_FORBIDDEN);
	assert_int_equal(
		judge(&client, v6("fe80::3", "ff02::1", 0, packet, sizeof(packet))), GUARD_NOISE);
}

static void every_shorter_packet_is_malformed(void **state)
{
	static const uint8_t echo[16] = {128};
	size_t n = chain("hdrfad", ICMPV6, echo, 16);

	(void)state;
	for (size_t i = 0; i < n; i++)
		assert_both(i, GUARD_MALFORMED);
	/* and with a length that fits what is left */
	for (size_t i = 40; i < n - 8; i++) {
		craft16(octets + 4, (unsigned)(i - 40));
		assert_int_not_equal(judge(&server, i), GUARD_PASS);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ipv4_goes_to_hosts_alone),
		cmocka_unit_test(the_ends_of_each_pool_are_no_hosts),
		cmocka_unit_test(ipv4_comes_from_hosts_alone_and_not_from_us),
		cmocka_unit_test(source_routes_and_unknown_options_do_not_pass),
		cmocka_unit_test(of_icmp_echo_and_errors_pass),
		cmocka_unit_test(unknown_protocols_do_not_pass),
		cmocka_unit_test(lengths_that_contradict_each_other_do_not_pass),
		cmocka_unit_test(padding_is_told_apart),
		cmocka_unit_test(the_first_fragment_holds_the_ports_and_flags),
		cmocka_unit_test(ipv6_goes_to_hosts_alone),
		cmocka_unit_test(ipv6_comes_from_the_agreed_link_local_address_alone),
		cmocka_unit_test(of_icmpv6_echo_and_errors_pass),
		cmocka_unit_test(neighbour_discovery_goes_to_the_owner_of_the_link),
		cmocka_unit_test(dhcpv6_is_for_the_link_and_not_for_the_world),
		cmocka_unit_test(dhcp_is_for_the_server_of_the_link),
		cmocka_unit_test(a_broken_dhcp_request_is_not_passed_on),
		cmocka_unit_test(other_packets_to_the_server_itself_pass),
		cmocka_unit_test(what_counts_is_the_end_of_the_chain),
		cmocka_unit_test(a_chain_out_of_order_or_without_end_does_not_pass),
		cmocka_unit_test(a_chain_that_runs_into_the_second_fragment_does_not_pass),
		cmocka_unit_test(options_that_change_what_was_judged_do_not_pass),
		cmocka_unit_test(an_advertisement_behind_a_hop_by_hop_header_is_caught),
		cmocka_unit_test(every_shorter_packet_is_malformed),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
