// SPDX-License-Identifier: Apache-2.0
/* ip/dhcpv6.c: an Information-Request as Windows sends it, and what must not be answered. */
#include "craft.h"

#include <errno.h>

#include "ip/dhcpv6.h"

static const uint8_t duid[DHCPV6_DUID_LEN] = {0, 4, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14};

/* type 11, transaction abcdef, client id, elapsed time, option request 23 24 32 */
static const uint8_t request[] = {11, 0xab, 0xcd, 0xef, 0, 1, 0, 10, 0, 3, 0, 1, 2, 0, 0x5e, 0x53,
	0, 1, 0, 8, 0, 2, 0, 0, 0, 6, 0, 6, 0, 23, 0, 24, 0, 32};

static uint8_t octets[1500];

static size_t craft(const void *body, size_t n)
{
	static const uint8_t from[16] = {0xfe, 0x80, [15] = 7};
	static const uint8_t to[16] = {0xff, 2, [13] = 1, [15] = 2};
	uint8_t datagram[1400] = {0};
	struct ip_packet p;
	size_t len;

	craft16(datagram, 546);
	craft16(datagram + 2, 547);
	craft16(datagram + 4, (unsigned)(8 + n));
	memcpy(datagram + 8, body, n);
	len = craft_v6(octets, IP_UDP, datagram, 8 + n);
	memcpy(octets + 8, from, 16);
	memcpy(octets + 24, to, 16);
	p = parsed(octets, len);
	craft16(octets + 46, craft_l4_sum(octets, &p));
	return len;
}

static int parse(const void *body, size_t n, struct dhcpv6_request *ret)
{
	size_t len = craft(body, n);
	struct ip_packet p = parsed(octets, len);

	return dhcpv6_parse(octets, &p, duid, ret);
}

static void a_request_is_answered_with_name_servers_and_both_identifiers(void **state)
{
	struct addr dns[2];
	struct dhcpv6_answer answer = {.dns = dns, .n_dns = 2, .refresh_s = 1800};
	struct dhcpv6_request req;
	uint8_t reply[DHCPV6_REPLY_MAX];
	struct ip_packet p;
	const uint8_t *d = reply + 48;
	size_t n;

	(void)state;
	assert_int_equal(addr_parse("2001:db8::53", &dns[0]), 0);
	assert_int_equal(addr_parse("2001:db8::54", &dns[1]), 0);
	assert_int_equal(addr_parse("fe80::1", &answer.from), 0);
	memcpy(answer.duid, duid, sizeof(duid));
	assert_int_equal(parse(request, sizeof(request), &req), 0);
	assert_true(req.wants_dns);
	n = dhcpv6_reply(&req, &answer, reply, sizeof(reply));
	p = parsed(reply, n);
	assert_int_equal(p.source_port, 547);
	assert_int_equal(p.destination_port, 546);
	assert_int_equal(packet_destination_at(reply, &p)[15], 7);
	assert_int_equal(craft_l4_sum(reply, &p), 0);
	assert_int_equal(n, 48 + 4 + (4 + 10) + (4 + 18) + (4 + 32) + 8);
	assert_memory_equal(d, "\x07\xab\xcd\xef", 4);
	assert_memory_equal(d + 4, request + 4, 14);
	assert_memory_equal(d + 18, "\0\x02\0\x12", 4);
	assert_memory_equal(d + 22, duid, 18);
	assert_memory_equal(d + 40, "\0\x17\0\x20", 4);
	assert_memory_equal(d + 44, dns[0].octets, 16);
	assert_memory_equal(d + 76, "\0\x20\0\x04\0\0\x07\x08", 8);
	for (size_t cap = 0; cap < n; cap++)
		assert_int_equal(dhcpv6_reply(&req, &answer, reply, cap), 0);
}

