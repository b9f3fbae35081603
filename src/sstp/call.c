// SPDX-License-Identifier: Apache-2.0
/*
 * Theory: an SSTP call is a handshake of three messages around PPP's authentication, then data and
 * keep-alive, then a farewell of two messages.
 *
 *     client                                           server
 *     CALL_CONNECT_REQUEST  ------------------------>            PPP is the protocol
 *               <---------------------------- CALL_CONNECT_ACK   nonce, hashes
 *     PPP frames: LCP, authentication  <-------------------->
 *     CALL_CONNECTED  ------------------------------>            crypto binding (binding.c)
 *     PPP frames: NCPs, IP  <------------------------------->
 *
 * Everything that the two state machines of sections 3.2 and 3.3 do stands in two tables: `states`
 * (what PPP may pass, which timer runs and what its end means) and `rules` (which message is
 * welcome where). The client's and the server's states are one enum, so a rule's states also say
 * who may receive the message. The In_Progress states of the document last only while a message
 * is being sent; sending here is appending to the output, so they do not exist.
 *
 * Timers: each state has at most one, started on entering it. Negotiation 60 s, ABORT_1 3 s,
 * ABORT_2 1 s, DISCONNECT_1 5 s, DISCONNECT_2 1 s; in the connected states Hello, 60 s, which is
 * never re-armed: a packet stores the time and the deadline is computed from it when asked for.
 *
 * Input is parsed packet by packet as events are pulled, in the octets of the owner (stream.c).
 *
 * Limits: limits.h. Left out: authentication bypass by cookie (3.3.7.3), the ClientHTTPCookie
 * events, and all of HTTPS, which is http/ and tls/.
 *
 * Implements [MS-SSTP] 3.1.1 to 3.1.7, 3.2.1 to 3.2.7, 3.3.1 to 3.3.7 but for these. Where the
 * document disagrees with itself: Hello that runs out closes without CALL_ABORT (3.1.2.3, not its
 * figure); a server whose negotiation timer runs out sends one in either state (3.3.6.1); a
 * DISCONNECT is not acknowledged in AP, AT and DT (3.2.5.3.5).
 */
#include "sstp/call.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/clock.h"
#include "base/crypto.h"
#include "base/hot.h"
#include "sstp/nak.h"
#include "sstp/stream.h"

enum state {
	CLIENT_CALL_DISCONNECTED,
	CLIENT_CONNECT_REQUEST_SENT,
	CLIENT_CONNECT_ACK_RECEIVED,
	CLIENT_CALL_CONNECTED,
	SERVER_CALL_DISCONNECTED,
	SERVER_CONNECT_REQUEST_PENDING,
	SERVER_CALL_CONNECTED_PENDING,
	SERVER_CALL_CONNECTED,
	CALL_ABORT_PENDING,
	CALL_ABORT_TIMEOUT_PENDING,
	CALL_DISCONNECT_ACK_PENDING,
	CALL_DISCONNECT_TIMEOUT_PENDING,
};

/* What has happened and was not yet pulled; in this order. */
enum { PENDING_PPP_START = 1, PENDING_CONNECTED = 2, PENDING_CLOSED = 4 };

struct sstp_call {
	struct sstp_stream in;
	enum state state;
	uint8_t pending;
	bool started, closed;
	uint64_t now_ms;   /* the latest time that was passed in */
	uint64_t heard_ms; /* last packet */
	uint64_t echo_ms;  /* last ECHO_REQUEST sent; unanswered while later than heard_ms */
	uint64_t timer_at; /* of the state's timer */
	uint64_t probed_ms,
		probe_at; /* a sign of life was asked for; the end of the wait, or NEVER */

	struct buf out;
	enum event reason;
	struct sstp_call_status status;
	unsigned naks, controls_while_down;

	struct sstp_call_opts opts; /* certs points to the copies at the end */
	struct sstp_call_binding binding;
	uint8_t hash; /* client: the one chosen from the ACK, whose nonce is in opts */
	bool hlak_known, held, echoed;
	uint8_t hlak[HLAK_LEN];
	uint8_t connected[SSTP_CALL_CONNECTED_LEN]; /* held until the HLAK comes */
	struct sstp_cert_hash certs[];
};

enum passes { NO_FRAMES, CONTROL_FRAMES, ALL_FRAMES };

static void call_clean(struct sstp_call *call);
static void negotiation_expired(struct sstp_call *call);
static void hello_expired(struct sstp_call *call);

/*
 * Which PPP frames pass in a state, both ways (3.1.5.2, 3.1.7.1, 3.2.7, 3.3.7), and its timer.
 * A state without the name of one side is shared; `closing` states ignore what they do not expect.
 */
