/* store/internal.h — what the files of store/ share about a handle. */
#pragma once
#include <sqlite3.h>

#include "store/db.h"
#include "store/query.h"
#include "store/secret.h"

/* Which addresses of a pool have a row in leases or are some user's own: a hint where to look. */
struct pool_map {
	struct prefix pool;
	uint64_t *bits;
	uint32_t size, next;
};

struct db {
	sqlite3 *h;
	sqlite3_stmt *stmt[SQL_STATEMENTS]; /* prepared when first used */
	int64_t node;
	int log_pages;
	bool older; /* see db_is_older() */
	struct secret_key key;
	struct secret_sealed decoy; /* opened for users that do not exist, to take the same time */
	struct pool_map pools[STORE_POOLS_MAX];
	size_t n_pools, evict_next;
	uint64_t attempt_seq; /* of the last one */
	char path[4096];
	struct db_error error;
};

/* Sets db->error and returns r. */
int db_fail(struct db *db, int r, enum event ev, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
int db_execute(struct db *db, const char *sql);
/* The same as db_fail() for a code of SQLite. */
int db_fail_sqlite(struct db *db, int code);
/* A PRAGMA that says "ok", or what is damaged. */
int db_pragma_check(struct db *db, const char *pragma);
void pool_maps_done(struct db *db);