/* RFC 3646 section 4: names without pointers, to a host that asks for them. */
static void a_request_for_domains_is_answered_with_them(void **state)
{
	static const struct dhcp_names search = {2, {"corp.example", "lab.example"}};
	struct dhcpv6_answer answer = {.search = &search};
	struct dhcpv6_request req;
	uint8_t reply[DHCPV6_REPLY_MAX];
	size_t n;

	(void)state;
	assert_int_equal(addr_parse("fe80::1", &answer.from), 0);
	assert_int_equal(parse(request, sizeof(request), &req), 0);
	assert_true(req.wants_search);
	n = dhcpv6_reply(&req, &answer, reply, sizeof(reply));
	assert_int_equal(n, 48 + 4 + (4 + 10) + (4 + 18) + (4 + 14 + 13));
	assert_memory_equal(reply + 88, "\0\x18\0\x1b\4corp\7example\0\3lab\7example", 31);
	for (size_t cap = 0; cap < n; cap++) /* names are left out first */
		assert_true(dhcpv6_reply(&req, &answer, reply, cap) <= cap);
	req.wants_search = false;
	assert_int_equal(dhcpv6_reply(&req, &answer, reply, sizeof(reply)), n - 31);
}

static void what_wants_an_address_or_another_server_is_not_answered(void **state)
{
	uint8_t other[64];
	struct dhcpv6_request req;

	(void)state;
	memcpy(other, request, sizeof(request));
	other[0] = 1; /* Solicit */
	assert_int_equal(parse(other, sizeof(request), &req), -EPROTO);
	memcpy(other, request, sizeof(request));
	other[19] = 3; /* IA_NA */
	assert_int_equal(parse(other, sizeof(request), &req), -EPROTO);
	memcpy(other, request, sizeof(request));
	other[19] = 2; /* a server identifier that is not ours */
	assert_int_equal(parse(other, sizeof(request), &req), -EPROTO);
}

static void every_prefix_of_a_request_is_refused_or_shorter_by_whole_options(void **state)
{
	struct dhcpv6_request req;

	(void)state;
	for (size_t n = 0; n < sizeof(request); n++)
		assert_int_equal(
			parse(request, n, &req), n == 4 || n == 18 || n == 24 ? 0 : -EPROTO);
}

static void a_wrong_checksum_or_a_routed_source_is_refused(void **state)
{
	struct dhcpv6_request req;
	size_t n = craft(request, sizeof(request));
	struct ip_packet p = parsed(octets, n);

	(void)state;
	octets[47] ^= 1;
	assert_int_equal(dhcpv6_parse(octets, &p, duid, &req), -EPROTO);
	craft(request, sizeof(request));
	octets[8] = 0x20;
	craft16(octets + 46, 0);
	craft16(octets + 46, craft_l4_sum(octets, &p));
	assert_int_equal(dhcpv6_parse(octets, &p, duid, &req), -EPROTO);
}

static void other_packets_are_none_of_its_business(void **state)
{
	struct dhcpv6_request req;
	size_t n = craft(request, sizeof(request));
	struct ip_packet p;

	(void)state;
	craft16(octets + 42, 53);
	p = parsed(octets, n);
	assert_int_equal(dhcpv6_parse(octets, &p, duid, &req), -ENOMSG);
}

/* ---- delegation ---- */

/* type, transaction 1 2 3, client id; what follows is appended */
static size_t begin(uint8_t *to, uint8_t message)
{
	static const uint8_t head[] = {0, 1, 2, 3, 0, 1, 0, 4, 0, 3, 0, 9};

	memcpy(to, head, sizeof(head));
	to[0] = message;
	return sizeof(head);
}

static size_t put_server_id(uint8_t *to)
{
	craft16(to, 2);
	craft16(to + 2, sizeof(duid));
	memcpy(to + 4, duid, sizeof(duid));
	return 4 + sizeof(duid);
}

/* IA_PD 7, with 2001:db8:aa00::/56 in it or empty. */
static size_t put_ia_pd(uint8_t *to, bool prefix)
{
	static const uint8_t ia[] = {0, 25, 0, 12, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 0};
	static const uint8_t in[] = {0, 26, 0, 25, 0, 0, 0, 0, 0, 0, 0, 0, 56, 0x20, 1, 0xd, 0xb8,
		0xaa, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0};

	memcpy(to, ia, sizeof(ia));
	if (!prefix)
		return sizeof(ia);
	memcpy(to + sizeof(ia), in, sizeof(in));
	to[3] = 12 + sizeof(in);
	return sizeof(ia) + sizeof(in);
}

