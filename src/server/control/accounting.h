// SPDX-License-Identifier: Apache-2.0
/*
 * server/control/accounting.h — accounting that survives: what happens goes to the store first,
 * then to the RADIUS servers, in order within a session; it leaves the store when a server has it.
 *
 * Threads: the sink any; all else the control thread.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "server/core/account.h"

struct context;
struct accounting;
struct db;

extern const struct account_sink accounting_sink; /* its arg is the struct accounting */

int accounting_new(struct context *c, struct accounting **ret);
/* The store's thread has ended, no letter will come. */
void accounting_free(struct accounting *a);
/* Whether servers are configured now; at the first time Stops for what a crash ended, and On. */
void accounting_configure(struct accounting *a);
/* Once a second: what failed is tried again. */
void accounting_tick(struct accounting *a);
/* The server ends: Off. */
void accounting_off(struct accounting *a);
/* All that was reported is written, and nothing is on its way; or nothing gets any further. */
bool accounting_is_quiet(const struct accounting *a);

struct accounting_status {
	bool on;
	uint64_t waiting, sent, dropped;
	unsigned in_flight;
};
void accounting_status(const struct accounting *a, struct accounting_status *ret);
