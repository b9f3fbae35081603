// SPDX-License-Identifier: Apache-2.0
#include "base/buf.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/hot.h"

void buf_init(struct buf *b, size_t limit)
{
	*b = (struct buf){.limit = limit};
}

void buf_done(struct buf *b)
{
	if (b->mem)
		explicit_bzero(b->mem, b->cap); /* consumed octets too */
	free(b->mem);
	*b = (struct buf){.limit = b->limit};
}

/* Not realloc(): the old place may hold a password or a key, and must be wiped. */
static int buf_grow(struct buf *b, size_t cap)
{
	size_t len = buf_len(b);
	uint8_t *mem = malloc(cap);

	if (!mem)
		return -ENOMEM;
	if (b->mem) {
		memcpy(mem, b->mem + b->head, len);
		explicit_bzero(b->mem, b->cap);
		free(b->mem);
	}
	b->mem = mem;
	b->cap = cap;
	b->head = 0;
	b->tail = len;
	return 0;
}

HOT int buf_reserve(struct buf *b, size_t n, uint8_t **ret)
{
	size_t len = buf_len(b), cap = b->cap ? b->cap : 256;
	int r;

	if (b->limit && (len > b->limit || n > b->limit - len))
		return -ENOBUFS;
	if (n > SIZE_MAX / 4)
		return -ENOMEM;
	if (b->cap - b->tail < n && b->head > 0) {
		memmove(b->mem, b->mem + b->head, len);
		b->head = 0;
		b->tail = len;
	}
	if (b->cap - b->tail < n) {
		while (cap < len + n)
			cap *= 2;
		r = buf_grow(b, cap);
		if (r < 0)
			return r;
	}
	*ret = b->mem + b->tail;
	return 0;
}

void buf_commit(struct buf *b, size_t n)
{
	b->tail += n;
}

int buf_append(struct buf *b, const void *octets, size_t n)
{
	uint8_t *p;
	int r;

	if (!n)
		return 0;
	r = buf_reserve(b, n, &p);
	if (r < 0)
		return r;
	memcpy(p, octets, n);
	buf_commit(b, n);
	return 0;
}

void buf_consume(struct buf *b, size_t n)
{
	b->head += n;
	if (b->head == b->tail)
		b->head = b->tail = 0;
}

void buf_shrink(struct buf *b)
{
	if (b->mem && !buf_len(b)) {
		free(b->mem);
		b->mem = NULL;
		b->cap = b->head = b->tail = 0;
	}
}
