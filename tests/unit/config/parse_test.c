// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/auto.h"
#include "config/parse.h"

/* All lines in one text: "section.key=word|word;" or "!why" at the end. */
static void render(const char *text, size_t n, char *ret, size_t cap)
{
	struct parser parser;
	struct parse_line line;
	FILE *out = fmemopen(ret, cap, "w");
	int r;

	*ret = '\0';
	parse_init(&parser, text, n);
	while ((r = parse_next(&parser, &line)) > 0) {
		fprintf(out, "%u:%s", line.number, line.section);
		if (line.key)
			fprintf(out, ".%s=", line.key);
		for (size_t i = 0; i < line.words.n; i++)
			fprintf(out, "%s%s", i ? "|" : "", line.words.word[i]);
		fputc(';', out);
	}
	if (r < 0)
		fprintf(out, "!%u:%s", parser.line, parser.why);
	fclose(out);
}

static void lines_are_read_as_written(void **state)
{
	static const struct {
		const char *text, *lines;
	} cases[] = {
		{"", ""},
		{"\n\n  # only a comment\n", ""},
		{"[a]\nb=c", "1:a;2:a.b=c;"},
		{"\t[a]  # x\r\n  b  =  c  \r\n", "1:a;2:a.b=c;"},
		{"[a]\nb = c d,e , f\tg\n", "1:a;2:a.b=c|d|e|f|g;"},
		{"[a]\nb = \"c d\" \"e,#\"\n", "1:a;2:a.b=c d|e,#;"},
		{"[a]\nb = \"\\\"q\\\" \\\\\"\n", "1:a;2:a.b=\"q\" \\;"},
		{"[a]\nb = \"x\",\"y\" # c\n", "1:a;2:a.b=x|y;"},
		{"[a]\nb = [::]:443\n", "1:a;2:a.b=[::]:443;"},
		{"[a]\nb =\nc = \"\"\n", "1:a;2:a.b=;3:a.c=;"},
		{"[a]\nb = 1 # [x] = y\n[c-d_2]\n", "1:a;2:a.b=1;3:c-d_2;"},
		{"[a]\nb = c=d\n", "1:a;2:a.b=c=d;"},
	};
	char got[600];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		render(cases[i].text, strlen(cases[i].text), got, sizeof(got));
		assert_string_equal(got, cases[i].lines);
	}
}

static void what_is_wrong_is_said_with_its_line(void **state)
{
	static const struct {
		const char *text, *error;
	} cases[] = {
		{"b = c\n", "!1:expected a [section] before the first option"},
		{"\n[a\n", "!2:expected [section], got [a"},
		{"[]\n", "!1:expected [section], got []"},
		{"[a] b = c\n", "!1:expected nothing after [a], got b = c"},
		{"[a]\nhello\n", "1:a;!2:expected option = value, got hello"},
		{"[a]\n= c\n", "1:a;!2:expected option = value, got = c"},
		{"[a]\nb = \"c\n", "1:a;!2:expected a closing \" before the end of the line"},
		{"[a]\nb = \"c\\n\"\n", "1:a;!2:expected \\\" or \\\\ after a backslash in quotes"},
		{"[a]\nb = \"c\"d\n", "1:a;!2:expected a blank after the closing \""},
		{"[a]\nb = c#d\n",
			"1:a;!2:expected a blank before #; put the whole value in quotes if # belongs to it"},
		{"[a]\nb = c,,d\n", "1:a;!2:expected a word before the comma"},
		{"[a]\nb = ,d\n", "1:a;!2:expected a word before the comma"},
		{"[a]\nb = c,\n", "1:a;!2:expected a word after the comma"},
		{"[a]\nb = c , # x\n", "1:a;!2:expected a word after the comma"},
	};
	char got[600];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		render(cases[i].text, strlen(cases[i].text), got, sizeof(got));
		assert_string_equal(got, cases[i].error);
	}
}

static void zero_octets_and_long_lines_and_many_words_are_refused(void **state)
{
	char text[2 * CONFIG_LINE_MAX], got[600];
	size_t n = 0;

	(void)state;
	render("[a]\nb = c\0d\n", 12, got, sizeof(got));
	assert_string_equal(got, "1:a;!2:expected text, but an octet of value zero is in it");

	memset(text, ' ', sizeof(text));
	render(text, CONFIG_LINE_MAX, got, sizeof(got));
	assert_string_equal(got, "");
	render(text, CONFIG_LINE_MAX + 1, got, sizeof(got));
	assert_string_equal(got, "!1:expected at most 4096 octets in a line, got 4097");

	n = (size_t)sprintf(text, "[a]\nb =");
	for (int i = 0; i < CONFIG_ITEMS_MAX + 1; i++)
		n += (size_t)sprintf(text + n, " c");
	render(text, n - 2, got, sizeof(got));
	assert_null(strchr(got, '!'));
	render(text, n, got, sizeof(got));
	assert_string_equal(got, "1:a;!2:expected at most 32 words");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_are_read_as_written),
		cmocka_unit_test(what_is_wrong_is_said_with_its_line),
		cmocka_unit_test(zero_octets_and_long_lines_and_many_words_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
