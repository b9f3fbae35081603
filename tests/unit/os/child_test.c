// SPDX-License-Identifier: Apache-2.0
/* os/child.c with the shell as the program. */
#include "netns.h"

#include <signal.h>
#include <sys/wait.h>

#include "os/child.h"

static char out[256];

static int shell(const char *script, const char *input)
{
	return child_run(
		(const char *const[]){"/bin/sh", "-c", script, NULL}, input, out, sizeof(out));
}

static void input_goes_in_and_output_and_status_come_out(void **state)
{
	assert_int_equal(shell("cat; echo err >&2; exit 3", "hello\n"), 3);
	assert_string_equal(out, "hello\nerr");
	assert_int_equal(shell("true", NULL), 0);
	assert_string_equal(out, "");
}

static void much_input_and_much_output_block_nobody(void **state)
{
	size_t n = 4 << 20;
	char *input = malloc(n + 1);

	memset(input, 'x', n);
	input[n] = '\0';
	assert_int_equal(shell("cat", input), 0);
	assert_int_equal(strlen(out), sizeof(out) - 1);
	assert_int_equal(shell("exit 0", input), 0); /* reads nothing at all: no SIGPIPE */
	free(input);
}

static void a_program_that_is_not_there_and_one_that_dies_are_told(void **state)
{
	const char *const nothing[] = {"/no/such/program", NULL};

	assert_int_equal(child_run(nothing, NULL, out, sizeof(out)), -ENOENT);
	assert_int_equal(shell("kill -9 $$", NULL), -ECHILD);
}

static void the_child_gets_a_clean_environment_and_no_descriptor(void **state)
{
	const char *const list[] = {"/bin/ls", "/proc/self/fd", NULL};
	int careless = open("/dev/null", O_RDONLY);

	setenv("LD_PRELOAD_TEST", "1", 1);
	assert_int_equal(shell("env", NULL), 0);
	assert_null(strstr(out, "LD_PRELOAD_TEST"));
	assert_non_null(strstr(out, "PATH=/usr/sbin"));
	assert_int_equal(child_run(list, NULL, out, sizeof(out)), 0);
	assert_string_equal(out, "0\n1\n2\n3"); /* 3 is the folder that ls reads */
	close(careless);
}

static void programs_are_found_in_the_systems_folders_only(void **state)
{
	char path[CHILD_PATH_LEN];

	setenv("PATH", "/tmp", 1);
	assert_int_equal(child_find("", "sh", path), 0);
	assert_non_null(strstr(path, "/bin/sh"));
	assert_int_equal(child_find("", "no-such-program", path), -ENOENT);
}

static void a_keeper_runs_what_is_on_its_list_and_nothing_else(void **state)
{
	static const char *const programs[] = {"cat", "false", NULL};
	char cat[CHILD_PATH_LEN], program[CHILD_PATH_LEN];

	child_find("", "cat", cat);
	assert_int_equal(child_keeper_start(programs), 0);
	assert_int_equal(child_run((const char *const[]){cat, NULL}, "in", out, sizeof(out)), 0);
	assert_string_equal(out, "in");
	child_find("", "false", program);
	assert_int_equal(child_run((const char *const[]){program, NULL}, NULL, out, 8), 1);
	assert_int_equal(shell("echo", NULL), -EPERM);
	assert_int_equal(child_run((const char *const[]){"/tmp/cat", NULL}, NULL, out, 8), -EPERM);
	assert_int_equal(child_run((const char *const[]){cat, "/no/file", NULL}, NULL, out, 64), 1);
	assert_non_null(strstr(out, "/no/file"));
	child_keeper_stop();
	assert_int_equal(shell("echo here again", NULL), 0);
	assert_string_equal(out, "here again");
}

static void a_keeper_outlives_the_signals_of_a_terminal_but_not_its_parent(void **state)
{
	static const char *const programs[] = {"true", NULL};
	int end[2], status;
	char octet;
	pid_t parent;

	assert_int_equal(pipe(end), 0);
	parent = fork();
	if (parent == 0) {
		close(end[0]);
		dup2(end[1], 2); /* the keeper keeps standard error: end[0] sees when it is gone */
		close(end[1]);
		setpgid(0, 0);
		signal(SIGTERM, SIG_IGN);
		child_keeper_start(programs);
		kill(0, SIGTERM);
		child_find("", "true", out);
		_exit(child_run((const char *const[]){out, NULL}, NULL, out, 0) == 0 ? 0 : 1);
	}
	close(end[1]);
	waitpid(parent, &status, 0);
	assert_int_equal(status, 0);
	assert_int_equal(read(end[0], &octet, 1), 0);
	close(end[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(input_goes_in_and_output_and_status_come_out),
		cmocka_unit_test(much_input_and_much_output_block_nobody),
		cmocka_unit_test(a_program_that_is_not_there_and_one_that_dies_are_told),
		cmocka_unit_test(the_child_gets_a_clean_environment_and_no_descriptor),
		cmocka_unit_test(programs_are_found_in_the_systems_folders_only),
		cmocka_unit_test(a_keeper_runs_what_is_on_its_list_and_nothing_else),
		cmocka_unit_test(a_keeper_outlives_the_signals_of_a_terminal_but_not_its_parent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
