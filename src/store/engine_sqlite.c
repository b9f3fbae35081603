// SPDX-License-Identifier: Apache-2.0
/*
 * Theory: SQLite in WAL mode with synchronous=NORMAL: a commit appends to the log and does not wait
 * for the disk, a checkpoint does; readers never wait for writers. After a power cut the last
 * commits may be missing, but the file is whole. Checkpoints are run by hand (tidy), when no job
 * waits.
 *
 * What SQLite says becomes an errno and an event once, in fail().
 */
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/lockfile.h"
#include "base/auto.h"
#include "base/text.h"
#include "store/engine.h"
#include "store/query.h"

struct sqlite {
	struct engine engine; /* first */
	sqlite3 *h;
	sqlite3_stmt *stmt[SQL_STATEMENTS]; /* prepared when first used */
	int log_pages;                      /* in the write-ahead log, not yet in the file */
	char path[4096];
	int64_t epoch;
	int epoch_lock; /* of culvert.db.epoch-N; -1: none */
};

static struct sqlite *sqlite_of(struct engine *e)
{
	return container_of(e, struct sqlite, engine);
}

static const struct sqlite *sqlite_of_const(const struct engine *e)
{
	return (const struct sqlite *)e;
}

static sqlite3_stmt *stmt_of(struct cursor *c)
{
	return (sqlite3_stmt *)c;
}

/* ---- errors ---- */

__attribute__((format(printf, 4, 5))) static int fail_words(
	struct sqlite *s, int r, enum event ev, const char *fmt, ...)
{
	va_list ap;

	s->engine.error = (struct db_error){.event = ev};
	va_start(ap, fmt);
	text_vformat(s->engine.error.text, sizeof(s->engine.error.text), fmt, ap);
	va_end(ap);
	return r;
}

/* "UNIQUE constraint failed: users.ipv4" */
static int fail_taken(struct sqlite *s, const char *why)
{
	const char *column = strrchr(why, ' ');

	fail_words(s, -EEXIST, EV_STORE_FAILED, "%.200s: %s", s->path, why);
	snprintf(s->engine.error.taken, sizeof(s->engine.error.taken), "%s",
		column ? column + 1 : "");
	return -EEXIST;
}

static int fail(struct sqlite *s, int code)
{
	const char *why = s->h ? sqlite3_errmsg(s->h) : sqlite3_errstr(code);
	const char *path = s->path;

	if (code == SQLITE_CONSTRAINT_FOREIGNKEY)
		return fail_words(s, -ENOENT, EV_STORE_NO_USER, "the user was removed");
	switch (code & 0xff) {
	case SQLITE_FULL: return fail_words(s, -ENOSPC, EV_STORE_FULL, "%.200s: %s", path, why);
	case SQLITE_BUSY:
	case SQLITE_LOCKED: return fail_words(s, -EBUSY, EV_STORE_BUSY, "%.200s: %s", path, why);
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return fail_words(s, -EUCLEAN, EV_STORE_CORRUPT, "%.200s: %s", path, why);
	case SQLITE_CANTOPEN:
	case SQLITE_PERM:
	case SQLITE_AUTH:
	case SQLITE_READONLY:
		return fail_words(s, -EACCES, EV_STORE_UNREADABLE, "%.200s: %s", path, why);
	case SQLITE_NOMEM: return fail_words(s, -ENOMEM, EV_OUT_OF_MEMORY, "%.200s: %s", path, why);
	case SQLITE_CONSTRAINT: return fail_taken(s, why);
	default: return fail_words(s, -EIO, EV_STORE_FAILED, "%.200s: %s (%d)", path, why, code);
	}
}

static int result(struct engine *e, int code)
{
	return code == SQLITE_OK ? 0 : fail(sqlite_of(e), code);
}

/* ---- statements ---- */

static int execute(struct engine *e, const char *sql)
{
	return result(e, sqlite3_exec(sqlite_of(e)->h, sql, NULL, NULL, NULL));
}

static int has_table(struct engine *e, const char *table, bool *ret)
{
	struct sqlite *s = sqlite_of(e);
	sqlite3_stmt *q = NULL;
	int code = sqlite3_prepare_v2(s->h,
		"SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = $1", -1, &q, NULL);
	int r = 0;

	if (code == SQLITE_OK)
		code = sqlite3_bind_text(q, 1, table, -1, SQLITE_STATIC);
	if (code == SQLITE_OK)
		code = sqlite3_step(q);
	*ret = code == SQLITE_ROW;
	if (code != SQLITE_ROW && code != SQLITE_DONE)
		r = fail(s, code);
	sqlite3_finalize(q);
	return r;
}

