// SPDX-License-Identifier: Apache-2.0
/*
 * store/store.h — the database without waiting: jobs for two threads, each with a handle of its own.
 *
 * A job names what to run on the store's thread and where the answer goes. Jobs that read have a
 * thread of their own and never wait for a job that writes; those are gathered into one transaction
 * and answered after its commit (result < 0 then says that nothing of it happened). A job is a field
 * of the sender's struct: submitting does not allocate.
 *
 *     static void found(struct store_job *job)           // on the owner's thread, job->result is set
 *     j->job = (struct store_job){.run = find, .done = found, .reply_to = &worker->mailbox};
 *     r = store_submit(store, &j->job);                  // -EAGAIN: too much waits, job untouched
 *
 * Ownership: a submitted job belongs to the store until done() is called. The mailbox outlives it.
 * Order:     jobs that write run in the order of submission; so do jobs that read.
 * Threads:   store_submit() and the wrappers below: any. run() on the store thread; done() on the
 *            thread that takes letters out of reply_to, or on the store thread without one.
 */
#pragma once
#include <stdint.h>

#include "base/mailbox.h"
#include "store/db.h"

struct store;

enum store_kind {
	STORE_READ, /* a login waits for it */
	STORE_WRITE,
	STORE_RECORD, /* a write that may be lost when the queue is half full: attempts */
	STORE_MUST,   /* a write that is never refused, and run again when the database fails */
};

struct store_job {
	/* The sender's. */
	enum store_kind kind;
	/* 0 or negative errno, to be result. May be called twice: it writes nothing but its job. */
	int (*run)(struct db *db, struct store_job *job);
	void (*done)(struct store_job *job);
	struct mailbox *reply_to; /* NULL: done() runs on the store thread and must be short */
	/* The store's. */
	int result;
	enum event
		event; /* result < 0 and the database is to blame: what is wrong with it; else EV_NONE */
	struct letter letter;
	struct store_job *next;
};

struct store_opts {
	uint64_t keep_attempts, keep_sessions; /* 0: all */
};

/* Takes the handle over (also when it fails), closes what a crash left open, starts the thread. */
int store_new(
	struct db *db, const struct store_opts *opts, struct store **ret, struct db_error *ret_err);
/* Runs what waits, ends the thread, closes the database. Nothing may be submitted any more. */
void store_free(struct store *s);
DEFINE_AUTO(store, struct store *, store_free)

int store_submit(struct store *s, struct store_job *job);
/* A number that no session of this node has had. */
uint64_t store_next_session(struct store *s);

/* This run of the server: a number that no other run has had. */
uint64_t store_epoch(const struct store *s);

/* --- jobs that every server has --- */

struct store_lease {
	struct db_lease_request request;
	void (*done)(struct store_lease *l);
	struct mailbox *reply_to;
	/* When done: */
	int result;         /* 0, or as db_lease_take() */
	enum event outcome; /* EV_NONE, EV_LEASE_POOL_EXHAUSTED, EV_LEASE_ADDRESS_IN_USE, or 61xx */
	struct addr address;
	uint64_t holder; /* EV_LEASE_ADDRESS_IN_USE: the session that is on it */
	struct store_job job;
};

int store_lease_take(struct store *s, struct store_lease *l);
/* Those below copy their arguments, and no thread waits for them. -EAGAIN, -ENOMEM. */
int store_lease_release(struct store *s, const struct addr *address, uint64_t session);
int store_session_start(struct store *s, const struct db_session *session);
int store_session_stop(
	struct store *s, const struct db_session *session); /* releases the lease too */
int store_ban_set(struct store *s, const struct db_ban *ban);
int store_attempt_add(struct store *s, const struct db_attempt *attempt);
