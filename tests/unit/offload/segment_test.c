// SPDX-License-Identifier: Apache-2.0
/* offload/segment.c: against packets built one by one (packets.h) and the example of a capture. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "offload/segment.h"
#include "unit/offload/packets.h"
#include "unit/offload/segment_known.h"

static uint8_t super[70000], frames[1 << 20], want[8192];

static struct vnet_hdr gso(const struct spec *s, unsigned gso_size)
{
	struct vnet_hdr v = {
		.flags = VNET_F_NEEDS_CSUM,
		.gso_type = VNET_GSO_UDP_L4,
		.gso_size = (uint16_t)gso_size,
		.csum_start = s->version == 4 ? 20 : 40,
		.csum_offset = s->protocol == 6 ? 16 : 6,
	};

	if (s->protocol == 6)
		v.gso_type = s->version == 4 ? VNET_GSO_TCPV4 : VNET_GSO_TCPV6;
	return v;
}

/* One frame: header in front as [MS-SSTP] 2.2.3 and RFC 1662 have it, then exactly these octets. */
static const uint8_t *check_frame(const uint8_t *frame, const uint8_t *packet, size_t n)
{
	assert_int_equal(get16(frame), 0x1000);
	assert_int_equal(get16(frame + 2), n + 8);
	assert_int_equal(get16(frame + 4), 0xff03);
	assert_int_equal(get16(frame + 6), packet[0] >> 4 == 4 ? 0x21 : 0x57);
	assert_memory_equal(frame + 8, packet, n);
	return frame + 8 + n;
}

/* Cuts with buffers of the sizes that `rooms` tells, and compares with the packets one by one. */
static void check_cut(const struct spec *s, unsigned gso_size, struct rng *rooms)
{
	struct vnet_hdr v = gso(s, gso_size);
	size_t n = build_super(super, s), all, done = 0;
	struct segment seg;
	unsigned count;
	const uint8_t *p = frames;

	assert_int_equal(segment_init(&seg, &v, super, n), 0);
	count = segment_count(&seg);
	assert_int_equal(count, (s->payload + gso_size - 1) / gso_size);
	all = segment_all_frames(&seg);
	assert_in_range(all, 0, sizeof(frames));
	while (!segment_done(&seg)) {
		size_t room = rooms ? rng_below(rooms, 20000) : all;
		size_t next = segment_next_frame(&seg),
		       got = segment_frames(&seg, frames + done, room);

		assert_in_range(got, room >= next ? next : 0, room);
		done += got;
		assert_int_equal(segment_all_frames(&seg), all - done);
	}
	assert_int_equal(done, all);
	for (unsigned k = 0; k < count; k++)
		p = check_frame(p, want, build_cut(want, s, k, gso_size));
	assert_ptr_equal(p, frames + done);
}

static void tcp_is_cut_to_the_packets_it_stands_for(void **state)
{
	struct spec s = {.protocol = 6,
		.seq = 0xfffff000,
		.ack = 77,
		.flags = 0x98,
		.sport = 5000,
		.window = 512,
		.ttl = 64,
		.id = 0xfffe,
		.tcp_options = 12,
		.timestamp = 1,
		.payload = 14000};

	(void)state;
	for (s.version = 4; s.version <= 6; s.version += 2) {
		check_cut(&s, 1360, NULL);
		s.flags = 0x11; /* FIN */
		check_cut(&s, 1000, NULL);
	}
}

static void udp_is_cut_to_the_datagrams_it_stands_for(void **state)
{
	struct spec s = {.protocol = 17, .sport = 53, .ttl = 3, .id = 9, .payload = 30000};

	(void)state;
	for (s.version = 4; s.version <= 6; s.version += 2)
		check_cut(&s, 1200, NULL);
}

static struct spec random_spec(struct rng *r)
{
	struct spec s = {
		.version = rng_one_in(r, 2) ? 4 : 6,
		.protocol = rng_one_in(r, 3) ? 17 : 6,
		.host = (uint8_t)rng_next(r),
		.sport = (uint16_t)rng_next(r),
		.seq = rng_next(r),
		.ack = rng_next(r),
		.window = (uint16_t)rng_next(r),
		.id = (uint16_t)rng_next(r),
		.flags = 0x10 | (rng_next(r) & 0xc9),
		.tos = (uint8_t)rng_next(r),
		.ttl = (uint8_t)rng_next(r),
		.df = rng_one_in(r, 2),
		.tcp_options = 4 * rng_below(r, 11),
		.timestamp = rng_next(r),
		.payload = 1 + rng_below(r, rng_one_in(r, 4) ? 60000 : 6000),
	};

