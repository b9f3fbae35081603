// SPDX-License-Identifier: Apache-2.0
/*
 * aaa/radius/peer_state.h — the inside of a peer, for flight.c (where a request is in flight),
 * peer.c (what goes out and comes in) and servers.c (which servers there are).
 *
 * Ownership: a request in a line or in flight is the peer's; lines never hold one twice.
 * Units:     *_ms are monotonic milliseconds.
 */
#pragma once
#include "aaa/radius/peer.h"
#include "base/clock.h"

#define RADIUS_IDENTIFIERS 256

struct radius_port {
	struct radius_request *by_id[RADIUS_IDENTIFIERS];
	uint64_t rests_ms[RADIUS_IDENTIFIERS];
	unsigned next, used;
};

struct radius_server {
	struct radius_server_opts is;
	struct radius_server_status stats; /* dead, sealed and the counters */
	struct radius_port *port[RADIUS_PORTS_MAX];
	uint64_t dead_until_ms, heard_ms, probe_ms;
	unsigned reported; /* bits: distrust that news reported of */
	bool probing;
	struct radius_request probe;
};

struct radius_turn {
	struct radius_request *head, **tail;
};

struct radius_peer {
	struct radius_peer_opts opts;
	struct radius_server *server[RADIUS_SERVERS_MAX];
	struct radius_turn turn[RADIUS_TURNS],
		again; /* again: for another server, before all others */
	unsigned next_turn, waiting;
	unsigned n_due, scan; /* to be sent again; where output() looks on */
	uint64_t wake_ms;
	struct radius_turn done;
	struct radius_news news[4 * RADIUS_SERVERS_MAX];
	size_t n_news;
};

void radius_turn_init(struct radius_turn *t);
void radius_turn_add(struct radius_turn *t, struct radius_request *r);
struct radius_request *radius_turn_take(struct radius_turn *t); /* NULL: empty */

/* The peer's deadline is `ms` or sooner. */
void radius_wake_at(struct radius_peer *p, uint64_t ms);
/* News of a server for the peer's owner. */
void radius_tell(
	struct radius_peer *p, size_t server, enum radius_change change, enum radius_trust why);
/* The request is over: its sender takes it, or a probe is the server's again. */
void radius_finish(struct radius_peer *p, struct radius_request *r, enum radius_outcome outcome);

/* On the first port that has one; another port when none has. -EBUSY, -ENOMEM. */
int radius_take_identifier(struct radius_server *s, struct radius_request *r, uint64_t now_ms);
/* Until rests_ms no other request gets it. */
void radius_give_identifier_back(
	struct radius_peer *p, struct radius_request *r, uint64_t rests_ms);
/*
 * NULL: none that was not asked. When all are dead, a request that asked no server yet goes to one
 * of them.
 */
struct radius_server *radius_choose(
	struct radius_peer *p, const struct radius_request *r, uint64_t now_ms, size_t *ret_at);