static struct dhcpv6_request message(uint8_t type, bool server, bool prefix)
{
	struct dhcpv6_request req;
	uint8_t m[200];
	size_t n = begin(m, type);

	if (server)
		n += put_server_id(m + n);
	n += put_ia_pd(m + n, prefix);
	assert_int_equal(parse(m, n, &req), 0);
	return req;
}

static struct dhcpv6_answer with_prefix(const char *text)
{
	struct dhcpv6_answer a = {.preferred_s = 1000, .valid_s = 2000};

	memcpy(a.duid, duid, sizeof(duid));
	assert_int_equal(addr_parse("fe80::1", &a.from), 0);
	if (*text)
		assert_int_equal(prefix_parse(text, &a.prefix), 0);
	return a;
}

/* The answer's DHCPv6 part, behind its identifiers; its type. */
static uint8_t answered(const struct dhcpv6_request *req, const struct dhcpv6_answer *a,
	uint8_t ret[static 200], size_t *ret_n)
{
	uint8_t reply[DHCPV6_REPLY_MAX];
	size_t n = dhcpv6_reply(req, a, reply, sizeof(reply)), head = 48 + 4 + 8 + 22;

	assert_in_range(n, head, head + 200);
	*ret_n = n - head;
	memcpy(ret, reply + head, *ret_n);
	return reply[48];
}

static void a_router_is_offered_a_prefix_and_gets_it(void **state)
{
	static const uint8_t want[] = {0, 25, 0, 41, 0, 0, 0, 7, 0, 0, 1, 0xf4, 0, 0, 3, 0x20, 0,
		26, 0, 25, 0, 0, 3, 0xe8, 0, 0, 7, 0xd0, 56, 0x20, 1, 0xd, 0xb8, 1, 0, 0x22, 0};
	struct dhcpv6_answer a = with_prefix("2001:db8:100:2200::/56");
	struct dhcpv6_request req = message(DHCPV6_SOLICIT, false, false);
	uint8_t got[200];
	size_t n;

	(void)state;
	assert_non_null(dhcpv6_delegation(&req));
	assert_int_equal(dhcpv6_delegation(&req)->iaid, 7);
	assert_int_equal(answered(&req, &a, got, &n), DHCPV6_ADVERTISE);
	assert_memory_equal(got, want, sizeof(want));
	assert_int_equal(n, 45);
	req = message(DHCPV6_REQUEST, true, false);
	assert_int_equal(answered(&req, &a, got, &n), DHCPV6_REPLY);
	assert_memory_equal(got, want, sizeof(want));
	req = message(DHCPV6_SOLICIT, false, false);
	req.rapid_commit = true;
	assert_int_equal(answered(&req, &a, got, &n), DHCPV6_REPLY);
	assert_memory_equal(got, "\0\x0e\0\0", 4);
	assert_memory_equal(got + 4, want, sizeof(want));
}

static void a_prefix_that_is_not_its_own_any_more_ends_with_the_renewal(void **state)
{
	struct dhcpv6_answer a = with_prefix("2001:db8:100:2200::/56"), none = with_prefix("");
	struct dhcpv6_request req = message(DHCPV6_RENEW, true, true);
	uint8_t got[200];
	size_t n;

	(void)state;
	assert_int_equal(dhcpv6_delegation(&req)->prefix.len, 56);
	assert_int_equal(
		dhcpv6_delegation(&req)->prefix.addr.octets[7], 0); /* host bits are cleared */
	answered(&req, &a, got, &n);
	assert_int_equal(n, 4 + 12 + 29 + 29);
	assert_memory_equal(got + 16 + 29 + 4, "\0\0\0\0\0\0\0\0\x38\x20\x01\x0d\xb8\xaa", 14);
	answered(&req, &none, got, &n);
	assert_int_equal(n, 4 + 12 + 29); /* the old one alone, without time */
	req = message(DHCPV6_REBIND, false, false);
	answered(&req, &none, got, &n);
	assert_memory_equal(got + 16, "\0\x0d\0\2\0\3", 6); /* NoBinding */
}

