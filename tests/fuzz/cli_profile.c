// SPDX-License-Identifier: Apache-2.0
/* Any text as a profile, an invite, a file of secrets: what is taken survives being printed. */
#include <stdlib.h>
#include <string.h>

#include "cli/profile_text.h"

static char *printed(const struct profile *p, size_t *ret_n)
{
	char *text = NULL;
	FILE *out = open_memstream(&text, ret_n);

	profile_print(p, false, out);
	fclose(out);
	return text;
}

static void look(const char *text, size_t n, bool invite)
{
	AUTO(profile) struct profile *p = NULL;
	AUTO(profile) struct profile *again = NULL;
	AUTO_MEM char *first = NULL, *second = NULL;
	struct profile_fault fault;
	size_t n_first, n_second;

	if (profile_parse(text, n, invite, &p, &fault) < 0)
		return;
	if (*p->name && !profile_name_ok(p->name))
		abort();
	first = printed(p, &n_first);
	if (n_first > PROFILE_FILE_MAX)
		return;
	if (profile_parse(first, n_first, invite, &again, &fault) < 0)
		abort();
	second = printed(again, &n_second);
	if (n_first != n_second || memcmp(first, second, n_first) != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t n)
{
	struct profile_secrets s;
	struct profile_fault fault;

	look((const char *)octets, n, false);
	look((const char *)octets, n, true);
	profile_secrets_parse((const char *)octets, n, &s, &fault);
	return 0;
}
