// SPDX-License-Identifier: Apache-2.0
#include "base/lockfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A file that root makes in another user's folder must be that user's, or its next start fails. */
static void give_to_owner_of_folder(int fd, const char *path)
{
	const char *slash = strrchr(path, '/');
	char folder[4096] = ".";
	struct stat st;

	if (slash && (size_t)(slash - path) < sizeof(folder))
		snprintf(folder, sizeof(folder), "%.*s", (int)(slash - path), path);
	if (!geteuid() && !stat(folder, &st) && fchown(fd, st.st_uid, st.st_gid) < 0)
		errno = 0; /* a file system without owners */
}

static int open_file(const char *path)
{
	const int flags = O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK;
	int fd = open(path, flags | O_CREAT | O_EXCL, 0600);
	struct stat st;

	if (fd >= 0) {
		give_to_owner_of_folder(fd, path);
		return fd;
	}
	if (errno != EEXIST)
		return -errno;
	fd = open(path, flags);
	if (fd < 0)
		return -errno;
	if (!fstat(fd, &st) && S_ISREG(st.st_mode))
		return fd;
	close(fd);
	return -EINVAL;
}

static struct flock whole(void)
{
	return (struct flock){.l_type = F_WRLCK, .l_whence = SEEK_SET};
}

int lockfile_take(const char *path, int *ret_fd, pid_t *ret_holder)
{
	struct flock lock = whole();
	int fd = open_file(path), r = 0;

	if (fd < 0)
		return fd;
	if (fcntl(fd, F_SETLK, &lock) < 0)
		r = errno == EACCES || errno == EAGAIN ? -EBUSY : -errno;
	if (!r) {
		*ret_fd = fd;
		return 0;
	}
	*ret_holder = r == -EBUSY && !fcntl(fd, F_GETLK, &lock) && lock.l_type != F_UNLCK
			      ? lock.l_pid
			      : 0;
	close(fd);
	return r;
}

int lockfile_holder(const char *path, pid_t *ret_holder)
{
	struct flock lock = whole();
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK), r;

	if (fd < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	r = fcntl(fd, F_GETLK, &lock) < 0 ? -errno : lock.l_type == F_UNLCK ? -ESRCH : 0;
	close(fd);
	if (!r)
		*ret_holder = lock.l_pid;
	return r;
}
