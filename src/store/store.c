// SPDX-License-Identifier: Apache-2.0
/*
 * Theory: two threads with a queue each under one lock. The reading thread has a handle of its own and
 * answers its jobs one by one, whatever the writing one does: a login never waits for a commit. The
 * writing thread takes up to STORE_GROUP_MAX jobs, runs them in one transaction, each in a savepoint
 * so that one that fails is undone alone, and answers them after the commit. When its queue is
 * empty, it tidies up (SQLite: the log is moved into the file, the only wait for the disk).
 *
 * A write that fails because of the database (a full disk) is reported to its sender, and logged
 * once, until a commit succeeds again. One that must be written is run again instead.
 */
#include "store/store.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

struct queue {
	struct store_job *head, **tail;
	size_t n;
};

struct side {
	struct store *store;
	struct db *db;
	pthread_t thread;
	bool running;
	pthread_cond_t wake;
	/* Under the store's lock: */
	struct queue queue;
	bool fresh;          /* a job came since the last group was taken */
	uint64_t rest_until; /* monotonic ms: until then only a fresh job is worth a try */
};

struct store {
	struct store_opts opts;
	pthread_mutex_t lock;
	struct side reads, writes;
	bool stop, dropping; /* under lock */
	/* Of the writing thread. */
	bool failing;
	uint64_t rest_ms;      /* before the next try at what failed */
	struct db_error error; /* the last that was the database's fault */
	uint64_t records;      /* since the last pruning */
	atomic_uint_fast64_t next_session;
	uint64_t epoch;
};

/* --- queues --- */

static void push(struct queue *q, struct store_job *job)
{
	job->next = NULL;
	*q->tail = job;
	q->tail = &job->next;
	q->n++;
}

static struct store_job *pop(struct queue *q)
{
	struct store_job *job = q->head;

	if (!job)
		return NULL;
	q->head = job->next;
	if (!q->head)
		q->tail = &q->head;
	q->n--;
	return job;
}

static bool has_room(const struct store *s, enum store_kind kind)
{
	switch (kind) {
	case STORE_READ: return s->reads.queue.n < STORE_QUEUE_MAX;
	case STORE_WRITE: return s->writes.queue.n < STORE_QUEUE_MAX;
	case STORE_RECORD: return s->writes.queue.n < STORE_QUEUE_RECORDS_MAX;
	case STORE_MUST: return true;
	}
	return false;
}

int store_submit(struct store *s, struct store_job *job)
{
	struct side *side = job->kind == STORE_READ ? &s->reads : &s->writes;
	bool room, tell;

	job->result = 0;
	job->event = EV_NONE;
	pthread_mutex_lock(&s->lock);
	room = has_room(s, job->kind);
	tell = !room && !s->dropping;
	s->dropping |= !room;
	if (room) {
		push(&side->queue, job);
		side->fresh = true;
		pthread_cond_signal(&side->wake);
	}
	pthread_mutex_unlock(&s->lock);
	if (tell)
		log_event(NULL, EV_STORE_OVERLOADED, "%s", "");
	return room ? 0 : -EAGAIN;
}

static struct timespec at(uint64_t mono_ms)
{
	return (struct timespec){
		(time_t)(mono_ms / 1000), (long)(mono_ms % 1000) * 1000000}; /* CLOCK_MONOTONIC */
}

/* A queue that holds only what failed just now is left alone for a while. */
static bool is_resting(const struct side *side)
{
	return side->queue.n && !side->fresh && clock_mono_ms() < side->rest_until;
}

/* Sleeps until there is something to do; false at the end. */
static bool wait_for_work(struct side *side)
{
	struct store *s = side->store;
	bool work;

	pthread_mutex_lock(&s->lock);
	if (!s->reads.queue.n && !s->writes.queue.n)
		s->dropping = false;
	while (!s->stop && (!side->queue.n || is_resting(side))) {
		struct timespec until = at(side->rest_until);

		if (side->queue.n)
			pthread_cond_timedwait(&side->wake, &s->lock, &until);
		else
			pthread_cond_wait(&side->wake, &s->lock);
	}
	work = side->queue.n;
	pthread_mutex_unlock(&s->lock);
	return work;
}

static struct store_job *take(struct side *side)
{
	struct store_job *job;

	pthread_mutex_lock(&side->store->lock);
	job = pop(&side->queue);
	pthread_mutex_unlock(&side->store->lock);
	return job;
}

