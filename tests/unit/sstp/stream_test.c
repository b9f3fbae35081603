// SPDX-License-Identifier: Apache-2.0
#include "hexlit.h"

#include <errno.h>
#include <stdlib.h>

#include "base/auto.h"
#include "sstp/stream.h"

/* Six packets of all sorts; sizes are in `sizes`. */
static const char six[] = "1001000e 0001 0001 00010006 0001  10000004  10000006 c021"
			  "10010008 0008 0000  1000000c ff03002145000014  10010008 0009 0000";
static const size_t sizes[] = {14, 4, 6, 8, 12, 8};

struct feeder {
	struct sstp_stream stream;
	uint8_t *piece; /* a copy of its own, so that a read after its end is caught */
	const uint8_t *whole;
	size_t at, n_packets;
};

static void feed(struct feeder *f, size_t n)
{
	struct sstp_packet pkt;
	int r;

	free(f->piece);
	f->piece = malloc(n ? n : 1);
	assert_non_null(f->piece);
	memcpy(f->piece, f->whole, n);
	f->whole += n;
	sstp_stream_feed(&f->stream, f->piece, n);
	while ((r = sstp_stream_next(&f->stream, &pkt)) == 0) {
		const struct hexlit h = hexlit(six);

		assert_true(f->n_packets < ARRAY_SIZE(sizes));
		assert_int_equal(rd_left(&pkt.body), sizes[f->n_packets] - 4);
		assert_memory_equal(pkt.start, h.p + f->at, sizes[f->n_packets]);
		f->at += sizes[f->n_packets++];
	}
	assert_int_equal(r, -EAGAIN);
}

static void a_stream_cut_at_any_two_octets_gives_the_same_packets(void **state)
{
	const struct hexlit h = hexlit(six);

	for (size_t a = 0; a <= h.n; a++)
		for (size_t b = a; b <= h.n; b++) {
			struct feeder f = {.whole = h.p};

			feed(&f, a);
			feed(&f, b - a);
			feed(&f, h.n - b);
			assert_int_equal(f.n_packets, ARRAY_SIZE(sizes));
			sstp_stream_done(&f.stream);
			free(f.piece);
		}
}

static void octet_by_octet_gives_the_same_packets(void **state)
{
	const struct hexlit h = hexlit(six);
	struct feeder f = {.whole = h.p};

	for (size_t i = 0; i < h.n; i++)
		feed(&f, 1);
	assert_int_equal(f.n_packets, ARRAY_SIZE(sizes));
	sstp_stream_done(&f.stream);
	free(f.piece);
}

static void whole_packets_are_not_copied(void **state)
{
	struct hexlit h = hexlit(six);
	struct sstp_stream s = {0};
	struct sstp_packet pkt;

	sstp_stream_feed(&s, h.p, h.n);
	for (size_t i = 0, at = 0; i < ARRAY_SIZE(sizes); at += sizes[i++]) {
		assert_int_equal(sstp_stream_next(&s, &pkt), 0);
		assert_ptr_equal(pkt.start, h.p + at);
	}
	assert_int_equal(sstp_stream_next(&s, &pkt), -EAGAIN);
	assert_null(s.mem);
	sstp_stream_done(&s);
}

