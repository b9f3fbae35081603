// SPDX-License-Identifier: Apache-2.0
/*
 * os/notify.h — reports the state to the service manager, and takes the sockets that it opened.
 *
 * Without libsystemd at build time, or without a manager at run time, nothing happens and no
 * sockets come.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

void notify_ready(const char *status);  /* "listening on [::]:443" */
void notify_status(const char *status); /* nothing but that */
void notify_reloading(void);            /* until the next notify_ready() */
void notify_stopping(const char *status);
/* How often notify_watchdog() is expected, in ms; 0: never. */
uint64_t notify_watchdog_ms(void);
void notify_watchdog(void);

/*
 * The listening TCP sockets passed by socket activation, made non-blocking and close-on-exec; those
 * of another kind are closed. Returns how many (at most cap). Once: the environment is cleared.
 */
size_t notify_listen_fds(int *ret_fds, size_t cap);
