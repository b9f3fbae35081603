// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "os/share.h"

static char name[32];

static int choose_name(void **state)
{
	(void)state;
	snprintf(name, sizeof(name), "test-%d", (int)getpid());
	return 0;
}

static int remove_file(void **state)
{
	char path[64];

	(void)state;
	snprintf(path, sizeof(path), "/run/culvert/%s", name);
	unlink(path);
	return 0;
}

static struct share *join(void)
{
	struct share *s = NULL;
	int r = share_join(name, &s);

	if (r < 0) {
		print_message("skipped: not root\n");
		skip();
	}
	return s;
}

static void only_the_last_to_leave_is_told_so(void **state)
{
	struct share *a = join(), *b = join();

	(void)state;
	assert_false(share_leave(a));
	assert_true(share_leave(b));
	assert_false(share_leave(NULL));
}

static void a_process_that_was_killed_counts_as_gone(void **state)
{
	struct share *a = join();
	int ready[2];
	char c;
	pid_t child;

	(void)state;
	assert_int_equal(pipe(ready), 0);
	child = fork();
	if (!child) {
		struct share *s;

		share_join(name, &s);
		if (write(ready[1], "x", 1) == 1)
			pause();
		_exit(1);
	}
	assert_int_equal(read(ready[0], &c, 1), 1);
	assert_false(share_leave(a));
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	assert_true(share_leave(join()));
	close(ready[0]);
	close(ready[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_the_last_to_leave_is_told_so),
		cmocka_unit_test(a_process_that_was_killed_counts_as_gone),
	};

	return cmocka_run_group_tests(tests, choose_name, remove_file);
}
