// SPDX-License-Identifier: Apache-2.0
#include "server/core/site.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

#include "base/auto.h"
#include "config/config.h"
#include "server/core/context.h"
#include "server/core/snapshot.h"

const unsigned handshake_bucket_ms[HANDSHAKE_BUCKETS] = {
	50, 100, 250, 500, 1000, 2500, 5000, 15000};

bool site_accepting(const struct site *site)
{
	return !atomic_load_explicit(&site->context->draining, memory_order_relaxed) &&
	       context_sessions(site->context) <
		       (unsigned)site->snapshot->config->server.max_sessions;
}

/* Over all sites; `offset` of a gauge in struct site. */
static unsigned sum(const struct context *c, size_t offset)
{
	unsigned n = 0;

	for (unsigned i = 0; i < c->n_sites; i++)
		n += atomic_load_explicit(
			(_Atomic unsigned *)((char *)c->sites[i] + offset), memory_order_relaxed);
	return n;
}

unsigned sites_connections(const struct context *c)
{
	return sum(c, offsetof(struct site, n_connections));
}

unsigned sites_handshakes(const struct context *c)
{
	return sum(c, offsetof(struct site, n_handshakes));
}

unsigned sites_up(const struct context *c)
{
	return sum(c, offsetof(struct site, n_up));
}

struct snapshot_letter {
	struct letter letter;
	struct site *site;
	struct snapshot *snapshot;
};

static void deliver_snapshot(struct letter *l)
{
	struct snapshot_letter *sl = container_of(l, struct snapshot_letter, letter);

	snapshot_free(sl->site->snapshot);
	sl->site->snapshot = sl->snapshot;
	if (sl->site->renewed)
		sl->site->renewed(sl->site);
	free(sl);
}

int site_post_snapshot(struct site *site, struct snapshot *snapshot)
{
	struct snapshot_letter *sl = malloc(sizeof(*sl));

	if (!sl)
		return -ENOMEM;
	*sl = (struct snapshot_letter){{.deliver = deliver_snapshot}, site, snapshot_ref(snapshot)};
	mailbox_post(&site->mailbox, &sl->letter);
	return 0;
}
