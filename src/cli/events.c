// SPDX-License-Identifier: Apache-2.0
/* culvert events — prints events of the running server as they happen, or the catalogue. */
#include <stdio.h>
#include <string.h>

#include "admin/control.h"
#include "base/json.h"
#include "base/text.h"
#include "cli/ask.h"
#include "cli/cmd.h"

static const char usage[] =
	"Usage: culvert events --follow [--json]\n"
	"       culvert events [--json]\n"
	"\n"
	"With --follow, prints each event of the running server as it happens, one a line, until you\n"
	"interrupt it or the server ends. Without it, prints the catalogue of all events.\n"
	"\n"
	"  -f, --follow        follow the running server\n" ASK_USAGE "\n"
	"Exit status: 0, or 1 when no server answers.\n";

static bool print_event(json_t *e, void *arg)
{
	const struct ask *a = arg;
	char at[24];

	if (a->json) {
		json_print(e, stdout, JSON_COMPACT);
	} else {
		text_fprintf(stdout, "%s %-5s %lld %s: %s", ask_time(ask_number(e, "at"), at),
			ask_text(e, "level"), (long long)ask_number(e, "event"),
			ask_text(e, "name"), ask_text(e, "what"));
		if (ask_number(e, "session"))
			text_fprintf(stdout, " session=%lld", (long long)ask_number(e, "session"));
		if (*ask_text(e, "peer"))
			text_fprintf(stdout, " peer=%s", ask_text(e, "peer"));
		if (*ask_text(e, "text"))
			text_fprintf(stdout, " %s", ask_text(e, "text"));
		if (ask_number(e, "lost"))
			text_fprintf(stdout, " (%lld events before it were lost)",
				(long long)ask_number(e, "lost"));
		putchar('\n');
	}
	return !fflush(stdout);
}

static int follow(struct ask *a)
{
	char path[512], why[800] = "";

	if (ask_path(a, path, sizeof(path)) < 0)
		return CMD_USAGE;
	if (admin_listen(path, ask_request("events"), print_event, a, why, sizeof(why)) < 0) {
		text_fprintf(stderr, "culvert: %s\n", why);
		return CMD_FAILED;
	}
	return CMD_OK;
}

static int catalogue(const struct ask *a)
{
	static const char *const levels[] = {"error", "warn", "info", "debug"};
	const struct event_info *e;
	json_t *list = json_array();

	for (unsigned i = 0; (e = event_at(i)); i++) {
		if (!a->json)
			text_fprintf(stdout, "%d %-24s %-9s %s\n", e->number, e->name,
				layer_name(e->layer), e->what);
		json_array_append_new(list,
			json_pack("{s:i, s:s, s:s, s:s, s:s, s:s, s:s}", "event", e->number, "name",
				e->name, "layer", layer_name(e->layer), "level", levels[e->level],
				"windows", e->windows, "what", e->what, "cure", e->cure));
	}
	if (a->json)
		ask_print_json(list);
	json_decref(list);
	return CMD_OK;
}

int cmd_events(int argc, char **argv)
{
	static const struct option longs[] = {{"follow", no_argument, NULL, 'f'}, ASK_OPTIONS, {0}};
	struct ask a = {.usage = usage};
	bool following = false;
	int c, r = -1;

	while (r < 0 && (c = getopt_long(argc, argv, "fc:h", longs, NULL)) != -1)
		if (c == 'f')
			following = true;
		else
			r = ask_option(&a, c);
	if (r >= 0)
		return r;
	if (optind != argc)
		return cmd_usage(usage);
	return following ? follow(&a) : catalogue(&a);
}
