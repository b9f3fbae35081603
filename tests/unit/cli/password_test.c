// SPDX-License-Identifier: Apache-2.0
/* A secret is taken as it stands in its file, or refused with the reason; never a part of it. */
#include "hexlit.h"

#include "cli/password.h"

#include <errno.h>
#include <fcntl.h>

#include "base/auto.h"
#include "run.h"

static char file[] = "/tmp/culvert-password-XXXXXX";

/* What password_read() gave goes out between brackets. */
static int show(int argc, char **argv)
{
	char got[PASSWORD_MAX + 1];
	int r = password_read(argv[1], NULL, got, sizeof(got));

	if (!r)
		printf("[%s]", got);
	return -r;
}

static struct said read_octets(const char *octets, size_t n, bool by_pipe)
{
	const char *words[] = {"show", by_pipe ? "-" : file, NULL};
	int fd = open(file, O_WRONLY | O_TRUNC), in;
	struct said said;

	assert_int_equal(write(fd, octets, n), n);
	close(fd);
	in = open(file, O_RDONLY);
	said = by_pipe ? run_from(show, in, words) : run_command(show, "", words);
	close(in);
	return said;
}

static void a_secret_is_whole_or_refused(void **state)
{
	static char longest[PASSWORD_MAX + 3];
	static const struct {
		const char *octets;
		size_t n;
		const char *out, *err; /* err: a part of it */
	} rows[] = {
		{"Geheim-42\n", 10, "[Geheim-42]", ""},
		{"Geheim-42", 9, "[Geheim-42]", ""},
		{"Geheim-42\r\n", 11, "[Geheim-42]", ""},
		{"gr\xc3\xbc\xc3\x9f\n", 7, "[gr\xc3\xbc\xc3\x9f]", ""},
		{"G\0e\0h\0e\0i\0m\0-\0"
		 "4\0"
		 "2\0",
			18, "", "UTF-16"},
		{"G\0e\0\n\0", 6, "", "UTF-16"},
		{"\xff\xfeG\0e\0\r\0\n\0", 10, "", "UTF-16"},
		{"\xfe\xff\0G\0e\0\n", 8, "", "UTF-16"},
		{"Geh\0eim-42\n", 11, "", "value zero"},
		{"\0\n", 2, "", "value zero"},
		{"\xef\xbb\xbfGeheim\n", 10, "", "byte order mark"},
		{"gr\xfc\xdf\n", 5, "", "UTF-8"},
		{"Ge\theim\n", 8, "", "control character"},
		{"old\rmac\r", 8, "", "control character"},
		{" Geheim\n", 8, "[ Geheim]", "the blank at its beginning"},
		{"Geheim \n", 8, "[Geheim ]", "the blank at its end"},
		{"\nGeheim\n", 8, "", "first line is empty"},
		{"", 0, "", "first line is empty"},
		{"\r\n", 2, "", "first line is empty"},
		{longest, PASSWORD_MAX + 1, NULL, ""}, /* with its newline */
		{longest, PASSWORD_MAX + 2, "", "at most 255 octets"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		for (int by_pipe = 0; by_pipe < 2; by_pipe++) {
			struct said said;

			memset(longest, 'a', sizeof(longest));
			longest[rows[i].n == PASSWORD_MAX + 1 ? PASSWORD_MAX : PASSWORD_MAX + 1] =
				'\n';
			said = read_octets(rows[i].octets, rows[i].n, by_pipe);
			if (rows[i].out)
				assert_string_equal(said.out, rows[i].out);
			else
				assert_int_equal(strlen(said.out), PASSWORD_MAX + 2);
			assert_non_null(strstr(said.err, rows[i].err));
			assert_int_equal(!*rows[i].err, !*said.err);
			assert_int_equal(!said.code, !!*said.out);
		}
}

static void lines_behind_the_first_are_told_of(void **state)
{
	struct said said = read_octets("one\ntwo\n", 8, false);

	(void)state;
	assert_string_equal(said.out, "[one]");
	assert_non_null(strstr(said.err, "only its first line"));
	said = read_octets("one\n\n \r\n", 8, false);
	assert_string_equal(said.err, "");
}

/* Two secrets may come by one pipe, a line each. */
static int show_two(int argc, char **argv)
{
	return show(argc, argv) || show(argc, argv);
}

static void nothing_behind_the_line_is_taken_from_a_pipe(void **state)
{
	const char *words[] = {"show", "-", NULL};
	struct said said = run_command(show_two, "one\ntwo\n", words);

	(void)state;
	assert_string_equal(said.out, "[one][two]");
}

static void a_file_that_cannot_be_read_says_why(void **state)
{
	const char *none[] = {"show", "/nonexistent/password", NULL},
		   *folder[] = {"show", "/tmp", NULL};
	struct said said = run_command(show, "", none);

	(void)state;
	assert_int_equal(said.code, ENOENT);
	assert_non_null(strstr(said.err, "/nonexistent/password"));
	said = run_command(show, "", folder);
	assert_non_null(strstr(said.err, "directory"));
	assert_string_equal(said.out, "");
}

static int make_file(void **state)
{
	(void)state;
	close(mkstemp(file));
	return 0;
}

static int remove_file(void **state)
{
	(void)state;
	return unlink(file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_secret_is_whole_or_refused),
		cmocka_unit_test(lines_behind_the_first_are_told_of),
		cmocka_unit_test(nothing_behind_the_line_is_taken_from_a_pipe),
		cmocka_unit_test(a_file_that_cannot_be_read_says_why),
	};

	return cmocka_run_group_tests_name("cli/password", tests, make_file, remove_file);
}
