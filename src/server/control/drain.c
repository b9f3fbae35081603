// SPDX-License-Identifier: Apache-2.0
#include "server/control/drain.h"

#include "base/clock.h"
#include "events/event.h"
#include "server/control/broadcast.h"
#include "server/core/context.h"
#include "server/core/site.h"

#define TICK_MS 250
#define BATCH_LEAST 64 /* sessions a tick when there is no time to spread them over */

/* How many of `up` sessions go this time, so that the last one goes at the end. */
static unsigned batch(const struct drain *d, unsigned up, uint64_t now_ms)
{
	uint64_t left = d->ends_ms > now_ms ? d->ends_ms - now_ms : 0;

	if (left < TICK_MS)
		return up < BATCH_LEAST ? up : BATCH_LEAST;
	return (unsigned)(((uint64_t)up * TICK_MS + left - 1) / left);
}

static void on_asked(struct broadcast *r)
{
	struct drain *d = r->arg;

	d->asking = false;
	broadcast_free(r);
}

static void on_tick(uv_timer_t *t)
{
	struct drain *d = t->data;
	struct context *s = d->context;
	unsigned all = sites_connections(s), n;
	struct broadcast *r;

	if (!all) {
		uv_timer_stop(t);
		if (d->announce)
			d->announce(d->arg, false);
		log_event(NULL, EV_SERVER_DRAINED, "sessions=0");
		return;
	}
	if (d->asking || broadcast_new(s, on_asked, d, &r) < 0)
		return;
	n = batch(d, all, clock_mono_ms());
	for (unsigned i = 0; i < s->n_sites; i++) { /* to each in the measure of what it has */
		unsigned own = s->sites[i]->n_connections, take = (n * own + all - 1) / all;

		r->part[i].most = take < n ? take : n;
		n -= r->part[i].most;
		all -= own < all ? own : all - 1;
	}
	r->end = EV_SESSION_DRAINED;
	d->asking = true;
	broadcast_start(r);
}

void drain_init(struct drain *d, struct context *s, uv_loop_t *loop)
{
	*d = (struct drain){.context = s};
	uv_timer_init(loop, &d->timer);
	d->timer.data = d;
}

void drain_start(struct drain *d, uint64_t for_ms)
{
	d->active = true;
	d->ends_ms = clock_mono_ms() + for_ms;
	atomic_store_explicit(&d->context->draining, true, memory_order_relaxed);
	log_event(NULL, EV_SERVER_DRAINING, "sessions=%u seconds=%llu",
		context_sessions(d->context), (unsigned long long)for_ms / 1000);
	uv_timer_start(&d->timer, on_tick, 0, TICK_MS);
}

void drain_stop(struct drain *d)
{
	if (!d->active)
		return;
	d->active = false;
	uv_timer_stop(&d->timer);
	atomic_store_explicit(&d->context->draining, false, memory_order_relaxed);
	if (d->announce)
		d->announce(d->arg, true);
	log_event(NULL, EV_SERVER_UNDRAINED, "sessions=%u", context_sessions(d->context));
}

void drain_close(struct drain *d)
{
	uv_close((uv_handle_t *)&d->timer, NULL);
}