// clang-format off
static const struct state_row {
	const char *name;
	enum passes passes;
	bool closing;
	unsigned timer_ms; /* 0: none; the connected states have Hello, see sstp_call_deadline() */
	void (*on_timer)(struct sstp_call *call);
} states[] = {
	[CLIENT_CALL_DISCONNECTED]        = {"Client_Call_Disconnected", NO_FRAMES, true, 0, NULL},
	[CLIENT_CONNECT_REQUEST_SENT]     = {"Client_Connect_Request_Sent", NO_FRAMES, false, SSTP_NEGOTIATION_MS, negotiation_expired},
	[CLIENT_CONNECT_ACK_RECEIVED]     = {"Client_Connect_Ack_Received", CONTROL_FRAMES, false, SSTP_NEGOTIATION_MS, negotiation_expired},
	[CLIENT_CALL_CONNECTED]           = {"Client_Call_Connected", ALL_FRAMES, false, 0, hello_expired},
	[SERVER_CALL_DISCONNECTED]        = {"Server_Call_Disconnected", NO_FRAMES, true, 0, NULL},
	[SERVER_CONNECT_REQUEST_PENDING]  = {"Server_Connect_Request_Pending", NO_FRAMES, false, SSTP_NEGOTIATION_MS, negotiation_expired},
	[SERVER_CALL_CONNECTED_PENDING]   = {"Server_Call_Connected_Pending", CONTROL_FRAMES, false, SSTP_NEGOTIATION_MS, negotiation_expired},
	[SERVER_CALL_CONNECTED]           = {"Server_Call_Connected", ALL_FRAMES, false, 0, hello_expired},
	[CALL_ABORT_PENDING]              = {"Call_Abort_Pending", NO_FRAMES, true, SSTP_ABORT_1_MS, call_clean},
	[CALL_ABORT_TIMEOUT_PENDING]      = {"Call_Abort_Timeout_Pending", NO_FRAMES, true, SSTP_ABORT_2_MS, call_clean},
	[CALL_DISCONNECT_ACK_PENDING]     = {"Call_Disconnect_Ack_Pending", NO_FRAMES, true, SSTP_DISCONNECT_1_MS, call_clean},
	[CALL_DISCONNECT_TIMEOUT_PENDING] = {"Call_Disconnect_Timeout_Pending", NO_FRAMES, true, SSTP_DISCONNECT_2_MS, call_clean},
};
// clang-format on

int sstp_call_new(const struct sstp_call_opts *opts, struct sstp_call **ret)
{
	AUTO(sstp_call) struct sstp_call *call = NULL;
	bool server = opts->role == SSTP_SERVER;

	if (opts->n_certs > (server ? SSTP_CERTS_MAX : 1) || opts->hashes & ~0x03)
		return -EINVAL;
	if (!opts->n_certs && (!server || opts->require_binding))
		return -EINVAL;
	call = calloc(1, sizeof(*call) + opts->n_certs * sizeof(*opts->certs));
	if (!call)
		return -ENOMEM;
	call->opts = *opts;
	if (opts->n_certs)
		memcpy(call->certs, opts->certs, opts->n_certs * sizeof(*opts->certs));
	call->opts.certs = call->certs;
	if (!opts->hashes)
		call->opts.hashes = CERT_HASH_PROTOCOL_SHA1 | CERT_HASH_PROTOCOL_SHA256;
	if (!opts->hello_ms)
		call->opts.hello_ms = SSTP_HELLO_MS;
	if (!opts->negotiation_ms)
		call->opts.negotiation_ms = SSTP_NEGOTIATION_MS;
	call->state = server ? SERVER_CALL_DISCONNECTED : CLIENT_CALL_DISCONNECTED;
	call->timer_at = call->probe_at = NEVER;
	buf_init(&call->out, SSTP_OUTPUT_MAX);
	*ret = TAKE(call);
	return 0;
}

static void forget_secrets(struct sstp_call *call)
{
	explicit_bzero(call->hlak, sizeof(call->hlak));
	explicit_bzero(call->connected, sizeof(call->connected));
	call->hlak_known = call->held = false;
}

void sstp_call_free(struct sstp_call *call)
{
	if (!call)
		return;
	forget_secrets(call);
	buf_done(&call->out);
	sstp_stream_done(&call->in);
	free(call);
}

/* The only writer of call->state after sstp_call_new(): entering a state starts its timer. */
static void set_state(struct sstp_call *call, enum state state)
{
	uint64_t ms = states[state].on_timer == negotiation_expired ? call->opts.negotiation_ms
								    : states[state].timer_ms;

	call->state = state;
	call->timer_at = ms ? call->now_ms + ms : NEVER;
}

