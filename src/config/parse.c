// SPDX-License-Identifier: Apache-2.0
#include "config/parse.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

#define NAME_CHARS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-"

void parse_init(struct parser *p, const char *text, size_t n)
{
	*p = (struct parser){.p = text, .end = text + n};
}

static int __attribute__((format(printf, 2, 3)))
fail(char why[static CONFIG_WHY_LEN], const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	text_vformat(why, CONFIG_WHY_LEN, fmt, ap);
	va_end(ap);
	return -EINVAL;
}

/* The next line without its end, as text in p->text. 1, 0 at the end, -EINVAL. */
static int take_line(struct parser *p)
{
	const char *newline, *fault;
	size_t n;

	if (p->p == p->end)
		return 0;
	p->line++;
	newline = memchr(p->p, '\n', (size_t)(p->end - p->p));
	n = (size_t)((newline ? newline : p->end) - p->p);
	if (n > CONFIG_LINE_MAX)
		return fail(p->why, "expected at most %d octets in a line, got %zu",
			CONFIG_LINE_MAX, n);
	fault = text_encoding_fault(p->p, n);
	if (fault)
		return fail(p->why, "expected text, but %s", fault);
	memcpy(p->text, p->p, n);
	while (n && (p->text[n - 1] == '\r' || p->text[n - 1] == ' ' || p->text[n - 1] == '\t'))
		n--;
	p->text[n] = '\0';
	p->p = newline ? newline + 1 : p->end;
	return 1;
}

static char *skip_blanks(char *s)
{
	return s + strspn(s, " \t");
}

/* The quoted word whose opening quote is at s, unquoted in place. *s moves past the closing one. */
static int take_quoted(char **s, char **ret_word, char *why)
{
	char *in = *s + 1, *out = *s;

	*ret_word = out;
	for (; *in != '"'; in++) {
		if (*in == '\\') {
			if (in[1] != '"' && in[1] != '\\')
				return fail(
					why, "expected \\\" or \\\\ after a backslash in quotes");
			in++;
		} else if (!*in) {
			return fail(why, "expected a closing \" before the end of the line");
		}
		*out++ = *in;
	}
	*out = '\0';
	*s = in + 1;
	return 0;
}

static int take_bare(char **s, char **ret_word, char *ret_stop, char *why)
{
	size_t n = strcspn(*s, " \t,\"#");
	char stop = (*s)[n];

	if (stop == '"' || stop == '#')
		return fail(why,
			"expected a blank before %c; put the whole value in quotes if %c belongs to it",
			stop, stop);
	*ret_word = *s;
	*s += n;
	*ret_stop = stop;
	if (stop)
		*(*s)++ = '\0';
	return 0;
}

/*
 * Words until the end of the text or a comment. A single comma may stand between two words: one
 * in another place is a mistake.
 */
static int take_words(char *s, struct words *ret, char *why)
{
	bool want_word = false;
	char stop = '\0';
	int r;

	*ret = (struct words){0};
	for (s = skip_blanks(s); *s && *s != '#'; s = skip_blanks(s)) {
		char *word = NULL;

		if (*s == ',')
			return fail(why, "expected a word before the comma");
		if (*s == '"') {
			r = take_quoted(&s, &word, why);
			stop = *s;
			if (!r && !strchr(" \t,", stop))
				return fail(why, "expected a blank after the closing \"");
			if (!r && stop)
				s++;
		} else {
			r = take_bare(&s, &word, &stop, why);
		}
		if (r < 0)
			return r;
		if (ret->n == CONFIG_ITEMS_MAX)
			return fail(why, "expected at most %d words", CONFIG_ITEMS_MAX);
		ret->word[ret->n++] = word;
		if (stop == ' ' || stop == '\t') {
			s = skip_blanks(s);
			if (*s == ',')
				stop = *s++;
		}
		want_word = stop == ',';
	}
	return want_word ? fail(why, "expected a word after the comma") : 0;
}

int parse_words(char *text, struct words *ret, char ret_why[static CONFIG_WHY_LEN])
{
	return take_words(text, ret, ret_why);
}

static int take_section(struct parser *p, char *s)
{
	size_t n = strspn(s, NAME_CHARS);

	if (!n || n >= sizeof(p->section) || s[n] != ']')
		return fail(p->why, "expected [section], got [%.*s", CONFIG_QUOTE_MAX, s);
	memcpy(p->section, s, n);
	p->section[n] = '\0';
	s = skip_blanks(s + n + 1);
	if (*s && *s != '#')
		return fail(p->why, "expected nothing after [%s], got %.*s", p->section,
			CONFIG_QUOTE_MAX, s);
	return 0;
}

static int take_key(struct parser *p, char *s, struct parse_line *ret)
{
	size_t n = strspn(s, NAME_CHARS);
	char *equals = skip_blanks(s + n);

	if (!n || *equals != '=')
		return fail(p->why, "expected option = value, got %.*s", CONFIG_QUOTE_MAX, s);
	if (!*p->section)
		return fail(p->why, "expected a [section] before the first option");
	s[n] = '\0';
	ret->key = s;
	return take_words(equals + 1, &ret->words, p->why);
}

int parse_next(struct parser *p, struct parse_line *ret)
{
	char *s;
	int r;

	while ((r = take_line(p)) > 0) {
		s = skip_blanks(p->text);
		if (*s && *s != '#')
			break;
	}
	if (r <= 0)
		return r;
	*ret = (struct parse_line){.number = p->line, .section = p->section};
	r = *s == '[' ? take_section(p, s + 1) : take_key(p, s, ret);
	return r < 0 ? r : 1;
}
