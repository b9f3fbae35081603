// SPDX-License-Identifier: Apache-2.0
/*
 * base/wr.h — a write cursor over a fixed array: the counterpart of rd.h.
 *
 * Writes past the end are dropped and set overflow, to be asked once at the end.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct wr {
	uint8_t *start, *p, *end;
	bool overflow;
};

static inline struct wr wr_init(void *octets, size_t cap)
{
	return (struct wr){octets, octets, (uint8_t *)octets + cap, false};
}

static inline size_t wr_len(const struct wr *w)
{
	return (size_t)(w->p - w->start);
}

/* Room for n octets that the caller fills in, or NULL (and overflow). */
static inline uint8_t *wr_room(struct wr *w, size_t n)
{
	uint8_t *p = w->p;

	if ((size_t)(w->end - w->p) < n) {
		w->overflow = true;
		return NULL;
	}
	w->p += n;
	return p;
}

static inline void wr_u8(struct wr *w, uint8_t v)
{
	uint8_t *p = wr_room(w, 1);

	if (p)
		p[0] = v;
}

static inline void wr_be16(struct wr *w, uint16_t v)
{
	uint8_t *p = wr_room(w, 2);

	if (p) {
		p[0] = (uint8_t)(v >> 8);
		p[1] = (uint8_t)v;
	}
}

static inline void wr_be32(struct wr *w, uint32_t v)
{
	wr_be16(w, (uint16_t)(v >> 16));
	wr_be16(w, (uint16_t)v);
}

static inline void wr_octets(struct wr *w, const void *src, size_t n)
{
	uint8_t *p = n ? wr_room(w, n) : NULL;

	if (p)
		memcpy(p, src, n);
}

static inline void wr_zero(struct wr *w, size_t n)
{
	uint8_t *p = n ? wr_room(w, n) : NULL;

	if (p)
		memset(p, 0, n);
}

/* Writes v at p, a place remembered earlier (a length that is known only now). */
static inline void wr_patch_be16(uint8_t *p, size_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}
