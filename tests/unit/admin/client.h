// SPDX-License-Identifier: Apache-2.0
/*
 * unit/admin/client.h — a client of a unix socket and the loop that serves it, in one thread: what is
 * sent is served by turns of the loop until the answer is there.
 */
#pragma once
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <uv.h>

/* From here on no descriptor is left for a new one; returns the limit that was there. */
static inline rlim_t client_take_descriptors(void)
{
	struct rlimit limit;
	int next = dup(0);
	rlim_t before;

	getrlimit(RLIMIT_NOFILE, &limit);
	before = limit.rlim_cur;
	limit.rlim_cur = (rlim_t)next;
	close(next);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	return before;
}

static inline void client_give_descriptors(rlim_t before)
{
	struct rlimit limit;

	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = before;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

#define TURNS_MOST 30000 /* of a millisecond at most */

/* A path for a socket in a new folder of its own; remove it with client_forget(). */
static inline void client_path(char ret[static 108])
{
	char folder[64] = "/tmp/culvert-admin-XXXXXX";

	assert_non_null(mkdtemp(folder));
	snprintf(ret, 108, "%s/socket", folder);
}

static inline void client_forget(const char *path)
{
	char folder[108];

	unlink(path);
	snprintf(folder, sizeof(folder), "%s", path);
	*strrchr(folder, '/') = '\0';
	assert_int_equal(rmdir(folder), 0);
}

static inline int client_connect(const char *path)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	strcpy(sa.sun_path, path);
	assert_int_equal(connect(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	return fd;
}

static inline void client_turn(uv_loop_t *loop)
{
	uv_run(loop, UV_RUN_NOWAIT);
	usleep(200);
}

/* Sends all of it; the loop turns while the socket is full. -EPIPE: the other end is closed. */
static inline int client_send(uv_loop_t *loop, int fd, const char *text, size_t n)
{
	for (int i = 0; n && i < TURNS_MOST; i++) {
		ssize_t r = send(fd, text, n, MSG_NOSIGNAL);

		if (r < 0 && errno != EAGAIN)
			return -errno;
		text += r > 0 ? r : 0;
		n -= r > 0 ? (size_t)r : 0;
		client_turn(loop);
	}
	assert_int_equal(n, 0);
	return 0;
}

/* Until a line is whole, or the end (0). Returns its length, without its end. */
static inline size_t client_line(uv_loop_t *loop, int fd, char *ret, size_t cap)
{
	size_t n = 0;
	int turns = 0;

	while (turns < TURNS_MOST) {
		ssize_t r = recv(fd, ret + n, 1, 0);

		if (r == 0 || (r < 0 && errno == ECONNRESET))
			return 0;
		if (r < 0) {
			client_turn(loop);
			turns++;
			continue;
		}
		if (ret[n] == '\n') {
			ret[n] = '\0';
			return n;
		}
		assert_true(++n < cap);
	}
	fail_msg("no answer");
	return 0;
}

/* Until the other end closes. */
static inline size_t client_all(uv_loop_t *loop, int fd, char *ret, size_t cap)
{
	size_t n = 0;

	for (int i = 0; i < TURNS_MOST; i++) {
		ssize_t r = recv(fd, ret + n, cap - 1 - n, 0);

		if (r == 0 || (r < 0 && errno == ECONNRESET)) {
			ret[n] = '\0';
			return n;
		}
		n += r > 0 ? (size_t)r : 0;
		if (r < 0)
			client_turn(loop);
	}
	fail_msg("it is not closed");
	return 0;
}