/* --- jobs --- */

static void deliver(struct letter *l)
{
	struct store_job *job = container_of(l, struct store_job, letter);

	job->done(job);
}

static void answer(struct store_job *job)
{
	if (!job->reply_to) {
		job->done(job);
		return;
	}
	job->letter.deliver = deliver;
	mailbox_post(job->reply_to, &job->letter);
}

/* Whether the error is the database's and not the job's own affair (no such user, no address). */
static bool is_databases(int r)
{
	return r == -ENOSPC || r == -EBUSY || r == -EUCLEAN || r == -EACCES || r == -EIO ||
	       r == -ENOMEM;
}

static void blame_database(struct db *db, struct store_job *job, int r)
{
	job->result = r;
	job->event = db_error(db)->event;
}

static void run_job(struct db *db, struct store_job *job)
{
	job->result = job->run(db, job);
	if (is_databases(job->result))
		blame_database(db, job, job->result);
}

/* --- the reading thread --- */

static void *reads_main(void *arg)
{
	struct side *side = arg;
	struct store_job *job;

	while (wait_for_work(side))
		while ((job = take(side))) {
			run_job(side->db, job);
			answer(job);
		}
	return NULL;
}

/* --- the writing thread --- */

static void take_group(struct store *s, struct queue *ret)
{
	struct store_job *job;

	*ret = (struct queue){.tail = &ret->head};
	pthread_mutex_lock(&s->lock);
	while (ret->n < STORE_GROUP_MAX && (job = pop(&s->writes.queue)))
		push(ret, job);
	s->writes.fresh = s->writes.queue.n;
	pthread_mutex_unlock(&s->lock);
}

/* 0, or the error for which the whole transaction is gone. */
static int run_in_savepoint(struct store *s, struct store_job *job)
{
	struct db *db = s->writes.db;
	int r = db_savepoint(db);

	if (r < 0) {
		blame_database(db, job, r);
		return r;
	}
	run_job(db, job);
	if (job->event)
		s->error = *db_error(db);
	if (!db_in_transaction(db))
		return job->result < 0 ? job->result : -EIO;
	db_savepoint_release(db, job->result >= 0);
	s->records += job->kind == STORE_RECORD || job->kind == STORE_MUST;
	return 0;
}

static int run_group(struct store *s, const struct queue *group)
{
	int r = 0;

	for (struct store_job *job = group->head; job && !r; job = job->next)
		r = run_in_savepoint(s, job);
	if (!r && s->records >= STORE_PRUNE_EVERY) {
		s->records = 0;
		r = db_prune(s->writes.db, s->opts.keep_attempts, s->opts.keep_sessions);
	}
	return r;
}

/* Says that the database takes no writes, once, and that it does again. */
static void tell_state(struct store *s, bool failed)
{
	if (failed && !s->failing)
		log_event(NULL, s->error.event, "%s", s->error.text);
	if (!failed && s->failing)
		log_event(NULL, EV_STORE_RECOVERED, "%s", "");
	s->failing = failed;
}

/* The whole group failed with it. */
static void fail_group(struct store *s, struct queue *group, int r)
{
	s->error = *db_error(s->writes.db);
	for (struct store_job *job = group->head; job; job = job->next) {
		job->result = r;
		job->event = s->error.event;
	}
	db_rollback(s->writes.db);
}

/*
 * What must be written and failed with the database stands first in the queue again, and is run once
 * more when a fresh job comes or some time has passed. At the end there is no next time.
 */
static bool keep_for_later(struct store *s, struct queue *again, struct store_job *job)
{
	if (job->kind != STORE_MUST || !job->event || s->stop || again->n >= STORE_AGAIN_MAX)
		return false;
	job->event = EV_NONE;
	push(again, job);
	return true;
}

static void put_back(struct store *s, struct queue *again)
{
	struct queue *q = &s->writes.queue;

	if (!again->n) {
		s->rest_ms = STORE_REST_MS;
		return;
	}
	*again->tail = q->head;
	if (!q->head)
		q->tail = again->tail;
	q->head = again->head;
	q->n += again->n;
	s->writes.rest_until = clock_mono_ms() + s->rest_ms;
	if (s->rest_ms < STORE_REST_MOST_MS)
		s->rest_ms *= 2;
}

