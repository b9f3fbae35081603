// SPDX-License-Identifier: Apache-2.0
#include "base/text.h"

#include <inttypes.h>
#include <string.h>

#include "base/auto.h"

#define ESCAPE_MAX 12 /* "\U0010ffff" and a zero */
#define SPEC_MAX 32

struct range {
	uint32_t first, last;
};

/*
 * What must not be shown as it is: controls (Cc), format characters (Cf), separators (Zl, Zp, and Zs
 * but for U+0020), private use (Co), noncharacters, and letters without a glyph. Unicode 15.
 */
// clang-format off
static const struct range unprintable[] = {
	{0x0000, 0x001f}, {0x007f, 0x00a0}, {0x00ad, 0x00ad}, {0x034f, 0x034f}, {0x0600, 0x0605},
	{0x061c, 0x061c}, {0x06dd, 0x06dd}, {0x070f, 0x070f}, {0x0890, 0x0891}, {0x08e2, 0x08e2},
	{0x115f, 0x1160}, {0x1680, 0x1680}, {0x17b4, 0x17b5}, {0x180b, 0x180f}, {0x2000, 0x200f},
	{0x2028, 0x202f}, {0x205f, 0x206f}, {0x2800, 0x2800}, {0x3000, 0x3000}, {0x3164, 0x3164},
	{0xd800, 0xf8ff}, {0xfdd0, 0xfdef}, {0xfe00, 0xfe0f}, {0xfeff, 0xfeff}, {0xffa0, 0xffa0},
	{0xfff0, 0xfffb}, {0xfffe, 0xffff}, {0x110bd, 0x110bd}, {0x110cd, 0x110cd},
	{0x13430, 0x1345f}, {0x1bca0, 0x1bca3}, {0x1d173, 0x1d17a}, {0xe0000, 0x10ffff},
};
/* Two columns wide, and none (combining marks). */
static const struct range wide[] = {
	{0x1100, 0x115e}, {0x2e80, 0xa4cf}, {0xac00, 0xd7a3}, {0xf900, 0xfaff}, {0xfe30, 0xfe6f},
	{0xff00, 0xff60}, {0xffe0, 0xffe6}, {0x1f300, 0x1faff}, {0x20000, 0x3fffd},
};
static const struct range combining[] = {
	{0x0300, 0x036f}, {0x0483, 0x0489}, {0x0591, 0x05bd}, {0x064b, 0x065f}, {0x1ab0, 0x1aff},
	{0x1dc0, 0x1dff}, {0x20d0, 0x20ff}, {0xfe20, 0xfe2f},
};
// clang-format on

static bool is_in(const struct range *table, size_t n, uint32_t c)
{
	for (size_t i = 0; i < n && table[i].first <= c; i++)
		if (c <= table[i].last)
			return true;
	return false;
}

bool text_is_printable(uint32_t c)
{
	if (c < 0x7f)
		return c >= 0x20;
	return !is_in(unprintable, ARRAY_SIZE(unprintable), c);
}

static size_t columns_of(uint32_t c)
{
	if (is_in(combining, ARRAY_SIZE(combining), c))
		return 0;
	return is_in(wide, ARRAY_SIZE(wide), c) ? 2 : 1;
}

/* RFC 3629 section 4. */
size_t text_decode(const char *octets, size_t n, uint32_t *ret)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	const unsigned char *p = (const unsigned char *)octets;
	size_t len = *p < 0x80 ? 1 : *p >> 5 == 6 ? 2 : *p >> 4 == 14 ? 3 : *p >> 3 == 30 ? 4 : 0;
	uint32_t c = len == 1 ? *p : *p & (0x7fu >> len);

	if (!len || len > n)
		return 0;
	for (size_t i = 1; i < len; i++) {
		if (p[i] >> 6 != 2)
			return 0;
		c = c << 6 | (p[i] & 0x3f);
	}
	if (c < least[len] || (c >= 0xd800 && c < 0xe000) || c > 0x10ffff)
		return 0;
	*ret = c;
	return len;
}

