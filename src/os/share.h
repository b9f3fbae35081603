// SPDX-License-Identifier: Apache-2.0
/*
 * os/share.h — counts the processes that share something, such as a route: the last one removes it, and
 * a killed process does not count.
 *
 * A name is a file below /run/culvert, held by flock(2), which the kernel releases with the process.
 */
#pragma once
#include <stdbool.h>

struct share;

/* Negative errno when the file cannot be made. `name` has no slash. */
int share_join(const char *name, struct share **ret);
/* True when no other process is left. Frees; NULL is fine (false). */
bool share_leave(struct share *s);
