/* tests/hexlit.h — octets in a test written as hexadecimal text; blanks between digits are free. */
#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define HEXLIT_MAX 4096

struct hexlit {
	uint8_t p[HEXLIT_MAX];
	size_t n;
};

static inline int hexlit_digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static inline struct hexlit hexlit(const char *text)
{
	struct hexlit h = {.n = 0};
	int high = -1;

	for (; *text; text++) {
		if (*text == ' ' || *text == '\n' || *text == '\t')
			continue;
		assert_true(hexlit_digit(*text) >= 0 && h.n < HEXLIT_MAX);
		if (high < 0) {
			high = hexlit_digit(*text);
		} else {
			h.p[h.n++] = (uint8_t)(high << 4 | hexlit_digit(*text));
			high = -1;
		}
	}
	assert_int_equal(high, -1);
	return h;
}

static inline void assert_octets(const void *got, size_t n, const char *expected)
{
	struct hexlit want = hexlit(expected);

	assert_int_equal(n, want.n);
	assert_memory_equal(got, want.p, n);
}
