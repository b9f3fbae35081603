// SPDX-License-Identifier: Apache-2.0
/* Pieces of TLS messages in EAP packets: both ends joined, and each wrong length. */
#include "hexlit.h"

#include <errno.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/eap_fragments.h"

static void a_message_goes_through_whatever_the_room(void **state)
{
	uint8_t message[5000], got[5000], packet[1400];

	(void)state;
	for (size_t i = 0; i < sizeof(message); i++)
		message[i] = (uint8_t)(i * 7);
	for (size_t room = 6; room <= sizeof(packet); room += 17) {
		struct eap_fragments from = {0}, to = {0};
		struct eap_fragment f = {0};
		size_t n = 0, pieces = 0;
		struct buf out;

		buf_init(&out, 0);
		assert_int_equal(buf_append(&out, message, sizeof(message)), 0);
		do {
			struct wr w = wr_init(packet, room);

			eap_fragments_put(&from, &out, 0, room, &w);
			assert_false(w.overflow);
			assert_int_equal(
				eap_fragments_take(&to, rd_init(packet, wr_len(&w)), &f), 0);
			assert_true(n + rd_left(&f.piece) <= sizeof(got));
			memcpy(got + n, f.piece.p, rd_left(&f.piece));
			n += rd_left(&f.piece);
			pieces++;
			if (from.sending) /* acknowledged by no octets */
				assert_int_equal(
					eap_fragments_take(&from, rd_init("\0", 1), &f), 0);
		} while (from.sending);
		assert_int_equal(n, sizeof(message));
		assert_memory_equal(got, message, n);
		assert_false(to.more);
		assert_in_range(pieces, 4, 1100);
		buf_done(&out);
	}
}

static void one_that_fits_has_no_length(void **state)
{
	struct eap_fragments f = {0};
	uint8_t packet[20];
	struct wr w = wr_init(packet, 11);
	struct buf out;

	(void)state;
	buf_init(&out, 0);
	buf_append(&out, "0123456789", 10);
	eap_fragments_put(&f, &out, 0, 11, &w);
	assert_int_equal(wr_len(&w), 11);
	assert_int_equal(packet[0], 0);
	assert_false(f.sending);
	buf_done(&out);
}

/* Of a conversation: packets that are fine, then the one in question. */
static int last_of(const char *const *packets)
{
	struct eap_fragments f = {0};
	struct eap_fragment got;
	int r = 0;

	for (size_t i = 0; packets[i]; i++) {
		struct hexlit h = hexlit(packets[i]);
		uint8_t *copy = malloc(h.n ? h.n : 1);

		assert_int_equal(r, 0);
		memcpy(copy, h.p, h.n);
		r = eap_fragments_take(&f, rd_init(copy, h.n), &got);
		free(copy);
	}
	return r;
}

/* GHSA-q5g3-qhc6-pr3h: the announced length was trusted. */
static void each_wrong_length_is_seen(void **state)
{
	static const char *const bad[][4] = {
		{""}, /* no flags */
		{"80"},
		{"800000"},
		{"80000000"},       /* a length that is cut */
		{"40 aabb"},        /* the first of several without a length */
		{"c0 00010001 aa"}, /* more than a message may have */
		{"c0 ffffffff aa"},
		{"80 00000001 aabb"},                   /* more than announced */
		{"80 00000003 aabb"},                   /* less */
		{"c0 00000003 aabb", "00 ccdd"},        /* more, in the second */
		{"c0 00000003 aabb", "00"},             /* less, in the second */
		{"c0 00000004 aabb", "c0 00000005 cc"}, /* another length */
		{"c0 00000004 aabb", "40"},             /* a piece of nothing, for ever */
		{"c0 00000004"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(last_of(bad[i]), -EPROTO);
}

static void right_lengths_are_taken(void **state)
{
	static const char *const good[][4] = {
		{"00"},
		{"00 aabb"},
		{"80 00000002 aabb"}, /* Windows says it of single ones, too */
		{"c0 00000004 aabb", "00 ccdd"},
		{"c0 00000005 aabb", "40 ccdd", "00 ee"},
		{"c0 00000004 aabb", "80 00000004 ccdd"},
		{"c0 00000004 aabb", "00 ccdd", "80 00000001 ee"},
		{"80 00000000"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
		assert_int_equal(last_of(good[i]), 0);
}

static void an_unannounced_flood_ends_at_the_bound(void **state)
{
	struct eap_fragments f = {0};
	uint8_t packet[1001] = {EAP_FLAG_MORE};
	uint8_t first[1005] = {EAP_FLAG_MORE | EAP_FLAG_LENGTH}; /* of 0 octets: not said */
	struct eap_fragment got;
	size_t n = 1000;

	(void)state;
	assert_int_equal(eap_fragments_take(&f, rd_init(first, sizeof(first)), &got), 0);
	while (!eap_fragments_take(&f, rd_init(packet, sizeof(packet)), &got))
		n += 1000;
	assert_in_range(n, EAP_MESSAGE_MAX - 1000, EAP_MESSAGE_MAX);
}

static void an_acknowledgement_has_no_octets(void **state)
{
	static const char *const bad[] = {"00 aa", "40", "c0 00000002 aa", "80 00000000", "20", ""};
	uint8_t packet[30];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct eap_fragments f = {0};
		struct hexlit h = hexlit(bad[i]);
		struct wr w = wr_init(packet, 10);
		struct eap_fragment got;
		struct buf out;

		buf_init(&out, 0);
		buf_append(&out, "0123456789", 10);
		eap_fragments_put(&f, &out, 0, 10, &w);
		assert_true(f.sending);
		assert_int_equal(eap_fragments_take(&f, rd_init(h.p, h.n), &got), -EPROTO);
		buf_done(&out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_message_goes_through_whatever_the_room),
		cmocka_unit_test(one_that_fits_has_no_length),
		cmocka_unit_test(each_wrong_length_is_seen),
		cmocka_unit_test(right_lengths_are_taken),
		cmocka_unit_test(an_unannounced_flood_ends_at_the_bound),
		cmocka_unit_test(an_acknowledgement_has_no_octets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
