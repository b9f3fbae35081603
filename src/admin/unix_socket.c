// SPDX-License-Identifier: Apache-2.0
#include "admin/unix_socket.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static bool is_alive(const char *path)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool alive;

	strncpy(sa.sun_path, path, sizeof(sa.sun_path) - 1);
	/* Only a refusal says that no process listens; a full queue or a missing right does not. */
	alive = fd < 0 || !connect(fd, (struct sockaddr *)&sa, sizeof(sa)) || errno != ECONNREFUSED;
	if (fd >= 0)
		close(fd);
	return alive;
}

int unix_socket_clear(const char *path)
{
	struct stat st;

	if (strlen(path) >= sizeof(((struct sockaddr_un *)0)->sun_path))
		return -ENAMETOOLONG;
	if (lstat(path, &st) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode))
		return -EEXIST;
	if (is_alive(path))
		return -EADDRINUSE;
	return unlink(path) < 0 ? -errno : 0;
}
