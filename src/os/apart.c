// SPDX-License-Identifier: Apache-2.0
#include "os/apart.h"

#include <cap-ng.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"

#define RESOLV_CONF "/etc/resolv.conf"
#define COPY_MAX 16384

/* ---- the user ---------------------------------------------------------- */

static int write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), r = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		r = -errno;
	close(fd);
	return r;
}

static long number_in(const char *path)
{
	FILE *f = fopen(path, "re");
	long n = -1;

	if (f && fscanf(f, "%ld", &n) != 1)
		n = -1;
	if (f)
		fclose(f);
	return n;
}

/* Which switch of this kernel closes user namespaces; "": none of those known. */
static const char *closed_by(void)
{
	static const struct {
		const char *path, *name;
		long closed;
	} switches[] = {
		{"/proc/sys/user/max_user_namespaces", "user.max_user_namespaces = 0", 0},
		{"/proc/sys/kernel/unprivileged_userns_clone",
			"kernel.unprivileged_userns_clone = 0", 0},
		{"/proc/sys/kernel/apparmor_restrict_unprivileged_userns",
			"kernel.apparmor_restrict_unprivileged_userns = 1", 1},
	};

	for (size_t i = 0; i < ARRAY_SIZE(switches); i++)
		if (number_in(switches[i].path) == switches[i].closed)
			return switches[i].name;
	return "";
}

static int refuse(struct os_failure *why, int error, const char *what)
{
	const char *by = closed_by();

	return os_fail(why, EV_USER_NAMESPACE_CLOSED, error, "%s as user %u%s%s", what, geteuid(),
		*by ? ", with " : "", by);
}

static bool has_the_right(void)
{
	return capng_get_caps_process() == 0 &&
	       capng_have_capability(CAPNG_EFFECTIVE, CAP_SYS_ADMIN) &&
	       capng_have_capability(CAPNG_EFFECTIVE, CAP_NET_ADMIN);
}

int apart_user(struct os_failure *why)
{
	unsigned uid = geteuid(), gid = getegid();
	char users[64], groups[64];
	int r;

	if (has_the_right())
		return 0;
	if (unshare(CLONE_NEWUSER) < 0)
		return refuse(why, -errno, "make a user namespace");
	snprintf(users, sizeof(users), "%u %u 1", uid, uid);
	snprintf(groups, sizeof(groups), "%u %u 1", gid, gid);
	write_text("/proc/self/setgroups", "deny");
	r = write_text("/proc/self/uid_map", users);
	if (r == 0)
		r = write_text("/proc/self/gid_map", groups);
	return r < 0 ? refuse(why, r, "keep the user's number in a user namespace") : 0;
}

/* ---- the network ---------------------------------------------------------- */

static int raise_loopback(void)
{
	struct ifreq ifr = {.ifr_name = "lo", .ifr_flags = IFF_UP};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), r = 0;

	if (fd < 0)
		return -errno;
	if (ioctl(fd, SIOCSIFFLAGS, &ifr) < 0)
		r = -errno;
	close(fd);
	return r;
}

/* ping(8) without rights works as on the machine itself. */
static void allow_ping(void)
{
	char range[32];

	snprintf(range, sizeof(range), "%u %u", getegid(), getegid());
	write_text("/proc/sys/net/ipv4/ping_group_range", range);
}

/* ---- names ---------------------------------------------------------- */

static size_t read_copy(char ret[static COPY_MAX])
{
	FILE *f = fopen(RESOLV_CONF, "re");
	size_t n = f ? fread(ret, 1, COPY_MAX, f) : 0;

	if (f)
		fclose(f);
	return n < COPY_MAX ? n : 0;
}

static int write_copy(const char *path, const char *text, size_t n)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644), r = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, n) != (ssize_t)n)
		r = -EIO;
	close(fd);
	return r;
}

/*
 * The file lies in a tmpfs, which stands on /tmp for this moment only; the mount of the one file keeps it.
 * A symbolic link leads to where the file is mounted.
 */
static int own_resolv_conf(void)
{
	AUTO_MEM char *text = malloc(COPY_MAX);
	size_t n = text ? read_copy(text) : 0;
	char at[PATH_MAX];
	int r = 0;

	if (!text)
		return -ENOMEM;
	if (!realpath(RESOLV_CONF, at))
		return -errno;
	if (mount("culvert", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0755") < 0)
		return -errno;
	r = write_copy("/tmp/resolv.conf", text, n);
	if (r == 0 && mount("/tmp/resolv.conf", at, NULL, MS_BIND, NULL) < 0)
		r = -errno;
	umount2("/tmp", MNT_DETACH);
	return r;
}

/* nss-resolve and nscd would look names up outside, whatever resolv.conf says. */
static void hide_resolvers(void)
{
	static const char *const sockets[] = {"/run/systemd/resolve/io.systemd.Resolve",
		"/run/nscd/socket", "/run/avahi-daemon/socket"};
	struct stat st;

	for (size_t i = 0; i < ARRAY_SIZE(sockets); i++)
		if (stat(sockets[i], &st) == 0)
			mount("/dev/null", sockets[i], NULL, MS_BIND, NULL);
}

int apart_network(struct os_failure *why)
{
	int r;

	if (unshare(CLONE_NEWNET | CLONE_NEWNS) < 0)
		return refuse(why, -errno, "make a network and a mount namespace");
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return refuse(why, -errno, "keep mounts to itself");
	r = raise_loopback();
	if (r < 0)
		return refuse(why, r, "bring up lo in a network namespace");
	allow_ping();
	hide_resolvers();
	r = own_resolv_conf();
	if (r < 0)
		os_fail(why, EV_DNS_NOT_SET, r, "mount an " RESOLV_CONF " of its own");
	return r < 0;
}

int apart_join(pid_t pid, struct os_failure *why)
{
	static const struct {
		const char *name;
		int type;
	} namespaces[] = {{"net", CLONE_NEWNET}, {"mnt", CLONE_NEWNS}};
	char path[64], cwd[PATH_MAX];
	bool known = getcwd(cwd, sizeof(cwd)) != NULL;

	for (size_t i = 0; i < ARRAY_SIZE(namespaces); i++) {
		int fd, r;

		snprintf(path, sizeof(path), "/proc/%d/ns/%s", (int)pid, namespaces[i].name);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		r = fd < 0 || setns(fd, namespaces[i].type) < 0 ? -errno : 0;
		if (fd >= 0)
			close(fd);
		if (r < 0)
			return refuse(why, r, "join the tunnel's namespaces");
	}
	if (known && chdir(cwd) < 0) /* setns() to a mount namespace leads to its root */
		return os_fail(why, EV_USER_NAMESPACE_CLOSED, -errno, "go back to the folder");
	return 0;
}
