// SPDX-License-Identifier: Apache-2.0
/*
 * tunnel/tunnel.h — one end of a tunnel: TLS, HTTP, SSTP and PPP stacked (DESIGN section 1).
 *
 * No I/O: ciphertext and the time go in, ciphertext, events and IP packets come out. Server and
 * client, the simulations and the load generator all drive this one object:
 *
 *     tunnel_recv(t, octets, n, now);            what the socket gave
 *     while (tunnel_next_event(t, &ev)) …        pull until false
 *     send(fd, buf_data(tunnel_output(t)) …)     what the socket shall take
 *
 * Ownership: opts.scratch belongs to the caller and may be shared by all tunnels of one thread:
 *            an event's packet points into it and lives until TUNNEL_BATCH_END came or
 *            tunnel_next_event() returned false. So pull to the end before touching another tunnel.
 * Units:     milliseconds of the monotonic clock; octets.
 * Threads:   a tunnel belongs to one thread.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/auto.h"
#include "base/buf.h"
#include "base/credentials.h"
#include "base/rd.h"
#include "events/event.h"
#include "sstp/lane.h"

struct eap_peer;
struct sstp_cert_hash;
struct tls_ctx;
struct tls_peer_opts;
struct tunnel;
struct tunnel_tap;

enum tunnel_role { TUNNEL_CLIENT, TUNNEL_SERVER };

/* What a lane needs of the call that it belongs to. Holds a key: tunnel_ticket_wipe(). */
struct tunnel_ticket {
	struct sstp_lane_ticket call;
	uint8_t leaf_sha256[32]; /* client: the certificate that the call saw */
};

#define TUNNEL_SCRATCH_LEN                                                                         \
	(512 * 1024) /* one batch for the coalescer, which joins nothing across two */

struct tunnel_opts {
	enum tunnel_role role;
	/* Referenced; NULL: in the clear. A balancer has ended TLS (server), or a test has both ends. */
	struct tls_ctx *tls;
	const struct sstp_cert_hash *certs; /* without TLS: what that balancer shows; copied */
	size_t n_certs;
	const struct tls_peer_opts *verify; /* client: name to check, SNI */
	const char *host;                   /* client: as the user named the server, for Host */
	uint16_t port;                      /* client: shown in Host unless 443 */
	uint8_t *scratch;                   /* TUNNEL_SCRATCH_LEN octets, see above */
	bool require_binding;
	uint8_t binding_hashes;  /* mask of [MS-SSTP] 2.2.6; 0: both */
	uint64_t hello_ms;       /* 0: 60 s */
	uint64_t negotiation_ms; /* 0: 60 s */
	uint64_t handshake_ms;   /* TLS and HTTP together; 0: 60 s */
	uint64_t first_octet_ms; /* server: silence after TCP is up; 0: handshake_ms */
	uint64_t login_ms;       /* until authentication succeeded; 0: as long as the parts take */
	uint16_t mru;            /* what we take in; 0: 1400 */
	const enum auth_method *methods;
	size_t n_methods;
	const char *name;            /* server: its name in CHAP challenges */
	const char *user, *password; /* client; copied, wiped */
	struct eap_peer *eap;        /* client with AUTH_EAP: ppp/eap_peer.h; outlives the tunnel */
	bool lcp_only;               /* client: no login; ends with EV_LCP_AGREED */
	bool lanes;                  /* know lanes: offer them (client), agree to them (server) */
	const struct tunnel_ticket *lane; /* client: this connection is to be a lane; copied */
	struct tunnel_tap *tap;           /* tunnel/tap.h; referenced; NULL: off */
	bool ipv4, ipv6, want_dns;        /* client: what to ask for; server: ipv6 allowed */
	struct addr want_address;         /* client: as an earlier connection had; ppp/ppp.h */
	uint8_t want_ifid[8];
	/* Client: of a lasting SSTPCORRELATIONID (http/message.h); zeros: one of this tunnel alone. */
	uint8_t correlation[16];
};

