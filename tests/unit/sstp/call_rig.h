/*
 * One call on a bench: brought into any state, given one stimulus, and everything that follows
 * looked at. Certificate, nonce and key are those of vector e2e-mschapv2-sha256, so that its
 * CALL_CONNECTED is the right one.
 */
#pragma once
#include "vectors.h"

#include "base/clock.h"
#include "base/crypto.h"
#include "sstp/call.h"

#define REQUEST "1001000e 0001 0001 00010006 0001"
#define REQUEST_BAD "1001000e 0001 0001 00010006 0002"
#define ACK "10010030 0002 0001 00040028 00000003" NONCE
#define ACK_SHA1 "10010030 0002 0001 00040028 00000001" NONCE
#define NONCE "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define NAK "10010016 0003 0001 0002000e 00000001 00000004 0002"
#define ABORT_MSG "10010014 0005 0001 0002000c 00000002 00000007"
#define DISCONNECT "10010014 0006 0001 0002000c 00000000 00000000"
#define DISCONNECT_ACK "10010008 0007 0000"
#define ECHO_REQUEST "10010008 0008 0000"
#define ECHO_RESPONSE "10010008 0009 0000"
#define UNKNOWN_TYPE "10010008 000a 0000"
#define LCP_FRAME "ff03 c021 0900 0008 a1b2c3d4"
#define LCP_PACKET "10000010" LCP_FRAME
#define IP_FRAME "ff03 0021 4500"
#define IP_PACKET "1000000a" IP_FRAME

enum where { D, NEGOTIATING_1, NEGOTIATING_2, C, AP, AT, DA, DT, STATES };
#define RS NEGOTIATING_1 /* client: Connect_Request_Sent */
#define AR NEGOTIATING_2 /*         Connect_Ack_Received */
#define RP NEGOTIATING_1 /* server: Connect_Request_Pending */
#define CP NEGOTIATING_2 /*         Call_Connected_Pending */

static const char *const rig_state_names[2][STATES] = {
	[SSTP_CLIENT] = {"Client_Call_Disconnected", "Client_Connect_Request_Sent",
		"Client_Connect_Ack_Received", "Client_Call_Connected", "Call_Abort_Pending",
		"Call_Abort_Timeout_Pending", "Call_Disconnect_Ack_Pending",
		"Call_Disconnect_Timeout_Pending"},
	[SSTP_SERVER] = {"Server_Call_Disconnected", "Server_Connect_Request_Pending",
		"Server_Call_Connected_Pending", "Server_Call_Connected", "Call_Abort_Pending",
		"Call_Abort_Timeout_Pending", "Call_Disconnect_Ack_Pending",
		"Call_Disconnect_Timeout_Pending"},
};

struct rig {
	struct sstp_call *call;
	enum sstp_role role;
	uint64_t now_ms;
	struct sstp_cert_hash cert;
	uint8_t hlak[HLAK_LEN];
	uint8_t connected[SSTP_CALL_CONNECTED_LEN];
	/* what the last rig_collect() found */
	struct hexlit sent;
	unsigned started, up, closed, frames;
	enum event reason;
};

static inline struct sstp_call_opts rig_opts(struct rig *rig, enum sstp_role role)
{
	struct hexlit der = vector_octets("e2e-mschapv2-sha256", "certificate_der");
	struct hexlit hlak = vector_octets("e2e-mschapv2-sha256", "hlak");
	struct hexlit packet = vector_octets("e2e-mschapv2-sha256", "call_connected");
	struct hexlit nonce = hexlit(NONCE);
	struct sstp_call_opts opts = {
		.role = role, .certs = &rig->cert, .n_certs = 1, .require_binding = true};

	*rig = (struct rig){.role = role, .now_ms = 1000000};
	assert_int_equal(hash_one(HASH_SHA1, der.p, der.n, rig->cert.sha1), 0);
	assert_int_equal(hash_one(HASH_SHA256, der.p, der.n, rig->cert.sha256), 0);
	memcpy(rig->hlak, hlak.p, HLAK_LEN);
	memcpy(rig->connected, packet.p, sizeof(rig->connected));
	memcpy(opts.nonce, nonce.p, SSTP_NONCE_LEN);
	return opts;
}

static inline void rig_new(struct rig *rig, enum sstp_role role)
{
	struct sstp_call_opts opts = rig_opts(rig, role);

	assert_int_equal(sstp_call_new(&opts, &rig->call), 0);
}

