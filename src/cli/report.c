// SPDX-License-Identifier: Apache-2.0
#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "cli/cmd.h"
#include "config/suggest.h"

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

#define ACTIONS_MAX 31

const void *cmd_action(
	const char *command, const char *name, const void *actions, size_t n, size_t size)
{
	const char *known[ACTIONS_MAX + 1] = {0}, *near;

	assert(n <= ACTIONS_MAX);
	for (size_t i = 0; i < n; i++) {
		const void *row = (const char *)actions + i * size;

		known[i] = *(const char *const *)row;
		if (!strcmp(known[i], name))
			return row;
	}
	near = suggest(name, known);
	text_fprintf(stderr, "culvert: there is no `culvert %s %s`%s%s%s\n", command, name,
		near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
	return NULL;
}

const char *cmd_config_file(const char *given)
{
	static const char usual[] = "/etc/culvert/culvert.conf";

	return given || access(usual, R_OK) ? given : usual;
}
