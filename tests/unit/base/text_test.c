// SPDX-License-Identifier: Apache-2.0
/* What a stranger may put into a name must not move a cursor, end a line, a field or a column. */
#include "hexlit.h"

#include "base/text.h"

#include <inttypes.h>
#include <string.h>

#include "base/auto.h"
#define FORMATS_TO(expected, ...)                                                                  \
	do {                                                                                       \
		char got[512];                                                                     \
                                                                                                   \
		assert_int_equal(text_format(got, sizeof(got), __VA_ARGS__), strlen(expected));    \
		assert_string_equal(got, expected);                                                \
	} while (0)

static void what_is_no_text_of_a_stranger_is_as_printf_has_it(void **state)
{
	char want[512];
	static const char fmt[] =
		"%d|%5u|%-6x|%#o|%08.3f|%+lld|%zu|%c|%%|%" PRIu64 "|%-5d|%*d|%.2g";

	(void)state;
#define ARGS -7, 42u, 0xbeefu, 8u, 3.14159, 1ll << 40, (size_t)9, 'x', UINT64_MAX, 3, 6, 5, 0.25
	snprintf(want, sizeof(want), fmt, ARGS);
	FORMATS_TO(want, fmt, ARGS);
#undef ARGS
	FORMATS_TO("a b c", "a %s c", "b");
	FORMATS_TO("abc", "%.3s", "abcdef");
	FORMATS_TO("(null)", "%s", (const char *)NULL);
}

static void every_plain_number_is_as_printf_has_it(void **state)
{
	static const long long numbers[] = {0, 1, -1, 9, 10, -10, 99, 100, 2147483647,
		-2147483648LL, 4294967295, INT64_MAX, INT64_MIN};
	char want[200];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		long long n = numbers[i];

#define ARGS                                                                                       \
	(int)n, (unsigned)n, (long)n, (unsigned long)n, n, (unsigned long long)n, (size_t)n,       \
		(ssize_t)n, (intmax_t)n, (uintmax_t)n, (ptrdiff_t)n, (int)n
		snprintf(
			want, sizeof(want), "%d %u %ld %lu %lld %llu %zu %zd %jd %ju %td %i", ARGS);
		FORMATS_TO(want, "%d %u %ld %lu %lld %llu %zu %zd %jd %ju %td %i", ARGS);
#undef ARGS
	}
}

/* Text goes out in runs: a run that does not fit fills what there is. */
static void a_run_is_cut_at_any_octet(void **state)
{
	char got[16];

	(void)state;
	for (size_t cap = 4; cap < sizeof(got); cap++) {
		size_t n = text_format(got, cap, "%s", "abc\ndefghijkl");

		assert_true(n < cap - 1);
		assert_memory_equal(got, "abc\\x0adefghijkl", n);
		assert_int_equal(n, cap - 2 < 3 ? cap - 2 : cap - 2 < 7 ? 3 : cap - 2);
		assert_int_equal(
			text_format(got, cap, "literal %d", 12345678), cap - 2 < 8 ? cap - 2 : 8);
	}
}

