// SPDX-License-Identifier: Apache-2.0
/* tunnel/pbuf.c: bounds, reuse, moving to a smaller buffer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "tunnel/pbuf.h"

static struct pbuf_pool *new_pool(uint32_t max)
{
	struct pbuf_pool *pool;

	assert_int_equal(pbuf_pool_new((uint32_t[PBUF_CLASSES]){max, max, max}, &pool), 0);
	return pool;
}

static void the_smallest_buffer_that_holds_it_is_given(void **state)
{
	static const struct {
		size_t octets;
		enum pbuf_class class;
	} want[] = {{0, PBUF_SMALL}, {2048, PBUF_SMALL}, {2049, PBUF_MEDIUM}, {8192, PBUF_MEDIUM},
		{8193, PBUF_LARGE}, {VNET_HDR_LEN + SEGMENT_SUPER_MAX, PBUF_LARGE}};
	AUTO(pbuf_pool) struct pbuf_pool *pool = new_pool(1);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(want); i++) {
		AUTO(pbuf) struct pbuf *p = pbuf_get(pool, want[i].octets);

		assert_non_null(p);
		assert_int_equal(p->class, want[i].class);
		assert_true(p->cap >= want[i].octets);
		memset(p->octets, 0x5a, p->cap);
	}
	assert_null(pbuf_get(pool, PBUF_LARGE_OCTETS + 1));
}

static void the_bound_of_a_size_holds_and_a_freed_one_comes_back(void **state)
{
	AUTO(pbuf_pool) struct pbuf_pool *pool = new_pool(2);
	struct pbuf *a = pbuf_get(pool, 1), *b = pbuf_get(pool, 1);

	(void)state;
	assert_null(pbuf_get(pool, 1));
	assert_int_equal(pbuf_pool_used(pool, PBUF_SMALL), 2);
	pbuf_free(a);
	assert_ptr_equal(pbuf_get(pool, 1), a); /* no malloc: the same one */
	pbuf_free(a);
	pbuf_free(b);
	pbuf_free(NULL);
	assert_int_equal(pbuf_pool_used(pool, PBUF_SMALL), 0);
}

static void an_idle_pool_gives_back_all_but_one(void **state)
{
	AUTO(pbuf_pool) struct pbuf_pool *pool = new_pool(8);
	struct pbuf *p[8];

	(void)state;
	for (int i = 0; i < 8; i++)
		p[i] = pbuf_get(pool, 1);
	for (int i = 0; i < 8; i++)
		pbuf_free(p[i]);
	assert_int_equal(pbuf_pool_octets(pool), 8 * PBUF_SMALL_OCTETS);
	pbuf_pool_trim(pool);
	assert_int_equal(pbuf_pool_octets(pool), 4 * PBUF_SMALL_OCTETS);
	for (int i = 0; i < 5; i++)
		pbuf_pool_trim(pool);
	assert_int_equal(pbuf_pool_octets(pool), PBUF_SMALL_OCTETS);
}

static void a_packet_moves_to_a_smaller_buffer_with_its_segment(void **state)
{
	AUTO(pbuf_pool) struct pbuf_pool *pool = new_pool(1);
	struct pbuf *p = pbuf_get(pool, PBUF_LARGE_OCTETS), *fit, *hog;

	(void)state;
	memset(p->octets, 7, 100);
	p->octets[VNET_HDR_LEN] = 0x45;
	p->segment = (struct segment){.packet = p->octets + VNET_HDR_LEN, .len = 90};
	fit = pbuf_fit(p, 100);
	assert_int_equal(fit->class, PBUF_SMALL);
	assert_ptr_equal(fit->segment.packet, fit->octets + VNET_HDR_LEN);
	assert_int_equal(fit->segment.len, 90);
	assert_int_equal(fit->octets[VNET_HDR_LEN], 0x45);
	assert_int_equal(fit->octets[99], 7);
	assert_int_equal(pbuf_pool_used(pool, PBUF_LARGE), 0);
	assert_ptr_equal(pbuf_fit(fit, 100), fit);

	hog = fit; /* the small ones are used up: it stays where it is */
	p = pbuf_get(pool, PBUF_LARGE_OCTETS);
	assert_ptr_equal(pbuf_fit(p, 100), p);
	pbuf_free(p);
	pbuf_free(hog);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_smallest_buffer_that_holds_it_is_given),
		cmocka_unit_test(the_bound_of_a_size_holds_and_a_freed_one_comes_back),
		cmocka_unit_test(an_idle_pool_gives_back_all_but_one),
		cmocka_unit_test(a_packet_moves_to_a_smaller_buffer_with_its_segment),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
