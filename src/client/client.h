// SPDX-License-Identifier: Apache-2.0
/*
 * client/client.h — `culvert connect`: a tunnel to an SSTP server, again and again while it is wanted,
 * with one interface, routes, DNS.
 *
 * Ownership: options are borrowed for the call. Everything that was set up is undone on return.
 * Threads:   runs its own loop on the caller's thread until the user ends it, or it ends for what
 *            another attempt does not cure (client/machine.h); SIGINT and SIGTERM end it politely.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "client/options.h"
#include "events/event.h"

/* Returns EV_NONE when the user ended it, else the failure, with `detail`. */
enum event client_run(const struct client_opts *opts, char *detail, size_t detail_cap);

enum client_phase {
	CLIENT_DIALS, /* name and TCP connection */
	CLIENT_CALLS, /* TLS, HTTP, SSTP, PPP */
	CLIENT_UP,
	CLIENT_WAITS, /* for the next attempt */
	CLIENT_ENDS,
};

/* Pointers live until the loop goes on. */
struct client_status {
	enum client_phase phase;
	int64_t since_s;  /* 1970; up since, or not up since */
	const char *host; /* of this connection, or of the one before */
	uint16_t port;
	const struct client_facts *facts; /* own4 AF_UNSPEC: it was never up */
	uint64_t rx_octets, tx_octets;    /* of IP packets, over all connections */
	enum event lost; /* why there is, or was last, no connection; EV_NONE: it was never lost */
	const char *lost_text;
	uint64_t wait_ms; /* CLIENT_WAITS: until the next attempt */
	struct client_known known;
};

/* For the owner of the client, in its loop (client_opts.on_begin). */
void client_status(const struct client *c, struct client_status *ret);
void client_stop(struct client *c); /* as SIGTERM does */
