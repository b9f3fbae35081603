// SPDX-License-Identifier: Apache-2.0
/*
 * base/hot.h — keeps the code that every packet passes together, and prefetches it.
 *
 * After a sleep, or after other work, a processor has neither code nor data for a lone packet in its
 * caches. Loaded line by line, each of some 400 lines is one wait for memory. Prefetched all at once,
 * the lines arrive in parallel while the kernel hands the packet over (docs/performance.md).
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "base/line.h"

/* Every packet comes here: src/hot.ld puts these together. */
#define HOT __attribute__((hot))
/* Few packets come here: it is kept away from the HOT functions. */
#define COLD __attribute__((cold, noinline))

#define HOT_BEGINNING 256 /* octets of a buffer that a lone packet uses */

/* Prefetches n octets at `at`, which may be an invalid address: nothing is read, nothing waits. */
static inline void prefetch(const void *at, size_t n)
{
	for (size_t i = 0; i < n; i += CACHE_LINE)
		__builtin_prefetch((const void *)((uintptr_t)at + i));
	__asm__ volatile(""); /* else a function that does no more than this is optimized away */
}

/* Prefetches all HOT code. */
void prefetch_code(void);
