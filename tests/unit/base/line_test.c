// SPDX-License-Identifier: Apache-2.0
/* base/line.h: nobody else's octets on the same cache line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/line.h"
#include "ip/table.h"
#include "offload/coalesce.h"
#include "server/worker/ring.h"
#include "server/worker/private.h"
#include "tunnel/pbuf.h"

static uintptr_t line_of(const void *p)
{
	return (uintptr_t)p / CACHE_LINE;
}

static bool begins_a_line(const void *p)
{
	return (uintptr_t)p % CACHE_LINE == 0;
}

static void neighbours_share_no_line(void **state)
{
	enum { BLOCKS = 100 };
	uint8_t *block[BLOCKS], *between[BLOCKS];

	(void)state;
	for (size_t i = 0; i < BLOCKS; i++) {
		block[i] = line_calloc(1 + i);
		between[i] = malloc(8);
		assert_non_null(between[i]);
		assert_true(begins_a_line(block[i]));
		for (size_t k = 0; k <= i; k++)
			assert_int_equal(block[i][k], 0);
	}
	for (size_t i = 0; i < BLOCKS; i++)
		for (size_t k = 0; k < BLOCKS; k++)
			assert_true(line_of(between[k]) < line_of(block[i]) ||
				    line_of(between[k]) > line_of(block[i] + i));
	for (size_t i = 0; i < BLOCKS; i++) {
		free(block[i]);
		free(between[i]);
	}
}

static void what_workers_write_begins_a_line(void **state)
{
	enum { TRIES = 8 }; /* malloc() would hit one by chance */
	struct coalesce *c[TRIES];
	struct pbuf_pool *pool[TRIES];
	struct table *table[TRIES];

	(void)state;
	for (size_t i = 0; i < TRIES; i++) {
		assert_int_equal(coalesce_new(COALESCE_ALL, &c[i]), 0);
		assert_int_equal(pbuf_pool_new((uint32_t[PBUF_CLASSES]){1, 1, 1}, &pool[i]), 0);
		assert_int_equal(table_new(&table[i]), 0);
		assert_true(begins_a_line(c[i]));
		assert_true(begins_a_line(pool[i]));
		assert_true(begins_a_line(table[i]));
	}
	for (size_t i = 0; i < TRIES; i++) {
		coalesce_free(c[i]);
		pbuf_pool_free(pool[i]);
		table_free(table[i]);
	}
}

static void what_others_read_of_a_worker_is_apart(void **state)
{
	(void)state;
	assert_int_equal(sizeof(struct worker) % CACHE_LINE, 0);
	assert_int_equal(offsetof(struct worker, site.n_connections) % CACHE_LINE, 0);
	assert_int_equal(offsetof(struct worker, site.port.stats) % CACHE_LINE, 0);
	assert_int_equal(sizeof(struct port_stats) % CACHE_LINE, 0);
	assert_int_equal(sizeof(struct ring) % CACHE_LINE, 0);
	assert_int_equal(offsetof(struct ring, tail) % CACHE_LINE, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(neighbours_share_no_line),
		cmocka_unit_test(what_workers_write_begins_a_line),
		cmocka_unit_test(what_others_read_of_a_worker_is_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