static void set_reason(struct sstp_call *call, enum event why)
{
	if (call->reason == EV_NONE) /* what comes later only follows from the first */
		call->reason = why;
}

/* "clean" of sections 3.2.5 and 3.3.5: timers stopped, PPP and HTTPS taken down by the owner. */
static void call_clean(struct sstp_call *call)
{
	if (call->closed)
		return;
	call->closed = true;
	call->pending |= PENDING_CLOSED;
	sstp_stream_stop(&call->in);
	forget_secrets(call);
	set_state(call, call->opts.role == SSTP_SERVER ? SERVER_CALL_DISCONNECTED
						       : CLIENT_CALL_DISCONNECTED);
}

static void call_end(struct sstp_call *call, enum event why)
{
	set_reason(call, why);
	call_clean(call);
}

/* True when it is in the output. Without memory there is nothing left to say: the call ends. */
static bool send_message(
	struct sstp_call *call, enum sstp_msg type, const struct sstp_attr *attrs, size_t n_attrs)
{
	uint8_t packet[SSTP_MESSAGE_MAX];
	size_t n = sstp_message_build(type, attrs, n_attrs, packet, sizeof(packet));

	if (buf_append(&call->out, packet, n) < 0) {
		call_end(call, EV_OUT_OF_MEMORY);
		return false;
	}
	return true;
}

static bool output_has_room(const struct sstp_call *call, size_t n)
{
	return buf_len(&call->out) + n <= SSTP_OUTPUT_MAX - SSTP_OUTPUT_RESERVE;
}

/* CALL_ABORT or CALL_DISCONNECT with its Status Info; Windows always sends one, <3>, <4>. */
static bool send_farewell(
	struct sstp_call *call, enum sstp_msg type, uint8_t attrib_id, enum sstp_status status)
{
	struct sstp_attr attr = {
		.id = SSTP_ATTRIB_STATUS_INFO,
		.status_info = {.attrib_id = attrib_id, .status = status},
	};

	return send_message(call, type, &attr, 1);
}

/* The first Status Info has the reason; later ones answer it. */
static void note_status(struct sstp_call *call, bool from_peer, uint16_t message, uint8_t attrib_id,
	uint32_t status)
{
	if (!call->status.known)
		call->status =
			(struct sstp_call_status){true, from_peer, message, attrib_id, status};
}

/* "ABORT!" of the tables: the reason goes to our side, the pair to the peer. */
static void call_abort(
	struct sstp_call *call, uint8_t attrib_id, enum sstp_status status, enum event why)
{
	set_reason(call, why);
	note_status(call, false, SSTP_MSG_CALL_ABORT, attrib_id, status);
	if (send_farewell(call, SSTP_MSG_CALL_ABORT, attrib_id, status))
		set_state(call, CALL_ABORT_PENDING);
}

static void call_up(struct sstp_call *call, enum state state)
{
	call->heard_ms = call->now_ms;
	call->pending |= PENDING_CONNECTED;
	forget_secrets(call);
	set_state(call, state);
}

/* The one attribute a message must have, whole and of that kind; NULL otherwise. */
static const struct sstp_attr *only_attr(const struct sstp_message *msg, enum sstp_attr_id id)
{
	const struct sstp_attr *attr = &msg->attrs[0];

	return msg->n_attrs == 1 && attr->id == id && attr->fault == SSTP_ATTR_OK ? attr : NULL;
}

/* --- what the peer said --- */

static void on_connect_request(struct sstp_call *call, const struct sstp_message *msg,
	const struct sstp_packet *pkt UNUSED) /* 3.3.5.2.2 */
{
	struct sstp_attr faults[SSTP_NAK_FAULTS_MAX];
	size_t n = sstp_nak_faults(msg, faults);
	struct sstp_attr attr = {
		.id = SSTP_ATTRIB_CRYPTO_BINDING_REQ,
		.crypto_binding_req = {.hashes = call->opts.hashes, .nonce = call->opts.nonce},
	};

	if (n && call->naks == SSTP_NAKS_MAX) {
		call_abort(call, SSTP_ATTRIB_STATUS_INFO, ATTRIB_STATUS_RETRY_COUNT_EXCEEDED,
			EV_SSTP_TOO_MANY_NAKS);
	} else if (n) {
		call->naks++;
		send_message(call, SSTP_MSG_CALL_CONNECT_NAK, faults, n);
	} else if (send_message(call, SSTP_MSG_CALL_CONNECT_ACK, &attr, 1)) {
		call->pending |= PENDING_PPP_START;
		set_state(call, SERVER_CALL_CONNECTED_PENDING);
	}
}

