// SPDX-License-Identifier: Apache-2.0
/*
 * base/line.h — memory that shares no cache line with other allocations.
 *
 * malloc() may put the blocks of two threads side by side. When both threads write, each write takes
 * the cache line from the other processor. So all memory that a worker writes, or that others read,
 * for every packet comes from here.
 */
#pragma once
#include <stdlib.h>
#include <string.h>

#define CACHE_LINE 64 /* octets; x86-64, and most of aarch64 */

/* n octets; free() gives them back. */
static inline void *line_alloc(size_t n)
{
	return aligned_alloc(CACHE_LINE, (n + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE);
}

/* The same, zeros. */
static inline void *line_calloc(size_t n)
{
	void *p = line_alloc(n);

	return p ? memset(p, 0, n) : NULL;
}