static void without_a_prefix_the_answer_says_so(void **state)
{
	struct dhcpv6_answer none = with_prefix("");
	struct dhcpv6_request req = message(DHCPV6_SOLICIT, false, true);
	uint8_t got[200];
	size_t n;

	(void)state;
	answered(&req, &none, got, &n);
	assert_memory_equal(got, "\0\x19\0\x12\0\0\0\7", 8);
	assert_memory_equal(got + 16, "\0\x0d\0\2\0\6", 6); /* NoPrefixAvail */
	req = message(DHCPV6_RELEASE, true, true);
	answered(&req, &none, got, &n);
	assert_int_equal(n, 6);
	assert_memory_equal(got, "\0\x0d\0\2\0\0", 6); /* Success */
}

static void messages_have_the_identifiers_that_they_must(void **state)
{
	static const struct {
		uint8_t type;
		bool server, good;
	} rows[] = {{1, false, true}, {1, true, false}, {3, true, true}, {3, false, false},
		{4, false, false}, {5, true, true}, {5, false, false}, {6, false, true},
		{6, true, false}, {8, true, true}, {8, false, false}, {9, true, false},
		{2, false, false}, {7, true, false}, {12, false, false}, {13, false, false}};
	struct dhcpv6_request req;
	uint8_t m[200];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		size_t n = begin(m, rows[i].type);

		if (rows[i].server)
			n += put_server_id(m + n);
		n += put_ia_pd(m + n, true);
		assert_int_equal(parse(m, n, &req), rows[i].good ? 0 : -EPROTO);
	}
}

static void of_many_identities_the_first_gets_the_prefix(void **state)
{
	struct dhcpv6_answer a = with_prefix("2001:db8:100:2200::/56");
	struct dhcpv6_request req;
	uint8_t m[400], reply[DHCPV6_REPLY_MAX];
	size_t n = begin(m, DHCPV6_SOLICIT);

	(void)state;
	memcpy(m + n, "\0\3\0\x0c\0\0\0\1\0\0\0\0\0\0\0\0", 16); /* IA_NA */
	n += 16;
	for (int i = 0; i < 6; i++)
		n += put_ia_pd(m + n, true);
	assert_int_equal(parse(m, n, &req), 0);
	assert_int_equal(req.n_ia, DHCPV6_IA_MAX);
	n = dhcpv6_reply(&req, &a, reply, sizeof(reply));
	assert_memory_equal(reply + 48 + 34, "\0\3\0\x12", 4);
	assert_memory_equal(reply + 48 + 34 + 16, "\0\x0d\0\2\0\2", 6); /* NoAddrsAvail */
	assert_int_equal(n, 48 + 34 + 22 + 45 + 2 * 22);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_is_answered_with_name_servers_and_both_identifiers),
		cmocka_unit_test(a_request_for_domains_is_answered_with_them),
		cmocka_unit_test(what_wants_an_address_or_another_server_is_not_answered),
		cmocka_unit_test(every_prefix_of_a_request_is_refused_or_shorter_by_whole_options),
		cmocka_unit_test(a_wrong_checksum_or_a_routed_source_is_refused),
		cmocka_unit_test(other_packets_are_none_of_its_business),
		cmocka_unit_test(a_router_is_offered_a_prefix_and_gets_it),
		cmocka_unit_test(a_prefix_that_is_not_its_own_any_more_ends_with_the_renewal),
		cmocka_unit_test(without_a_prefix_the_answer_says_so),
		cmocka_unit_test(messages_have_the_identifiers_that_they_must),
		cmocka_unit_test(of_many_identities_the_first_gets_the_prefix),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
