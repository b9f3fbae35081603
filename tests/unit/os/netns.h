/*
 * tests/unit/os/netns.h — a network namespace of the test's own, for what needs a real kernel.
 *
 *     static void a_test(void **state) { NEED_NETNS(); NEED_TUN(); ... }
 *
 * A test makes the conditions that it needs where it may; what this machine lacks all the same is
 * the reason that it prints when it is skipped ("the kernel lacks ...": the ladder takes no other
 * for an excuse when it is run with --ci). Each NEED comes before the test opens anything.
 */
#pragma once
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define SKIP_FOR(...)                                                                              \
	do {                                                                                       \
		print_message("skipped: " __VA_ARGS__);                                            \
		print_message("\n");                                                               \
		skip();                                                                            \
	} while (0)

/* A switch below /proc/sys; what is refused is seen by the test that needs it. */
static inline void write_sysctl(const char *path, const char *value)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd >= 0 && write(fd, value, strlen(value)) < 0)
		errno = 0;
	if (fd >= 0)
		close(fd);
}

/* Containers see /proc/sys read-only; root may have a view of its own. */
static inline int can_write_sysctls(void)
{
	static const char path[] = "/proc/sys/net/ipv4/ip_forward";

	if (access(path, W_OK) == 0)
		return 1;
	return !unshare(CLONE_NEWNS) && !mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) &&
	       !mount(NULL, "/proc/sys", NULL, MS_REMOUNT | MS_BIND, NULL) && !access(path, W_OK);
}

/* A machine may be set up without IPv6 in new namespaces (disable_ipv6); a kernel may have none. */
static inline int has_ipv6(void)
{
	char off = '1';
	int fd;

	can_write_sysctls();
	write_sysctl("/proc/sys/net/ipv6/conf/all/disable_ipv6", "0");
	write_sysctl("/proc/sys/net/ipv6/conf/default/disable_ipv6", "0");
	fd = open("/proc/sys/net/ipv6/conf/default/disable_ipv6", O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read(fd, &off, 1) != 1)
		off = '1';
	if (fd >= 0)
		close(fd);
	fd = off == '0' ? socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0) : -1;
	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

/* A fresh, empty namespace for the calling thread; loopback is down. */
#define NEED_NETNS()                                                                               \
	do {                                                                                       \
		if (unshare(CLONE_NEWNET) < 0)                                                     \
			SKIP_FOR("no network namespace without root (%s)", strerror(errno));       \
	} while (0)

/* In the namespace. */
#define NEED_IPV6()                                                                                \
	do {                                                                                       \
		if (!has_ipv6())                                                                   \
			SKIP_FOR("the kernel lacks IPv6 here");                                    \
	} while (0)

#define NEED_SYSCTLS()                                                                             \
	do {                                                                                       \
		if (!can_write_sysctls())                                                          \
			SKIP_FOR("the kernel lacks a /proc/sys that can be written");              \
	} while (0)

static inline int can_open_tun(void)
{
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

#define NEED_TUN()                                                                                 \
	do {                                                                                       \
		if (!can_open_tun())                                                               \
			SKIP_FOR("the kernel lacks /dev/net/tun: %s", strerror(errno));            \
	} while (0)

/* Another user than root; a user namespace may know root alone. */
static inline int can_become_nobody(void)
{
	if (seteuid(65534) < 0)
		return 0;
	return seteuid(0) == 0;
}

#define NEED_NOBODY()                                                                              \
	do {                                                                                       \
		if (!can_become_nobody())                                                          \
			SKIP_FOR("the kernel lacks user 65534 here: %s", strerror(errno));         \
	} while (0)

/* Runs a command (iproute2 and its like) and fails the test when it fails. */
#define RUN(command) assert_int_equal(system(command), 0)

/* Does the command's output hold `text`? */
static inline int output_has(const char *command, const char *text)
{
	char out[16384];
	FILE *f = popen(command, "r");
	size_t n;

	assert_non_null(f);
	n = fread(out, 1, sizeof(out) - 1, f);
	out[n] = '\0';
	pclose(f);
	return strstr(out, text) != NULL;
}
