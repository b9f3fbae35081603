// SPDX-License-Identifier: Apache-2.0
/*
 * The settings of RADIUS, and the memory of which servers have ever sent a Message-Authenticator:
 * read before the store's thread has the database, written by a job of it.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aaa/radius/transport.h"
#include "config/config.h"
#include "server/core/context.h"
#include "server/core/snapshot.h"
#include "server/host/host.h"
#include "store/store.h"

#define META_KEY "radius_sealed"
#define SEALED_MAX 2048 /* octets of names, each with a blank behind it */

struct host_radius {
	struct context *context;
	pthread_mutex_t lock;
	char sealed[SEALED_MAX];
};

struct note { /* a job of the store */
	struct store_job job;
	char sealed[SEALED_MAX];
};

static int run_note(struct db *db, struct store_job *job)
{
	return db_meta_set(db, META_KEY, container_of(job, struct note, job)->sealed);
}

static void note_done(struct store_job *job)
{
	free(container_of(job, struct note, job));
}

static bool has(const char *list, const char *name)
{
	size_t n = strlen(name);

	for (const char *at = list; (at = strstr(at, name)); at += n)
		if ((at == list || at[-1] == ' ') && at[n] == ' ')
			return true;
	return false;
}

static void sealed(void *arg, const char *server)
{
	struct host_radius *h = arg;
	struct note *n = calloc(1, sizeof(*n));
	size_t used;

	pthread_mutex_lock(&h->lock);
	used = strlen(h->sealed);
	if (!has(h->sealed, server) && used + strlen(server) + 2 <= sizeof(h->sealed))
		snprintf(h->sealed + used, sizeof(h->sealed) - used, "%s ", server);
	if (n)
		memcpy(n->sealed, h->sealed, sizeof(n->sealed));
	pthread_mutex_unlock(&h->lock);
	if (!n)
		return; /* it is learned again after the next start */
	n->job = (struct store_job){.kind = STORE_MUST, .run = run_note, .done = note_done};
	if (store_submit(h->context->store, &n->job) < 0)
		free(n);
}

static bool was_sealed(void *arg, const char *server)
{
	struct host_radius *h = arg;
	bool yes;

	pthread_mutex_lock(&h->lock);
	yes = has(h->sealed, server);
	pthread_mutex_unlock(&h->lock);
	return yes;
}

int host_open_radius(struct host *h, struct db *db)
{
	struct host_radius *r = calloc(1, sizeof(*r));
	struct radius_hooks hooks = {sealed, was_sealed, r};

	if (!r)
		return layer_exit_code(LAYER_LOCAL);
	r->context = h->context;
	pthread_mutex_init(&r->lock, NULL);
	h->radius = r;
	if (db_meta_get(db, META_KEY, r->sealed, sizeof(r->sealed)) < 0)
		*r->sealed = '\0';
	return radius_new(&hooks, &h->context->radius) < 0 ? layer_exit_code(LAYER_LOCAL) : 0;
}

void host_close_radius(struct host *h)
{
	radius_free(h->context->radius);
	h->context->radius = NULL;
	if (h->radius)
		pthread_mutex_destroy(&h->radius->lock);
	free(h->radius);
	h->radius = NULL;
}

int host_load_radius(const struct context *c, struct snapshot *to, struct config_error *ret_err)
{
	return radius_settings_load(to->config, c->name, &to->radius, ret_err);
}

void host_configure_radius(const struct context *c, const struct snapshot *s)
{
	if (!s->radius || !c->radius || radius_configure(c->radius, s->radius) < 0)
		return;
	if (s->config->radius.require_message_authenticator == CONFIG_MESSAGE_AUTHENTICATOR_NO &&
		s->config->radius.servers.n)
		log_event(
			NULL, EV_RADIUS_UNSEALED_TAKEN, "radius.require_message_authenticator=no");
}