bool text_is_utf8(const char *octets, size_t n)
{
	uint32_t c;

	for (size_t i = 0, len; i < n; i += len) {
		len = text_decode(octets + i, n - i, &c);
		if (!len)
			return false;
	}
	return true;
}

/* ---- one character ----------------------------------------------------------------------------- */

enum place { IN_LINE, IN_QUOTES, IN_CELL };

/* What a piece of the input becomes. */
struct unit {
	size_t taken, len, columns; /* octets of the input, octets and columns of the output */
	char text[ESCAPE_MAX];
};

static void set_escape(struct unit *u, const char *fmt, uint32_t value)
{
	u->len = u->columns = (size_t)snprintf(u->text, sizeof(u->text), fmt, value);
}

/* In a cell `\x`, `\u`, `\U` and `\\` would read as ours; in quotes each backslash would. */
static bool needs_backslash(const char *p, size_t n, enum place place)
{
	if (place == IN_QUOTES)
		return *p == '"' || *p == '\\';
	return place == IN_CELL && *p == '\\' && n > 1 && strchr("xuU\\", p[1]);
}

static struct unit next_unit(const char *p, size_t n, enum place place)
{
	struct unit u = {0};
	uint32_t c = 0;

	u.taken = text_decode(p, n, &c);
	if (!u.taken || c < 0x20 || c == 0x7f) {
		u.taken = 1;
		set_escape(&u, "\\x%02" PRIx32, (unsigned char)*p);
	} else if (!text_is_printable(c)) {
		set_escape(&u, c > 0xffff ? "\\U%08" PRIx32 : "\\u%04" PRIx32, c);
	} else if (needs_backslash(p, n, place)) {
		u.len = u.columns = 2;
		u.text[0] = '\\';
		u.text[1] = *p;
	} else {
		u.len = u.taken;
		u.columns = columns_of(c);
		memcpy(u.text, p, u.taken);
	}
	return u;
}

/* A blank at the edge of a cell, or behind another one, would pass for the space between columns. */
static struct unit next_in_cell(const char *text, size_t at, size_t n)
{
	struct unit u = next_unit(text + at, n - at, IN_CELL);

	if (text[at] == ' ' && (at == 0 || at + 1 == n || text[at - 1] == ' '))
		set_escape(&u, "\\x%02" PRIx32, ' ');
	return u;
}

size_t text_columns(const char *text)
{
	size_t columns = 0, n = strlen(text);

	for (size_t at = 0; at < n;) {
		struct unit u = next_in_cell(text, at, n);

		columns += u.columns;
		at += u.taken;
	}
	return columns;
}

/* ---- the output -------------------------------------------------------------------------------- */

struct sink {
	char *p, *end; /* end: two octets before the true one, for a closing quote and the zero */
	bool full, quoted;
};

static void put(struct sink *s, const char *octets, size_t n)
{
	if (s->full || n > (size_t)(s->end - s->p)) {
		s->full = true;
		return;
	}
	memcpy(s->p, octets, n);
	s->p += n;
}

static void put_blanks(struct sink *s, size_t n)
{
	while (n-- && !s->full)
		put(s, " ", 1);
}

