// SPDX-License-Identifier: Apache-2.0
#include "hexlit.h"

#include "base/rd.h"
#include "base/wr.h"

static const uint8_t octets[] = {0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08};

static void integers_are_big_endian(void **state)
{
	struct rd r = rd_init(octets, sizeof(octets));

	assert_int_equal(rd_u8(&r), 0x01);
	assert_int_equal(rd_be16(&r), 0x0203);
	assert_int_equal(rd_be32(&r), 0x04050607);
	assert_int_equal(rd_left(&r), 1);
	assert_false(r.short_read);
}

static void a_read_past_the_end_gives_zeros_and_is_remembered(void **state)
{
	struct rd r = rd_init(octets, 3);
	uint8_t copy[4] = {9, 9, 9, 9};

	assert_int_equal(rd_be32(&r), 0);
	assert_true(r.short_read);
	assert_int_equal(rd_left(&r), 0);
	assert_int_equal(rd_u8(&r), 0);
	r = rd_init(octets, 3);
	rd_copy(&r, copy, sizeof(copy));
	assert_octets(copy, 4, "00000000");
	assert_true(r.short_read);
}

static void a_sub_cursor_ends_where_its_part_ends(void **state)
{
	struct rd r = rd_init(octets, sizeof(octets));
	struct rd sub = rd_sub(&r, 3);

	assert_int_equal(rd_left(&sub), 3);
	assert_int_equal(rd_left(&r), 5);
	assert_int_equal(rd_be32(&sub), 0);
	assert_true(sub.short_read);
	assert_false(r.short_read);
	sub = rd_sub(&r, 6);
	assert_true(sub.short_read);
	assert_true(r.short_read);
	assert_int_equal(rd_left(&sub), 0);
}

static void nothing_at_all_can_be_read_from(void **state)
{
	struct rd r = rd_init(NULL, 0);

	rd_copy(&r, NULL, 0);
	assert_int_equal(rd_left(&r), 0);
	assert_false(r.short_read);
	assert_int_equal(rd_u8(&r), 0);
	assert_true(r.short_read);
}

static void writes_stop_at_the_end_and_say_so(void **state)
{
	uint8_t out[8] = {0};
	struct wr w = wr_init(out, 7);

	wr_u8(&w, 1);
	wr_be16(&w, 0x0203);
	wr_be32(&w, 0x04050607);
	assert_false(w.overflow);
	wr_u8(&w, 8);
	wr_octets(&w, "x", 1);
	assert_true(w.overflow);
	assert_octets(out, 8, "0102030405060700");
	assert_int_equal(wr_len(&w), 7);
	wr_patch_be16(out + 1, 0xfffe);
	assert_octets(out, 3, "01fffe");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(integers_are_big_endian),
		cmocka_unit_test(a_read_past_the_end_gives_zeros_and_is_remembered),
		cmocka_unit_test(a_sub_cursor_ends_where_its_part_ends),
		cmocka_unit_test(nothing_at_all_can_be_read_from),
		cmocka_unit_test(writes_stop_at_the_end_and_say_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
