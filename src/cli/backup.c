// SPDX-License-Identifier: Apache-2.0
/*
 * cli/backup.c — `culvert backup` and `culvert restore`: a whole server (users, leases and
 * records, the key of their secrets, certificates with their keys, the configuration) in one file,
 * encrypted with a passphrase (store/archive.h).
 *
 * Each kind of entry has one fixed place; an archive names no path.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/lockfile.h"
#include "base/text.h"
#include "cli/cmd.h"
#include "cli/password.h"
#include "config/config.h"
#include "os/privileges.h"
#include "store/archive.h"
#include "store/db.h"

static const char backup_usage[] =
	"Usage: culvert backup [OPTION]... FILE\n"
	"\n"
	"Saves this server to FILE, which must not exist yet: the database, the key of its secrets,\n"
	"the certificates with their keys, and the configuration. A running server is not disturbed.\n"
	"FILE is encrypted with a passphrase, which the command asks for on the terminal.\n"
	"\n"
	"      --database-only   only a copy of the database, without a passphrase; its secrets stay\n"
	"                        encrypted with the key, which is not in the copy\n";

static const char restore_usage[] =
	"Usage: culvert restore [OPTION]... FILE\n"
	"\n"
	"Restores what `culvert backup` saved, on this machine or a new one; clients then see the\n"
	"certificate that they know. The command fails while a server runs on the state folder, and\n"
	"when a database or a configuration exists already.\n"
	"\n"
	"      --force           replace the existing files\n";

static const char options_usage[] =
	"      --passphrase-file FILE   read the passphrase from FILE's first line (\"-\": standard input)\n"
	"      --state DIR       the server's state folder (/var/lib/culvert, or as in the file)\n"
	"      --key-file FILE   backup: the key of the database, when it is not beside it\n"
	"  -c, --config FILE     the server's configuration (/etc/culvert/culvert.conf)\n"
	"\n"
	"Exit codes: 0 done, 1 it failed (the reason is on standard error), 2 wrong use.\n";

#define CONFIG_FILE "/etc/culvert/culvert.conf"
#define PATH_LEN 4300

struct args {
	const char *state, *key_file, *config, *passphrase_file, *file;
	bool database_only, force;
};

/* In the state folder, by kind. */
static const struct {
	const char *name;
	mode_t mode;
} places[ARCHIVE_TLS] = {[ARCHIVE_DATABASE] = {"culvert.db", 0600},
	[ARCHIVE_KEY] = {"culvert.key", 0600},
	[ARCHIVE_SERVER_CRT] = {"server.crt", 0644},
	[ARCHIVE_P256_CRT] = {"server-p256.crt", 0644},
	[ARCHIVE_P256_KEY] = {"server.key", 0600},
	[ARCHIVE_RSA_CRT] = {"server-rsa.crt", 0644},
	[ARCHIVE_RSA_KEY] = {"server-rsa.key", 0600}};

/* -1: go on. */
static int parse(int argc, char **argv, struct args *a, const char *usage)
{
	static const struct option longs[] = {{"state", required_argument, NULL, 's'},
		{"key-file", required_argument, NULL, 'k'},
		{"config", required_argument, NULL, 'c'},
		{"passphrase-file", required_argument, NULL, 'p'},
		{"database-only", no_argument, NULL, 'd'}, {"force", no_argument, NULL, 'f'},
		{"help", no_argument, NULL, 'h'}, {0}};
	int c;

	while ((c = getopt_long(argc, argv, "c:h", longs, NULL)) != -1) {
		switch (c) {
		case 's': a->state = optarg; break;
		case 'k': a->key_file = optarg; break;
		case 'c': a->config = optarg; break;
		case 'p': a->passphrase_file = optarg; break;
		case 'd': a->database_only = true; break;
		case 'f': a->force = true; break;
		case 'h':
			fputs(usage, stdout);
			fputs(options_usage, stdout);
			return CMD_OK;
		default: return CMD_USAGE;
		}
	}
	if (argc - optind != 1)
		return cmd_usage(usage);
	a->file = argv[optind];
	return -1;
}

static int fail(enum event ev, int error, const char *path, const char *what)
{
	char text[600];

	snprintf(text, sizeof(text), "%.400s: %s", path, what ? what : strerror(-error));
	return cmd_fail(ev, text);
}

/* ---- backup ---------------------------------------------------------- */

