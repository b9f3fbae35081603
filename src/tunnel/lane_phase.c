// SPDX-License-Identifier: Apache-2.0
/*
 * Theory: the tunnel as a lane (lane.c says what that is), and the call that may have one.
 *
 *     HTTP ──TUNNEL_LANE_REQUEST──▶ LANE_ASKED ──tunnel_lane_answer()──▶ LANE     server
 *     HTTP ──the server's proof──▶ LANE                                           client
 *
 * LANE_ASKED waits for the owner: only the owner knows the call and its key, and it may be
 * in another thread's hands.
 */
#include "tunnel/private.h"

#include <string.h>

#include "base/clock.h"
#include "tunnel/limits.h"

/* ---- the call ---------------------------------------------------------- */

bool tunnel_lane_ticket(const struct tunnel *t, struct tunnel_ticket *ret)
{
	if (!t->bound || t->binding != TUNNEL_BINDING_KEYED || !t->lane.keyed ||
		t->phase != PHASE_CALL)
		return false;
	ret->call = t->lane.ticket;
	memcpy(ret->leaf_sha256, t->certs[0].sha256, sizeof(ret->leaf_sha256));
	return true;
}

void tunnel_ticket_wipe(struct tunnel_ticket *ticket)
{
	explicit_bzero(ticket, sizeof(*ticket));
}

/* ---- becoming a lane ---------------------------------------------------------- */

bool tunnel_leaf_is_that_of_the_call(const struct tunnel *t)
{
	return !t->lane.is_lane || crypto_equal(t->certs[0].sha256, t->lane_leaf, SHA256_LEN);
}

bool tunnel_become_lane(struct tunnel *t, const char *proof, struct tunnel_event *ret)
{
	enum event why = lane_judge_answer(&t->lane, t->outer.tls, proof);

	sstp_lane_forget(&t->lane.ticket);
	if (why) {
		tunnel_end_now(t, why, "");
		return false;
	}
	t->phase = PHASE_LANE;
	t->handshake_deadline = NEVER;
	*ret = (struct tunnel_event){TUNNEL_LANE_UP, .text = t->text};
	return true;
}

const uint8_t *tunnel_lane_handle(const struct tunnel *t)
{
	return t->lane.ticket.handle;
}

void tunnel_move(struct tunnel *t, uint8_t *scratch)
{
	t->scratch = scratch;
}

bool tunnel_lane_answer(struct tunnel *t, const struct tunnel_ticket *call, int64_t wall_s)
{
	char proof[SSTP_LANE_PROOF_TEXT_LEN];
	enum event why = EV_LANE_REFUSED;

	if (t->phase != PHASE_LANE_ASKED)
		return false;
	if (call)
		why = lane_judge_request(&t->lane, t->outer.tls, &call->call, proof);
	if (why) {
		tunnel_respond(t, LANE_REFUSED_STATUS, wall_s);
		tunnel_end_now(t, why, "");
		return false;
	}
	http_server_grant(t->http_server, HTTP_LANE, proof);
	tunnel_respond(t, 200, wall_s);
	t->phase = PHASE_LANE;
	t->handshake_deadline = t->login_deadline = NEVER; /* the proof was its login */
	return true;
}

/* ---- SSTP data and nothing else ---------------------------------------------------------- */

bool tunnel_recv_lane(struct tunnel *t, struct tunnel_event *ret)
{
	enum event why;

	*ret = (struct tunnel_event){.type = TUNNEL_PACKET};
	if (!lane_next_packet(&t->lane, &ret->family, &ret->packet, &why)) {
		if (why)
			tunnel_end_now(t, why, "");
		return false;
	}
	t->packets_out = true;
	return true;
}

bool tunnel_is_lane(const struct tunnel *t)
{
	return t->phase == PHASE_LANE && !t->lane.retired;
}

int tunnel_send_nothing(struct tunnel *t)
{
	return tunnel_is_lane(t) ? outer_write_empty(&t->outer) : -ENOTCONN;
}

void tunnel_retire(struct tunnel *t, enum event why, uint64_t now_ms)
{
	if (!tunnel_is_lane(t))
		return;
	t->lane.retired = true;
	t->handshake_deadline = now_ms + LANE_DRAIN_MS;
	tunnel_note_reason(t, why, "");
	outer_close(&t->outer);
}

bool tunnel_asks_for_lane(const struct tunnel *t)
{
	return t->phase == PHASE_LANE_ASKED;
}
