// SPDX-License-Identifier: Apache-2.0
/* base/lockfile.c: one process at a time, however it ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/lockfile.h"

static char folder[64], path[96];

static int setup(void **state)
{
	(void)state;
	strcpy(folder, "/tmp/culvert-lock-XXXXXX");
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/lock", folder);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(folder);
}

/* A child that holds the lock until it is killed, with a child of its own that outlives it. */
static pid_t holder(pid_t *ret_grandchild)
{
	int pipes[2], fd;
	pid_t pid, other;

	assert_int_equal(pipe(pipes), 0);
	pid = fork();
	if (pid == 0) {
		if (lockfile_take(path, &fd, &other) < 0)
			_exit(1);
		other = fork();
		if (other == 0)
			pause();
		if (write(pipes[1], &other, sizeof(other)) == sizeof(other))
			pause();
		_exit(1);
	}
	assert_int_equal(read(pipes[0], ret_grandchild, sizeof(*ret_grandchild)), sizeof(pid_t));
	close(pipes[0]);
	close(pipes[1]);
	return pid;
}

static void the_second_process_learns_who_has_it(void **state)
{
	pid_t grandchild, pid = holder(&grandchild), found = 0;
	int fd = -1;

	(void)state;
	assert_int_equal(lockfile_take(path, &fd, &found), -EBUSY);
	assert_int_equal(found, pid);
	assert_int_equal(fd, -1);
	found = 0;
	assert_int_equal(lockfile_holder(path, &found), 0);
	assert_int_equal(found, pid);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	/* What the dead server had forked (the keeper of nft) holds nothing. */
	assert_int_equal(lockfile_holder(path, &found), -ESRCH);
	assert_int_equal(lockfile_take(path, &fd, &found), 0);
	close(fd);
	kill(grandchild, SIGKILL);
}

static void no_file_is_no_holder_and_is_made_private(void **state)
{
	struct stat st;
	pid_t found;
	int fd;

	(void)state;
	assert_int_equal(lockfile_holder(path, &found), -ESRCH);
	assert_int_equal(lockfile_take(path, &fd, &found), 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	close(fd);
	assert_int_equal(lockfile_holder(path, &found), -ESRCH);
}

/* The folder may be another user's, who may put anything there. */
static void a_link_and_a_pipe_are_refused(void **state)
{
	pid_t found;
	int fd;

	(void)state;
	assert_int_equal(symlink("/etc/passwd", path), 0);
	assert_int_equal(lockfile_take(path, &fd, &found), -ELOOP);
	unlink(path);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(lockfile_take(path, &fd, &found), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			the_second_process_learns_who_has_it, setup, teardown),
		cmocka_unit_test_setup_teardown(
			no_file_is_no_holder_and_is_made_private, setup, teardown),
		cmocka_unit_test_setup_teardown(a_link_and_a_pipe_are_refused, setup, teardown),
	};

	return cmocka_run_group_tests_name("base/lockfile", tests, NULL, NULL);
}
