/*
 * Theory: SQLite in WAL mode with synchronous=NORMAL: a commit appends to the log and does not wait
 * for the disk, a checkpoint does; readers never wait for writers. After a power cut the last
 * commits may be missing, but the file is whole. Checkpoints are run by hand (db_checkpoint), when
 * nobody waits.
 *
 * What SQLite says is turned into an errno and an event once, in db_fail_sqlite().
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/lockfile.h"
#include "base/text.h"
#include "store/internal.h"
#include "store/schema.h"

int db_fail(struct db *db, int r, enum event ev, const char *fmt, ...)
{
	va_list ap;

	db->error.event = ev;
	va_start(ap, fmt);
	text_vformat(db->error.text, sizeof(db->error.text), fmt, ap);
	va_end(ap);
	return r;
}

const struct db_error *db_error(const struct db *db)
{
	return &db->error;
}

int db_fail_sqlite(struct db *db, int code)
{
	const char *why = db->h ? sqlite3_errmsg(db->h) : sqlite3_errstr(code);

	if (code == SQLITE_CONSTRAINT_FOREIGNKEY)
		return db_fail(db, -ENOENT, EV_STORE_NO_USER, "the user was removed");
	switch (code & 0xff) {
	case SQLITE_FULL: return db_fail(db, -ENOSPC, EV_STORE_FULL, "%.200s: %s", db->path, why);
	case SQLITE_BUSY:
	case SQLITE_LOCKED: return db_fail(db, -EBUSY, EV_STORE_BUSY, "%.200s: %s", db->path, why);
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return db_fail(db, -EUCLEAN, EV_STORE_CORRUPT, "%.200s: %s", db->path, why);
	case SQLITE_CANTOPEN:
	case SQLITE_PERM:
	case SQLITE_AUTH:
	case SQLITE_READONLY:
		return db_fail(db, -EACCES, EV_STORE_UNREADABLE, "%.200s: %s", db->path, why);
	case SQLITE_NOMEM:
		return db_fail(db, -ENOMEM, EV_OUT_OF_MEMORY, "%.200s: %s", db->path, why);
	case SQLITE_CONSTRAINT:
		return db_fail(db, -EEXIST, EV_STORE_FAILED, "%.200s: %s", db->path, why);
	default: return db_fail(db, -EIO, EV_STORE_FAILED, "%.200s: %s (%d)", db->path, why, code);
	}
}

int db_execute(struct db *db, const char *sql)
{
	int code = sqlite3_exec(db->h, sql, NULL, NULL, NULL);

	return code == SQLITE_OK ? 0 : db_fail_sqlite(db, code);
}

/* --- opening --- */

/*
 * The folder and the file, before SQLite makes it with the rights of the umask. A command that root
 * runs must leave files that the server's user can write.
 */
static int make_file(struct db *db, const struct db_opts *opts)
{
	struct stat folder;
	bool made;
	int fd;

	if (!opts->must_exist && mkdir(opts->state, 0700) < 0 && errno != EEXIST)
		return db_fail(db, -EACCES, EV_STORE_UNREADABLE, "%.200s: %s", opts->state,
			strerror(errno));
	fd = open(db->path, O_RDWR | O_CLOEXEC | O_NOCTTY);
	made = fd < 0 && errno == ENOENT && !opts->must_exist;
	if (made)
		fd = open(db->path, O_RDWR | O_CLOEXEC | O_NOCTTY | O_CREAT | O_NOFOLLOW, 0600);
	if (fd < 0)
		return db_fail(db, errno == ENOENT ? -ENOENT : -EACCES, EV_STORE_UNREADABLE,
			"%.200s: %s", db->path, strerror(errno));
	/* What was there keeps its owner: in another user's folder it may be a link to anything. */
	if (made && !geteuid() && !stat(opts->state, &folder) &&
		fchown(fd, folder.st_uid, folder.st_gid) < 0)
		errno = 0; /* a file system without owners */
	close(fd);
	return 0;
}

static int open_handle(struct db *db)
{
	int code = sqlite3_open_v2(
		    db->path, &db->h, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL),
	    r;

	if (code != SQLITE_OK)
		return db_fail_sqlite(db, code);
	sqlite3_extended_result_codes(db->h, 1);
	db_set_busy_ms(db, STORE_BUSY_MS);
	r = db_execute(db, "PRAGMA journal_mode = WAL");
	if (!r)
		r = db_execute(db, "PRAGMA synchronous = NORMAL");
	if (!r)
		r = db_execute(db, "PRAGMA foreign_keys = ON");
	if (!r)
		r = db_execute(db, "PRAGMA wal_autocheckpoint = 0");
	return r;
}