static void answer_group(struct store *s, struct queue *group)
{
	struct queue again = {.tail = &again.head}, answers = {.tail = &answers.head};
	struct store_job *job;

	pthread_mutex_lock(&s->lock);
	while ((job = pop(group)))
		if (!keep_for_later(s, &again, job))
			push(&answers, job);
	put_back(s, &again);
	pthread_mutex_unlock(&s->lock);
	while ((job = pop(&answers)))
		answer(job);
}

static void write_group(struct store *s)
{
	struct queue group;
	bool failed = false;
	int r;

	take_group(s, &group);
	if (!group.n)
		return;
	r = db_begin(s->writes.db);
	if (!r)
		r = run_group(s, &group);
	if (!r)
		r = db_commit(s->writes.db);
	if (r < 0)
		fail_group(s, &group, r);
	for (struct store_job *job = group.head; job; job = job->next)
		failed |= job->event != EV_NONE;
	tell_state(s, failed);
	answer_group(s, &group);
}

static bool is_idle(struct side *side)
{
	bool idle;

	pthread_mutex_lock(&side->store->lock);
	idle = !side->queue.n;
	pthread_mutex_unlock(&side->store->lock);
	return idle;
}

static void *writes_main(void *arg)
{
	struct side *side = arg;

	while (wait_for_work(side)) {
		write_group(side->store);
		db_tidy(side->db, is_idle(side));
	}
	return NULL;
}

/* --- life --- */

static int begin_epoch(struct db *db)
{
	int r = db_begin(db);

	if (r < 0)
		return r;
	r = db_epoch_begin(db);
	if (!r)
		return db_commit(db);
	db_rollback(db);
	return r;
}

/* Signals are the main thread's: the new one inherits a mask that blocks them all. */
static int start_thread(struct side *side, void *(*main)(void *), const char *name)
{
	sigset_t all, before;
	int r;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	r = pthread_create(&side->thread, NULL, main, side);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (r)
		return -r;
	side->running = true;
	pthread_setname_np(side->thread, name);
	return 0;
}

static void side_init(struct side *side, struct store *s, struct db *db)
{
	pthread_condattr_t monotonic;

	*side = (struct side){.store = s, .db = db};
	side->queue.tail = &side->queue.head;
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&side->wake, &monotonic);
	pthread_condattr_destroy(&monotonic);
}

/* The end of a thread: after the jobs that wait. */
static void side_done(struct side *side)
{
	if (side->running) {
		pthread_cond_signal(&side->wake);
		pthread_join(side->thread, NULL);
	}
	db_close(side->db);
	pthread_cond_destroy(&side->wake);
}

static int prepare(struct store *s, struct db_error *ret_err)
{
	struct db *db = s->writes.db;
	uint64_t last = 0;
	int r = begin_epoch(db);

	if (!r)
		r = db_session_last(db, &last);
	if (r < 0) {
		*ret_err = *db_error(db);
		return r;
	}
	atomic_init(&s->next_session, last + 1);
	return db_open_reader(db, &s->reads.db, ret_err);
}

int store_new(
	struct db *db, const struct store_opts *opts, struct store **ret, struct db_error *ret_err)
{
	AUTO(store) struct store *s = calloc(1, sizeof(*s));
	int r;

	*ret_err = (struct db_error){.event = EV_OUT_OF_MEMORY, .text = "no memory"};
	if (!s) {
		db_close(db);
		return -ENOMEM;
	}
	s->opts = *opts;
	s->rest_ms = STORE_REST_MS;
	pthread_mutex_init(&s->lock, NULL);
	side_init(&s->reads, s, NULL);
	side_init(&s->writes, s, db);
	r = prepare(s, ret_err);
	s->epoch = db_epoch(db);
	if (!r)
		r = start_thread(&s->reads, reads_main, "culvert-reads");
	if (!r)
		r = start_thread(&s->writes, writes_main, "culvert-store");
	if (r < 0)
		return r;
	*ret = TAKE(s);
	return 0;
}

void store_free(struct store *s)
{
	if (!s)
		return;
	pthread_mutex_lock(&s->lock);
	s->stop = true;
	pthread_mutex_unlock(&s->lock);
	side_done(&s->reads);
	side_done(&s->writes);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

uint64_t store_next_session(struct store *s)
{
	return atomic_fetch_add(&s->next_session, 1);
}

uint64_t store_epoch(const struct store *s)
{
	return s->epoch;
}
