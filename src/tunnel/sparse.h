// SPDX-License-Identifier: Apache-2.0
/*
 * tunnel/sparse.h — which packets go by a lane: those of sparse flows, while others send in bulk
 * (docs/architecture.md, "Lanes").
 *
 * A flow is sparse until it sends more than SPARSE_OCTETS or SPARSE_PACKETS within SPARSE_WINDOW_MS;
 * then it is bulk until it has been quiet for SPARSE_QUIET_MS. Sparse flows use the lane while the
 * main connection is busy with bulk flows. Otherwise no packet waits there, and new flows begin on it.
 *
 * TCP takes three packets out of order for a loss and slows down, so a flow changes its way only in
 * a gap between its packets, in which those before have arrived. A bulk flow that makes no gap
 * leaves the lane after SPARSE_HOLD_OCTETS all the same.
 *
 * Memory: fixed, some KiB. A flow that finds no place takes that of the one longest quiet.
 * Threads: the link's.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/auto.h"

enum sparse_limits {
	SPARSE_WINDOW_MS = 50,
	SPARSE_OCTETS = 8192, /* 1.3 Mbit/s: a call with video is bulk, one without is not */
	SPARSE_PACKETS = 8,   /* 160 a second: the acknowledgements of a transfer are bulk, too */
	SPARSE_QUIET_MS = 2000,
	SPARSE_BUSY_MS =
		500, /* so long after its last bulk the main connection still counts as busy */
	SPARSE_GAP_TO_LANE_MS = 5,  /* one packet in flight is not taken for a loss */
	SPARSE_GAP_TO_MAIN_MS = 15, /* a round of TCP's slow start makes one */
	SPARSE_HOLD_OCTETS = 65536,
};

struct sparse;

int sparse_new(struct sparse **ret);
void sparse_free(struct sparse *s); /* NULL is fine */
DEFINE_AUTO(sparse, struct sparse *, sparse_free)

/* The flow of that hash sends `packets` of together n octets: shall they go by the lane? */
bool sparse_takes_lane(
	struct sparse *s, uint32_t flow, size_t n, uint32_t packets, uint64_t now_ms);
