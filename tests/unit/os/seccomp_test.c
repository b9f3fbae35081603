// SPDX-License-Identifier: Apache-2.0
/* os/seccomp.c: each test enters the sandbox in a child and tries what is left. */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "os/child.h"
#include "os/seccomp.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1 /* the sanitizer's own calls stay allowed, ptrace and clone among them */
#endif
#endif

/* Runs f in a child; its number of the first check that failed, 0 for none. */
static int in_child(int (*f)(void))
{
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(f());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

#define REFUSED(call) (errno = 0, (long)(call) == -1 && errno == ENOSYS)

static int tries_what_is_forbidden(void)
{
	char *const argv[] = {"/bin/true", NULL};

	if (seccomp_enter(false, NULL) < 0)
		return 1;
	if (!REFUSED(execve(argv[0], argv, NULL)))
		return 2;
	if (!REFUSED(mount("none", "/mnt", "tmpfs", 0, NULL)))
		return 3;
	if (!REFUSED(unshare(CLONE_NEWUSER)))
		return 4;
	if (!REFUSED(socket(AF_PACKET, SOCK_RAW, 0)))
		return 5;
	if (!REFUSED(setuid(0)) || !REFUSED(chroot("/")))
		return 6;
	if (!REFUSED(syscall(SYS_bpf, 5 /* BPF_PROG_LOAD */, NULL, 0)))
		return 7;
	if (!REFUSED(syscall(SYS_init_module, NULL, 0, "")))
		return 8;
#ifndef SANITIZED
	if (!REFUSED(ptrace(PTRACE_TRACEME, 0, NULL, NULL)))
		return 9;
	if (!REFUSED(fork()))
		return 10;
	if (!REFUSED(mmap(NULL, 4096, PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)))
		return 11;
#endif
	return 0;
}

static void what_the_server_never_does_is_refused(void **state)
{
	assert_int_equal(in_child(tries_what_is_forbidden), 0);
}

static void *nothing(void *arg)
{
	return arg;
}

static int tries_what_is_needed(void)
{
	pthread_t thread;
	void *end;
	int fd;

	if (seccomp_enter(false, NULL) < 0)
		return 1;
	if (pthread_create(&thread, NULL, nothing, &end) || pthread_join(thread, &end))
		return 2;
	fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 && errno != EAFNOSUPPORT)
		return 3;
	if (mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
		MAP_FAILED)
		return 4;
	return getpid() > 0 ? 0 : 5;
}

static void what_the_server_does_still_works(void **state)
{
	assert_int_equal(in_child(tries_what_is_needed), 0);
}

static pthread_barrier_t barrier;

static void *tries_late(void *arg)
{
	pthread_barrier_wait(&barrier); /* until the other thread is inside */
	return REFUSED(unshare(CLONE_NEWNS)) ? arg : NULL;
}

static int another_thread_was_there(void)
{
	pthread_t thread;
	int right;
	void *end = NULL;

	pthread_barrier_init(&barrier, NULL, 2);
	if (pthread_create(&thread, NULL, tries_late, &right) || seccomp_enter(false, NULL) < 0)
		return 1;
	pthread_barrier_wait(&barrier);
	pthread_join(thread, &end);
	return end == &right ? 0 : 2;
}

static void threads_that_are_there_already_are_bound_too(void **state)
{
	assert_int_equal(in_child(another_thread_was_there), 0);
}

static int only_logs(void)
{
	char *const argv[] = {"/bin/true", NULL};

	if (seccomp_enter(true, NULL) < 0)
		return 1;
	execve(argv[0], argv, NULL);
	return 2;
}

static void with_log_only_everything_goes_on(void **state)
{
	assert_int_equal(in_child(only_logs), 0); /* the exit code of /bin/true */
}

static int has_a_keeper(void)
{
	static const char *const programs[] = {"cat", NULL};
	char cat[CHILD_PATH_LEN], out[64];

	if (child_find("", "cat", cat) < 0 || child_keeper_start(programs) < 0 ||
		seccomp_enter(false, NULL) < 0)
		return 1;
	if (child_run((const char *const[]){cat, NULL}, "table", out, sizeof(out)) != 0)
		return 2;
	child_keeper_stop();
	return out[0] == 't' ? 0 : 3;
}

static void the_keeper_still_runs_programs(void **state)
{
	assert_int_equal(in_child(has_a_keeper), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_the_server_never_does_is_refused),
		cmocka_unit_test(what_the_server_does_still_works),
		cmocka_unit_test(threads_that_are_there_already_are_bound_too),
		cmocka_unit_test(with_log_only_everything_goes_on),
		cmocka_unit_test(the_keeper_still_runs_programs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
