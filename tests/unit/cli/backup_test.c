// SPDX-License-Identifier: Apache-2.0
/*
 * cli/backup.c: what was saved comes back to the octet, with its modes; nothing is replaced unless that was
 * asked for, and never below a running server.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/lockfile.h"
#include "cli/cmd.h"
#include "unit/cli/run.h"
#include "unit/store/state.h"

struct saved {
	struct state from, to;
	char config[96], archive[96], copy[96]; /* in `from`; in `from`; beside the new state */
};

static void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fchmod(fileno(f), 0644), 0); /* whatever the umask */
	fclose(f);
}

static void assert_holds(const char *path, const char *text, mode_t mode)
{
	char found[200] = "";
	struct stat st;
	FILE *f = fopen(path, "r");

	if (!f)
		fail_msg("%s is not there", path);
	found[fread(found, 1, sizeof(found) - 1, f)] = '\0';
	fclose(f);
	assert_string_equal(found, text);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, mode);
}

static const char *in(const struct state *s, const char *name)
{
	static char path[4][128];
	static unsigned i;

	i = (i + 1) % 4;
	snprintf(path[i], sizeof(path[i]), "%s/%s", s->folder, name);
	return path[i];
}

static int setup(void **state)
{
	struct saved *s = calloc(1, sizeof(*s));
	struct db *db;
	char text[200];

	state_make(&s->from);
	state_make(&s->to);
	db = state_open(&s->from);
	state_add_user(db, "alice", "wonder", true);
	db_close(db);
	snprintf(s->config, sizeof(s->config), "%s/culvert.conf", s->from.folder);
	snprintf(s->archive, sizeof(s->archive), "%s/all.backup", s->from.folder);
	snprintf(s->copy, sizeof(s->copy), "%s/copy.conf", s->to.folder);
	snprintf(text, sizeof(text), "[server]\nstate = %s\n", s->from.folder);
	write_file(s->config, text);
	write_file(in(&s->from, "server.crt"), "both");
	write_file(in(&s->from, "server-p256.crt"), "p256");
	write_file(in(&s->from, "server.key"), "secret");
	*state = s;
	return 0;
}

static int teardown(void **state)
{
	struct saved *s = *state;

	state_remove(&s->from);
	state_remove(&s->to);
	free(s);
	return 0;
}

static struct said backup(const struct saved *s, const char *passphrase)
{
	return run_command(cmd_backup, passphrase,
		(const char *const[]){"backup", "--config", s->config, "--passphrase-file", "-",
			s->archive, NULL});
}

/* Into the other folder. */
static struct said restore(const struct saved *s, const char *passphrase, const char *more)
{
	const char *words[] = {"restore", "--state", s->to.folder, "--config", s->copy,
		"--passphrase-file", "-", s->archive, more, NULL};

	return run_command(cmd_restore, passphrase, words);
}

static void assert_alice(const struct state *at)
{
	struct db *db = state_open(at);
	struct db_login l = {0};

	assert_int_equal(db_login(db, "alice", 5, &l), 0);
	assert_string_equal(l.password, "wonder"); /* so the key is the right one, too */
	db_login_wipe(&l);
	db_close(db);
}

static void a_server_comes_back_whole(void **state)
{
	const struct saved *s = *state;
	struct said said = backup(s, "long words\n");
	struct stat st;

	assert_int_equal(said.code, CMD_OK);
	assert_non_null(strstr(said.out, "without its passphrase it cannot be read"));
	assert_int_equal(stat(s->archive, &st), 0);
	assert_int_equal(st.st_mode & 077, 0);
	said = restore(s, "long words\n", NULL);
	assert_int_equal(said.code, CMD_OK);
	assert_alice(&s->to);
	assert_holds(in(&s->to, "server.crt"), "both", 0644);
	assert_holds(in(&s->to, "server-p256.crt"), "p256", 0644);
	assert_holds(in(&s->to, "server.key"), "secret", 0600);
	assert_int_equal(access(in(&s->to, "server-rsa.key"), F_OK), -1);
	assert_int_equal(access(s->copy, F_OK), 0);
	assert_non_null(strstr(said.out, s->copy)); /* it names what it wrote */
}

static void no_copy_of_the_database_stays_beside_the_archive(void **state)
{
	const struct saved *s = *state;
	char command[200];

	assert_int_equal(backup(s, "x\n").code, CMD_OK);
	snprintf(command, sizeof(command), "ls %s | grep -q part", s->from.folder);
	assert_int_not_equal(system(command), 0);
}

static void an_archive_is_not_replaced(void **state)
{
	const struct saved *s = *state;

	write_file(s->archive, "something else");
	assert_int_equal(backup(s, "x\n").code, CMD_FAILED);
	assert_holds(s->archive, "something else", 0644);
}

static void another_passphrase_and_a_damaged_file_are_told_apart(void **state)
{
	const struct saved *s = *state;
	struct said said;
	FILE *f;

	assert_int_equal(backup(s, "right\n").code, CMD_OK);
	said = restore(s, "wrong\n", NULL);
	assert_int_not_equal(said.code, CMD_OK);
	assert_non_null(strstr(said.err, "this is not its passphrase"));
	f = fopen(s->archive, "r+");
	fseek(f, -40, SEEK_END);
	fputc(fgetc(f) ^ 1, f);
	fclose(f);
	said = restore(s, "right\n", NULL);
	assert_int_not_equal(said.code, CMD_OK);
	assert_null(strstr(said.err, "this is not its passphrase"));
	write_file(s->archive, "hello");
	said = restore(s, "right\n", NULL);
	assert_non_null(strstr(said.err, "no file of culvert backup"));
	assert_int_equal(access(s->to.file, F_OK), -1);
}

