// SPDX-License-Identifier: Apache-2.0
/*
 * tunnel/private.h — the tunnel's own struct, and what the files that carry it through its phases
 * need from each other: stack.c (the pull, the call, time), opening.c (TLS and HTTP), ending.c,
 * lane_phase.c.
 */
#pragma once
#include "base/crypto.h"
#include "http/client.h"
#include "http/server.h"
#include "ppp/ppp.h"
#include "sstp/call.h"
#include "sstp/limits.h"
#include "tunnel/lane.h"
#include "tunnel/outer.h"
#include "tunnel/tunnel.h"

#define LANE_REFUSED_STATUS 404 /* as for any unknown path */

enum phase { PHASE_TLS, PHASE_HTTP, PHASE_CALL, PHASE_LANE_ASKED, PHASE_LANE, PHASE_ENDED };

struct tunnel {
	enum tunnel_role role;
	enum phase phase;
	struct outer outer;
	struct http_server *http_server;
	struct http_client *http_client;
	struct sstp_call *call;
	struct ppp *ppp;
	struct lane lane;
	uint8_t lane_leaf[SHA256_LEN]; /* client: what a lane's server has to show */

	uint8_t *scratch;
	uint64_t handshake_deadline; /* also of a retired lane */
	uint64_t handshake_end;      /* what it becomes when the peer has said something */
	uint64_t login_deadline;     /* NEVER: no such limit, or logged in */
	uint64_t asked_ms; /* when the HTTP request (client) or its answer (server) went out */
	uint64_t network_deadline; /* IPCP or IPv6CP must be up by then; NEVER: not waiting */
	bool fed;                  /* ciphertext came since TLS last said -EAGAIN */
	bool bound;                /* SSTP says that data may flow */
	bool up4, up6;             /* reported with TUNNEL_UP */
	bool ncp4, ncp6;           /* PPP says that data may flow */
	bool ended;                /* TUNNEL_ENDED is due */
	bool ended_told;
	bool tls_closed;       /* close_notify came */
	bool packets_out;      /* the owner may hold packets that lie in scratch */
	bool data_came;        /* IP came from the peer */
	bool wants_sstp;       /* server: what the request asked for */
	unsigned fault_status; /* server: the answer to a request that was none for us; 0: it was */
	uint16_t port;
	enum event reason;
	char reason_text[480], text[320], tls_text[96], correlation[40], host[280];
	uint8_t correlation_octets[16]; /* client: of the header; zeros: random */
	enum tunnel_binding binding;    /* once bound */
	uint64_t bound_ms;
	struct ppp_addresses addresses4, addresses6;
	struct tunnel_tap *tap; /* NULL: off */
	const uint8_t *rest;    /* plaintext in scratch that no layer has taken yet */
	size_t rest_len;

	/* what the layers above TLS are made from */
	struct sstp_call_opts call_opts;
	struct sstp_cert_hash certs[SSTP_CERTS_MAX];
	struct ppp_opts ppp_opts;
	enum auth_method methods[AUTH_METHODS];
	char user[USER_NAME_MAX + 1], password[PAP_PASSWORD_MAX + 1], name[64];
};

/* ---- ending.c ---- */

/* Ends at once, without a message inside TLS. The first reason counts. */
void tunnel_end_now(struct tunnel *t, enum event why, const char *text);
void tunnel_note_reason(struct tunnel *t, enum event why, const char *text);
void tunnel_end_tls_failure(struct tunnel *t);
/* The call has ended or is ending: by PPP's reason, or by its own with what the peer said. */
void tunnel_note_call_end(struct tunnel *t, uint64_t now_ms);
void tunnel_note_ppp_end(struct tunnel *t, enum event why, const char *detail, uint64_t now_ms);

/* ---- control.c ---- */

/* PPP → SSTP → TLS; data is sealed only after this. */
void tunnel_collect(struct tunnel *t);
/* Server: the answer, HTTP's last word. */
void tunnel_respond(struct tunnel *t, unsigned status, int64_t wall_s);

/* ---- opening.c ---- */

/* TLS is established: HTTP begins. True with an event. */
bool tunnel_tls_up(struct tunnel *t, uint64_t now_ms, struct tunnel_event *ret);
/* PHASE_HTTP. Return the octets taken; what follows the header belongs to SSTP. */
/* Of the HTTP exchange: from our words to the peer's next ones. */
uint64_t tunnel_round_trip_ms(const struct tunnel *t, uint64_t now_ms);
size_t tunnel_recv_http_server(struct tunnel *t, const uint8_t *octets, size_t n,
	struct tunnel_event *ret, bool *ret_event);
size_t tunnel_recv_http_client(struct tunnel *t, const uint8_t *octets, size_t n, uint64_t now_ms,
	struct tunnel_event *ret, bool *ret_event);

/* ---- lane_phase.c ---- */

/* A lane must end at the server of its call. */
bool tunnel_leaf_is_that_of_the_call(const struct tunnel *t);
/* Client: the server has to prove itself before a packet is entrusted to the lane. */
bool tunnel_become_lane(struct tunnel *t, const char *proof, struct tunnel_event *ret);
/* PHASE_LANE: the next packet of what was fed. */
bool tunnel_recv_lane(struct tunnel *t, struct tunnel_event *ret);
