// SPDX-License-Identifier: Apache-2.0
#include "server/core/context.h"

#include <stddef.h>

#include "base/clock.h"
#include "server/core/directory.h"
#include "server/core/limits.h"
#include "server/core/site.h"

/* Over all sites; `offset` of a gauge in struct site. */
static unsigned sum(const struct context *c, size_t offset)
{
	unsigned n = 0;

	for (unsigned i = 0; i < c->n_sites; i++)
		n += atomic_load_explicit(
			(_Atomic unsigned *)((char *)c->sites[i] + offset), memory_order_relaxed);
	return n;
}

unsigned context_connections(const struct context *c)
{
	return sum(c, offsetof(struct site, n_connections));
}

unsigned context_handshakes(const struct context *c)
{
	return sum(c, offsetof(struct site, n_handshakes));
}

unsigned context_up(const struct context *c)
{
	return sum(c, offsetof(struct site, n_up));
}

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
