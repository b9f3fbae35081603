// SPDX-License-Identifier: Apache-2.0
/*
 * offload/coalesce.h — joins packets from the tunnel to super-packets for the TUN.
 *
 * One TUN write costs 4 to 5 us whatever its size, so consecutive segments of a flow are put
 * together again before they are written; the kernel's own GRO does the same, by nearly the same
 * rules. Of pure TCP acknowledgements of a flow in a row the last stands for all.
 *
 *     for each packet of a batch:
 *         while (!coalesce_add(c, octets, &ip))
 *             drain: while (coalesce_next(c, &out)) writev(tun, out.iov, out.iovcnt)
 *     coalesce_flush(c), drain                          (before the octets go away)
 *
 * Ownership: packets are not copied: what was added must stay where it is until it was pulled and
 *            written. out.iov lives until the next call with the same c.
 * Threads:   one struct coalesce per worker (or TUN queue), none locks. It may mix tunnels.
 * Order:     packets of one flow leave in the order in which they came; flows may pass each other.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "base/auto.h"

enum coalesce_limits {
	COALESCE_FLOWS = 16,  /* super-packets being built or waiting at a time */
	COALESCE_PIECES = 64, /* packets in one; the kernel's UDP_MAX_SEGMENTS in 6.1 */
	COALESCE_OCTETS_MAX = 65535,
	COALESCE_IOV_MAX = COALESCE_PIECES + 1,
};

struct coalesce;
struct ip_packet;

struct coalesced {
	const struct iovec
		*iov; /* [0] starts with the virtio_net_hdr; all of it is one TUN write */
	int iovcnt;
	uint32_t packets; /* how many were joined */
};

struct coalesce_stats {
	uint64_t super_packets, bad_checksums;
	uint64_t acks_merged; /* left out: a later one said as much */
};

/* What may be joined: that of which the TUN takes super-packets. All else passes one by one. */
enum coalesce_kinds {
	COALESCE_NOTHING = 0,
	COALESCE_TCP = 1,
	COALESCE_UDP = 2, /* the kernel knows USO (Linux 6.2); older ones refuse the write */
	COALESCE_ALL = COALESCE_TCP | COALESCE_UDP,
};

int coalesce_new(enum coalesce_kinds kinds, struct coalesce **ret);
void coalesce_free(struct coalesce *c);
DEFINE_AUTO(coalesce, struct coalesce *, coalesce_free)

/* Asks for what the next packet touches (base/hot.h). */
void coalesce_prefetch(const struct coalesce *c);

/*
 * Takes one IP packet. False: every place is taken and at least one super-packet is ready; pull it,
 * then offer the same packet again. `ip`: packet_parse() of it. Octets that are no IP packet pass
 * like any odd one.
 */
bool coalesce_add(struct coalesce *c, const uint8_t *octets, const struct ip_packet *ip);
/* Nothing more comes for now: everything that is open becomes ready. */
void coalesce_flush(struct coalesce *c);
bool coalesce_next(struct coalesce *c, struct coalesced *ret);

const struct coalesce_stats *coalesce_stats(const struct coalesce *c);