	return s;
}

static void any_super_packet_is_cut_right_into_buffers_of_any_size(void **state)
{
	struct rng r = {3};

	(void)state;
	for (int i = 0; i < 1500; i++) {
		struct spec s = random_spec(&r);

		check_cut(&s, 100 + rng_below(&r, 3900), &r);
	}
}

static void a_udp_checksum_of_zero_is_sent_as_ffff(void **state)
{
	struct spec s = {.version = 4, .protocol = 17, .ttl = 1, .payload = 4};
	struct vnet_hdr v = gso(&s, 2);
	struct segment seg;
	size_t n = build_super(super, &s);
	uint32_t sum;

	(void)state;
	/* Choose the payload of the first datagram so that everything sums up to ffff. */
	memset(super + 28, 0, 4);
	sum = ref_sum(super + 20, 4, ref_sum(super + 12, 8, 17 + 10 + 10));
	put16(super + 28, 0xffff - sum);
	assert_int_equal(segment_init(&seg, &v, super, n), 0);
	assert_int_equal(segment_frames(&seg, frames, sizeof(frames)), 2 * (8 + 30));
	assert_int_equal(get16(frames + 8 + 26), 0xffff);
}

static void a_single_packet_gets_its_checksum_finished(void **state)
{
	struct spec s = {.version = 6, .protocol = 6, .flags = 0x18, .ttl = 64, .payload = 333};
	struct vnet_hdr v = gso(&s, 0);
	size_t n = build_super(super, &s);
	struct segment seg;

	(void)state;
	v.gso_type = VNET_GSO_NONE;
	assert_int_equal(segment_init(&seg, &v, super, n), 0);
	assert_int_equal(segment_count(&seg), 1);
	assert_int_equal(segment_frames(&seg, frames, n + 7), 0);
	assert_int_equal(segment_frames(&seg, frames, n + 8), n + 8);
	assert_true(segment_done(&seg));
	check_frame(frames, want, build_packet(want, &s));
}

static void a_packet_without_orders_is_copied(void **state)
{
	struct vnet_hdr v = {.flags = VNET_F_DATA_VALID};
	struct spec s = {.version = 4, .protocol = 1, .ttl = 64, .payload = 56};
	size_t n = build_packet(super, &s);
	struct segment seg;

	(void)state;
	super[n - 1] ^= 0xff; /* a wrong checksum stays wrong */
	assert_int_equal(segment_init(&seg, &v, super, n), 0);
	assert_int_equal(segment_frames(&seg, frames, sizeof(frames)), n + 8);
	check_frame(frames, super, n);
}

static void a_skipped_packet_leaves_the_others_as_they_are(void **state)
{
	struct spec s = {
		.version = 4, .protocol = 6, .flags = 0x98, .ttl = 64, .id = 1, .payload = 4100};
	struct vnet_hdr v = gso(&s, 1000);
	size_t n = build_super(super, &s);
	const uint8_t *p = frames;
	struct segment seg;

	(void)state;
	assert_int_equal(segment_init(&seg, &v, super, n), 0);
	segment_skip(&seg);
	assert_int_equal(segment_count(&seg), 4);
	assert_int_equal(segment_frames(&seg, frames, 1048), 1048);
	segment_skip(&seg);
	segment_frames(&seg, frames + 1048, sizeof(frames) - 1048);
	p = check_frame(p, want, build_cut(want, &s, 1, 1000));
	p = check_frame(p, want, build_cut(want, &s, 3, 1000));
	check_frame(p, want, build_cut(want, &s, 4, 1000));
	assert_true(segment_done(&seg));
}

static void what_no_frame_can_carry_is_refused(void **state)
{
	struct spec s = {
		.version = 4, .protocol = 17, .ttl = 64, .payload = SEGMENT_PACKET_MAX - 28};
	struct vnet_hdr v = {0}, cut = gso(&s, SEGMENT_PACKET_MAX - 27);
	struct segment seg;
	size_t n = build_packet(super, &s);

	(void)state;
	assert_int_equal(segment_init(&seg, &v, super, n), 0);
	assert_int_equal(segment_frames(&seg, frames, sizeof(frames)), SEGMENT_FRAME_MAX);
	s.payload++;
	n = build_packet(super, &s);
	assert_int_equal(segment_init(&seg, &v, super, n), -EMSGSIZE);
	assert_true(segment_done(&seg));
	s.payload = 9000;
	n = build_super(super, &s);
	assert_int_equal(segment_init(&seg, &cut, super, n), -EMSGSIZE);
	cut.gso_size--;
	assert_int_equal(segment_init(&seg, &cut, super, n), 0);
	assert_int_equal(segment_largest(&seg), SEGMENT_PACKET_MAX);
}

