// SPDX-License-Identifier: Apache-2.0
/*
 * Theory: the store is the queue. The sink adds a record by a job that is never refused; when it is
 * written the pump looks: it lists the oldest records and sends those whose session has none on its
 * way, IN_FLIGHT at one time. An answer removes the record; without one it stays, and after a
 * pause, twice as long each time, it is sent again as another request, for Acct-Delay-Time has
 * changed (RFC 2866 section 5.2). So neither a dead server nor a kill of this one loses what was
 * written.
 */
#include "server/control/accounting.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "aaa/radius/accounting.h"
#include "aaa/radius/transport.h"
#include "base/clock.h"
#include "config/config.h"
#include "server/core/context.h"
#include "server/core/snapshot.h"
#include "store/store.h"

#define IN_FLIGHT 64
#define LISTED 256
#define REST_MS 2000
#define REST_MOST_MS 60000
#define PRUNE_EVERY 1024 /* records */

struct report { /* a record on its way into the store */
	struct store_job job;
	struct accounting *accounting;
	struct accounting_record record;
};

struct delivery {                /* one on its way to a server */
	struct radius_call call; /* first */
	struct accounting *accounting;
	struct delivery *next;
	struct letter letter;
	struct store_job job;
	struct accounting_record record;
};

struct accounting {
	struct context *context;
	_Atomic bool on;
	_Atomic unsigned writing; /* reports that are not in the store yet */
	_Atomic uint64_t added;
	atomic_flag woken;
	struct letter wake;
	/* The control thread's: */
	bool begun, listing, pruning, over;
	struct delivery *flying;
	unsigned n_flying;
	uint64_t rest_ms, rest_until_ms;
	uint64_t waiting, sent, dropped, pruned_at;
	struct store_job list, prune;
	struct {
		size_t n;
		struct accounting_record record[LISTED];
	} listed;
	uint64_t just_dropped;
};

static void pump(struct accounting *a);

/* ---- into the store ------------------------------------------------------------- */

static void deliver_wake(struct letter *l)
{
	struct accounting *a = container_of(l, struct accounting, wake);

	atomic_flag_clear(&a->woken);
	pump(a);
}

static void wake(struct accounting *a)
{
	if (!atomic_flag_test_and_set(&a->woken))
		mailbox_post(&a->context->control_mailbox, &a->wake);
}

static int run_report(struct db *db, struct store_job *job)
{
	return db_accounting_add(db, &container_of(job, struct report, job)->record);
}

/* On the store's thread. */
static void report_done(struct store_job *job)
{
	struct report *r = container_of(job, struct report, job);
	struct accounting *a = r->accounting;

	atomic_fetch_sub(&a->writing, 1);
	atomic_fetch_add(&a->added, 1);
	free(r);
	wake(a);
}

static void add(struct accounting *a, struct report *r)
{
	r->accounting = a;
	r->job = (struct store_job){.kind = STORE_MUST, .run = run_report, .done = report_done};
	atomic_fetch_add(&a->writing, 1);
	if (store_submit(a->context->store, &r->job) < 0) {
		atomic_fetch_sub(&a->writing, 1);
		free(r);
	}
}

static void report_session(void *arg, enum accounting_kind kind, const struct db_session *s)
{
	struct accounting *a = arg;
	struct report *r;

	if (!atomic_load_explicit(&a->on, memory_order_relaxed) || !s->acct_id[0])
		return;
	r = malloc(sizeof(*r));
	if (!r) {
		log_event(NULL, EV_ACCOUNTING_LOST, "records=1 reason=memory");
		return;
	}
	radius_account_session(kind, s, clock_wall_s(), &r->record);
	add(a, r);
}

static void begin(void *arg, const struct db_session *s)
{
	report_session(arg, ACCOUNTING_START, s);
}

static void interim(void *arg, const struct db_session *s)
{
	report_session(arg, ACCOUNTING_INTERIM, s);
}

static void end(void *arg, const struct db_session *s)
{
	if (s->accounted)
		report_session(arg, ACCOUNTING_STOP, s);
}

static void attempt(void *arg UNUSED, const struct db_attempt *at UNUSED)
{
}

const struct account_sink accounting_sink = {
	.begin = begin, .interim = interim, .end = end, .attempt = attempt};

static void report_server(struct accounting *a, enum accounting_kind kind)
{
	struct report *r = malloc(sizeof(*r));

	if (!r)
		return;
	radius_account_server(kind, clock_wall_s(), &r->record);
	add(a, r);
}

/* ---- to the servers -------------------------------------------------------------- */

