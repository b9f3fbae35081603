// SPDX-License-Identifier: Apache-2.0
/* cli/import_read.c: the first octet chooses the format; whatever comes out ends within its fields. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/import_read.h"

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t n);

static void must(bool b)
{
	if (!b)
		abort();
}

static int look(const struct imported *u, void *arg)
{
	must(strlen(u->name) < sizeof(u->name) && strlen(u->password) < sizeof(u->password));
	must(u->n <= IMPORT_VALUES_MAX);
	for (size_t i = 0; i < u->n; i++)
		must(strlen(u->value[i].key) < sizeof(u->value[i].key) &&
			strlen(u->value[i].value) < sizeof(u->value[i].value));
	++*(unsigned *)arg;
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t n)
{
	struct import_fault fault = {0};
	unsigned users = 0;
	char *copy = malloc(n ? n : 1); /* of its own: a read behind its end is seen */
	int r;

	if (!n) {
		free(copy);
		return 0;
	}
	memcpy(copy, octets + 1, n - 1);
	r = import_read(octets[0] % 4, copy, n - 1, look, &users, &fault);
	must(r == 0 || (r == -EINVAL && fault.expected));
	must(users <= n);
	free(copy);
	return 0;
}
