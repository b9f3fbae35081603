// SPDX-License-Identifier: Apache-2.0
/*
 * store/schema.h — the tables, and the steps from one version to the next.
 *
 * Version N is what steps 0..N-1 make. A released step never changes. The SQL is what SQLite 3.40
 * and PostgreSQL 15 share, so that many nodes may have one database later: BIGINT for ids and
 * seconds since 1970, INTEGER for yes (1) and no (0), BYTEA for octets (SQLite keeps a value of any
 * type in any column), and each row that belongs to one server has its node.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>

struct db;

extern const char *const schema_steps[];
extern const size_t schema_version; /* number of steps */

/*
 * Brings a database to version n: 0 when it is new. A copy of the old one is left beside it first,
 * as culvert.db.version-N. -EACCES with EV_STORE_NEWER when it has a higher version. On failure it is
 * as it was.
 */
int schema_update(struct db *db, const char *const *steps, size_t n);
/* Would schema_update() change it? */
int schema_is_older(struct db *db, bool *ret);
