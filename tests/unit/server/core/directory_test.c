// SPDX-License-Identifier: Apache-2.0
/* server/core/directory.c: sessions counted in all and per user, and found. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "server/core/directory.h"

static struct directory *d;

static int setup(void **state)
{
	(void)state;
	return directory_new(NULL, &d);
}

static int teardown(void **state)
{
	(void)state;
	directory_free(d);
	return 0;
}

static int enter(
	struct directory_entry *e, int64_t user, uint64_t session, unsigned all, unsigned per_user)
{
	*e = (struct directory_entry){.user_id = user, .session = session, .site = session % 3};
	return directory_enter(d, e, &(struct directory_limits){all, per_user});
}

static void one_user_cannot_have_all_places(void **state)
{
	struct directory_entry e[8];

	(void)state;
	for (uint64_t i = 0; i < 3; i++)
		assert_int_equal(enter(&e[i], 7, i, 100, 3), 0);
	assert_int_equal(enter(&e[3], 7, 3, 100, 3), -EUSERS);
	assert_int_equal(enter(&e[4], 7 + 4096, 4, 100, 3), 0); /* of the same bucket */
	directory_leave(d, &e[1]);
	directory_leave(d, &e[1]);
	assert_int_equal(enter(&e[3], 7, 3, 100, 3), 0);
	assert_int_equal(directory_count(d), 4);
}

static void all_of_them_have_a_limit_and_who_is_in_keeps_the_place(void **state)
{
	struct directory_entry e[4];

	(void)state;
	assert_int_equal(enter(&e[0], 1, 10, 2, 0), 0);
	assert_int_equal(enter(&e[1], 2, 11, 2, 0), 0);
	assert_int_equal(enter(&e[2], 3, 12, 2, 0), -ENFILE);
	assert_int_equal(directory_enter(d, &e[0], &(struct directory_limits){1, 1}), 0);
	assert_int_equal(directory_count(d), 2);
	directory_leave(d, &e[0]);
	assert_int_equal(enter(&e[2], 3, 12, 2, 0), 0);
}

static void a_session_is_found_by_number_and_by_user(void **state)
{
	struct directory_entry e[5];
	struct directory_hit hit, hits[8];

	(void)state;
	for (uint64_t i = 0; i < 5; i++)
		assert_int_equal(enter(&e[i], i < 3 ? -5 : 9, 100 + i, 100, 0), 0);
	assert_int_equal(directory_find(d, 103, &hit), 0);
	assert_int_equal(hit.site, 1);
	assert_int_equal(directory_find(d, 99, &hit), -ENOENT);
	assert_int_equal(directory_of_user(d, -5, hits, 8), 3);
	assert_int_equal(directory_of_user(d, -5, hits, 2), 2);
	assert_int_equal(directory_of_user(d, 1, hits, 8), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(one_user_cannot_have_all_places, setup, teardown),
		cmocka_unit_test_setup_teardown(
			all_of_them_have_a_limit_and_who_is_in_keeps_the_place, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_session_is_found_by_number_and_by_user, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
