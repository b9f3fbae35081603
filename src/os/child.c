/*
 * os/child.c — one program, run to its end.
 *
 * Standard input, output and error are memory files (memfd): nothing has to be pumped while the
 * program runs, a full pipe blocks nobody and a broken one raises no SIGPIPE. posix_spawn() starts
 * it, since fork() in a process with threads may not even allocate.
 */
#include "os/child.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
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
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
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
	pid_t pid;
	int r = 0;

	if (in < 0 || out < 0 || (n && write(in, input, n) != (ssize_t)n) ||
		lseek(in, 0, SEEK_SET) < 0)
		r = errno ? -errno : -EIO;
	if (r == 0)
		r = spawn(argv, in, out, &pid);
	if (r == 0)
		r = await(pid);
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
