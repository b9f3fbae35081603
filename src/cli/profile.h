// SPDX-License-Identifier: Apache-2.0
/*
 * cli/profile.h — what `culvert profile` does with command lines, editors and files from elsewhere; the
 * other actions are in profile.c.
 */
#pragma once
#include "cli/profile_store.h"

/*
 * Options of `culvert connect` behind `--` into a profile: an option that is given takes the place of
 * what the profile has of it. Names of files become whole; a password that others could read, or that
 * comes from standard input, goes to the profile's secrets. The exit code.
 */
int profile_take_words(struct profile_file *f, int argc, char **argv);
/* The name of a file with its folder, since the client runs elsewhere. The exit code. */
int profile_whole_name(const char *value, char ret[PATH_MAX]);
/* Whether `culvert connect` would take it. The exit code. */
int profile_judge(const struct profile_file *f);
/* Opens it in the user's editor; what is not a profile afterwards is not kept. The exit code. */
int profile_edit(const struct profile_file *f);
/* An invite (cli/profile_text.h); `name` NULL: its own. The exit code. */
int profile_import_file(const char *path, const char *name);
/* As an invite: what holds on another machine; the trusted certificates are in it, secrets are not. */
int profile_export(const struct profile_file *f, FILE *out);
