// SPDX-License-Identifier: Apache-2.0
/*
 * os/share.h — who still uses a thing that several processes share, such as a route: the last to
 * leave takes it away, and one that was killed counts as gone.
 *
 * A name is a file below /run/culvert, held by flock(2), which the kernel lets go with the process.
 */
#pragma once
#include <stdbool.h>

struct share;

/* Negative errno when the file cannot be made. `name` has no slash. */
int share_join(const char *name, struct share **ret);
/* True when nobody else is left. Frees; NULL is fine (false). */
bool share_leave(struct share *s);
