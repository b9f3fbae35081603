// SPDX-License-Identifier: Apache-2.0
/*
 * base/rd.h — a read cursor over octets from outside.
 *
 * Reads past the end give zeros and set short_read, so a parser reads straight through and asks
 * once. Nothing is copied: rd_ptr() and rd_sub() point into the original octets. All integers on
 * the wire are big endian unless the name says otherwise.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct rd {
	const uint8_t *p, *end;
	bool short_read;
};

static inline struct rd rd_init(const void *octets, size_t n)
{
	const uint8_t *p = octets;

	return (struct rd){p, n ? p + n : p, false}; /* NULL + 0 is undefined */
}

static inline size_t rd_left(const struct rd *r)
{
	return (size_t)(r->end - r->p);
}

/* The next n octets, or NULL (and short_read) when there are fewer. */
static inline const uint8_t *rd_ptr(struct rd *r, size_t n)
{
	const uint8_t *p = r->p;

	if (rd_left(r) < n) {
		r->short_read = true;
		r->p = r->end;
		return NULL;
	}
	if (n)
		r->p += n;
	return p;
}

static inline uint8_t rd_u8(struct rd *r)
{
	const uint8_t *p = rd_ptr(r, 1);

	return p ? p[0] : 0;
}

static inline uint16_t rd_be16(struct rd *r)
{
	const uint8_t *p = rd_ptr(r, 2);

	return p ? (uint16_t)(p[0] << 8 | p[1]) : 0;
}

static inline uint32_t rd_be32(struct rd *r)
{
	const uint8_t *p = rd_ptr(r, 4);

	return p ? (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3] : 0;
}

/* A cursor over the next n octets; empty with short_read set in both when there are fewer. */
static inline struct rd rd_sub(struct rd *r, size_t n)
{
	const uint8_t *p = rd_ptr(r, n);

	if (!p)
		return (struct rd){r->end, r->end, true};
	return (struct rd){p, p + n, false};
}

/* Copies n octets to dst; zeros when there are fewer. */
static inline void rd_copy(struct rd *r, void *dst, size_t n)
{
	const uint8_t *p = rd_ptr(r, n);

	if (!n)
		return;
	if (p)
		memcpy(dst, p, n);
	else
		memset(dst, 0, n);
}
