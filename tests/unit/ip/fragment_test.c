// SPDX-License-Identifier: Apache-2.0
/* ip/fragment.c: cut, put together again by the plainest reassembly there is, and compared. */
#include "craft.h"

#include "ip/fragment.h"

static uint8_t packet[4000], body[3000], whole[66000];

static int setup(void **state)
{
	for (size_t i = 0; i < sizeof(body); i++)
		body[i] = (uint8_t)(i * 7 + i / 256);
	return 0;
}

/* A packet that may be cut, with `options` (padded to 4 by the caller) in its header. */
static struct ip_packet craft(size_t n, const uint8_t *options, size_t n_options)
{
	uint8_t all[sizeof(body)];

	if (n_options)
		memcpy(all, options, n_options);
	memcpy(all + n_options, body, n);
	craft_v4(packet, IP_UDP, all, n_options + n);
	packet[0] = (uint8_t)(0x45 + n_options / 4);
	packet[6] = 0; /* no DF */
	return parsed(packet, 20 + n_options + n);
}

/* Cuts and reassembles by offset into `whole`; returns the data's length, checks each piece. */
static size_t cut_and_join(const struct ip_packet *p, uint16_t mtu, unsigned *ret_pieces)
{
	uint8_t piece[2000];
	size_t at = 0, n, end = 0;
	bool more = true;

	*ret_pieces = 0;
	while ((n = fragment_next(packet, p, mtu, &at, piece)) > 0) {
		struct ip_packet q = parsed(piece, n);
		size_t offset = (size_t)((piece[6] & 0x1f) << 8 | piece[7]) * 8;

		assert_true(more);
		assert_in_range(n, 21, mtu);
		assert_int_equal(q.len, n);
		assert_int_equal(craft_sum(0, piece, q.header_len), 0);
		assert_memory_equal(piece + 4, packet + 4, 2); /* identification */
		assert_memory_equal(piece + 8, packet + 8, 2);
		assert_memory_equal(piece + 12, packet + 12, 8);
		assert_int_equal(offset, end);
		memcpy(whole + offset, piece + q.header_len, n - q.header_len);
		end = offset + n - q.header_len;
		more = piece[6] & 0x20;
		(*ret_pieces)++;
	}
	assert_false(more);
	return end;
}

static void every_length_and_mtu_comes_together_again(void **state)
{
	unsigned pieces;

	for (uint16_t mtu = 28; mtu < 1500; mtu = (uint16_t)(mtu + 37)) {
		size_t room = mtu - 20u, units = room / 8 * 8;

		for (size_t n = mtu; n < 3000; n += 293) {
			struct ip_packet p = craft(n, NULL, 0);

			assert_int_equal(cut_and_join(&p, mtu, &pieces), n);
			assert_memory_equal(whole, body, n);
			/* the last piece need be no multiple of eight */
			assert_int_equal(pieces, 1 + (n - room + units - 1) / units);
		}
	}
}

static void a_packet_that_fits_is_one_piece_without_change(void **state)
{
	struct ip_packet p = craft(100, NULL, 0);
	uint8_t piece[2000];
	size_t at = 0;

	assert_int_equal(fragment_next(packet, &p, 120, &at, piece), 120);
	assert_int_equal(piece[6] | piece[7], 0);
	assert_memory_equal(piece + 20, body, 100);
	assert_int_equal(fragment_next(packet, &p, 120, &at, piece), 0);
}

static void only_copied_options_go_into_later_pieces(void **state)
{
	/* record route (not copied), NOP, router alert (copied), end */
	static const uint8_t options[] = {7, 6, 4, 0, 0, 0, 1, 0x94, 4, 0, 0, 0};
	struct ip_packet p = craft(1000, options, sizeof(options));
	uint8_t piece[2000];
	unsigned pieces;
	size_t at = 0;

	assert_int_equal(cut_and_join(&p, 500, &pieces), 1000);
	assert_memory_equal(whole, body, 1000);
	fragment_next(packet, &p, 500, &at, piece);
	assert_memory_equal(piece + 20, options, sizeof(options));
	fragment_next(packet, &p, 500, &at, piece);
	assert_int_equal(piece[0], 0x46);
	assert_memory_equal(piece + 20, options + 7, 4);
}

static void broken_options_are_not_copied(void **state)
{
	static const uint8_t broken[][4] = {
		{0x94, 0, 1, 1}, {0x94, 1, 1, 1}, {0x94, 9, 1, 1}, {1, 1, 1, 0x94}};
	unsigned pieces;

	for (size_t i = 0; i < 4; i++) {
		struct ip_packet p = craft(300, broken[i], 4);

		assert_int_equal(cut_and_join(&p, 100, &pieces), 300);
		assert_memory_equal(whole, body, 300);
	}
}

static void a_fragment_is_cut_further(void **state)
{
	struct ip_packet p = craft(800, NULL, 0);
	uint8_t piece[2000];
	size_t at = 0;

	packet[6] = 0x20; /* more, offset 1600 */
	packet[7] = 200;
	p = parsed(packet, p.len);
	assert_int_equal(fragment_next(packet, &p, 420, &at, piece), 420);
	assert_int_equal(piece[6] << 8 | piece[7], 0x2000 | 200);
	assert_int_equal(fragment_next(packet, &p, 420, &at, piece), 420);
	assert_int_equal(piece[6] << 8 | piece[7], 0x2000 | 250); /* not the packet's end either */
	assert_int_equal(fragment_next(packet, &p, 420, &at, piece), 0);
}

static void what_must_not_be_cut_is_not(void **state)
{
	struct ip_packet p = craft(800, NULL, 0);
	uint8_t piece[2000];
	size_t at = 0;

	assert_int_equal(fragment_next(packet, &p, 27, &at, piece), 0);
	packet[6] = 0x40;
	p = parsed(packet, p.len);
	assert_int_equal(fragment_next(packet, &p, 400, &at, piece), 0);
	p = parsed(packet, craft_v6(packet, IP_UDP, body, 800));
	assert_int_equal(fragment_next(packet, &p, 400, &at, piece), 0);
}

#define TEST(f) cmocka_unit_test_setup(f, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_length_and_mtu_comes_together_again),
		TEST(a_packet_that_fits_is_one_piece_without_change),
		TEST(only_copied_options_go_into_later_pieces),
		TEST(broken_options_are_not_copied),
		TEST(a_fragment_is_cut_further),
		TEST(what_must_not_be_cut_is_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
