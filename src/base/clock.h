// SPDX-License-Identifier: Apache-2.0
/*
 * base/clock.h — the monotonic clock, for owners of sockets and loops. Protocol layers never call
 * it: the time comes in as an argument.
 */
#pragma once
#include <stdint.h>

#define NEVER UINT64_MAX /* a deadline that does not come */

uint64_t clock_mono_us(void);
static inline uint64_t clock_mono_ms(void)
{
	return clock_mono_us() / 1000;
}
/* Seconds since 1970, for records that people read. */
int64_t clock_wall_s(void);

static inline uint64_t deadline_min(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}
