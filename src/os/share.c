// SPDX-License-Identifier: Apache-2.0
#include "os/share.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define SHARE_FOLDER "/run/culvert"

struct share {
	int fd;
};

int share_join(const char *name, struct share **ret)
{
	struct share *s = malloc(sizeof(*s));
	char path[128];

	if (!s)
		return -ENOMEM;
	mkdir(SHARE_FOLDER, 0755); /* there already, or open() says why not */
	snprintf(path, sizeof(path), SHARE_FOLDER "/%s", name);
	s->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (s->fd < 0 || flock(s->fd, LOCK_SH) < 0) {
		int r = -errno;

		if (s->fd >= 0)
			close(s->fd);
		free(s);
		return r;
	}
	*ret = s;
	return 0;
}

/* The empty file stays: to unlink it would race with one who has it open and waits for the lock. */
bool share_leave(struct share *s)
{
	bool last;

	if (!s)
		return false;
	last = flock(s->fd, LOCK_EX | LOCK_NB) == 0;
	close(s->fd);
	free(s);
	return last;
}
