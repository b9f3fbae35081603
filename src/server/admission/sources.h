// SPDX-License-Identifier: Apache-2.0
/*
 * server/admission/sources.h — limits on connections before their login (half open), per source and in
 * all; which of them makes room for another; when a source's next password is checked.
 *
 * A source is an IPv4 address, or an IPv6 /64: a host that has one address of a /64 has all of them.
 *
 * Pure: no clock, no lock, no thread; admission.c holds a mutex around it. It is asked a few times a
 * connection, never per packet.
 * Memory: fixed at the start, and an entry in each half-open connection. A flood of sources does not
 *         push one out that has connections, a proof under way, or failed logins that still count, as
 *         long as its set has a place that is cheaper to forget.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/auto.h"

struct sources;
struct source;

struct sources_limits {
	unsigned all;        /* half-open connections of all sources */
	unsigned half_open;  /* of one source; 0: any */
	unsigned per_minute; /* new connections of one source; as many may come at once; 0: any */
};

enum sources_verdict { SOURCES_OK, SOURCES_HALF_OPEN, SOURCES_RATE, SOURCES_FULL };

/* How far a connection is; what has come less far is evicted first. */
enum sources_progress { SOURCES_SILENT, SOURCES_TLS, SOURCES_JUDGED };

/* A half-open connection. Embedded in its owner, who may read id. */
struct sources_entry {
	struct sources_entry *next, **prev; /* all, oldest first */
	struct source *source;              /* NULL: not remembered */
	uint64_t id, since_ms;
	unsigned worker; /* the owner's, set by the owner */
	enum sources_progress progress;
};

/* The connection that has to make room: its owner is to end it. It counts no more. */
struct sources_victim {
	uint64_t id; /* 0: none */
	unsigned worker;
};

#define SOURCES_MAX 16384              /* remembered; 1 MiB */
#define SOURCES_FORGET_MS (10 * 60000) /* a failed login counts for as long */
#define SOURCES_DOUBLINGS_MAX 4        /* the delay grows up to 16 times */
#define SOURCES_DELAY_MAX_MS 8000 /* unless one delay is longer; then clients give up waiting */
#define SOURCES_JUDGED_AT_ONCE 4  /* proofs of a source without failed logins */
#define SOURCES_ASK_AGAIN_MS 20   /* another proof of the source is being judged */

/* `seed` keeps strangers from aiming at the place where somebody else is remembered. */
int sources_new(uint64_t seed, struct sources **ret);
void sources_free(struct sources *a); /* NULL is fine */
DEFINE_AUTO(sources, struct sources *, sources_free)

/*
 * With SOURCES_OK the connection counts as half open until sources_leave(). The source's own limits come
 * first: who is refused by them evicts no other. With all places taken the victim is of the source
 * with most half-open connections, one that has come less far before one that has come further, the
 * oldest of these; one whose proof is being judged is the last choice (a user may wait for a push).
 * A newcomer takes no place from a source that has no more than its own.
 */
enum sources_verdict sources_enter(struct sources *a, struct sources_entry *e,
	const struct addr *source, const struct sources_limits *limits, uint64_t now_ms,
	struct sources_victim *ret_victim);
/* It logged in, or is gone. Again, or after it was evicted: nothing. */
void sources_leave(struct sources *a, struct sources_entry *e);
/* False: it was evicted meanwhile. */

/*
 * May a proof of this source be judged now? 0: yes, and sources_judged() with *ret_source follows,
 * whatever becomes of the connection. Else: ask again after so many milliseconds. After a failed login
 * the source's next proof waits, and its proofs are judged one at a time, however many connections it
 * has.
 */
uint64_t sources_proof(
	struct sources *a, const struct addr *source, uint64_t now_ms, struct source **ret_source);
/* `delay_ms`: the wait after the first failure (auth.fail_delay); it doubles with each further one. */
void sources_judged(
	struct sources *a, struct source *s, bool failed, uint64_t delay_ms, uint64_t now_ms);
/* Something else failed that counts as a login does: a lane's proof. */
void sources_failed(
	struct sources *a, const struct addr *source, uint64_t delay_ms, uint64_t now_ms);