static void encode(struct radius_request *request, struct radius_builder *b,
	const struct radius_secret *secret UNUSED, const uint8_t *authenticator UNUSED,
	uint64_t now_ms UNUSED)
{
	const struct delivery *d = (const struct delivery *)request;
	const struct radius_settings *s = radius_call_settings(&d->call);
	int64_t late = clock_wall_s() - d->record.at;

	wr_octets(&b->wr, d->record.octets, d->record.n);
	radius_put_text(b, RADIUS_NAS_IDENTIFIER, s->nas_identifier);
	if (s->nas_address.family)
		radius_put_addr(b,
			s->nas_address.family == AF_INET ? RADIUS_NAS_IP_ADDRESS
							 : RADIUS_NAS_IPV6_ADDRESS,
			&s->nas_address);
	radius_put_u32(b, RADIUS_ACCT_DELAY_TIME, late > 0 ? (uint32_t)late : 0);
}

static int run_remove(struct db *db, struct store_job *job)
{
	return db_accounting_remove(db, container_of(job, struct delivery, job)->record.seq);
}

static void land(struct delivery *d)
{
	struct accounting *a = d->accounting;
	struct delivery **at = &a->flying;

	while (*at != d)
		at = &(*at)->next;
	*at = d->next;
	a->n_flying--;
	free(d);
	if (a->n_flying <= IN_FLIGHT / 2)
		pump(a);
}

static void remove_done(struct store_job *job)
{
	land(container_of(job, struct delivery, job));
}

static void answered(struct delivery *d)
{
	struct accounting *a = d->accounting;

	a->sent++;
	a->rest_ms = REST_MS;
	d->job = (struct store_job){.kind = STORE_MUST,
		.run = run_remove,
		.done = remove_done,
		.reply_to = &a->context->control_mailbox};
	if (!a->context->store || store_submit(a->context->store, &d->job) < 0)
		land(d); /* it is sent again: servers know it by its session */
}

static void rest(struct accounting *a)
{
	uint64_t now = clock_mono_ms();

	if (a->rest_until_ms > now)
		return;
	a->rest_until_ms = now + a->rest_ms;
	a->rest_ms = a->rest_ms * 2 < REST_MOST_MS ? a->rest_ms * 2 : REST_MOST_MS;
}

static void deliver_outcome(struct letter *l)
{
	struct delivery *d = container_of(l, struct delivery, letter);

	if (d->call.request.outcome == RADIUS_ANSWERED && !d->call.refused) {
		answered(d);
		return;
	}
	rest(d->accounting);
	land(d);
}

/* On the thread of RADIUS. */
static void on_outcome(struct radius_call *c)
{
	struct delivery *d = (struct delivery *)c;

	d->letter.deliver = deliver_outcome;
	mailbox_post(&d->accounting->context->control_mailbox, &d->letter);
}

static bool is_flying(const struct accounting *a, const struct accounting_record *r)
{
	for (const struct delivery *d = a->flying; d; d = d->next)
		if (d->record.seq == r->seq || !strcmp(d->record.session, r->session))
			return true;
	return false;
}

static void send_record(struct accounting *a, const struct accounting_record *r)
{
	struct delivery *d = calloc(1, sizeof(*d));

	if (!d)
		return; /* it stays in the store */
	d->accounting = a;
	d->record = *r;
	d->next = a->flying;
	a->flying = d;
	a->n_flying++;
	d->call.service = RADIUS_ACCT;
	d->call.done = on_outcome;
	d->call.request = (struct radius_request){
		.code = RADIUS_ACCOUNTING_REQUEST, .sealed = true, .encode = encode};
	radius_submit(a->context->radius, &d->call);
}

static int keep(const struct accounting_record *r, void *arg)
{
	struct accounting *a = arg;

	a->listed.record[a->listed.n++] = *r;
	return a->listed.n == LISTED;
}

static int run_list(struct db *db, struct store_job *job)
{
	struct accounting *a = container_of(job, struct accounting, list);
	int r;

	a->listed.n = 0;
	r = db_accounting_list(db, LISTED, keep, a);
	return r < 0 ? r : 0;
}

static void list_done(struct store_job *job)
{
	struct accounting *a = container_of(job, struct accounting, list);
	size_t n = job->result < 0 ? 0 : a->listed.n;

	a->listing = false;
	a->waiting = n;
	for (size_t i = 0; i < n && a->n_flying < IN_FLIGHT && a->context->radius; i++)
		if (!is_flying(a, &a->listed.record[i]))
			send_record(a, &a->listed.record[i]);
}

/* ---- the bound -------------------------------------------------------------------- */

