// SPDX-License-Identifier: Apache-2.0
/*
 * server/control/broadcast.h — a question from the control thread to all workers: lists their sessions,
 * and can end them, change their date, or let them read their grant again. There is no lock: each worker
 * looks at its own sessions when the letter comes, and posts the letter back.
 *
 * Ownership: broadcast_start() takes the round over; done() gets it back when all workers have answered
 *            and calls broadcast_free().
 * Threads:   the control thread.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "aaa/grant.h"
#include "base/addr.h"
#include "base/mailbox.h"
#include "server/session/session.h"

struct context;
struct site;

/* Who is meant; what is not given is not asked. */
struct broadcast_match {
	uint64_t session;    /* 0: any */
	char user[256];      /* "": any; regardless of case */
	struct addr address; /* of the tunnel or of the peer; AF_UNSPEC: any */
	char thumbprint[41]; /* of the certificate, SHA-1, lower case; "": any */
	struct addr inner;   /* of the tunnel only; AF_UNSPEC: any */
	struct addr peer;    /* the client's own only; AF_UNSPEC: any */
	int64_t before;      /* opened before then (seconds since 1970); 0: any */
};

struct broadcast_part { /* one worker's */
	struct letter letter;
	struct broadcast *round;
	struct site *site;
	unsigned most;                /* of the sessions are to be ended */
	struct session_info *session; /* those that matched */
	size_t n;
	bool incomplete; /* no memory */
};

struct broadcast {
	struct context *context;
	struct broadcast_match match;
	enum event end; /* why they are ended; EV_NONE: only listed */
	bool dated;     /* their user's date is another one now: */
	int64_t expires_at;
	bool regrant; /* they read their grant again */
	bool recheck; /* their certificates are judged again; only those that end count */
	bool changed; /* these values are granted from now on: */
	struct grant_values change;
	void (*done)(struct broadcast *r);
	void *arg;
	unsigned waiting;
	struct broadcast_part part[];
};

/* parts are there already, with `most` as high as can be. */
int broadcast_new(
	struct context *s, void (*done)(struct broadcast *r), void *arg, struct broadcast **ret);
void broadcast_start(struct broadcast *r);
void broadcast_free(struct broadcast *r);
