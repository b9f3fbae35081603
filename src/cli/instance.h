// SPDX-License-Identifier: Apache-2.0
/*
 * cli/instance.h — the running client of a profile: one at a time, found by its name.
 *
 *     /run/culvert/client/NAME.lock    held while it runs, however it ends
 *                         NAME.sock    its control socket (admin/control.h): status, stop
 *                         NAME.log     what it says in the background
 *     /var/lib/culvert-client/NAME.json   the addresses of its servers that answered last, and its last end
 *
 * Of a user who is not root: $XDG_RUNTIME_DIR/culvert and ~/.local/state/culvert. The folders belong to the
 * user alone, so does what stands in them.
 *
 * Threads: the client's loop.
 */
#pragma once
#include <jansson.h>
#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

#include "cli/profile_text.h"
#include "client/client.h"

struct admin;

struct instance_paths {
	char lock[PATH_MAX], socket[PATH_MAX], log[PATH_MAX], state[PATH_MAX];
};

struct instance {
	char name[PROFILE_NAME_MAX + 1];
	struct instance_paths paths;
	int lock_fd; /* negative: not held */
	struct admin *admin;
	struct client *client;
	struct client_known known; /* for client_opts.known */
	/* Once, when it is up for the first time: the terminal may be left. NULL: nothing to leave. */
	void (*leave)(void *arg);
	void *arg;
};

void instance_paths(const char *name, struct instance_paths *ret);
/* The process of it; 0: it does not run. Negative errno. */
pid_t instance_running(const struct instance_paths *p);
/* Takes the name. 0, or the exit code, having said why not: another one runs, or there is no folder. */
int instance_take(const char *name, struct instance *ret);
/* The client's options: this one is its owner. */
void instance_own(struct instance *i, struct client_opts *o);
/* It is over: writes down why, says it to the service manager, gives the name back. */
void instance_end(struct instance *i, enum event why, const char *text);

/* What was written down last: {"reason", "text", "at", ...}; NULL: nothing. */
json_t *instance_last(const struct instance_paths *p);
