// SPDX-License-Identifier: Apache-2.0
/* A line of JSON for an event: RFC 8259, keys as in docs/control.md. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "events/event.h"

#define TAIL 4 /* room that is kept for the end of a string and of the object */

struct line {
	char *p, *end; /* end: where texts are cut */
};

static void put(struct line *l, const char *text)
{
	while (*text && l->p < l->end)
		*l->p++ = *text++;
}

/* UTF-16 as RFC 8259 section 7 wants it. */
static void escape(uint32_t c, char ret[static 16])
{
	if (c == '"' || c == '\\')
		snprintf(ret, 16, "\\%c", (char)c);
	else if (c >= 0x20 && c < 0x7f)
		snprintf(ret, 16, "%c", (char)c);
	else if (c <= 0xffff)
		snprintf(ret, 16, "\\u%04" PRIx32, c);
	else
		snprintf(ret, 16, "\\u%04" PRIx32 "\\u%04" PRIx32, 0xd800 + ((c - 0x10000) >> 10),
			0xdc00 + (c & 0x3ff));
}

/* Plain ASCII comes out. An octet that is no UTF-8 becomes \xNN in the string. */
static void put_string(struct line *l, const char *key, const char *text)
{
	size_t n = strlen(text);

	put(l, key);
	put(l, "\"");
	for (size_t i = 0, len; i < n && l->end - l->p > 12 + TAIL; i += len) {
		char escaped[16];
		uint32_t c;

		len = text_decode(text + i, n - i, &c);
		if (len)
			escape(c, escaped);
		else
			snprintf(escaped, sizeof(escaped), "\\\\x%02x", (unsigned char)text[i]);
		len += !len;
		put(l, escaped);
	}
	put(l, "\"");
}

static void put_number(struct line *l, const char *key, int64_t number)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRId64, number);
	put(l, key);
	put(l, text);
}

size_t log_json(const struct event_info *info, const struct log_scope *scope, const char *text,
	int64_t wall_ms, char *ret, size_t cap)
{
	static const char *const levels[] = {"error", "warn", "info", "debug"};
	struct line l = {ret, ret + cap - TAIL};

	put_number(&l, "{\"time_ms\":", wall_ms);
	put_string(&l, ",\"level\":", levels[info->level]);
	put_number(&l, ",\"event\":", info->number);
	put_string(&l, ",\"name\":", info->name);
	put_string(&l, ",\"layer\":", layer_name(info->layer));
	if (scope && scope->session)
		put_number(&l, ",\"session\":", (int64_t)scope->session);
	if (scope && *scope->peer)
		put_string(&l, ",\"peer\":", scope->peer);
	if (scope && *scope->correlation)
		put_string(&l, ",\"correlation\":", scope->correlation);
	put_string(&l, ",\"what\":", info->what);
	put_string(&l, ",\"text\":", text);
	l.end += TAIL;
	put(&l, "}\n");
	return (size_t)(l.p - ret);
}
