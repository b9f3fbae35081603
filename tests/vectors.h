/*
 * tests/vectors.h — the vectors of tests/unit/vectors.json, by id and key.
 *
 * The file says of each vector where it comes from and how it was verified.
 */
#pragma once
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "hexlit.h"

static inline json_t *vectors_all(void)
{
	static json_t *file;
	const char *root = getenv("CULVERT_SOURCE_ROOT");
	char path[4096];

	if (!file) {
		snprintf(path, sizeof(path), "%s/tests/unit/vectors.json", root ? root : ".");
		file = json_load_file(path, 0, NULL);
		assert_non_null(file);
	}
	return json_object_get(file, "vectors");
}

static inline json_t *vector(const char *id)
{
	size_t i;
	json_t *v;

	json_array_foreach(vectors_all(), i, v)
	{
		if (!strcmp(json_string_value(json_object_get(v, "id")), id))
			return v;
	}
	fail_msg("no vector %s", id);
	return NULL;
}

/* The octets under "inputs" or "outputs"; an empty hexlit when the vector has no such key. */
static inline struct hexlit vector_octets_of(json_t *v, const char *key)
{
	json_t *text = json_object_get(json_object_get(v, "inputs"), key);

	if (!text)
		text = json_object_get(json_object_get(v, "outputs"), key);
	return text ? hexlit(json_string_value(text)) : (struct hexlit){.n = 0};
}

static inline struct hexlit vector_octets(const char *id, const char *key)
{
	struct hexlit h = vector_octets_of(vector(id), key);

	assert_true(h.n > 0);
	return h;
}
