#include <stdio.h>

#include "cli/cmd.h"

int cmd_fail(enum event ev, const char *text)
{
	const struct event_info *info = event_info(ev);

	fprintf(stderr, "culvert: %s %s\n", info->what, text);
	if (*info->cure)
		fprintf(stderr, "  %s (event %d)\n", info->cure, info->number);
	return layer_exit_code(info->layer);
}
