// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "bench/probe.h"
#include "ip/packet.h"

static const struct probe sent = {0x0123456789abcdef, 0xfedcba9876543210, 70000, 1u << 31};
static const struct addr here = {AF_INET, {10, 1, 0, 9}}, there = {AF_INET, {10, 1, 0, 1}};
static const struct endpoint service = {{AF_INET, {10, 1, 0, 1}}, 7};

/* The sum of all 16-bit words, folded: 0xffff over what carries its checksum (RFC 1071). */
static unsigned sum_of(uint64_t sum, const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		sum += i % 2 ? p[i] : (unsigned)p[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (unsigned)sum;
}

static void swap_ends(uint8_t *packet)
{
	uint8_t hold[4];

	memcpy(hold, packet + 12, 4);
	memcpy(packet + 12, packet + 16, 4);
	memcpy(packet + 16, hold, 4);
}

static void assert_same(const struct probe *got)
{
	assert_int_equal(got->run, sent.run);
	assert_int_equal(got->sent_us, sent.sent_us);
	assert_int_equal(got->caller, sent.caller);
	assert_int_equal(got->number, sent.number);
}

static void an_echo_request_is_whole_and_its_reply_is_known(void **state)
{
	(void)state;
	for (size_t len = PROBE_LEN_MIN; len <= 1400; len += 13) {
		uint8_t p[PROBE_LEN_MAX + 1] = {0};
		struct probe got;

		p[len] = 0x5a;
		probe_echo(&sent, &here, &there, p, len);
		assert_int_equal(p[len], 0x5a);
		assert_int_equal(sum_of(0, p, 20), 0xffff);
		assert_int_equal(sum_of(0, p + 20, len - 20), 0xffff);
		assert_int_equal(p[20], 8);
		assert_false(probe_parse(p, len, sent.run, &got)); /* a request is no answer */
		swap_ends(p);
		p[20] = 0;
		assert_true(probe_parse(p, len, sent.run, &got));
		assert_same(&got);
	}
}

static void a_datagram_is_whole_and_known_when_it_is_sent_back(void **state)
{
	uint8_t p[200], pseudo[12] = {10, 1, 0, 9, 10, 1, 0, 1, 0, 17, 0, 180};
	struct ip_packet view;
	struct probe got;

	(void)state;
	probe_udp(&sent, &here, &service, p, sizeof(p));
	assert_int_equal(sum_of(sum_of(0, pseudo, 12), p + 20, sizeof(p) - 20), 0xffff);
	assert_int_equal(packet_parse(p, sizeof(p), &view), 0);
	assert_int_equal(view.destination_port, 7);
	assert_int_equal(view.source_port, PROBE_UDP_PORT);
	assert_false(probe_parse(p, sizeof(p), sent.run, &got));
	swap_ends(p);
	p[20] = p[22] = PROBE_UDP_PORT >> 8;
	p[21] = p[23] = PROBE_UDP_PORT & 0xff;
	assert_true(probe_parse(p, sizeof(p), sent.run, &got));
	assert_same(&got);
}

static void packets_of_another_run_or_cut_short_are_not_answers(void **state)
{
	uint8_t p[PROBE_LEN_MIN];
	struct probe got;

	(void)state;
	probe_echo(&sent, &there, &here, p, sizeof(p));
	p[20] = 0;
	assert_true(probe_parse(p, sizeof(p), sent.run, &got));
	assert_false(probe_parse(p, sizeof(p), sent.run + 1, &got));
	for (size_t n = 0; n < sizeof(p); n++)
		assert_false(probe_parse(p, n, sent.run, &got));
	p[6] |= 0x20; /* more fragments */
	assert_false(probe_parse(p, sizeof(p), sent.run, &got));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_echo_request_is_whole_and_its_reply_is_known),
		cmocka_unit_test(a_datagram_is_whole_and_known_when_it_is_sent_back),
		cmocka_unit_test(packets_of_another_run_or_cut_short_are_not_answers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
