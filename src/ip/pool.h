// SPDX-License-Identifier: Apache-2.0
/*
 * ip/pool.h — which IPv4 addresses of a prefix are taken.
 *
 * The network's own address, its broadcast address and the first one, which is the server's, are
 * never handed out. A pool remembers nothing of who had what: leases are the store's affair, which
 * reserves them here.
 *
 * Threads: a pool belongs to one thread; nothing here locks.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/auto.h"

#define POOL_PREFIX_MIN 8  /* a bit per address: 2 MiB */
#define POOL_PREFIX_MAX 30 /* the server and one client */

struct pool;

/* -EINVAL: not IPv4, or a length outside the two above; -ENOMEM. */
int pool_new(const struct prefix *prefix, struct pool **ret);
void pool_free(struct pool *p); /* NULL is fine */
DEFINE_AUTO(pool, struct pool *, pool_free)

struct addr pool_own(const struct pool *p); /* the server's address */
const struct prefix *pool_prefix(const struct pool *p);

/* The next free address after the last one taken, so that one let go rests before it is reused. */
int pool_take(struct pool *p, struct addr *ret); /* -ENOSPC: none is left */
/* Exactly this one. -EADDRINUSE; -ERANGE: not of this pool, or never handed out. */
int pool_reserve(struct pool *p, const struct addr *a);
void pool_release(struct pool *p, const struct addr *a); /* what is not taken is ignored */
uint32_t pool_left(const struct pool *p);
uint32_t pool_size(const struct pool *p); /* all that can be handed out */
