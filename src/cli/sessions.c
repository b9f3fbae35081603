// SPDX-License-Identifier: Apache-2.0
/* culvert sessions — lists the sessions. */
#include <stdio.h>
#include <string.h>

#include "base/auto.h"
#include "base/clock.h"
#include "base/text.h"
#include "cli/ask.h"
#include "cli/cmd.h"

static const char usage[] =
	"Usage: culvert sessions [NAME|SESSION|ADDRESS|THUMBPRINT] [--json]\n"
	"\n"
	"Lists the sessions of the running server: all, those of a user, the one with a number, or those\n"
	"with an address (inside the tunnel, or the client's own), or those whose certificate has that\n"
	"SHA-1 thumbprint. --json has the certificate of each.\n"
	"\n" ASK_USAGE "\n"
	"Exit status: 0, or 1 when no server answers.\n";

static void print_row(const json_t *s, int width)
{
	bool lane = json_is_true(json_object_get(s, "lane"));
	char in[24], out[24], since[24], phase[24];

	snprintf(phase, sizeof(phase), "%s%s", ask_text(s, "phase"), lane ? " lane" : "");

	text_fprintf(stdout, "%-8lld %-*.*s %-15s %-24s %-9s %-12s %10s %10s\n",
		(long long)ask_number(s, "session"), width, width,
		*ask_text(s, "user") ? ask_text(s, "user") : "-",
		*ask_text(s, "address") ? ask_text(s, "address") : "-", ask_text(s, "peer"), phase,
		ask_span((json_int_t)clock_wall_s() - ask_number(s, "since"), since),
		ask_size(ask_number(s, "rx_octets"), in),
		ask_size(ask_number(s, "tx_octets"), out));
}

static void print_list(const json_t *list, const void *arg UNUSED)
{
	int width = ask_width(list, "user");
	const json_t *row;
	size_t i;

	text_fprintf(stdout, "%-8s %-*s %-15s %-24s %-9s %-12s %10s %10s\n", "SESSION", width,
		"USER", "ADDRESS", "FROM", "PHASE", "FOR", "RECEIVED", "SENT");
	json_array_foreach(list, i, row) print_row(row, width);
}

int cmd_sessions(int argc, char **argv)
{
	static const struct option longs[] = {ASK_OPTIONS, {0}};
	struct ask a = {.usage = usage};
	json_t *request, *result = NULL;
	int c, r = -1;

	while (r < 0 && (c = getopt_long(argc, argv, "c:h", longs, NULL)) != -1)
		r = ask_option(&a, c);
	if (r >= 0)
		return r;
	request = ask_request("sessions");
	if (argc - optind > 1 || (argc > optind && ask_whom(request, argv[optind]) < 0)) {
		json_decref(request);
		return cmd_usage(usage);
	}
	r = ask_server(&a, request, &result);
	return ask_finish(&a, r, result, "sessions", print_list, NULL);
}
