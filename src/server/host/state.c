// SPDX-License-Identifier: Apache-2.0
#include "server/host/host.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/lockfile.h"
#include "config/config.h"
#include "os/child.h"
#include "os/privileges.h"
#include "server/core/context.h"
#include "store/db.h"

/* A folder that root makes for another user belongs to that user. */
static int own_state_folder(struct host *h)
{
	struct context *c = h->context;
	const char *path = c->config->server.state, *user = c->config->server.user;
	struct os_failure why = {0};
	int r;

	if (!*user || geteuid() != 0 || mkdir(path, 0750) < 0)
		return 0;
	r = privileges_give(path, user, &why);
	return r < 0 ? host_refused(why.event, why.text) : 0;
}

static int make_state_folder(struct host *h)
{
	struct context *c = h->context;
	const char *path = c->config->server.state;
	struct stat st;

	if (mkdir(path, 0750) < 0 && errno != EEXIST) {
		log_event(NULL, EV_STATE_FOLDER, "path=%s error=\"%s\"", path, strerror(errno));
		return layer_exit_code(LAYER_LOCAL);
	}
	if (stat(path, &st) < 0 || !S_ISDIR(st.st_mode) || access(path, W_OK) < 0) {
		log_event(NULL, EV_STATE_FOLDER,
			"path=%s error=\"not a folder that this user can write to\"", path);
		return layer_exit_code(LAYER_LOCAL);
	}
	return 0;
}

/*
 * Before anything of an instance is touched: what a start tidies up (leases, session records, the
 * forwarding note) belongs to the server that runs, if there is one.
 */
static int lock_instance(struct host *h)
{
	struct context *c = h->context;
	char path[512];
	pid_t holder = 0;
	int r;

	snprintf(path, sizeof(path), "%s/" STORE_LOCK, c->config->server.state);
	r = lockfile_take(path, &h->lock, &holder);
	if (r == -EBUSY)
		log_event(NULL, EV_SERVER_ALREADY_RUNNING, "lock=%s pid=%ld", path, (long)holder);
	else if (r < 0)
		log_event(NULL, EV_STATE_FOLDER, "path=%s error=\"%s\"", path, strerror(-r));
	return r < 0 ? layer_exit_code(LAYER_LOCAL) : 0;
}

int host_open_state(struct host *h)
{
	int r = own_state_folder(h);

	if (!r)
		r = make_state_folder(h);
	return r ? r : lock_instance(h);
}

void host_close_state(struct host *h)
{
	if (h->lock >= 0)
		close(h->lock);
}

/* Without the program child_run() logs it. */
static const char *const programs[] = {"nft", NULL};

/*
 * Becomes server.user, and has the keeper forked: both are possible only while there is one thread.
 * CAP_NET_BIND_SERVICE stays for listeners that a reload adds.
 */
int host_give_up_rights(struct host *h)
{
	const char *user = h->context->config->server.user;
	struct privileges_opts opts = {
		.user = user, .net_admin = true, .bpf = true, .bind_service = true};
	struct os_failure why = {0};
	int r;

	if (*user && privileges_drop(&opts, &why) < 0)
		return host_refused(why.event, why.text);
	r = child_keeper_start(programs);
	if (r < 0) {
		os_fail(&why, EV_OUT_OF_MEMORY, r, "start a process that runs nft");
		return host_refused(why.event, why.text);
	}
	return make_state_folder(h); /* may the user write there, too? */
}
