// SPDX-License-Identifier: Apache-2.0
#include "hexlit.h"

#include <errno.h>
#include <stdlib.h>

#include "base/buf.h"

static void octets_come_out_in_the_order_they_went_in(void **state)
{
	struct buf b;
	uint8_t next_in = 0, next_out = 0;

	buf_init(&b, 0);
	for (unsigned round = 0; round < 5000; round++) {
		size_t n = round * 7 % 97;
		uint8_t chunk[97];

		for (size_t i = 0; i < n; i++)
			chunk[i] = next_in++;
		assert_int_equal(buf_append(&b, chunk, n), 0);
		n = round * 13 % (buf_len(&b) + 1);
		for (size_t i = 0; i < n; i++)
			assert_int_equal(buf_data(&b)[i], next_out++);
		buf_consume(&b, n);
	}
	assert_int_equal((uint8_t)(next_out + buf_len(&b)), next_in);
	buf_done(&b);
}

static void the_limit_holds_and_what_was_inside_stays(void **state)
{
	struct buf b;
	uint8_t *room;

	buf_init(&b, 10);
	assert_int_equal(buf_append(&b, "0123456789", 10), 0);
	assert_int_equal(buf_append(&b, "x", 1), -ENOBUFS);
	assert_int_equal(buf_reserve(&b, SIZE_MAX, &room), -ENOBUFS);
	b.limit = 0;
	assert_int_equal(buf_reserve(&b, SIZE_MAX, &room), -ENOMEM);
	b.limit = 10;
	assert_memory_equal(buf_data(&b), "0123456789", 10);
	buf_consume(&b, 4);
	assert_int_equal(buf_append(&b, "abcd", 4), 0);
	assert_memory_equal(buf_data(&b), "456789abcd", 10);
	buf_done(&b);
}

static void an_empty_buffer_can_be_asked_for_its_octets(void **state)
{
	struct buf b;

	buf_init(&b, 0);
	assert_int_equal(buf_len(&b), 0);
	(void)buf_data(&b);
	assert_int_equal(buf_append(&b, NULL, 0), 0);
	buf_consume(&b, 0);
	buf_shrink(&b);
	assert_null(b.mem);
	buf_done(&b);
}

static void memory_goes_back_only_when_nothing_waits(void **state)
{
	struct buf b;

	buf_init(&b, 100);
	buf_append(&b, "ab", 2);
	buf_shrink(&b);
	assert_memory_equal(buf_data(&b), "ab", 2);
	buf_consume(&b, 2);
	buf_shrink(&b);
	assert_null(b.mem);
	assert_int_equal(b.limit, 100);
	assert_int_equal(buf_append(&b, "c", 1), 0);
	buf_done(&b);
	assert_int_equal(b.limit, 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(octets_come_out_in_the_order_they_went_in),
		cmocka_unit_test(the_limit_holds_and_what_was_inside_stays),
		cmocka_unit_test(an_empty_buffer_can_be_asked_for_its_octets),
		cmocka_unit_test(memory_goes_back_only_when_nothing_waits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
