// SPDX-License-Identifier: Apache-2.0
/* store/jobs.c — the jobs that every server has, on top of store_submit(). */
#include <errno.h>
#include <stdlib.h>

#include "store/store.h"

/* --- a lease: the sender waits --- */

static int run_lease(struct db *db, struct store_job *job)
{
	struct store_lease *l = container_of(job, struct store_lease, job);
	int r = db_lease_take(db, &l->request, &l->address, &l->holder);

	if (r < 0)
		l->outcome = db_error(db)->event;
	return r;
}

static void lease_done(struct store_job *job)
{
	struct store_lease *l = container_of(job, struct store_lease, job);

	l->result = job->result;
	if (job->event != EV_NONE)
		l->outcome = job->event;
	l->done(l);
}

int store_lease_take(struct store *s, struct store_lease *l)
{
	l->outcome = EV_NONE;
	l->address = (struct addr){0};
	l->holder = 0;
	l->job = (struct store_job){
		.kind = STORE_WRITE, .run = run_lease, .done = lease_done, .reply_to = l->reply_to};
	return store_submit(s, &l->job);
}

/* --- records: copied, and freed on the store thread --- */

struct record {
	struct store_job job;
	union {
		struct db_session session;
		struct db_attempt attempt;
		struct db_ban ban;
		struct {
			struct addr address;
			uint64_t session;
		} lease;
	};
};

static void record_done(struct store_job *job)
{
	free(container_of(job, struct record, job));
}

static int submit(struct store *s, enum store_kind kind,
	int (*run)(struct db *, struct store_job *), const struct record *record)
{
	struct record *copy = malloc(sizeof(*copy));
	int r;

	if (!copy)
		return -ENOMEM;
	*copy = *record;
	copy->job = (struct store_job){.kind = kind, .run = run, .done = record_done};
	r = store_submit(s, &copy->job);
	if (r < 0)
		free(copy);
	return r;
}

static int run_release(struct db *db, struct store_job *job)
{
	struct record *rec = container_of(job, struct record, job);

	return db_lease_release(db, &rec->lease.address, rec->lease.session);
}

int store_lease_release(struct store *s, const struct addr *address, uint64_t session)
{
	return submit(s, STORE_MUST, run_release,
		&(struct record){.lease = {.address = *address, .session = session}});
}

static int run_session_start(struct db *db, struct store_job *job)
{
	return db_session_start(db, &container_of(job, struct record, job)->session);
}

int store_session_start(struct store *s, const struct db_session *session)
{
	return submit(s, STORE_MUST, run_session_start, &(struct record){.session = *session});
}

/* The lease first: a session whose start was never recorded may hold one, too. */
static int run_session_stop(struct db *db, struct store_job *job)
{
	struct record *rec = container_of(job, struct record, job);
	int r = 0;

	if (rec->session.ipv4.family != AF_UNSPEC)
		r = db_lease_release(db, &rec->session.ipv4, rec->session.id);
	return r < 0 && r != -ENOENT ? r : db_session_stop(db, &rec->session);
}

int store_session_stop(struct store *s, const struct db_session *session)
{
	return submit(s, STORE_MUST, run_session_stop, &(struct record){.session = *session});
}

static int run_attempt(struct db *db, struct store_job *job)
{
	return db_attempt_add(db, &container_of(job, struct record, job)->attempt);
}

int store_attempt_add(struct store *s, const struct db_attempt *attempt)
{
	return submit(s, STORE_RECORD, run_attempt, &(struct record){.attempt = *attempt});
}

static int run_ban(struct db *db, struct store_job *job)
{
	return db_ban_set(db, &container_of(job, struct record, job)->ban);
}

int store_ban_set(struct store *s, const struct db_ban *ban)
{
	return submit(s, STORE_WRITE, run_ban, &(struct record){.ban = *ban});
}