static int run_prune(struct db *db, struct store_job *job)
{
	struct accounting *a = container_of(job, struct accounting, prune);
	const struct config *cfg = a->context->config;

	return db_accounting_prune(db, (int64_t)cfg->radius.accounting_records,
		clock_wall_s() - (int64_t)(cfg->radius.accounting_age_ms / 1000), &a->just_dropped);
}

static void prune_done(struct store_job *job)
{
	struct accounting *a = container_of(job, struct accounting, prune);

	a->pruning = false;
	if (job->result < 0 || !a->just_dropped)
		return;
	a->dropped += a->just_dropped;
	log_event(NULL, EV_ACCOUNTING_LOST, "records=%llu reason=bound",
		(unsigned long long)a->just_dropped);
}

static void prune(struct accounting *a)
{
	uint64_t added = atomic_load(&a->added);

	if (a->pruning || added - a->pruned_at < PRUNE_EVERY)
		return;
	a->pruned_at = added;
	a->prune = (struct store_job){.kind = STORE_WRITE,
		.run = run_prune,
		.done = prune_done,
		.reply_to = &a->context->control_mailbox};
	a->pruning = store_submit(a->context->store, &a->prune) == 0;
}

static void pump(struct accounting *a)
{
	if (!a->context->store || !a->context->radius || a->over)
		return;
	prune(a);
	if (!atomic_load(&a->on) || a->listing || a->n_flying >= IN_FLIGHT ||
		a->rest_until_ms > clock_mono_ms())
		return;
	a->list = (struct store_job){.kind = STORE_READ,
		.run = run_list,
		.done = list_done,
		.reply_to = &a->context->control_mailbox};
	a->listing = store_submit(a->context->store, &a->list) == 0;
}

/* ---- life -------------------------------------------------------------------------- */

struct recovery {
	struct store_job job;
	struct accounting *accounting;
	unsigned n;
};

static int run_recovery(struct db *db, struct store_job *job)
{
	struct recovery *r = container_of(job, struct recovery, job);
	struct accounting_record on;
	int e = db_accounting_recover(db, clock_wall_s(), radius_account_lost, NULL, &r->n);

	radius_account_server(ACCOUNTING_ON, clock_wall_s(), &on);
	return e < 0 ? e : db_accounting_add(db, &on);
}

static void recovery_done(struct store_job *job)
{
	struct recovery *r = container_of(job, struct recovery, job);
	struct accounting *a = r->accounting;

	if (job->result >= 0 && r->n)
		log_event(NULL, EV_ACCOUNTING_RECOVERED, "sessions=%u", r->n);
	free(r);
	wake(a);
}

static void recover(struct accounting *a)
{
	struct recovery *r = calloc(1, sizeof(*r));

	if (!r)
		return;
	r->accounting = a;
	r->job = (struct store_job){.kind = STORE_MUST, .run = run_recovery, .done = recovery_done};
	if (store_submit(a->context->store, &r->job) < 0)
		free(r);
}

void accounting_configure(struct accounting *a)
{
	bool on = a->context->snapshot->config->radius.accounting.n > 0;

	atomic_store(&a->on, on);
	a->rest_until_ms = 0;
	if (on && !a->begun) {
		a->begun = true;
		recover(a);
	}
	pump(a);
}

void accounting_tick(struct accounting *a)
{
	pump(a);
}

void accounting_off(struct accounting *a)
{
	if (a->begun)
		report_server(a, ACCOUNTING_OFF);
	a->rest_until_ms = 0;
	pump(a);
}

bool accounting_is_quiet(const struct accounting *a)
{
	return !atomic_load(&a->on) ||
	       (!atomic_load(&a->writing) && !a->n_flying && !a->listing && !a->waiting);
}

int accounting_new(struct context *c, struct accounting **ret)
{
	struct accounting *a = calloc(1, sizeof(*a));

	if (!a)
		return -ENOMEM;
	a->context = c;
	a->rest_ms = REST_MS;
	a->wake.deliver = deliver_wake;
	atomic_flag_clear(&a->woken);
	*ret = a;
	return 0;
}

void accounting_free(struct accounting *a)
{
	struct delivery *next;

	for (struct delivery *d = a ? a->flying : NULL; d; d = next) {
		next = d->next;
		free(d);
	}
	free(a);
}

void accounting_status(const struct accounting *a, struct accounting_status *ret)
{
	*ret = (struct accounting_status){.on = atomic_load(&a->on),
		.waiting = a->waiting,
		.sent = a->sent,
		.dropped = a->dropped,
		.in_flight = a->n_flying};
}
