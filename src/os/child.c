// SPDX-License-Identifier: Apache-2.0
/*
 * os/child.c — one program, run to its end.
 *
 * The keeper: the running server gives up execve (os/seccomp.c), but must run nft later. So before
 * that, while there is one thread, it forks a process that has no secrets and one socket, to its
 * parent. It runs the requested program if the program is on its list. A request is one packet:
 * the arguments as text, input and output as descriptors; the answer is what child_run() returns.
 * It ends when the parent's end of the socket is gone, however that came about.
 *
 * Standard input, output and error are memory files (memfd): nothing has to be pumped while the
 * program runs, no pipe can fill up, and no SIGPIPE can come. posix_spawn() starts
 * it, since fork() in a process with threads may not even allocate.
 */
#include "os/child.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/auto.h"

int child_find(const char *root, const char *name, char ret[static CHILD_PATH_LEN])
{
	static const char *const folders[] = {
		"/usr/sbin", "/sbin", "/usr/bin", "/bin", "/usr/local/sbin"};

	for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
		int n = snprintf(ret, CHILD_PATH_LEN, "%s%s/%s", root, folders[i], name);

		if (n > 0 && n < CHILD_PATH_LEN && access(ret, X_OK) == 0)
			return 0;
	}
	return -ENOENT;
}

