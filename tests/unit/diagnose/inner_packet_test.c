// SPDX-License-Identifier: Apache-2.0
/* What an answer from inside the tunnel means, and that only answers to our own packets count. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdint.h>
#include <string.h>

#include "base/auto.h"
#include "diagnose/inner_packet.h"
#include "unit/ip/craft.h"

static uint8_t sent[200], got[400];
static size_t n_sent, n_got;

static struct addr at(const char *text)
{
	struct addr a;

	assert_int_equal(addr_parse(text, &a), 0);
	return a;
}

static struct inner_question syn(const char *from, const char *to)
{
	struct inner_question q = {.from = at(from),
		.to = at(to),
		.protocol = IP_TCP,
		.from_port = 40000,
		.to_port = 443,
		.tcp_seq = 0xfffffffe};

	n_sent = inner_make(&q, sent, sizeof(sent));
	assert_true(n_sent > 0);
	return q;
}

static struct inner_question echo(const char *from, const char *to)
{
	struct inner_question q = {
		.from = at(from), .to = at(to), .protocol = IP_ICMP, .id = 7, .seq = 9, .size = 84};

	n_sent = inner_make(&q, sent, sizeof(sent));
	assert_int_equal(n_sent, 84);
	return q;
}

/* A packet from `from` to the asker with that upper layer. */
static void reply(const struct inner_question *q, const char *from, uint8_t protocol,
	const uint8_t *upper, size_t n)
{
	struct addr a = at(from);
	size_t header = q->from.family == AF_INET ? 20 : 40, len = addr_len(&a);

	memset(got, 0, sizeof(got));
	if (header == 20) {
		got[0] = 0x45;
		craft16(got + 2, (unsigned)(20 + n));
		got[8] = 64;
		got[9] = protocol;
	} else {
		got[0] = 0x60;
		craft16(got + 4, (unsigned)n);
		got[6] = protocol;
		got[7] = 64;
	}
	memcpy(got + header - 2 * len, a.octets, len);
	memcpy(got + header - len, q->from.octets, len);
	memcpy(got + header, upper, n);
	n_got = header + n;
}

static enum inner_answer_kind kind_of(const struct inner_question *q)
{
	struct inner_answer a = {0};

	return inner_read(q, got, n_got, &a) ? a.kind : INNER_SILENCE;
}

static void what_is_sent_carries_the_right_checksums(void **state)
{
	static const char *const pairs[][2] = {{"10.0.0.2", "10.1.0.1"}, {"fd00::2", "fd01::1"}};

	(void)state;
	for (size_t i = 0; i < 2; i++)
		for (int tcp = 0; tcp < 2; tcp++) {
			struct ip_packet v;

			if (tcp)
				syn(pairs[i][0], pairs[i][1]);
			else
				echo(pairs[i][0], pairs[i][1]);
			assert_int_equal(packet_parse(sent, n_sent, &v), 0);
			assert_int_equal(v.len, n_sent);
			if (v.protocol == IP_ICMP)
				assert_int_equal(craft_sum(0, sent + 20, n_sent - 20), 0);
			else
				assert_int_equal(craft_l4_sum(sent, &v), 0);
		}
}

static void tcp_answers_are_told_apart(void **state)
{
	static const struct {
		uint32_t ack;
		uint8_t flags;
		enum inner_answer_kind kind;
	} rows[] = {
		{0xffffffff, 0x12, INNER_TCP_OPEN}, {0xffffffff, 0x14, INNER_TCP_REFUSED},
		{0xffffffff, 0x10, INNER_SILENCE}, /* an ACK alone opens nothing */
		{0xffffffff, 0x04, INNER_SILENCE}, /* RFC 9293 3.10.7.3: no ACK, no reset */
		{0xfffffffe, 0x12, INNER_SILENCE}, /* of another connection */
	};
	struct inner_question q = syn("10.0.0.2", "10.1.0.1");

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		uint8_t tcp[20] = {443 >> 8, 443 & 255, 40000 >> 8, 40000 & 255};

		tcp[8] = tcp[9] = tcp[10] = 0xff;
		tcp[11] = (uint8_t)rows[i].ack;
		tcp[13] = rows[i].flags;
		reply(&q, "10.1.0.1", IP_TCP, tcp, sizeof(tcp));
		assert_int_equal(kind_of(&q), rows[i].kind);
		reply(&q, "10.1.0.9", IP_TCP, tcp, sizeof(tcp)); /* from another address */
		assert_int_equal(kind_of(&q), INNER_SILENCE);
		tcp[3]++;
		reply(&q, "10.1.0.1", IP_TCP, tcp, sizeof(tcp)); /* to another port */
		assert_int_equal(kind_of(&q), INNER_SILENCE);
	}
}

