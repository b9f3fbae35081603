/*
 * server/control/broadcast.h — a question of the control thread that goes round all workers:
 * which sessions are
 * there, and, if so wished, end them or give them another date. Nothing is locked: each worker looks
 * at its own sessions when the letter comes, and posts the letter back.
 *
 * Ownership: round_start() takes the round over; done() gets it back when all workers have answered
 *            and calls round_free().
 * Threads:   the control thread.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "base/addr.h"
#include "base/mailbox.h"
#include "server/session/session.h"

struct server;

/* Who is meant; what is not given is not asked. */
struct round_match {
	uint64_t session;    /* 0: any */
	char user[256];      /* "": any; regardless of case */
	struct addr address; /* of the tunnel or of the peer; AF_UNSPEC: any */
	int64_t before;      /* opened before then (seconds since 1970); 0: any */
};

struct round_part { /* one worker's */
	struct letter letter;
	struct round *round;
	struct worker *worker;
	unsigned most;                /* of the sessions are to be ended */
	struct session_info *session; /* those that matched */
	size_t n;
	bool incomplete; /* no memory */
};

struct round {
	struct server *server;
	struct round_match match;
	enum event end; /* why they are ended; EV_NONE: only told */
	bool dated;     /* their user's date is another one now: */
	int64_t expires_at;
	void (*done)(struct round *r);
	void *arg;
	unsigned waiting;
	struct round_part part[];
};

/* parts are there already, with `most` as high as can be. */
int round_new(struct server *s, void (*done)(struct round *r), void *arg, struct round **ret);
void round_start(struct round *r);
void round_free(struct round *r);
size_t round_count(const struct round *r);