static int start(struct engine *e, unsigned number, const char *sql, struct cursor **ret)
{
	struct sqlite *s = sqlite_of(e);
	int r = 0;

	if (!s->stmt[number])
		r = result(e, sqlite3_prepare_v3(s->h, sql, -1, SQLITE_PREPARE_PERSISTENT,
				      &s->stmt[number], NULL));
	if (!r)
		*ret = (struct cursor *)s->stmt[number];
	return r;
}

static int bind_int(struct engine *e, struct cursor *c, int param, int64_t v)
{
	return result(e, sqlite3_bind_int64(stmt_of(c), param, v));
}

static int bind_text(struct engine *e, struct cursor *c, int param, const char *text, size_t n)
{
	return result(
		e, sqlite3_bind_text64(stmt_of(c), param, text, n, SQLITE_TRANSIENT, SQLITE_UTF8));
}

static int bind_octets(struct engine *e, struct cursor *c, int param, const void *p, size_t n)
{
	return result(e, sqlite3_bind_blob64(stmt_of(c), param, p, n, SQLITE_TRANSIENT));
}

static int bind_null(struct engine *e, struct cursor *c, int param)
{
	return result(e, sqlite3_bind_null(stmt_of(c), param));
}

static int step(struct engine *e, struct cursor *c)
{
	int code = sqlite3_step(stmt_of(c));

	return code == SQLITE_ROW ? 1 : code == SQLITE_DONE ? 0 : fail(sqlite_of(e), code);
}

static bool is_null(struct cursor *c, int column)
{
	return sqlite3_column_type(stmt_of(c), column) == SQLITE_NULL;
}

static int64_t column_int(struct cursor *c, int column)
{
	return sqlite3_column_int64(stmt_of(c), column);
}

static const char *column_text(struct cursor *c, int column)
{
	return (const char *)sqlite3_column_text(stmt_of(c), column);
}

static const void *column_octets(struct cursor *c, int column, size_t *ret_n)
{
	const void *p = sqlite3_column_blob(stmt_of(c), column);

	*ret_n = (size_t)sqlite3_column_bytes(stmt_of(c), column);
	return p;
}

static int finish(struct engine *e, struct cursor *c)
{
	sqlite3_reset(stmt_of(c));
	sqlite3_clear_bindings(stmt_of(c));
	return sqlite3_changes(sqlite_of(e)->h);
}

/* ---- transactions ---- */

static int begin(struct engine *e)
{
	return execute(e, "BEGIN IMMEDIATE");
}

static int commit(struct engine *e)
{
	return execute(e, "COMMIT");
}

static bool in_transaction(const struct engine *e)
{
	return !sqlite3_get_autocommit(sqlite_of_const(e)->h);
}

/* After some errors (a full disk among them) SQLite has rolled back by itself. */
static void rollback(struct engine *e)
{
	if (in_transaction(e))
		sqlite3_exec(sqlite_of(e)->h, "ROLLBACK", NULL, NULL, NULL);
}

static int savepoint(struct engine *e)
{
	return execute(e, "SAVEPOINT job");
}

static void release(struct engine *e, bool keep)
{
	if (!in_transaction(e))
		return;
	if (!keep)
		sqlite3_exec(sqlite_of(e)->h, "ROLLBACK TO job", NULL, NULL, NULL);
	sqlite3_exec(sqlite_of(e)->h, "RELEASE job", NULL, NULL, NULL);
}

/* ---- epochs: a lock file beside the database for each ---- */

#define LOCK_PATH_LEN (4096 + 40)

static const char *lock_path(const struct sqlite *s, int64_t epoch, char ret[static LOCK_PATH_LEN])
{
	snprintf(ret, LOCK_PATH_LEN, "%s.epoch-%lld", s->path, (long long)epoch);
	return ret;
}

static int lock_failed(struct sqlite *s, int r, const char *path)
{
	return fail_words(s,
		r == -EBUSY    ? -EBUSY
		: r == -ENOSPC ? -ENOSPC
			       : -EACCES,
		r == -EBUSY    ? EV_STORE_BUSY
		: r == -ENOSPC ? EV_STORE_FULL
			       : EV_STORE_UNREADABLE,
		"%.300s: %s", path, strerror(-r));
}

