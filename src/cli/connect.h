// SPDX-License-Identifier: Apache-2.0
/*
 * cli/connect.h — `culvert connect` for the commands that make a connection in another way.
 */
#pragma once

#include "events/event.h"

struct client_opts;
struct connect_options;

struct connect_hooks {
	/* Before anything is made: the options may be changed. 0, or the exit code, having said why. */
	int (*prepare)(struct client_opts *o, void *arg);
	/* It ended: EV_NONE, the user's wish. NULL: not asked for. */
	void (*ended)(void *arg, enum event ev, const char *detail);
	void *arg;
};

/* A command line. hooks NULL: as it is. Returns the exit code. */
int connect_with(int argc, char **argv, const struct connect_hooks *hooks);
/* Options that are complete but for the secrets, which are asked for here. Wipes them. */
int connect_run(struct connect_options *co, const struct connect_hooks *hooks);