/* A whole small file; -ENOENT when there is none. */
static int take_file(struct archive *a, unsigned kind, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	struct stat st;
	uint8_t *octets;
	size_t n = 0;
	ssize_t got = 1;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || (uint64_t)st.st_size > ARCHIVE_SIZE_MAX) {
		close(fd);
		return -EFBIG;
	}
	octets = malloc((size_t)st.st_size + 1);
	while (octets && got > 0 && n < (size_t)st.st_size) {
		got = read(fd, octets + n, (size_t)st.st_size - n);
		n += got > 0 ? (size_t)got : 0;
	}
	close(fd);
	if (!octets)
		return -ENOMEM;
	archive_put(a, kind, octets, n);
	return n == (size_t)st.st_size ? 0 : -EIO;
}

/* The copy lies beside the archive for a moment, where there is room for it. */
static int take_database(struct archive *a, const struct db_opts *opts, const char *file)
{
	AUTO(db) struct db *db = NULL;
	struct db_error err;
	char copy[PATH_LEN];
	int r;

	if (db_open(opts, &db, &err) < 0)
		return cmd_fail(err.event, err.text);
	snprintf(copy, sizeof(copy), "%.4000s.%ld.part", file, (long)getpid());
	if (db_backup(db, copy) < 0)
		return cmd_fail(db_error(db)->event, db_error(db)->text);
	r = take_file(a, ARCHIVE_DATABASE, copy);
	unlink(copy);
	return r < 0 ? fail(EV_STORE_BACKUP_FAILED, r, copy, NULL) : CMD_OK;
}

/* The key, where the server finds it: in the configured file, or beside the database. */
static int take_key(struct archive *a, const struct db_opts *opts)
{
	char path[PATH_LEN];
	int r;

	snprintf(path, sizeof(path), "%.4000s/culvert.key", opts->state);
	if (opts->key_file && *opts->key_file)
		snprintf(path, sizeof(path), "%.4000s", opts->key_file);
	r = take_file(a, ARCHIVE_KEY, path);
	return r < 0 ? fail(EV_STORE_KEY_UNREADABLE, r, path, NULL) : CMD_OK;
}

static int take_certificates(struct archive *a, const struct config *cfg, const char *state)
{
	char path[PATH_LEN];
	int r = 0;

	for (unsigned i = ARCHIVE_SERVER_CRT; i <= ARCHIVE_RSA_KEY; i++) {
		snprintf(path, sizeof(path), "%.4000s/%s", state, places[i].name);
		r = take_file(a, i, path);
		if (r < 0 && r != -ENOENT)
			return fail(EV_STORE_BACKUP_FAILED, r, path, NULL);
	}
	if (cfg->tls.certificate.n > ARCHIVE_TLS_PAIRS)
		return fail(EV_STORE_BACKUP_FAILED, 0, "tls.certificate", "more than 8 pairs");
	for (unsigned i = 0; i < cfg->tls.certificate.n; i++) {
		const char *pair[] = {cfg->tls.certificate.item[i], cfg->tls.key.item[i]};

		for (unsigned j = 0; j < 2; j++)
			if ((r = take_file(a, ARCHIVE_TLS + 2 * i + j, pair[j])) < 0)
				return fail(EV_STORE_BACKUP_FAILED, r, pair[j], NULL);
	}
	return CMD_OK;
}

static int take_all(struct archive *a, const struct args *args, const struct config *cfg)
{
	struct db_opts opts = {.state = args->state ? args->state : cfg->server.state,
		.key_file = args->key_file ? args->key_file : cfg->store.key_file,
		.must_exist = true,
		.look = true};
	const char *config = cmd_config_file(args->config);
	int r = take_database(a, &opts, args->file);

	if (!r)
		r = take_key(a, &opts);
	if (!r)
		r = take_certificates(a, cfg, opts.state);
	if (!r && config && (r = take_file(a, ARCHIVE_CONFIG, config)) < 0)
		r = fail(EV_STORE_BACKUP_FAILED, r, config, NULL);
	return r;
}

static int database_only(const struct args *args, const struct config *cfg)
{
	AUTO(db) struct db *db = NULL;
	struct db_error err;
	struct db_opts opts = {.state = args->state ? args->state : cfg->server.state,
		.key_file = args->key_file ? args->key_file : cfg->store.key_file,
		.must_exist = true,
		.look = true};

	if (db_open(&opts, &db, &err) < 0)
		return cmd_fail(err.event, err.text);
	if (db_backup(db, args->file) < 0)
		return cmd_fail(db_error(db)->event, db_error(db)->text);
	text_fprintf(stdout, "%s: done; the key is not in it\n", args->file);
	return CMD_OK;
}

