// SPDX-License-Identifier: Apache-2.0
/*
 * os/seccomp.h — limits the system calls of the running server.
 *
 * Threads: applies to every present and future thread, for good.
 */
#pragma once
#include <stdbool.h>

#include "os/failure.h"

/*
 * From here on a call that is not in the table (seccomp.c) fails with ENOSYS, and the kernel's log
 * says which one it was. No program can be run any more, so child_keeper_start() (os/child.h) comes
 * first. With `log_only` calls are only logged. Sets no_new_privs.
 */
int seccomp_enter(bool log_only, struct os_failure *why);
