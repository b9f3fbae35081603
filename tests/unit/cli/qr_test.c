// SPDX-License-Identifier: Apache-2.0
/* The picture, read back module by module. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "cli/qr.h"

#define MOST 200

struct picture {
	bool light[2 * MOST][MOST];
	size_t rows, columns;
};

static void read_line(struct picture *p, const char *line, size_t n)
{
	size_t column = 0;

	for (size_t i = 0, len; i < n; i += len, column++) {
		uint32_t c;

		len = text_decode(line + i, n - i, &c);
		assert_true(len && column < MOST);
		assert_true(c == 0x2588 || c == 0x2580 || c == 0x2584 || c == ' ');
		p->light[p->rows][column] = c == 0x2588 || c == 0x2580;
		p->light[p->rows + 1][column] = c == 0x2588 || c == 0x2584;
	}
	assert_true(!p->columns || p->columns == column);
	p->columns = column;
	p->rows += 2;
}

static struct picture print(const char *text)
{
	struct picture p = {0};
	char *out = NULL;
	size_t n;
	FILE *f = open_memstream(&out, &n);

	assert_int_equal(qr_print(text, false, f), 0);
	fclose(f);
	for (char *line = out, *end; (end = strchr(line, '\n')); line = end + 1)
		read_line(&p, line, (size_t)(end - line));
	free(out);
	return p;
}

/* ISO 18004: 7 by 7, a dark frame, a light one, a dark middle. */
static void assert_finder(const struct picture *p, size_t top, size_t left)
{
	for (size_t y = 0; y < 7; y++)
		for (size_t x = 0; x < 7; x++) {
			bool frame = !y || !x || y == 6 || x == 6;
			bool middle = y > 1 && y < 5 && x > 1 && x < 5;

			assert_int_equal(p->light[top + y][left + x], !frame && !middle);
		}
}

static void a_code_has_its_frame_and_its_corners(void **state)
{
	struct picture p =
		print("otpauth://totp/vpn.example:alice?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
	size_t n = p.columns;

	(void)state;
	assert_true(n > 29 + 8 && (n - 8 - 21) % 4 == 0);
	assert_true(p.rows == n || p.rows == n + 1);
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < 4; k++) {
			assert_true(p.light[k][i] && p.light[i][k]);
			assert_true(p.light[n - 1 - k][i] && p.light[i][n - 1 - k]);
		}
	assert_finder(&p, 4, 4);
	assert_finder(&p, 4, n - 11);
	assert_finder(&p, n - 11, 4);
}

static void the_text_makes_the_picture(void **state)
{
	struct picture a = print("otpauth://totp/a?secret=A"),
		       b = print("otpauth://totp/a?secret=B");

	(void)state;
	assert_int_equal(a.columns, b.columns);
	assert_memory_not_equal(a.light, b.light, sizeof(a.light));
}

static void what_no_code_holds_is_refused(void **state)
{
	char text[4000];

	(void)state;
	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	assert_int_equal(qr_print(text, false, stdout), -E2BIG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_code_has_its_frame_and_its_corners),
		cmocka_unit_test(the_text_makes_the_picture),
		cmocka_unit_test(what_no_code_holds_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
