// SPDX-License-Identifier: Apache-2.0
/*
 * aaa/radius/peer.h — the client's side of RADIUS for one service (authentication or accounting):
 * which server gets a request, when it is sent again, when another server is asked. No I/O, no
 * clock.
 *
 *     radius_peer_submit(p, &request, now)        -EAGAIN: too many wait
 *     while (radius_peer_output(p, now, &out))    datagrams to send now: server, source port, octets
 *     radius_peer_recv(p, server, port, octets, n, now)
 *     while ((r = radius_peer_done(p)))           requests that are over: r->outcome, r->reply
 *     radius_peer_deadline(p), radius_peer_tick(p, now)
 *
 * - A request is sent again with the same identifier, authenticator and octets (RFC 5080 section
 *   2.2.1): after 2 s, then twice as long each time, 16 s at most, ± 10 %. After the server's
 *   time-out the next server is asked.
 * - A server that lets a request time out, and has said nothing since that was sent, is dead for a
 *   while. A dead server is probed by Status-Server (RFC 5997). When the pause is over one real
 *   request may try it too, since some servers do not answer probes.
 * - Each source port has 256 identifiers. One whose request timed out rests: a late answer meets no
 *   other request. Ports are added as requests in flight need them.
 * - What waits is served in turns by source, so that a flood from one does not hold up the others.
 *
 * Ownership: a submitted request belongs to the peer until radius_peer_done() returns it.
 * Units:     *_ms are monotonic milliseconds.
 * Threads:   one.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "aaa/radius/codec.h"

#define RADIUS_SERVERS_MAX 8
#define RADIUS_PORTS_MAX 16 /* source ports for one server */
#define RADIUS_QUEUE_MAX 8192
#define RADIUS_TURNS 256 /* sources are reported apart by so many */
#define RADIUS_FIRST_RESEND_MS 2000
#define RADIUS_LAST_RESEND_MS 16000
#define RADIUS_REST_MS 30000
#define RADIUS_WAIT_MS 20000 /* in the queue */
#define RADIUS_PROBE_MS 5000 /* between probes of a dead server */
#define RADIUS_ANY_SERVER (-1)

struct radius_peer;

enum radius_outcome {
	RADIUS_ANSWERED,
	RADIUS_TIMED_OUT,
	RADIUS_NO_SERVER, /* none is configured */
	RADIUS_UNENCODABLE,
};

/* A sender's; embedded in what it is about. */
struct radius_request {
	/* The sender's. */
	uint8_t code;
	bool sealed;   /* with a Message-Authenticator */
	int server;    /* the only one that may be asked (State); RADIUS_ANY_SERVER */
	unsigned turn; /* a hash of its source */
	/* Adds the attributes, for that secret; called again for another server or identifier. */
	void (*encode)(struct radius_request *r, struct radius_builder *b,
		const struct radius_secret *secret, const uint8_t *authenticator, uint64_t now_ms);
	/* When it is over. */
	enum radius_outcome outcome;
	struct radius_packet reply; /* trusted; in the octets that were received */
	bool distrusted;            /* timed out, but there were answers: */
	enum radius_trust why;      /* why the last of them was dropped */
	/* The peer's. */
	struct radius_request *next;
	uint64_t submitted_ms, sent_ms, resend_ms, give_up_ms, interval_ms;
	unsigned asked; /* bits: servers that were asked already */
	uint8_t at, port, identifier;
	bool due, probe, rekeyed;
	struct radius_secret secret; /* that the octets were made with */
	uint8_t authenticator
		[RADIUS_AUTHENTICATOR_LEN]; /* as sent: answers and keys depend on it */
	size_t len;
	uint8_t packet[RADIUS_PACKET_MAX];
};

struct radius_server_opts {
	char name[64]; /* for people: "192.0.2.9:1812" */
	struct radius_secret secret;
	unsigned weight;   /* share of the load; 0: a backup, asked when no other is alive */
	bool require_seal; /* of answers */
	bool learn_seal;   /* once seen, required from then on */
};

struct radius_peer_opts {
	size_t n_servers;
	struct radius_server_opts server[RADIUS_SERVERS_MAX];
	bool in_order; /* the first that is alive, whatever their weights */
	uint64_t timeout_ms, dead_ms;
	unsigned in_flight; /* at one server at one time */
};

struct radius_server_status {
	char name[64];
	bool dead, sealed; /* sealed: its answers have had a Message-Authenticator */
	unsigned in_flight, ports;
	uint64_t round_trip_us; /* smoothed; 0: not known */
	uint64_t sent, resent, answered, timed_out, probes, late;
	uint64_t dropped[RADIUS_TRUSTS];
};

int radius_peer_new(const struct radius_peer_opts *opts, struct radius_peer **ret);
void radius_peer_free(struct radius_peer *p); /* nothing is in flight or waits */
/*
 * Other servers, secrets, times. What is in flight to a server that stays goes on; with a new
 * secret it is sent as a new request when it is due; to one that goes, it is asked elsewhere.
 * Servers are the same by name.
 */
void radius_peer_configure(
	struct radius_peer *p, const struct radius_peer_opts *opts, uint64_t now_ms);

int radius_peer_submit(struct radius_peer *p, struct radius_request *r, uint64_t now_ms);
/* A datagram from server `server` (its address was checked) to our source port `port`. */
void radius_peer_recv(struct radius_peer *p, size_t server, unsigned port, const void *octets,
	size_t n, uint64_t now_ms);
struct radius_send {
	size_t server;
	unsigned port;
	const uint8_t *octets; /* until the next call of the peer */
	size_t len;
};
bool radius_peer_output(struct radius_peer *p, uint64_t now_ms, struct radius_send *ret);
struct radius_request *radius_peer_done(struct radius_peer *p); /* NULL: no more */
uint64_t radius_peer_deadline(const struct radius_peer *p);     /* UINT64_MAX: never */
void radius_peer_tick(struct radius_peer *p, uint64_t now_ms);
/* The index of a server by its name; RADIUS_ANY_SERVER: it is gone. */
int radius_peer_server(const struct radius_peer *p, const char *name);
/* All that waits or is in flight is over, with RADIUS_TIMED_OUT. */
void radius_peer_abandon(struct radius_peer *p);

/* What changed of a server; pulled after recv and tick. */
enum radius_change {
	RADIUS_SERVER_DEAD,
	RADIUS_SERVER_ALIVE,
	RADIUS_SERVER_SEALED,
	RADIUS_SERVER_DISTRUSTED
};
struct radius_news {
	size_t server;
	enum radius_change change;
	enum radius_trust why;
};
bool radius_peer_news(struct radius_peer *p, struct radius_news *ret);
void radius_peer_status(
	const struct radius_peer *p, size_t server, struct radius_server_status *ret);
unsigned radius_peer_waiting(const struct radius_peer *p);