static inline void rig_done(struct rig *rig)
{
	sstp_call_free(rig->call);
	rig->call = NULL;
}

/* Pulls every event and takes the output. */
static inline void rig_collect(struct rig *rig)
{
	struct buf *out = sstp_call_output(rig->call);
	struct sstp_call_event ev;

	rig->started = rig->up = rig->closed = rig->frames = 0;
	while (sstp_call_next_event(rig->call, &ev)) {
		assert_int_equal(rig->closed, 0); /* nothing comes after the end */
		switch (ev.type) {
		case SSTP_CALL_PPP_START: rig->started++; break;
		case SSTP_CALL_PPP_FRAME: rig->frames++; break;
		case SSTP_CALL_CONNECTED: rig->up++; break;
		case SSTP_CALL_CLOSED:
			rig->closed++;
			rig->reason = ev.reason;
			assert_int_equal(ev.reason, sstp_call_reason(rig->call));
			break;
		}
	}
	assert_true(buf_len(out) <= sizeof(rig->sent.p));
	rig->sent.n = buf_len(out);
	if (rig->sent.n)
		memcpy(rig->sent.p, buf_data(out), rig->sent.n);
	buf_consume(out, rig->sent.n);
}

static inline void rig_recv_octets(struct rig *rig, const void *octets, size_t n)
{
	sstp_call_recv(rig->call, octets, n, rig->now_ms);
	rig_collect(rig);
}

static inline void rig_recv(struct rig *rig, const char *text)
{
	struct hexlit h = hexlit(text);

	rig_recv_octets(rig, h.p, h.n);
}

static inline void rig_hlak(struct rig *rig)
{
	sstp_call_set_hlak(rig->call, rig->hlak, rig->now_ms);
	rig_collect(rig);
}

static inline void rig_disconnect(struct rig *rig, enum event why)
{
	sstp_call_disconnect(rig->call, why, rig->now_ms);
	rig_collect(rig);
}

static inline void rig_tick_at(struct rig *rig, uint64_t now_ms)
{
	rig->now_ms = now_ms;
	sstp_call_tick(rig->call, now_ms);
	rig_collect(rig);
}

static inline void assert_in_state(const struct rig *rig, enum where where)
{
	assert_string_equal(sstp_call_state_name(rig->call), rig_state_names[rig->role][where]);
}

static inline void assert_sent(const struct rig *rig, const char *text)
{
	assert_octets(rig->sent.p, rig->sent.n, text);
}

/* CALL_ABORT with this pair, Call_Abort_Pending, three seconds. */
static inline void assert_aborted(
	const struct rig *rig, uint8_t attrib_id, uint8_t status, enum event why)
{
	uint8_t want[] = {
		0x10, 1, 0, 20, 0, 5, 0, 1, 0, 2, 0, 12, 0, 0, 0, attrib_id, 0, 0, 0, status};

	assert_int_equal(rig->sent.n, sizeof(want));
	assert_memory_equal(rig->sent.p, want, sizeof(want));
	assert_int_equal(sstp_call_reason(rig->call), why);
	assert_in_state(rig, AP);
	assert_int_equal(sstp_call_deadline(rig->call), rig->now_ms + 3000);
}

/* A new call, brought to a state by the shortest way; to the farewell states from C. */
static inline void rig_enter(struct rig *rig, enum sstp_role role, enum where where)
{
	rig_new(rig, role);
	if (where == D)
		return;
	sstp_call_start(rig->call, rig->now_ms);
	rig_collect(rig);
	if (where >= NEGOTIATING_2)
		rig_recv(rig, role == SSTP_CLIENT ? ACK : REQUEST);
	if (where >= C) {
		rig_hlak(rig);
		if (role == SSTP_SERVER)
			rig_recv_octets(rig, rig->connected, sizeof(rig->connected));
		assert_int_equal(rig->up, 1);
	}
	switch (where) {
	case AP: rig_recv(rig, UNKNOWN_TYPE); break;
	case AT: rig_recv(rig, ABORT_MSG); break;
	case DA: rig_disconnect(rig, EV_OUT_OF_MEMORY); break;
	case DT: rig_recv(rig, DISCONNECT); break;
	default: break;
	}
	assert_in_state(rig, where);
}
