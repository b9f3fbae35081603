// SPDX-License-Identifier: Apache-2.0
#include "os/keylog.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

void keylog_write(void *path, const char *line)
{
	char text[600];
	int n = snprintf(text, sizeof(text), "%s\n", line);
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

	/* One write a line: several workers may append at once. A full disk costs the log only. */
	if (fd >= 0 && n > 0 && (size_t)n < sizeof(text) && write(fd, text, (size_t)n) < 0)
		n = 0;
	if (fd >= 0)
		close(fd);
	explicit_bzero(text, sizeof(text));
}
