// SPDX-License-Identifier: Apache-2.0
/*
 * server/worker/spare.h — one descriptor kept in reserve, so that a connection can be refused when the
 * process has no descriptor left.
 *
 * A connection that waits in a listener's queue and cannot be accepted keeps the listener readable.
 * The spare is given up, the connection takes its place, is closed, and the spare is opened again:
 * the peer learns at once. Descriptors are the process's: between those steps another thread may
 * take the place. If that thread accepted a connection with it, it gives the place back
 * (spare_repaid). If anything else took it, the spare is missing for a while, and the listener must
 * pause instead of turning the loop for nothing.
 *
 * Threads: spare_init() and spare_done() while no worker runs; the others from any.
 */
#pragma once
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct spare {
	pthread_mutex_t lock;
	int fd;                   /* -1: missing; guarded by lock */
	_Atomic bool in_doubt;    /* fd is, or may soon be, missing: look under the lock */
	_Atomic uint64_t refused; /* connections, for want of a descriptor */
	_Atomic int64_t refused_told_s;
};

void spare_init(struct spare *s);
void spare_done(struct spare *s);
/*
 * accept() on `listener` failed for want of a descriptor: takes one connection from its queue and
 * closes it. False: that was not possible; look again after a pause.
 */
bool spare_refuse_one(struct spare *s, int listener);
/*
 * `fd` was accepted just now. True: its place was the spare's, so it has been closed. False: go on
 * with it; the ordinary case costs one load.
 */
bool spare_repaid(struct spare *s, int fd);
