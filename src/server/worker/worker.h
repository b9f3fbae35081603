/*
 * server/worker/worker.h — one thread of the server: loop, listening sockets, TUN queue, sessions.
 *
 * A tunnel belongs to one worker from its first octet to its close. An accepted connection goes to
 * the worker with the fewest connections before that (a letter with the descriptor).
 *
 * Threads: worker_start(), _ask_to_stop() and _join() from the control thread; worker_post_*() from
 *          any; the atomics may be read by any; all else belongs to the worker.
 */
#pragma once
#include <pthread.h>
#include <stdatomic.h>
#include <uv.h>

#include "base/mailbox.h"
#include "datapath/port.h"
#include "server/worker/ring.h"

struct door;
struct doorstep;
struct live;
struct question;
struct server;
struct session;
struct session_lane;

#define LISTENERS_MAX 16

struct listener {
	uv_poll_t poll;
	struct worker *worker;
	int fd;
	bool clear; /* without TLS: for a balancer */
};

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

struct worker {
	struct server *server;
	struct live *live; /* a reference of its own */
	unsigned index;
	pthread_t thread;
	bool running;
	uv_loop_t loop;
	struct port port;
	struct mailbox mailbox;
	uv_poll_t mailbox_poll;
	uv_check_t turn; /* once a loop turn: handshakes, within their cap */
	uv_timer_t housekeeping;
	uv_timer_t accept_again; /* runs while the listeners pause */
	uv_idle_t turn_again;    /* keeps the loop turning while handshakes wait */
	struct listener listeners[LISTENERS_MAX];
	unsigned n_listeners;
	struct doorstep *doorsteps;         /* of a balancer, before their header */
	struct session *sessions;           /* all, doubly linked */
	struct session_lane *lanes;         /* second connections of these */
	struct door *doors;                 /* of connections before their login */
	struct question *held, **held_tail; /* proofs that wait to be judged */
	struct ring *rings;                 /* [from worker], packets for sessions of this one */
	_Atomic bool ring_rung;             /* a wake-up is under way */
	struct letter ring_letter;
	struct letter stop_order;
	bool stopping;
	_Alignas(64) _Atomic unsigned n_connections; /* open, in any phase */
	_Atomic unsigned n_handshakes;               /* of these, before authentication */
	_Atomic unsigned n_up;                       /* of these, with data flowing */
	_Atomic uint64_t ring_sent, ring_dropped;
	_Atomic uint64_t logins[LOGIN_RESULTS];
	_Atomic uint64_t handshakes[HANDSHAKE_BUCKETS + 1]; /* by the time they took */
	_Atomic uint64_t handshake_ms;                      /* all of them together */
};

int worker_init(
	struct worker *w, struct server *s, unsigned index, int tun_fd, enum coalesce_kinds joins);
int worker_add_listener(struct worker *w, int fd, bool clear);
int worker_start(struct worker *w);
/*
 * Closes its sessions politely; the thread ends with the last of them. All workers are asked before
 * the first is joined: a client that does not answer costs its time once, not once a worker.
 */
void worker_ask_to_stop(struct worker *w);
void worker_join(struct worker *w);
void worker_done(struct worker *w);
/* Any thread: new sessions are made with this. Takes a reference. */
int worker_post_live(struct worker *w, struct live *live);
/* The last session went: a stopping worker may end its loop. */
void worker_maybe_finish(struct worker *w);
