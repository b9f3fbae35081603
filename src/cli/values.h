// SPDX-License-Identifier: Apache-2.0
/*
 * cli/values.h — KEY=VALUE of `culvert user set` and `culvert group set`, and what a user or group has.
 * The keys are the rows of aaa/grant.def, and `groups` of a user.
 */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "aaa/grant.h"
#include "cli/where.h"
#include "store/db.h"

#define VALUES_MAX 40 /* assignments on one command line */

struct values_change {
	size_t n;
	struct {
		const struct grant_key *key;
		bool set; /* else it is unset */
	} item[VALUES_MAX];
	struct grant_values values; /* those that are set */
	const char *groups;         /* as typed; NULL: they stay */
};

/* From the command line; an exit code. What is wrong has been said, nothing was changed. */
int values_read(char *const *words, size_t n, enum db_subject of, struct values_change *ret);
/* The keys, one a line with its help. */
void values_help(enum db_subject of, FILE *out);
/* Do pool and address belong to the server? An exit code. */
int values_check(const struct where *w, struct db *db, const struct values_change *c);
/* Inside a transaction. Negative errno; db_error() says why. */
int values_apply(struct db *db, enum db_subject of, int64_t id, const struct values_change *c);
/* After the commit: says what counts when. `user` NULL: a group's. An exit code. */
int values_tell(const struct where *w, const struct values_change *c, const char *user);

/* ---- what counts, and from where ---- */

struct values_source {
	char group[STORE_GROUP_NAME_MAX + 1]; /* "": the subject's own */
	struct grant_values values;
};

struct values_found {
	size_t n;
	struct values_source source[STORE_GROUPS_MAX + 1]; /* nearest first */
	struct grant_values defaults, all;
	size_t n_groups;
	char groups[STORE_GROUPS_MAX][STORE_GROUP_NAME_MAX + 1];
	char unreadable[GRANT_WHY_LEN]; /* a value that this version cannot read; "": none */
};

/* Large: not for the stack. Negative errno; db_error() says why. */
int values_of_user(struct db *db, const struct config *cfg, const struct db_user *user,
	struct values_found *ret);
int values_of_group(struct db *db, const struct db_group *group, struct values_found *ret);
void values_print(const struct values_found *f);
/* "user", "group staff", "default": where the value of that key comes from; "": it has none. Returns `ret`. */
char *values_from(const struct values_found *f, const char *word, char *ret, size_t cap);
/* {"rate_down": {"value": "10M", "from": "group staff", …}} */
json_t *values_json(const struct values_found *f);
