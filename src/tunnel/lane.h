// SPDX-License-Identifier: Apache-2.0
/*
 * tunnel/lane.h — what a tunnel knows of lanes: a call may have one, and a connection may be one
 * (sstp/lane.h has the proofs, docs/interop.md the words on the wire).
 *
 * Ownership: embedded in the tunnel; lane_done() wipes. Packets point where sstp/stream.h says.
 */
#pragma once
#include <stdbool.h>

#include "base/rd.h"
#include "events/event.h"
#include "sstp/lane.h"
#include "sstp/stream.h"

struct tls;

struct lane {
	/* of a call */
	bool wanted; /* we know lanes */
	bool asked;  /* server: so does the client */
	bool known;  /* both do, and the ticket has its handle */
	bool keyed;  /* the login has yielded a key: a lane may be opened */
	/* of a connection that is a lane, or asks to be one */
	bool is_lane;
	bool eager;                         /* server: the client did not wait for the answer */
	bool retired;                       /* nothing is sent on it any more */
	uint8_t proof[SSTP_LANE_PROOF_LEN]; /* server: what the client showed */
	struct sstp_stream in;

	struct sstp_lane_ticket ticket;
};

void lane_done(struct lane *l);

/* Server: the call's handle, as the value of the answer's header. */
void lane_grant(struct lane *l, char ret_text[static SSTP_LANE_ANSWER_LEN]);
/* Client: the server's answer; anything but the right form: no lanes. */
void lane_note_answer(struct lane *l, const char *text);
/* The login's key. */
void lane_set_key(struct lane *l, const uint8_t hlak[static HLAK_LEN]);

/* Client: the value with which a lane is asked for on this connection. */
enum event lane_ask(
	const struct lane *l, const struct tls *tls, char ret_text[static SSTP_LANE_REQUEST_LEN]);
/* Client: does the answer prove that it is the call's server? */
enum event lane_judge_answer(const struct lane *l, const struct tls *tls, const char *text);
/* Server: false when it is no request of the right form. Notes handle and proof. */
bool lane_note_request(struct lane *l, const char *text);
/* Server: judges the noted request with a call's ticket, and makes the answer. */
enum event lane_judge_request(struct lane *l, const struct tls *tls,
	const struct sstp_lane_ticket *call, char ret_text[static SSTP_LANE_PROOF_TEXT_LEN]);

/*
 * The next IP packet that came on a lane: true with *ret_family and *ret_packet. False: nothing more
 * in what was fed; or *ret_end says why the lane is over.
 */
bool lane_next_packet(struct lane *l, int *ret_family, struct rd *ret_packet, enum event *ret_end);