static void what_is_there_stays_unless_forced(void **state)
{
	const struct saved *s = *state;
	struct said said;

	assert_int_equal(backup(s, "x\n").code, CMD_OK);
	write_file(in(&s->to, "server.key"), "another one");
	said = restore(s, "x\n", NULL);
	assert_int_equal(said.code, CMD_FAILED);
	assert_non_null(strstr(said.err, "server.key: it is there already"));
	assert_int_equal(access(s->to.file, F_OK), -1); /* nothing was begun */
	assert_holds(in(&s->to, "server.key"), "another one", 0644);
	assert_int_equal(restore(s, "x\n", "--force").code, CMD_OK);
	assert_holds(in(&s->to, "server.key"), "secret", 0600);
}

static void a_configuration_that_is_there_counts_too(void **state)
{
	const struct saved *s = *state;

	assert_int_equal(backup(s, "x\n").code, CMD_OK);
	write_file(s->copy, "# mine\n");
	assert_int_equal(restore(s, "x\n", NULL).code, CMD_FAILED);
	assert_holds(s->copy, "# mine\n", 0644);
}

/* A file behind it would get the server's key. */
static void a_link_is_replaced_and_not_followed(void **state)
{
	const struct saved *s = *state;
	char elsewhere[128];

	assert_int_equal(backup(s, "x\n").code, CMD_OK);
	snprintf(elsewhere, sizeof(elsewhere), "%s", in(&s->from, "elsewhere"));
	write_file(elsewhere, "untouched");
	assert_int_equal(symlink(elsewhere, in(&s->to, "server.key")), 0);
	assert_int_equal(restore(s, "x\n", "--force").code, CMD_OK);
	assert_holds(elsewhere, "untouched", 0644);
	assert_holds(in(&s->to, "server.key"), "secret", 0600);
}

static void a_running_servers_folder_is_left_alone(void **state)
{
	const struct saved *s = *state;
	struct said said;
	pid_t holder;
	int fd;

	assert_int_equal(backup(s, "x\n").code, CMD_OK);
	assert_int_equal(lockfile_take(in(&s->to, STORE_LOCK), &fd, &holder), 0);
	said = restore(s, "x\n", "--force");
	close(fd);
	assert_int_equal(said.code, CMD_FAILED);
	assert_non_null(strstr(said.err, "a server runs there"));
	assert_int_equal(access(s->to.file, F_OK), -1);
}

/* The log of the database that was there would be replayed into the restored one. */
static void the_old_log_goes_with_the_old_database(void **state)
{
	const struct saved *s = *state;

	assert_int_equal(backup(s, "x\n").code, CMD_OK);
	write_file(s->to.file, "not a database");
	write_file(in(&s->to, "culvert.db-wal"), "its log");
	assert_int_equal(restore(s, "x\n", "--force").code, CMD_OK);
	assert_alice(&s->to);
}

static void the_archive_says_where_the_state_belongs(void **state)
{
	const struct saved *s = *state;
	const char *words[] = {"restore", "--force", "--config", s->copy, "--passphrase-file", "-",
		s->archive, NULL};

	assert_int_equal(backup(s, "x\n").code, CMD_OK);
	assert_int_equal(unlink(s->from.file), 0);
	assert_int_equal(run_command(cmd_restore, "x\n", words).code, CMD_OK);
	assert_alice(&s->from);
	assert_int_equal(access(s->to.file, F_OK), -1);
}

static void the_database_alone_needs_no_passphrase(void **state)
{
	const struct saved *s = *state;
	const char *words[] = {
		"backup", "--config", s->config, "--database-only", s->archive, NULL};
	struct said said = run_command(cmd_backup, "", words);

	assert_int_equal(said.code, CMD_OK);
	assert_non_null(strstr(said.out, "the key is not in it"));
	assert_int_equal(rename(s->archive, s->to.file), 0);
	write_file(s->to.key, "");
	assert_int_equal(rename(s->from.key, s->to.key), 0);
	assert_alice(&s->to);
}

static void what_cannot_be_read_is_named(void **state)
{
	const struct saved *s = *state;
	struct said said;

	unlink(s->from.key);
	said = backup(s, "x\n");
	assert_int_not_equal(said.code, CMD_OK);
	assert_non_null(strstr(said.err, "culvert.key"));
	assert_int_equal(access(s->archive, F_OK), -1);
	assert_int_equal(
		run_command(cmd_backup, "", (const char *const[]){"backup", NULL}).code, CMD_USAGE);
	assert_int_equal(
		run_command(cmd_restore, "", (const char *const[]){"restore", "a", "b", NULL}).code,
		CMD_USAGE);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_server_comes_back_whole),
		CASE(no_copy_of_the_database_stays_beside_the_archive),
		CASE(an_archive_is_not_replaced),
		CASE(another_passphrase_and_a_damaged_file_are_told_apart),
		CASE(what_is_there_stays_unless_forced),
		CASE(a_configuration_that_is_there_counts_too),
		CASE(a_link_is_replaced_and_not_followed),
		CASE(a_running_servers_folder_is_left_alone),
		CASE(the_old_log_goes_with_the_old_database),
		CASE(the_archive_says_where_the_state_belongs),
		CASE(the_database_alone_needs_no_passphrase),
		CASE(what_cannot_be_read_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
