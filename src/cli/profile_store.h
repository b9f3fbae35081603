// SPDX-License-Identifier: Apache-2.0
/*
 * cli/profile_store.h — where profiles are kept: /etc/culvert/profiles/NAME.conf and, first for a user
 * who is not root, ~/.config/culvert/profiles/NAME.conf; secrets beside it in NAME.secret.
 *
 * A file that another user owns or may change is refused, since what it names is opened with this user's
 * rights; so is a secret that another user may read. What is refused is said on standard error.
 */
#pragma once
#include <limits.h>
#include <stdbool.h>

#include "cli/profile_text.h"

struct profile_file {
	char name[PROFILE_NAME_MAX + 1];
	char folder[PATH_MAX / 2], path[PATH_MAX], secret_path[PATH_MAX];
	struct profile *profile;
	struct profile_secrets secrets;
};

/* The exit code, having said why not: the name is none, there is no such profile, it cannot be used. */
int profile_load(const char *name, struct profile_file *ret);
/* Whether `name` is that of a profile, with its paths; says nothing. `ret` may be NULL. */
bool profile_find(const char *name, struct profile_file *ret);

#define PROFILE_NAMES_MAX 1024
struct profile_names {
	char name[PROFILE_NAMES_MAX][PROFILE_NAME_MAX + 1];
	size_t n;
};
/* All of this user, each once, in the order of the alphabet. */
void profile_names(struct profile_names *ret);
/* For a new one, whose paths are filled in; the exit code when there is one of that name. */
int profile_begin(const char *name, struct profile_file *ret);
/* Writes both files, each whole or not at all. The exit code. */
int profile_save(const struct profile_file *f);
int profile_remove(const struct profile_file *f);
/* Frees and wipes. */
void profile_done(struct profile_file *f);

/*
 * Into options of connect: the profile's values, and its secrets by descriptors that are read once. The
 * exit code. `f` outlives `co`.
 */
int profile_into(struct profile_file *f, struct connect_options *co);

/* Reads a whole regular file of at most `most` octets; *ret is to be freed. Negative errno. */
int profile_read(const char *path, size_t most, char **ret, size_t *ret_n);
/* Writes a whole file, or nothing: 0600. Negative errno. */
int profile_write(const char *path, const char *text, size_t n);
/* A folder and those above it; one that exists stays as it is. Negative errno. */
int profile_make_folder(const char *path, mode_t last);