static void controls_and_invisible_characters_are_escaped(void **state)
{
	static const struct {
		const char *in, *out;
	} rows[] = {
		{"\x1b[2J", "\\x1b[2J"},
		{"a\nb\r\tc", "a\\x0ab\\x0d\\x09c"},
		{"\x7f", "\\x7f"},
		{"\xc2\x9b"
		 "31m",
			"\\u009b31m"}, /* CSI of C1 */
		{"\x9b"
		 "31m",
			"\\x9b31m"}, /* the same as a lone octet */
		{"\xe2\x80\xae"
		 "evil",
			"\\u202eevil"},                         /* RIGHT-TO-LEFT OVERRIDE */
		{"\xe2\x81\xa6\xe2\x81\xa9", "\\u2066\\u2069"}, /* isolates */
		{"\xe2\x80\x8e\xd8\x9c", "\\u200e\\u061c"},     /* LRM, ALM */
		{"\xe2\x80\x8b\xef\xbb\xbf", "\\u200b\\ufeff"}, /* zero width */
		{"\xe2\x80\xa8\xe2\x80\xa9",
			"\\u2028\\u2029"},              /* separators of lines, paragraphs */
		{"\xc2\xa0\xc2\xad", "\\u00a0\\u00ad"}, /* no-break space, soft hyphen */
		{"\xf3\xa0\x81\x81", "\\U000e0041"},    /* a tag */
		{"\xff\xfe", "\\xff\\xfe"},
		{"\xc0\xaf\xed\xa0\x80", "\\xc0\\xaf\\xed\\xa0\\x80"}, /* overlong, surrogate */
		{"\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"},          /* above U+10FFFF */
		{"\xe2\x82", "\\xe2\\x82"},                            /* cut short */
		{"M\xc3\xbcller \xe6\x97\xa5\xe6\x9c\xac",
			"M\xc3\xbcller \xe6\x97\xa5\xe6\x9c\xac"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		FORMATS_TO(rows[i].out, "%s", rows[i].in);
}

static void a_quote_in_a_field_does_not_end_it(void **state)
{
	(void)state;
	FORMATS_TO("user=\"a\\\" method=\\\"b\\\\\" method=pap", "user=\"%s\" method=%s",
		"a\" method=\"b\\", "pap");
	FORMATS_TO("user=alice@x", "user=%s", "alice@x");
	FORMATS_TO("user=\"a b=c\" n=1", "user=%s n=%d", "a b=c", 1);
	FORMATS_TO("user=\"\" n=1", "user=%s n=%d", "", 1);
	FORMATS_TO("user=\"CORP\\\\al\"", "user=%s", "CORP\\al");
	FORMATS_TO("user=\"\\x0aevent=1\"", "user=%s", "\nevent=1");
}

static void what_was_composed_is_not_escaped_twice(void **state)
{
	char text[100];

	(void)state;
	text_format(text, sizeof(text), "user=\"%s\"", "\x1b\\\"");
	FORMATS_TO("1 user=\"\\x1b\\\\\\\"\"", "%d %s", 1, text);
}

static void a_cell_keeps_its_columns(void **state)
{
	(void)state;
	FORMATS_TO("al      |", "%-8s|", "al");
	FORMATS_TO("      al|", "%8s|", "al");
	FORMATS_TO("M\xc3\xbcller  |", "%-8s|", "M\xc3\xbcller");
	FORMATS_TO("\xe6\x97\xa5\xe6\x9c\xac    |", "%-8s|", "\xe6\x97\xa5\xe6\x9c\xac");
	FORMATS_TO("a\xcc\x88       |", "%-8s|", "a\xcc\x88"); /* a combining mark */
	FORMATS_TO("\\x1b    |", "%-8s|", "\x1b");
	FORMATS_TO("CORP\\al |", "%-8s|", "CORP\\al");
	FORMATS_TO("\\\\x1b   |", "%-8s|", "\\x1b"); /* four letters, not the escape of one */
	FORMATS_TO("a b     |", "%-8s|", "a b");
	FORMATS_TO("\\x20a \\x20b\\x20|", "%-4s|", " a  b ");
	FORMATS_TO("abcde...|", "%-*.*s|", 8, 8, "abcdefghi");
	FORMATS_TO("\\x1b... |", "%-8.8s|", "\x1b\x1b\x1b");
	assert_int_equal(text_columns("\x1b\xe6\x97\xa5"), 6);
}

static void what_does_not_fit_is_cut_between_escapes(void **state)
{
	char got[20], all[100];

	(void)state;
	for (size_t cap = 1; cap <= sizeof(got); cap++) {
		memset(got, '#', sizeof(got));
		text_format(got, cap, "u=\"%s\" end", "\x1b\xe2\x80\xae\"x");
		assert_true(strlen(got) < cap);
		if (cap < 5)
			continue;
		text_format(all, sizeof(all), "u=\"%s\" end", "\x1b\xe2\x80\xae\"x");
		/* a beginning of the whole, in which an open quote is closed */
		assert_memory_equal(got, all, strlen(got) - 1);
	}
	text_format(got, 9, "u=\"%s\"", "\x1b\x1b");
	assert_string_equal(got, "u=\"\\x1b\"");
	text_format(got, 8, "u=\"%s\"", "\x1b\x1b");
	assert_string_equal(got, "u=\"\"");
}

static void no_octets_at_all_make_an_unprintable_line(void **state)
{
	char in[5] = {0}, got[64];
	uint32_t c;

	(void)state;
	for (unsigned a = 1; a < 256; a++)
		for (unsigned b = 1; b < 256; b++)
			for (unsigned last = 0x80; last < 0xc0; last += 0x0d) {
				in[0] = (char)a;
				in[1] = (char)b;
				in[2] = (char)last;
				text_format(got, sizeof(got), "%s", in);
				assert_true(text_is_utf8(got, strlen(got)));
				for (size_t i = 0, n = strlen(got); i < n;) {
					i += text_decode(got + i, n - i, &c);
					assert_true(text_is_printable(c));
				}
			}
}

static void a_nul_does_not_end_a_peers_name(void **state)
{
	char name[32];

	(void)state;
	assert_string_equal(
		text_of_octets("admin\0x", 7, name, sizeof(name)), "admin\xe2\x90\x80x");
	assert_string_equal(text_of_octets("ab\0", 3, name, 5), "ab");
}

static void what_is_no_line_of_text_is_named(void **state)
{
	static const struct {
		const char *octets;
		size_t n;
		const char *fault; /* a part of it; NULL: good */
	} rows[] = {
		{"Geheim-42", 9, NULL},
		{"\xc3\xbcmlaut", 7, NULL},
		{" a ", 3, NULL},
		{"", 0, NULL},
		{"G\0e\0h\0", 6, "UTF-16"},
		{"G\0e\0h", 5, "UTF-16"}, /* its last zero went with the newline */
		{"\0G\0e\0h", 6, "UTF-16"},
		{"\xff\xfeG\0", 4, "UTF-16"},
		{"\xfe\xff\0G", 4, "UTF-16"},
		{"Ge\0heim", 7, "zero"},
		{"\xef\xbb\xbfGeheim", 9, "byte order mark"},
		{"\xfcmlaut", 6, "UTF-8"},
		{"a\tb", 3, "control"},
		{"a\rb", 3, "control"},
		{"a\x7f", 2, "control"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const char *fault = text_fault(rows[i].octets, rows[i].n);

		assert_int_equal(!fault, !rows[i].fault);
		if (fault)
			assert_non_null(strstr(fault, rows[i].fault));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_no_text_of_a_stranger_is_as_printf_has_it),
		cmocka_unit_test(every_plain_number_is_as_printf_has_it),
		cmocka_unit_test(a_run_is_cut_at_any_octet),
		cmocka_unit_test(controls_and_invisible_characters_are_escaped),
		cmocka_unit_test(a_quote_in_a_field_does_not_end_it),
		cmocka_unit_test(what_was_composed_is_not_escaped_twice),
		cmocka_unit_test(a_cell_keeps_its_columns),
		cmocka_unit_test(what_does_not_fit_is_cut_between_escapes),
		cmocka_unit_test(no_octets_at_all_make_an_unprintable_line),
		cmocka_unit_test(a_nul_does_not_end_a_peers_name),
		cmocka_unit_test(what_is_no_line_of_text_is_named),
	};

	return cmocka_run_group_tests_name("base/text", tests, NULL, NULL);
}
