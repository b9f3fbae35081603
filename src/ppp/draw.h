// SPDX-License-Identifier: Apache-2.0
/*
 * ppp/draw.h — random octets drawn from one seed, so that a whole call can be replayed from it:
 * SHA-256(seed | counter). The seed is as secret as the challenges have to be unpredictable.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

#define DRAW_SEED_LEN 64
#define DRAW_MAX 32 /* octets in one draw */

struct draw {
	uint8_t seed[DRAW_SEED_LEN];
	uint8_t count[4];
};

/* n octets, at most DRAW_MAX. 0, or -EIO without SHA-256 (*ret untouched). */
int draw_octets(struct draw *d, void *ret, size_t n);
