// SPDX-License-Identifier: Apache-2.0
/* store/handle.c — errors and transactions of a handle; what all that run statements stand on. */
#include <stdarg.h>

#include "base/text.h"
#include "store/internal.h"

int db_fail(struct db *db, int r, enum event ev, const char *fmt, ...)
{
	va_list ap;

	db->error = (struct db_error){.event = ev};
	va_start(ap, fmt);
	text_vformat(db->error.text, sizeof(db->error.text), fmt, ap);
	va_end(ap);
	return r;
}

int db_result(struct db *db, int r)
{
	if (r < 0)
		db->error = db->engine->error;
	return r;
}

const struct db_error *db_error(const struct db *db)
{
	return &db->error;
}

int db_execute(struct db *db, const char *sql)
{
	return db_result(db, db->engine->ops->execute(db->engine, sql));
}

/* ---- transactions ---- */

int db_begin(struct db *db)
{
	return db_result(db, db->engine->ops->begin(db->engine));
}

int db_commit(struct db *db)
{
	int r = db_result(db, db->engine->ops->commit(db->engine));

	if (r < 0)
		db_rollback(db);
	return r;
}

bool db_in_transaction(const struct db *db)
{
	return db->engine->ops->in_transaction(db->engine);
}

/* The maps of the pools may name leases that are gone with it. */
void db_rollback(struct db *db)
{
	db->engine->ops->rollback(db->engine);
	pool_maps_done(&db->pools);
}

int db_savepoint(struct db *db)
{
	return db_result(db, db->engine->ops->savepoint(db->engine));
}

void db_savepoint_release(struct db *db, bool keep)
{
	db->engine->ops->release(db->engine, keep);
}

void db_tidy(struct db *db, bool idle)
{
	db->engine->ops->tidy(db->engine, idle);
}

/* ---- copies and checks ---- */

int db_backup(struct db *db, const char *path)
{
	return db_result(db, db->engine->ops->backup(db->engine, path));
}

int db_check(struct db *db)
{
	return db_result(db, db->engine->ops->check(db->engine, true));
}
