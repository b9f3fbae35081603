// SPDX-License-Identifier: Apache-2.0
/*
 * store/pool_map.h — which addresses of a pool have a lease or are some user's own: a bit each, only
 * a hint where to look for a free one (store/leases.c).
 *
 * Ownership: the maps of a handle belong to it; pool_maps_done() frees them, and the next use makes
 *            them again.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "store/limits.h"

struct pool_map {
	struct prefix pool;
	uint64_t *bits;
	uint32_t size, next; /* next: where the search goes on */
};

struct pool_maps {
	struct pool_map map[STORE_POOLS_MAX];
	size_t n, evict_next;
};

/* The map of a pool, or NULL. */
struct pool_map *pool_maps_find(struct pool_maps *maps, const struct prefix *pool);
/* A new one, empty; the oldest makes room. NULL: no memory. */
struct pool_map *pool_maps_add(struct pool_maps *maps, const struct prefix *pool);
void pool_maps_drop(struct pool_maps *maps, struct pool_map *m);
void pool_maps_done(struct pool_maps *maps);

/* All free but the first address, which names the network, and the last, its broadcast. */
void pool_map_clear(struct pool_map *m);
void pool_map_mark(struct pool_map *m, const struct addr *a); /* outside the pool: ignored */
/* The next address without a mark, which it gets; false: there is none. */
bool pool_map_next(struct pool_map *m, struct addr *ret);

/* IPv4, or IPv6 of a size that a map can hold, with room for one address. */
bool pool_is_good(const struct prefix *pool);
/* Number `offset` of a pool's addresses; pool_size() of them. */
struct addr pool_addr(const struct prefix *pool, uint32_t offset);
uint32_t pool_size(const struct prefix *pool);
