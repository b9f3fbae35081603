// SPDX-License-Identifier: Apache-2.0
#include "store/pool_map.h"

#include <stdlib.h>
#include <string.h>

/* ---- addresses as numbers inside a pool ---- */

static uint32_t low_bits(const struct addr *a)
{
	const uint8_t *p = a->octets + addr_len(a) - 4;

	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

struct addr pool_addr(const struct prefix *pool, uint32_t offset)
{
	struct addr a = pool->addr;
	uint32_t v = low_bits(&pool->addr) + offset;
	uint8_t *p = a.octets + addr_len(&a) - 4;

	for (int i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> (24 - 8 * i));
	return a;
}

uint32_t pool_size(const struct prefix *pool)
{
	return (uint32_t)1 << (8 * addr_len(&pool->addr) - pool->len);
}

bool pool_is_good(const struct prefix *pool)
{
	size_t bits = 8 * addr_len(&pool->addr);

	return bits && pool->len + 2u <= bits && bits - pool->len <= STORE_POOL_BITS_MAX;
}

/* ---- one map ---- */

static void set(struct pool_map *m, uint32_t i)
{
	m->bits[i / 64] |= (uint64_t)1 << i % 64;
}

void pool_map_clear(struct pool_map *m)
{
	memset(m->bits, 0, (m->size + 63) / 64 * 8);
	set(m, 0);
	set(m, m->size - 1);
	m->next = 1;
}

void pool_map_mark(struct pool_map *m, const struct addr *a)
{
	if (prefix_contains(&m->pool, a))
		set(m, low_bits(a) - low_bits(&m->pool.addr));
}

bool pool_map_next(struct pool_map *m, struct addr *ret)
{
	while (m->next < m->size && m->bits[m->next / 64] >> m->next % 64 & 1)
		m->next++;
	if (m->next >= m->size)
		return false;
	set(m, m->next);
	*ret = pool_addr(&m->pool, m->next++);
	return true;
}

/* ---- those of a handle ---- */

static void pool_map_done(struct pool_map *m)
{
	free(m->bits);
	*m = (struct pool_map){0};
}

void pool_maps_done(struct pool_maps *maps)
{
	for (size_t i = 0; i < maps->n; i++)
		pool_map_done(&maps->map[i]);
	maps->n = 0;
}

struct pool_map *pool_maps_find(struct pool_maps *maps, const struct prefix *pool)
{
	for (size_t i = 0; i < maps->n; i++)
		if (maps->map[i].pool.len == pool->len &&
			addr_equal(&maps->map[i].pool.addr, &pool->addr))
			return &maps->map[i];
	return NULL;
}

void pool_maps_drop(struct pool_maps *maps, struct pool_map *m)
{
	pool_map_done(m);
	*m = maps->map[--maps->n];
	maps->map[maps->n] = (struct pool_map){0};
}

struct pool_map *pool_maps_add(struct pool_maps *maps, const struct prefix *pool)
{
	uint32_t size = pool_size(pool);
	struct pool_map *m;

	if (maps->n < STORE_POOLS_MAX) {
		m = &maps->map[maps->n++];
	} else {
		m = &maps->map[maps->evict_next++ % STORE_POOLS_MAX];
		pool_map_done(m);
	}
	*m = (struct pool_map){*pool, calloc((size + 63) / 64, 8), size, 1};
	if (m->bits) {
		pool_map_clear(m);
		return m;
	}
	pool_maps_drop(maps, m);
	return NULL;
}
