// SPDX-License-Identifier: Apache-2.0
/* admin/unix_socket.c: a dead server's socket goes, a living one's and any other file stay. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <fcntl.h>

#include "admin/unix_socket.h"
#include "unit/admin/client.h"

static char path[108];

static int setup(void **state)
{
	(void)state;
	client_path(path);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	client_forget(path);
	return 0;
}

static int listener(void)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	strcpy(sa.sun_path, path);
	assert_int_equal(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	assert_int_equal(listen(fd, 1), 0);
	return fd;
}

static void a_free_path_stays_free(void **state)
{
	(void)state;
	assert_int_equal(unix_socket_clear(path), 0);
	assert_int_equal(access(path, F_OK), -1);
}

static void a_dead_servers_socket_is_removed(void **state)
{
	(void)state;
	close(listener());
	assert_int_equal(access(path, F_OK), 0);
	assert_int_equal(unix_socket_clear(path), 0);
	assert_int_equal(access(path, F_OK), -1);
}

static void a_living_servers_socket_stays(void **state)
{
	int fd = listener();

	(void)state;
	assert_int_equal(unix_socket_clear(path), -EADDRINUSE);
	for (int i = 0; i < 10; i++) /* its queue is full: that is no sign of death */
		assert_int_equal(unix_socket_clear(path), -EADDRINUSE);
	assert_int_equal(access(path, F_OK), 0);
	close(fd);
}

static void another_file_or_a_link_stays(void **state)
{
	int fd = open(path, O_CREAT | O_WRONLY, 0600);

	(void)state;
	close(fd);
	assert_int_equal(unix_socket_clear(path), -EEXIST);
	assert_int_equal(access(path, F_OK), 0);
	unlink(path);
	assert_int_equal(symlink("/no/such/file", path), 0);
	assert_int_equal(unix_socket_clear(path), -EEXIST);
	assert_int_equal(unlink(path), 0);
}

static void a_path_that_is_too_long_or_of_no_folder_is_an_error(void **state)
{
	char wide[200];

	(void)state;
	memset(wide, 'w', sizeof(wide) - 1);
	wide[sizeof(wide) - 1] = '\0';
	assert_int_equal(unix_socket_clear(wide), -ENAMETOOLONG);
	assert_int_equal(unix_socket_clear("/dev/null/socket"), -ENOTDIR);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_free_path_stays_free),
		CASE(a_dead_servers_socket_is_removed),
		CASE(a_living_servers_socket_stays),
		CASE(another_file_or_a_link_stays),
		CASE(a_path_that_is_too_long_or_of_no_folder_is_an_error),
	};

	return cmocka_run_group_tests_name("admin/unix_socket", tests, NULL, NULL);
}
