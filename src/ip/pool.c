// SPDX-License-Identifier: Apache-2.0
/*
 * ip/pool.c — a bitmap over a prefix, searched next-fit a word at a time.
 */
#include "ip/pool.h"

#include <errno.h>
#include <stdlib.h>

struct pool {
	struct prefix prefix;
	uint32_t base;   /* the network's own address, host order */
	uint32_t hosts;  /* addresses in the prefix */
	uint32_t next;   /* offset at which the next search starts */
	uint32_t left;   /* free ones */
	uint64_t *taken; /* a bit per offset */
};

static void mark(struct pool *p, uint32_t offset)
{
	p->taken[offset / 64] |= UINT64_C(1) << offset % 64;
}

static bool is_taken(const struct pool *p, uint32_t offset)
{
	return p->taken[offset / 64] >> offset % 64 & 1;
}

int pool_new(const struct prefix *prefix, struct pool **ret)
{
	AUTO(pool) struct pool *p = NULL;
	uint32_t words;

	if (prefix->addr.family != AF_INET || prefix->len < POOL_PREFIX_MIN ||
		prefix->len > POOL_PREFIX_MAX)
		return -EINVAL;
	p = calloc(1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	p->prefix = *prefix;
	p->hosts = UINT32_C(1) << (32 - prefix->len);
	p->base = addr_v4_value(&prefix->addr) & ~(p->hosts - 1);
	p->prefix.addr = addr_v4(p->base);
	words = (p->hosts + 63) / 64;
	p->taken = calloc(words, sizeof(*p->taken));
	if (!p->taken)
		return -ENOMEM;
	for (uint32_t i = p->hosts; i < words * 64; i++)
		mark(p, i); /* a small pool fills no word */
	mark(p, 0);
	mark(p, 1);
	mark(p, p->hosts - 1);
	p->left = p->hosts - 3;
	p->next = 2;
	*ret = TAKE(p);
	return 0;
}

void pool_free(struct pool *p)
{
	if (!p)
		return;
	free(p->taken);
	free(p);
}

struct addr pool_own(const struct pool *p)
{
	return addr_v4(p->base + 1);
}

const struct prefix *pool_prefix(const struct pool *p)
{
	return &p->prefix;
}

/* The first free offset in [from, to), or `to`. */
static uint32_t find_free(const struct pool *p, uint32_t from, uint32_t to)
{
	uint32_t i = from;

	while (i < to) {
		uint64_t open = ~p->taken[i / 64] & ~UINT64_C(0) << i % 64;

		if (open) {
			i = i / 64 * 64 + (uint32_t)__builtin_ctzll(open);
			return i < to ? i : to;
		}
		i = (i / 64 + 1) * 64;
	}
	return to;
}

int pool_take(struct pool *p, struct addr *ret)
{
	uint32_t i;

	if (!p->left)
		return -ENOSPC;
	i = find_free(p, p->next, p->hosts);
	if (i == p->hosts)
		i = find_free(p, 0, p->hosts);
	mark(p, i);
	p->left--;
	p->next = i + 1 < p->hosts ? i + 1 : 0;
	*ret = addr_v4(p->base + i);
	return 0;
}

/* The offset of an address that can be handed out, or 0. */
static uint32_t offset_of(const struct pool *p, const struct addr *a)
{
	uint32_t i;

	if (a->family != AF_INET)
		return 0;
	i = addr_v4_value(a) - p->base;
	return i > 1 && i < p->hosts - 1 ? i : 0;
}

int pool_reserve(struct pool *p, const struct addr *a)
{
	uint32_t i = offset_of(p, a);

	if (!i)
		return -ERANGE;
	if (is_taken(p, i))
		return -EADDRINUSE;
	mark(p, i);
	p->left--;
	return 0;
}

void pool_release(struct pool *p, const struct addr *a)
{
	uint32_t i = offset_of(p, a);

	if (!i || !is_taken(p, i))
		return;
	p->taken[i / 64] &= ~(UINT64_C(1) << i % 64);
	p->left++;
}

uint32_t pool_left(const struct pool *p)
{
	return p->left;
}

uint32_t pool_size(const struct pool *p)
{
	return p->hosts - 3;
}
