// SPDX-License-Identifier: Apache-2.0
/* Any text as a configuration: what is taken must survive a dump unchanged. */
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "config/config.h"

static char *dumped(const struct config *cfg, size_t *ret_n)
{
	char *text = NULL;
	FILE *out = open_memstream(&text, ret_n);

	config_dump(cfg, out);
	fclose(out);
	return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t n)
{
	AUTO(config) struct config *cfg = NULL;
	AUTO(config) struct config *again = NULL;
	AUTO_MEM char *first = NULL, *second = NULL;
	struct config_error err;
	size_t n_first, n_second;

	if (config_parse("fuzz", (const char *)octets, n, &cfg, &err) < 0)
		return 0;
	config_check(cfg, &err);
	first = dumped(cfg, &n_first);
	if (config_parse("dump", first, n_first, &again, &err) < 0)
		abort();
	memcpy(again->origin, cfg->origin, sizeof(cfg->origin));
	second = dumped(again, &n_second);
	if (n_first != n_second || memcmp(first, second, n_first) != 0)
		abort();
	return 0;
}
