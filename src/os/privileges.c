// SPDX-License-Identifier: Apache-2.0
/*
 * os/privileges.c — libcap-ng.
 *
 * CAP_NET_ADMIN is kept in the ambient set too, or the nft that removes our table at the end would
 * run without it. The bounding set goes as well, and no_new_privs is set: two locks against a set-uid
 * program that would restore them.
 */
#include "os/privileges.h"

#include <cap-ng.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef CAP_BPF
#define CAP_BPF 39 /* Linux 5.8 */
#endif

#define KEEP (CAPNG_EFFECTIVE | CAPNG_PERMITTED | CAPNG_INHERITABLE | CAPNG_BOUNDING_SET)

static int find_user(const char *name, uid_t *ret_uid, gid_t *ret_gid)
{
	const struct passwd *pw;
	char *end;
	unsigned long number = strtoul(name, &end, 10);

	errno = 0;
	pw = *name && !*end ? getpwuid((uid_t)number) : getpwnam(name);
	if (!pw)
		return errno ? -errno : -ENOENT;
	*ret_uid = pw->pw_uid;
	*ret_gid = pw->pw_gid;
	return 0;
}

static int take_groups(uid_t uid)
{
	const struct passwd *pw = getpwuid(uid);

	return !pw || initgroups(pw->pw_name, pw->pw_gid) < 0 ? -errno : 0;
}

int privileges_give(const char *path, const char *user, struct os_failure *why)
{
	uid_t uid;
	gid_t gid;
	int r = find_user(user, &uid, &gid);

	if (r == 0 && chown(path, uid, gid) < 0)
		r = -errno;
	return r < 0 ? os_fail(why, EV_PRIVILEGES_NOT_DROPPED, r, "give %s to %s", path, user) : 0;
}

/* The capabilities to keep, as far as this kernel knows them; their number. */
static unsigned wanted(const struct privileges_opts *o, unsigned ret[static 3])
{
	unsigned n = 0;

	if (o->net_admin)
		ret[n++] = CAP_NET_ADMIN;
	if (o->bpf && CAP_BPF <= CAP_LAST_CAP)
		ret[n++] = CAP_BPF;
	if (o->bind_service)
		ret[n++] = CAP_NET_BIND_SERVICE;
	return n;
}

static int drop_capabilities(const struct privileges_opts *o, uid_t uid, gid_t gid)
{
	unsigned keep[3], n = wanted(o, keep);

	capng_clear(CAPNG_SELECT_BOTH);
	for (unsigned i = 0; i < n; i++)
		capng_update(CAPNG_ADD, KEEP, keep[i]);
	if (o->user && capng_change_id((int)uid, (int)gid, CAPNG_CLEAR_BOUNDING) < 0)
		return -EPERM;
	if (!o->user && capng_apply(CAPNG_SELECT_BOTH) < 0)
		return -EPERM;
	for (unsigned i = 0; i < n; i++)
		if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, keep[i], 0, 0) < 0 &&
			errno != EINVAL)
			return -errno;
	return 0;
}

int privileges_drop(const struct privileges_opts *opts, struct os_failure *why)
{
	const char *who = opts->user ? opts->user : "this user with fewer rights";
	uid_t uid = getuid();
	gid_t gid = getgid();
	int r = 0;

	if (geteuid() == 0) {
		if (opts->user)
			r = find_user(opts->user, &uid, &gid);
		if (r == 0 && opts->user)
			r = take_groups(uid);
		if (r == 0)
			r = drop_capabilities(opts, uid, gid);
	}
	if (r == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		r = -errno;
	return r < 0 ? os_fail(why, EV_PRIVILEGES_NOT_DROPPED, r, "become %s", who) : 0;
}

int privileges_find(const char *user)
{
	uid_t uid;
	gid_t gid;

	return find_user(user, &uid, &gid);
}

static int try_here(const char *path, bool to_write)
{
	int fd = to_write ? access(path, W_OK | X_OK)
			  : open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);

	if (fd < 0)
		return errno;
	if (!to_write)
		close(fd);
	return 0;
}

/* In a child: becoming another user is for ever. */
static int try_as(uid_t uid, gid_t gid, const char *path, bool to_write)
{
	int status = 0;
	pid_t child = fork();

	if (child < 0)
		return -errno;
	if (!child) {
		if (take_groups(uid) < 0 || setgid(gid) < 0 || setuid(uid) < 0)
			_exit(EPERM);
		_exit(try_here(path, to_write));
	}
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFEXITED(status) ? -WEXITSTATUS(status) : -EIO;
}

int privileges_try(const char *user, const char *path, bool to_write)
{
	uid_t uid = geteuid();
	gid_t gid = getegid();
	int r = user ? find_user(user, &uid, &gid) : 0;

	if (r < 0)
		return r;
	if (uid == geteuid())
		return -try_here(path, to_write);
	return geteuid() ? -EPERM : try_as(uid, gid, path, to_write);
}
