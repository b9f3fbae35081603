// SPDX-License-Identifier: Apache-2.0
/*
 * server/worker/worker.h — one thread of the server: loop, listening sockets, TUN queue, sessions.
 *
 * A tunnel belongs to one worker from its first octet to its close. An accepted connection goes to
 * the worker with the fewest connections before that (a letter with the descriptor).
 *
 * Ownership: run.c owns the array of workers; a worker closes its listeners.
 * Threads:   worker_start(), _ask_to_stop() and _join() from the control thread; all else of a worker is
 *            its own.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "offload/coalesce.h"

struct context;
struct letter;
struct site;
struct spare;
struct worker;

/*
 * n workers, one for each queue of the context's TUN; context->sites leads to their sites. Undo with
 * workers_free(), also after a failure (-errno).
 */
int workers_new(
	struct context *c, struct spare *spare, enum coalesce_kinds joins, struct worker **ret);
/* After their threads have ended; what they still owed is posted. NULL is fine. */
void workers_free(struct context *c, struct worker *workers);
struct worker *worker_at(struct worker *workers, unsigned index);

int worker_add_listener(struct worker *w, int fd, bool clear);
/* `gone` is posted to the control thread when the thread is about to end. */
int worker_start(struct worker *w, struct letter *gone);
/*
 * Closes its sessions politely; the thread ends with the last of them. All workers are asked before
 * the first is joined: a client that does not answer costs its time once, not once a worker.
 */
void worker_ask_to_stop(struct worker *w);
void worker_join(struct worker *w);
