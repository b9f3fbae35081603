// SPDX-License-Identifier: Apache-2.0
/*
 * cli/profile.h — what `culvert profile` does with command lines and editors; the other actions are in
 * profile.c.
 */
#pragma once
#include "cli/profile_store.h"

/*
 * Options of `culvert connect` behind `--` into a profile: an option that is given takes the place of
 * what the profile has of it. Names of files become whole; a password that others could read, or that
 * comes from standard input, goes to the profile's secrets. The exit code.
 */
int profile_take_words(struct profile_file *f, int argc, char **argv);
/* Whether `culvert connect` would take it. The exit code. */
int profile_judge(const struct profile_file *f);
/* Opens it in the user's editor; what is not a profile afterwards is not kept. The exit code. */
int profile_edit(const struct profile_file *f);
