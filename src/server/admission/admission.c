// SPDX-License-Identifier: Apache-2.0
#include "server/admission/admission.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "config/config.h"
#include "events/event.h"
#include "server/core/snapshot.h"
#include "server/core/context.h"
#include "server/core/site.h"

struct admission {
	pthread_mutex_t lock;
	struct sources *sources; /* under lock */
	_Atomic uint64_t refused;
	_Atomic int64_t refused_told_s; /* one line a second says it */
};

int admission_new(struct admission **ret)
{
	struct admission *admission = calloc(1, sizeof(*admission));
	uint64_t seed;

	crypto_random(&seed, sizeof(seed));
	if (!admission || sources_new(seed, &admission->sources) < 0) {
		free(admission);
		return -ENOMEM;
	}
	pthread_mutex_init(&admission->lock, NULL);
	*ret = admission;
	return 0;
}

void admission_free(struct admission *admission)
{
	if (!admission)
		return;
	sources_free(admission->sources);
	pthread_mutex_destroy(&admission->lock);
	free(admission);
}

uint64_t admission_refused(const struct admission *admission)
{
	return atomic_load_explicit((_Atomic uint64_t *)&admission->refused, memory_order_relaxed);
}

/* ---- who makes room -------------------------------------------------------------------------- */

struct eviction {
	struct letter letter;
	struct site *site;
	uint64_t id;
};

static void deliver_eviction(struct letter *l)
{
	struct eviction *ev = container_of(l, struct eviction, letter);
	struct door *d = ev->site->doors;

	while (d && d->entry.id != ev->id)
		d = d->next;
	free(ev);
	if (d && d->evict) /* else it logged in, or is gone */
		d->evict(d->owner);
}

/* Without memory the connection stays, and its own time limits end it. */
static void evict(struct context *s, const struct sources_victim *victim)
{
	struct eviction *ev = malloc(sizeof(*ev));

	if (!ev)
		return;
	*ev = (struct eviction){
		{.deliver = deliver_eviction}, s->sites[victim->worker], victim->id};
	mailbox_post(&ev->site->mailbox, &ev->letter);
}

/* ---- in and out ------------------------------------------------------------------------------ */

static bool is_balancer(const struct site *site, const struct endpoint *peer)
{
	return config_is_balancer(site->snapshot->config, &peer->addr);
}

static void note_event(struct admission *a, const struct endpoint *peer, enum event why)
{
	uint64_t n = atomic_fetch_add_explicit(&a->refused, 1, memory_order_relaxed) + 1;
	int64_t now_s = clock_wall_s();
	struct log_scope scope = {0};

	/* A flood must not become one of the log. */
	if (atomic_exchange_explicit(&a->refused_told_s, now_s, memory_order_relaxed) == now_s)
		return;
	endpoint_format(peer, scope.peer);
	log_event(&scope, why, "refused_so_far=%" PRIu64, n);
}

static void note_refused(struct admission *a, const struct endpoint *peer, enum sources_verdict v)
{
	static const enum event events[] = {[SOURCES_HALF_OPEN] = EV_SERVER_SOURCE_HALF_OPEN,
		[SOURCES_RATE] = EV_SERVER_SOURCE_RATE,
		[SOURCES_FULL] = EV_SERVER_HANDSHAKES_FULL};

	note_event(a, peer, events[v]);
}

static enum sources_verdict enter(
	struct site *site, struct door *d, bool named, struct sources_victim *ret_victim)
{
	struct admission *admission = site->context->admission;
	const struct config *cfg = site->snapshot->config;
	struct sources_limits limits = {
		.all = (unsigned)cfg->server.max_handshakes * (named ? 1 : 2)};
	enum sources_verdict v;

	if (!is_balancer(site, &d->peer)) { /* all clients of a balancer come from one address */
		limits.half_open = (unsigned)cfg->server.source_half_open;
		limits.per_minute = (unsigned)cfg->server.source_rate;
	}
	d->entry.worker = site->index;
	pthread_mutex_lock(&admission->lock);
	v = sources_enter(
		admission->sources, &d->entry, &d->peer.addr, &limits, clock_mono_ms(), ret_victim);
	pthread_mutex_unlock(&admission->lock);
	return v;
}

struct door *admission_enter(struct site *site, const struct endpoint *peer, bool named)
{
	struct door *d = calloc(1, sizeof(*d));
	struct sources_victim victim;
	enum sources_verdict v;

	if (!d)
		return NULL;
	d->peer = *peer;
	v = enter(site, d, named, &victim);
	if (victim.id) {
		note_event(site->context->admission, peer, EV_SERVER_HANDSHAKES_FULL);
		evict(site->context, &victim);
	}
	if (v != SOURCES_OK) {
		note_refused(site->context->admission, peer, v);
		free(d);
		return NULL;
	}
	d->next = site->doors;
	d->prev = &site->doors;
	if (d->next)
		d->next->prev = &d->next;
	site->doors = d;
	atomic_fetch_add_explicit(&site->n_handshakes, 1, memory_order_relaxed);
	return d;
}

void admission_leave(struct site *site, struct door *d)
{
	struct admission *admission = site->context->admission;

	if (!d)
		return;
	pthread_mutex_lock(&admission->lock);
	sources_leave(admission->sources, &d->entry);
	pthread_mutex_unlock(&admission->lock);
	*d->prev = d->next;
	if (d->next)
		d->next->prev = d->prev;
	free(d);
	atomic_fetch_sub_explicit(&site->n_handshakes, 1, memory_order_relaxed);
}

void admission_progress(struct site *site, struct door *d, enum sources_progress progress)
{
	struct admission *admission = site->context->admission;

	if (!d)
		return;
	pthread_mutex_lock(&admission->lock);
	d->entry.progress = progress;
	pthread_mutex_unlock(&admission->lock);
}

/* ---- proofs ---------------------------------------------------------------------------------- */

static uint64_t fail_delay_ms(const struct site *site)
{
	return site->snapshot->config->auth.fail_delay_ms;
}

uint64_t admission_proof(struct site *site, const struct endpoint *peer, struct source **ret)
{
	struct admission *admission = site->context->admission;
	uint64_t wait_ms;

	*ret = NULL;
	if (is_balancer(site, peer))
		return 0;
	pthread_mutex_lock(&admission->lock);
	wait_ms = sources_proof(admission->sources, &peer->addr, clock_mono_ms(), ret);
	pthread_mutex_unlock(&admission->lock);
	return wait_ms;
}

void admission_judged(struct site *site, struct source *s, bool failed)
{
	struct admission *admission = site->context->admission;

	if (!s)
		return;
	pthread_mutex_lock(&admission->lock);
	sources_judged(admission->sources, s, failed, fail_delay_ms(site), clock_mono_ms());
	pthread_mutex_unlock(&admission->lock);
}

uint64_t admission_answer_ms(struct site *site, const struct endpoint *peer)
{
	return is_balancer(site, peer) ? fail_delay_ms(site) : 0;
}

void admission_lane_failed(struct site *site, const struct endpoint *peer)
{
	struct admission *admission = site->context->admission;

	if (is_balancer(site, peer))
		return;
	pthread_mutex_lock(&admission->lock);
	sources_failed(admission->sources, &peer->addr, fail_delay_ms(site), clock_mono_ms());
	pthread_mutex_unlock(&admission->lock);
}
