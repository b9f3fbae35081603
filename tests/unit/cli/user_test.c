// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>

#include "cli/cmd.h"
#include "unit/cli/run.h"
#include "unit/store/state.h"

/* `culvert user …` on the state folder of the test. */
#define USER(input, ...)                                                                           \
	run_command(cmd_user, input,                                                               \
		(const char *const[]){                                                             \
			"user", __VA_ARGS__, "--state", ((struct state *)*state)->folder, NULL})

static struct db_login login(struct state *s, const char *name)
{
	struct db *db = state_open(s);
	struct db_login l = {0};

	db_login(db, name, strlen(name), &l);
	db_close(db);
	return l;
}

static void a_user_is_added_with_the_password_from_standard_input(void **state)
{
	struct said said = USER("correct horse\nnext line\n", "add", "Alice", "--password-stdin");
	uint8_t hash[MSCHAP_NT_HASH_LEN];
	struct db_login l;

	assert_int_equal(said.code, CMD_OK);
	assert_string_equal(said.out, "user Alice was added\n");
	assert_non_null(strstr(said.err, "culvert user show Alice --how"));
	l = login(*state, "alice");
	mschap_nt_hash("correct horse", hash);
	assert_memory_equal(l.nt_hash, hash, sizeof(hash));
	assert_false(l.has_reversible);
}

static void options_of_add_are_kept(void **state)
{
	struct db_login l;

	assert_int_equal(USER("x\r\n", "add", "--reversible", "--password-stdin", "--address",
				 "10.1.2.3", "--expires", "2020-01-01", "bob")
				 .code,
		CMD_OK);
	l = login(*state, "bob");
	assert_string_equal(l.password, "x");
	assert_int_equal(l.ipv4.octets[3], 3);
	assert_true(l.expires_at > 1577700000 && l.expires_at < 1578000000);
}

static void what_is_wrong_is_told_and_nothing_is_half_done(void **state)
{
	struct said said;

	assert_int_equal(USER("x\n", "add", "alice", "--password-stdin").code, CMD_OK);
	said = USER("x\n", "add", "ALICE", "--password-stdin");
	assert_int_equal(said.code, CMD_FAILED);
	assert_non_null(strstr(said.err, "A user of that name exists already. \"ALICE\""));
	/* A password that is refused leaves no user behind. */
	assert_int_equal(USER("\n", "add", "carol", "--password-stdin").code, CMD_FAILED);
	assert_int_equal(login(*state, "carol").id, 0);
	said = USER("x\n", "passwd", "mallory", "--password-stdin");
	assert_int_equal(said.code, CMD_FAILED);
	assert_non_null(strstr(said.err, "There is no user of that name. \"mallory\""));
	said = USER("x\n", "passwd", "alice");
	assert_int_equal(said.code, CMD_USAGE);
	assert_non_null(strstr(said.err, "use --password-stdin"));
}

static void wrong_use_is_told(void **state)
{
	assert_int_equal(USER("", "add").code, CMD_USAGE);
	assert_int_equal(USER("", "add", "a", "b").code, CMD_USAGE);
	assert_int_equal(USER("", "remov", "a").code, CMD_USAGE);
	assert_non_null(strstr(USER("", "remov", "a").err, "did you mean \"remove\"?"));
	assert_int_equal(
		USER("x\n", "add", "a", "--password-stdin", "--address", "10.1").code, CMD_USAGE);
	assert_int_equal(
		USER("x\n", "add", "a", "--password-stdin", "--expires", "soon").code, CMD_USAGE);
	assert_int_equal(USER("", "expire", "a", "2027-02-31x").code, CMD_USAGE);
	assert_int_equal(USER("", "--help").code, CMD_OK);
	/* No command but add makes a database. */
	assert_int_equal(USER("", "list").code, CMD_FAILED);
	assert_int_equal(access(((struct state *)*state)->file, F_OK), -1);
}