int cmd_backup(int argc, char **argv)
{
	AUTO(config) struct config *cfg = NULL;
	struct config_error err;
	struct archive a = {0};
	struct args args = {0};
	char passphrase[PASSWORD_MAX + 1];
	int r = parse(argc, argv, &args, backup_usage), w;

	if (r >= 0)
		return r;
	if (config_load(cmd_config_file(args.config), &cfg, &err) < 0)
		return cmd_fail(err.event, err.text);
	if (args.database_only)
		return database_only(&args, cfg);
	if (!access(args.file, F_OK))
		return fail(EV_STORE_BACKUP_FAILED, -EEXIST, args.file, NULL);
	if (password_read(args.passphrase_file, "Passphrase of the backup: ", passphrase,
		    sizeof(passphrase)) < 0)
		return CMD_USAGE;
	r = take_all(&a, &args, cfg);
	if (!r && (w = archive_write(&a, args.file, passphrase)) < 0)
		r = fail(EV_STORE_BACKUP_FAILED, w, args.file, NULL);
	explicit_bzero(passphrase, sizeof(passphrase));
	archive_free(&a);
	if (!r)
		text_fprintf(
			stdout, "%s: done; without its passphrase it cannot be read\n", args.file);
	return r;
}

/* ---- restore ---------------------------------------------------------- */

/* Beside and then in its place; a link that lies there is replaced, not followed. */
static int put_file(
	const char *path, const struct archive_entry *e, mode_t mode, uid_t uid, gid_t gid)
{
	char beside[PATH_LEN + 20];
	size_t n = 0;
	int fd, r = 0;

	snprintf(beside, sizeof(beside), "%s.XXXXXX", path);
	fd = mkostemp(beside, O_CLOEXEC);
	if (fd < 0)
		return -errno;
	while (!r && n < e->n) {
		ssize_t done = write(fd, e->octets + n, e->n - n);

		if (done > 0)
			n += (size_t)done;
		else if (done == 0 || errno != EINTR)
			r = done ? -errno : -ENOSPC;
	}
	if (!r &&
		(fchmod(fd, mode) < 0 || (!geteuid() && fchown(fd, uid, gid) < 0) || fsync(fd) < 0))
		r = -errno;
	close(fd);
	if (!r && rename(beside, path) < 0)
		r = -errno;
	if (r < 0)
		unlink(beside);
	return r;
}

static void path_of(char ret[static PATH_LEN], const char *state, unsigned kind)
{
	unsigned tls = kind - ARCHIVE_TLS;

	if (kind < ARCHIVE_TLS)
		snprintf(ret, PATH_LEN, "%.4000s/%s", state, places[kind].name);
	else
		snprintf(ret, PATH_LEN, "%.4000s/tls-%u.%s", state, tls / 2 + 1,
			tls % 2 ? "key" : "crt");
}

static int put_state(const struct archive *a, const char *state)
{
	static const char *const logs[] = {"-wal", "-shm"}; /* of the database that was there */
	char path[PATH_LEN];
	struct stat st;
	int r = stat(state, &st) < 0 ? -errno : 0;

	for (unsigned i = 0; i < ARRAY_SIZE(logs); i++) {
		snprintf(path, sizeof(path), "%.4000s/culvert.db%s", state, logs[i]);
		unlink(path);
	}
	for (unsigned i = 1; !r && i < ARCHIVE_KINDS; i++) {
		mode_t mode = i < ARCHIVE_TLS         ? places[i].mode
			      : (i - ARCHIVE_TLS) % 2 ? 0600
						      : 0644;

		if (i == ARCHIVE_CONFIG || !a->entry[i].octets)
			continue;
		path_of(path, state, i);
		r = put_file(path, &a->entry[i], mode, st.st_uid, st.st_gid);
		if (r < 0)
			return fail(EV_RESTORE_REFUSED, r, path, NULL);
		text_fprintf(stdout, "%s\n", path);
	}
	return r < 0 ? fail(EV_RESTORE_REFUSED, r, state, NULL) : CMD_OK;
}

static int put_config(const struct archive *a, const char *config)
{
	int r;

	if (!a->entry[ARCHIVE_CONFIG].octets)
		return CMD_OK;
	r = put_file(config, &a->entry[ARCHIVE_CONFIG], 0644, geteuid(), getegid());
	if (r < 0)
		return fail(EV_RESTORE_REFUSED, r, config, NULL);
	text_fprintf(stdout, "%s\n", config);
	return CMD_OK;
}

