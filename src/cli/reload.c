// SPDX-License-Identifier: Apache-2.0
/* culvert reload — configuration and certificates are read again; sessions go on. */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "cli/ask.h"
#include "cli/cmd.h"

static const char usage[] =
	"Usage: culvert reload [--json]\n"
	"\n"
	"Makes the running server read its configuration and its certificates again. Present sessions\n"
	"keep their settings. If anything is wrong, nothing changes, and the command prints the reason.\n"
	"It names options that take effect only at a restart; `culvert config diff` shows all this before.\n"
	"\n" ASK_USAGE "\n"
	"Exit status: 0 done, 1 the server refused, or no server answers.\n";

static void print_changes(const json_t *result)
{
	const json_t *list = json_object_get(result, "changes"), *o;
	size_t i;

	json_array_foreach(list, i, o) text_fprintf(stdout, "%s: %s -> %s (takes effect %s)\n",
		ask_text(o, "option"), *ask_text(o, "from") ? ask_text(o, "from") : "(empty)",
		*ask_text(o, "to") ? ask_text(o, "to") : "(empty)", ask_text(o, "effect"));
}

static void print_reload(const json_t *answer, const void *dry)
{
	print_changes(answer);
	if (!*(const bool *)dry)
		text_fprintf(stdout, "reloaded; certificate %s\n", ask_text(answer, "pin"));
	else if (!json_array_size(json_object_get(answer, "changes")))
		puts("no difference");
}

int ask_reload(const struct ask *a, bool dry)
{
	json_t *request = ask_request("reload"), *result = NULL;
	int r;

	json_object_set_new(request, "dry_run", json_boolean(dry));
	r = ask_server(a, request, &result);
	return ask_finish(a, r, result, NULL, print_reload, &dry);
}

int cmd_reload(int argc, char **argv)
{
	static const struct option longs[] = {ASK_OPTIONS, {0}};
	struct ask a = {.usage = usage};
	int c, r = -1;

	while (r < 0 && (c = getopt_long(argc, argv, "c:h", longs, NULL)) != -1)
		r = ask_option(&a, c);
	if (r >= 0)
		return r;
	if (optind != argc)
		return cmd_usage(usage);
	return ask_reload(&a, false);
}
