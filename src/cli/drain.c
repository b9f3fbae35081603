// SPDX-License-Identifier: Apache-2.0
/* culvert drain — empties the server. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "cli/ask.h"
#include "cli/cmd.h"
#include "config/value.h"

static const char usage[] =
	"Usage: culvert drain [--for TIME] [--json]\n"
	"       culvert drain --stop [--json]\n"
	"\n"
	"Empties the running server: it answers new clients and health checks with 503, and ends its\n"
	"sessions politely in batches, spread over the time given. The server keeps running; `--stop`\n"
	"ends the drain.\n"
	"\n"
	"      --for TIME      30s, 10m, 1h; without it, as fast as the machine allows\n"
	"      --stop          accept new sessions again\n" ASK_USAGE "\n"
	"Exit status: 0 begun, 1 no server answers, 2 wrong use.\n";

static int read_time(const char *text, json_int_t *ret_s)
{
	char copy[64], why[CONFIG_WHY_LEN];
	struct words w = {1, {copy}};
	uint64_t ms;

	snprintf(copy, sizeof(copy), "%s", text);
	if (value_parse(VALUE_DURATION, "0s..7d", &w, &ms, why) < 0) {
		text_fprintf(stderr, "culvert: --for: %s\n", why);
		return -1;
	}
	*ret_s = (json_int_t)((ms + 999) / 1000);
	return 0;
}

static void print_begun(const json_t *answer, const void *stop)
{
	text_fprintf(stdout, "%s; %lld sessions\n", *(const bool *)stop ? "open again" : "draining",
		(long long)ask_number(answer, "sessions"));
}

int cmd_drain(int argc, char **argv)
{
	static const struct option longs[] = {{"for", required_argument, NULL, 'f'},
		{"stop", no_argument, NULL, 'S'}, ASK_OPTIONS, {0}};
	struct ask a = {.usage = usage};
	json_t *request, *result = NULL;
	json_int_t for_s = 0;
	bool stop = false;
	int c, r = -1;

	while (r < 0 && (c = getopt_long(argc, argv, "c:h", longs, NULL)) != -1)
		if (c == 'f')
			r = read_time(optarg, &for_s) < 0 ? CMD_USAGE : -1;
		else if (c == 'S')
			stop = true;
		else
			r = ask_option(&a, c);
	if (r >= 0)
		return r;
	if (optind != argc)
		return cmd_usage(usage);
	request = ask_request("drain");
	json_object_set_new(request, "for_s", json_integer(for_s));
	json_object_set_new(request, "stop", json_boolean(stop));
	r = ask_server(&a, request, &result);
	return ask_finish(&a, r, result, NULL, print_begun, &stop);
}
