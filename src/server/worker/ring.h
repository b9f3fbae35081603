// SPDX-License-Identifier: Apache-2.0
/*
 * server/worker/ring.h — packets from one worker to another: a bounded single-producer,
 * single-consumer ring (DESIGN section 3).
 *
 * A packet that the kernel hands to the wrong worker's TUN queue goes to its owner through the
 * ring of that (from, to) pair. A full ring drops, as a full device queue would, and counts.
 *
 * Threads: ring_push() only the producer, ring_pop() only the consumer.
 */
#pragma once
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define RING_LEN 256u /* power of two; 256 super-packets are 16 MiB, more than a socket takes */

struct ring {
	_Alignas(64) _Atomic uint32_t head; /* next to pop; written by the consumer */
	_Alignas(64) _Atomic uint32_t tail; /* next to fill; written by the producer */
	void *slot[RING_LEN];
};

static inline bool ring_push(struct ring *r, void *item)
{
	uint32_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed);

	if (tail - atomic_load_explicit(&r->head, memory_order_acquire) == RING_LEN)
		return false;
	r->slot[tail % RING_LEN] = item;
	atomic_store_explicit(&r->tail, tail + 1, memory_order_release);
	return true;
}

static inline void *ring_pop(struct ring *r)
{
	uint32_t head = atomic_load_explicit(&r->head, memory_order_relaxed);
	void *item;

	if (head == atomic_load_explicit(&r->tail, memory_order_acquire))
		return NULL;
	item = r->slot[head % RING_LEN];
	atomic_store_explicit(&r->head, head + 1, memory_order_release);
	return item;
}