static void icmp(const struct inner_question *q, uint8_t type, uint8_t code)
{
	uint8_t upper[8 + sizeof(sent)] = {type, code};

	craft16(upper + 6, 1234); /* the next MTU, where there is one */
	memcpy(upper + 8, sent, n_sent);
	reply(q, q->from.family == AF_INET ? "192.0.2.7" : "2001:db8::7",
		q->from.family == AF_INET ? IP_ICMP : IP_ICMPV6, upper, 8 + n_sent);
}

static const struct {
	bool v6;
	uint8_t type, code;
	enum inner_answer_kind kind;
} errors[] = {
	{false, 3, 0, INNER_NO_NET},
	{false, 3, 1, INNER_NO_HOST},
	{false, 3, 3, INNER_NO_PORT},
	{false, 3, 4, INNER_TOO_BIG},
	{false, 3, 6, INNER_NO_NET},
	{false, 3, 9, INNER_PROHIBITED},
	{false, 3, 10, INNER_PROHIBITED},
	{false, 3, 13, INNER_PROHIBITED},
	{false, 11, 0, INNER_HOPS_OVER},
	{false, 11, 1, INNER_SILENCE},
	{false, 5, 1, INNER_SILENCE},
	{true, 1, 0, INNER_NO_NET},
	{true, 1, 1, INNER_PROHIBITED},
	{true, 1, 3, INNER_NO_HOST},
	{true, 1, 4, INNER_NO_PORT},
	{true, 1, 5, INNER_PROHIBITED},
	{true, 2, 0, INNER_TOO_BIG},
	{true, 3, 0, INNER_HOPS_OVER},
	{true, 4, 1, INNER_SILENCE},
};

static void icmp_answers_are_told_apart(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(errors); i++)
		for (int tcp = 0; tcp < 2; tcp++) {
			const char *from = errors[i].v6 ? "fd00::2" : "10.0.0.2";
			const char *to = errors[i].v6 ? "fd01::1" : "10.1.0.1";
			struct inner_question q = tcp ? syn(from, to) : echo(from, to);

			icmp(&q, errors[i].type, errors[i].code);
			assert_int_equal(kind_of(&q), errors[i].kind);
		}
}

static void an_icmp_error_must_quote_our_packet(void **state)
{
	struct inner_question q = syn("10.0.0.2", "10.1.0.1");
	struct inner_answer a = {.kind = INNER_ECHO};

	(void)state;
	for (size_t i = 0; i < 24; i++) { /* header and ports of the quote */
		static const bool matters[24] = {[9] = true,
			[12] = true,
			[13] = true,
			[14] = true,
			[15] = true,
			[16] = true,
			[17] = true,
			[18] = true,
			[19] = true,
			[20] = true,
			[21] = true,
			[22] = true,
			[23] = true};

		icmp(&q, 3, 1);
		got[28 + i] ^= 1;
		assert_int_equal(kind_of(&q), matters[i] || i == 0 ? INNER_SILENCE : INNER_NO_HOST);
		got[0] = 0x45;
	}
	for (size_t n = 0; n < 28 + 24; n++) { /* every cut before the ports' end */
		icmp(&q, 3, 1);
		craft16(got + 2, (unsigned)n);
		assert_false(inner_read(&q, got, n, &a));
	}
	assert_int_equal(a.kind, INNER_ECHO);
}

static void an_echo_is_known_by_address_number_and_sequence(void **state)
{
	struct inner_question q = echo("10.0.0.2", "10.1.0.1");
	uint8_t upper[8] = {0, 0, 0, 0, 0, 7, 0, 9};

	(void)state;
	reply(&q, "10.1.0.1", IP_ICMP, upper, 8);
	assert_int_equal(kind_of(&q), INNER_ECHO);
	reply(&q, "10.1.0.2", IP_ICMP, upper, 8);
	assert_int_equal(kind_of(&q), INNER_SILENCE);
	upper[7]++;
	reply(&q, "10.1.0.1", IP_ICMP, upper, 8);
	assert_int_equal(kind_of(&q), INNER_SILENCE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_sent_carries_the_right_checksums),
		cmocka_unit_test(tcp_answers_are_told_apart),
		cmocka_unit_test(icmp_answers_are_told_apart),
		cmocka_unit_test(an_icmp_error_must_quote_our_packet),
		cmocka_unit_test(an_echo_is_known_by_address_number_and_sequence),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
