// SPDX-License-Identifier: Apache-2.0
/*
 * server/control/control.h — the control thread: signals, the control socket and its commands, reload,
 * draining, expiry of certificates. It touches no packet and no session: it reads counters that
 * workers publish, and asks them by letter (server/control/broadcast.h).
 *
 * Threads: the control thread.
 */
#pragma once
#include <jansson.h>
#include <uv.h>

#include "admin/control.h"
#include "base/mailbox.h"
#include "config/config.h"
#include "server/host/certificates.h"
#include "server/control/drain.h"
#include "server/control/cert_watch.h"
#include "server/control/watchdog.h"

struct accounting;
struct dynauth;
struct context;
struct eap_anchors;
struct host;
struct metrics;
struct worker;

/* Reads the configuration again, with what the command line added. */
typedef int control_reread(void *arg, struct config **ret, struct config_error *ret_err);

struct control {
	struct context *context;
	struct host *host;
	struct accounting *accounting;
	struct dynauth *dynauth; /* NULL: not served */
	struct worker *workers;
	control_reread *reread; /* NULL: there is nothing to read again */
	void *reread_arg;
	uv_loop_t loop;
	uv_signal_t sigterm, sigint, sigquit, sighup;
	uv_poll_t mailbox_poll;
	uv_timer_t ipv6_timer;
	uv_timer_t routes_timer;        /* routes.c */
	struct letter networks_changed; /* some session's */
	bool routes_follow;
	uv_timer_t second;  /* accounting: what failed is tried again; at the end: is it done? */
	unsigned flushed_s; /* how long the end has waited for it */
	uv_timer_t hourly;  /* looks after the certificates' end */
	struct admin *admin;
	struct certificate_terms terms;
	struct drain drain;
	struct watch watch;
	struct watchdog watchdog;
	struct metrics *metrics;      /* NULL: not served */
	struct departure *departures; /* one for each worker */
	unsigned n_running;           /* workers that are not gone */
	bool stopping;
};

/* Starts the workers, serves until a signal ends it and the last worker is gone; returns the exit code. */
int control_run(struct control *c);
/* When the control mailbox has been delivered for the last time. */
void control_done(struct control *c);

/* commands.c: one request from the control socket. */
void commands_run(void *arg, const json_t *request, struct admin_reply *reply);

/*
 * reload.c: reads everything again. On success *ret lists the changes (a new reference); otherwise
 * nothing has changed, and `why` has the error, with file and line. `dry`: only lists.
 */
int reload_all(struct control *c, bool dry, json_t **ret, char *why, size_t why_cap);
/* Only the certificates, with the configuration that is in force. */
int reload_certificates(struct control *c);
/* Only the authorities for users' certificates (NULL: none). */
int reload_anchors(struct control *c, struct eap_anchors *anchors, struct tls_failure *ret_failure);

/*
 * authorities.c: reads the authorities for users' certificates again, and ends the sessions whose
 * certificate they do not let in any more. `reply` (NULL: none) is answered later, once.
 */
void authorities_refresh(struct control *c, struct admin_reply *reply);

/* routes.c: the kernel's routes to networks of sessions. -ENOMEM. Before the workers start. */
int routes_prepare(struct control *c);
void routes_begin(struct control *c);
void routes_end(struct control *c);
/* Routes of sessions that ended are gone when this returns; those of the pools are announced, or not. */
void routes_announce(struct control *c, bool pools);

/* event_feed.c: events to those who follow them. */
void event_feed_begin(struct control *c);
void event_feed_end(void);