static void orders_that_do_not_fit_the_packet_are_refused(void **state)
{
	struct spec s = {.version = 4, .protocol = 6, .ttl = 64, .payload = 3000};
	const struct vnet_hdr good = gso(&s, 1000);
	static const struct {
		size_t octet;
		uint16_t value;
	} wrong[] = {
		{offsetof(struct vnet_hdr, gso_size), 0},
		{offsetof(struct vnet_hdr, csum_start), 19},
		{offsetof(struct vnet_hdr, csum_start), 24},
		{offsetof(struct vnet_hdr, csum_start), 65535},
		{offsetof(struct vnet_hdr, csum_start), 3030},
		{offsetof(struct vnet_hdr, csum_offset), 6},
		{offsetof(struct vnet_hdr, csum_offset), 65535},
		{offsetof(struct vnet_hdr, flags), 0x0100},
		{offsetof(struct vnet_hdr, flags), 0x0401},
		{offsetof(struct vnet_hdr, flags), 0x0301},
		{offsetof(struct vnet_hdr, flags), 0x7f01},
	};
	size_t n = build_super(super, &s);
	struct segment seg;

	(void)state;
	assert_int_equal(segment_init(&seg, &good, super, n), 0);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct vnet_hdr v = good;

		memcpy((uint8_t *)&v + wrong[i].octet, &wrong[i].value, 2);
		assert_int_equal(segment_init(&seg, &v, super, n), -EPROTO);
		assert_int_equal(segment_frames(&seg, frames, sizeof(frames)), 0);
	}
	for (size_t cut = 0; cut < 40; cut++)
		assert_int_equal(segment_init(&seg, &good, super, cut), -EPROTO);
	super[32] = 0xf0; /* a TCP header of 60 octets is there, one of 16 cannot be */
	assert_int_equal(segment_init(&seg, &good, super, n), 0);
	super[32] = 0x40;
	assert_int_equal(segment_init(&seg, &good, super, n), -EPROTO);
}

/* Offsets are kept in 16 bits: a header that ends behind them must not come round to the front. */
static void a_transport_header_at_the_end_of_64_kib_is_refused(void **state)
{
	struct vnet_hdr v = {VNET_F_NEEDS_CSUM, VNET_GSO_TCPV6, 0, 1, 0, 16};
	struct segment seg;

	(void)state;
	memset(super, 0x66, SEGMENT_SUPER_MAX);
	for (unsigned start = 65000; start <= 65535; start++) {
		v.csum_start = (uint16_t)start;
		assert_int_equal(segment_init(&seg, &v, super, SEGMENT_SUPER_MAX), -EPROTO);
	}
}

static void a_known_super_packet_gives_the_known_frames(void **state)
{
	struct vnet_hdr v = {VNET_F_NEEDS_CSUM, VNET_GSO_TCPV4, 52, 16, 20, 16};
	struct segment seg;

	(void)state;
	assert_int_equal(segment_init(&seg, &v, known_super, sizeof(known_super)), 0);
	assert_int_equal(segment_frames(&seg, frames, sizeof(frames)), sizeof(known_frames));
	assert_memory_equal(frames, known_frames, sizeof(known_frames));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_known_super_packet_gives_the_known_frames),
		cmocka_unit_test(tcp_is_cut_to_the_packets_it_stands_for),
		cmocka_unit_test(udp_is_cut_to_the_datagrams_it_stands_for),
		cmocka_unit_test(any_super_packet_is_cut_right_into_buffers_of_any_size),
		cmocka_unit_test(a_udp_checksum_of_zero_is_sent_as_ffff),
		cmocka_unit_test(a_single_packet_gets_its_checksum_finished),
		cmocka_unit_test(a_packet_without_orders_is_copied),
		cmocka_unit_test(a_skipped_packet_leaves_the_others_as_they_are),
		cmocka_unit_test(what_no_frame_can_carry_is_refused),
		cmocka_unit_test(a_transport_header_at_the_end_of_64_kib_is_refused),
		cmocka_unit_test(orders_that_do_not_fit_the_packet_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
