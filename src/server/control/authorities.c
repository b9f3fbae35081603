// SPDX-License-Identifier: Apache-2.0
/*
 * Theory: a job of the store reads rows and lists (it may wait for the disk), its letter brings them to the
 * control thread, which makes a snapshot of them. Behind it goes a broadcast: each worker has the snapshot
 * then, and asks for each of its sessions whether the certificate is still good.
 */
#include <stdlib.h>

#include "aaa/eap/anchors.h"
#include "base/auto.h"
#include "base/text.h"
#include "events/event.h"
#include "server/control/broadcast.h"
#include "server/control/commands.h"
#include "server/core/context.h"
#include "server/host/host.h"
#include "store/store.h"

struct refresh {
	struct store_job job;
	struct control *control;
	struct admin_reply *reply; /* or NULL */
	struct eap_anchors *anchors;
	struct tls_failure why;
	size_t n; /* authorities */
};

static void refresh_free(struct refresh *f)
{
	eap_anchors_unref(f->anchors);
	free(f);
}

/* On the store's reading thread. */
static int run(struct db *db, struct store_job *job)
{
	struct refresh *f = container_of(job, struct refresh, job);

	return host_load_anchors(db, &f->anchors, &f->why);
}

static void on_round(struct broadcast *r)
{
	struct refresh *f = r->arg;
	size_t ended = 0;

	for (unsigned i = 0; i < r->context->n_sites; i++)
		ended += r->part[i].n;
	log_event(NULL, EV_CA_LOADED, "authorities=%zu sessions_ended=%zu", f->n, ended);
	if (f->reply)
		admin_answer(f->reply, json_pack("{s:I, s:I}", "authorities", (json_int_t)f->n,
					       "ended", (json_int_t)ended));
	broadcast_free(r);
	refresh_free(f);
}

static void give_up(struct refresh *f)
{
	char text[600];

	text_format(text, sizeof(text), "%s %s", event_info(f->why.event)->what, f->why.text);
	log_event(NULL, EV_CA_REFUSED, "reason=\"%s\"", text);
	if (f->reply)
		admin_refuse(f->reply, text);
	refresh_free(f);
}

static void done(struct store_job *job)
{
	struct refresh *f = container_of(job, struct refresh, job);
	struct control *c = f->control;
	struct broadcast *r;

	if (job->result < 0 || reload_anchors(c, f->anchors, &f->why) < 0) {
		give_up(f);
		return;
	}
	f->n = f->anchors ? f->anchors->n : 0;
	if (c->stopping || broadcast_new(c->context, on_round, f, &r) < 0) {
		tls_failure_set(&f->why, 0, EV_OUT_OF_MEMORY, "sessions are looked at later");
		give_up(f);
		return;
	}
	r->recheck = true;
	broadcast_start(r);
}

void authorities_refresh(struct control *c, struct admin_reply *reply)
{
	struct store *store = c->stopping ? NULL : c->context->store;
	struct refresh *f = store ? calloc(1, sizeof(*f)) : NULL;

	if (f) {
		*f = (struct refresh){.job = {.kind = STORE_READ,
					      .run = run,
					      .done = done,
					      .reply_to = &c->context->control_mailbox},
			.control = c,
			.reply = reply};
		if (!store_submit(store, &f->job))
			return;
		free(f);
	}
	log_event(NULL, EV_CA_REFUSED, "reason=\"the server is stopping, or too busy\"");
	if (reply)
		admin_refuse(reply, "the server is stopping, or too busy: try again");
}

void command_authorities(struct control *c, const json_t *request UNUSED, struct admin_reply *reply)
{
	authorities_refresh(c, reply);
}
