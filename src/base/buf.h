// SPDX-License-Identifier: Apache-2.0
/*
 * base/buf.h — a growable queue of octets: appended at the tail, consumed at the head.
 *
 * Layers keep their output in one; TLS appends records to one so that many leave in one write.
 * Ownership: buf_init()/buf_done(); the octets belong to the buf and move when it grows.
 * Bounds:    buf_reserve() fails with -ENOBUFS above `limit` (0: none), -ENOMEM without memory.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

struct buf {
	uint8_t *mem;
	size_t head, tail; /* octets waiting are mem[head..tail) */
	size_t cap, limit;
};

void buf_init(struct buf *b, size_t limit);
void buf_done(struct buf *b); /* wipes, frees; usable again afterwards */

static inline const uint8_t *buf_data(const struct buf *b)
{
	return b->head ? b->mem + b->head : b->mem; /* NULL + 0 is undefined */
}

static inline size_t buf_len(const struct buf *b)
{
	return b->tail - b->head;
}

/* Makes room for n more octets at the tail: *ret points there; buf_commit() says how many came. */
int buf_reserve(struct buf *b, size_t n, uint8_t **ret);
void buf_commit(struct buf *b, size_t n);
int buf_append(struct buf *b, const void *octets, size_t n);
void buf_consume(struct buf *b, size_t n);
/* Gives the memory back when nothing is waiting (an idle session holds none). */
void buf_shrink(struct buf *b);
