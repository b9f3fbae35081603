// SPDX-License-Identifier: Apache-2.0
/*
 * base/hot.h — the code that every packet passes, together, and fetched before it is wanted.
 *
 * Where a processor slept or did others' work, a lone packet finds neither code nor data in its
 * caches. Wanted line by line, each line is a wait for memory of its own, some 400 of them; asked for
 * all at once they come side by side, while the kernel hands the packet over (docs/performance.md).
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "base/line.h"

/* Every packet comes here: src/hot.ld puts these together. */
#define HOT __attribute__((hot))
/* Few packets do: it does not stand between those that are HOT. */
#define COLD __attribute__((cold, noinline))

#define HOT_BEGINNING 256 /* octets of a buffer that a lone packet uses */

/* Asks for the n octets at `at`, which need not be there: nothing is read, nothing waits. */
static inline void prefetch(const void *at, size_t n)
{
	for (size_t i = 0; i < n; i += CACHE_LINE)
		__builtin_prefetch((const void *)((uintptr_t)at + i));
	__asm__ volatile(""); /* else a function that does no more than this is optimized away */
}

/* Asks for all that is HOT. */
void prefetch_code(void);
