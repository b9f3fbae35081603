// SPDX-License-Identifier: Apache-2.0
#include "aaa/grant.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "aaa/grant_types.h"
#include "base/text.h"
#include "config/suggest.h"

enum {
#define GRANT(name, ...) ROW_##name,
#include "aaa/grant.def"
#undef GRANT
};

/* ---- equal ones are one ------------------------------------------------------- */

#define PLACES 1024

static struct {
	pthread_mutex_t lock;
	struct grant *first[PLACES];
} table = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* FNV-1a, eight octets at a time. */
static uint64_t hash_of(const struct grant_values *values)
{
	const uint8_t *p = (const uint8_t *)values;
	uint64_t h = UINT64_C(0xcbf29ce484222325), word;

	for (size_t n = sizeof(*values); n >= sizeof(word); n -= sizeof(word)) {
		memcpy(&word, p, sizeof(word));
		h = (h ^ word) * UINT64_C(0x100000001b3);
		h ^= h >> 29;
		p += sizeof(word);
	}
	return h;
}

static struct grant *find(uint64_t hash, const struct grant_values *values)
{
	for (struct grant *g = table.first[hash % PLACES]; g; g = g->next)
		if (g->hash == hash && !memcmp(&g->is, values, sizeof(*values)))
			return g;
	return NULL;
}

static struct grant *add(uint64_t hash, const struct grant_values *values)
{
	struct grant *g = calloc(1, sizeof(*g)), **first = &table.first[hash % PLACES];

	if (!g)
		return NULL;
	atomic_init(&g->refs, 1);
	g->hash = hash;
	memcpy(&g->is, values, sizeof(*values)); /* what lies between the fields, too */
	g->next = *first;
	*first = g;
	return g;
}

int grant_new(const struct grant_values *values, struct grant **ret)
{
	uint64_t hash = hash_of(values);
	struct grant *g;

	pthread_mutex_lock(&table.lock);
	g = find(hash, values);
	if (g)
		grant_ref(g);
	else
		g = add(hash, values);
	pthread_mutex_unlock(&table.lock);
	if (!g)
		return -ENOMEM;
	*ret = g;
	return 0;
}

struct grant *grant_ref(struct grant *g)
{
	atomic_fetch_add_explicit(&g->refs, 1, memory_order_relaxed);
	return g;
}

/* Not the last reference: nothing is locked. */
static bool drop_one_of_many(struct grant *g)
{
	unsigned n = atomic_load_explicit(&g->refs, memory_order_relaxed);

	while (n > 1)
		if (atomic_compare_exchange_weak_explicit(
			    &g->refs, &n, n - 1, memory_order_release, memory_order_relaxed))
			return true;
	return false;
}

/* The count comes to zero under the lock only, so what is found in the table lives. */
void grant_unref(struct grant *g)
{
	struct grant **at;

	if (!g || drop_one_of_many(g))
		return;
	pthread_mutex_lock(&table.lock);
	if (atomic_fetch_sub_explicit(&g->refs, 1, memory_order_acq_rel) == 1) {
		for (at = &table.first[g->hash % PLACES]; *at != g; at = &(*at)->next)
			;
		*at = g->next;
		free(g);
	}
	pthread_mutex_unlock(&table.lock);
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
		if (rows[i].effect != GRANT_NEXT_SESSION)
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

static int wrong_value(const struct grant_type *type, const char *word, const char *what,
	const char *text, char why[static GRANT_WHY_LEN])
{
	char part[GRANT_WHY_LEN];

	text_format(part, sizeof(part), "expected %s, got \"%.60s\"", what, text);
	if (type->explain)
		type->explain(text, part, sizeof(part));
	text_format(why, GRANT_WHY_LEN, "%s: %s", word, part);
	return -EINVAL;
}

static void note_value(const struct grant_type *type, const char *word, const char *text,
	char why[static GRANT_WHY_LEN])
{
	char part[GRANT_WHY_LEN] = "";

	*why = '\0';
	if (type->explain)
		type->explain(text, part, sizeof(part));
	if (*part)
		text_format(why, GRANT_WHY_LEN, "%s: %s", word, part);
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
	if (rows[key->row].type->parse(text, value, &what) < 0)
		return wrong_value(rows[key->row].type, word, what, text, why);
	note_value(rows[key->row].type, word, text, why);
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
