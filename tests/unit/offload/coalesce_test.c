// SPDX-License-Identifier: Apache-2.0
/* offload/coalesce.c: each rule of joining by itself, then random and hostile streams. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "unit/offload/roundtrip.h"

static uint8_t store[2 << 20]; /* the packets of one test, end to end */
static size_t stored;
static struct roundtrip rt;

static int setup(void **state)
{
	struct coalesce *c;

	stored = 0;
	rt.n = 0;
	if (coalesce_new(COALESCE_ALL, &c))
		return -1;
	*state = c;
	return 0;
}

static int teardown(void **state)
{
	coalesce_free(*state);
	return 0;
}

static struct spec tcp(unsigned version)
{
	return (struct spec){.version = version,
		.protocol = 6,
		.host = 7,
		.sport = 5000,
		.seq = 1000,
		.ack = 9,
		.window = 100,
		.id = 77,
		.flags = 0x10,
		.tos = 2,
		.ttl = 64,
		.df = true,
		.tcp_options = 12,
		.timestamp = 4,
		.payload = 1000};
}

static struct spec udp(unsigned version)
{
	struct spec s = tcp(version);

	s.protocol = 17;
	return s;
}

static uint8_t *put(const struct spec *s)
{
	uint8_t *p = store + stored;

	rt.packet[rt.n] = p;
	rt.len[rt.n] = build_packet(p, s);
	stored += rt.len[rt.n++];
	return p;
}

/* The packet that would follow *s in a stream. */
static void advance(struct spec *s)
{
	s->seq += (uint32_t)s->payload;
	s->id++;
}

/* Runs what was put; the number of TUN writes it took. */
static size_t writes(struct coalesce *c)
{
	const char *wrong = roundtrip(&rt, c, true);

	if (wrong)
		fail_msg("%s", wrong);
	rt.n = 0;
	stored = 0;
	return rt.writes;
}

static void a_run_of_segments_is_one_write(void **state)
{
	for (unsigned version = 4; version <= 6; version += 2) {
		struct spec s = tcp(version);

		for (int i = 0; i < 40; i++, advance(&s))
			put(&s);
		assert_int_equal(writes(*state), 1);
		s = udp(version);
		for (int i = 0; i < 40; i++, advance(&s))
			put(&s);
		assert_int_equal(writes(*state), 1);
	}
}

static void the_super_packet_is_what_the_kernel_would_give(void **state)
{
	struct spec s = tcp(4), all = s;
	static uint8_t want[8192], got[8192];
	const struct vnet_hdr hdr = {
		VNET_F_NEEDS_CSUM, VNET_GSO_TCPV4 | VNET_GSO_ECN, 52, 1000, 20, 16};
	struct coalesced out;
	size_t n = 0;

	s.flags = 0x90; /* CWR is welcome in the first */
	put(&s);
	s.flags = 0x10;
	advance(&s);
	put(&s);
	advance(&s);
	s.flags = 0x18;
	s.payload = 10;
	put(&s);
	for (size_t i = 0; i < 3; i++)
		assert_true(rt_add(*state, rt.packet[i], rt.len[i]));
	assert_true(coalesce_next(*state, &out)); /* a short one ended it: no flush needed */
	assert_int_equal(out.packets, 3);
	assert_int_equal(out.iovcnt, 4);
	assert_int_equal(out.iov[0].iov_len, VNET_HDR_LEN + 52);
	assert_ptr_equal(out.iov[2].iov_base, rt.packet[1] + 52); /* by reference */
	for (int i = 0; i < out.iovcnt; n += out.iov[i++].iov_len)
		memcpy(got + n, out.iov[i].iov_base, out.iov[i].iov_len);
	all.flags = 0x98;
	all.payload = 2010;
	assert_int_equal(n, VNET_HDR_LEN + build_super(want, &all));
	assert_memory_equal(got, &hdr, sizeof(hdr));
	assert_memory_equal(got + VNET_HDR_LEN, want, n - VNET_HDR_LEN);
}