/* The seven steps of SSTP as they happen (1, TCP, is the owner's). For people; text is set. */
enum tunnel_step { TUNNEL_STEP_TLS = 2, TUNNEL_STEP_HTTP, TUNNEL_STEP_SSTP, TUNNEL_STEP_AUTH };

/* The state of the crypto binding. Only the server verifies it; a client knows what it sent. */
enum tunnel_binding {
	TUNNEL_BINDING_UNKEYED, /* the login yields no key (PAP, CHAP-MD5): it proves nothing */
	TUNNEL_BINDING_KEYED,   /* client: sent with the login's key; server: verified with it */
	TUNNEL_BINDING_BROKEN,  /* server: it does not verify (.reason), and none is required */
};

enum tunnel_event_type {
	TUNNEL_STEP,         /* .step, .text */
	TUNNEL_HTTP_REQUEST, /* server: answer with tunnel_http_answer(); .sstp, .text is the path */
	TUNNEL_LANE_REQUEST, /* server: it wants to be a lane; tunnel_lane_answer(), on any thread */
	TUNNEL_AUTH_REQUEST, /* server: .proof; tunnel_auth_verdict() or tunnel_auth_challenge() */
	TUNNEL_BOUND, /* CALL_CONNECTED was sent (client) or taken (server); .binding, .text its hash */
	TUNNEL_LANE_UP, /* client: this connection is a lane now, and may carry data */
	TUNNEL_UP,      /* data of .family may flow; .addresses as negotiated */
	TUNNEL_DOWN, /* data of .family may not flow any more; .reason, .text when it alone is over */
	TUNNEL_PACKET,     /* .packet of .family came from the peer */
	TUNNEL_BATCH_END,  /* the octets of all packets so far go away with the next call */
	TUNNEL_IDENTIFIED, /* .text: the peer's LCP Identification */
	TUNNEL_ENDED,      /* .reason, .text; flush tunnel_output(), then close the socket */
};

struct tunnel_event {
	enum tunnel_event_type type;
	enum tunnel_step step;
	int family; /* AF_INET, AF_INET6 */
	struct rd packet;
	const struct proof *proof; /* lives until the verdict */
	const struct ppp_addresses *addresses;
	bool sstp;               /* HTTP_REQUEST: a tunnel is asked for, not the health answer */
	const char *correlation; /* HTTP_REQUEST: SSTPCORRELATIONID or "" */
	bool lasting;            /* HTTP_REQUEST: the client bears it in all its connections */
	enum tunnel_binding binding;
	enum event reason;
	const char *text; /* lives until the next call */
};

/*
 * What any client's end is made of, once: its role, the server by name (peer->host, checked and sent),
 * the port, the scratch. The rest of *o is the caller's. Borrowed until tunnel_new() returns: peer.
 */
void tunnel_client_opts(
	struct tunnel_opts *o, const struct tls_peer_opts *peer, uint16_t port, uint8_t *scratch);
int tunnel_new(const struct tunnel_opts *opts, uint64_t now_ms, struct tunnel **ret);
void tunnel_free(struct tunnel *t);
DEFINE_AUTO(tunnel, struct tunnel *, tunnel_free)

/* The client speaks first: call once after TCP is up. The server may call it, too. */
void tunnel_start(struct tunnel *t, uint64_t now_ms);
void tunnel_recv(struct tunnel *t, const void *octets, size_t n, uint64_t now_ms);
/* The peer closed its side, or the socket failed (0 or an errno). Ends the tunnel. */
void tunnel_recv_end(struct tunnel *t, int error, uint64_t now_ms);
bool tunnel_next_event(struct tunnel *t, uint64_t now_ms, struct tunnel_event *ret);
/* Records to write; control frames have gone in first. */
struct buf *tunnel_output(struct tunnel *t);
uint64_t tunnel_deadline(const struct tunnel *t);
void tunnel_tick(struct tunnel *t, uint64_t now_ms);

/* 200 lets an SSTP request go on; anything else is sent and ends the connection. */
void tunnel_http_answer(struct tunnel *t, int status, int64_t wall_s, uint64_t now_ms);

