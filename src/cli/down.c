// SPDX-License-Identifier: Apache-2.0
/* culvert down — ends the client of a profile, and returns when what it had set up is undone. */
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>

#include "admin/control.h"
#include "base/clock.h"
#include "base/text.h"
#include "cli/ask.h"
#include "cli/cmd.h"
#include "cli/instance.h"
#include "cli/profile_store.h"

static const char usage[] =
	"Usage: culvert down NAME\n"
	"\n"
	"Ends the connection that `culvert up NAME` or culvert@NAME.service made; routes and name servers are as\n"
	"before when it returns. A kill switch (lock = yes) stays: `culvert unlock` takes it away.\n"
	"\n"
	"Exit status: 0 it has ended, 1 it does not run or does not end, 2 wrong use.\n";

#define PATIENCE_MS 15000 /* the server has three seconds for its good-bye */
#define LOOK_MS 20

static int wait_for_end(const char *name, const struct instance_paths *paths)
{
	uint64_t end_ms = clock_mono_ms() + PATIENCE_MS;
	pid_t pid;

	while ((pid = instance_running(paths)) > 0 && clock_mono_ms() < end_ms)
		poll(NULL, 0, LOOK_MS);
	if (pid > 0) {
		text_fprintf(stderr, "culvert: %s: process %d was asked to end and still runs\n",
			name, (int)pid);
		return CMD_FAILED;
	}
	text_fprintf(stdout, "culvert: %s is down\n", name);
	return CMD_OK;
}

static int end(const char *name)
{
	struct instance_paths paths;
	json_t *answer = NULL;
	char why[400];
	pid_t pid;
	int r;

	instance_paths(name, &paths);
	pid = instance_running(&paths);
	if (pid < 0) {
		text_fprintf(stderr, "culvert: %s: %s\n", paths.lock, strerror(-pid));
		return CMD_FAILED;
	}
	if (!pid) {
		text_format(why, sizeof(why), "(%s)", name);
		return cmd_fail(EV_CLIENT_NOT_UP, why);
	}
	r = admin_call(paths.socket, ask_request("stop"), &answer, why, sizeof(why));
	json_decref(answer);
	/* At its start and its end it has no socket, but hears a signal. */
	if (r < 0 && (pid == 1 || kill(pid, SIGTERM) < 0) && errno != ESRCH) {
		text_fprintf(stderr, "culvert: %s: %s\n", name, why);
		return CMD_FAILED;
	}
	return wait_for_end(name, &paths);
}

int cmd_down(int argc, char **argv)
{
	static const struct option longs[] = {{"help", no_argument, NULL, 'h'}, {0}};
	int c;

	while ((c = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
		if (c != 'h')
			return CMD_USAGE;
		fputs(usage, stdout);
		return CMD_OK;
	}
	if (argc - optind != 1)
		return cmd_usage(usage);
	if (profile_name_ok(argv[optind]))
		return end(argv[optind]);
	return cmd_bad("down", "name", argv[optind], "that of a profile");
}
