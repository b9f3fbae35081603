// SPDX-License-Identifier: Apache-2.0
/*
 * Each tick sends a letter to every worker, and notifies the service manager if all letters of the last
 * tick were delivered. A thread that hangs keeps its letter, and the manager restarts the service.
 */
#include "server/control/watchdog.h"

#include <errno.h>
#include <stdlib.h>

#include "base/auto.h"
#include "os/notify.h"
#include "server/core/context.h"
#include "server/core/site.h"

static void deliver_heartbeat(struct letter *l)
{
	atomic_store_explicit(
		&container_of(l, struct heartbeat, letter)->asked, false, memory_order_release);
}

static void on_tick(uv_timer_t *timer)
{
	struct watchdog *w = timer->data;
	bool all = true;

	for (unsigned i = 0; i < w->context->n_sites; i++) {
		struct heartbeat *b = &w->beats[i];

		if (atomic_load_explicit(&b->asked, memory_order_acquire)) {
			all = false;
			continue;
		}
		atomic_store_explicit(&b->asked, true, memory_order_relaxed);
		mailbox_post(&w->context->sites[i]->mailbox, &b->letter);
	}
	if (all)
		notify_watchdog();
}

int watchdog_start(struct watchdog *w, uv_loop_t *loop, struct context *context)
{
	uint64_t ms = notify_watchdog_ms();

	*w = (struct watchdog){.context = context};
	if (!ms)
		return 0;
	w->beats = calloc(context->n_sites, sizeof(*w->beats));
	if (!w->beats)
		return -ENOMEM;
	for (unsigned i = 0; i < context->n_sites; i++)
		w->beats[i].letter.deliver = deliver_heartbeat;
	uv_timer_init(loop, &w->timer);
	w->timer.data = w;
	return uv_timer_start(&w->timer, on_tick, ms / 2, ms);
}

void watchdog_stop(struct watchdog *w)
{
	if (w->beats)
		uv_close((uv_handle_t *)&w->timer, NULL);
}

void watchdog_done(struct watchdog *w)
{
	free(w->beats);
}
