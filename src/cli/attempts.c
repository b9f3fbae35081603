// SPDX-License-Identifier: Apache-2.0
/* culvert attempts — the attempts to log in, with their outcome. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/text.h"
#include "cli/ask.h"
#include "cli/cmd.h"

static const char usage[] =
	"Usage: culvert attempts [--most N] [--json]\n"
	"\n"
	"Prints the newest attempts to connect, newest first, each with the event that ended it.\n"
	"\n"
	"      --most N        how many (100)\n" ASK_USAGE "\n"
	"Exit status: 0, or 1 when no server answers.\n";

static void print_row(const json_t *a, int width)
{
	char at[24];

	text_fprintf(stdout, "%-19s %-24s %-*.*s %4lld %-24s %s\n",
		ask_time(ask_number(a, "at"), at), ask_text(a, "peer"), width, width,
		*ask_text(a, "user") ? ask_text(a, "user") : "-", (long long)ask_number(a, "event"),
		ask_text(a, "name"), ask_text(a, "what"));
}

static void print_list(const json_t *list, const void *arg UNUSED)
{
	int width = ask_width(list, "user");
	const json_t *row;
	size_t i;

	text_fprintf(stdout, "%-19s %-24s %-*s %4s %-24s %s\n", "AT", "FROM", width, "USER", "NO.",
		"EVENT", "WHAT HAPPENED");
	json_array_foreach(list, i, row) print_row(row, width);
}

int cmd_attempts(int argc, char **argv)
{
	static const struct option longs[] = {
		{"most", required_argument, NULL, 'm'}, ASK_OPTIONS, {0}};
	struct ask a = {.usage = usage};
	json_t *request, *result = NULL;
	long most = 100;
	int c, r = -1;

	while (r < 0 && (c = getopt_long(argc, argv, "c:h", longs, NULL)) != -1)
		if (c == 'm')
			most = strtol(optarg, NULL, 10);
		else
			r = ask_option(&a, c);
	if (r >= 0)
		return r;
	if (optind != argc || most < 1 || most > 10000)
		return cmd_usage(usage);
	request = ask_request("attempts");
	json_object_set_new(request, "most", json_integer(most));
	r = ask_server(&a, request, &result);
	return ask_finish(&a, r, result, "attempts", print_list, NULL);
}