static void send_connect_request(struct sstp_call *call)
{
	struct sstp_attr attr = {
		.id = SSTP_ATTRIB_ENCAPSULATED_PROTOCOL_ID,
		.protocol_id = SSTP_ENCAPSULATED_PROTOCOL_PPP,
	};

	if (send_message(call, SSTP_MSG_CALL_CONNECT_REQUEST, &attr, 1))
		set_state(call, CLIENT_CONNECT_REQUEST_SENT);
}

static void on_connect_ack(struct sstp_call *call, const struct sstp_message *msg,
	const struct sstp_packet *pkt UNUSED) /* 3.2.5.3.2 */
{
	const struct sstp_attr *attr = only_attr(msg, SSTP_ATTRIB_CRYPTO_BINDING_REQ);

	if (!attr) {
		call_abort(call, SSTP_ATTRIB_CRYPTO_BINDING_REQ,
			ATTRIB_STATUS_ATTRIB_NOT_SUPPORTED_IN_MSG, EV_SSTP_BAD_CONNECT_ACK);
		return;
	}
	call->hash = sstp_binding_choose(attr->crypto_binding_req.hashes, call->opts.hashes);
	if (!call->hash) {
		call_abort(call, SSTP_ATTRIB_CRYPTO_BINDING_REQ, ATTRIB_STATUS_VALUE_NOT_SUPPORTED,
			EV_SSTP_NO_COMMON_HASH);
		return;
	}
	memcpy(call->opts.nonce, attr->crypto_binding_req.nonce, SSTP_NONCE_LEN);
	call->pending |= PENDING_PPP_START;
	set_state(call, CLIENT_CONNECT_ACK_RECEIVED);
}

/* The peer's own words about the end, as far as it left any (truncated ones occur). */
static void note_peer_status(struct sstp_call *call, const struct sstp_message *msg)
{
	struct sstp_status_info info;

	for (size_t i = 0; i < msg->n_attrs; i++) {
		if (msg->attrs[i].id != SSTP_ATTRIB_STATUS_INFO ||
			!sstp_status_info_read(msg->attrs[i].value, &info))
			continue;
		note_status(call, true, msg->type, info.attrib_id, info.status);
		return;
	}
}

static void on_connect_nak(struct sstp_call *call, const struct sstp_message *msg,
	const struct sstp_packet *pkt UNUSED) /* 3.2.5.3.3 */
{
	if (call->naks++ < SSTP_NAKS_MAX) {
		send_connect_request(call);
		return;
	}
	note_peer_status(call, msg);
	call_abort(call, SSTP_ATTRIB_STATUS_INFO, ATTRIB_STATUS_RETRY_COUNT_EXCEEDED,
		EV_SSTP_CONNECT_REFUSED);
}

/* The held or just received CALL_CONNECTED against the key that PPP yielded (3.3.5.2.3). */
static void verify_binding(struct sstp_call *call)
{
	struct sstp_binding_terms terms = {
		call->opts.hashes, call->opts.nonce, call->certs, call->opts.n_certs};
	struct rd in = rd_init(call->connected, sizeof(call->connected));
	struct sstp_attr attr;

	rd_ptr(&in, SSTP_CONTROL_HEADER_LEN);
	sstp_attr_parse(&in, &attr); /* was found in order when it came */
	call->binding.failure =
		sstp_binding_verify(call->connected, &attr.crypto_binding, &terms, call->hlak);
	if (call->binding.failure != EV_NONE && call->opts.require_binding)
		call_abort(call, SSTP_ATTRIB_CRYPTO_BINDING, ATTRIB_STATUS_VALUE_NOT_SUPPORTED,
			call->binding.failure);
	else
		call_up(call, SERVER_CALL_CONNECTED);
}

/*
 * 3.3.5.2.3. A client may send it the moment it believes itself authenticated, which can be before
 * the server has its verdict (RADIUS): then it is held.
 */
static void on_connected(
	struct sstp_call *call, const struct sstp_message *msg, const struct sstp_packet *pkt)
{
	const struct sstp_attr *attr = only_attr(msg, SSTP_ATTRIB_CRYPTO_BINDING);

	if (call->held) {
		call_abort(call, SSTP_ATTRIB_STATUS_INFO, ATTRIB_STATUS_UNACCEPTED_FRAME_RECEIVED,
			EV_SSTP_UNEXPECTED_MESSAGE);
		return;
	}
	if (!attr) {
		call->binding.failure = EV_SSTP_BINDING_MISSING;
		call_abort(call, SSTP_ATTRIB_STATUS_INFO, ATTRIB_STATUS_ATTRIB_NOT_SUPPORTED_IN_MSG,
			EV_SSTP_BINDING_MISSING);
		return;
	}
	call->binding.hash = attr->crypto_binding.hash;
	memcpy(call->binding.cert_hash, attr->crypto_binding.cert_hash, SSTP_HASH_FIELD_LEN);
	memcpy(call->connected, pkt->start, sizeof(call->connected)); /* the length is implied */
	call->held = true;
	if (call->hlak_known)
		verify_binding(call);
}

