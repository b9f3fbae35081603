// SPDX-License-Identifier: Apache-2.0
/* os/notify.c against a manager's socket made here. */
#include "netns.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "base/addr.h"
#include "os/notify.h"
#include "os/socket.h"

#ifdef HAVE_SYSTEMD
static const bool built_in = true;
#else
static const bool built_in = false;
#endif

#define NEED_SYSTEMD()                                                                             \
	do {                                                                                       \
		if (!built_in) {                                                                   \
			print_message("skipped: built without libsystemd\n");                      \
			skip();                                                                    \
		}                                                                                  \
	} while (0)

static void without_a_manager_nothing_happens(void **state)
{
	int fd;

	unsetenv("NOTIFY_SOCKET");
	unsetenv("LISTEN_FDS");
	unsetenv("WATCHDOG_USEC");
	notify_ready("x");
	notify_reloading();
	notify_watchdog();
	notify_stopping("x");
	assert_int_equal(notify_watchdog_ms(), 0);
	assert_int_equal(notify_listen_fds(&fd, 1), 0);
}

static void expect(int fd, const char *text)
{
	char got[256];
	ssize_t n = recv(fd, got, sizeof(got) - 1, MSG_DONTWAIT);

	assert_true(n > 0);
	got[n] = '\0';
	assert_non_null(strstr(got, text));
}

static void the_manager_hears_how_it_goes(void **state)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

	NEED_SYSTEMD();
	snprintf(sa.sun_path, sizeof(sa.sun_path), "/tmp/culvert-notify-%d", getpid());
	assert_int_equal(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	setenv("NOTIFY_SOCKET", sa.sun_path, 1);
	notify_ready("listening on [::]:443");
	expect(fd, "READY=1\nSTATUS=listening on [::]:443");
	notify_reloading();
	expect(fd, "RELOADING=1\nMONOTONIC_USEC=");
	notify_stopping("bye");
	expect(fd, "STOPPING=1");
	setenv("WATCHDOG_USEC", "10000000", 1);
	assert_int_equal(notify_watchdog_ms(), 5000);
	notify_watchdog();
	expect(fd, "WATCHDOG=1");
	unlink(sa.sun_path);
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	close(fd);
}

/* Descriptors 3 (a listener), 4 (no listener) and 5 (a listener) are given. */
static int activated(void)
{
	struct endpoint any = {.addr = {.family = AF_INET}};
	int a, b, idle = socket(AF_INET, SOCK_DGRAM, 0), fds[4] = {-1, -1, -1, -1};
	char pid[16];

	if (socket_listen(&any, 4, &a, NULL) < 0 || socket_listen(&any, 4, &b, NULL) < 0)
		return 1;
	a = fcntl(a, F_DUPFD, 20);
	b = fcntl(b, F_DUPFD, 20);
	idle = fcntl(idle, F_DUPFD, 20);
	dup2(a, 3);
	dup2(idle, 4);
	dup2(b, 5);
	snprintf(pid, sizeof(pid), "%d", getpid());
	setenv("LISTEN_PID", pid, 1);
	setenv("LISTEN_FDS", "3", 1);
	if (notify_listen_fds(fds, 4) != 2 || fds[0] != 3 || fds[1] != 5)
		return 2;
	if (fcntl(4, F_GETFD) >= 0) /* closed */
		return 3;
	if (!(fcntl(3, F_GETFL) & O_NONBLOCK) || !(fcntl(5, F_GETFD) & FD_CLOEXEC))
		return 4;
	return getenv("LISTEN_FDS") ? 5 : 0;
}

static void sockets_passed_in_are_taken_and_others_closed(void **state)
{
	int status;
	pid_t pid;

	NEED_SYSTEMD();
	pid = fork();
	if (pid == 0)
		_exit(activated());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_a_manager_nothing_happens),
		cmocka_unit_test(the_manager_hears_how_it_goes),
		cmocka_unit_test(sockets_passed_in_are_taken_and_others_closed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
