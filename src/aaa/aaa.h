/*
 * aaa/aaa.h — who may enter: one request, one answer, later.
 *
 *     req->proof = *ev.proof;  req->reply_to = &worker->mailbox;  req->done = on_verdict;
 *     r = aaa_submit(aaa, req);                    // -EAGAIN: too many wait; answer AUTH_FAILED
 *     static void on_verdict(struct aaa_request *req)          // on the worker's thread
 *     { ppp_auth_verdict(p, &req->verdict, now_ms); aaa_request_wipe(req); }
 *
 * What the peer learns is in the verdict: a wrong password and an unknown user look the same and take
 * the same time; that a user is disabled (647) or expired (648) is told only to who knows the
 * password. What the admin learns is in outcome (41xx) and detail.
 *
 * Users are looked up without DOMAIN\ and regardless of case; the hash is taken over the name as
 * sent (RFC 2759 section 8.2).
 *
 * Ownership: a submitted request belongs to aaa until done() is called; its mailbox outlives it. A
 *            request cannot be taken back: an owner whose session ended meanwhile frees the request
 *            in done().
 * Threads:   aaa_submit() any; done() on the thread that takes letters out of reply_to.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/auto.h"
#include "base/credentials.h"
#include "base/mailbox.h"
#include "events/event.h"
#include "store/store.h"

struct aaa;

struct aaa_request {
	/* The sender's. */
	struct proof proof;
	char peer[ENDPOINT_TEXT_LEN]; /* "ADDR:PORT", for RADIUS */
	uint64_t attempt;             /* the sender's number for this login; not looked at */
	struct mailbox *reply_to;
	void (*done)(struct aaa_request *req);
	/* When done: */
	struct verdict verdict; /* addresses are the sender's to fill in */
	enum event outcome;     /* EV_AUTH_ACCEPTED, or why not */
	char detail[400];       /* "user=alice method=mschapv2", for log and record; no secrets */
	int64_t user_id;        /* accepted: for leases and records */
	char user[USER_NAME_MAX + 1]; /* the name as the admin spells it; unknown users: as sent */
	int64_t expires_at;           /* seconds since 1970; 0: never */
	struct addr ipv4;             /* the user's static address, or AF_UNSPEC */
	char pool[STORE_POOL_NAME_MAX +
		  1]; /* where others of the user's come from; "": the ordinary */
	/* The backend's. */
	struct store_job job;
};

struct aaa_opts {
	struct store *store; /* local users; outlives the aaa */
};

int aaa_new(const struct aaa_opts *opts, struct aaa **ret);
void aaa_free(struct aaa *aaa); /* every request is done by then */
DEFINE_AUTO(aaa, struct aaa *, aaa_free)

int aaa_submit(struct aaa *aaa, struct aaa_request *req);

static inline void aaa_request_wipe(struct aaa_request *req)
{
	proof_wipe(&req->proof);
	verdict_wipe(&req->verdict);
}
