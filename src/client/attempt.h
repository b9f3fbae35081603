// SPDX-License-Identifier: Apache-2.0
/*
 * client/attempt.h — one connection to the server: its name, TCP, the proxy's conversation, then the
 * link over it. The client's main connection, each time, and its lane are one each.
 *
 * The struct is shown because it stands in its owner's, which it is found by.
 *
 * Ownership: options are borrowed. The descriptor is the attempt's until attempt_link() took it.
 * Threads:   the loop's; what waits (names, connecting) is done by one of libuv's.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "base/addr.h"
#include "events/event.h"
#include "os/dial.h"
#include "os/lookup.h"

struct client_opts;
struct client_server;
struct link;
struct link_ops;
struct port;
struct tunnel_opts;

struct attempt {
	/* The owner's: */
	const struct client_opts *client;
	const struct client_server *server;
	struct endpoint to; /* the server or the proxy; AF_UNSPEC: looked up by name */
	uint32_t mark;      /* of every socket (client/policy.h); 0: none */
	struct addr dns[LOOKUP_SERVERS_MAX]; /* asked in the place of the system's resolver; */
	size_t n_dns;                        /* ... 0: the system's */
	void (*done)(struct attempt *a);
	/* What it came to, when done() is called: */
	enum event event; /* EV_NONE: connected */
	char text[400];
	struct endpoint peer, local;
	const char *scheme; /* the login at the proxy, or "" */
	uint64_t us;
	size_t n_silent; /* addresses that failed before that one answered */
	/* Its own: */
	struct endpoint
		known[DIAL_ADDRESSES_MAX]; /* the last answer of the DNS, for when there is none */
	const struct client_server *known_of;
	size_t n_known;
	int fd, stop;
	uv_work_t work;
};

int attempt_init(
	struct attempt *a, const struct client_opts *client, void (*done)(struct attempt *a));
void attempt_done(struct attempt *a); /* not while it runs; NULL-free, may be called twice */
int attempt_begin(struct attempt *a, uv_loop_t *loop);
void attempt_stop(struct attempt *a); /* done() follows at once, with an event */
/*
 * A tunnel of `opts` and a link over the connection, which the link owns then. What any client's end
 * is made of is filled in here (tunnel_client_opts()). Negative errno: nothing was made.
 */
int attempt_link(struct attempt *a, struct tunnel_opts *opts, struct port *port, struct link *ret,
	const struct link_ops *ops);
