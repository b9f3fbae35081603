// SPDX-License-Identifier: Apache-2.0
/*
 * server/core/site.h — what every room of a worker's thread sees of it: loop, port, mailbox, snapshot,
 * counters, the heads of the lists that its rooms keep. A worker embeds one (server/worker/worker.h) and
 * fills in the two hooks, so no room calls the worker.
 *
 * The struct is open: it has a field for each room, and packets are counted in it.
 *
 * Ownership: the worker's. A list belongs to the room whose struct it names.
 * Threads:   the worker's; any thread may post to the mailbox and read the atomics.
 */
#pragma once
#include <stdatomic.h>
#include <stdbool.h>
#include <uv.h>

#include "base/addr.h"
#include "base/mailbox.h"
#include "datapath/port.h"

struct context;
struct door;
struct proxy_header;
struct question;
struct session;
struct session_lane;
struct snapshot;

enum login_result {
	LOGIN_ACCEPTED,
	LOGIN_REJECTED,
	LOGIN_DISABLED,
	LOGIN_EXPIRED,
	LOGIN_NO_ADDRESS,
	LOGIN_NO_PLACE,
	LOGIN_RESULTS,
};

#define HANDSHAKE_BUCKETS 8
extern const unsigned handshake_bucket_ms[HANDSHAKE_BUCKETS]; /* upper ends */

struct arrival { /* an accepted connection */
	int fd;
	struct endpoint peer;
	bool clear; /* without TLS: a balancer has ended it */
};

struct site {
	struct context *context;
	struct snapshot *snapshot; /* a reference of its own */
	unsigned index;
	bool stopping;
	/* A connection may become a session; the hook takes it over, or closes it. */
	void (*enter)(struct site *site, const struct arrival *a);
	/* A session, lane or connection went: a stopping worker may end its loop. */
	void (*leave)(struct site *site);
	uv_loop_t loop;
	struct port port;
	struct mailbox mailbox;
	struct proxy_header *proxy_headers; /* of a balancer's connections, before their header */
	struct door *doors;                 /* of connections before their login */
	struct session *sessions;           /* all, doubly linked */
	struct session_lane *lanes;         /* second connections of these */
	struct question *held, **held_tail; /* proofs that wait to be judged */
	_Alignas(64) _Atomic unsigned n_connections; /* open, in any phase */
	_Atomic unsigned n_handshakes;               /* of these, before authentication */
	_Atomic unsigned n_up;                       /* of these, with data flowing */
	_Atomic uint64_t ring_sent, ring_dropped;
	_Atomic uint64_t logins[LOGIN_RESULTS];
	_Atomic uint64_t handshakes[HANDSHAKE_BUCKETS + 1]; /* by the time they took */
	_Atomic uint64_t handshake_ms;                      /* all of them together */
};

/* No more sessions than configured, and the server is not being emptied. */
bool site_accepting(const struct site *site);
/* Any thread: new sessions are made with this. Takes a reference. */
int site_post_snapshot(struct site *site, struct snapshot *snapshot);
