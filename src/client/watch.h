// SPDX-License-Identifier: Apache-2.0
/*
 * client/watch.h — what happens to this process and its machine while the client runs: signals that end
 * it, links, addresses and routes that change, a sleep.
 *
 * Threads: the loop's. Callbacks come from the loop.
 */
#pragma once
#include <stdbool.h>
#include <uv.h>

struct sleep_watch;

struct client_watch_ops {
	void (*stop)(void *arg);          /* the user wants the end; once for each signal */
	void (*links_changed)(void *arg); /* perhaps: see os/route_watch.h */
	void (*woke)(void *arg);          /* this machine has slept */
};

struct client_watch {
	const struct client_watch_ops *ops;
	void *arg;
	uv_signal_t signals[16];
	unsigned n_signals;
	uv_poll_t links, sleep;
	int links_fd; /* negative: not watched */
	struct sleep_watch *sleeper;
};

/* What cannot be watched is not: the client works without. */
void client_watch_start(
	struct client_watch *w, uv_loop_t *loop, const struct client_watch_ops *ops, void *arg);
/* Closes the handles; signals that would end the process wait until it ends by itself. */
void client_watch_stop(struct client_watch *w);
void client_watch_done(struct client_watch *w); /* after the loop ran dry */