/* What the peer's end of the call means to us, from the pair it carries; `other`: nothing special. */
static enum event end_reason(const struct sstp_call *call, enum event other)
{
	const struct sstp_call_status *s = &call->status;

	if (!s->from_peer)
		return other;
	if (s->attrib_id == SSTP_ATTRIB_CRYPTO_BINDING && call->opts.role == SSTP_CLIENT &&
		call->binding.hash)
		return EV_SSTP_BINDING_REFUSED;
	if (s->status == ATTRIB_STATUS_NEGOTIATION_TIMEOUT)
		return EV_SSTP_PEER_GAVE_UP;
	return other;
}

static void on_abort(struct sstp_call *call, const struct sstp_message *msg,
	const struct sstp_packet *pkt UNUSED) /* 3.1.5.1, "abort2" */
{
	note_peer_status(call, msg);
	set_reason(call, end_reason(call, EV_SSTP_PEER_ABORTED));
	if (send_farewell(call, SSTP_MSG_CALL_ABORT, SSTP_ATTRIB_STATUS_INFO,
		    ATTRIB_STATUS_INVALID_FRAME_RECEIVED))
		set_state(call, CALL_ABORT_TIMEOUT_PENDING);
}

static void on_abort_answered(struct sstp_call *call, const struct sstp_message *msg UNUSED,
	const struct sstp_packet *pkt UNUSED)
{
	set_state(call, CALL_ABORT_TIMEOUT_PENDING);
}

static void on_disconnect(struct sstp_call *call, const struct sstp_message *msg,
	const struct sstp_packet *pkt UNUSED)
{
	note_peer_status(call, msg);
	set_reason(call, end_reason(call, EV_SSTP_PEER_DISCONNECTED));
	if (send_message(call, SSTP_MSG_CALL_DISCONNECT_ACK, NULL, 0))
		set_state(call, CALL_DISCONNECT_TIMEOUT_PENDING);
}

static void on_disconnect_ack(struct sstp_call *call, const struct sstp_message *msg UNUSED,
	const struct sstp_packet *pkt UNUSED)
{
	call_clean(call);
}

static void on_echo(struct sstp_call *call, const struct sstp_message *msg,
	const struct sstp_packet *pkt UNUSED)
{
	if (msg->n_attrs)
		call_abort(call, SSTP_ATTRIB_STATUS_INFO, ATTRIB_STATUS_ATTRIB_NOT_SUPPORTED_IN_MSG,
			EV_SSTP_INVALID_MESSAGE);
	else if (msg->type == SSTP_MSG_ECHO_RESPONSE)
		call->echoed |= call->echo_ms != 0; /* needs nothing: every packet proves life */
	else if (output_has_room(call, SSTP_CONTROL_HEADER_LEN))
		send_message(call, SSTP_MSG_ECHO_RESPONSE, NULL, 0);
}

#define IN(state) (1u << (state))
#define IN_CONNECTED (IN(CLIENT_CALL_CONNECTED) | IN(SERVER_CALL_CONNECTED))
#define IN_NEGOTIATION                                                                             \
	(IN(CLIENT_CONNECT_REQUEST_SENT) | IN(CLIENT_CONNECT_ACK_RECEIVED) |                       \
		IN(SERVER_CONNECT_REQUEST_PENDING) | IN(SERVER_CALL_CONNECTED_PENDING))
#define IN_CALL (IN_NEGOTIATION | IN_CONNECTED | IN(CALL_DISCONNECT_ACK_PENDING))