static void a_user_is_changed_and_removed(void **state)
{
	struct db_login l;

	assert_int_equal(USER("x\n", "add", "alice", "--password-stdin").code, CMD_OK);
	assert_string_equal(USER("", "disable", "ALICE").out, "user ALICE is disabled\n");
	assert_int_equal(USER("", "expire", "alice", "2030-01-01").code, CMD_OK);
	assert_int_equal(USER("", "address", "alice", "10.0.0.9").code, CMD_OK);
	assert_int_equal(
		USER("y\n", "passwd", "alice", "--password-stdin", "--reversible").code, CMD_OK);
	l = login(*state, "alice");
	assert_true(l.disabled && l.expires_at);
	assert_int_equal(l.ipv4.octets[3], 9);
	assert_string_equal(l.password, "y");
	assert_int_equal(USER("", "enable", "alice").code, CMD_OK);
	assert_int_equal(USER("", "expire", "alice", "never").code, CMD_OK);
	assert_int_equal(USER("", "address", "alice", "auto").code, CMD_OK);
	l = login(*state, "alice");
	assert_false(l.disabled || l.expires_at || l.ipv4.family);
	assert_string_equal(USER("", "remove", "alice").out, "user alice was removed\n");
	assert_int_equal(login(*state, "alice").id, 0);
}

static void users_are_listed_for_people_and_for_programs(void **state)
{
	struct said said;
	json_t *all, *alice;

	USER("x\n", "add", "alice", "--password-stdin", "--reversible", "--address", "10.0.0.9");
	USER("x\n", "add", "bob", "--password-stdin");
	USER("", "disable", "bob");
	said = USER("", "list");
	assert_int_equal(said.code, CMD_OK);
	assert_non_null(
		strstr(said.out, "\nalice                    active      reversible 10.0.0.9 "));
	assert_non_null(
		strstr(said.out, "\nbob                      disabled    nt         pool "));
	assert_null(strchr(said.out, '\x1b'));
	said = USER("", "list", "--json");
	all = json_loads(said.out, 0, NULL);
	assert_int_equal(json_array_size(all), 2);
	alice = json_array_get(all, 0);
	assert_string_equal(json_string_value(json_object_get(alice, "name")), "alice");
	assert_string_equal(json_string_value(json_object_get(alice, "address")), "10.0.0.9");
	assert_true(json_is_true(json_object_get(alice, "reversible")));
	assert_string_equal(
		json_string_value(json_object_get(json_array_get(all, 1), "state")), "disabled");
	json_decref(all);
}

static void state_and_key_come_from_the_configuration_too(void **state)
{
	struct state *s = *state;
	char path[128];
	const char *const words[] = {
		"user", "add", "alice", "--password-stdin", "--config", path, NULL};
	FILE *f;

	snprintf(path, sizeof(path), "%s/culvert.conf", s->folder);
	f = fopen(path, "w");
	fprintf(f, "[server]\nstate = %s\n[store]\nkey_file = %s/my.key\n", s->folder, s->folder);
	fclose(f);
	assert_int_equal(run_command(cmd_user, "x\n", words).code, CMD_FAILED);
	snprintf(path, sizeof(path), "%s/my.key", s->folder);
	f = fopen(path, "w");
	fprintf(f, "%064d\n", 5);
	fclose(f);
	snprintf(path, sizeof(path), "%s/culvert.conf", s->folder);
	assert_int_equal(run_command(cmd_user, "x\n", words).code, CMD_OK);
	assert_int_equal(access(s->key, F_OK), -1);
}

/* --- on a terminal --- */

/* Reads what the terminal shows until `wanted` comes or nothing for 5 s. */
static void read_until(int fd, char *shown, size_t cap, const char *wanted)
{
	size_t n = strlen(shown);

	while (!strstr(shown, wanted) && poll(&(struct pollfd){fd, POLLIN, 0}, 1, 5000) > 0) {
		ssize_t got = read(fd, shown + n, cap - 1 - n);

		if (got <= 0)
			return;
		n += (size_t)got;
		shown[n] = '\0';
	}
}

static pid_t on_terminal(struct state *s, int *ret_fd)
{
	char *argv[] = {"user", "add", "alice", "--reversible", "--state", s->folder, NULL};
	pid_t child = forkpty(ret_fd, NULL, NULL, NULL);

	if (!child)
		exit(cmd_user(6, argv));
	return child;
}

static void type_line(int fd, const char *line)
{
	assert_true(write(fd, line, strlen(line)) == (ssize_t)strlen(line));
}

static void a_password_typed_twice_is_taken_and_never_shown(void **state)
{
	char shown[1000] = "";
	int fd, status;
	pid_t child = on_terminal(*state, &fd);

	read_until(fd, shown, sizeof(shown), "Password: ");
	type_line(fd, "hush\n");
	read_until(fd, shown, sizeof(shown), "Again: ");
	type_line(fd, "hush\n");
	read_until(fd, shown, sizeof(shown), "was added");
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_null(strstr(shown, "hush"));
	assert_string_equal(login(*state, "alice").password, "hush");
	close(fd);
}

