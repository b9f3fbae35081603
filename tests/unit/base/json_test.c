// SPDX-License-Identifier: Apache-2.0
#include "hexlit.h"

#include "base/json.h"

#include <stdlib.h>
#include <string.h>

static void an_octet_that_is_no_utf8_is_not_lost(void **state)
{
	json_t *s = json_text("a\xff"
			      "b\xc3\xbc"),
	       *plain = json_text("M\xc3\xbcller");

	(void)state;
	assert_string_equal(json_string_value(s), "a\\xffb\xc3\xbc");
	assert_string_equal(json_string_value(plain), "M\xc3\xbcller");
	assert_null(json_text(NULL));
	json_decref(s);
	json_decref(plain);
}

static void print_is_ascii_without_controls(void **state)
{
	json_t *s = json_pack("[s]", "\x1b\x7f\xc2\x9b\xe2\x80\xae\xf0\x9f\x98\x80");
	char *text = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&text, &n);

	(void)state;
	assert_int_equal(json_print(s, f, JSON_COMPACT), 0);
	fclose(f);
	assert_string_equal(text, "[\"\\u001B\\u007f\\u009B\\u202E\\uD83D\\uDE00\"]\n");
	free(text);
	json_decref(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_octet_that_is_no_utf8_is_not_lost),
		cmocka_unit_test(print_is_ascii_without_controls),
	};

	return cmocka_run_group_tests_name("base/json", tests, NULL, NULL);
}
