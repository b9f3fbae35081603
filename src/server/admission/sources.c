// SPDX-License-Identifier: Apache-2.0
/*
 * server/admission/sources.c — a table of sources, four to a set, and the line of half-open connections.
 *
 * A new source takes the place in its set that is cheapest to forget: one without connections, proofs
 * and failed logins before one with failed logins, the quieter one first. When all four have
 * connections or proofs under way, the newcomer is let in unremembered: the bound on all half-open
 * connections still holds, and its proofs are judged as those of one source that stands for all such.
 *
 * The rate is a token bucket: `per_minute` tokens at most, one back every 60000 / per_minute ms.
 */
#include "server/admission/sources.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "server/core/limits.h"

#define WAYS 4
#define SETS (SOURCES_MAX / WAYS)
#define MINUTE_MS 60000

struct source {
	uint8_t key[8]; /* the first octets of the address; IPv4 padded */
	uint8_t family; /* 0: free */
	uint8_t failures;
	uint16_t half_open;
	uint16_t judging;
	uint32_t milli_tokens; /* missing from a full bucket, in thousandths */
	uint64_t refilled_ms, failed_ms, judge_at_ms;
};

struct sources {
	uint64_t seed;
	uint64_t last_id;
	unsigned n; /* in the line */
	struct sources_entry *first, **tail;
	struct source others; /* proofs of sources that are not remembered */
	struct source set[SETS][WAYS];
};

int sources_new(uint64_t seed, struct sources **ret)
{
	struct sources *a = calloc(1, sizeof(*a));

	if (!a)
		return -ENOMEM;
	a->seed = seed;
	a->tail = &a->first;
	*ret = a;
	return 0;
}

void sources_free(struct sources *a)
{
	free(a);
}

/* ---- sources --------------------------------------------------------------------------------- */

static struct source *set_of(struct sources *a, const struct addr *s)
{
	uint64_t h;

	memcpy(&h, s->octets, sizeof(h));
	if (s->family == AF_INET)
		memset((uint8_t *)&h + 4, 0, 4);
	h = (h ^ a->seed) * UINT64_C(0xff51afd7ed558ccd);
	h = (h ^ h >> 33 ^ a->seed) * UINT64_C(0xc4ceb9fe1a85ec53);
	return a->set[(h ^ h >> 33) % SETS];
}

static struct source *find(struct sources *a, const struct addr *s)
{
	struct source *set = set_of(a, s);
	size_t n = s->family == AF_INET ? 4 : 8;

	for (size_t i = 0; i < WAYS; i++)
		if (set[i].family == s->family && !memcmp(set[i].key, s->octets, n))
			return &set[i];
	return NULL;
}

static unsigned failures(struct source *s, uint64_t now_ms)
{
	if (s->failures && now_ms - s->failed_ms > SOURCES_FORGET_MS)
		s->failures = 0;
	return s->failures;
}

/* Forgetting x is cheaper than forgetting y. */
static bool is_cheaper(struct source *x, struct source *y, uint64_t now_ms)
{
	unsigned fx = failures(x, now_ms), fy = failures(y, now_ms);

	if (fx != fy)
		return fx < fy;
	return fx ? x->failed_ms < y->failed_ms : x->refilled_ms < y->refilled_ms;
}

/* NULL: all places of its set are held by sources with something under way. */
static struct source *find_or_add(struct sources *a, const struct addr *s, uint64_t now_ms)
{
	struct source *found = find(a, s), *set = set_of(a, s), *place = NULL;

	if (found)
		return found;
	for (size_t i = 0; i < WAYS; i++)
		if (!set[i].half_open && !set[i].judging &&
			(!place || is_cheaper(&set[i], place, now_ms)))
			place = &set[i];
	if (!place)
		return NULL;
	*place = (struct source){.family = s->family, .refilled_ms = now_ms};
	memcpy(place->key, s->octets, s->family == AF_INET ? 4 : 8);
	return place;
}

static void refill(struct source *s, unsigned per_minute, uint64_t now_ms)
{
	uint64_t back = (now_ms - s->refilled_ms) * per_minute * 1000 / MINUTE_MS;

	s->milli_tokens = back > s->milli_tokens ? 0 : s->milli_tokens - (uint32_t)back;
	s->refilled_ms = now_ms;
}

/* ---- the line -------------------------------------------------------------------------------- */

static unsigned half_open_of(const struct sources_entry *e)
{
	return e->source ? e->source->half_open : 1;
}

/* May it make room for a connection of `s`, which has `own` in the line already? */
static bool may_go(
	const struct sources_entry *e, const struct source *s, unsigned own, uint64_t now_ms)
{
	unsigned n = half_open_of(e);

	if (!(s && e->source == s) && n <= own)
		return false;
	return n > EVICT_GRACE_UP_TO || now_ms - e->since_ms >= EVICT_AFTER_MS;
}

