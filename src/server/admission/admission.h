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
#include "base/credentials.h"
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

/* Whose proof it is; the rest is admission's own. */
struct admission_proof {
	struct endpoint peer;
	char user[USER_NAME_MAX + 1];     /* as sent */
	struct source *source, *stranger; /* NULL: not held back as one */
};

enum admission_outcome { ADMISSION_OTHER, ADMISSION_FAILED, ADMISSION_ACCEPTED };

/* The source is banned as this user: the proof is not to be judged. */
bool admission_is_banned(struct site *site, const struct admission_proof *p);
/*
 * 0: judge the proof now, and say what came of it with admission_judged(). Else: ask again after so many
 * milliseconds. A source from which this user never logged in also waits for the others of that kind.
 * Clients of a balancer that does not name them are never held back here, since all look like one source:
 * see admission_answer_ms().
 */
uint64_t admission_ask(struct site *site, struct admission_proof *p);
void admission_judged(struct site *site, struct admission_proof *p, enum admission_outcome outcome);
/* A connection of this peer ended, and had never come to a login. */
void admission_stranger(struct site *site, const struct endpoint *peer);

/* ---- any thread ---- */

/* Of an admin, or from the store. `user` "": as any. -ENOSPC: too many networks are banned. */
int admission_ban(struct admission *a, const struct prefix *of, const char *user, int64_t until_s);
void admission_unban(struct admission *a, const struct prefix *of, const char *user);
/* From the record: a user logged in from there. */
void admission_remember(
	struct admission *a, const struct addr *source, const char *user, int64_t at_s);

/* ---- the worker's ---- */

/* How long the answer to a failed login is held back: behind such a balancer there is no other way. */
uint64_t admission_answer_ms(struct site *site, const struct endpoint *peer);
/* The proof of a lane was wrong. */
void admission_lane_failed(struct site *site, const struct endpoint *peer);
