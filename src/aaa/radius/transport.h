// SPDX-License-Identifier: Apache-2.0
/*
 * aaa/radius/transport.h — the thread that talks to RADIUS servers: sockets and clock around
 * peer.h, one peer for logins and one for accounting. No other thread ever waits for a server.
 *
 *     radius_configure(r, settings);      // at the start and at each reload
 *     radius_submit(r, &call);            // any thread; call.done() comes on the thread of RADIUS
 *
 * Ownership: a submitted call belongs to the transport until done().
 * Threads:   radius_submit(), radius_configure(), radius_status() any; done() and the hooks run on
 *            the thread
 *            of RADIUS and must be short.
 */
#pragma once
#include "aaa/radius/settings.h"
#include "base/mailbox.h"

struct radius;

struct radius_hooks { /* each may be NULL */
	/* The server seals its answers: remember it. */
	void (*sealed)(void *arg, const char *server);
	/* Has it ever been remembered? */
	bool (*was_sealed)(void *arg, const char *server);
	void *arg;
};

struct radius_call {
	struct radius_request request; /* first: requests lead back to their call */
	enum radius_service service;
	char server
		[64]; /* before: the only one to be asked ("": any); after an answer: who gave it */
	bool refused; /* too many wait: it was not sent */
	void (*done)(struct radius_call *c);
	struct radius *radius;
	struct letter letter;
};

int radius_new(const struct radius_hooks *hooks, struct radius **ret);
/* Calls that wait end as timed out, in here; then the thread ends. */
void radius_free(struct radius *r);
DEFINE_AUTO(radius, struct radius *, radius_free)
/* Takes a reference. Starts the thread. Always from one thread. */
int radius_configure(struct radius *r, struct radius_settings *s);
void radius_submit(struct radius *r, struct radius_call *c);
/* Those in force; for encode() and done(). */
const struct radius_settings *radius_call_settings(const struct radius_call *c);

struct radius_status {
	size_t n[RADIUS_SERVICES];
	struct radius_server_status server[RADIUS_SERVICES][RADIUS_SERVERS_MAX];
	unsigned waiting[RADIUS_SERVICES];
};
void radius_status(struct radius *r, struct radius_status *ret);
