// SPDX-License-Identifier: Apache-2.0
#include "server/admission/admission.h"

#include <stdlib.h>

#include "base/clock.h"
#include "config/config.h"
#include "server/core/snapshot.h"
#include "server/core/context.h"
#include "server/worker/worker.h"

/* ---- who makes room -------------------------------------------------------------------------- */

struct eviction {
	struct letter letter;
	struct worker *worker;
	uint64_t id;
};

static void deliver_eviction(struct letter *l)
{
	struct eviction *ev = container_of(l, struct eviction, letter);
	struct door *d = ev->worker->doors;

	while (d && d->entry.id != ev->id)
		d = d->next;
	free(ev);
	if (d && d->evict) /* else it logged in, or is gone */
		d->evict(d->owner);
}

/* Without memory the connection stays, and its own time limits end it. */
static void evict(struct server *s, const struct admit_victim *victim)
{
	struct eviction *ev = malloc(sizeof(*ev));

	if (!ev)
		return;
	*ev = (struct eviction){
		{.deliver = deliver_eviction}, &s->workers[victim->worker], victim->id};
	mailbox_post(&ev->worker->mailbox, &ev->letter);
}

/* ---- in and out ------------------------------------------------------------------------------ */

static bool is_balancer(const struct worker *w, const struct endpoint *peer)
{
	return config_is_balancer(w->live->config, &peer->addr);
}

static void note_refused(struct server *s, const struct endpoint *peer, enum admit_verdict v)
{
	static const enum event events[] = {[ADMIT_HALF_OPEN] = EV_SERVER_SOURCE_HALF_OPEN,
		[ADMIT_RATE] = EV_SERVER_SOURCE_RATE,
		[ADMIT_FULL] = EV_SERVER_HANDSHAKES_FULL};

	server_note_refused(s, peer, events[v]);
}

static enum admit_verdict enter(
	struct worker *w, struct door *d, bool named, struct admit_victim *ret_victim)
{
	const struct config *cfg = w->live->config;
	struct admit_limits limits = {
		.all = (unsigned)cfg->server.max_handshakes * (named ? 1 : 2)};
	enum admit_verdict v;

	if (!is_balancer(w, &d->peer)) { /* all clients of a balancer come from one address */
		limits.half_open = (unsigned)cfg->server.source_half_open;
		limits.per_minute = (unsigned)cfg->server.source_rate;
	}
	d->entry.worker = w->index;
	pthread_mutex_lock(&w->server->admit_lock);
	v = admit_enter(
		w->server->admit, &d->entry, &d->peer.addr, &limits, clock_mono_ms(), ret_victim);
	pthread_mutex_unlock(&w->server->admit_lock);
	return v;
}

struct door *admission_enter(struct worker *w, const struct endpoint *peer, bool named)
{
	struct door *d = calloc(1, sizeof(*d));
	struct admit_victim victim;
	enum admit_verdict v;

	if (!d)
		return NULL;
	d->peer = *peer;
	v = enter(w, d, named, &victim);
	if (victim.id) {
		server_note_refused(w->server, peer, EV_SERVER_HANDSHAKES_FULL);
		evict(w->server, &victim);
	}
	if (v != ADMIT_OK) {
		note_refused(w->server, peer, v);
		free(d);
		return NULL;
	}
	d->next = w->doors;
	d->prev = &w->doors;
	if (d->next)
		d->next->prev = &d->next;
	w->doors = d;
	atomic_fetch_add_explicit(&w->n_handshakes, 1, memory_order_relaxed);
	return d;
}

void admission_leave(struct worker *w, struct door *d)
{
	if (!d)
		return;
	pthread_mutex_lock(&w->server->admit_lock);
	admit_leave(w->server->admit, &d->entry);
	pthread_mutex_unlock(&w->server->admit_lock);
	*d->prev = d->next;
	if (d->next)
		d->next->prev = d->prev;
	free(d);
	atomic_fetch_sub_explicit(&w->n_handshakes, 1, memory_order_relaxed);
}

void admission_progress(struct worker *w, struct door *d, enum admit_progress progress)
{
	if (!d)
		return;
	pthread_mutex_lock(&w->server->admit_lock);
	d->entry.progress = progress;
	pthread_mutex_unlock(&w->server->admit_lock);
}

/* ---- proofs ---------------------------------------------------------------------------------- */

static uint64_t fail_delay_ms(const struct worker *w)
{
	return w->live->config->auth.fail_delay_ms;
}

uint64_t admission_proof(struct worker *w, const struct endpoint *peer, struct admit_source **ret)
{
	uint64_t wait_ms;

	*ret = NULL;
	if (is_balancer(w, peer))
		return 0;
	pthread_mutex_lock(&w->server->admit_lock);
	wait_ms = admit_proof(w->server->admit, &peer->addr, clock_mono_ms(), ret);
	pthread_mutex_unlock(&w->server->admit_lock);
	return wait_ms;
}

void admission_judged(struct worker *w, struct admit_source *s, bool failed)
{
	if (!s)
		return;
	pthread_mutex_lock(&w->server->admit_lock);
	admit_judged(w->server->admit, s, failed, fail_delay_ms(w), clock_mono_ms());
	pthread_mutex_unlock(&w->server->admit_lock);
}

uint64_t admission_answer_ms(struct worker *w, const struct endpoint *peer)
{
	return is_balancer(w, peer) ? fail_delay_ms(w) : 0;
}

void admission_lane_failed(struct worker *w, const struct endpoint *peer)
{
	if (is_balancer(w, peer))
		return;
	pthread_mutex_lock(&w->server->admit_lock);
	admit_failed(w->server->admit, &peer->addr, fail_delay_ms(w), clock_mono_ms());
	pthread_mutex_unlock(&w->server->admit_lock);
}
