// SPDX-License-Identifier: Apache-2.0
/*
 * Theory: a handle is an engine (engine.h), the key of the secrets, and what this process remembers of
 * the pools. It is opened here: the engine first, then the schema, then the key.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/lockfile.h"
#include "store/internal.h"
#include "store/schema.h"

/* --- the key --- */

/*
 * Secrets under another key would fail one login at a time, so the start checks them. Commands do not
 * check, so that passwords can be set again.
 */
static int count_other_secrets(struct db *db, const char *key_id, int64_t *ret)
{
	struct query q = query_start(db, SQL_SECRET_OTHER_KEY);
	int r;

	*ret = 0;
	query_bind_text(&q, key_id, strlen(key_id));
	if (query_row(&q))
		*ret = query_int(&q);
	r = query_end(&q);
	return r < 0 ? r : 0;
}

static int check_key(struct db *db)
{
	int64_t others;
	int r = count_other_secrets(db, db->key.id, &others);

	if (r < 0)
		return r;
	if (others)
		return db_fail(db, -EKEYREJECTED, EV_STORE_KEY_WRONG,
			"%.200s: %lld secrets are sealed with another key than %s",
			db->engine->ops->name(db->engine), (long long)others, db->key.id);
	return 0;
}

/*
 * A new key for a database that has secrets opens none of them, and would stand where the right one
 * belongs: a server does not make it. `culvert user passwd` does: that is the way out when the key is
 * lost.
 */
static int may_make_key(struct db *db, const struct db_opts *opts, bool *ret)
{
	int64_t secrets = 0;
	int r = opts->check ? count_other_secrets(db, "", &secrets) : 0;

	*ret = !opts->look && !secrets;
	return r;
}

static int load_key(struct db *db, const struct db_opts *opts)
{
	uint8_t nothing[MSCHAP_NT_HASH_LEN] = {0};
	bool make;
	int r = may_make_key(db, opts, &make);

	if (!r)
		r = secret_key_load(opts->state, opts->key_file, make, &db->key, &db->error);
	if (r == -ENOKEY)
		return db_fail(db, opts->look ? -EACCES : -EKEYREJECTED,
			opts->look ? EV_STORE_KEY_UNREADABLE : EV_STORE_KEY_WRONG,
			"%.200s/culvert.key is not there, and the secrets are sealed with it",
			opts->state);
	if (r < 0)
		return r;
	r = secret_seal(&db->key, 0, SECRET_NT, nothing, sizeof(nothing), &db->decoy);
	if (r < 0)
		return db_fail(db, r, EV_STORE_FAILED, "AES-256-GCM: %s", strerror(-r));
	return opts->check ? check_key(db) : 0;
}

static int read_attempt_seq(struct db *db)
{
	struct query q = query_start(db, SQL_ATTEMPT_LAST);
	int r;

	query_bind_int(&q, db->node);
	if (query_row(&q))
		db->attempt_seq = (uint64_t)query_int(&q);
	r = query_end(&q);
	return r < 0 ? r : 0;
}

/* The tables of a database that a running server of an older Culvert uses are not changed under it. */
static int update_tables(struct db *db, const struct db_opts *opts)
{
	char lock[4096 + sizeof(STORE_LOCK)];
	pid_t holder;
	int r = schema_is_older(db, &db->older);

	if (r < 0 || (db->older && opts->look))
		return r;
	snprintf(lock, sizeof(lock), "%s/" STORE_LOCK, opts->state);
	if (db->older && !opts->owner && !lockfile_holder(lock, &holder))
		return db_fail(db, -EBUSY, EV_STORE_BUSY,
			"%.200s: the server that runs (process %ld) is of an older version: "
			"restart it first",
			db->engine->ops->name(db->engine), (long)holder);
	db->older = false;
	return schema_update(db, schema_steps, schema_version);
}

bool db_is_older(const struct db *db)
{
	return db->older;
}

int db_open(const struct db_opts *opts, struct db **ret, struct db_error *ret_err)
{
	const struct engine_ops *engine = opts->engine ? opts->engine : &engine_sqlite;
	AUTO(db) struct db *db = calloc(1, sizeof(*db));
	int r;

	*ret_err = (struct db_error){.event = EV_OUT_OF_MEMORY, .text = "no memory"};
	if (!db)
		return -ENOMEM;
	db->node = opts->node;
	r = engine->open(opts, &db->engine, ret_err);
	if (r < 0)
		return r;
	if (opts->check)
		r = db_result(db, engine->check(db->engine, false));
	if (!r)
		r = update_tables(db, opts);
	if (!r)
		r = load_key(db, opts);
	if (!r)
		r = read_attempt_seq(db);
	if (r < 0) {
		*ret_err = db->error;
		return r;
	}
	*ret = TAKE(db);
	return 0;
}

int db_open_reader(struct db *db, struct db **ret, struct db_error *ret_err)
{
	AUTO(db) struct db *reader = calloc(1, sizeof(*reader));
	int r;

	*ret_err = (struct db_error){.event = EV_OUT_OF_MEMORY, .text = "no memory"};
	if (!reader)
		return -ENOMEM;
	reader->node = db->node;
	reader->key = db->key;
	reader->decoy = db->decoy;
	r = db->engine->ops->another(db->engine, &reader->engine);
	if (r < 0) {
		if (r != -ENOMEM)
			*ret_err = db->engine->error;
		return r;
	}
	*ret = TAKE(reader);
	return 0;
}

void db_close(struct db *db)
{
	if (!db)
		return;
	if (db->engine)
		db->engine->ops->close(db->engine);
	pool_maps_done(&db->pools);
	explicit_bzero(db, sizeof(*db));
	free(db);
}

/* --- facts --- */

int db_meta_get(struct db *db, const char *key, char *ret, size_t cap)
{
	struct query q = query_start(db, SQL_META_GET);
	int found = -ENOENT, r;

	query_bind_text(&q, key, strlen(key));
	if (query_row(&q)) {
		const char *value = query_text(&q);

		found = strlen(value) < cap ? 0 : -ENOSPC;
		if (!found)
			strcpy(ret, value);
	}
	r = query_end(&q);
	return r < 0 ? r : found;
}

int db_meta_set(struct db *db, const char *key, const char *value)
{
	struct query q = query_start(db, SQL_META_SET);
	int r;

	query_bind_text(&q, key, strlen(key));
	query_bind_text(&q, value, strlen(value));
	r = query_run(&q);
	return r < 0 ? r : 0;
}
