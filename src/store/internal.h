// SPDX-License-Identifier: Apache-2.0
/* store/internal.h — what the files of store/ share about a handle. */
#pragma once
#include "store/db.h"
#include "store/engine.h"
#include "store/pool_map.h"
#include "store/query.h"
#include "store/secret.h"

struct db {
	struct engine *engine;
	int64_t node;
	int64_t epoch; /* this run of the server; 0: a command */
	struct secret_key key;
	struct secret_sealed decoy; /* opened for users that do not exist, to take the same time */
	struct pool_maps pools;
	bool older;           /* see db_is_older() */
	uint64_t attempt_seq; /* of the last one */
	struct db_error error;
};

/* ---- handle.c ---- */

/* Sets db->error and returns r. */
int db_fail(struct db *db, int r, enum event ev, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* Takes the engine's error over when r is one; returns r. */
int db_result(struct db *db, int r);
int db_execute(struct db *db, const char *sql);
