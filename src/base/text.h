// SPDX-License-Identifier: Apache-2.0
/*
 * base/text.h — prints text from strangers to a terminal, a log or a file.
 *
 * A peer, a certificate, a proxy, a file or a DNS answer may hold any octets: ESC and newline forge
 * lines, C1 controls and bidirectional marks rewrite what a terminal shows, a quote ends a field. So
 * no text reaches an output but through these functions. They print like printf(), and what stands
 * for %s is escaped by where it stands:
 *
 *     "%s"      between quotes: also " and \ get a backslash, so the field ends where it ends
 *     key=%s    as it is when it is one plain word, else between quotes, escaped as there
 *     %-20s     a cell of a table, padded in columns: a backslash that would read as an escape is
 *               doubled; blanks at the edges or in a row become \x20
 *     %-20.20s  such a cell, cut to that many columns, the cut shown as "..."
 *     %s        a line that was put together by text_format() before: only what is not printable
 *
 * Escapes: \xNN is an octet (C0, DEL, or one that is no UTF-8), \uNNNN and \U00NNNNNN a code point
 * that is not printable: C1, line and paragraph separators, format characters (the bidirectional
 * controls, zero-width and other invisible ones), blanks that are not U+0020, private use.
 *
 * Conversions: d i u x X c s p f e g %, with flags, width, precision and lengths; no n, no $.
 * A precision alone (%.64s) bounds the octets read, as in printf().
 * Units: cap and lengths are octets; a text that does not fit is cut between escapes, an open quote
 * is closed. Threads: any.
 */
#pragma once
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Octets written, without the zero; never more than cap - 1; none when cap is below 4. */
size_t text_format(char *ret, size_t cap, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
size_t text_vformat(char *ret, size_t cap, const char *fmt, va_list ap)
	__attribute__((format(printf, 3, 0)));

/* The same to a stream; what is longer than TEXT_PRINT_MAX octets is cut. */
#define TEXT_PRINT_MAX 8192
void text_fprintf(FILE *out, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* How many columns `text` takes in a cell, escapes counted. */
size_t text_columns(const char *text);

/*
 * Next code point of n > 0 octets. Returns the octets it takes; 0 when they are no UTF-8 (RFC 3629:
 * no overlong forms, no surrogates, nothing above U+10FFFF).
 */
size_t text_decode(const char *octets, size_t n, uint32_t *ret_code_point);
/* May `code_point` be shown as it is? */
bool text_is_printable(uint32_t code_point);
bool text_is_utf8(const char *octets, size_t n);
/* Octets of a peer as a string: a NUL among them becomes U+2400. Cut at cap. Returns ret. */
char *text_of_octets(const void *octets, size_t n, char *ret, size_t cap);
/*
 * n octets as UTF-8 without NUL: an octet that is neither becomes \xNN. ret has 4 * n + 1 octets;
 * returns the length.
 */
size_t text_to_utf8(const char *octets, size_t n, char *ret);
/*
 * Why a line of a file that a person wrote is no line of UTF-8 text, NULL when it is one: UTF-16, a
 * byte order mark, an octet of value zero, another encoding, control characters. A secret that is
 * taken in spite of one of these is another secret.
 */
const char *text_fault(const char *line, size_t n);
/* The same, but for control characters. */
const char *text_encoding_fault(const char *line, size_t n);
/* The same, but for another encoding: UTF-16, a byte order mark, an octet of value zero. */
const char *text_mark_fault(const char *line, size_t n);