static void a_lone_packet_is_written_as_it_came(void **state)
{
	struct spec s = tcp(6);
	struct coalesced out;
	const uint8_t *p = put(&s);

	assert_true(rt_add(*state, p, rt.len[0]));
	assert_false(coalesce_next(*state, &out)); /* it waits for company until the flush */
	coalesce_flush(*state);
	assert_true(coalesce_next(*state, &out));
	assert_int_equal(out.iovcnt, 2);
	assert_int_equal(((const struct vnet_hdr *)out.iov[0].iov_base)->flags, VNET_F_DATA_VALID);
	assert_ptr_equal(out.iov[1].iov_base, p);
	assert_int_equal(out.iov[1].iov_len, rt.len[0]);
	assert_false(coalesce_next(*state, &out));
}

/* Changes one thing in the second of three packets; the number of writes says who joined whom. */
struct odd {
	const char *what;
	void (*change)(struct spec *);
	size_t writes; /* 3: the odd one stands alone; 2: it begins a new one; 1: it is no hindrance */
};

#define CHANGE(name, code)                                                                         \
	static void name(struct spec *s)                                                           \
	{                                                                                          \
		code;                                                                              \
	}

CHANGE(nothing, (void)s)
CHANGE(gap, s->seq++)
CHANGE(other_ack, s->ack++)
CHANGE(other_window, s->window++)
CHANGE(other_ttl, s->ttl--)
CHANGE(other_ecn, s->tos ^= 1)
CHANGE(other_tos, s->tos ^= 4)
CHANGE(other_time, s->timestamp++)
CHANGE(other_options, s->tcp_options += 4)
CHANGE(other_df, s->df = !s->df)
CHANGE(id_jumps, s->id += 2)
CHANGE(longer, s->payload++)
CHANGE(shorter, s->payload -= s->payload > 0)
CHANGE(empty, s->payload = 0)
CHANGE(syn, s->flags |= 0x02)
CHANGE(fin, s->flags |= 0x01)
CHANGE(rst, s->flags |= 0x04)
CHANGE(urg, s->flags |= 0x20)
CHANGE(ece, s->flags |= 0x40)
CHANGE(cwr, s->flags |= 0x80)
CHANGE(psh, s->flags |= 0x08)
CHANGE(no_ack, s->flags &= (uint8_t)~0x10)
CHANGE(same_ack, s->ack -= 2000)
CHANGE(older_ack, s->ack -= 2001)
CHANGE(far_ack, s->ack += 65536 - 2000)
CHANGE(older_time, s->timestamp--)
CHANGE(sack, s->tcp_options = 24)

static size_t writes_with(struct coalesce *c, struct spec s, void (*change)(struct spec *))
{
	struct spec second;

	put(&s);
	advance(&s);
	second = s;
	change(&second);
	put(&second);
	s.seq = second.seq + (uint32_t)second.payload;
	s.id = (uint16_t)(second.id + 1);
	put(&s);
	return writes(c);
}

static void segments_that_differ_are_not_joined(void **state)
{
	static const struct odd odds[] = {
		{"nothing", nothing, 1},
		{"gap", gap, 2},
		{"ack", other_ack, 3},
		{"window", other_window, 3},
		{"ttl", other_ttl, 3},
		{"ecn", other_ecn, 3},
		{"tos", other_tos, 3},
		{"time", other_time, 3},
		{"options", other_options, 3},
		{"longer", longer, 2},
		{"shorter", shorter, 2},
		{"empty", empty, 3},
		{"syn", syn, 3},
		{"fin", fin, 3},
		{"rst", rst, 3},
		{"urg", urg, 3},
		{"ece", ece, 3},
		{"cwr", cwr, 2},
		{"psh", psh, 1}, /* it moves to the end */
		{"no ack", no_ack, 3},
	};

	for (size_t i = 0; i < ARRAY_SIZE(odds); i++)
		for (unsigned version = 4; version <= 6; version += 2)
			if (writes_with(*state, tcp(version), odds[i].change) != odds[i].writes)
				fail_msg("%s, IPv%u: %zu writes", odds[i].what, version, rt.writes);
	assert_int_equal(writes_with(*state, tcp(4), other_df), 3);
	assert_int_equal(writes_with(*state, tcp(4), id_jumps), 2);
	assert_int_equal(writes_with(*state, tcp(6), id_jumps), 1);
}

static struct spec ack(unsigned version)
{
	struct spec s = tcp(version);

	s.payload = 0;
	return s;
}

static void of_acknowledgements_in_a_row_the_last_is_passed_on(void **state)
{
	for (unsigned version = 4; version <= 6; version += 2) {
		struct spec s = ack(version);

		for (int i = 0; i < 10; i++, s.ack += 2896, s.id++, s.timestamp++, s.window++)
			put(&s);
		assert_int_equal(writes(*state), 1);
		assert_int_equal(rt.acks, 9);
	}
}

