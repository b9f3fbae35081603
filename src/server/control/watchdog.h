// SPDX-License-Identifier: Apache-2.0
/*
 * server/control/watchdog.h — notifies the service manager that all threads are alive.
 *
 * Threads: the control thread's, and its loop. What it posts is delivered by the workers.
 */
#pragma once
#include <stdatomic.h>
#include <stdbool.h>
#include <uv.h>

#include "base/mailbox.h"

struct context;

struct heartbeat {
	struct letter letter;
	_Atomic bool asked; /* posted, and not answered yet */
};

struct watchdog {
	uv_timer_t timer;
	struct context *context;
	struct heartbeat *beats; /* one for each worker; NULL: the manager has no watchdog */
};

/* -ENOMEM. Without a watchdog in the manager nothing happens. */
int watchdog_start(struct watchdog *w, uv_loop_t *loop, struct context *context);
/* While the loop runs. */
void watchdog_stop(struct watchdog *w);
/* When the workers and the loop have ended. */
void watchdog_done(struct watchdog *w);
