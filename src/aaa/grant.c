// SPDX-License-Identifier: Apache-2.0
#include "aaa/grant.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/text.h"

int grant_new(const struct grant_values *values, struct grant **ret)
{
	struct grant *g = calloc(1, sizeof(*g));

	if (!g)
		return -ENOMEM;
	atomic_init(&g->refs, 1);
	g->is = *values;
	*ret = g;
	return 0;
}

struct grant *grant_ref(struct grant *g)
{
	atomic_fetch_add_explicit(&g->refs, 1, memory_order_relaxed);
	return g;
}

void grant_unref(struct grant *g)
{
	if (g && atomic_fetch_sub_explicit(&g->refs, 1, memory_order_acq_rel) == 1)
		free(g);
}

/* ---- the types --------------------------------------------------------- */

static bool has(const struct grant_addrs *list, const struct addr *a)
{
	for (size_t i = 0; i < list->n; i++)
		if (addr_equal(&list->item[i], a))
			return true;
	return false;
}

/* Beyond the bound the first ones stay. */
void grant_addrs_append(struct grant_addrs *to, const struct grant_addrs *over)
{
	for (size_t i = 0; i < over->n && to->n < GRANT_ADDRS_MAX; i++)
		if (!has(to, &over->item[i]))
			to->item[to->n++] = over->item[i];
	to->origin = over->origin;
}

static void append_addrs(void *to, const void *over)
{
	grant_addrs_append(to, over);
}

#define VALUE_TEXT_LEN (GRANT_ADDRS_MAX * ADDR_TEXT_LEN + GRANT_WORD_MAX)

static void format_addr(const void *value, char *ret)
{
	addr_format(&((const struct grant_addr *)value)->value, ret);
}

static void format_addrs(const void *value, char *ret)
{
	const struct grant_addrs *list = value;
	char a[ADDR_TEXT_LEN];
	size_t n = 0;

	*ret = '\0';
	for (size_t i = 0; i < list->n; i++)
		n += text_format(ret + n, VALUE_TEXT_LEN - n, "%s%s", i ? "," : "",
			addr_format(&list->item[i], a));
}

static void format_word(const void *value, char *ret)
{
	strcpy(ret, ((const struct grant_word *)value)->value);
}

static void format_flag(const void *value, char *ret)
{
	strcpy(ret, ((const struct grant_flag *)value)->value ? "yes" : "no");
}

static void format_date(const void *value, char *ret)
{
	text_format(ret, VALUE_TEXT_LEN, "%" PRId64, ((const struct grant_date *)value)->value);
}

static void format_count(const void *value, char *ret)
{
	text_format(ret, VALUE_TEXT_LEN, "%u", ((const struct grant_count *)value)->value);
}

static const struct type {
	size_t size;
	void (*format)(const void *value, char *ret);
	void (*append)(void *to, const void *over); /* lists */
} type_ADDR = {sizeof(struct grant_addr), format_addr, NULL},
  type_ADDRS = {sizeof(struct grant_addrs), format_addrs, append_addrs},
  type_WORD = {sizeof(struct grant_word), format_word, NULL},
  type_FLAG = {sizeof(struct grant_flag), format_flag, NULL},
  type_DATE = {sizeof(struct grant_date), format_date, NULL},
  type_COUNT = {sizeof(struct grant_count), format_count, NULL};

/* ---- the rows ---------------------------------------------------------- */

static const struct row {
	const char *name;
	const struct type *type;
	size_t offset;
	enum grant_merge merge;
} rows[] = {
#define GRANT(name, type, merge, effect, radius, word, help)                                       \
	{#name, &type_##type, offsetof(struct grant_values, name), GRANT_##merge},
#include "aaa/grant.def"
#undef GRANT
};

static const char *const origins[] = {
	[GRANT_DEFAULT] = "default",
	[GRANT_GROUP] = "group",
	[GRANT_USER] = "user",
	[GRANT_RADIUS] = "radius",
	[GRANT_COA] = "coa",
};

static enum grant_origin origin_of(const void *value)
{
	return *(const enum grant_origin *)value;
}

void grant_merge(struct grant_values *to, const struct grant_values *over)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		void *mine = (char *)to + rows[i].offset;
		const void *theirs = (const char *)over + rows[i].offset;

		if (!origin_of(theirs))
			continue;
		if (rows[i].merge == GRANT_APPEND && rows[i].type->append)
			rows[i].type->append(mine, theirs);
		else
			memcpy(mine, theirs, rows[i].type->size);
	}
}

char *grant_format(const struct grant_values *values, char ret[static GRANT_TEXT_LEN])
{
	char text[VALUE_TEXT_LEN];
	size_t n = 0;

	*ret = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(rows) && n < GRANT_TEXT_LEN; i++) {
		const void *value = (const char *)values + rows[i].offset;

		if (!origin_of(value))
			continue;
		rows[i].type->format(value, text);
		n += text_format(ret + n, GRANT_TEXT_LEN - n, "%s%s=%s (%s)", n ? " " : "",
			rows[i].name, text, origins[origin_of(value)]);
	}
	return ret;
}
