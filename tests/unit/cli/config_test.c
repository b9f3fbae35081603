// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/cmd.h"
#include "unit/cli/run.h"

#define CONFIG(...) run_command(cmd_config, "", (const char *const[]){"config", __VA_ARGS__, NULL})

static void file_with(char path[static 40], const char *text)
{
	int fd;

	strcpy(path, "/tmp/culvert-config-XXXXXX");
	fd = mkstemp(path);
	assert_true(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	close(fd);
}

static void a_good_file_is_said_to_be_good(void **state)
{
	char path[40], expected[64];
	struct said said;

	(void)state;
	file_with(path, "[ppp]\nmru = 1300\n");
	said = CONFIG("check", "--config", path);
	snprintf(expected, sizeof(expected), "%s: good\n", path);
	assert_int_equal(said.code, 0);
	assert_string_equal(said.out, expected);
	said = CONFIG("dump", "--config", path, "--option", "ppp.ipv6=no");
	assert_non_null(strstr(said.out, "\nmru = 1300 # file\nipv6 = no # command line\n"));
	unlink(path);
}

static void a_bad_file_is_told_with_line_cure_and_exit_code(void **state)
{
	char path[40];
	struct said said;

	(void)state;
	file_with(path, "[ppp]\nmur = 1300\n");
	said = CONFIG("check", "--config", path);
	assert_int_equal(said.code, CMD_USAGE);
	assert_string_equal(said.out, "");
	assert_non_null(strstr(said.err, ":2: there is no option mur in [ppp]; did you mean mru?"));
	assert_non_null(strstr(said.err, "(event 1012)"));
	unlink(path);
	said = CONFIG("check", "--config", path);
	assert_int_equal(said.code, CMD_USAGE);
	assert_non_null(strstr(said.err, "No such file or directory"));
}

static void wrong_use_is_told(void **state)
{
	(void)state;
	assert_int_equal(CONFIG("chekc").code, CMD_USAGE);
	assert_int_equal(CONFIG("check", "--option", "nonsense").code, CMD_USAGE);
	assert_int_equal(CONFIG("check", "--no-such").code, CMD_USAGE);
	assert_int_equal(CONFIG("--help").code, CMD_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_good_file_is_said_to_be_good),
		cmocka_unit_test(a_bad_file_is_told_with_line_cure_and_exit_code),
		cmocka_unit_test(wrong_use_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
