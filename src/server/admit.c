/*
 * server/admit.c — a table of sources, four to a set. A new one takes the place of the quietest of
 * its set that has no half-open connection; when all four have some, it is let in unremembered:
 * server.max_handshakes still bounds all of them together.
 *
 * The rate is a token bucket: `per_minute` tokens at most, one back every 60000 / per_minute ms.
 */
#include "server/admit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define WAYS 4
#define SETS (ADMIT_SOURCES / WAYS)
#define MINUTE_MS 60000

struct source {
	uint8_t key[8]; /* the first octets of the address; IPv4 padded */
	uint8_t family; /* 0: free */
	uint8_t failures;
	uint16_t half_open;
	uint32_t milli_tokens; /* missing from a full bucket, in thousandths */
	uint64_t refilled_ms, failed_ms;
};

struct admit {
	uint64_t seed;
	struct source set[SETS][WAYS];
};

int admit_new(uint64_t seed, struct admit **ret)
{
	struct admit *a = calloc(1, sizeof(*a));

	if (!a)
		return -ENOMEM;
	a->seed = seed;
	*ret = a;
	return 0;
}

void admit_free(struct admit *a)
{
	free(a);
}

static struct source *set_of(struct admit *a, const struct addr *s)
{
	uint64_t h;

	memcpy(&h, s->octets, sizeof(h));
	if (s->family == AF_INET)
		memset((uint8_t *)&h + 4, 0, 4);
	h = (h ^ a->seed) * UINT64_C(0xff51afd7ed558ccd);
	h = (h ^ h >> 33 ^ a->seed) * UINT64_C(0xc4ceb9fe1a85ec53);
	return a->set[(h ^ h >> 33) % SETS];
}

static struct source *find(struct admit *a, const struct addr *s)
{
	struct source *set = set_of(a, s);
	size_t n = s->family == AF_INET ? 4 : 8;

	for (size_t i = 0; i < WAYS; i++)
		if (set[i].family == s->family && !memcmp(set[i].key, s->octets, n))
			return &set[i];
	return NULL;
}

/* NULL: all places of its set are held by sources with connections under way. */
static struct source *find_or_add(struct admit *a, const struct addr *s, uint64_t now_ms)
{
	struct source *found = find(a, s), *set = set_of(a, s), *place = NULL;

	if (found)
		return found;
	for (size_t i = 0; i < WAYS; i++)
		if (!set[i].half_open && (!place || set[i].refilled_ms < place->refilled_ms))
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

enum admit_verdict admit_connect(struct admit *a, const struct addr *source,
	const struct admit_limits *limits, uint64_t now_ms)
{
	struct source *s = find_or_add(a, source, now_ms);

	if (!s)
		return ADMIT_OK;
	refill(s, limits->per_minute ? limits->per_minute : 1, now_ms);
	if (limits->half_open && s->half_open >= limits->half_open)
		return ADMIT_HALF_OPEN;
	if (limits->per_minute) {
		if (s->milli_tokens + 1000 > limits->per_minute * 1000)
			return ADMIT_RATE;
		s->milli_tokens += 1000;
	}
	if (s->half_open < UINT16_MAX)
		s->half_open++;
	return ADMIT_OK;
}

void admit_settle(struct admit *a, const struct addr *source)
{
	struct source *s = find(a, source);

	if (s && s->half_open)
		s->half_open--;
}

unsigned admit_failed(struct admit *a, const struct addr *source, uint64_t now_ms)
{
	struct source *s = find_or_add(a, source, now_ms);
	unsigned factor;

	if (!s)
		return 1;
	if (now_ms - s->failed_ms > ADMIT_FORGET_MS)
		s->failures = 0;
	factor = 1u << s->failures;
	if (s->failures < ADMIT_DOUBLINGS_MAX)
		s->failures++;
	s->failed_ms = now_ms;
	return factor;
}