/* Changes one thing in the second of two, both of which say more than the one before. */
static void acknowledgements_that_say_something_else_are_all_passed_on(void **state)
{
	static const struct odd odds[] = {
		{"nothing", nothing, 1},
		{"window", other_window, 1},
		{"the same again", same_ack, 2},
		{"an older one", older_ack, 2},
		{"more than a super-packet's", far_ack, 2},
		{"an older time", older_time, 2},
		{"options", sack, 2},
		{"seq", gap, 2},
		{"ece", ece, 2},
		{"cwr", cwr, 2},
		{"psh", psh, 2},
		{"fin", fin, 2},
		{"data", longer, 2},
	};

	for (size_t i = 0; i < ARRAY_SIZE(odds); i++)
		for (unsigned version = 4; version <= 6; version += 2) {
			struct spec s = ack(version);

			put(&s);
			s.ack += 2000;
			odds[i].change(&s);
			put(&s);
			if (writes(*state) != odds[i].writes)
				fail_msg("%s, IPv%u: %zu writes", odds[i].what, version, rt.writes);
		}
}

static void acknowledgements_do_not_pass_the_data_of_their_flow(void **state)
{
	struct spec s = ack(4);

	for (int i = 0; i < 8; i++, s.ack += 2000, advance(&s)) {
		s.payload = i == 3 ? 500 : 0;
		put(&s);
	}
	assert_int_equal(writes(*state), 3);
	assert_int_equal(rt.acks, 2 + 3);
}

static void acknowledgements_say_at_most_as_much_as_a_super_packet_holds(void **state)
{
	struct spec s = ack(6);

	for (int i = 0; i < 100; i++, s.ack += 10000)
		put(&s);
	assert_int_equal(writes(*state), 15); /* 100 of 10,000 octets, seven each */
}

static void datagrams_that_differ_are_not_joined(void **state)
{
	static const struct odd odds[] = {
		{"nothing", nothing, 1},
		{"ttl", other_ttl, 3},
		{"ecn", other_ecn, 3},
		{"longer", longer, 2},
		{"shorter", shorter, 2},
		{"empty", empty, 3},
	};

	for (size_t i = 0; i < ARRAY_SIZE(odds); i++)
		for (unsigned version = 4; version <= 6; version += 2)
			if (writes_with(*state, udp(version), odds[i].change) != odds[i].writes)
				fail_msg("%s, IPv%u: %zu writes", odds[i].what, version, rt.writes);
}

static void a_fixed_id_joins_only_with_df(void **state)
{
	struct spec s = tcp(4);

	for (int i = 0; i < 5; i++, s.seq += 1000)
		put(&s);
	assert_int_equal(writes(*state), 1);
	s.df = false;
	for (int i = 0; i < 5; i++, s.seq += 1000)
		put(&s);
	assert_int_equal(writes(*state), 5);
	s.df = true;
	for (int i = 0; i < 4; i++, s.seq += 1000, s.id = (uint16_t)(s.id + (i == 2)))
		put(&s);
	assert_int_equal(writes(*state), 2); /* fixed, then counting: not the same kind */
}

static void without_uso_datagrams_pass_one_by_one(void **state)
{
	struct coalesce *plain;
	struct spec s = udp(4);

	(void)state;
	assert_int_equal(coalesce_new(COALESCE_TCP, &plain), 0);
	for (int i = 0; i < 5; i++, advance(&s))
		put(&s);
	assert_int_equal(writes(plain), 5);
	coalesce_free(plain);
}

static void without_offloads_all_pass_one_by_one_and_finished(void **state)
{
	struct coalesce *plain;
	struct spec s = tcp(6);
	struct coalesced out;

	(void)state;
	assert_int_equal(coalesce_new(COALESCE_NOTHING, &plain), 0);
	for (int i = 0; i < 5; i++, advance(&s))
		put(&s);
	assert_int_equal(writes(plain), 5);
	s = ack(4);
	for (int i = 0; i < 5; i++, s.ack++)
		put(&s);
	assert_int_equal(writes(plain), 5);
	s = tcp(4);
	put(&s);
	assert_true(rt_add(plain, rt.packet[0], rt.len[0]));
	assert_true(coalesce_next(plain, &out));
	assert_memory_equal(out.iov[0].iov_base, &((struct vnet_hdr){.flags = VNET_F_DATA_VALID}),
		VNET_HDR_LEN);
	rt.n = 0;
	stored = 0;
	coalesce_free(plain);
}

