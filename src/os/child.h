// SPDX-License-Identifier: Apache-2.0
/*
 * os/child.h — running one of the system's programs (nft, resolvconf) to its end.
 *
 * Threads: any, but it blocks until the program ended or CHILD_TIMEOUT_MS passed; never called by
 *          a worker.
 */
#pragma once
#include <stddef.h>

#define CHILD_TIMEOUT_MS 10000
#define CHILD_PATH_LEN 256

/*
 * Where a program is: in the system's own folders under `root` ("" but in tests), whatever $PATH
 * says, for what runs here has CAP_NET_ADMIN. -ENOENT.
 */
int child_find(const char *root, const char *name, char ret[static CHILD_PATH_LEN]);

/*
 * Runs argv[0] (a path) with `input` (NULL: nothing) on its standard input, a clean environment and
 * no other descriptor of ours. Returns its exit status, or a negative errno: -ETIMEDOUT (it was
 * killed), -ECHILD (it died by a signal), or why it could not be started. `ret_output` gets the
 * beginning of what it wrote to standard output and error, without the last line feed.
 */
int child_run(const char *const argv[], const char *input, char *ret_output, size_t cap);

/*
 * From here on child_run() has a process of its own do it, forked now, so that it still works after
 * this one gave up running programs. It runs `programs` (names that child_find() knows, then NULL;
 * they must stay valid) and refuses others with -EPERM. Call it while there is one thread only,
 * with the rights that the programs need.
 */
int child_keeper_start(const char *const programs[]);
/* Waits for its end; child_run() is then as before. Without a keeper nothing happens. */
void child_keeper_stop(void);
