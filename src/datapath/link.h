// SPDX-License-Identifier: Apache-2.0
/*
 * datapath/link.h — one tunnel with its socket, egress queue and timer, on a port.
 *
 * The link moves octets between socket, tunnel and TUN and reports events to its owner by
 * callback; packets do not come up to the owner. It is embedded in the owner's struct (a session
 * of the server, the client).
 *
 * Life: link_start() → callbacks → TUNNEL_ENDED is delivered → the link flushes what is left,
 *       closes the socket → ops->closed(): the owner frees. link_close() asks for the end.
 * Threads: the port's.
 */
#pragma once
#include "datapath/link_state.h"

/* What the port calls: for port_init(). */
extern const struct port_calls link_calls;

/* Takes over fd (connected, non-blocking) and tunnel. */
int link_init(
	struct link *l, struct port *p, int fd, struct tunnel *tunnel, const struct link_ops *ops);
/*
 * TCP's congestion control is ours to choose from now on. On a socket that has asked for its
 * connection: a route with `congctl` decides at that moment, whatever was set before.
 */
void link_choose_congestion(struct link *l);
/* Begins to read; the client's first octets leave. */
void link_start(struct link *l);
/* After a call on l->tunnel from outside a callback (a verdict): events, output, timer. */
void link_kick(struct link *l);
/*
 * Gives socket and tunnel back to the owner when the pull under way is over, and nothing that came
 * is left: for another port to go on with, or this one (link_init()). ops->closed() follows.
 */
void link_detach(struct link *l);
/* Ends the tunnel politely. */
void link_close(struct link *l, enum event why);
/* Ends it without a word: for a thread that must go now. */
void link_abort(struct link *l);
/* Sends a packet as if it had come from the port's TUN queue; copies it. */
void link_send_copy(struct link *l, const struct vnet_hdr *vnet, const void *octets, size_t n);
/*
 * A lane is not needed any more, or another takes its place: what waits there goes to the main link,
 * what the peer has sent is still taken in, then it ends. There is one such lane: an older one ends now.
 */
void link_retire(struct link *lane, enum event why);