static int hold_epoch(struct engine *e, int64_t epoch)
{
	struct sqlite *s = sqlite_of(e);
	char path[LOCK_PATH_LEN];
	pid_t holder;
	int r = lockfile_take(lock_path(s, epoch, path), &s->epoch_lock, &holder);

	s->epoch = epoch;
	return r < 0 ? lock_failed(s, r, path) : 0;
}

static int epoch_is_dead(struct engine *e, int64_t epoch, bool *ret)
{
	struct sqlite *s = sqlite_of(e);
	char path[LOCK_PATH_LEN];
	pid_t holder;
	int r = lockfile_holder(lock_path(s, epoch, path), &holder);

	*ret = r == -ESRCH; /* nor is there one of an epoch that ended in order */
	return r < 0 && r != -ESRCH ? lock_failed(s, r, path) : 0;
}

static void forget_epoch(struct engine *e, int64_t epoch)
{
	char path[LOCK_PATH_LEN];

	unlink(lock_path(sqlite_of(e), epoch, path));
}

static void release_epoch(struct sqlite *s)
{
	if (s->epoch_lock < 0)
		return;
	forget_epoch(&s->engine, s->epoch);
	close(s->epoch_lock);
}

/* ---- the log, checks, copies ---- */

static int on_log_grown(void *arg, sqlite3 *h UNUSED, const char *name UNUSED, int pages)
{
	struct sqlite *s = arg;

	s->log_pages = pages;
	return SQLITE_OK;
}

static void tidy(struct engine *e, bool idle)
{
	struct sqlite *s = sqlite_of(e);
	int in_log = 0, moved = 0;

	if (s->log_pages <= (idle ? STORE_WAL_PAGES : STORE_WAL_PAGES_MAX))
		return;
	/* PASSIVE waits for no other process. Moved pages count no longer; a later commit recounts. */
	if (sqlite3_wal_checkpoint_v2(s->h, NULL, SQLITE_CHECKPOINT_PASSIVE, &in_log, &moved) ==
		SQLITE_OK)
		s->log_pages = in_log - moved;
}

/* quick_check does not compare indexes with their tables; integrity_check does, and takes longer. */
static int check(struct engine *e, bool thorough)
{
	struct sqlite *s = sqlite_of(e);
	const char *pragma = thorough ? "PRAGMA integrity_check(1)" : "PRAGMA quick_check(1)";
	sqlite3_stmt *q = NULL;
	int code = sqlite3_prepare_v2(s->h, pragma, -1, &q, NULL), r = 0;

	if (code == SQLITE_OK)
		code = sqlite3_step(q);
	if (code != SQLITE_ROW)
		r = fail(s, code);
	else if (strcmp((const char *)sqlite3_column_text(q, 0), "ok"))
		r = fail_words(s, -EUCLEAN, EV_STORE_CORRUPT, "%.200s: %.200s", s->path,
			(const char *)sqlite3_column_text(q, 0));
	sqlite3_finalize(q);
	return r;
}

static int backup_failed(struct sqlite *s, int r, const char *path, const char *why)
{
	return fail_words(s, r, EV_STORE_BACKUP_FAILED, "%.200s: %.200s", path, why);
}

/* A copy that the disk has not got is none. */
static int sync_file(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), r;

	if (fd < 0)
		return -errno;
	r = fsync(fd) < 0 ? -errno : 0;
	close(fd);
	return r;
}

/*
 * VACUUM INTO reads in one transaction, so the copy is of one moment, also while others write. It
 * takes an empty file, which is made first, for the owner alone.
 */
static int backup(struct engine *e, const char *path)
{
	struct sqlite *s = sqlite_of(e);
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600), r;
	char *sql;

	if (fd < 0)
		return backup_failed(s, -errno, path, strerror(errno));
	close(fd);
	sql = sqlite3_mprintf("VACUUM INTO %Q", path);
	r = sql ? sqlite3_exec(s->h, sql, NULL, NULL, NULL) : SQLITE_NOMEM;
	sqlite3_free(sql);
	if (r != SQLITE_OK)
		r = backup_failed(s, r == SQLITE_FULL ? -ENOSPC : -EIO, path,
			r == SQLITE_FULL ? "the disk is full" : sqlite3_errmsg(s->h));
	else if ((r = sync_file(path)) < 0)
		r = backup_failed(s, r, path, strerror(-r));
	if (r < 0)
		unlink(path);
	return r;
}

static int keep_version(struct engine *e, int64_t version)
{
	struct sqlite *s = sqlite_of(e);
	char path[sizeof(s->path) + 40];
	int r;

	snprintf(path, sizeof(path), "%s.version-%lld", s->path, (long long)version);
	r = backup(e, path);
	return r == -EEXIST ? 0 : r;
}

