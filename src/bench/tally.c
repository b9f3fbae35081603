// SPDX-License-Identifier: Apache-2.0
#include "bench/tally.h"

#define SUB_BITS 7 /* two times 64: the upper half is used above the first row */

static unsigned bucket_of(uint64_t us)
{
	unsigned shift;

	if (us >> 36)
		return TALLY_BUCKETS - 1;
	if (us < 1 << SUB_BITS)
		return (unsigned)us;
	shift = 64 - (unsigned)__builtin_clzll(us) - SUB_BITS;
	return (shift << (SUB_BITS - 1)) + (unsigned)(us >> shift);
}

/* The middle of a bucket. */
static uint64_t value_of(unsigned bucket)
{
	unsigned shift;

	if (bucket < 1 << SUB_BITS)
		return bucket;
	shift = (bucket >> (SUB_BITS - 1)) - 1;
	return ((uint64_t)(bucket - (shift << (SUB_BITS - 1))) << shift) + ((1ull << shift) >> 1);
}

void tally_add(struct tally *t, uint64_t us)
{
	if (!t->n || us < t->min_us)
		t->min_us = us;
	if (us > t->max_us)
		t->max_us = us;
	t->n++;
	t->sum_us += us;
	t->buckets[bucket_of(us)]++;
}

uint64_t tally_at(const struct tally *t, double share)
{
	uint64_t rank = (uint64_t)(share * (double)t->n), seen = 0, value;

	if (rank >= t->n)
		return t->max_us; /* 0 when there are none */
	for (unsigned i = 0; i < TALLY_BUCKETS; i++) {
		seen += t->buckets[i];
		if (seen <= rank)
			continue;
		value = value_of(i);
		return value < t->min_us ? t->min_us : value > t->max_us ? t->max_us : value;
	}
	return t->max_us;
}
