// SPDX-License-Identifier: Apache-2.0
/*
 * store/engine.h — what a database engine does for the store: a table of functions below query.c.
 *
 * SQLite is the first (engine_sqlite.c). Nothing outside an engine's own file knows its error codes,
 * its pragmas, or how it names a constraint; a test puts a table of its own in between and lets any
 * call fail.
 *
 * Errors:    negative errno; engine->error then has the event and the words for people.
 *            -EEXIST: error.taken names the unique column, "users.ipv4". -ENOENT with
 *            EV_STORE_NO_USER: a row names a user that was removed.
 * Ownership: a cursor belongs to its engine, one for each statement; it is in use from start() to
 *            finish(). Pointers that a column gives live until the next step() or finish().
 * Threads:   one at a time.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/db.h"

struct cursor; /* the engine's own: a prepared statement, its parameters, its current row */

struct engine {
	const struct engine_ops *ops;
	struct db_error error;
};

struct engine_ops {
	int (*open)(const struct db_opts *opts, struct engine **ret, struct db_error *ret_err);
	int (*another)(
		struct engine *e, struct engine **ret); /* a handle on the same, for reading */
	void (*close)(struct engine *e);
	const char *(*name)(const struct engine *e); /* for people: a path, never a password */

	/* Statements without parameters or rows, several with ';' between: the schema. */
	int (*execute)(struct engine *e, const char *sql);
	int (*has_table)(struct engine *e, const char *table, bool *ret);

	/* A statement is known by its number; its text is taken when it is first used. */
	int (*start)(struct engine *e, unsigned number, const char *sql, struct cursor **ret);
	int (*bind_int)(struct engine *e, struct cursor *c, int param, int64_t v); /* from 1 */
	int (*bind_text)(struct engine *e, struct cursor *c, int param, const char *text, size_t n);
	int (*bind_octets)(struct engine *e, struct cursor *c, int param, const void *p, size_t n);
	int (*bind_null)(struct engine *e, struct cursor *c, int param);
	int (*step)(struct engine *e, struct cursor *c); /* 1: a row; 0: no more */
	bool (*is_null)(struct cursor *c, int column);   /* from 0 */
	int64_t (*column_int)(struct cursor *c, int column);
	const char *(*column_text)(struct cursor *c, int column);
	const void *(*column_octets)(struct cursor *c, int column, size_t *ret_n);
	int (*finish)(struct engine *e, struct cursor *c); /* rows that a write changed */

	int (*begin)(struct engine *e); /* takes the right to write; -EBUSY after the busy time */
	int (*commit)(struct engine *e);
	void (*rollback)(struct engine *e); /* fine without a transaction */
	bool (*in_transaction)(const struct engine *e);
	int (*savepoint)(struct engine *e);
	void (*release)(struct engine *e, bool keep);

	/*
	 * Epochs (epochs.c): this process holds the lock of one until close(), or until it ends in
	 * whatever way; -EBUSY: another process holds it. An epoch is dead when its lock is free; not
	 * asked about its own. What marks a dead one may be forgotten.
	 */
	int (*hold_epoch)(struct engine *e, int64_t epoch);
	int (*epoch_is_dead)(struct engine *e, int64_t epoch, bool *ret);
	void (*forget_epoch)(struct engine *e, int64_t epoch);

	/* Work that a write left for later (SQLite: the log is moved into the file), when it is due. */
	void (*tidy)(struct engine *e, bool idle);
	int (*check)(struct engine *e, bool thorough); /* -EUCLEAN: damaged */
	int (*backup)(struct engine *e, const char *path);
	/* A copy of the database before its schema changes; 0 when there is one already. */
	int (*keep_version)(struct engine *e, int64_t version);
};

extern const struct engine_ops engine_sqlite;
