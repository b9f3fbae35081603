// SPDX-License-Identifier: Apache-2.0
/*
 * server/worker/accept.h — a worker's listening sockets, and which worker gets an accepted connection.
 *
 * Threads: the worker's; accept_init() and worker_add_listener() (worker.h) before it runs.
 */
#pragma once

struct worker;

void accept_init(struct worker *w);
/* Closes the listeners; the loop must turn once more. */
void accept_close(struct worker *w);
