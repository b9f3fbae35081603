/*
 * store/backup.c — a copy of a database that is in use, and a thorough look at one.
 *
 * VACUUM INTO reads in one transaction, so the copy is of one moment, whoever writes meanwhile; it
 * takes an empty file that is there, which is made first, for the owner alone. The key is in
 * another file and stays there: a copy is worth nothing to who finds it.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/internal.h"

static int backup_failed(struct db *db, int r, const char *path, const char *why)
{
	return db_fail(db, r, EV_STORE_BACKUP_FAILED, "%.200s: %.200s", path, why);
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

int db_backup(struct db *db, const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600), r;
	char *sql;

	if (fd < 0)
		return backup_failed(db, -errno, path, strerror(errno));
	close(fd);
	sql = sqlite3_mprintf("VACUUM INTO %Q", path);
	r = sql ? sqlite3_exec(db->h, sql, NULL, NULL, NULL) : SQLITE_NOMEM;
	sqlite3_free(sql);
	if (r != SQLITE_OK)
		r = backup_failed(db, r == SQLITE_FULL ? -ENOSPC : -EIO, path,
			r == SQLITE_FULL ? "the disk is full" : sqlite3_errmsg(db->h));
	else if ((r = sync_file(path)) < 0)
		r = backup_failed(db, r, path, strerror(-r));
	if (r < 0)
		unlink(path);
	return r;
}

/* quick_check, which every start makes, does not compare indexes with their tables. */
int db_check(struct db *db)
{
	return db_pragma_check(db, "PRAGMA integrity_check(1)");
}
