// SPDX-License-Identifier: Apache-2.0
/* offload/csum.c: against RFC 1071's example and a loop over octet pairs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/auto.h"
#include "offload/csum.h"
#include "unit/offload/packets.h"

static uint8_t octets[4096];

static void fill_random(void)
{
	struct rng r = {1071};

	for (size_t i = 0; i < sizeof(octets); i++)
		octets[i] = (uint8_t)rng_next(&r);
}

static void the_example_of_rfc_1071_gives_ddf2(void **state)
{
	static const uint8_t example[] = {0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7};

	(void)state;
	assert_int_equal(csum_fold(csum_add(0, example, sizeof(example))), csum_be16(0xddf2));
	assert_int_equal(csum_finish(csum_add(0, example, sizeof(example))), csum_be16(0x220d));
}

static void every_length_and_offset_agrees_with_the_plain_loop(void **state)
{
	(void)state;
	fill_random();
	for (size_t n = 0; n < 1600; n++) {
		const uint8_t *p = octets + n % 67;
		uint16_t want = csum_be16((uint16_t)ref_sum(p, n, 0x1234));

		assert_int_equal(csum_fold(csum_add_scalar(csum_be16(0x1234), p, n)), want);
		assert_int_equal(csum_fold(csum_add(csum_be16(0x1234), p, n)), want);
		if (csum_has_simd())
			assert_int_equal(csum_fold(csum_add_simd(csum_be16(0x1234), p, n)), want);
	}
}

static void all_ones_do_not_lose_a_carry(void **state)
{
	(void)state;
	memset(octets, 0xff, sizeof(octets));
	for (size_t n = 2; n <= sizeof(octets); n += 2) {
		assert_int_equal(csum_fold(csum_add_scalar(UINT64_MAX, octets, n)), 0xffff);
		if (csum_has_simd())
			assert_int_equal(csum_fold(csum_add_simd(UINT64_MAX, octets, n)), 0xffff);
	}
}

typedef uint64_t (*copy_fn)(uint64_t, void *, const void *, size_t);

static void check_copy(copy_fn copy, size_t n)
{
	static uint8_t dst[2048];

	memset(dst, 0xa5, sizeof(dst));
	assert_int_equal(csum_fold(copy(7, dst + 8, octets + n % 31, n)),
		csum_fold(csum_add_scalar(7, octets + n % 31, n)));
	if (n)
		assert_memory_equal(dst + 8, octets + n % 31, n);
	assert_int_equal(dst[7], 0xa5);
	assert_int_equal(dst[8 + n], 0xa5);
}

static void a_copy_writes_exactly_the_octets_it_sums(void **state)
{
	(void)state;
	fill_random();
	for (size_t n = 0; n < 1600; n++) {
		check_copy(csum_copy_scalar, n);
		check_copy(csum_copy, n);
		if (csum_has_simd())
			check_copy(csum_copy_simd, n);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_example_of_rfc_1071_gives_ddf2),
		cmocka_unit_test(every_length_and_offset_agrees_with_the_plain_loop),
		cmocka_unit_test(all_ones_do_not_lose_a_carry),
		cmocka_unit_test(a_copy_writes_exactly_the_octets_it_sums),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