// clang-format off
static const struct rule {
	enum sstp_msg message;
	unsigned welcome;
	void (*handler)(struct sstp_call *call, const struct sstp_message *msg, const struct sstp_packet *pkt);
} rules[] = {
	/* message                       welcome in                          handler               [MS-SSTP] */
	{SSTP_MSG_CALL_CONNECT_REQUEST, IN(SERVER_CONNECT_REQUEST_PENDING), on_connect_request}, /* 3.3.5.2.2 */
	{SSTP_MSG_CALL_CONNECT_ACK,     IN(CLIENT_CONNECT_REQUEST_SENT),    on_connect_ack},     /* 3.2.5.3.2 */
	{SSTP_MSG_CALL_CONNECT_NAK,     IN(CLIENT_CONNECT_REQUEST_SENT),    on_connect_nak},     /* 3.2.5.3.3 */
	{SSTP_MSG_CALL_CONNECTED,       IN(SERVER_CALL_CONNECTED_PENDING),  on_connected},       /* 3.3.5.2.3 */
	{SSTP_MSG_CALL_ABORT,           IN_CALL,                            on_abort},           /* 3.2.5.3.4 */
	{SSTP_MSG_CALL_ABORT,           IN(CALL_ABORT_PENDING),             on_abort_answered},
	{SSTP_MSG_CALL_DISCONNECT,      IN_CALL,                            on_disconnect},      /* 3.2.5.3.5 */
	{SSTP_MSG_CALL_DISCONNECT_ACK,  IN(CALL_DISCONNECT_ACK_PENDING),    on_disconnect_ack},  /* 3.2.5.3.6 */
	{SSTP_MSG_ECHO_REQUEST,         IN_CONNECTED,                       on_echo},            /* 3.1.2.3 */
	{SSTP_MSG_ECHO_RESPONSE,        IN_CONNECTED,                       on_echo},            /* 3.1.2.3 */
}; /* anywhere else: ignored while closing down, otherwise the call is aborted */
// clang-format on

static const struct rule *find_rule(const struct sstp_call *call, uint16_t type)
{
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++)
		if (rules[i].message == type && rules[i].welcome & IN(call->state))
			return &rules[i];
	return NULL;
}

/*
 * Whether the message must be answered as a bad frame (3.1.5.1). Messages that end the call are
 * obeyed whatever they carry: some peers send them without attributes or with half a Status Info.
 * Octets behind the last attribute are refused only while every length is fixed by the document.
 */
static bool malformed(const struct sstp_call *call, const struct sstp_message *msg, int parsed)
{
	switch (msg->type) {
	case SSTP_MSG_CALL_ABORT:
	case SSTP_MSG_CALL_DISCONNECT:
	case SSTP_MSG_CALL_DISCONNECT_ACK: return false;
	case SSTP_MSG_CALL_CONNECTED:
		/* The first row of 3.3.5.2.3 is more exact: on_connected() looks at it. */
		if (msg->n_attrs == 1 && msg->attrs[0].id == SSTP_ATTRIB_CRYPTO_BINDING &&
			msg->attrs[0].fault != SSTP_ATTR_OK)
			return false;
		break;
	default: break;
	}
	return parsed < 0 || (msg->extra && !(IN(call->state) & IN_CONNECTED));
}

static void on_control(struct sstp_call *call, const struct sstp_packet *pkt)
{
	const struct rule *rule;
	struct sstp_message msg;
	int parsed = sstp_message_parse(pkt->body, &msg);

	if (!(IN(call->state) & IN_CONNECTED) &&
		++call->controls_while_down > SSTP_CONTROL_BEFORE_CALL_MAX) {
		call_clean(call);
		return;
	}
	rule = find_rule(call, msg.type);
	if (!rule && states[call->state].closing)
		return;
	if (malformed(call, &msg, parsed))
		call_abort(call, SSTP_ATTRIB_STATUS_INFO, ATTRIB_STATUS_INVALID_FRAME_RECEIVED,
			EV_SSTP_INVALID_MESSAGE);
	else if (!rule)
		call_abort(call, SSTP_ATTRIB_STATUS_INFO, ATTRIB_STATUS_UNACCEPTED_FRAME_RECEIVED,
			EV_SSTP_UNEXPECTED_MESSAGE);
	else
		rule->handler(call, &msg, pkt);
}

/* --- time --- */

static void negotiation_expired(struct sstp_call *call) /* 3.2.6.1, 3.3.6.1 */
{
	enum event why = EV_SSTP_AUTH_TIMEOUT;

	if (call->state == CLIENT_CONNECT_REQUEST_SENT)
		why = EV_SSTP_NO_CONNECT_ACK;
	else if (call->state == SERVER_CONNECT_REQUEST_PENDING)
		why = EV_SSTP_NO_CONNECT_REQUEST;
	else if (call->hlak_known)
		why = EV_SSTP_NO_CALL_CONNECTED;
	call_abort(call, SSTP_ATTRIB_STATUS_INFO, ATTRIB_STATUS_NEGOTIATION_TIMEOUT, why);
}

bool sstp_call_echo(struct sstp_call *call, uint64_t now_ms)
{
	call->now_ms = now_ms;
	if (!(IN(call->state) & IN_CONNECTED) || !output_has_room(call, SSTP_CONTROL_HEADER_LEN))
		return false;
	call->echo_ms = call->now_ms;
	return send_message(call, SSTP_MSG_ECHO_REQUEST, NULL, 0);
}