/* Rather x than y, which is older. */
static bool goes_before(const struct sources_entry *x, const struct sources_entry *y)
{
	bool jx = x->progress == SOURCES_JUDGED, jy = y->progress == SOURCES_JUDGED;

	if (jx != jy)
		return jy;
	if (half_open_of(x) != half_open_of(y))
		return half_open_of(x) > half_open_of(y);
	return x->progress < y->progress;
}

static struct sources_entry *choose_victim(
	const struct sources *a, const struct source *s, uint64_t now_ms)
{
	struct sources_entry *best = NULL;
	unsigned own = s ? s->half_open : 0, looked = 0;

	for (struct sources_entry *e = a->first; e && looked < EVICT_LOOK; e = e->next, looked++)
		if (may_go(e, s, own, now_ms) && (!best || goes_before(e, best)))
			best = e;
	return best;
}

static void line_add(struct sources *a, struct sources_entry *e, struct source *s)
{
	e->source = s;
	e->id = ++a->last_id;
	e->progress = SOURCES_SILENT;
	e->next = NULL;
	e->prev = a->tail;
	*a->tail = e;
	a->tail = &e->next;
	a->n++;
	if (s)
		s->half_open++;
}

void sources_leave(struct sources *a, struct sources_entry *e)
{
	if (!e->prev)
		return;
	*e->prev = e->next;
	if (e->next)
		e->next->prev = e->prev;
	else
		a->tail = e->prev;
	e->prev = NULL;
	a->n--;
	if (e->source)
		e->source->half_open--;
}

static enum sources_verdict judge_source(
	struct source *s, const struct sources_limits *limits, uint64_t now_ms)
{
	refill(s, limits->per_minute ? limits->per_minute : 1, now_ms);
	if (limits->half_open && s->half_open >= limits->half_open)
		return SOURCES_HALF_OPEN;
	if (limits->per_minute && s->milli_tokens + 1000 > limits->per_minute * 1000)
		return SOURCES_RATE;
	return s->half_open == UINT16_MAX ? SOURCES_FULL : SOURCES_OK;
}

enum sources_verdict sources_enter(struct sources *a, struct sources_entry *e,
	const struct addr *source, const struct sources_limits *limits, uint64_t now_ms,
	struct sources_victim *ret_victim)
{
	struct source *s = find_or_add(a, source, now_ms);
	enum sources_verdict v = s ? judge_source(s, limits, now_ms) : SOURCES_OK;
	struct sources_entry *victim = NULL;

	*ret_victim = (struct sources_victim){0};
	e->prev = NULL;
	if (v != SOURCES_OK)
		return v;
	if (a->n >= limits->all) {
		victim = choose_victim(a, s, now_ms);
		if (!victim)
			return SOURCES_FULL;
		*ret_victim = (struct sources_victim){victim->id, victim->worker};
		sources_leave(a, victim);
	}
	if (s && limits->per_minute)
		s->milli_tokens += 1000;
	e->since_ms = now_ms;
	line_add(a, e, s);
	return SOURCES_OK;
}

/* ---- proofs ---------------------------------------------------------------------------------- */

uint64_t sources_proof(
	struct sources *a, const struct addr *source, uint64_t now_ms, struct source **ret_source)
{
	struct source *s = find_or_add(a, source, now_ms);

	if (!s)
		s = &a->others;
	if (failures(s, now_ms) && now_ms < s->judge_at_ms)
		return s->judge_at_ms - now_ms;
	if (s->judging >= (s->failures ? 1 : SOURCES_JUDGED_AT_ONCE))
		return SOURCES_ASK_AGAIN_MS;
	s->judging++;
	*ret_source = s;
	return 0;
}

static void fail(struct source *s, uint64_t delay_ms, uint64_t now_ms)
{
	uint64_t most = delay_ms > SOURCES_DELAY_MAX_MS ? delay_ms : SOURCES_DELAY_MAX_MS;

	delay_ms <<= failures(s, now_ms);
	if (s->failures < SOURCES_DOUBLINGS_MAX)
		s->failures++;
	s->failed_ms = now_ms;
	s->judge_at_ms = now_ms + (delay_ms < most ? delay_ms : most);
}

void sources_judged(
	struct sources *a UNUSED, struct source *s, bool failed, uint64_t delay_ms, uint64_t now_ms)
{
	s->judging--;
	if (failed)
		fail(s, delay_ms, now_ms);
}

void sources_failed(
	struct sources *a, const struct addr *source, uint64_t delay_ms, uint64_t now_ms)
{
	struct source *s = find_or_add(a, source, now_ms);

	fail(s ? s : &a->others, delay_ms, now_ms);
}
