// SPDX-License-Identifier: Apache-2.0
/*
 * store/archive.c: any octets as the entries of a backup: one who knows the passphrase can write them.
 * What is read has no octet too many or too few, and nothing stays after a failure.
 */
#include <stdlib.h>
#include <string.h>

#include "store/archive.h"

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t n);

static void must(bool b)
{
	if (!b)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t n)
{
	struct archive a;
	size_t sum = 0;
	int r = archive_parse(&a, octets, n);

	for (size_t i = 0; i < ARCHIVE_KINDS; i++) {
		must(!a.entry[i].octets || (i && r == 0));
		if (a.entry[i].octets)
			sum += 9 + a.entry[i].n;
	}
	must(r < 0 || sum == n);
	archive_free(&a);
	return 0;
}
