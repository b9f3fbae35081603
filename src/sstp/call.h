// SPDX-License-Identifier: Apache-2.0
/*
 * sstp/call.h — one SSTP call, client or server side ([MS-SSTP] 3.1 to 3.3).
 *
 * The owner holds the HTTPS connection and the PPP above. It feeds what came in with
 * sstp_call_recv(), wakes the call with sstp_call_tick(), sends what is in sstp_call_output(), and
 * after *every* call that takes the time or ends something pulls sstp_call_next_event() until it
 * says false. After SSTP_CALL_CLOSED it sends what output is left, takes PPP's lower layer down
 * and closes HTTPS.
 *
 * Ownership: the creator owns the call; the call owns its buffers. ev.frame points into the octets
 *            given to the last sstp_call_recv(), or into the call for a packet that came in two
 *            pieces; it lives until the next sstp_call_recv() or sstp_call_tick().
 * Units:     *_ms are monotonic milliseconds; lengths are octets.
 * Threads:   a call belongs to one worker; nothing here locks.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/auto.h"
#include "base/buf.h"
#include "base/rd.h"
#include "events/event.h"
#include "sstp/binding.h"
#include "sstp/packet.h"

enum sstp_role { SSTP_CLIENT, SSTP_SERVER };

struct sstp_call_opts {
	enum sstp_role role;
	/* Server: certificates a client may have seen, up to SSTP_CERTS_MAX. Client: the one it saw.
	 * Copied. */
	const struct sstp_cert_hash *certs;
	size_t n_certs;
	uint8_t hashes; /* CERT_HASH_PROTOCOL_* offered (server) or known (client); 0: both */
	/* Server: abort the call when the binding does not verify. False is for peers that compute it
	 * wrong; the outcome is then only reported (sstp_call_binding()). */
	bool require_binding;
	uint8_t nonce[SSTP_NONCE_LEN]; /* server: fresh random octets, one use */
	uint64_t
		negotiation_ms; /* each wait of the set-up (3.2.2.1, 3.3.2.1); 0: SSTP_NEGOTIATION_MS */
	uint64_t hello_ms;      /* silence before an ECHO_REQUEST; 0: SSTP_HELLO_MS */
};

struct sstp_call;

/* -EINVAL: options that make no sense (no or too many certificates, unknown hashes). */
int sstp_call_new(const struct sstp_call_opts *opts, struct sstp_call **ret);
void sstp_call_free(struct sstp_call *call); /* NULL is fine; wipes keys */
DEFINE_AUTO(sstp_call, struct sstp_call *, sstp_call_free)

/* HTTPS is up. The client sends CALL_CONNECT_REQUEST, the server waits for it. */
void sstp_call_start(struct sstp_call *call, uint64_t now_ms);

/*
 * Octets from the peer, any number, cut anywhere; those before sstp_call_start() are dropped. They
 * stay where they are, and the caller keeps them there until sstp_call_next_event() said false; a
 * packet that is not complete by then is copied. Must not be called before that.
 */
void sstp_call_recv(struct sstp_call *call, const void *octets, size_t n, uint64_t now_ms);

enum sstp_call_event_type {
	SSTP_CALL_PPP_START, /* PPP's lower layer is up: the client begins, the server waits for it */
	SSTP_CALL_PPP_FRAME, /* a frame for PPP */
	SSTP_CALL_CONNECTED, /* the call is up: PPP data may flow as far as SSTP is concerned */
	SSTP_CALL_CLOSED,    /* the end, exactly once, and the last event of all */
};

struct sstp_call_event {
	enum sstp_call_event_type type;
	struct rd frame;   /* PPP_FRAME */
	enum event reason; /* CLOSED: what began the end */
};

/* The next event; false when there is none. Parses one packet a call, in place. */
bool sstp_call_next_event(struct sstp_call *call, struct sstp_call_event *ret);

/* Octets that must go out now; the owner consumes them. Also after CLOSED. */
struct buf *sstp_call_output(struct sstp_call *call);

/* When it wants to be woken (NEVER: not at all). Only the Hello timer moves on with each packet,
 * so a deadline armed earlier than that is merely a tick too many. */
uint64_t sstp_call_deadline(const struct sstp_call *call);

/*
 * Another login needs what this call holds: sends an ECHO_REQUEST now, once the call is up. If nothing
 * comes within `within_ms`, the call ends with EV_SSTP_PEER_SILENT. While one such wait runs, another
 * request changes nothing.
 */
void sstp_call_probe(struct sstp_call *call, uint64_t within_ms, uint64_t now_ms);
void sstp_call_tick(struct sstp_call *call, uint64_t now_ms);

/*
 * PPP authentication has succeeded and this is its key (3.2.5.2); zeros when the method yields
 * none. Copied; wiped once the binding is made. The client sends CALL_CONNECTED; the server
 * verifies the one it holds or waits for it.
 */
void sstp_call_set_hlak(
	struct sstp_call *call, const uint8_t hlak[static HLAK_LEN], uint64_t now_ms);

/*
 * A PPP frame, from its address field on, as a data packet into the output: for control frames
 * (data frames are packed by the tunnel, sstp_data_header()). -ENOTCONN when the state lets none
 * pass (then it is dropped, as the document says), -EMSGSIZE, -ENOBUFS, -ENOMEM.
 */
int sstp_call_send_frame(struct sstp_call *call, const void *frame, size_t n);

/* Whether PPP data frames may be sent now (Client_Call_Connected, Server_Call_Connected). */
bool sstp_call_data_ok(const struct sstp_call *call);

/* Ends the call politely: CALL_DISCONNECT and up to five seconds for its ACK. `why` is what CLOSED
 * will say. Does nothing to a call that is already closing. */
void sstp_call_disconnect(struct sstp_call *call, enum event why, uint64_t now_ms);

/* TLS or TCP is gone. CLOSED follows at once. */
void sstp_call_https_gone(struct sstp_call *call);

enum event sstp_call_reason(const struct sstp_call *call);      /* EV_NONE while nothing is wrong */
const char *sstp_call_state_name(const struct sstp_call *call); /* as in [MS-SSTP] 3.1.1 */

/* The Status Info that was sent or came with the end of the call, for logs. */
struct sstp_call_status {
	bool known;
	bool from_peer;
	uint16_t message; /* SSTP_MSG_CALL_ABORT, …_DISCONNECT, …_CONNECT_NAK */
	uint8_t attrib_id;
	uint32_t status;
};
struct sstp_call_status sstp_call_status(const struct sstp_call *call);

/* How the binding came out, for logs and diagnosis (RasSstp event 6 shows the same). */
struct sstp_call_binding {
	uint8_t hash; /* CERT_HASH_PROTOCOL_* as sent or received; 0: no CALL_CONNECTED yet */
	uint8_t cert_hash[SSTP_HASH_FIELD_LEN]; /* the certificate that the client saw */
	enum event failure; /* server: EV_NONE with hash != 0: nothing is wrong with it */
	/* The HLAK is not zero. Without a key anyone can compute the MAC: it proves nothing. */
	bool keyed;
};
struct sstp_call_binding sstp_call_binding(const struct sstp_call *call);

/*
 * Client, after CALL_CONNECTED: sends an ECHO_REQUEST now. A server reads the messages in order and
 * answers an echo in Server_Call_Connected alone (3.1.2.3), so the answer shows that it did not
 * refuse the binding. False: the state allows no echo.
 */
bool sstp_call_echo(struct sstp_call *call, uint64_t now_ms);
/* An ECHO_RESPONSE came after sstp_call_echo(), or after one of the Hello timer. */
bool sstp_call_echoed(const struct sstp_call *call);
