// SPDX-License-Identifier: Apache-2.0
/*
 * client/lane.h — the client's end of lanes: opens the second connection of a session when a
 * transfer would hold up others (datapath/pair.h), and again, later, when it was lost.
 *
 * A failure here never ends the session: it is logged once, with -v, and the client tries again later.
 *
 * Ownership: what the options point to outlives the lane. client_lane_free() after the loop ran dry.
 * Threads:   the client's; connecting, which may block, is done by one of libuv's.
 */
#pragma once
#include "base/addr.h"
#include "base/auto.h"

struct attempt;
struct client_lane;
struct client_opts;
struct link;
struct tls_ctx;

struct client_lane_opts {
	const struct client_opts *client;
	struct tls_ctx *tls;
	struct link *main;
	/* Where the main connection goes: the server or the proxy, its name, the mark of its socket. */
	const struct attempt *way;
	void (*tell)(const struct client_opts *o, const char *step, const char *text);
};

int client_lane_new(const struct client_lane_opts *opts, struct client_lane **ret);
void client_lane_free(struct client_lane *l); /* NULL is fine */
DEFINE_AUTO(client_lane, struct client_lane *, client_lane_free)

/* link_ops.want_lane of the first connection. */
void client_lane_want(struct client_lane *l);
/* The main connection is over: so is the lane. Another main connection may want one again. */
void client_lane_drop(struct client_lane *l);
/* There is no other; the loop runs dry when what is under way is over. */
void client_lane_end(struct client_lane *l);
