// SPDX-License-Identifier: Apache-2.0
/*
 * server/session/session.h — one client's stay, from the accepted connection to the last octet.
 *
 * Threads: a session belongs to its worker; all functions run there.
 */
#pragma once
#include <stdbool.h>

#include "base/addr.h"
#include "events/event.h"

struct arrival;
struct grant_values;
struct ip_packet;
struct link;
struct vnet_hdr;
struct session;
struct site;

/* What the control thread sees of a session; a copy. */
struct session_info {
	uint64_t id;
	char user[256], peer[ENDPOINT_TEXT_LEN], address[ADDR_TEXT_LEN], tls[96];
	const char *phase;
	unsigned worker;
	int64_t since; /* seconds since 1970 */
	uint64_t rx_octets, tx_octets, rx_packets, tx_packets;
	bool lane;          /* it has one */
	char networks[400]; /* behind it and delegated, with blanks, as far as there is room */
	/* Of the certificate by which the user came in; "": by a password. */
	char thumbprint[41], serial[64], authority[64];
	int64_t cert_ends;
};

/* Takes the connection over. Negative errno (a->fd still the caller's) when it cannot. */
int session_open(struct site *site, const struct arrival *a);
void session_close_all(struct site *site, enum event why);
/* Router advertisements that are due. */
void onlink_advertise_all(struct site *site);
/* Where a packet for the session goes; NULL: that family is down, or it may not have this one. */
struct link *session_link_for(struct session *s, const uint8_t *octets, const struct ip_packet *ip);
/* A packet that another worker read from its TUN queue; copied. */
void session_route_packet(
	struct site *site, const struct vnet_hdr *vnet, const uint8_t *octets, size_t n);
void session_info(const struct session *s, struct session_info *ret);
struct session *session_next(const struct session *s);
/* Ends it politely; it is gone later. */
void session_end(struct session *s, enum event why);
/* Does the snapshot's authority still let its certificate in? True: no, and it ends. */
bool session_recheck(struct session *s);
/* Once a second: ends those that reached a limit of their grant. */
void session_tick_all(struct site *site);
/* Once a second: networks that another session had are asked for again. */
void networks_tick_all(struct site *site);
/* The user or one of its groups changed: the session reads its grant again. */
void session_regrant(struct session *s);
/* Once a second: those that could not be asked for. */
void regrants_go_on(struct site *site);
/* A reload: filters are others now. */
void session_renew_all(struct site *site);
/* It makes room for a later login of its user. */
void session_replace(struct site *site, uint64_t session);
/* A RADIUS server grants these values from now on (CoA); lists replace those before. */
void session_change(struct session *s, const struct grant_values *values);
/* The user's date is another one now; one that has passed ends the session. */
void session_set_expiry(struct session *s, int64_t expires_at);
/* Another login wants what this session of the worker holds: it shows a sign of life, or ends. */
void session_probe(struct site *site, uint64_t session);
/* Its client has logged in over another connection: this one ends at once, and what it holds is free. */
void session_supersede(struct site *site, uint64_t session);
