// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <unistd.h>

#include "base/text.h"
#include "cli/cmd.h"

int cmd_fail(enum event ev, const char *text)
{
	const struct event_info *info = event_info(ev);

	text_fprintf(stderr, "culvert: %s %s\n", info->what, text);
	if (*info->cure)
		text_fprintf(stderr, "  %s (event %d)\n", info->cure, info->number);
	return layer_exit_code(info->layer);
}

const char *cmd_config_file(const char *given)
{
	static const char usual[] = "/etc/culvert/culvert.conf";

	return given || access(usual, R_OK) ? given : usual;
}