bool sstp_call_echoed(const struct sstp_call *call)
{
	return call->echoed;
}

/* 3.1.2.3: one ECHO_REQUEST, then the connection is dropped without CALL_ABORT. */
static void hello_expired(struct sstp_call *call)
{
	if (call->echo_ms > call->heard_ms) {
		call_end(call, EV_SSTP_PEER_SILENT);
		return;
	}
	call->echo_ms = call->now_ms;
	if (output_has_room(call, SSTP_CONTROL_HEADER_LEN))
		send_message(call, SSTP_MSG_ECHO_REQUEST, NULL, 0);
}

uint64_t sstp_call_deadline(const struct sstp_call *call)
{
	uint64_t since = call->heard_ms > call->echo_ms ? call->heard_ms : call->echo_ms;

	return deadline_min(call->probe_at,
		IN(call->state) & IN_CONNECTED ? since + call->opts.hello_ms : call->timer_at);
}

void sstp_call_probe(struct sstp_call *call, uint64_t within_ms, uint64_t now_ms)
{
	call->now_ms = now_ms;
	if (!call->started || call->closed || states[call->state].closing ||
		call->probe_at != NEVER)
		return;
	call->probed_ms = now_ms;
	if (call->heard_ms >= now_ms)
		call->heard_ms = now_ms - 1; /* what came before the question is no answer */
	call->probe_at = now_ms + within_ms;
	if (IN(call->state) & IN_CONNECTED && output_has_room(call, SSTP_CONTROL_HEADER_LEN)) {
		call->echo_ms = now_ms;
		send_message(call, SSTP_MSG_ECHO_REQUEST, NULL, 0);
	}
}

/* True: the peer gave no sign of life, and the call is over. */
static bool probe_expired(struct sstp_call *call)
{
	call->probe_at = NEVER;
	if (call->heard_ms >= call->probed_ms || states[call->state].closing)
		return false;
	call_end(call, EV_SSTP_PEER_SILENT);
	return true;
}

void sstp_call_tick(struct sstp_call *call, uint64_t now_ms)
{
	call->now_ms = now_ms;
	sstp_stream_shrink(&call->in);
	if (now_ms >= call->probe_at && probe_expired(call))
		return;
	if (now_ms >= sstp_call_deadline(call))
		states[call->state].on_timer(call);
}

/* --- input --- */

void sstp_call_recv(struct sstp_call *call, const void *octets, size_t n, uint64_t now_ms)
{
	call->now_ms = now_ms;
	if (!call->started || call->closed)
		return;
	sstp_stream_feed(&call->in, octets, n);
}

/*
 * 3.1.7.1 leaves it to PPP which frames are control: protocols from 0x8000 on (NCPs, LCP and
 * authentication). Address and control may be missing (ACFC); an odd first octet of the protocol
 * is a compressed one (PFC) and always data.
 */
static bool is_control_frame(struct rd frame)
{
	uint8_t first = rd_u8(&frame);

	if (first == 0xff && rd_u8(&frame) == 0x03)
		first = rd_u8(&frame);
	return first & 0x80 && !(first & 1);
}

static bool passes(const struct sstp_call *call, struct rd frame)
{
	switch (states[call->state].passes) {
	case ALL_FRAMES: return true;
	case CONTROL_FRAMES: return is_control_frame(frame);
	case NO_FRAMES: return false;
	}
	return false;
}

static bool take_pending(struct sstp_call *call, struct sstp_call_event *ret)
{
	static const struct {
		uint8_t bit;
		enum sstp_call_event_type type;
	} order[] = {
		{PENDING_PPP_START, SSTP_CALL_PPP_START},
		{PENDING_CONNECTED, SSTP_CALL_CONNECTED},
		{PENDING_CLOSED, SSTP_CALL_CLOSED},
	};

	for (size_t i = 0; i < ARRAY_SIZE(order); i++) {
		if (!(call->pending & order[i].bit))
			continue;
		call->pending &= (uint8_t)~order[i].bit;
		*ret = (struct sstp_call_event){.type = order[i].type, .reason = call->reason};
		return true;
	}
	return false;
}

/* The next whole packet. A stream that is lost ends the call without a word (3.1.5.1). */
static bool next_packet(struct sstp_call *call, struct sstp_packet *ret)
{
	int r = sstp_stream_next(&call->in, ret);

	if (r == 0)
		return true;
	if (r != -EAGAIN)
		call_end(call, r == -EPROTO ? EV_SSTP_STREAM_LOST : EV_OUT_OF_MEMORY);
	return false;
}

