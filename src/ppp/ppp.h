// SPDX-License-Identifier: Apache-2.0
/*
 * ppp/ppp.h — one whole PPP end, client or server: LCP, authentication, IPCP and IPv6CP (RFC 1661).
 *
 * Use:       ppp_new(); ppp_lower_up() when the layer below can carry frames; then ppp_recv(),
 *            ppp_tick() and, after each of them, ppp_next_event() and ppp_output() until they are
 *            empty. Data frames never come here: sort them out with ppp_frame_parse().
 * Ownership: the creator owns the end; everything in `struct ppp_opts` is copied. Pointers in an
 *            event live until the next call on the same end.
 * Units:     *_ms are monotonic milliseconds.
 * Threads:   an end belongs to one thread; nothing here locks.
 * Secrets:   ppp_free() wipes passwords, proofs and keys.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/auto.h"
#include "base/clock.h"
#include "base/credentials.h"
#include "base/rd.h"
#include "events/event.h"
#include "ppp/frame.h"
#include "ppp/limits.h"

enum ppp_role { PPP_CLIENT, PPP_SERVER };

struct eap_peer;
struct ppp;

struct ppp_opts {
	enum ppp_role role;
	uint16_t mru; /* what we can receive; 0: 1500, the protocol's default */
	/* Server: offered in this order. Client: accepted, the favourite first. At least one. */
	const enum auth_method *methods;
	size_t n_methods;
	const char *name;            /* server: its name in a CHAP Challenge; NULL: "culvert" */
	const char *user, *password; /* client */
	struct eap_peer *eap; /* client with AUTH_EAP: its methods; borrowed, outlives the end */
	bool lcp_only;   /* client without a user: closes with EV_LCP_AGREED once LCP is Opened */
	bool ipv4, ipv6; /* network protocols wanted */
	bool want_dns, want_nbns; /* client: ask for name servers */
	/* Client: what an earlier connection had, and this one asks for again; NULL or zeros: nothing. */
	struct addr want_address;
	uint8_t want_ifid[8];
	uint8_t random
		[64]; /* fresh for every end: magic numbers, challenges, interface ids come of it */
	/* Measured, of the exchange before PPP; 0: not. The first repetition comes sooner then. */
	uint64_t round_trip_ms;
	uint64_t
		first_request_wait_ms; /* server: silence before its first Configure-Request; see ppp.c */
};

enum ppp_event_type {
	PPP_AUTH_REQUEST, /* server: judge ev.proof; ppp_auth_verdict() or ppp_auth_challenge() */
	PPP_AUTHENTICATED, /* both: ev.hlak. Client: the server has proved itself, if the method can */
	PPP_IPV4_UP,       /* ev.addresses; may come again after PPP_IPV4_DOWN */
	/* ev.reason and ev.detail when it is over and the link goes on; then it may never have been up. */
	PPP_IPV4_DOWN,
	PPP_IPV6_UP, /* ev.addresses: the interface identifiers */
	PPP_IPV6_DOWN,
	PPP_IDENTIFICATION, /* ev.text: what the peer says of itself, or the time it has left */
	PPP_CLOSED, /* the last event: ev.reason, ev.detail; after it nothing is received or sent */
};

struct ppp_event {
	enum ppp_event_type type;
	const struct proof *proof; /* lives until the verdict */
	const uint8_t *hlak;       /* HLAK_LEN octets; zeros when the method yields no key */
	/* As negotiated and seen from here: local is our own address. Client: the name servers given. */
	const struct ppp_addresses *addresses;
	const char *text;
	enum event reason;
	const char *detail; /* more than the catalogue says, or "" */
};

/* -EINVAL: no method, an unknown one, or (client) no user, too long a one, EAP without methods; -ENOMEM. */
int ppp_new(const struct ppp_opts *opts, struct ppp **ret);
void ppp_free(struct ppp *p); /* NULL is fine; wipes */
DEFINE_AUTO(ppp, struct ppp *, ppp_free)

void ppp_lower_up(struct ppp *p, uint64_t now_ms);

/* A frame with a protocol from 0x8000 up, or of one this project does not know. */
void ppp_recv(struct ppp *p, struct rd frame, uint64_t now_ms);
/* The next whole frame to send, with FF 03; 0 when none. cap: PPP_FRAME_MAX or more. */
size_t ppp_output(struct ppp *p, uint8_t *frame, size_t cap);
bool ppp_next_event(struct ppp *p, struct ppp_event *ret);

/* Server: the answer to PPP_AUTH_REQUEST; copied. Ignored when no request is open. */
void ppp_auth_verdict(struct ppp *p, const struct verdict *verdict, uint64_t now_ms);
/* Server, EAP: the next Request instead, whole; copied. Another PPP_AUTH_REQUEST follows. */
void ppp_auth_challenge(struct ppp *p, const uint8_t *packet, size_t n, uint64_t now_ms);

/* IPCP (AF_INET) or IPv6CP (AF_INET6) is Opened, on an authenticated link. */
bool ppp_data_ok(const struct ppp *p, int family);
/* The longest payload the peer takes: 1500 until LCP agreed otherwise. */
uint16_t ppp_peer_mru(const struct ppp *p);

/* Ends the link with an LCP Terminate; PPP_CLOSED with `why` follows when the peer has
 * acknowledged, or has not within two restart timers. The first reason stands. */
void ppp_close(struct ppp *p, enum event why, uint64_t now_ms);

/* Why the link ends, as soon as that is decided and before PPP_CLOSED; EV_NONE: it does not end. */
enum event ppp_reason(const struct ppp *p, const char **ret_detail);

uint64_t ppp_deadline(const struct ppp *p);
void ppp_tick(struct ppp *p, uint64_t now_ms);
/* For status and traces: "Establish", "Authenticate", … (RFC 1661 3.2). */
const char *ppp_phase_name(const struct ppp *p);
/* The method that LCP agreed on, AUTH_NONE before. */
enum auth_method ppp_auth_method(const struct ppp *p);