static int on_log_grown(void *arg, sqlite3 *h, const char *name, int pages)
{
	struct db *db = arg;

	db->log_pages = pages;
	return SQLITE_OK;
}

int db_pragma_check(struct db *db, const char *pragma)
{
	sqlite3_stmt *s = NULL;
	int code = sqlite3_prepare_v2(db->h, pragma, -1, &s, NULL), r = 0;

	if (code == SQLITE_OK)
		code = sqlite3_step(s);
	if (code != SQLITE_ROW)
		r = db_fail_sqlite(db, code);
	else if (strcmp((const char *)sqlite3_column_text(s, 0), "ok"))
		r = db_fail(db, -EUCLEAN, EV_STORE_CORRUPT, "%.200s: %.200s", db->path,
			(const char *)sqlite3_column_text(s, 0));
	sqlite3_finalize(s);
	return r;
}

/* --- the key --- */

/*
 * Secrets under another key would fail one login at a time; better to say it at the start. Commands
 * do not look, so that passwords can be set anew.
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
			"%.200s: %lld secrets are sealed with another key than %s", db->path,
			(long long)others, db->key.id);
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
	char lock[sizeof(db->path) + sizeof(STORE_LOCK)];
	pid_t holder;
	int r = schema_is_older(db, &db->older);

	if (r < 0 || (db->older && opts->look))
		return r;
	snprintf(lock, sizeof(lock), "%s/" STORE_LOCK, opts->state);
	if (db->older && !opts->owner && !lockfile_holder(lock, &holder))
		return db_fail(db, -EBUSY, EV_STORE_BUSY,
			"%.200s: the server that runs (process %ld) is of an older version: "
			"restart it first",
			db->path, (long)holder);
	db->older = false;
	return schema_update(db, schema_steps, schema_version);
}

bool db_is_older(const struct db *db)
{
	return db->older;
}

int db_open(const struct db_opts *opts, struct db **ret, struct db_error *ret_err)
{
	AUTO(db) struct db *db = calloc(1, sizeof(*db));
	int r;

	*ret_err = (struct db_error){EV_OUT_OF_MEMORY, "no memory"};
	if (!db)
		return -ENOMEM;
	db->node = opts->node;
	snprintf(db->path, sizeof(db->path), "%s/culvert.db", opts->state);
	r = make_file(db, opts);
	if (!r)
		r = open_handle(db);
	if (!r && opts->check)
		r = db_pragma_check(db, "PRAGMA quick_check(1)");
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
	sqlite3_wal_hook(db->h, on_log_grown, db);
	*ret = TAKE(db);
	return 0;
}

void db_close(struct db *db)
{
	if (!db)
		return;
	for (size_t i = 0; i < SQL_STATEMENTS; i++)
		sqlite3_finalize(db->stmt[i]);
	sqlite3_close(db->h); /* the last one to close moves the log into the file */
	pool_maps_done(db);
	explicit_bzero(db, sizeof(*db));
	free(db);
}

/* --- transactions --- */

int db_begin(struct db *db)
{
	return db_execute(db, "BEGIN IMMEDIATE");
}

int db_commit(struct db *db)
{
	int r = db_execute(db, "COMMIT");

	if (r < 0)
		db_rollback(db);
	return r;
}

bool db_in_transaction(const struct db *db)
{
	return !sqlite3_get_autocommit(db->h);
}

/* After some errors (a full disk among them) SQLite has rolled back by itself. */
void db_rollback(struct db *db)
{
	if (!sqlite3_get_autocommit(db->h))
		sqlite3_exec(db->h, "ROLLBACK", NULL, NULL, NULL);
	pool_maps_done(db);
}

int db_savepoint(struct db *db)
{
	return db_execute(db, "SAVEPOINT job");
}

void db_savepoint_release(struct db *db, bool keep)
{
	if (sqlite3_get_autocommit(db->h))
		return;
	if (!keep)
		sqlite3_exec(db->h, "ROLLBACK TO job", NULL, NULL, NULL);
	sqlite3_exec(db->h, "RELEASE job", NULL, NULL, NULL);
}

void db_set_busy_ms(struct db *db, int ms)
{
	sqlite3_busy_timeout(db->h, ms);
}

int db_log_pages(const struct db *db)
{
	return db->log_pages;
}

void db_checkpoint(struct db *db)
{
	int in_log = 0, moved = 0;

	/* PASSIVE waits for nobody. Pages that were moved count no longer; a later commit recounts. */
	if (sqlite3_wal_checkpoint_v2(db->h, NULL, SQLITE_CHECKPOINT_PASSIVE, &in_log, &moved) ==
		SQLITE_OK)
		db->log_pages = in_log - moved;
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
