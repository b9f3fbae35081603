// SPDX-License-Identifier: Apache-2.0
/*
 * base/lockfile.h — one process at a time: a lock on a file that stays where it is.
 *
 * It is a record lock (fcntl): the kernel drops it with the process, however that ends, and a child
 * does not inherit it. The process that holds it must not open the file a second time: closing that
 * descriptor would drop the lock.
 */
#pragma once
#include <sys/types.h>

/*
 * Makes the file when it is missing (0600, owned by the folder's owner). 0: held until *ret_fd is
 * closed. -EBUSY: another process holds it, its number in *ret_holder (0: of another PID namespace).
 * Else -errno.
 */
int lockfile_take(const char *path, int *ret_fd, pid_t *ret_holder);
/* The process that holds it; -ESRCH: no process does, or there is no such file. Else -errno. */
int lockfile_holder(const char *path, pid_t *ret_holder);
