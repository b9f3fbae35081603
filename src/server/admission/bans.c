// SPDX-License-Identifier: Apache-2.0
#include "server/admission/bans.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define WAYS 4
#define SETS (BANS_KEPT / WAYS)
#define FOR_GOOD INT64_MAX

struct entry {
	uint64_t key; /* of source and user; 0: free */
	uint32_t points;
	int64_t at_s;     /* when points were right */
	int64_t known_s;  /* the last login; 0: none */
	int64_t banned_s; /* until then; 0: not banned */
};

struct network {
	struct prefix of;
	uint64_t user; /* 0: all */
	int64_t until_s;
};

struct bans {
	uint64_t seed;
	size_t n_networks;
	struct network network[BANS_NETWORKS];
	struct entry set[SETS][WAYS];
};

int bans_new(uint64_t seed, struct bans **ret)
{
	struct bans *b = calloc(1, sizeof(*b));

	if (!b)
		return -ENOMEM;
	b->seed = seed;
	*ret = b;
	return 0;
}

void bans_free(struct bans *b)
{
	free(b);
}

/* ---- keys ------------------------------------------------------------------------------------ */

static uint64_t mix(const struct bans *b, uint64_t h, uint64_t v)
{
	h = (h ^ v ^ b->seed) * UINT64_C(0xff51afd7ed558ccd);
	h = (h ^ h >> 33 ^ b->seed) * UINT64_C(0xc4ceb9fe1a85ec53);
	return h ^ h >> 33;
}

uint64_t bans_user_key(const struct bans *b, const char *user)
{
	const char *slash = strchr(user, '\\');
	uint64_t h = 1;

	for (const char *p = slash ? slash + 1 : user; *p; p++)
		h = mix(b, h,
			(uint64_t)(unsigned char)(*p >= 'A' && *p <= 'Z' ? *p + 'a' - 'A' : *p));
	return h ? h : 1;
}

static uint64_t source_of(const struct addr *a)
{
	uint64_t v = 0;

	memcpy(&v, a->octets, a->family == AF_INET ? 4 : 8);
	return v ^ (uint64_t)a->family << 56;
}

static uint64_t key_of(const struct bans *b, const struct addr *source, uint64_t user)
{
	uint64_t key = mix(b, mix(b, 7, source_of(source)), user);

	return key ? key : 1;
}

/* ---- entries --------------------------------------------------------------------------------- */

static struct entry *find(struct bans *b, uint64_t key)
{
	struct entry *set = b->set[key % SETS];

	for (size_t i = 0; i < WAYS; i++)
		if (set[i].key == key)
			return &set[i];
	return NULL;
}

static void decay(struct entry *e, int64_t now_s)
{
	int64_t gone = now_s > e->at_s ? (now_s - e->at_s) / BANS_POINT_GOES_S : 0;

	if (gone >= (int64_t)e->points) {
		e->points = 0;
		e->at_s = now_s;
	} else {
		e->points -= (uint32_t)gone;
		e->at_s += gone * BANS_POINT_GOES_S;
	}
}

/* What is worth less is forgotten first: points, then known sources, then bans. */
static bool is_cheaper(const struct entry *x, const struct entry *y)
{
	if (x->banned_s != y->banned_s)
		return x->banned_s < y->banned_s;
	if (x->known_s != y->known_s)
		return x->known_s < y->known_s;
	return x->points != y->points ? x->points < y->points : x->at_s < y->at_s;
}

static struct entry *find_or_add(struct bans *b, uint64_t key, int64_t now_s)
{
	struct entry *e = find(b, key), *set = b->set[key % SETS];

	if (!e) {
		e = &set[0];
		for (size_t i = 0; i < WAYS; i++) {
			if (set[i].banned_s && set[i].banned_s <= now_s)
				set[i].banned_s = 0;
			if (set[i].known_s && now_s - set[i].known_s > BANS_KNOWN_S)
				set[i].known_s = 0;
			decay(&set[i], now_s);
			if (is_cheaper(&set[i], e))
				e = &set[i];
		}
		*e = (struct entry){.key = key, .at_s = now_s};
	}
	decay(e, now_s);
	return e;
}

static bool is_banned(const struct entry *e, int64_t now_s)
{
	return e && e->banned_s > now_s;
}

/* ---- points ---------------------------------------------------------------------------------- */

