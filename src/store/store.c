/*
 * Theory: two queues under one lock, reads and writes. The thread serves all reads first, each by
 * itself; then it takes up to STORE_GROUP_MAX writes, runs them in one transaction, each in a
 * savepoint so that one that fails is undone alone, and answers them after the commit. While
 * another process holds the database, reads go on. When nothing waits, the log is moved into the
 * file (the only time that anyone waits for the disk).
 *
 * A write that fails because of the database (a full disk) is told to its sender, and to the log
 * once, until a commit succeeds again.
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

struct store {
	struct db *db;
	struct store_opts opts;
	pthread_t thread;
	bool running;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct queue reads, writes; /* under lock, as is what follows */
	bool stop, dropping;
	/* Of the store thread. */
	bool failing;
	struct db_error error; /* the last that was the database's fault */
	uint64_t records;      /* since the last pruning */
	atomic_uint_fast64_t next_session;
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
	case STORE_READ: return s->reads.n < STORE_QUEUE_MAX;
	case STORE_WRITE: return s->writes.n < STORE_QUEUE_MAX;
	case STORE_RECORD: return s->writes.n < STORE_QUEUE_RECORDS_MAX;
	case STORE_MUST: return true;
	}
	return false;
}

int store_submit(struct store *s, struct store_job *job)
{
	bool room, tell;

	job->result = 0;
	job->event = EV_NONE;
	pthread_mutex_lock(&s->lock);
	room = has_room(s, job->kind);
	tell = !room && !s->dropping;
	s->dropping |= !room;
	if (room) {
		push(job->kind == STORE_READ ? &s->reads : &s->writes, job);
		pthread_cond_signal(&s->wake);
	}
	pthread_mutex_unlock(&s->lock);
	if (tell)
		log_event(NULL, EV_STORE_OVERLOADED, "%s", "");
	return room ? 0 : -EAGAIN;
}

/* --- the store thread --- */

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

static void blame_database(struct store *s, struct store_job *job, int r)
{
	s->error = *db_error(s->db);
	job->result = r;
	job->event = s->error.event;
}

static void run_job(struct store *s, struct store_job *job)
{
	job->result = job->run(s->db, job);
	if (is_databases(job->result))
		blame_database(s, job, job->result);
}

static void serve_reads(struct store *s)
{
	struct store_job *job;

	for (;;) {
		pthread_mutex_lock(&s->lock);
		job = pop(&s->reads);
		pthread_mutex_unlock(&s->lock);
		if (!job)
			return;
		run_job(s, job);
		answer(job);
	}
}

static void take_group(struct store *s, struct queue *ret)
{
	struct store_job *job;

	*ret = (struct queue){.tail = &ret->head};
	pthread_mutex_lock(&s->lock);
	while (ret->n < STORE_GROUP_MAX && (job = pop(&s->writes)))
		push(ret, job);
	pthread_mutex_unlock(&s->lock);
}

/* Another process may hold the database for a while: logins are served meanwhile. */
static int begin(struct store *s)
{
	uint64_t give_up = clock_mono_ms() + STORE_BUSY_MS;
	int r;

	while ((r = db_begin(s->db)) == -EBUSY && clock_mono_ms() < give_up)
		serve_reads(s);
	return r;
}

/* 0, or the error for which the whole transaction is gone. */
static int run_in_savepoint(struct store *s, struct store_job *job)
{
	int r = db_savepoint(s->db);

	if (r < 0) {
		blame_database(s, job, r);
		return r;
	}
	run_job(s, job);
	if (!db_in_transaction(s->db))
		return job->result < 0 ? job->result : -EIO;
	db_savepoint_release(s->db, job->result >= 0);
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
		r = db_prune(s->db, s->opts.keep_attempts, s->opts.keep_sessions);
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
	s->error = *db_error(s->db);
	for (struct store_job *job = group->head; job; job = job->next) {
		job->result = r;
		job->event = s->error.event;
	}
	db_rollback(s->db);
}

static void write_group(struct store *s)
{
	struct queue group;
	struct store_job *job;
	bool failed = false;
	int r;

	take_group(s, &group);
	if (!group.n)
		return;
	r = begin(s);
	if (!r)
		r = run_group(s, &group);
	if (!r)
		r = db_commit(s->db);
	if (r < 0)
		fail_group(s, &group, r);
	for (job = group.head; job; job = job->next)
		failed |= job->event != EV_NONE;
	tell_state(s, failed);
	while ((job = pop(&group)))
		answer(job);
}

/* Sleeps until there is something to do; false at the end. */
static bool wait_for_work(struct store *s)
{
	bool work;

	pthread_mutex_lock(&s->lock);
	if (!s->reads.n && !s->writes.n)
		s->dropping = false;
	while (!s->reads.n && !s->writes.n && !s->stop)
		pthread_cond_wait(&s->wake, &s->lock);
	work = s->reads.n || s->writes.n;
	pthread_mutex_unlock(&s->lock);
	return work;
}

static bool is_idle(struct store *s)
{
	bool idle;

	pthread_mutex_lock(&s->lock);
	idle = !s->reads.n && !s->writes.n;
	pthread_mutex_unlock(&s->lock);
	return idle;
}

static void *store_main(void *arg)
{
	struct store *s = arg;

	while (wait_for_work(s)) {
		serve_reads(s);
		write_group(s);
		if (db_log_pages(s->db) > (is_idle(s) ? STORE_WAL_PAGES : STORE_WAL_PAGES_MAX))
			db_checkpoint(s->db);
	}
	return NULL;
}

/* --- life --- */

static int recover(struct db *db)
{
	int r = db_begin(db);

	if (r < 0)
		return r;
	r = db_recover(db);
	if (!r)
		return db_commit(db);
	db_rollback(db);
	return r;
}

/* Signals are the main thread's: the new one inherits a mask that blocks them all. */
static int start_thread(struct store *s)
{
	sigset_t all, before;
	int r;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	r = pthread_create(&s->thread, NULL, store_main, s);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (r)
		return -r;
	s->running = true;
	pthread_setname_np(s->thread, "culvert-store");
	return 0;
}

int store_new(
	struct db *db, const struct store_opts *opts, struct store **ret, struct db_error *ret_err)
{
	AUTO(store) struct store *s = calloc(1, sizeof(*s));
	uint64_t last = 0;
	int r;

	*ret_err = (struct db_error){EV_OUT_OF_MEMORY, "no memory"};
	if (!s) {
		db_close(db);
		return -ENOMEM;
	}
	*s = (struct store){.db = db, .opts = *opts};
	s->reads.tail = &s->reads.head;
	s->writes.tail = &s->writes.head;
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->wake, NULL);
	r = recover(db);
	if (!r)
		r = db_session_last(db, &last);
	if (r < 0) {
		*ret_err = *db_error(db);
		return r;
	}
	atomic_init(&s->next_session, last + 1);
	db_set_busy_ms(db, STORE_BUSY_STEP_MS);
	r = start_thread(s);
	if (r < 0)
		return r;
	*ret = TAKE(s);
	return 0;
}

void store_free(struct store *s)
{
	if (!s)
		return;
	if (s->running) {
		pthread_mutex_lock(&s->lock);
		s->stop = true;
		pthread_cond_signal(&s->wake);
		pthread_mutex_unlock(&s->lock);
		pthread_join(s->thread, NULL);
	}
	db_close(s->db);
	pthread_cond_destroy(&s->wake);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

uint64_t store_next_session(struct store *s)
{
	return atomic_fetch_add(&s->next_session, 1);
}
