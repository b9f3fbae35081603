// SPDX-License-Identifier: Apache-2.0
/* culvert unlock — takes the kill switch of `culvert connect --lock` away (client/guard.h). */
#include <getopt.h>
#include <stdio.h>

#include "cli/cmd.h"
#include "client/guard.h"

static const char usage[] =
	"Usage: culvert unlock\n"
	"\n"
	"Takes away what `culvert connect --lock` has set: packets leave this machine again by any way, now\n"
	"and at the next boot. A client that runs goes on without the lock.\n"
	"\n"
	"Exit status: 0 done, or there was no lock; 1 it could not be taken away.\n";

int cmd_unlock(int argc, char **argv)
{
	static const struct option longs[] = {{"help", no_argument, NULL, 'h'}, {0}};
	struct os_failure why = {0};
	int c, r;

	while ((c = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
		if (c != 'h')
			return CMD_USAGE;
		fputs(usage, stdout);
		return CMD_OK;
	}
	if (optind != argc) {
		fputs(usage, stderr);
		return CMD_USAGE;
	}
	r = guard_unlock(&why);
	if (r < 0)
		return cmd_fail(why.event, why.text);
	puts(r ? "culvert: unlocked" : "culvert: there was no lock");
	return CMD_OK;
}
