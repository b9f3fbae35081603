/*
 * micro.h — cycles of a piece of code: the best of many runs, which is the one nothing disturbed.
 * The time stamp counter runs at a fixed rate, which may not be that of the core.
 */
#pragma once
#include <stdint.h>
#include <stdio.h>

#ifdef __x86_64__
#include <x86intrin.h>
static inline uint64_t micro_cycles(void)
{
	return __rdtsc();
}
#else
#include "base/clock.h"
static inline uint64_t micro_cycles(void)
{
	return clock_mono_us() * 1000;
}
#endif

/* Runs `code` often; the cycles of the fastest run come out in `best` (a uint64_t). */
#define MICRO_BEST(best, runs, code)                                                               \
	do {                                                                                       \
		(best) = UINT64_MAX;                                                               \
		for (int run_ = 0; run_ < (runs); run_++) {                                        \
			uint64_t start_ = micro_cycles(), took_;                                   \
			code;                                                                      \
			took_ = micro_cycles() - start_;                                           \
			if (took_ < (best))                                                        \
				(best) = took_;                                                    \
		}                                                                                  \
	} while (0)

static inline void micro_print(const char *what, uint64_t cycles, uint64_t packets, uint64_t octets)
{
	printf("%-44s %8.1f cycles a packet %7.2f octets a cycle\n", what,
		(double)cycles / (double)packets, (double)octets / (double)cycles);
}
