// SPDX-License-Identifier: Apache-2.0
/*
 * datapath/allowance.h — what a session may send and receive, where its user has limits: rates and
 * filters. A link without any has no allowance, and pays one branch.
 *
 * Down, packets wait in the link's own queue (tunnel/fq_codel.h) until the rate lets them go; up, what is
 * over the rate waits in one of the same kind, so queues stay short both ways. A lane counts with its
 * main link.
 *
 * Ownership: the link owner's (allowance_free()), and freed after the link is closed.
 * Threads:   the port's.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/auto.h"
#include "datapath/shaper.h"
#include "ip/filter.h"
#include "tunnel/fq_codel.h"

struct link;

struct allowance {
	struct shaper down, up;
	struct fq_codel held; /* packets of the peer over its rate */
	struct fq_codel_opts held_opts;
	uint64_t lost;       /* packets of it, as far as counted in the port's stats */
	uint32_t down_limit; /* octets that may wait for the peer */
	bool filtered;
	struct filter_chain chain; /* references of its own */
};

/* `seed`: of flow hashes, random. -ENOMEM. */
int allowance_new(uint32_t seed, struct allowance **ret);
void allowance_free(struct allowance *a); /* NULL is fine; drops what waits */
/* Bits a second; 0: no limit. */
void allowance_set_rates(struct allowance *a, uint64_t down, uint64_t up, uint64_t now_us);
/* NULL: no filter. References are taken. */
void allowance_set_filter(struct allowance *a, const struct filter_chain *chain);
/* Nothing in it limits anything, and nothing waits. */
bool allowance_is_empty(const struct allowance *a);

/* May the packet for the peer go? */
static inline bool allowance_passes_down(
	const struct allowance *a, const uint8_t *octets, const struct ip_packet *p)
{
	return !a->filtered || filter_passes_down(&a->chain, octets, p);
}

static inline bool allowance_passes_up(
	const struct allowance *a, const uint8_t *octets, const struct ip_packet *p)
{
	return !a->filtered || filter_passes_up(&a->chain, octets, p);
}

/* True: the packet of the peer is over its rate, and waits (or was dropped). */
bool allowance_holds(struct allowance *a, struct link *l, const uint8_t *octets,
	const struct ip_packet *p, uint64_t now_us);
/* Packets that may go now do; milliseconds until more may, 0: none wait. */
uint64_t allowance_release(struct allowance *a, struct link *l, uint64_t now_us);