/* ---- life ---- */

/*
 * The folder and the file, before SQLite makes it with the rights of the umask. A command that root
 * runs must leave files that the server's user can write.
 */
static int make_file(struct sqlite *s, const struct db_opts *opts)
{
	struct stat folder;
	bool made;
	int fd;

	if (!opts->must_exist && mkdir(opts->state, 0700) < 0 && errno != EEXIST)
		return fail_words(s, -EACCES, EV_STORE_UNREADABLE, "%.200s: %s", opts->state,
			strerror(errno));
	fd = open(s->path, O_RDWR | O_CLOEXEC | O_NOCTTY);
	made = fd < 0 && errno == ENOENT && !opts->must_exist;
	if (made)
		fd = open(s->path, O_RDWR | O_CLOEXEC | O_NOCTTY | O_CREAT | O_NOFOLLOW, 0600);
	if (fd < 0)
		return fail_words(s, errno == ENOENT ? -ENOENT : -EACCES, EV_STORE_UNREADABLE,
			"%.200s: %s", s->path, strerror(errno));
	/* What was there keeps its owner: in another user's folder it may be a link to anything. */
	if (made && !geteuid() && !stat(opts->state, &folder) &&
		fchown(fd, folder.st_uid, folder.st_gid) < 0)
		errno = 0; /* a file system without owners */
	close(fd);
	return 0;
}

static int open_handle(struct sqlite *s)
{
	static const char settings[] = "PRAGMA journal_mode = WAL;"
				       "PRAGMA synchronous = NORMAL;"
				       "PRAGMA foreign_keys = ON;"
				       "PRAGMA wal_autocheckpoint = 0";
	int code =
		sqlite3_open_v2(s->path, &s->h, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);

	if (code != SQLITE_OK)
		return fail(s, code);
	sqlite3_extended_result_codes(s->h, 1);
	sqlite3_busy_timeout(s->h, STORE_BUSY_MS);
	return execute(&s->engine, settings);
}

static void close_engine(struct engine *e)
{
	struct sqlite *s = sqlite_of(e);

	release_epoch(s);
	for (size_t i = 0; i < SQL_STATEMENTS; i++)
		sqlite3_finalize(s->stmt[i]);
	sqlite3_close(s->h); /* the last one to close moves the log into the file */
	free(s);
}

static int open_engine(const struct db_opts *opts, struct engine **ret, struct db_error *ret_err)
{
	struct sqlite *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return -ENOMEM;
	s->engine.ops = &engine_sqlite;
	s->epoch_lock = -1;
	snprintf(s->path, sizeof(s->path), "%s/culvert.db", opts->state);
	r = make_file(s, opts);
	if (!r)
		r = open_handle(s);
	if (r < 0) {
		*ret_err = s->engine.error;
		close_engine(&s->engine);
		return r;
	}
	sqlite3_wal_hook(s->h, on_log_grown, s);
	*ret = &s->engine;
	return 0;
}

static int another(struct engine *e, struct engine **ret)
{
	struct sqlite *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return -ENOMEM;
	s->engine.ops = e->ops;
	s->epoch_lock = -1;
	memcpy(s->path, sqlite_of(e)->path, sizeof(s->path));
	r = open_handle(s);
	if (r < 0) {
		e->error = s->engine.error;
		close_engine(&s->engine);
		return r;
	}
	*ret = &s->engine;
	return 0;
}

static const char *name(const struct engine *e)
{
	return sqlite_of_const(e)->path;
}

const struct engine_ops engine_sqlite = {
	.open = open_engine,
	.another = another,
	.close = close_engine,
	.name = name,
	.execute = execute,
	.has_table = has_table,
	.start = start,
	.bind_int = bind_int,
	.bind_text = bind_text,
	.bind_octets = bind_octets,
	.bind_null = bind_null,
	.step = step,
	.is_null = is_null,
	.column_int = column_int,
	.column_text = column_text,
	.column_octets = column_octets,
	.finish = finish,
	.begin = begin,
	.commit = commit,
	.rollback = rollback,
	.in_transaction = in_transaction,
	.savepoint = savepoint,
	.release = release,
	.hold_epoch = hold_epoch,
	.epoch_is_dead = epoch_is_dead,
	.forget_epoch = forget_epoch,
	.tidy = tidy,
	.check = check,
	.backup = backup,
	.keep_version = keep_version,
};
