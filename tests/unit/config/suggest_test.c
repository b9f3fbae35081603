// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/auto.h"
#include "config/suggest.h"

static void distance_counts_each_slip_once(void **state)
{
	static const struct {
		const char *a, *b;
		unsigned distance;
	} cases[] = {{"mru", "mru", 0}, {"mur", "mru", 1}, {"mr", "mru", 1}, {"mruu", "mru", 1},
		{"nru", "mru", 1}, {"", "mru", 3}, {"listne", "listen", 1},
		{"abcdef", "ghijkl", 4}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(suggest_distance(cases[i].a, cases[i].b, 3), cases[i].distance);
		assert_int_equal(suggest_distance(cases[i].b, cases[i].a, 3), cases[i].distance);
	}
}

static void the_nearest_word_is_suggested_and_none_when_all_are_far(void **state)
{
	static const char *const known[] = {"serve", "connect", "user", "config", NULL};

	(void)state;
	assert_string_equal(suggest("usre", known), "user");
	assert_string_equal(suggest("conect", known), "connect");
	assert_string_equal(suggest("server", known), "serve");
	assert_null(suggest("frobnicate", known));
	assert_null(suggest("x", known));
}

static void a_word_of_any_length_is_survived(void **state)
{
	static const char *const known[] = {"serve", NULL};
	char word[500];

	(void)state;
	memset(word, 'a', sizeof(word) - 1);
	word[sizeof(word) - 1] = '\0';
	assert_null(suggest(word, known));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(distance_counts_each_slip_once),
		cmocka_unit_test(the_nearest_word_is_suggested_and_none_when_all_are_far),
		cmocka_unit_test(a_word_of_any_length_is_survived),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
