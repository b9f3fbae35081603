// SPDX-License-Identifier: Apache-2.0
#include "config/suggest.h"

#include <string.h>

#define SUGGEST_WORD_MAX 63

static unsigned least(unsigned a, unsigned b, unsigned c)
{
	unsigned m = a < b ? a : b;

	return m < c ? m : c;
}

/* Optimal string alignment: three rows of the usual table. */
unsigned suggest_distance(const char *a, const char *b, unsigned most)
{
	unsigned rows[3][SUGGEST_WORD_MAX + 1], *before = rows[0], *last = rows[1], *now = rows[2];
	size_t na = strlen(a), nb = strlen(b);

	if (na > SUGGEST_WORD_MAX || nb > SUGGEST_WORD_MAX)
		return most + 1;
	for (unsigned j = 0; j <= nb; j++)
		last[j] = j;
	for (unsigned i = 1; i <= na; i++) {
		unsigned *free_row = before;

		now[0] = i;
		for (unsigned j = 1; j <= nb; j++) {
			unsigned differ = a[i - 1] != b[j - 1];

			now[j] = least(last[j] + 1, now[j - 1] + 1, last[j - 1] + differ);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
				before[j - 2] + 1 < now[j])
				now[j] = before[j - 2] + 1;
		}
		before = last;
		last = now;
		now = free_row;
	}
	return last[nb] > most ? most + 1 : last[nb];
}

const char *suggest(const char *got, const char *const *known)
{
	unsigned most = strlen(got) < 4 ? 1 : strlen(got) < 8 ? 2 : 3, best = most + 1;
	const char *nearest = NULL;

	for (; *known; known++) {
		unsigned d = suggest_distance(got, *known, most);

		if (d < best) {
			best = d;
			nearest = *known;
		}
	}
	return nearest;
}