static void datagrams_without_checksum_pass_one_by_one(void **state)
{
	struct spec s = udp(4);

	for (int i = 0; i < 3; i++, advance(&s))
		put16(put(&s) + 26, 0);
	assert_int_equal(writes(*state), 3);
	assert_int_equal(coalesce_stats(*state)->bad_checksums, 0);
}

static void wrong_checksums_pass_alone_and_unverified(void **state)
{
	static const size_t at[] = {10, 37, 60}; /* IP header, TCP header, payload */

	for (size_t i = 0; i < 3; i++) {
		struct spec s = tcp(4);
		struct coalesced out;

		put(&s);
		advance(&s);
		put(&s)[at[i]] ^= 1;
		advance(&s);
		put(&s);
		for (size_t k = 0; k < 3; k++)
			assert_true(rt_add(*state, rt.packet[k], rt.len[k]));
		assert_true(coalesce_next(*state, &out));
		assert_true(coalesce_next(*state, &out));
		assert_int_equal(((const struct vnet_hdr *)out.iov[0].iov_base)->flags, 0);
		assert_ptr_equal(out.iov[1].iov_base, rt.packet[1]);
		coalesce_flush(*state);
		assert_true(coalesce_next(*state, &out));
		assert_ptr_equal(out.iov[1].iov_base, rt.packet[2]);
		assert_int_equal(coalesce_stats(*state)->bad_checksums, i + 1);
		rt.n = stored = 0;
	}
}

static void fragments_and_options_end_their_flow(void **state)
{
	struct spec s = tcp(4);
	uint8_t *p;

	for (int i = 0; i < 6; i++, advance(&s)) {
		p = put(&s);
		if (i == 2) {
			put16(p + 6, 0x2000);
			put_ip_check(p);
		}
	}
	assert_int_equal(writes(*state), 3);
	s = tcp(6);
	for (int i = 0; i < 6; i++, advance(&s)) {
		p = put(&s);
		if (i == 2)
			p[6] = 60; /* Destination Options */
	}
	assert_int_equal(writes(*state), 3);
}

static void flows_that_take_turns_are_joined_each(void **state)
{
	struct spec s[COALESCE_FLOWS];

	for (unsigned f = 0; f < COALESCE_FLOWS; f++) {
		s[f] = tcp(f % 2 ? 4 : 6);
		s[f].sport = (uint16_t)f;
	}
	for (int i = 0; i < 20; i++)
		for (unsigned f = 0; f < COALESCE_FLOWS; advance(&s[f++]))
			put(&s[f]);
	assert_int_equal(writes(*state), COALESCE_FLOWS);
}

static void a_super_packet_stays_below_64_kib_and_its_pieces(void **state)
{
	struct spec s = tcp(4);

	for (int i = 0; i < 70; i++, advance(&s))
		put(&s);
	assert_int_equal(
		writes(*state), 2); /* 65 x 1000 would not fit, 64 are the bound of pieces */
	s.payload = 4000;
	for (int i = 0; i < 17; i++, advance(&s))
		put(&s);
	assert_int_equal(writes(*state), 2); /* 16 x 4000 fit */
}

static void what_is_no_packet_passes(void **state)
{
	static const uint8_t junk[64] = {0x55};

	for (size_t n = 0; n < sizeof(junk); n++) {
		rt.packet[rt.n] = junk;
		rt.len[rt.n++] = n;
	}
	assert_int_equal(writes(*state), sizeof(junk));
}

/* ---- random streams ---- */

static struct spec random_flow(struct rng *r)
{
	struct spec s =
		rng_one_in(r, 3) ? udp(rng_one_in(r, 2) ? 4 : 6) : tcp(rng_one_in(r, 2) ? 4 : 6);

	s.sport = (uint16_t)rng_below(r, 3); /* sometimes two generators are one flow: disorder */
	s.host = (uint8_t)rng_below(r, 3);
	s.df = rng_one_in(r, 2);
	s.tcp_options = 4 * rng_below(r, 11);
	s.payload = 1 + rng_below(r, 1400);
	if (s.protocol == 6 && rng_one_in(r, 4)) {
		s.payload = 0;
		s.tcp_options = 12 * rng_below(r, 3);
	}
	return s;
}

