// SPDX-License-Identifier: Apache-2.0
/* Connections of other clients: the first octet chooses the format; what comes out is a profile's. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/profile_foreign.h"

static void note(void *arg, unsigned line, const char *text)
{
	*(size_t *)arg += strlen(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t n)
{
	AUTO(profile) struct profile *p = profile_new();
	size_t said = 0;
	struct foreign f = {.profile = p, .note = note, .arg = &said};
	enum foreign_format format;
	char *text;
	int r;

	if (!n)
		return 0;
	text = calloc(1, n); /* strndup() reads on to a zero where strings are checked strictly */
	if (!text)
		return 0;
	memcpy(text, octets + 1, n - 1);
	format = octets[0] % 5 ? octets[0] % 5 : foreign_format_of(text);
	r = foreign_read(format, text, &f);
	if (r != 0 && (r != -EINVAL || !*f.fault.text))
		abort();
	if (*p->name && !profile_name_ok(p->name))
		abort();
	free(text);
	return 0;
}
