// SPDX-License-Identifier: Apache-2.0
/*
 * server/core/site.h — what every room of a worker's thread sees of it: loop, port, mailbox, snapshot,
 * counters, the heads of the lists that its rooms keep. A worker embeds one (server/worker/worker.h) and
 * fills in the hooks, so no room calls the worker.
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

/* Rows of counters.def that are of no use at a place. */
#define COUNTER_IGNORE(...)

#define GAUGE COUNTER_IGNORE
#define COUNTER COUNTER_IGNORE
#define SITE_COUNTER COUNTER_IGNORE
enum login_result {
#define LOGIN(result, label) LOGIN_##result,
#include "server/core/counters.def"
#undef LOGIN
	LOGIN_RESULTS,
};
#undef GAUGE
#undef COUNTER
#undef SITE_COUNTER

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
	/* A reload: sessions that are up take over what takes effect at once. */
	void (*renewed)(struct site *site);
	/* A session, lane or connection went: a stopping worker may end its loop. */
	void (*leave)(struct site *site);
	uv_loop_t loop;
	struct port port;
	struct mailbox mailbox;
	struct proxy_header *proxy_headers; /* of a balancer's connections, before their header */
	struct door *doors;                 /* of connections before their login */
	struct session *sessions;           /* all, doubly linked */
	unsigned with_networks;             /* of these, with networks that they have or wait for */
	struct session_lane *lanes;         /* second connections of these */
	struct session *regrants;           /* that wait to read their grant again */
	unsigned regrants_asked;            /* of these under way */
	struct question *held, **held_tail; /* proofs that wait to be judged */
	struct { /* what other threads read is on cache lines of its own */
#define GAUGE(field, ...) _Atomic unsigned field;
#define LOGIN COUNTER_IGNORE
#define COUNTER COUNTER_IGNORE
#define SITE_COUNTER(field, ...) _Atomic uint64_t field;
#include "server/core/counters.def"
#undef GAUGE
#undef LOGIN
#undef COUNTER
#undef SITE_COUNTER
		_Atomic uint64_t logins[LOGIN_RESULTS];
		_Atomic uint64_t handshakes[HANDSHAKE_BUCKETS + 1]; /* by the time they took */
		_Atomic uint64_t handshake_ms;                      /* all of them together */
	} __attribute__((aligned(64)));
};

/* Sums over the sites of a server: connections in any phase; of these, not logged in yet; with data
 * flowing. */
unsigned sites_connections(const struct context *c);
unsigned sites_handshakes(const struct context *c);
unsigned sites_up(const struct context *c);
/* No more sessions than configured, and the server is not being emptied. */
bool site_accepting(const struct site *site);
/* Any thread: new sessions are made with this. Takes a reference. */
int site_post_snapshot(struct site *site, struct snapshot *snapshot);
