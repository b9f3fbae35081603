// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <sqlite3.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <signal.h>

#include "base/lockfile.h"
#include "unit/store/state.h"

static void refused(
	const struct state *s, const char *key_file, int r, enum event event, const char *words)
{
	struct db_opts opts = {.state = s->folder, .key_file = key_file, .check = true};
	struct db_error err = {0};
	struct db *db = NULL;

	assert_int_equal(db_open(&opts, &db, &err), r);
	assert_null(db);
	assert_int_equal(err.event, event);
	if (!strstr(err.text, words))
		fail_msg("\"%s\" does not say \"%s\"", err.text, words);
}

static void write_file(const char *path, const char *octets, size_t n)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(write(fd, octets, n) == (ssize_t)n);
	close(fd);
}

static void first_start_makes_database_and_key_for_the_owner_alone(void **state)
{
	struct state *s = *state;
	struct db *db = state_open(s);
	struct stat st;

	assert_int_equal(stat(s->file, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(stat(s->key, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(st.st_size, 65);
	db_close(db);
	db_close(NULL);
}

static void facts_are_kept_across_starts(void **state)
{
	struct db *db = state_open(*state);
	char value[32];

	assert_int_equal(db_meta_get(db, "ipv4_pool", value, sizeof(value)), -ENOENT);
	assert_int_equal(db_meta_set(db, "ipv4_pool", "10.1.0.0/22"), 0);
	assert_int_equal(db_meta_set(db, "ipv4_pool", "10.2.0.0/22"), 0);
	db_close(db);
	db = state_open(*state);
	assert_int_equal(db_meta_get(db, "ipv4_pool", value, sizeof(value)), 0);
	assert_string_equal(value, "10.2.0.0/22");
	assert_int_equal(db_meta_get(db, "ipv4_pool", value, 11), -ENOSPC);
	db_close(db);
}

static void what_is_rolled_back_did_not_happen(void **state)
{
	struct db *db = state_open(*state);
	char value[8];

	assert_int_equal(db_begin(db), 0);
	assert_int_equal(db_meta_set(db, "a", "1"), 0);
	assert_int_equal(db_savepoint(db), 0);
	assert_int_equal(db_meta_set(db, "b", "1"), 0);
	db_savepoint_release(db, false);
	assert_int_equal(db_savepoint(db), 0);
	assert_int_equal(db_meta_set(db, "c", "1"), 0);
	db_savepoint_release(db, true);
	assert_int_equal(db_commit(db), 0);
	assert_int_equal(db_meta_get(db, "a", value, sizeof(value)), 0);
	assert_int_equal(db_meta_get(db, "b", value, sizeof(value)), -ENOENT);
	assert_int_equal(db_meta_get(db, "c", value, sizeof(value)), 0);
	assert_int_equal(db_begin(db), 0);
	assert_int_equal(db_meta_set(db, "a", "2"), 0);
	db_rollback(db);
	assert_int_equal(db_meta_get(db, "a", value, sizeof(value)), 0);
	assert_string_equal(value, "1");
	db_close(db);
}

static void a_file_that_is_no_database_is_told(void **state)
{
	struct state *s = *state;
	char junk[8192];

	memset(junk, 'x', sizeof(junk));
	write_file(s->file, junk, sizeof(junk));
	refused(s, NULL, -EUCLEAN, EV_STORE_CORRUPT, "file is not a database");
}

static void damage_inside_the_file_is_found_at_start(void **state)
{
	struct state *s = *state;
	struct db *db = state_open(s);
	char junk[2000], name[32];
	int fd;

	for (int i = 0; i < 200; i++) {
		sprintf(name, "user%d", i);
		state_add_user(db, name, NULL, false);
	}
	db_close(db);
	memset(junk, 0xa5, sizeof(junk));
	fd = open(s->file, O_WRONLY);
	for (off_t page = 4096; page < lseek(fd, 0, SEEK_END); page += 4096)
		assert_true(pwrite(fd, junk, sizeof(junk), page) == sizeof(junk));
	close(fd);
	refused(s, NULL, -EUCLEAN, EV_STORE_CORRUPT, "culvert.db: ");
}

static void a_folder_that_cannot_be_made_or_entered_is_told(void **state)
{
	struct state *s = *state, inside = {0};

	strcpy(inside.folder, "/proc/culvert-no-such");
	refused(&inside, NULL, -EACCES, EV_STORE_UNREADABLE, "/proc/culvert-no-such");
	snprintf(inside.folder, sizeof(inside.folder), "%.40s/a/b", s->folder);
	refused(&inside, NULL, -EACCES, EV_STORE_UNREADABLE, "No such file or directory");
}

static void an_existing_database_can_be_insisted_on(void **state)
{
	struct state *s = *state;
	struct db_error err;
	struct db *db = NULL;

	assert_int_equal(
		db_open(&(struct db_opts){.state = s->folder, .must_exist = true}, &db, &err),
		-ENOENT);
	assert_int_equal(err.event, EV_STORE_UNREADABLE);
	assert_int_equal(access(s->file, F_OK), -1);
}

/* --- the key --- */

static void a_key_is_taken_as_octets_or_digits_from_where_it_is_named(void **state)
{
	struct state *s = *state;
	struct db_error err;
	struct db *db = NULL;
	char path[128], octets[33] = "0123456789abcdef0123456789abcdef";

	snprintf(path, sizeof(path), "%s/my.key", s->folder);
	write_file(path, octets, 32);
	assert_int_equal(
		db_open(&(struct db_opts){.state = s->folder, .key_file = path}, &db, &err), 0);
	state_add_user(db, "alice", "secret", false);
	db_close(db);
	assert_int_equal(access(s->key, F_OK), -1);

	/* The same key by way of systemd, as digits. */
	snprintf(path, sizeof(path), "%s/culvert-key", s->folder);
	write_file(path, "3031323334353637383961626364656630313233343536373839616263646566\n", 65);
	setenv("CREDENTIALS_DIRECTORY", s->folder, 1);
	db = state_open(s);
	unsetenv("CREDENTIALS_DIRECTORY");
	db_close(db);
	assert_int_equal(access(s->key, F_OK), -1);
}

static void a_bad_a_missing_and_a_wrong_key_are_told_apart(void **state)
{
	struct state *s = *state;
	struct db *db = state_open(s);
	char path[128];

	state_add_user(db, "alice", "secret", false);
	db_close(db);
	snprintf(path, sizeof(path), "%s/other.key", s->folder);
	refused(s, path, -EACCES, EV_STORE_KEY_UNREADABLE, "No such file");
	write_file(path, "too short\n", 10);
	refused(s, path, -EINVAL, EV_STORE_KEY_BAD,
		"expected 32 octets or 64 hexadecimal digits, got 9");
	/* half a file of digits is no raw key */
	write_file(path, "0123456789abcdef0123456789abcde\n", 32);
	refused(s, path, -EINVAL, EV_STORE_KEY_BAD,
		"expected 32 octets or 64 hexadecimal digits, got 31");
	write_file(path, "0123456789abcdef0123456789abcdef", 32);
	refused(s, path, -EKEYREJECTED, EV_STORE_KEY_WRONG,
		"1 secrets are sealed with another key");
}

/* --- versions --- */

static void execute(const struct state *s, const char *sql)
{
	char *why = NULL;
	sqlite3 *h;

	assert_int_equal(sqlite3_open(s->file, &h), SQLITE_OK);
	if (sqlite3_exec(h, sql, NULL, NULL, &why) != SQLITE_OK)
		fail_msg("%s", why);
	sqlite3_close(h);
}

static void a_newer_database_is_left_alone(void **state)
{
	struct state *s = *state;

	db_close(state_open(s));
	execute(s, "UPDATE schema_version SET version = 999");
	refused(s, NULL, -EACCES, EV_STORE_NEWER, "it has version 999");
}

static char *whole_file(const char *name)
{
	const char *root = getenv("CULVERT_SOURCE_ROOT");
	char path[4096], *text = calloc(1, 1 << 20);
	FILE *f;

	assert_non_null(root);
	snprintf(path, sizeof(path), "%s/tests/unit/store/%s", root, name);
	f = fopen(path, "r");
	assert_non_null(f);
	assert_true(fread(text, 1, (1 << 20) - 1, f) > 0);
	fclose(f);
	return text;
}

/* version-1.sql is what version 0.1.0 wrote; it never changes. */
static void a_database_of_version_1_still_opens_with_all_that_is_in_it(void **state)
{
	struct state *s = *state;
	AUTO_MEM char *sql = whole_file("version-1.sql");
	struct db_login login;
	struct db_user user;
	struct db *db;
	uint8_t nt_hash[MSCHAP_NT_HASH_LEN];

	execute(s, sql);
	write_file(
		s->key, "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\n", 65);
	db = state_open(s);
	assert_int_equal(db_user_find(db, "ALICE", &user), 0);
	assert_string_equal(user.name, "Alice");
	assert_true(user.reversible);
	assert_int_equal(db_login(db, "alice", 5, &login), 0);
	assert_string_equal(login.password, "correct horse");
	mschap_nt_hash("correct horse", nt_hash);
	assert_memory_equal(login.nt_hash, nt_hash, sizeof(nt_hash));
	assert_int_equal(db_login(db, "bob", 3, &login), 0);
	assert_true(login.disabled && !login.has_reversible);
	assert_int_equal(login.ipv4.octets[3], 77);
	db_close(db);
}

static int keep_session(const struct db_session *s, void *arg)
{
	struct db_session *kept = arg;

	kept[s->id] = *s;
	return 0;
}

static int keep_first_attempt(const struct db_attempt *a, void *arg)
{
	*(struct db_attempt *)arg = *a;
	return 1;
}

/* Session 2 was up on bob's address when the old version crashed. `step_2`: it was version 2. */
static void leave_a_session_up(const struct state *s, const char *step_2)
{
	execute(s, step_2);
	execute(s,
		"INSERT INTO sessions (node, id, user_id, user_name, ipv4, peer, correlation,"
		" started_at) VALUES (0, 2, 2, 'bob', X'0a08004d', '192.0.2.2:2', '{2}', 1790000001);"
		"INSERT INTO leases (address, user_id, node, session, used_at)"
		" VALUES (X'0a08004d', 2, 0, 2, 1790000001)");
}

static void check_upgraded(struct state *s)
{
	struct db_session got[3] = {0};
	struct db_attempt attempt = {0};
	struct db_lease_request req = {.user_id = 2, .session = 3, .wanted = addr_v4(0x0a08004d)};
	struct addr address;
	uint64_t last = 0, holder;
	struct db *db = state_open(s);

	assert_int_equal(db_session_list(db, 9, keep_session, got), 0);
	assert_string_equal(got[1].user, "Alice");
	assert_int_equal(got[1].ended_at, 1790003600);
	assert_int_equal(got[1].octets_out, 2000);
	assert_string_equal(got[1].peer, "192.0.2.1:50000");
	assert_int_equal(got[2].ended_at, 0);
	assert_int_equal(db_attempt_list(db, 0, 1, keep_first_attempt, &attempt), 1);
	assert_int_equal(attempt.seq, 1);
	assert_int_equal(attempt.outcome, EV_AUTH_ACCEPTED);
	assert_string_equal(attempt.detail, "method=mschapv2");

	/* The next start takes over what the old version left open, and numbers go on. */
	assert_int_equal(db_epoch_begin(db), 0);
	assert_int_equal(db_session_list(db, 9, keep_session, got), 0);
	assert_int_equal(got[1].ended_at, 1790003600);
	assert_int_equal(got[2].reason, EV_SESSION_LOST);
	assert_int_equal(db_session_last(db, &last), 0);
	assert_int_equal(last, 2);
	assert_int_equal(db_lease_take(db, &req, &address, &holder), 0);
	attempt = (struct db_attempt){.at = 1, .outcome = EV_AUTH_UNKNOWN_USER};
	assert_int_equal(db_attempt_add(db, &attempt), 0);
	assert_int_equal(attempt.seq, 2);
	db_close(db);
}

static void records_and_leases_of_versions_1_and_2_get_an_epoch(void **state)
{
	static const char *const steps[] = {"",
		"ALTER TABLE users ADD COLUMN pool TEXT NOT NULL DEFAULT '';"
		"UPDATE schema_version SET version = 2"};
	AUTO_MEM char *sql = whole_file("version-1.sql");

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		struct state s;

		state_make(&s);
		execute(&s, sql);
		leave_a_session_up(&s, steps[i]);
		write_file(s.key,
			"00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\n", 65);
		check_upgraded(&s);
		state_remove(&s);
	}
}

/* --- what a command or a failed start may change --- */

/* `culvert check` and `culvert backup` look; the next start of the server does the step. */
static void looking_at_an_older_database_changes_nothing(void **state)
{
	struct state *s = *state;
	AUTO_MEM char *sql = whole_file("version-1.sql");
	struct db_opts look = {.state = s->folder, .must_exist = true, .look = true};
	struct db_error err;
	struct db *db;

	execute(s, sql);
	assert_int_equal(db_open(&look, &db, &err), -EACCES); /* no key, and none is made */
	assert_int_equal(err.event, EV_STORE_KEY_UNREADABLE);
	assert_int_not_equal(access(s->key, F_OK), 0);
	write_file(
		s->key, "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\n", 65);
	assert_int_equal(db_open(&look, &db, &err), 0);
	assert_true(db_is_older(db));
	db_close(db);
	assert_int_equal(db_open(&look, &db, &err), 0);
	assert_true(db_is_older(db));
	db_close(db);
}

/* Another process holds the lock, as a server does that was started before an upgrade. */
static pid_t hold_lock(const struct state *s)
{
	char path[128], c;
	int pipes[2], fd;
	pid_t pid, holder;

	snprintf(path, sizeof(path), "%s/" STORE_LOCK, s->folder);
	assert_int_equal(pipe(pipes), 0);
	pid = fork();
	if (pid == 0) {
		if (lockfile_take(path, &fd, &holder) == 0 && write(pipes[1], "x", 1) == 1)
			pause();
		_exit(1);
	}
	assert_int_equal(read(pipes[0], &c, 1), 1);
	close(pipes[0]);
	close(pipes[1]);
	return pid;
}

static void a_database_is_not_changed_under_an_older_server_that_runs(void **state)
{
	struct state *s = *state;
	AUTO_MEM char *sql = whole_file("version-1.sql");
	struct db_opts user = {.state = s->folder, .must_exist = true};
	struct db_error err;
	struct db *db;
	char number[32];
	pid_t pid;

	execute(s, sql);
	write_file(
		s->key, "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\n", 65);
	pid = hold_lock(s);
	snprintf(number, sizeof(number), "process %ld", (long)pid);
	assert_int_equal(db_open(&user, &db, &err), -EBUSY);
	assert_int_equal(err.event, EV_STORE_BUSY);
	assert_non_null(strstr(err.text, number));
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	assert_int_equal(db_open(&user, &db, &err), 0);
	db_close(db);
}

/* It would open none of the secrets, and lie where the right key belongs. */
static void a_server_makes_no_new_key_for_secrets_of_another(void **state)
{
	struct state *s = *state;
	struct db_error err;
	struct db *db = state_open(s);

	state_add_user(db, "alice", "password", false);
	db_close(db);
	unlink(s->key);
	assert_int_equal(db_open(&(struct db_opts){.state = s->folder, .check = true}, &db, &err),
		-EKEYREJECTED);
	assert_int_equal(err.event, EV_STORE_KEY_WRONG);
	assert_int_not_equal(access(s->key, F_OK), 0);
	assert_int_equal(db_open(&(struct db_opts){.state = s->folder}, &db, &err), 0);
	assert_int_equal(access(s->key, F_OK), 0); /* culvert user passwd: the way out */
	db_close(db);
}

/* --- a full disk --- */

static int fill_until_it_fails(struct db *db)
{
	char name[64];
	int64_t id;
	int r = 0;

	for (int i = 0; i < 100000 && !r; i++) {
		snprintf(name, sizeof(name), "user-with-a-rather-long-name-%d", i);
		r = db_user_add(db, name, &(struct addr){0}, 0, &id);
	}
	return r;
}

/*
 * In a child, in a mount namespace of its own: a file system of 600 KB over the state folder. Without
 * the right to mount, a limit on file size, which SQLite tells as an I/O error. Exit 0: as it should be.
 */
static int child_of_full_disk(const struct state *s)
{
	struct rlimit limit = {600000, 600000};
	bool mounted = !unshare(CLONE_NEWNS) &&
		       !mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) &&
		       !mount("tmpfs", s->folder, "tmpfs", 0, "size=600k");
	struct db_error err;
	struct db *db;
	struct db_user user;
	int64_t id;

	if (!mounted) {
		signal(SIGXFSZ, SIG_IGN);
		setrlimit(RLIMIT_FSIZE, &limit);
	}
	if (db_open(&(struct db_opts){.state = s->folder}, &db, &err) < 0)
		return 1;
	if (db_user_add(db, "alice", &(struct addr){0}, 0, &id) < 0)
		return 2;
	if (fill_until_it_fails(db) != (mounted ? -ENOSPC : -EIO))
		return 3;
	if (db_error(db)->event != (mounted ? EV_STORE_FULL : EV_STORE_FAILED))
		return 4;
	/* What was there can still be read. */
	if (db_user_find(db, "alice", &user) < 0)
		return 5;
	db_close(db);
	return 0;
}

static void a_full_disk_is_told_and_reading_goes_on(void **state)
{
	struct state *s = *state;
	pid_t child = fork();
	int status;

	if (!child)
		_exit(child_of_full_disk(s));
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

/* --- two processes --- */

static void two_first_starts_at_once_end_up_with_one_key(void **state)
{
	struct state *s = *state;
	pid_t children[6];
	int status;

	for (int i = 0; i < 6; i++) {
		children[i] = fork();
		if (!children[i]) {
			struct db_error err;
			struct db *db;
			char name[16];
			int64_t id;
			int r = db_open(&(struct db_opts){.state = s->folder}, &db, &err);

			snprintf(name, sizeof(name), "user%d", i);
			if (r < 0)
				fprintf(stderr, "%s\n", err.text);
			if (!r && db_begin(db) == 0 &&
				!db_user_add(db, name, &(struct addr){0}, 0, &id) &&
				!db_user_set_password(db, id, "x", true))
				r = db_commit(db);
			_exit(r < 0);
		}
	}
	for (int i = 0; i < 6; i++) {
		assert_int_equal(waitpid(children[i], &status, 0), children[i]);
		assert_int_equal(status, 0);
	}
	db_close(state_open(s)); /* checks that all secrets are under the one key */
}

static void a_backup_is_whole_private_and_never_overwrites(void **state)
{
	struct state *s = *state;
	struct db *db = state_open(s);
	struct db_opts opts = {.must_exist = true, .check = true, .key_file = s->key};
	struct db_error err;
	struct stat st;
	char folder[96], copy[128];

	state_add_user(db, "alice", "Secret-1", false);
	snprintf(folder, sizeof(folder), "%s/copy", s->folder);
	assert_int_equal(mkdir(folder, 0700), 0);
	snprintf(copy, sizeof(copy), "%s/culvert.db", folder);
	assert_int_equal(db_backup(db, copy), 0);
	assert_int_equal(stat(copy, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(db_backup(db, copy), -EEXIST);
	assert_int_equal(db_error(db)->event, EV_STORE_BACKUP_FAILED);
	assert_int_equal(db_check(db), 0);
	db_close(db);
	opts.state = folder;
	assert_int_equal(db_open(&opts, &db, &err), 0);
	assert_int_equal(db_user_find(db, "alice", &(struct db_user){0}), 0);
	db_close(db);
	snprintf(copy, sizeof(copy), "%s/culvert.key", folder);
	assert_int_not_equal(access(copy, F_OK), 0);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, state_setup, state_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(first_start_makes_database_and_key_for_the_owner_alone),
		CASE(facts_are_kept_across_starts),
		CASE(what_is_rolled_back_did_not_happen),
		CASE(a_file_that_is_no_database_is_told),
		CASE(damage_inside_the_file_is_found_at_start),
		CASE(a_folder_that_cannot_be_made_or_entered_is_told),
		CASE(an_existing_database_can_be_insisted_on),
		CASE(a_key_is_taken_as_octets_or_digits_from_where_it_is_named),
		CASE(a_bad_a_missing_and_a_wrong_key_are_told_apart),
		CASE(a_newer_database_is_left_alone),
		CASE(a_database_of_version_1_still_opens_with_all_that_is_in_it),
		CASE(records_and_leases_of_versions_1_and_2_get_an_epoch),
		CASE(looking_at_an_older_database_changes_nothing),
		CASE(a_database_is_not_changed_under_an_older_server_that_runs),
		CASE(a_server_makes_no_new_key_for_secrets_of_another),
		CASE(a_full_disk_is_told_and_reading_goes_on),
		CASE(a_backup_is_whole_private_and_never_overwrites),
		CASE(two_first_starts_at_once_end_up_with_one_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