static void two_different_passwords_are_refused(void **state)
{
	char shown[1000] = "";
	int fd, status;
	pid_t child = on_terminal(*state, &fd);

	read_until(fd, shown, sizeof(shown), "Password: ");
	type_line(fd, "one\n");
	read_until(fd, shown, sizeof(shown), "Again: ");
	type_line(fd, "two\n");
	read_until(fd, shown, sizeof(shown), "the two passwords differ");
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(WEXITSTATUS(status), CMD_USAGE);
	assert_non_null(strstr(shown, "the two passwords differ"));
	close(fd);
}

static void an_interrupt_gives_the_terminal_its_echo_back(void **state)
{
	char shown[1000] = "";
	struct termios t;
	int fd, status;
	pid_t child = on_terminal(*state, &fd);

	read_until(fd, shown, sizeof(shown), "Password: ");
	tcgetattr(fd, &t);
	assert_false(t.c_lflag & ECHO);
	type_line(fd, "\x03");
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(WEXITSTATUS(status), 128 + SIGINT);
	tcgetattr(fd, &t);
	assert_true(t.c_lflag & ECHO);
	close(fd);
}

/* ---- values, groups, import ---- */

static void values_are_set_all_or_none(void **state)
{
	assert_int_equal(USER("x\n", "add", "alice", "--password-stdin").code, CMD_OK);
	assert_int_equal(USER("", "set", "alice", "idle=10m", "rate_down=fast").code, CMD_USAGE);
	assert_null(strstr(USER("", "show", "alice").out, "idle"));
	assert_int_equal(USER("", "set", "alice", "idle=10m", "rate_down=10M").code, CMD_OK);
	assert_non_null(strstr(USER("", "show", "alice").out, "10M"));
	assert_int_equal(USER("", "set", "alice", "idle=").code, CMD_OK);
	assert_null(strstr(USER("", "show", "alice").out, "idle"));
	assert_int_equal(USER("", "set", "alice").code, CMD_USAGE);
	assert_int_equal(USER("", "set", "alice", "idle").code, CMD_USAGE);
	assert_int_equal(USER("", "set", "alice", "idle=1m", "idle=2m").code, CMD_USAGE);
	assert_int_equal(USER("", "set", "bob", "idle=1m").code, CMD_FAILED);
	assert_int_equal(USER("", "set", "alice", "groups=none-there").code, CMD_FAILED);
}

