// SPDX-License-Identifier: Apache-2.0
/*
 * datapath/shaper.h — a token bucket that says how many octets may go now. Pure.
 *
 * It holds what a rate gives in SHAPER_DEPTH_US, so a thread that wakes late loses nothing, and what is
 * spent beyond it is owed: the rate is kept over time, whatever the size of packets.
 *
 * Ownership: embedded. Units: bits a second, octets of IP packets, monotonic microseconds.
 */
#pragma once
#include <stdint.h>

#define SHAPER_DEPTH_US 20000
#define SHAPER_PACKET_MAX 1514 /* the bucket holds one such packet at least */

struct shaper {
	uint64_t rate;  /* bits a second; 0: no limit */
	int64_t credit; /* millionths of a bit; below 0: owed */
	uint64_t at_us; /* when credit was right */
};

void shaper_set(struct shaper *s, uint64_t rate, uint64_t now_us);
/* Octets that may go; the last packet may pass them. 0: none yet. */
uint32_t shaper_ask(struct shaper *s, uint64_t now_us);
/* The same for sparse packets: they may go while little is owed. */
uint32_t shaper_ask_sparse(struct shaper *s, uint64_t now_us);
void shaper_spend(struct shaper *s, uint64_t octets);
/* Until shaper_ask() gives something; 0: now. */
uint64_t shaper_wait_us(const struct shaper *s);
