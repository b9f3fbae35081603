// SPDX-License-Identifier: Apache-2.0
/* What the actions of `culvert ca` share. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "cli/ca.h"
#include "cli/cmd.h"

int ca_db_failed(const struct db *db)
{
	return cmd_fail(db_error(db)->event, db_error(db)->text);
}

int ca_wrong_use(const char *what, const char *got)
{
	text_fprintf(stderr, "culvert: %s%s%s%s\n", what, got ? ", got \"" : "", got ? got : "",
		got ? "\"" : "");
	return CMD_USAGE;
}

int ca_failed(const struct tls_failure *why)
{
	return cmd_fail(why->event, why->text);
}

static int file_failed(const char *path, int error)
{
	char text[500];

	text_format(text, sizeof(text), "%.300s: %s", path, strerror(error));
	return cmd_fail(EV_CA_FILE_FAILED, text);
}

int ca_read_file(const char *path, struct ca_blob *ret)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	size_t n = 0;
	ssize_t got = 1;

	if (fd < 0)
		return file_failed(path, errno);
	ret->p = malloc(CA_FILE_MAX + 1);
	while (ret->p && got > 0 && n <= CA_FILE_MAX) {
		got = read(fd, ret->p + n, CA_FILE_MAX + 1 - n);
		n += got > 0 ? (size_t)got : 0;
	}
	ret->n = n;
	close(fd);
	if (!ret->p || got < 0)
		return file_failed(path, ret->p ? errno : ENOMEM);
	return n > CA_FILE_MAX ? file_failed(path, EFBIG) : CMD_OK;
}

int ca_spell_user(struct db *db, const char *name, char ret[static USER_NAME_MAX + 1])
{
	struct db_user user;
	size_t n = strlen(name);
	int r = db_user_find(db, name, &user);

	if (r < 0 && r != -ENOENT)
		return ca_db_failed(db);
	if (!n || n >= USER_NAME_MAX || text_fault(name, n) || strchr(name, '\\'))
		return ca_wrong_use("that is no name for a user", name);
	if (r == -ENOENT)
		text_fprintf(stderr,
			"culvert: warning: there is no user \"%s\" yet; `culvert user add` makes one, "
			"until then a login by this name fails\n",
			name);
	snprintf(ret, USER_NAME_MAX + 1, "%s", r ? name : user.name);
	return CMD_OK;
}
