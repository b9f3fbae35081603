// SPDX-License-Identifier: Apache-2.0
/*
 * Commands that read the record: asked of the store's thread, answered by its letter. The reply outlives
 * its client.
 */
#include <stdlib.h>

#include "base/auto.h"
#include "base/json.h"
#include "server/control/commands.h"
#include "server/core/context.h"
#include "store/store.h"

#define ATTEMPTS_MOST 10000
#define ATTEMPTS_PAGE 200 /* read in one job of the store: less than a millisecond */

struct recall { /* attempts, asked of the store's thread a page at a time: logins wait there, too */
	struct store_job job;
	struct control *control;
	struct admin_reply *reply;
	int left;        /* that are still wanted */
	uint64_t before; /* the last one that was read */
	json_t *list;
	int n;
	struct db_attempt page[ATTEMPTS_PAGE];
};

static void add_attempt(json_t *list, const struct db_attempt *a)
{
	const struct event_info *info = event_info(a->outcome);

	json_array_append_new(
		list, json_pack("{s:I, s:s, s:o, s:s, s:i, s:s, s:s, s:s, s:o}", "at",
			      (json_int_t)a->at, "peer", a->peer, "user", json_text(a->user),
			      "correlation", a->correlation, "event", (int)a->outcome, "name",
			      info->name, "layer", layer_name(info->layer), "what", info->what,
			      "detail", json_text(a->detail)));
}

static int keep_attempt(const struct db_attempt *a, void *arg)
{
	struct recall *r = arg;

	r->page[r->n++] = *a;
	return 0;
}

static int run_recall(struct db *db, struct store_job *job)
{
	struct recall *r = container_of(job, struct recall, job);

	r->n = 0;
	return db_attempt_list(
		db, r->before, r->left < ATTEMPTS_PAGE ? r->left : ATTEMPTS_PAGE, keep_attempt, r);
}

/* `wrong` NULL: with what was read. */
static void end_recall(struct recall *r, const char *wrong)
{
	if (wrong) {
		json_decref(r->list);
		admin_refuse(r->reply, wrong);
	} else {
		admin_answer(r->reply, json_pack("{s:o}", "attempts", r->list));
	}
	free(r);
}

static void next_page(struct recall *r)
{
	if (r->control->stopping || store_submit(r->control->context->store, &r->job) < 0)
		end_recall(r, "the database is behind; try again");
}

static void on_recalled(struct store_job *job)
{
	struct recall *r = container_of(job, struct recall, job);
	bool whole = r->n == ATTEMPTS_PAGE;

	if (job->result < 0) {
		end_recall(r, event_info(job->event)->what);
		return;
	}
	for (int i = 0; i < r->n; i++)
		add_attempt(r->list, &r->page[i]);
	r->left -= r->n;
	if (!whole || r->left <= 0) {
		end_recall(r, NULL);
		return;
	}
	r->before = r->page[r->n - 1].seq;
	next_page(r);
}

void command_attempts(struct control *c, const json_t *request, struct admin_reply *reply)
{
	json_int_t most = json_integer_value(json_object_get(request, "most"));
	struct recall *r = calloc(1, sizeof(*r));

	if (!r) {
		admin_refuse(reply, "out of memory");
		return;
	}
	r->job = (struct store_job){.kind = STORE_READ,
		.run = run_recall,
		.done = on_recalled,
		.reply_to = &c->context->control_mailbox};
	r->control = c;
	r->reply = reply;
	r->left = most > 0 && most <= ATTEMPTS_MOST ? (int)most : 100;
	r->list = json_array();
	next_page(r);
}
