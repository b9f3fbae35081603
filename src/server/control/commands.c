/*
 * Theory of operation
 *
 * One row a command of the control socket (docs/control.md). A command that concerns sessions goes
 * round the workers (broadcast.h) and is answered when the last one has; one that concerns the store is
 * answered by letter from the store's thread. The reply outlives its client.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/json.h"
#include "server/control/control.h"
#include "server/control/broadcast.h"
#include "server/core/context.h"
#include "server/control/status.h"
#include "server/core/site.h"
#include "store/store.h"

#define ATTEMPTS_MOST 10000
#define ATTEMPTS_PAGE 200 /* read in one job of the store: less than a millisecond */

typedef void command_fn(struct control *c, const json_t *request, struct admin_reply *reply);

static const char *text(const json_t *request, const char *key)
{
	const char *t = json_string_value(json_object_get(request, key));

	return t ? t : "";
}

static void status(struct control *c, const json_t *request, struct admin_reply *reply)
{
	(void)request;
	admin_answer(reply, status_json(c->context));
}

/* ---- sessions -------------------------------------------------------------------------------- */

static json_t *session_json(const struct session_info *s)
{
	return json_pack("{s:I, s:o, s:s, s:s, s:s, s:s, s:i, s:I, s:I, s:I, s:I, s:I, s:b}",
		"session", (json_int_t)s->id, "user", json_text(s->user), "peer", s->peer,
		"address", s->address, "phase", s->phase, "tls", s->tls, "worker", (int)s->worker,
		"since", (json_int_t)s->since, "rx_octets", (json_int_t)s->rx_octets, "tx_octets",
		(json_int_t)s->tx_octets, "rx_packets", (json_int_t)s->rx_packets, "tx_packets",
		(json_int_t)s->tx_packets, "lane", s->lane);
}

static void on_round(struct broadcast *r)
{
	struct admin_reply *reply = r->arg;
	json_t *list = json_array();

	for (unsigned i = 0; i < r->context->n_sites; i++)
		for (size_t k = 0; k < r->part[i].n; k++)
			json_array_append_new(list, session_json(&r->part[i].session[k]));
	broadcast_free(r);
	admin_answer(reply, json_pack("{s:o}", "sessions", list));
}

static void go_round(struct control *c, const struct broadcast_match *match, enum event end,
	struct admin_reply *reply)
{
	struct broadcast *r;

	if (c->stopping || broadcast_new(c->context, on_round, reply, &r) < 0) {
		admin_refuse(reply, c->stopping ? "the server is stopping" : "out of memory");
		return;
	}
	r->match = *match;
	r->end = end;
	broadcast_start(r);
}

/* NULL: good. */
static const char *read_match(const json_t *request, struct broadcast_match *ret)
{
	json_int_t session = json_integer_value(json_object_get(request, "session"));
	const char *address = text(request, "address"), *user = text(request, "user");

	*ret = (struct broadcast_match){.session = (uint64_t)session};
	if (session < 0)
		return "\"session\" is a number above 0";
	if (strlen(user) >= sizeof(ret->user))
		return "\"user\" is too long for a name";
	strcpy(ret->user, user);
	if (*address && addr_parse(address, &ret->address) < 0)
		return "\"address\" is no IP address";
	return NULL;
}

static void sessions(struct control *c, const json_t *request, struct admin_reply *reply)
{
	struct broadcast_match match;
	const char *wrong = read_match(request, &match);

	if (wrong)
		admin_refuse(reply, wrong);
	else
		go_round(c, &match, EV_NONE, reply);
}

static void kick(struct control *c, const json_t *request, struct admin_reply *reply)
{
	bool changed = !strcmp(text(request, "why"), "user-changed");
	struct broadcast_match match;
	const char *wrong = read_match(request, &match);

	if (!wrong && !match.session && !*match.user && match.address.family == AF_UNSPEC)
		wrong = "whom? \"user\", \"session\" or \"address\" is wanted";
	if (wrong)
		admin_refuse(reply, wrong);
	else
		go_round(c, &match, changed ? EV_USER_CHANGED : EV_SESSION_KICKED, reply);
}

/* `culvert user expire`: sessions that are up end at the new date, too. */
static void expire(struct control *c, const json_t *request, struct admin_reply *reply)
{
	json_int_t at = json_integer_value(json_object_get(request, "at"));
	struct broadcast_match match;
	const char *wrong = read_match(request, &match);
	struct broadcast *r;

	if (!wrong && !*match.user)
		wrong = "\"user\" is wanted";
	if (!wrong && at < 0)
		wrong = "\"at\" is a number of seconds since 1970, or 0: never";
	if (wrong || c->stopping || broadcast_new(c->context, on_round, reply, &r) < 0) {
		admin_refuse(reply, wrong ? wrong : "the server is stopping, or out of memory");
		return;
	}
	r->match = match;
	r->dated = true;
	r->expires_at = at;
	broadcast_start(r);
}

/* ---- reload, drain --------------------------------------------------------------------------- */

static void reload(struct control *c, const json_t *request, struct admin_reply *reply)
{
	json_t *result;
	char why[700] = "";

	if (reload_all(c, json_is_true(json_object_get(request, "dry_run")), &result, why,
		    sizeof(why)) < 0)
		admin_refuse(reply, why);
	else
		admin_answer(reply, result);
}

static void drain(struct control *c, const json_t *request, struct admin_reply *reply)
{
	json_int_t seconds = json_integer_value(json_object_get(request, "for_s"));

	if (c->stopping || seconds < 0 || seconds > 7 * 24 * 3600) {
		admin_refuse(reply, "\"for_s\" is a number of seconds, a week at most");
		return;
	}
	if (json_is_true(json_object_get(request, "stop")))
		drain_stop(&c->drain);
	else
		drain_start(&c->drain, (uint64_t)seconds * 1000);
	admin_answer(reply, json_pack("{s:b, s:i}", "draining", c->drain.active, "sessions",
				    (int)context_sessions(c->context)));
}

/* ---- the record, events ---------------------------------------------------------------------- */

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

static void attempts(struct control *c, const json_t *request, struct admin_reply *reply)
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

static void events(struct control *c, const json_t *request, struct admin_reply *reply)
{
	(void)c;
	(void)request;
	admin_follow(reply, json_pack("{s:b}", "following", 1));
}

/* ---- the table ------------------------------------------------------------------------------- */

static const struct {
	const char *name;
	command_fn *run;
} commands[] = {
	{"status", status},
	{"sessions", sessions},
	{"kick", kick},
	{"expire", expire},
	{"reload", reload},
	{"drain", drain},
	{"attempts", attempts},
	{"events", events},
};

void commands_run(void *arg, const json_t *request, struct admin_reply *reply)
{
	const char *cmd = text(request, "cmd");
	char known[200] = "unknown command; this server knows:";

	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		if (!strcmp(cmd, commands[i].name)) {
			commands[i].run(arg, request, reply);
			return;
		}
		strcat(strcat(known, " "), commands[i].name);
	}
	admin_refuse(reply, known);
}