/* A password that is of use stays; who has none gets one, in a file of its own; twice changes nothing. */
static void imported_users_can_log_in(void **state)
{
	char file[128], passwords[128];
	struct said said;
	struct stat st;
	FILE *f;

	snprintf(file, sizeof(file), "%s.csv", ((struct state *)*state)->folder);
	snprintf(passwords, sizeof(passwords), "%s.new", ((struct state *)*state)->folder);
	f = fopen(file, "w");
	fputs("name,password,groups,idle\nalice,secret,staff,10m\nbob,,,\n", f);
	fclose(f);
	said = USER("", "import", file, "--format", "csv");
	assert_int_equal(said.code, CMD_FAILED);
	assert_non_null(strstr(said.err, "--passwords FILE"));
	assert_int_equal(login(*state, "alice").id, 0);
	said = USER("", "import", file, "--format", "csv", "--passwords", passwords);
	assert_int_equal(said.code, CMD_OK);
	assert_non_null(strstr(said.out, "its password: mschapv2"));
	assert_non_null(strstr(said.out, "1 new password in"));
	assert_int_equal(stat(passwords, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_true(login(*state, "alice").has_nt && login(*state, "bob").has_nt);
	assert_non_null(strstr(USER("", "export").out, "alice,staff,"));
	said = USER("", "import", file, "--format", "csv", "--passwords", passwords);
	assert_int_equal(said.code, CMD_OK);
	assert_non_null(strstr(said.out, "0 imported, 2 were there already"));
	assert_int_equal(USER("", "import", file, "--format", "excel").code, CMD_USAGE);
	unlink(file);
	unlink(passwords);
}

/* Whatever the pools are, and these are not known here. */
static void no_client_has_a_multicast_address(void **state)
{
	struct said said;

	assert_int_equal(USER("x\n", "add", "alice", "--password-stdin").code, CMD_OK);
	said = USER("", "set", "alice", "address=224.0.0.9");
	assert_int_equal(said.code, CMD_FAILED);
	assert_non_null(strstr(said.err, "multicast"));
	assert_int_equal(login(*state, "alice").ipv4.family, 0);
	assert_int_equal(USER("", "address", "alice", "127.0.0.1").code, CMD_FAILED);
	assert_int_equal(USER("", "address", "alice", "10.1.2.3").code, CMD_OK);
}

/* As with `culvert user set`: pools, filters and addresses that this server does not have. */
static void an_import_names_what_this_server_has(void **state)
{
	static const struct {
		const char *column, *value;
		int code;
		const char *words;
	} rows[] = {
		{"pool", "staff", CMD_OK, ""},
		{"pool", "nosuch", CMD_FAILED, "nosuch"},
		{"filter", "nosuch", CMD_FAILED, "nosuch"},
		{"address", "10.98.0.7", CMD_OK, ""},
		{"address", "10.98.0.1", CMD_FAILED, "the server's own address"},
		{"address", "10.55.0.7", CMD_OK, ""},
		{"address", "127.0.0.1", CMD_FAILED, "loopback"},
		{"dns", "127.0.0.53", CMD_FAILED, "loopback"},
		{"nbns", "224.0.0.1", CMD_FAILED, "multicast"},
	};
	const char *folder = ((struct state *)*state)->folder;
	char file[128], config[128], name[20];
	FILE *f;

	snprintf(file, sizeof(file), "%s.csv", folder);
	snprintf(config, sizeof(config), "%s.conf", folder);
	f = fopen(config, "w");
	fprintf(f,
		"[server]\nstate = %s\n[tunnel]\nipv4_pool = 10.99.0.0/24\n"
		"pools = staff=10.98.0.0/24\n",
		folder);
	fclose(f);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const char *const words[] = {
			"user", "import", file, "--format", "csv", "--config", config, NULL};
		struct said said;

		snprintf(name, sizeof(name), "user%zu", i);
		f = fopen(file, "w");
		fprintf(f, "name,password,%s\n%s,secret,%s\n", rows[i].column, name, rows[i].value);
		fclose(f);
		said = run_command(cmd_user, "", words);
		if (!said.code != !rows[i].code || !strstr(said.err, rows[i].words))
			fail_msg(
				"%s=%s: %d %s", rows[i].column, rows[i].value, said.code, said.err);
		if (said.code)
			assert_non_null(strstr(said.err, name));
		assert_int_equal(!login(*state, name).id, !!said.code);
	}
	unlink(file);
	unlink(config);
}

/* What a group says counts in the list as it does at a login; a new password need not be changed. */
static void the_list_knows_what_groups_say(void **state)
{
	const char *folder = ((struct state *)*state)->folder;

	assert_int_equal(USER("x\n", "add", "dora", "--password-stdin").code, CMD_OK);
	assert_int_equal(run_command(cmd_group, "",
				 (const char *const[]){"group", "add", "gone", "disabled=yes",
					 "--state", folder, NULL})
				 .code,
		CMD_OK);
	assert_non_null(strstr(USER("", "list").out, "active"));
	assert_int_equal(USER("", "set", "dora", "groups=gone", "must_change=yes").code, CMD_OK);
	assert_non_null(strstr(USER("", "list").out, "disabled"));
	assert_non_null(strstr(USER("", "show", "dora").out, "must_change"));
	assert_int_equal(USER("y\n", "passwd", "dora", "--password-stdin").code, CMD_OK);
	assert_null(strstr(USER("", "show", "dora").out, "must_change"));
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, state_setup, state_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(values_are_set_all_or_none),
		CASE(imported_users_can_log_in),
		CASE(no_client_has_a_multicast_address),
		CASE(an_import_names_what_this_server_has),
		CASE(a_user_is_added_with_the_password_from_standard_input),
		CASE(options_of_add_are_kept),
		CASE(what_is_wrong_is_told_and_nothing_is_half_done),
		CASE(wrong_use_is_told),
		CASE(a_user_is_changed_and_removed),
		CASE(users_are_listed_for_people_and_for_programs),
		CASE(state_and_key_come_from_the_configuration_too),
		CASE(a_password_typed_twice_is_taken_and_never_shown),
		CASE(two_different_passwords_are_refused),
		CASE(an_interrupt_gives_the_terminal_its_echo_back),
		CASE(the_list_knows_what_groups_say),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