/* Nothing is replaced unless that is asked for. */
static int look_for_others(const struct archive *a, const char *state, const char *config)
{
	char path[PATH_LEN];

	for (unsigned i = 1; i < ARCHIVE_KINDS; i++) {
		if (i == ARCHIVE_CONFIG)
			continue;
		path_of(path, state, i);
		if (!access(path, F_OK))
			return fail(EV_RESTORE_REFUSED, 0, path, "it is there already");
	}
	if (a->entry[ARCHIVE_CONFIG].octets && !access(config, F_OK))
		return fail(EV_RESTORE_REFUSED, 0, config, "it is there already");
	return CMD_OK;
}

/* The server's own lock is held meanwhile, so that none starts half-way. */
static int restore(
	const struct archive *a, const struct args *args, const char *state, const char *user)
{
	const char *config = args->config ? args->config : CONFIG_FILE;
	char lock[PATH_LEN], text[64];
	struct os_failure why;
	pid_t holder = 0;
	int fd, r;

	if (mkdir(state, 0750) == 0)
		r = *user && !geteuid() ? privileges_give(state, user, &why) : 0;
	else
		r = errno == EEXIST ? 0 : -errno;
	if (r < 0)
		return fail(EV_RESTORE_REFUSED, r, state, NULL);
	snprintf(lock, sizeof(lock), "%.4000s/" STORE_LOCK, state);
	r = lockfile_take(lock, &fd, &holder);
	if (r == -EBUSY) {
		snprintf(text, sizeof(text), "a server runs there (process %ld)", (long)holder);
		return fail(EV_RESTORE_REFUSED, 0, state, text);
	}
	if (r < 0)
		return fail(EV_RESTORE_REFUSED, r, lock, NULL);
	r = args->force ? CMD_OK : look_for_others(a, state, config);
	if (!r)
		r = put_state(a, state);
	if (!r)
		r = put_config(a, config);
	close(fd);
	return r;
}

static const char *why_unreadable(int r)
{
	switch (r) {
	case -EINVAL: return "this is no file of culvert backup";
	case -EBADMSG: return "the file is cut or damaged: its checksum does not fit";
	case -EKEYREJECTED: return "the file is whole, and this is not its passphrase";
	case -EPROTO: return "what is in it is not as this version writes it";
	case -EFBIG: return "larger than a backup may be (1 GiB)";
	default: return NULL;
	}
}

/*
 * The configuration in the archive says where the state belongs, unless the command line does, and
 * whose it is.
 */
static int state_of(const struct archive *a, const struct args *args, char ret_state[static 4096],
	char ret_user[static 64])
{
	AUTO(config) struct config *cfg = NULL;
	char path[] = "/tmp/culvert-restore.XXXXXX";
	const struct archive_entry *e = &a->entry[ARCHIVE_CONFIG];
	struct config_error err;
	int fd, r;

	snprintf(ret_state, 4096, "%s", args->state ? args->state : "/var/lib/culvert");
	*ret_user = '\0';
	if (!e->octets)
		return CMD_OK;
	fd = mkostemp(path, O_CLOEXEC);
	if (fd < 0)
		return fail(EV_RESTORE_REFUSED, -errno, path, NULL);
	r = write(fd, e->octets, e->n) == (ssize_t)e->n ? config_load(path, &cfg, &err) : -EIO;
	close(fd);
	unlink(path);
	if (r < 0 && !args->state)
		return fail(EV_BACKUP_UNREADABLE, 0, args->file,
			"its configuration cannot be read: name the folder with --state");
	if (r == 0) {
		snprintf(ret_user, 64, "%s", cfg->server.user);
		if (!args->state)
			snprintf(ret_state, 4096, "%s", cfg->server.state);
	}
	return CMD_OK;
}

int cmd_restore(int argc, char **argv)
{
	struct archive a = {0};
	struct args args = {0};
	char passphrase[PASSWORD_MAX + 1], state[4096], user[64];
	int r = parse(argc, argv, &args, restore_usage);

	if (r >= 0)
		return r;
	if (password_read(args.passphrase_file, "Passphrase of the backup: ", passphrase,
		    sizeof(passphrase)) < 0)
		return CMD_USAGE;
	r = archive_read(&a, args.file, passphrase);
	explicit_bzero(passphrase, sizeof(passphrase));
	if (r < 0)
		return fail(EV_BACKUP_UNREADABLE, r, args.file, why_unreadable(r));
	if (!a.entry[ARCHIVE_DATABASE].octets || !a.entry[ARCHIVE_KEY].octets)
		r = fail(
			EV_BACKUP_UNREADABLE, 0, args.file, "there is no database or no key in it");
	if (!r)
		r = state_of(&a, &args, state, user);
	if (!r)
		r = restore(&a, &args, state, user);
	archive_free(&a);
	return r;
}