static int spawn(const char *const argv[], int in, int out, pid_t *ret_pid)
{
	static char *const env[] = {
		"PATH=/usr/sbin:/sbin:/usr/bin:/bin:/usr/local/sbin", "LC_ALL=C", NULL};
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	sigset_t none, usual;
	int r;

	sigemptyset(&none);
	sigemptyset(&usual);
	sigaddset(&usual, SIGPIPE);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setsigdefault(&attr, &usual);
	posix_spawnattr_setpgroup(&attr, 0); /* a second ^C must not end what undoes things */
	posix_spawnattr_setflags(
		&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_adddup2(&files, in, 0);
	posix_spawn_file_actions_adddup2(&files, out, 1);
	posix_spawn_file_actions_adddup2(&files, out, 2);
	posix_spawn_file_actions_addclosefrom_np(&files, 3); /* what a library left open */
	r = posix_spawn(ret_pid, argv[0], &files, &attr, (char *const *)argv, env);
	posix_spawn_file_actions_destroy(&files);
	posix_spawnattr_destroy(&attr);
	return -r;
}

/* Waits for the end, or makes one. */
static int await(pid_t pid)
{
	int pidfd = (int)syscall(SYS_pidfd_open, pid, 0), status, timeout = 0;
	struct pollfd p = {pidfd, POLLIN, 0};

	if (pidfd >= 0) {
		timeout = poll(&p, 1, CHILD_TIMEOUT_MS) == 0;
		close(pidfd);
	}
	if (timeout)
		kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return timeout ? -ETIMEDOUT : WIFEXITED(status) ? WEXITSTATUS(status) : -ECHILD;
}

/* Runs it here, input and output being files. */
static int run(const char *const argv[], int in, int out)
{
	pid_t pid;
	int r = spawn(argv, in, out, &pid);

	return r < 0 ? r : await(pid);
}

/* ---- the keeper --------------------------------------------------------------------------------- */

#define REQUEST_MAX 4096
#define ARGUMENTS_MAX 32

static struct {
	pthread_mutex_t lock; /* one request at a time */
	int fd;               /* -1: there is none */
	pid_t pid;
} keeper = {PTHREAD_MUTEX_INITIALIZER, -1, 0};

/* The control part of a message with two descriptors. */
union fds_control {
	struct cmsghdr align;
	char octets[CMSG_SPACE(2 * sizeof(int))];
};

static bool is_known(const char *path, const char *const programs[])
{
	char known[CHILD_PATH_LEN];

	for (; *programs; programs++)
		if (child_find("", *programs, known) == 0 && !strcmp(known, path))
			return true;
	return false;
}

/* `text` is `n` octets of arguments, each with its NUL. */
static int obey(char *text, size_t n, const int fds[2], const char *const programs[])
{
	const char *argv[ARGUMENTS_MAX + 1] = {0};
	size_t argc = 0;

	if (!n || text[n - 1])
		return -EINVAL;
	for (char *p = text; p < text + n; p += strlen(p) + 1) {
		if (argc == ARGUMENTS_MAX)
			return -E2BIG;
		argv[argc++] = p;
	}
	return is_known(argv[0], programs) ? run(argv, fds[0], fds[1]) : -EPERM;
}

/* The keeper's life. */
static void keep(int fd, const char *const programs[])
{
	char text[REQUEST_MAX];
	union fds_control control;
	struct iovec data = {text, sizeof(text)};
	int fds[2], r;

	for (;;) {
		struct msghdr m = {.msg_iov = &data,
			.msg_iovlen = 1,
			.msg_control = control.octets,
			.msg_controllen = sizeof(control.octets)};
		ssize_t n = recvmsg(fd, &m, MSG_CMSG_CLOEXEC);
		struct cmsghdr *c = n > 0 ? CMSG_FIRSTHDR(&m) : NULL;

		if (n < 0 && errno == EINTR)
			continue;
		if (!c || c->cmsg_type != SCM_RIGHTS || c->cmsg_len != CMSG_LEN(sizeof(fds)))
			_exit(0); /* the parent is gone */
		memcpy(fds, CMSG_DATA(c), sizeof(fds));
		r = obey(text, (size_t)n, fds, programs);
		close(fds[0]);
		close(fds[1]);
		if (send(fd, &r, sizeof(r), MSG_NOSIGNAL) < 0)
			_exit(0);
	}
}

int child_keeper_start(const char *const programs[])
{
	int pair[2];

	if (keeper.fd >= 0)
		return -EALREADY;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	keeper.pid = fork();
	if (keeper.pid == 0) {
		/* ^C and the service manager signal all processes; the parent still needs this one. */
		signal(SIGINT, SIG_IGN);
		signal(SIGTERM, SIG_IGN);
		signal(SIGHUP, SIG_IGN);
		prctl(PR_SET_NAME, "culvert-keeper", 0, 0, 0);
		dup2(pair[1], 3);
		close_range(4, ~0U, 0);
		keep(3, programs);
	}
	close(pair[1]);
	keeper.fd = pair[0];
	if (keeper.pid > 0)
		return 0;
	close(keeper.fd);
	keeper.fd = -1;
	return -errno;
}

void child_keeper_stop(void)
{
	if (keeper.fd < 0)
		return;
	close(keeper.fd);
	keeper.fd = -1;
	while (waitpid(keeper.pid, NULL, 0) < 0 && errno == EINTR)
		;
}

/* Has the keeper run it. */
static int ask_keeper(const char *const argv[], int in, int out)
{
	char text[REQUEST_MAX];
	union fds_control control = {0};
	struct iovec data = {text, 0};
	struct msghdr m = {.msg_iov = &data,
		.msg_iovlen = 1,
		.msg_control = control.octets,
		.msg_controllen = sizeof(control.octets)};
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	int r = -EIO;

	for (; *argv; argv++) {
		size_t n = strlen(*argv) + 1;

		if (n > sizeof(text) - data.iov_len)
			return -E2BIG;
		memcpy(text + data.iov_len, *argv, n);
		data.iov_len += n;
	}
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(2 * sizeof(int));
	memcpy(CMSG_DATA(c), (const int[2]){in, out}, 2 * sizeof(int));
	pthread_mutex_lock(&keeper.lock);
	if (sendmsg(keeper.fd, &m, MSG_NOSIGNAL) < 0 ||
		recv(keeper.fd, &r, sizeof(r), MSG_WAITALL) != sizeof(r))
		r = -EIO;
	pthread_mutex_unlock(&keeper.lock);
	return r;
}

/* ---- one program --------------------------------------------------------------------------------- */

static void read_output(int fd, char *ret, size_t cap)
{
	ssize_t n = pread(fd, ret, cap - 1, 0);

	ret[n > 0 ? n : 0] = '\0';
	while (n > 0 && ret[n - 1] == '\n')
		ret[--n] = '\0';
}

int child_run(const char *const argv[], const char *input, char *ret_output, size_t cap)
{
	int in = memfd_create("input", MFD_CLOEXEC), out = memfd_create("output", MFD_CLOEXEC);
	size_t n = input ? strlen(input) : 0;
	int r = 0;

	if (in < 0 || out < 0 || (n && write(in, input, n) != (ssize_t)n) ||
		lseek(in, 0, SEEK_SET) < 0)
		r = errno ? -errno : -EIO;
	if (r == 0)
		r = keeper.fd >= 0 ? ask_keeper(argv, in, out) : run(argv, in, out);
	if (cap)
		ret_output[0] = '\0';
	if (cap && out >= 0)
		read_output(out, ret_output, cap);
	if (in >= 0)
		close(in);
	if (out >= 0)
		close(out);
	return r;
}
