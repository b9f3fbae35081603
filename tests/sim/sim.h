/*
 * tests/sim/sim.h — client and server tunnels joined in memory on a simulated clock.
 *
 *     client ──octets──▶ server        real TLS, HTTP, SSTP and PPP on both ends;
 *     client ◀──octets── server        no socket, no thread, no real time
 *
 * The test may cut the stream into pieces of any size, stop it, or let time pass; what both ends
 * reported is kept for it to look at.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "tls/ctx.h"
#include "tls/engine.h"
#include "tunnel/tunnel.h"

#define SIM_LOGIN_MS 60000 /* that the server gives a client to log in */

struct sim_end {
	struct tunnel *tunnel;
	bool up4, up6, bound, ended;
	bool lane_up, lane_asked;
	unsigned auth_requests, steps;
	enum tunnel_binding binding; /* with bound */
	enum event binding_fault;
	enum event reason;
	char text[256];
	struct ppp_addresses addresses;
	unsigned packets;
	uint8_t last_packet[4096];
	size_t last_packet_len;
	struct buf wire; /* octets on their way to this end */
};

struct sim {
	uint64_t now_ms;
	struct sim_end client, server;
	struct tls_ctx *client_ctx, *server_ctx;
	size_t chunk;                  /* at most so many octets are delivered at once; 0: all */
	bool deaf_server, deaf_client; /* nothing arrives there */
	int http_status;
	uint64_t http_ms;     /* that the server takes for its answer */
	const char *password; /* that the server knows */
	enum auth_method method;
	bool hold_verdict; /* questions stay open */
	bool ipv6;
	bool bare_client, bare_server; /* the test plays this end itself, with the wires */
	bool no_lanes_client, no_lanes_server;
	bool binding_optional;
	bool other_certificate; /* the client's binding names another one, as behind a relay */
	const struct tunnel_ticket *lane;           /* the client is a lane, of ... */
	struct sim *call;                           /* ... this call, as the server knows */
	struct tunnel_tap *tap_client, *tap_server; /* tunnel/tap.h; NULL: off */
	uint8_t peer_last;                          /* last octet of the client's address */
	uint8_t scratch[TUNNEL_SCRATCH_LEN];
};

/* Group set-up and tear-down of cmocka: TLS contexts with a fresh certificate, for all sims. */
int sim_make_contexts(void **state);
int sim_drop_contexts(void **state);
/* Zeroed: the test sets what it wants to be different, then calls sim_init(). */
struct sim *sim_new(void);
void sim_free(struct sim *s);
/* Both ends go, at any time; sim_init() makes others, later on the same clock. */
void sim_drop(struct sim *s);
/* Makes both ends; `password` is the client's. */
void sim_init(struct sim *s, const char *password);
/* Delivers until neither end has octets to send. Returns octets moved. */
size_t sim_run(struct sim *s);
/* One piece each way; false when nothing moved. */
bool sim_step(struct sim *s);
/* Lets time pass, waking both ends at their deadlines, delivering what they say. */
void sim_advance_ms(struct sim *s, uint64_t ms);
/* Sends an IPv4 packet of n octets from one end. */
int sim_send_ip(struct sim *s, struct sim_end *from, size_t n);