/* ---- lanes: a second connection of one session (docs/architecture.md, "Lanes") ---- */

/* What a lane of this call is opened with, or recognised by. False: it may have none (yet). */
bool tunnel_lane_ticket(const struct tunnel *t, struct tunnel_ticket *ret);
void tunnel_ticket_wipe(struct tunnel_ticket *ticket);
/* Server, after TUNNEL_LANE_REQUEST: the handle that was named. */
const uint8_t *tunnel_lane_handle(const struct tunnel *t);
/* It still waits for tunnel_lane_answer(). */
bool tunnel_asks_for_lane(const struct tunnel *t);
/* The tunnel goes on in another thread, whose scratch buffer this is. Nothing may be pending. */
void tunnel_move(struct tunnel *t, uint8_t *scratch);
/*
 * Server: with the ticket of the call that has this handle, NULL when there is none. True: the proof
 * holds and the connection is a lane now; false: it was refused and ends.
 */
bool tunnel_lane_answer(struct tunnel *t, const struct tunnel_ticket *call, int64_t wall_s);
/* It is a lane, and data may be sent. */
bool tunnel_is_lane(const struct tunnel *t);
/*
 * Nothing more is sent on this lane; what the peer sent before it receives the end is still
 * accepted. TUNNEL_ENDED follows when the peer has ended it too, or after a while.
 */
void tunnel_retire(struct tunnel *t, enum event why, uint64_t now_ms);

void tunnel_auth_verdict(struct tunnel *t, const struct verdict *v, uint64_t now_ms);
/* EAP: the next Request instead; its Response is another TUNNEL_AUTH_REQUEST. */
void tunnel_auth_challenge(struct tunnel *t, const uint8_t *packet, size_t n, uint64_t now_ms);

/* True when IP of this family may be sent. */
bool tunnel_data_ok(const struct tunnel *t, int family);
/*
 * Seals `n` octets of finished SSTP data packets (offload/ writes them) into tunnel_output().
 * Control frames waiting go first. -ENOTCONN when data may not flow.
 */
int tunnel_send_frames(struct tunnel *t, const void *frames, size_t n);
/*
 * Lanes: a few octets for the peer's TCP to acknowledge, which say nothing. -ENOTCONN when it is none,
 * -ENOTSUP without TLS 1.3.
 */
int tunnel_send_nothing(struct tunnel *t);
/* The largest IP packet that the peer takes (its MRU, bounded by ours). */
uint16_t tunnel_peer_mru(const struct tunnel *t);

/* Ends it politely: PPP is dropped, CALL_DISCONNECT, TLS close. TUNNEL_ENDED follows. */
void tunnel_close(struct tunnel *t, enum event why, uint64_t now_ms);

/*
 * Server: the peer is asked for a sign of life now; without one within `within_ms` the tunnel ends with
 * EV_SSTP_PEER_SILENT.
 */
void tunnel_probe(struct tunnel *t, uint64_t within_ms, uint64_t now_ms);

/* Why it is ending, as soon as that is known and before TUNNEL_ENDED; EV_NONE: it is not. */
enum event tunnel_reason(struct tunnel *t, uint64_t now_ms, const char **ret_text);
/* Why PPP is closing while the peer has not agreed to that yet; EV_NONE: it is not closing. */
enum event tunnel_ppp_reason(const struct tunnel *t, const char **ret_text);

/* Client: asks for a sign that the server went on after the binding (sstp_call_echo()). */
bool tunnel_echo(struct tunnel *t, uint64_t now_ms);
bool tunnel_echoed(const struct tunnel *t);

/* For people: "TLSv1.3 TLS_AES_256_GCM_SHA384", "" before; lives as long as the tunnel. */
const char *tunnel_tls_text(const struct tunnel *t);
/* Asks for what the next packet touches (base/hot.h). */
void tunnel_prefetch(const struct tunnel *t);
/* Nothing to send or receive for a while: gives back what memory it can. */
void tunnel_idle(struct tunnel *t);
const char *tunnel_phase(const struct tunnel *t);
