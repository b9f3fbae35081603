// SPDX-License-Identifier: Apache-2.0
/*
 * client/private.h — the client's own struct, and what its files ask of each other: client.c (the
 * loop, from the start to the end) → orders.c (carries out what machine.c orders) → network.c (what
 * comes up, what passes).
 */
#pragma once
#include <uv.h>

#include "client/asker.h"
#include "client/attempt.h"
#include "client/machine.h"
#include "client/options.h"
#include "client/setup.h"
#include "client/watch.h"
#include "datapath/link.h"

struct client_lane;
struct tls_ctx;

struct client {
	const struct client_opts *opts;
	struct link link;
	bool link_open;
	struct port port;
	uv_loop_t loop;
	uv_timer_t timer; /* the machine's deadline */
	uv_timer_t lifetimes;
	struct asker asker; /* for routes, name servers and domains */
	struct client_watch watch;
	struct tun *tun;
	struct client_facts facts, told_facts; /* for opts->on_up */
	struct client_setup *setup;
	struct client_lane *lane; /* NULL: none is wanted */
	struct attempt attempt;
	struct addr own4;         /* of the tunnel, or of the one before it */
	uint8_t ifid[8];          /* as negotiated last; zeros: never */
	uint8_t correlation[16];  /* of all its connections: a server knows the later one by it */
	struct client_way up_way; /* to the server, and our address on it, when it was up last */
	struct addr up_local;
	bool way_is_new; /* found while an attempt ended: to be looked at as a change */
	enum event told; /* why there is no connection, as it was said last */
	struct machine machine;
	struct tls_ctx *tls;
	unsigned phase;  /* enum client_phase, as opts->on_change() saw it */
	int64_t since_s; /* up, or not up */
};

/* ---- status.c ---- */

/* Calls the owner when the phase is another one. */
void client_look_at_phase(struct client *c);

/* ---- orders.c ---- */

/* What the machine orders, until it orders nothing more; then its deadline. */
void client_carry_out(struct client *c);
/* Of struct attempt: the connection is made, or not. */
void client_on_attempt(struct attempt *a);
/* Before there is anything to order. Returns why. */
enum event client_fail(struct client *c, enum event why, const char *text);

/* ---- network.c ---- */

/* A step of the connection, for a user who wants to see each (-v). */
void client_tell(const struct client_opts *o, const char *step, const char *text);
void client_say(const struct client *c, const char *step, const char *text);
/* A family is up: addresses, routes, resolver; the machine learns what came of it. */
void network_up(struct client *c, const struct tunnel_event *ev);
/* Without a reason the end follows, or the family comes up again. */
void network_down(struct client *c, const struct tunnel_event *ev);
/*
 * Of struct link_ops. Neighbour discovery is answered here and not by the kernel, whatever its
 * accept_ra says.
 */
void network_intercept(
	struct link *l, enum guard_verdict kind, const uint8_t *octets, const struct ip_packet *ip);
/* Any source; but what is for a DHCP client is the asker's. */
bool network_accept_source(struct link *l, const uint8_t *octets, const struct ip_packet *ip);
/* Of struct asker: what the server pushes; NULL: it does not answer. */
void network_pushed(struct asker *a, const struct dhcp_ack *ack);
/* Of struct port_ops. */
struct link *network_route(struct port *p, const struct vnet_hdr *vnet, const uint8_t *octets,
	const struct ip_packet *ip);
