// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <unistd.h>

#include "base/text.h"
#include "cli/cmd.h"

int cmd_fail(enum event ev, const char *text)
{
	text_fprintf(stderr, "culvert: %s %s\n", event_info(ev)->what, text);
	return cmd_cure(ev);
}

int cmd_cure(enum event ev)
{
	const struct event_info *info = event_info(ev);

	if (*info->cure)
		text_fprintf(stderr, "  %s (event %d)\n", info->cure, info->number);
	return layer_exit_code(info->layer);
}

int cmd_usage(const char *usage)
{
	fputs(usage, stderr);
	return CMD_USAGE;
}

int cmd_bad(const char *command, const char *what, const char *value, const char *want)
{
	text_fprintf(stderr, "culvert %s: %s '%s': expected %s (see culvert %s --help)\n", command,
		what, value, want, command);
	return CMD_USAGE;
}

const char *cmd_config_file(const char *given)
{
	static const char usual[] = "/etc/culvert/culvert.conf";

	return given || access(usual, R_OK) ? given : usual;
}
