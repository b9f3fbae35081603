// SPDX-License-Identifier: Apache-2.0
/* culvert kick — ends sessions. */
#include <stdio.h>
#include <string.h>

#include "base/auto.h"
#include "base/json.h"
#include "base/text.h"
#include "cli/ask.h"
#include "cli/cmd.h"

static const char usage[] =
	"Usage: culvert kick NAME|SESSION|ADDRESS|THUMBPRINT [--json]\n"
	"       culvert kick --user NAME [--json]\n"
	"\n"
	"Ends sessions of the running server politely: those of a user, the one with that number, or\n"
	"those with that address (inside the tunnel, or the client's own), or those whose certificate has\n"
	"that SHA-1 thumbprint. `culvert sessions` lists them.\n"
	"Use --user for a user whose name is a number or an address. The client may connect again:\n"
	"`culvert user disable` keeps the user out.\n"
	"\n"
	"      --user NAME     the sessions of this user\n" ASK_USAGE "\n"
	"Exit status: 0 sessions ended, 1 there was none, or no server answers, 2 wrong use.\n";

static void print_ended(const json_t *list, const void *arg UNUSED)
{
	size_t n = json_array_size(list);

	text_fprintf(stdout, "%zu session%s ended\n", n, n == 1 ? "" : "s");
}

int cmd_kick(int argc, char **argv)
{
	static const struct option longs[] = {
		{"user", required_argument, NULL, 'u'}, ASK_OPTIONS, {0}};
	struct ask a = {.usage = usage};
	json_t *request, *result = NULL;
	const char *user = NULL;
	size_t n;
	int c, r = -1;

	while (r < 0 && (c = getopt_long(argc, argv, "c:h", longs, NULL)) != -1)
		if (c == 'u')
			user = optarg;
		else
			r = ask_option(&a, c);
	if (r >= 0)
		return r;
	request = ask_request("kick");
	if (user)
		json_object_set_new(request, "user", json_text(user));
	if (argc - optind != !user || (!user && ask_whom(request, argv[optind]) < 0)) {
		json_decref(request);
		return cmd_usage(usage);
	}
	r = ask_server(&a, request, &result);
	n = json_array_size(json_object_get(result, "sessions"));
	r = ask_finish(&a, r, result, "sessions", print_ended, NULL);
	return r || n ? r : CMD_FAILED;
}