static bool add_points(struct entry *e, unsigned n, unsigned most, int64_t time_s, int64_t now_s)
{
	e->points += n;
	if (e->points < most || is_banned(e, now_s))
		return false;
	e->points = 0;
	e->banned_s = now_s + time_s;
	return true;
}

enum bans_made bans_point(struct bans *b, const struct addr *source, const char *user,
	const struct bans_limits *limits, int64_t now_s)
{
	unsigned n = user ? BANS_POINTS_LOGIN : BANS_POINTS_STRANGER;
	enum bans_made made = BANS_NONE;
	struct entry *e;

	if (!limits->points)
		return BANS_NONE;
	if (user) {
		e = find_or_add(b, key_of(b, source, bans_user_key(b, user)), now_s);
		if (is_banned(e, now_s))
			return BANS_NONE;
		if (add_points(e, n, limits->points, limits->time_s, now_s))
			made = BANS_PAIR;
	}
	e = find_or_add(b, key_of(b, source, 0), now_s);
	if (e->known_s && now_s - e->known_s < BANS_LATELY_S) {
		e->points = 0;
		return made;
	}
	if (add_points(e, n, limits->points * BANS_OF_SOURCE, limits->time_s, now_s))
		made = BANS_SOURCE;
	return made;
}

void bans_logged_in(struct bans *b, const struct addr *source, const char *user, int64_t now_s)
{
	struct entry *e = find_or_add(b, key_of(b, source, bans_user_key(b, user)), now_s);

	e->points = 0;
	if (e->known_s < now_s)
		e->known_s = now_s;
	e = find_or_add(b, key_of(b, source, 0), now_s);
	if (e->known_s < now_s)
		e->known_s = now_s;
}

bool bans_is_known(struct bans *b, const struct addr *source, const char *user, int64_t now_s)
{
	const struct entry *e = find(b, key_of(b, source, bans_user_key(b, user)));

	return e && e->known_s && now_s - e->known_s <= BANS_KNOWN_S;
}

/* ---- bans ------------------------------------------------------------------------------------ */

static bool is_in_network(
	const struct bans *b, const struct addr *source, uint64_t user, int64_t now_s)
{
	for (size_t i = 0; i < b->n_networks; i++) {
		const struct network *n = &b->network[i];

		if (n->until_s > now_s && (!n->user || n->user == user) &&
			prefix_contains(&n->of, source))
			return true;
	}
	return false;
}

bool bans_has(struct bans *b, const struct addr *source, const char *user, int64_t now_s)
{
	uint64_t key = user ? bans_user_key(b, user) : 0;

	return is_in_network(b, source, key, now_s) ||
	       is_banned(find(b, key_of(b, source, 0)), now_s) ||
	       (user && is_banned(find(b, key_of(b, source, key)), now_s));
}

/* An IPv4 address or an IPv6 /64 (or one address of it). */
static bool is_source(const struct prefix *p)
{
	return p->addr.family == AF_INET ? p->len == 32 : p->len >= 64;
}

static bool same_network(const struct network *n, const struct prefix *of, uint64_t user)
{
	return n->of.len == of->len && addr_equal(&n->of.addr, &of->addr) && n->user == user;
}

int bans_set(struct bans *b, const struct prefix *of, const char *user, int64_t until_s)
{
	uint64_t key = user && *user ? bans_user_key(b, user) : 0;
	int64_t until = until_s ? until_s : FOR_GOOD;
	size_t i = 0;

	if (is_source(of)) {
		find_or_add(b, key_of(b, &of->addr, key), 0)->banned_s = until;
		return 0;
	}
	while (i < b->n_networks && !same_network(&b->network[i], of, key))
		i++;
	if (i == BANS_NETWORKS)
		return -ENOSPC;
	b->network[i] = (struct network){*of, key, until};
	if (i == b->n_networks)
		b->n_networks++;
	return 0;
}

void bans_unset(struct bans *b, const struct prefix *of, const char *user)
{
	uint64_t key = user && *user ? bans_user_key(b, user) : 0;
	struct entry *e = is_source(of) ? find(b, key_of(b, &of->addr, key)) : NULL;

	if (e) {
		e->points = 0;
		e->banned_s = 0;
	}
	for (size_t i = 0; i < b->n_networks; i++)
		if (same_network(&b->network[i], of, key)) {
			b->network[i] = b->network[--b->n_networks];
			return;
		}
}
