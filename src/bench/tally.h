// SPDX-License-Identifier: Apache-2.0
/*
 * bench/tally.h — percentiles of many durations in fixed memory.
 *
 * A histogram with 64 buckets for each power of two: its values are exact below 128 µs and within
 * 0.8 % above. Units: microseconds. Threads: none of its own.
 */
#pragma once
#include <stdint.h>

#define TALLY_BUCKETS 2048 /* up to 2^36 µs; what is longer is counted there */

struct tally {
	uint64_t n, sum_us, min_us, max_us;
	uint32_t buckets[TALLY_BUCKETS];
};

void tally_add(struct tally *t, uint64_t us);
/* The value that `share` (0 to 1) of all do not exceed; 0 when there are none. */
uint64_t tally_at(const struct tally *t, double share);

static inline double tally_ms(const struct tally *t, double share)
{
	return (double)tally_at(t, share) / 1000;
}
