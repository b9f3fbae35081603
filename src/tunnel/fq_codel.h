// SPDX-License-Identifier: Apache-2.0
/*
 * tunnel/fq_codel.h — the egress queue of one tunnel: FQ-CoDel (RFC 8290).
 *
 * Packets that the socket does not take at once wait here and not in the socket's buffer, because
 * here they can still be reordered, marked or dropped. Super-packets are queued whole, but leave packet
 * by packet: fill cuts them into the plaintext buffer, a quantum per flow and turn. So they need no
 * cutting before the queue, and CoDel drops one packet of them, not all.
 *
 * Ownership: embedded in the tunnel; init/done. enqueue takes the packet, fill gives it back to its
 *            pool. opts is shared by all tunnels and outlives them.
 * Units:     *_us are monotonic microseconds; octets are those of frames, SSTP and PPP included.
 * Memory:    an idle queue is this struct; a table of flows is allocated with the first backlog and
 *            freed by fq_codel_trim().
 * Threads:   belongs to the tunnel's worker; nothing here locks.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tunnel/limits.h"
#include "tunnel/pbuf.h"

struct fq_codel_opts {
	uint32_t target_us, interval_us; /* RFC 8289 4.2, 4.3 */
	uint32_t limit_octets, limit_packets;
	uint32_t quantum; /* octets; a larger burst raises it (RFC 8290 5.2.4) */
	bool ecn;         /* mark what can be marked instead of dropping it */
};

#define FQ_CODEL_DEFAULTS                                                                          \
	((struct fq_codel_opts){                                                                   \
		.target_us = 5000,                                                                 \
		.interval_us = 100000,                                                             \
		.limit_octets = FQ_LIMIT_OCTETS,                                                   \
		.limit_packets = FQ_LIMIT_PACKETS,                                                 \
		.quantum = 1514,                                                                   \
		.ecn = true,                                                                       \
	})

struct fq_codel_stats {
	uint64_t sent;             /* packets */
	uint64_t turns, waited_us; /* pieces that went out, and how long these waited, added up */
	uint64_t marked, dropped;  /* by CoDel, packets as they go out */
	uint64_t dropped_full;     /* over the limits, or there was no memory */
};

struct fq_table;

struct fq_codel {
	const struct fq_codel_opts *opts;
	struct fq_table *table; /* NULL: idle */
	uint32_t seed;
	uint32_t octets, packets; /* waiting */
	uint64_t empty_since_us;
	struct fq_codel_stats stats;
};

/* seed: random, so that no sender can choose flows that share a queue (RFC 8290 4.1.1). */
void fq_codel_init(struct fq_codel *q, const struct fq_codel_opts *opts, uint32_t seed);
void fq_codel_done(struct fq_codel *q); /* drops what waits */

static inline bool fq_codel_empty(const struct fq_codel *q)
{
	return !q->packets;
}

/* Takes p, whose segment was begun and is not done. What is over the limits is dropped and counted. */
void fq_codel_enqueue(struct fq_codel *q, struct pbuf *p, uint64_t now_us);

/*
 * Writes frames to out until `burst` octets are reached (the last frame may pass it), the next frame
 * does not fit in room, or nothing waits. Returns the octets written: with room for one frame
 * (SEGMENT_FRAME_MAX), 0 means that the queue is empty.
 */
size_t fq_codel_fill(
	struct fq_codel *q, uint64_t now_us, uint32_t burst, uint8_t *out, size_t room);

/* All that waits in `from` waits in `to` then, each flow in its order; `from` is empty. */
void fq_codel_pour(struct fq_codel *from, struct fq_codel *to, uint64_t now_us);

/* Asks for what the next packet touches (base/hot.h), the queue itself apart. */
void fq_codel_prefetch(const struct fq_codel *q);

/* Frees the table when the queue has been empty for FQ_IDLE_US. From the tunnel's lazy timer. */
enum { FQ_IDLE_US = 1000000 };
void fq_codel_trim(struct fq_codel *q, uint64_t now_us);
