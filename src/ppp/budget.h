// SPDX-License-Identifier: Apache-2.0
/*
 * ppp/budget.h — how often a peer may make this end do something dear: so often at once, and one more
 * after each pause. Units: ms, monotonic.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct budget {
	unsigned used;
	uint64_t paid_back_ms; /* when one was paid back last */
};

/* False: it is used up. */
static inline bool budget_spend(struct budget *b, unsigned most, uint64_t pause_ms, uint64_t now_ms)
{
	uint64_t back = (now_ms - b->paid_back_ms) / pause_ms;

	b->paid_back_ms += back * pause_ms;
	b->used -= back < b->used ? (unsigned)back : b->used;
	return ++b->used <= most;
}