/* A coalescer collects frames of one feed and writes them at its end. */
static void a_completed_packet_survives_the_saving_of_the_next_rest(void **state)
{
	uint8_t first[SSTP_PACKET_MAX], second[SSTP_PACKET_MAX];
	struct sstp_stream s = {0};
	struct sstp_packet pkt;
	struct rd kept;

	sstp_data_header(first, SSTP_FRAME_MAX);
	memset(first + 4, 0x11, SSTP_FRAME_MAX);
	sstp_data_header(second, SSTP_FRAME_MAX);
	memset(second + 4, 0x22, SSTP_FRAME_MAX);
	for (int round = 0; round < 4; round++) {
		uint8_t mixed[2 * SSTP_PACKET_MAX - 101];

		memcpy(mixed, first + 100, SSTP_PACKET_MAX - 100);
		memcpy(mixed + SSTP_PACKET_MAX - 100, second, SSTP_PACKET_MAX - 1);
		sstp_stream_feed(&s, first, 100);
		assert_int_equal(sstp_stream_next(&s, &pkt), -EAGAIN);
		sstp_stream_feed(&s, mixed, sizeof(mixed));
		assert_int_equal(sstp_stream_next(&s, &pkt), 0);
		kept = pkt.body;
		assert_int_equal(sstp_stream_next(&s, &pkt), -EAGAIN);
		assert_memory_equal(kept.p, first + 4, SSTP_FRAME_MAX);
		sstp_stream_feed(&s, second + SSTP_PACKET_MAX - 1, 1);
		assert_int_equal(sstp_stream_next(&s, &pkt), 0);
		assert_memory_equal(pkt.body.p, second + 4, SSTP_FRAME_MAX);
	}
	sstp_stream_done(&s);
}

static void an_idle_stream_holds_no_memory(void **state)
{
	struct hexlit h = hexlit(six);
	struct sstp_stream s = {0};
	struct sstp_packet pkt;

	sstp_stream_feed(&s, h.p, 3);
	assert_int_equal(sstp_stream_next(&s, &pkt), -EAGAIN);
	sstp_stream_shrink(&s); /* not while a packet is half there */
	assert_non_null(s.mem);
	sstp_stream_feed(&s, h.p + 3, 11);
	assert_int_equal(sstp_stream_next(&s, &pkt), 0);
	assert_int_equal(sstp_stream_next(&s, &pkt), -EAGAIN);
	sstp_stream_shrink(&s);
	assert_null(s.mem);
	sstp_stream_done(&s);
}

/* Wherever the bad header is cut, it is known by its fourth octet. */
static void a_lost_stream_is_seen_at_every_cut(void **state)
{
	static const uint8_t bad[][4] = {{0x11, 0, 0, 10}, {0x10, 0, 0, 3}, {0x10, 0, 0, 0},
		{0x10, 1, 0, 7}, {'G', 'E', 'T', ' '}};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		for (size_t cut = 0; cut <= 4; cut++) {
			struct sstp_stream s = {0};
			struct sstp_packet pkt;
			int r;

			sstp_stream_feed(&s, bad[i], cut);
			r = sstp_stream_next(&s, &pkt);
			assert_int_equal(r, cut < 4 ? -EAGAIN : -EPROTO);
			if (cut < 4) {
				sstp_stream_feed(&s, bad[i] + cut, 4 - cut);
				assert_int_equal(sstp_stream_next(&s, &pkt), -EPROTO);
			}
			sstp_stream_done(&s);
		}
}

static void a_stopped_stream_forgets_its_octets(void **state)
{
	struct hexlit h = hexlit(six);
	struct sstp_stream s = {0};
	struct sstp_packet pkt;

	sstp_stream_feed(&s, h.p, 3);
	assert_int_equal(sstp_stream_next(&s, &pkt), -EAGAIN);
	sstp_stream_stop(&s);
	assert_int_equal(sstp_stream_next(&s, &pkt), -EAGAIN);
	sstp_stream_feed(&s, h.p, h.n);
	assert_int_equal(sstp_stream_next(&s, &pkt), 0);
	sstp_stream_stop(&s);
	assert_int_equal(sstp_stream_next(&s, &pkt), -EAGAIN);
	sstp_stream_done(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_stream_cut_at_any_two_octets_gives_the_same_packets),
		cmocka_unit_test(octet_by_octet_gives_the_same_packets),
		cmocka_unit_test(whole_packets_are_not_copied),
		cmocka_unit_test(a_completed_packet_survives_the_saving_of_the_next_rest),
		cmocka_unit_test(an_idle_stream_holds_no_memory),
		cmocka_unit_test(a_lost_stream_is_seen_at_every_cut),
		cmocka_unit_test(a_stopped_stream_forgets_its_octets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
