// SPDX-License-Identifier: Apache-2.0
/*
 * server/worker/private.h — the worker's own struct, for worker.c and accept.c.
 *
 * Threads: as worker.h says.
 */
#pragma once
#include <pthread.h>
#include <stdatomic.h>

#include "server/core/site.h"
#include "server/worker/ring.h"
#include "server/worker/worker.h"

#define LISTENERS_MAX 16

struct listener {
	uv_poll_t poll;
	struct worker *worker;
	int fd;
	bool clear; /* without TLS: for a balancer */
};

struct worker {
	struct site site;
	pthread_t thread;
	bool running;
	uv_poll_t mailbox_poll;
	uv_check_t turn; /* once a loop turn: handshakes, within their cap */
	uv_timer_t housekeeping;
	uv_timer_t second;       /* looks at limits of sessions */
	uv_timer_t accept_again; /* runs while the listeners pause */
	uv_idle_t turn_again;    /* keeps the loop turning while handshakes wait */
	struct listener listeners[LISTENERS_MAX];
	unsigned n_listeners;
	struct spare *spare; /* the process's */
	struct ring *rings;  /* [from worker], packets for sessions of this one */
	struct letter ring_letter;
	struct letter stop_order;
	struct letter *gone;                 /* the control thread's; posted at the end */
	_Alignas(64) _Atomic bool ring_rung; /* a wake-up is under way */
};

static inline struct worker *worker_of(struct site *site)
{
	return container_of(site, struct worker, site);
}
