// SPDX-License-Identifier: Apache-2.0
/*
 * server/admission/admission.h — the limits of sources.h put to use: each connection has a door from its
 * first moment until it has logged in, and counts as half open for as long. A connection that has to make
 * room for another is ended by its own worker, which gets a letter.
 *
 * Threads: the worker's, but for what says "any".
 */
#pragma once
#include <stdbool.h>

#include "base/addr.h"
#include "server/admission/sources.h"

struct admission; /* shared by all sites */
struct site;

int admission_new(struct admission **ret); /* -ENOMEM */
void admission_free(struct admission *a);  /* NULL is fine */
/* Connections refused so far. Any thread. */
uint64_t admission_refused(const struct admission *a);

struct door {
	struct sources_entry entry;
	struct door *next, **prev; /* of the worker */
	struct endpoint peer;
	void *owner;
	/* It has to make room: the owner ends its connection. NULL: not yet, or its own business. */
	void (*evict)(void *owner);
};

/*
 * NULL: this connection is not let in; that was logged and counted. `named`: the peer is the client
 * itself. While a balancer has not named its client yet, the connection takes no other one's place: it
 * may be refused when the name is known. Such connections have as many places again.
 */
struct door *admission_enter(struct site *site, const struct endpoint *peer, bool named);
/* It logged in, or is gone; frees the door. NULL is fine. */
void admission_leave(struct site *site, struct door *door);
void admission_progress(struct site *site, struct door *door, enum sources_progress progress);

/*
 * 0: judge the proof now, and say what came of it with admission_judged() and *ret. Else: ask again
 * after so many milliseconds. Clients of a balancer that does not name them are never held back here,
 * since all look like one source: see admission_answer_ms().
 */
uint64_t admission_proof(struct site *site, const struct endpoint *peer, struct source **ret);
/* `s` NULL: the peer was not held back. */
void admission_judged(struct site *site, struct source *s, bool failed);
/* How long the answer to a failed login is held back: behind such a balancer there is no other way. */
uint64_t admission_answer_ms(struct site *site, const struct endpoint *peer);
/* The proof of a lane was wrong. */
void admission_lane_failed(struct site *site, const struct endpoint *peer);
