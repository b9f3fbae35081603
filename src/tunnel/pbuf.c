// SPDX-License-Identifier: Apache-2.0
/*
 * tunnel/pbuf.c — packet buffers in three sizes.
 *
 * A shelf per size: a free list, used in the order last in, first out, so that a busy worker stays
 * with few and warm buffers. malloc() is called only when more packets wait than ever since the
 * last trim; in steady state the data path takes and gives back without it.
 */
#include "tunnel/pbuf.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/hot.h"
#include "base/line.h"

static const uint32_t class_octets[PBUF_CLASSES] = {
	[PBUF_SMALL] = PBUF_SMALL_OCTETS,
	[PBUF_MEDIUM] = PBUF_MEDIUM_OCTETS,
	[PBUF_LARGE] = PBUF_LARGE_OCTETS,
};

struct shelf {
	struct pbuf *free;
	uint32_t free_count, used, max;
};

struct pbuf_pool {
	struct shelf shelves[PBUF_CLASSES];
};

int pbuf_pool_new(const uint32_t max[static PBUF_CLASSES], struct pbuf_pool **ret)
{
	struct pbuf_pool *pool = line_calloc(sizeof(*pool));

	if (!pool)
		return -ENOMEM;
	for (size_t i = 0; i < PBUF_CLASSES; i++)
		pool->shelves[i].max = max[i];
	*ret = pool;
	return 0;
}

static void shelf_release(struct shelf *shelf, uint32_t keep)
{
	while (shelf->free_count > keep) {
		struct pbuf *p = shelf->free;

		shelf->free = p->next;
		shelf->free_count--;
		free(p);
	}
}

void pbuf_pool_free(struct pbuf_pool *pool)
{
	if (!pool)
		return;
	for (size_t i = 0; i < PBUF_CLASSES; i++)
		shelf_release(&pool->shelves[i], 0);
	free(pool);
}

void pbuf_pool_prefetch(const struct pbuf_pool *pool)
{
	prefetch(pool, sizeof(*pool));
	for (size_t i = 0; i < PBUF_CLASSES; i++)
		if (pool->shelves[i].free)
			prefetch(pool->shelves[i].free, sizeof(struct pbuf) + HOT_BEGINNING);
}

void pbuf_pool_trim(struct pbuf_pool *pool)
{
	for (size_t i = 0; i < PBUF_CLASSES; i++)
		shelf_release(&pool->shelves[i], (pool->shelves[i].free_count + 1) / 2);
}

static struct pbuf *shelf_take(struct shelf *shelf)
{
	struct pbuf *p = shelf->free;

	shelf->free = p->next;
	shelf->free_count--;
	shelf->used++;
	return p;
}

static struct pbuf *shelf_grow(struct pbuf_pool *pool, enum pbuf_class class)
{
	struct pbuf *p = malloc(sizeof(*p) + class_octets[class]);

	if (!p)
		return NULL;
	p->pool = pool;
	p->class = class;
	p->cap = class_octets[class];
	pool->shelves[class].used++;
	return p;
}

HOT static struct pbuf *get_of(struct pbuf_pool *pool, enum pbuf_class class)
{
	struct shelf *shelf = &pool->shelves[class];
	struct pbuf *p;

	if (shelf->free)
		p = shelf_take(shelf);
	else if (shelf->used < shelf->max)
		p = shelf_grow(pool, class);
	else
		return NULL;
	if (p) {
		p->next = NULL;
		p->enqueued_us = 0;
		p->segment = (struct segment){0};
	}
	return p;
}

static enum pbuf_class class_for(size_t n)
{
	enum pbuf_class class = PBUF_SMALL;

	while (class < PBUF_CLASSES && class_octets[class] < n)
		class ++;
	return class;
}

HOT struct pbuf *pbuf_get(struct pbuf_pool *pool, size_t n)
{
	enum pbuf_class class = class_for(n);

	return class < PBUF_CLASSES ? get_of(pool, class) : NULL;
}

HOT void pbuf_free(struct pbuf *p)
{
	struct shelf *shelf;

	if (!p)
		return;
	shelf = &p->pool->shelves[p->class];
	p->next = shelf->free;
	shelf->free = p;
	shelf->free_count++;
	shelf->used--;
}

HOT struct pbuf *pbuf_fit(struct pbuf *p, size_t n)
{
	struct pbuf *fit;

	if (class_for(n) >= p->class)
		return p;
	fit = get_of(p->pool, class_for(n));
	if (!fit)
		return p;
	memcpy(fit->octets, p->octets, n);
	fit->ip = p->ip;
	fit->segment = p->segment;
	if (p->segment.packet)
		fit->segment.packet = fit->octets + (p->segment.packet - p->octets);
	pbuf_free(p);
	return fit;
}

uint32_t pbuf_pool_used(const struct pbuf_pool *pool, enum pbuf_class class)
{
	return pool->shelves[class].used;
}

size_t pbuf_pool_octets(const struct pbuf_pool *pool)
{
	size_t n = 0;

	for (size_t i = 0; i < PBUF_CLASSES; i++)
		n += (size_t)(pool->shelves[i].used + pool->shelves[i].free_count) *
		     class_octets[i];
	return n;
}