HOT bool sstp_call_next_event(struct sstp_call *call, struct sstp_call_event *ret)
{
	struct sstp_packet pkt;

	while (!call->pending && next_packet(call, &pkt)) {
		call->heard_ms = call->now_ms;
		if (pkt.control) {
			on_control(call, &pkt);
		} else if (rd_left(&pkt.body) && passes(call, pkt.body)) {
			ret->type = SSTP_CALL_PPP_FRAME;
			ret->frame = pkt.body;
			ret->reason = EV_NONE;
			return true;
		}
	}
	return take_pending(call, ret);
}

/* --- what the owner wants --- */

void sstp_call_start(struct sstp_call *call, uint64_t now_ms)
{
	if (call->started || call->closed)
		return;
	call->now_ms = now_ms;
	call->started = true;
	if (call->opts.role == SSTP_SERVER)
		set_state(call, SERVER_CONNECT_REQUEST_PENDING);
	else
		send_connect_request(call);
}

static void send_connected(struct sstp_call *call) /* 3.2.5.2 */
{
	uint8_t packet[SSTP_CALL_CONNECTED_LEN];

	if (sstp_binding_build(call->hash, call->opts.nonce, call->certs, call->hlak, packet) < 0) {
		call_abort(call, SSTP_ATTRIB_STATUS_INFO, ATTRIB_STATUS_INVALID_FRAME_RECEIVED,
			EV_SSTP_BINDING_UNCHECKED);
		return;
	}
	if (buf_append(&call->out, packet, sizeof(packet)) < 0) {
		call_end(call, EV_OUT_OF_MEMORY);
		return;
	}
	call->binding.hash = call->hash;
	memcpy(call->binding.cert_hash, packet + SSTP_CERT_HASH_OFFSET, SSTP_HASH_FIELD_LEN);
	call_up(call, CLIENT_CALL_CONNECTED);
}

void sstp_call_set_hlak(
	struct sstp_call *call, const uint8_t hlak[static HLAK_LEN], uint64_t now_ms)
{
	static const uint8_t no_key[HLAK_LEN];

	call->now_ms = now_ms;
	if (call->state != CLIENT_CONNECT_ACK_RECEIVED &&
		call->state != SERVER_CALL_CONNECTED_PENDING)
		return;
	memcpy(call->hlak, hlak, HLAK_LEN);
	call->hlak_known = true;
	call->binding.keyed = !crypto_equal(hlak, no_key, HLAK_LEN);
	if (call->state == CLIENT_CONNECT_ACK_RECEIVED)
		send_connected(call);
	else if (call->held)
		verify_binding(call);
}

int sstp_call_send_frame(struct sstp_call *call, const void *frame, size_t n)
{
	uint8_t *p;
	int r;

	if (!n || n > SSTP_FRAME_MAX)
		return -EMSGSIZE;
	if (!passes(call, rd_init(frame, n)))
		return -ENOTCONN;
	if (!output_has_room(call, SSTP_HEADER_LEN + n))
		return -ENOBUFS;
	r = buf_reserve(&call->out, SSTP_HEADER_LEN + n, &p);
	if (r < 0)
		return r;
	sstp_data_header(p, n);
	memcpy(p + SSTP_HEADER_LEN, frame, n);
	buf_commit(&call->out, SSTP_HEADER_LEN + n);
	return 0;
}

void sstp_call_disconnect(struct sstp_call *call, enum event why, uint64_t now_ms)
{
	call->now_ms = now_ms;
	if (!call->started)
		call_end(call, why);
	if (states[call->state].closing)
		return;
	set_reason(call, why);
	note_status(call, false, SSTP_MSG_CALL_DISCONNECT, SSTP_ATTRIB_NO_ERROR,
		ATTRIB_STATUS_NO_ERROR);
	if (send_farewell(
		    call, SSTP_MSG_CALL_DISCONNECT, SSTP_ATTRIB_NO_ERROR, ATTRIB_STATUS_NO_ERROR))
		set_state(call, CALL_DISCONNECT_ACK_PENDING);
}

void sstp_call_https_gone(struct sstp_call *call)
{
	call_end(call, EV_SSTP_HTTPS_GONE);
}

struct buf *sstp_call_output(struct sstp_call *call)
{
	return &call->out;
}

bool sstp_call_data_ok(const struct sstp_call *call)
{
	return states[call->state].passes == ALL_FRAMES;
}

enum event sstp_call_reason(const struct sstp_call *call)
{
	return call->reason;
}

const char *sstp_call_state_name(const struct sstp_call *call)
{
	return states[call->state].name;
}

struct sstp_call_status sstp_call_status(const struct sstp_call *call)
{
	return call->status;
}

struct sstp_call_binding sstp_call_binding(const struct sstp_call *call)
{
	return call->binding;
}
