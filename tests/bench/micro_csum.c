// SPDX-License-Identifier: Apache-2.0
/* Cycles of the checksum loops over packets of one 64 KiB piece, as segment and coalesce use them. */
#include <string.h>

#include "micro.h"
#include "offload/csum.h"

enum { PIECE = 65536 };

static uint8_t src[PIECE + 64], dst[2 * PIECE];
static volatile uint64_t sink;

typedef uint64_t (*add_fn)(uint64_t, const void *, size_t);
typedef uint64_t (*copy_fn)(uint64_t, void *, const void *, size_t);

static void run_add(add_fn add, size_t n)
{
	uint64_t sum = 0;

	for (size_t at = 0; at + n <= PIECE; at += n)
		sum += add(0, src + 10 + at, n);
	sink = sum;
}

static void run_copy(copy_fn copy, size_t n)
{
	uint64_t sum = 0;
	size_t to = 0;

	for (size_t at = 0; at + n <= PIECE; at += n, to = (to + n + 60) % PIECE)
		sum += copy(0, dst + to, src + 10 + at, n);
	sink = sum;
}

static uint64_t memcpy_only(uint64_t sum, void *to, const void *from, size_t n)
{
	memcpy(to, from, n);
	return sum;
}

static uint64_t memcpy_then_add(uint64_t sum, void *to, const void *from, size_t n)
{
	memcpy(to, from, n);
	return csum_add(sum, to, n);
}

static const struct {
	const char *name;
	add_fn add;
	copy_fn copy;
} loops[] = {
	{"sum, scalar", csum_add_scalar, NULL},
	{"sum, SIMD", csum_add_simd, NULL},
	{"sum, as chosen", csum_add, NULL},
	{"copy and sum, scalar", NULL, csum_copy_scalar},
	{"copy and sum, SIMD", NULL, csum_copy_simd},
	{"copy and sum, as chosen", NULL, csum_copy},
	{"memcpy", NULL, memcpy_only},
	{"memcpy, then sum", NULL, memcpy_then_add},
};

int main(void)
{
	static const size_t sizes[] = {40, 200, 1360};
	uint64_t best;

	if (!csum_has_simd())
		printf("no SIMD here: those rows are the scalar loop\n");
	for (size_t i = 0; i < sizeof(src); i++)
		src[i] = (uint8_t)(i * 131 >> 3);
	for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
		printf("%zu octets\n", sizes[s]);
		for (size_t i = 0; i < sizeof(loops) / sizeof(loops[0]); i++) {
			if (loops[i].add)
				MICRO_BEST(best, 500, run_add(loops[i].add, sizes[s]));
			else
				MICRO_BEST(best, 500, run_copy(loops[i].copy, sizes[s]));
			micro_print(loops[i].name, best, PIECE / sizes[s], PIECE);
		}
	}
	return 0;
}
