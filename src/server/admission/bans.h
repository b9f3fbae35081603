// SPDX-License-Identifier: Apache-2.0
/*
 * server/admission/bans.h — who is kept out for a while: sources, and sources as one user.
 *
 * Points are given for logins that fail and for connections that never come to one; with time they go
 * away. With so many points a source is banned as this user; with three times as many the source as a
 * whole, unless a user logged in from there lately: behind one NAT one device with an old password must
 * not shut the others out. A source banned as one user collects no more points by that user.
 *
 * It also remembers from where each user logged in: sources.h judges the proofs of all others as if they
 * were one source.
 *
 * A source is an IPv4 address, or an IPv6 /64. Pure: no clock, no lock; admission.c holds a mutex around
 * it.
 * Memory: fixed at the start. A flood of sources pushes out those with few points first, bans last.
 * Units:  seconds since 1970.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/auto.h"

struct bans;

#define BANS_KEPT 16384               /* sources, and pairs of source and user */
#define BANS_NETWORKS 256             /* banned by an admin */
#define BANS_POINT_GOES_S 10          /* one point goes away in so long */
#define BANS_OF_SOURCE 3              /* times the points, for the source as a whole */
#define BANS_LATELY_S (24 * 3600)     /* a login from a source protects it for so long */
#define BANS_KNOWN_S (30 * 24 * 3600) /* a user's sources are known for so long */
#define BANS_POINTS_LOGIN 3
#define BANS_POINTS_STRANGER 1

struct bans_limits {
	unsigned points; /* 0: no bans are made */
	int64_t time_s;
};

enum bans_made { BANS_NONE, BANS_PAIR, BANS_SOURCE };

/* `seed` keeps strangers from aiming at the place where somebody else is remembered. */
int bans_new(uint64_t seed, struct bans **ret);
void bans_free(struct bans *b); /* NULL is fine */
DEFINE_AUTO(bans, struct bans *, bans_free)

/* `user` NULL: the connection never came to a login. Names are compared without DOMAIN\ and case. */
enum bans_made bans_point(struct bans *b, const struct addr *source, const char *user,
	const struct bans_limits *limits, int64_t now_s);
/* `user` NULL: the source as a whole. */
bool bans_has(struct bans *b, const struct addr *source, const char *user, int64_t now_s);
void bans_logged_in(struct bans *b, const struct addr *source, const char *user, int64_t now_s);
bool bans_is_known(struct bans *b, const struct addr *source, const char *user, int64_t now_s);

/* By an admin, or from the store. until_s 0: for good. -ENOSPC: too many networks. */
int bans_set(struct bans *b, const struct prefix *of, const char *user, int64_t until_s);
/* Points go, too. */
void bans_unset(struct bans *b, const struct prefix *of, const char *user);
/* One number for a name, however it is typed. */
uint64_t bans_user_key(const struct bans *b, const char *user);
