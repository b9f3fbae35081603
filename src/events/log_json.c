/* A line of JSON for an event: RFC 8259, keys as in docs/control.md. */
#include <inttypes.h>
#include <stdio.h>

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

/* Octets below 0x20 and from 0x7f up are escaped one by one: what a peer sent need not be UTF-8. */
static void put_string(struct line *l, const char *key, const char *text)
{
	put(l, key);
	put(l, "\"");
	for (; *text && l->end - l->p > 6 + TAIL; text++) {
		unsigned char c = (unsigned char)*text;
		char escaped[8];

		if (c == '"' || c == '\\')
			snprintf(escaped, sizeof(escaped), "\\%c", c);
		else if (c < 0x20 || c >= 0x7f)
			snprintf(escaped, sizeof(escaped), "\\u%04x", c);
		else
			snprintf(escaped, sizeof(escaped), "%c", c);
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