/* Printable ASCII that no place escapes: nearly every text is that alone. */
static bool is_plain(unsigned char c)
{
	return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

static size_t plain_run(const char *text, size_t n)
{
	size_t i = 0;

	while (i < n && is_plain((unsigned char)text[i]))
		i++;
	return i;
}

/* Octets that may be cut anywhere. */
static void put_run(struct sink *s, const char *text, size_t n)
{
	size_t room = (size_t)(s->end - s->p);

	if (!s->full)
		put(s, text, n < room ? n : room);
	s->full |= n > room;
}

static void put_text(struct sink *s, const char *text, size_t n, enum place place)
{
	for (size_t at = 0; at < n && !s->full;) {
		size_t run = plain_run(text + at, n - at);
		struct unit u;

		put_run(s, text + at, run);
		at += run;
		if (at == n || s->full)
			return;
		u = next_unit(text + at, n - at, place);
		put(s, u.text, u.len);
		at += u.taken;
	}
}

struct spec {
	char flags[8];
	bool left;
	int width, precision;       /* -1: none */
	char length[3], conversion; /* "ll", 'd' */
};

static void put_cell(struct sink *s, const char *text, const struct spec *spec)
{
	static const char cut[] = "...";
	size_t n = strlen(text), all = text_columns(text), columns = 0;
	size_t most = spec->precision < 0 ? SIZE_MAX : (size_t)spec->precision;
	size_t room = all <= most ? most : most > 3 ? most - 3 : 0;
	size_t shown = all <= most ? all : most, pad = 0;

	if ((size_t)spec->width > shown)
		pad = (size_t)spec->width - shown;
	if (!spec->left)
		put_blanks(s, pad);
	for (size_t at = 0; at < n;) {
		struct unit u = next_in_cell(text, at, n);

		if (u.columns > room - columns)
			break;
		put(s, u.text, u.len);
		columns += u.columns;
		at += u.taken;
	}
	if (all > most) {
		put(s, cut, most - columns < 3 ? most - columns : 3);
		columns += most - columns < 3 ? most - columns : 3;
	}
	put_blanks(s, shown - columns);
	if (spec->left)
		put_blanks(s, pad);
}

/* May the value of key=value stand without quotes? */
static bool is_word(const char *text, size_t n)
{
	uint32_t c;

	for (size_t i = 0, len; i < n; i += len) {
		len = is_plain((unsigned char)text[i]) ? 1 : text_decode(text + i, n - i, &c);
		c = len == 1 ? (unsigned char)text[i] : c;
		if (!len || c == ' ' || c == '"' || c == '\\' || c == '=' || !text_is_printable(c))
			return false;
	}
	return n > 0;
}

static void put_string(struct sink *s, const char *text, const struct spec *spec, char before)
{
	size_t n;

	if (!text)
		text = "(null)";
	if (spec->width >= 0 && !s->quoted) {
		put_cell(s, text, spec);
		return;
	}
	n = spec->precision < 0 ? strlen(text) : strnlen(text, (size_t)spec->precision);
	if (s->quoted) {
		put_text(s, text, n, IN_QUOTES);
	} else if (before == '=' && !is_word(text, n)) {
		put(s, "\"", 1);
		s->quoted = true;
		put_text(s, text, n, IN_QUOTES);
		if (!s->full) {
			put(s, "\"", 1);
			s->quoted = s->full; /* cut right here: the end closes it */
		}
	} else {
		put_text(s, text, n, IN_LINE);
	}
}

/* ---- the format --------------------------------------------------------------------------------- */

/* The varargs of a va_list that was handed down must stay one object. */
struct args {
	va_list ap;
};

static int take_number(const char **p, struct args *args)
{
	int n = 0;

	if (**p == '*') {
		++*p;
		return va_arg(args->ap, int);
	}
	for (; **p >= '0' && **p <= '9'; ++*p)
		n = n * 10 + (**p - '0');
	return n;
}

/* *p stands behind the percent sign, and then behind the conversion. */
static struct spec take_spec(const char **p, struct args *args)
{
	struct spec s = {.width = -1, .precision = -1};
	size_t n = 0;

	for (; **p && strchr("-+ #0", **p); ++*p) {
		s.left |= **p == '-';
		if (**p != '-' && n < sizeof(s.flags) - 1)
			s.flags[n++] = **p;
	}
	if (**p == '*' || (**p >= '1' && **p <= '9'))
		s.width = take_number(p, args);
	if (s.width < -1) {
		s.left = true;
		s.width = -s.width;
	}
	if (**p == '.') {
		++*p;
		s.precision = take_number(p, args);
	}
	for (n = 0; **p && strchr("hlzjt", **p) && n < 2; ++*p)
		s.length[n++] = **p;
	s.conversion = **p;
	*p += !!**p;
	return s;
}

static uint64_t take_integer(const struct spec *s, struct args *args)
{
	bool is_signed = s->conversion == 'd' || s->conversion == 'i';

	switch (s->length[0]) {
	case 'l':
		if (s->length[1])
			return va_arg(args->ap, unsigned long long);
		return is_signed ? (uint64_t)va_arg(args->ap, long)
				 : va_arg(args->ap, unsigned long);
	case 'z': return va_arg(args->ap, size_t);
	case 'j': return va_arg(args->ap, uintmax_t);
	case 't': return (uint64_t)va_arg(args->ap, ptrdiff_t);
	default: /* also hh and h: promoted */
		return is_signed ? (uint64_t)(int64_t)va_arg(args->ap, int)
				 : va_arg(args->ap, unsigned);
	}
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
static void put_any_number(struct sink *s, const struct spec *spec, struct args *args)
{
	char again[SPEC_MAX], text[400];
	bool real = strchr("fFeEgG", spec->conversion), pointer = spec->conversion == 'p';
	int n = snprintf(again, sizeof(again), "%%%s%s", spec->flags, spec->left ? "-" : "");

	if (spec->width >= 0)
		n += snprintf(again + n, sizeof(again) - (size_t)n, "%d", spec->width);
	if (spec->precision >= 0)
		n += snprintf(again + n, sizeof(again) - (size_t)n, ".%d", spec->precision);
	snprintf(again + n, sizeof(again) - (size_t)n, "%s%c", real || pointer ? "" : "j",
		spec->conversion);
	if (real)
		n = snprintf(text, sizeof(text), again, va_arg(args->ap, double));
	else if (pointer)
		n = snprintf(text, sizeof(text), again, va_arg(args->ap, void *));
	else
		n = snprintf(text, sizeof(text), again, take_integer(spec, args));
	put(s, text, n < 0 ? 0 : (size_t)n < sizeof(text) ? (size_t)n : sizeof(text) - 1);
}
#pragma GCC diagnostic pop

/* %d, %u and their lengths without a width or the like. */
static void put_plain_number(struct sink *s, const struct spec *spec, struct args *args)
{
	uint64_t v = take_integer(spec, args);
	bool negative = spec->conversion != 'u' && (int64_t)v < 0;
	char text[24], *p = text + sizeof(text);

	v = negative ? -v : v;
	do
		*--p = (char)('0' + v % 10);
	while (v /= 10);
	if (negative)
		*--p = '-';
	put(s, p, (size_t)(text + sizeof(text) - p));
}

static void put_number(struct sink *s, const struct spec *spec, struct args *args)
{
	bool plain = strchr("diu", spec->conversion) && !*spec->flags && !spec->left &&
		     spec->width < 0 && spec->precision < 0;

	if (plain)
		put_plain_number(s, spec, args);
	else
		put_any_number(s, spec, args);
}

static void put_conversion(struct sink *s, const struct spec *spec, struct args *args, char before)
{
	char c;

	switch (spec->conversion) {
	case 's': put_string(s, va_arg(args->ap, const char *), spec, before); break;
	case 'c':
		c = (char)va_arg(args->ap, int);
		put_text(s, &c, 1, s->quoted ? IN_QUOTES : IN_LINE);
		break;
	case '%': put(s, "%", 1); break;
	case '\0': break;
	default: put_number(s, spec, args);
	}
}

size_t text_vformat(char *ret, size_t cap, const char *fmt, va_list ap)
{
	struct sink s = {ret, ret + cap - 2, false, false};
	struct args args;
	char before = '\0';
	size_t n;

	if (cap < 4) { /* the tail of something that is full */
		if (cap)
			*ret = '\0';
		return 0;
	}
	va_copy(args.ap, ap);
	while (*fmt && !s.full) {
		if (*fmt == '%') {
			struct spec spec;

			fmt++;
			spec = take_spec(&fmt, &args);
			put_conversion(&s, &spec, &args, before);
			before = spec.conversion;
			continue;
		}
		n = strcspn(fmt, "%\"");
		put_run(&s, fmt, n + (fmt[n] == '"'));
		if (fmt[n] == '"' && !s.full)
			s.quoted = !s.quoted;
		fmt += n + (fmt[n] == '"');
		before = fmt[-1];
	}
	va_end(args.ap);
	if (s.full && s.quoted)
		*s.p++ = '"';
	*s.p = '\0';
	return (size_t)(s.p - ret);
}

size_t text_format(char *ret, size_t cap, const char *fmt, ...)
{
	va_list ap;
	size_t n;

	va_start(ap, fmt);
	n = text_vformat(ret, cap, fmt, ap);
	va_end(ap);
	return n;
}

void text_fprintf(FILE *out, const char *fmt, ...)
{
	char text[TEXT_PRINT_MAX];
	va_list ap;

	va_start(ap, fmt);
	fwrite(text, 1, text_vformat(text, sizeof(text), fmt, ap), out);
	va_end(ap);
}

char *text_of_octets(const void *octets, size_t n, char *ret, size_t cap)
{
	static const char nul[] = "\xe2\x90\x80"; /* U+2400 SYMBOL FOR NULL */
	const char *p = octets;
	size_t len = 0;

	for (size_t i = 0; i < n; i++) {
		size_t takes = p[i] ? 1 : strlen(nul);

		if (len + takes >= cap)
			break;
		memcpy(ret + len, p[i] ? &p[i] : nul, takes);
		len += takes;
	}
	ret[len] = '\0';
	return ret;
}

size_t text_to_utf8(const char *octets, size_t n, char *ret)
{
	char *p = ret;

	for (size_t i = 0, len; i < n; i += len) {
		uint32_t c = 0;

		len = text_decode(octets + i, n - i, &c);
		if (len && c) {
			memcpy(p, octets + i, len);
			p += len;
			continue;
		}
		len = 1;
		p += snprintf(p, 5, "\\x%02x", (unsigned char)octets[i]);
	}
	*p = '\0';
	return (size_t)(p - ret);
}

/* Every second octet is zero: letters of ASCII in UTF-16, whichever half comes first. */
static bool looks_like_utf16(const char *p, size_t n)
{
	size_t zeros[2] = {0, 0};

	if (n >= 2 && (!memcmp(p, "\xff\xfe", 2) || !memcmp(p, "\xfe\xff", 2)))
		return true;
	for (size_t i = 0; i < n; i++)
		zeros[i % 2] += !p[i];
	return n >= 3 && (zeros[0] == (n + 1) / 2 || zeros[1] == n / 2);
}

const char *text_mark_fault(const char *line, size_t n)
{
	if (looks_like_utf16(line, n))
		return "it is UTF-16; save it as UTF-8";
	if (memchr(line, '\0', n))
		return "an octet of value zero is in it";
	if (n >= 3 && !memcmp(line, "\xef\xbb\xbf", 3))
		return "it begins with a byte order mark; save it as UTF-8 without one";
	return NULL;
}

const char *text_encoding_fault(const char *line, size_t n)
{
	const char *fault = text_mark_fault(line, n);

	if (!fault && !text_is_utf8(line, n))
		fault = "it is no UTF-8 (Latin-1?); save it as UTF-8";
	return fault;
}

const char *text_fault(const char *line, size_t n)
{
	const char *fault = text_encoding_fault(line, n);

	if (fault)
		return fault;
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
			return "a control character is in it";
	return NULL;
}
