// SPDX-License-Identifier: Apache-2.0
#include "server/core/context.h"

#include "base/clock.h"
#include "server/core/directory.h"
#include "server/core/limits.h"

unsigned context_sessions(const struct context *c)
{
	return directory_count(c->directory);
}

bool context_logs_stranger(struct context *c)
{
	int64_t now_s = clock_wall_s();

	if (atomic_exchange_explicit(&c->strangers_s, now_s, memory_order_relaxed) != now_s)
		atomic_store_explicit(&c->strangers, 0, memory_order_relaxed);
	return atomic_fetch_add_explicit(&c->strangers, 1, memory_order_relaxed) <
	       STRANGERS_TOLD_PER_SECOND;
}
