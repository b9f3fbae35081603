// SPDX-License-Identifier: Apache-2.0
/*
 * server/control/drain.h — empties a server: it answers new clients with 503 and ends its sessions by
 * CALL_DISCONNECT in batches, spread over the given time, so that clients do not reconnect all at once.
 *
 * Threads: the control thread.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

struct context;

struct drain {
	struct context *context;
	uv_timer_t timer;
	uint64_t ends_ms;
	bool active, asking; /* a round is under way */
	/* Whether the pools are announced as this server's; NULL: they never are. */
	void (*announce)(void *arg, bool pools);
	void *arg;
};

void drain_init(struct drain *d, struct context *s, uv_loop_t *loop);
void drain_start(struct drain *d, uint64_t for_ms); /* again: with another time */
void drain_stop(struct drain *d);                   /* new sessions are taken again */
void drain_close(struct drain *d);
