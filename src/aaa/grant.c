// SPDX-License-Identifier: Apache-2.0
#include "aaa/grant.h"

#include <errno.h>
#include <string.h>

#include "aaa/grant_types.h"
#include "base/text.h"
#include "config/suggest.h"

enum {
#define GRANT(name, ...) ROW_##name,
#include "aaa/grant.def"
#undef GRANT
};

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

/* ---- the rows ---------------------------------------------------------- */

static const struct row {
	const char *name;
	const struct grant_type *type;
	size_t offset;
	enum grant_merge merge;
	enum grant_effect effect;
} rows[] = {
#define GRANT(name, type, merge, effect, radius, word, help)                                       \
	{#name, &grant_type_##type, offsetof(struct grant_values, name), GRANT_##merge,            \
		GRANT_##effect},
#include "aaa/grant.def"
#undef GRANT
};

static const struct grant_key keys[ARRAY_SIZE(rows)] = {
#define GRANT(name, type, merge, effect, radius, word, help)                                       \
	{word, help, GRANT_##effect, GRANT_##merge, ROW_##name},
#include "aaa/grant.def"
#undef GRANT
};

static const char *const origins[] = {
	[GRANT_UNSET] = "",
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

static void *field(struct grant_values *v, size_t row)
{
	return (char *)v + rows[row].offset;
}

static const void *field_of(const struct grant_values *v, size_t row)
{
	return (const char *)v + rows[row].offset;
}

void grant_merge(struct grant_values *to, const struct grant_values *over)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		void *mine = field(to, i);
		const void *theirs = field_of(over, i);

		if (!origin_of(theirs))
			continue;
		if (rows[i].merge == GRANT_APPEND && rows[i].type->append && origin_of(mine))
			rows[i].type->append(mine, theirs);
		else
			memcpy(mine, theirs, rows[i].type->size);
	}
}

void grant_take_now(struct grant_values *to, const struct grant_values *from)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i].effect == GRANT_NOW)
			memcpy(field(to, i), field_of(from, i), rows[i].type->size);
}

bool grant_is_empty(const struct grant_values *values)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (origin_of(field_of(values, i)))
			return false;
	return true;
}

bool grant_has_origin(const struct grant_values *values, enum grant_origin origin)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (origin_of(field_of(values, i)) == origin)
			return true;
	return false;
}

/* ---- keys ---------------------------------------------------------------- */

/* Rows without a word are left out. */
const struct grant_key *grant_key(size_t n)
{
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (*keys[i].word && !n--)
			return &keys[i];
	return NULL;
}

const struct grant_key *grant_key_find(const char *word)
{
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (*word && !strcmp(keys[i].word, word))
			return &keys[i];
	return NULL;
}

static int unknown_key(const char *word, char why[static GRANT_WHY_LEN])
{
	const char *known[ARRAY_SIZE(keys) + 1] = {0}, *near;
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (*keys[i].word)
			known[n++] = keys[i].word;
	near = suggest(word, known);
	text_format(why, GRANT_WHY_LEN, "there is no key \"%.60s\"%s%s%s", word,
		near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
	return -ENOENT;
}

int grant_parse(struct grant_values *values, const char *word, const char *text,
	enum grant_origin origin, char why[static GRANT_WHY_LEN])
{
	const struct grant_key *key = grant_key_find(word);
	const char *what = "";
	struct grant_values aside = {0};
	void *value;

	if (!key)
		return unknown_key(word, why);
	value = field(&aside, key->row);
	if (rows[key->row].type->parse(text, value, &what) < 0) {
		text_format(why, GRANT_WHY_LEN, "%s: expected %s, got \"%.60s\"", word, what, text);
		return -EINVAL;
	}
	*(enum grant_origin *)value = origin;
	memcpy(field(values, key->row), value, rows[key->row].type->size);
	return 0;
}

enum grant_origin grant_origin_of(const struct grant_values *values, const struct grant_key *key)
{
	return origin_of(field_of(values, key->row));
}

char *grant_text(const struct grant_values *values, const struct grant_key *key,
	char ret[static GRANT_VALUE_LEN])
{
	const void *value = field_of(values, key->row);

	*ret = '\0';
	if (origin_of(value))
		rows[key->row].type->format(value, ret);
	return ret;
}

char *grant_stored_text(const struct grant_values *values, const struct grant_key *key,
	char ret[static GRANT_VALUE_LEN])
{
	const struct grant_type *type = rows[key->row].type;

	if (!type->store)
		return grant_text(values, key, ret);
	type->store(field_of(values, key->row), ret);
	return ret;
}

char *grant_format(const struct grant_values *values, char ret[static GRANT_TEXT_LEN])
{
	char text[GRANT_VALUE_LEN];
	size_t n = 0;

	*ret = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(rows) && n < GRANT_TEXT_LEN; i++) {
		const void *value = field_of(values, i);

		if (!origin_of(value))
			continue;
		rows[i].type->format(value, text);
		n += text_format(ret + n, GRANT_TEXT_LEN - n, "%s%s=%s (%s)", n ? " " : "",
			rows[i].name, text, origins[origin_of(value)]);
	}
	return ret;
}
