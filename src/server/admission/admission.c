// SPDX-License-Identifier: Apache-2.0
#include "server/admission/admission.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "config/config.h"
#include "events/event.h"
#include "server/admission/bans.h"
#include "server/core/account.h"
#include "server/core/snapshot.h"
#include "server/core/context.h"
#include "server/core/site.h"

struct admission {
	pthread_mutex_t lock;
	struct sources *sources;   /* under lock */
	struct sources *strangers; /* under lock: users, as whom sources fail that are not theirs */
	struct bans *bans;         /* under lock */
	_Atomic int64_t slowed_told_s;
	_Atomic uint64_t refused;
	_Atomic int64_t refused_told_s; /* one line a second says it */
};

int admission_new(struct admission **ret)
{
	struct admission *admission = calloc(1, sizeof(*admission));
	uint64_t seed;

	crypto_random(&seed, sizeof(seed));
	if (!admission || sources_new(seed, &admission->sources) < 0 ||
		sources_new(seed, &admission->strangers) < 0 ||
		bans_new(seed, &admission->bans) < 0) {
		if (admission) {
			sources_free(admission->strangers);
			sources_free(admission->sources);
		}
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
	bans_free(admission->bans);
	sources_free(admission->strangers);
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

/* A balancer's own address is no source; that of the client it names is one. */
static bool is_banned(struct site *site, const struct endpoint *peer, const char *user)
{
	struct admission *a = site->context->admission;
	bool banned;

	if (is_balancer(site, peer))
		return false;
	pthread_mutex_lock(&a->lock);
	banned = bans_has(a->bans, &peer->addr, user, clock_wall_s());
	pthread_mutex_unlock(&a->lock);
	return banned;
}

struct door *admission_enter(struct site *site, const struct endpoint *peer, bool named)
{
	struct door *d;
	struct sources_victim victim;
	enum sources_verdict v;

	if (is_banned(site, peer, NULL)) {
		note_event(site->context->admission, peer, EV_SERVER_SOURCE_BANNED);
		return NULL;
	}
	d = calloc(1, sizeof(*d));
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

bool admission_is_banned(struct site *site, const struct admission_proof *p)
{
	return is_banned(site, &p->peer, p->user);
}

/* In the table of users the key of the name stands for an address. */
static struct addr user_as_source(const struct admission *a, const char *user)
{
	uint64_t key = bans_user_key(a->bans, user);
	struct addr s = {.family = AF_INET6};

	memcpy(s.octets, &key, sizeof(key));
	return s;
}

static void note_slowed(struct admission *a, const struct admission_proof *p)
{
	int64_t now_s = clock_wall_s();
	struct log_scope scope = {0};

	if (atomic_exchange_explicit(&a->slowed_told_s, now_s, memory_order_relaxed) == now_s)
		return;
	endpoint_format(&p->peer, scope.peer);
	log_event(&scope, EV_AUTH_STRANGERS_SLOWED, "user=\"%s\"", p->user);
}

/* Under the lock. The source's place is given back when the user's has to be waited for. */
static uint64_t ask(
	struct admission *a, struct admission_proof *p, uint64_t now_ms, bool *ret_by_others)
{
	uint64_t wait_ms = sources_proof(a->sources, &p->peer.addr, now_ms, &p->source);
	struct addr user;

	if (wait_ms || bans_is_known(a->bans, &p->peer.addr, p->user, clock_wall_s()))
		return wait_ms;
	user = user_as_source(a, p->user);
	wait_ms = sources_proof(a->strangers, &user, now_ms, &p->stranger);
	*ret_by_others = wait_ms > SOURCES_ASK_AGAIN_MS;
	if (wait_ms) {
		sources_judged(a->sources, p->source, false, 0, now_ms);
		p->source = NULL;
	}
	return wait_ms;
}

uint64_t admission_ask(struct site *site, struct admission_proof *p)
{
	struct admission *a = site->context->admission;
	bool by_others = false;
	uint64_t wait_ms;

	p->source = p->stranger = NULL;
	if (is_balancer(site, &p->peer))
		return 0;
	pthread_mutex_lock(&a->lock);
	wait_ms = ask(a, p, clock_mono_ms(), &by_others);
	pthread_mutex_unlock(&a->lock);
	if (by_others)
		note_slowed(a, p);
	return wait_ms;
}

static struct db_ban ban_of(const struct admission_proof *p, enum bans_made made, int64_t until_s)
{
	struct db_ban b = {.of = {p->peer.addr, p->peer.addr.family == AF_INET ? 32 : 64},
		.since_at = clock_wall_s(),
		.until_at = until_s};

	if (b.of.len == 64)
		memset(b.of.addr.octets + 8, 0, 8);
	if (made == BANS_PAIR) {
		const char *slash = strchr(p->user, '\\');

		snprintf(b.user, sizeof(b.user), "%s", slash ? slash + 1 : p->user);
	}
	return b;
}

static void note_ban(struct site *site, const struct admission_proof *p, enum bans_made made)
{
	int64_t time_s = (int64_t)(site->snapshot->config->auth.ban_time_ms / 1000);
	struct db_ban ban = ban_of(p, made, clock_wall_s() + time_s);
	char text[PREFIX_TEXT_LEN];

	log_event(NULL, EV_SOURCE_BANNED, "source=%s user=\"%s\" seconds=%" PRId64,
		prefix_format(&ban.of, text), ban.user, time_s);
	account_ban(site->context->account, &ban);
}

/* Points, for a login that failed (`user`), or for a connection that never came to one (NULL). */
static void give_points(struct site *site, const struct admission_proof *p, const char *user)
{
	struct admission *a = site->context->admission;
	const struct config *cfg = site->snapshot->config;
	struct bans_limits limits = {
		(unsigned)cfg->auth.ban_points, (int64_t)(cfg->auth.ban_time_ms / 1000)};
	enum bans_made made;

	if (config_never_bans(cfg, &p->peer.addr))
		return;
	pthread_mutex_lock(&a->lock);
	made = bans_point(a->bans, &p->peer.addr, user, &limits, clock_wall_s());
	pthread_mutex_unlock(&a->lock);
	if (made != BANS_NONE)
		note_ban(site, p, made);
}

void admission_judged(struct site *site, struct admission_proof *p, enum admission_outcome outcome)
{
	struct admission *a = site->context->admission;
	bool failed = outcome == ADMISSION_FAILED;

	if (is_balancer(site, &p->peer))
		return;
	pthread_mutex_lock(&a->lock);
	if (p->source)
		sources_judged(a->sources, p->source, failed, fail_delay_ms(site), clock_mono_ms());
	if (p->stranger)
		sources_judged(
			a->strangers, p->stranger, failed, fail_delay_ms(site), clock_mono_ms());
	p->source = p->stranger = NULL;
	if (outcome == ADMISSION_ACCEPTED)
		bans_logged_in(a->bans, &p->peer.addr, p->user, clock_wall_s());
	pthread_mutex_unlock(&a->lock);
	if (failed)
		give_points(site, p, p->user);
}

void admission_stranger(struct site *site, const struct endpoint *peer)
{
	const struct admission_proof p = {.peer = *peer};

	give_points(site, &p, NULL);
}

int admission_ban(struct admission *a, const struct prefix *of, const char *user, int64_t until_s)
{
	int r;

	pthread_mutex_lock(&a->lock);
	r = bans_set(a->bans, of, user, until_s);
	pthread_mutex_unlock(&a->lock);
	return r;
}

void admission_unban(struct admission *a, const struct prefix *of, const char *user)
{
	pthread_mutex_lock(&a->lock);
	bans_unset(a->bans, of, user);
	pthread_mutex_unlock(&a->lock);
}

void admission_remember(
	struct admission *a, const struct addr *source, const char *user, int64_t at_s)
{
	pthread_mutex_lock(&a->lock);
	bans_logged_in(a->bans, source, user, at_s);
	pthread_mutex_unlock(&a->lock);
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
