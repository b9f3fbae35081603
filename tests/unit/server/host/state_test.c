// SPDX-License-Identifier: Apache-2.0
/* server/host/state.c: a folder of its own, and one server in it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sys/wait.h>

#include "unit/server/host/host.h"

static void a_missing_folder_is_made_for_its_owner_and_group(void **state)
{
	struct stat st;

	(void)state;
	configure_below("/new", "");
	assert_int_equal(host_open_state(&host), 0);
	assert_int_equal(stat(in_folder("new"), &st), 0);
	assert_true(S_ISDIR(st.st_mode));
	assert_int_equal(st.st_mode & 0027, 0); /* less with a strict umask */
	assert_int_equal(access(in_folder("new/culvert.lock"), F_OK), 0);
}

/* Another process: a lock is a process's. */
static void a_second_server_is_refused_and_names_the_first(void **state)
{
	char holder[32];
	int status;
	pid_t pid;

	(void)state;
	assert_int_equal(host_open_state(&host), 0);
	snprintf(holder, sizeof(holder), "pid=%d", getpid());
	pid = fork();
	if (!pid) {
		struct host second = {.context = &context, .lock = -1};

		if (host_open_state(&second) != layer_exit_code(LAYER_LOCAL))
			_exit(1);
		if (said(EV_SERVER_ALREADY_RUNNING) != 1)
			_exit(2);
		_exit(strstr(logged_text[0], holder) ? 0 : 3);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void the_next_start_may_follow_the_end(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++) {
		assert_int_equal(host_open_state(&host), 0);
		host_close_state(&host);
		host.lock = -1;
	}
	assert_int_equal(n_logged, 0);
}

static void what_is_no_folder_is_refused_with_its_path(void **state)
{
	(void)state;
	put_file("file", "x");
	configure_below("/file", "");
	assert_int_equal(host_open_state(&host), layer_exit_code(LAYER_LOCAL));
	assert_int_equal(said(EV_STATE_FOLDER), 1);
	assert_non_null(strstr(logged_text[0], in_folder("file")));
}

static void a_folder_below_nothing_is_not_made(void **state)
{
	(void)state;
	configure_below("/a/b", "");
	assert_int_equal(host_open_state(&host), layer_exit_code(LAYER_LOCAL));
	assert_int_equal(said(EV_STATE_FOLDER), 1);
	assert_int_equal(access(in_folder("a"), F_OK), -1);
}

static void closing_what_was_not_opened_is_nothing(void **state)
{
	(void)state;
	host_close_state(&host);
	assert_int_equal(n_logged, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_missing_folder_is_made_for_its_owner_and_group),
		CASE(a_second_server_is_refused_and_names_the_first),
		CASE(the_next_start_may_follow_the_end),
		CASE(what_is_no_folder_is_refused_with_its_path),
		CASE(a_folder_below_nothing_is_not_made),
		CASE(closing_what_was_not_opened_is_nothing),
	};

	return cmocka_run_group_tests_name("server/host/state", tests, NULL, NULL);
}