static void random_change(struct rng *r, struct spec *s)
{
	static void (*const changes[])(struct spec *) = {gap, other_ack, other_window, other_ttl,
		other_ecn, other_tos, other_time, other_options, other_df, id_jumps, longer,
		shorter, empty, syn, fin, rst, urg, ece, cwr, psh, no_ack};

	changes[rng_below(r, ARRAY_SIZE(changes))](s);
	if (s->tcp_options > 40)
		s->tcp_options = 0;
}

/* Breaks a finished packet: anywhere, in its header fields, or by cutting it. */
static void break_packet(struct rng *r)
{
	uint8_t *p = (uint8_t *)(uintptr_t)rt.packet[rt.n - 1];
	size_t *n = &rt.len[rt.n - 1];
	struct ip_packet ip;

	switch (rng_below(r, 4)) {
	case 0: p[rng_below(r, (uint32_t)*n)] ^= (uint8_t)(1 << rng_below(r, 8)); break;
	case 1: p[rng_below(r, 8)] ^= (uint8_t)(1 << rng_below(r, 8)); break;
	case 2: *n = rng_below(r, (uint32_t)*n); break;
	default: p[6] ^= (uint8_t)(0x20 << rng_below(r, 3)); break;
	}
	if (*n >= 20 && p[0] >> 4 == 4 && ip_header_octets(p) >= 20 && ip_header_octets(p) <= *n)
		put_ip_check(p);
	packet_parse(p, *n, &ip);
	*n = ip.len; /* what is padding now is not the packet's */
}

static void put_random(struct rng *r, struct spec *flow)
{
	struct spec now = *flow;

	if (rng_one_in(r, 12))
		random_change(r, &now);
	put(&now);
	if (rng_one_in(r, 15))
		break_packet(r);
	flow->seq = now.seq + (uint32_t)now.payload;
	if (!flow->payload)
		flow->ack += rng_below(r, 4) * 9000;
	flow->id = (uint16_t)(now.id + !rng_one_in(r, 10));
}

static void any_stream_comes_out_as_it_went_in(void **state)
{
	struct rng r = {6};
	size_t packets = 0, all_writes = 0;

	for (int round = 0; round < 600; round++) {
		struct spec flows[24];
		size_t n = 1 + rng_below(&r, ARRAY_SIZE(flows)), run = 1 + rng_below(&r, 20);
		const char *wrong;

		for (size_t i = 0; i < n; i++)
			flows[i] = random_flow(&r);
		rt.n = stored = 0;
		while (rt.n + run <= 300) {
			struct spec *flow = &flows[rng_below(&r, (uint32_t)n)];

			for (size_t i = 0; i < run; i++)
				put_random(&r, flow);
		}
		wrong = roundtrip(&rt, *state, rng_one_in(&r, 2));
		if (wrong)
			fail_msg("round %d: %s", round, wrong);
		packets += rt.n;
		all_writes += rt.writes;
	}
	assert_true(
		all_writes * 2 < packets); /* the streams were such that joining was tested, too */
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_run_of_segments_is_one_write),
		TEST(the_super_packet_is_what_the_kernel_would_give),
		TEST(a_lone_packet_is_written_as_it_came),
		TEST(segments_that_differ_are_not_joined),
		TEST(of_acknowledgements_in_a_row_the_last_is_passed_on),
		TEST(acknowledgements_that_say_something_else_are_all_passed_on),
		TEST(acknowledgements_do_not_pass_the_data_of_their_flow),
		TEST(acknowledgements_say_at_most_as_much_as_a_super_packet_holds),
		TEST(datagrams_that_differ_are_not_joined),
		TEST(a_fixed_id_joins_only_with_df),
		TEST(without_uso_datagrams_pass_one_by_one),
		TEST(without_offloads_all_pass_one_by_one_and_finished),
		TEST(datagrams_without_checksum_pass_one_by_one),
		TEST(wrong_checksums_pass_alone_and_unverified),
		TEST(fragments_and_options_end_their_flow),
		TEST(flows_that_take_turns_are_joined_each),
		TEST(a_super_packet_stays_below_64_kib_and_its_pieces),
		TEST(what_is_no_packet_passes),
		TEST(any_stream_comes_out_as_it_went_in),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
