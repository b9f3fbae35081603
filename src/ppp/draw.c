// SPDX-License-Identifier: Apache-2.0
#include "ppp/draw.h"

#include <assert.h>
#include <string.h>

#include "base/crypto.h"

int draw_octets(struct draw *d, void *ret, size_t n)
{
	struct octets parts[] = {{d->seed, sizeof(d->seed)}, {d->count, sizeof(d->count)}};
	uint8_t digest[SHA256_LEN];
	int r;

	assert(n <= DRAW_MAX);
	for (size_t i = 0; i < sizeof(d->count) && !++d->count[i]; i++)
		continue;
	r = hash_parts(HASH_SHA256, parts, 2, digest);
	if (r < 0)
		return r;
	memcpy(ret, digest, n);
	explicit_bzero(digest, sizeof(digest));
	return 0;
}
