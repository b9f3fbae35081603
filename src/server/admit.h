/*
 * server/admit.h — who may knock, and how often: connections per source before they are worth a TLS
 * handshake, and how long a source that guesses passwords waits.
 *
 * A source is an IPv4 address, or an IPv6 /64: whoever has one address of a /64 has them all.
 *
 * Pure: no clock, no lock; the server holds a mutex around it. It is asked once a connection and
 * once a login, never per packet.
 * Memory: fixed at the start; a source that is forgotten is one that has been quiet for longest.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/auto.h"

struct admit;

struct admit_limits {
	unsigned half_open;  /* connections at one time that have not logged in; 0: any */
	unsigned per_minute; /* new connections; as many may come at once; 0: any */
};

enum admit_verdict { ADMIT_OK, ADMIT_HALF_OPEN, ADMIT_RATE };

#define ADMIT_SOURCES 16384          /* remembered; 640 KiB */
#define ADMIT_FORGET_MS (10 * 60000) /* a failed login counts for as long */
#define ADMIT_DOUBLINGS_MAX 4        /* the delay grows up to 16 times */

/* `seed` keeps strangers from aiming at the place where somebody else is remembered. */
int admit_new(uint64_t seed, struct admit **ret);
void admit_free(struct admit *a); /* NULL is fine */
DEFINE_AUTO(admit, struct admit *, admit_free)

/* With ADMIT_OK the connection counts as half open until admit_settle(). */
enum admit_verdict admit_connect(struct admit *a, const struct addr *source,
	const struct admit_limits *limits, uint64_t now_ms);
/* It logged in, or is gone. */
void admit_settle(struct admit *a, const struct addr *source);
/* A login failed. Returns how many times the ordinary delay its answer shall take: 1, 2, 4 … */
unsigned admit_failed(struct admit *a, const struct addr *source, uint64_t now_ms);
