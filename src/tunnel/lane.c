// SPDX-License-Identifier: Apache-2.0
/*
 * Theory: a lane is a second connection of one session, with TLS and the HTTP request in front like
 * the first one, and behind them nothing but SSTP data packets with IP in them. It has no call and
 * no PPP of its own: what may pass is decided by the first connection's, and all that it needs to
 * say, it says there. So anything else on a lane is a fault, and ends the lane; the session stays.
 */
#include "tunnel/lane.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "base/crypto.h"
#include "ppp/frame.h"
#include "tls/engine.h"

void lane_done(struct lane *l)
{
	sstp_stream_done(&l->in);
	sstp_lane_forget(&l->ticket);
}

/* ---- the call that may have a lane ---------------------------------------------------------- */

void lane_grant(struct lane *l, char ret_text[static SSTP_LANE_ANSWER_LEN])
{
	crypto_random(l->ticket.handle, sizeof(l->ticket.handle));
	l->known = true;
	sstp_lane_answer_format(l->ticket.handle, ret_text);
}

void lane_note_answer(struct lane *l, const char *text)
{
	l->known = l->wanted && !sstp_lane_answer_parse(text, l->ticket.handle);
}

void lane_set_key(struct lane *l, const uint8_t hlak[static HLAK_LEN])
{
	l->keyed = l->known && !sstp_lane_key(hlak, l->ticket.key);
}

/* ---- the connection that is to be one ---------------------------------------------------------- */

static enum event export_octets(const struct tls *tls, uint8_t ret[static SSTP_LANE_EXPORT_LEN])
{
	if (!tls || tls_export(tls, SSTP_LANE_EXPORT_LABEL, ret, SSTP_LANE_EXPORT_LEN) < 0)
		return EV_LANE_NO_EXPORT;
	return EV_NONE;
}

enum event lane_ask(
	const struct lane *l, const struct tls *tls, char ret_text[static SSTP_LANE_REQUEST_LEN])
{
	uint8_t exported[SSTP_LANE_EXPORT_LEN], proof[SSTP_LANE_PROOF_LEN];
	enum event ev = export_octets(tls, exported);

	if (ev)
		return ev;
	if (sstp_lane_prove(&l->ticket, SSTP_LANE_CLIENT, exported, proof) < 0)
		return EV_LANE_NO_EXPORT;
	sstp_lane_request_format(l->ticket.handle, proof, ret_text);
	return EV_NONE;
}

enum event lane_judge_answer(const struct lane *l, const struct tls *tls, const char *text)
{
	uint8_t exported[SSTP_LANE_EXPORT_LEN], proof[SSTP_LANE_PROOF_LEN];
	enum event ev = export_octets(tls, exported);

	if (ev)
		return ev;
	if (sstp_lane_proof_parse(text, proof) < 0 ||
		!sstp_lane_proved(&l->ticket, SSTP_LANE_SERVER, exported, proof))
		return EV_LANE_NOT_PROVEN;
	return EV_NONE;
}

bool lane_note_request(struct lane *l, const char *text)
{
	l->is_lane = !sstp_lane_request_parse(text, l->ticket.handle, l->proof);
	return l->is_lane;
}

enum event lane_judge_request(struct lane *l, const struct tls *tls,
	const struct sstp_lane_ticket *call, char ret_text[static SSTP_LANE_PROOF_TEXT_LEN])
{
	uint8_t exported[SSTP_LANE_EXPORT_LEN], proof[SSTP_LANE_PROOF_LEN];
	enum event ev = export_octets(tls, exported);

	if (ev)
		return ev;
	if (l->eager)
		return EV_LANE_PROTOCOL;
	if (!sstp_lane_proved(call, SSTP_LANE_CLIENT, exported, l->proof) ||
		sstp_lane_prove(call, SSTP_LANE_SERVER, exported, proof) < 0)
		return EV_LANE_REFUSED;
	sstp_lane_proof_format(proof, ret_text);
	return EV_NONE;
}

/* ---- data ---------------------------------------------------------- */

bool lane_next_packet(struct lane *l, int *ret_family, struct rd *ret_packet, enum event *ret_end)
{
	struct sstp_packet pkt;
	uint16_t protocol;
	int r = sstp_stream_next(&l->in, &pkt);

	*ret_end = EV_NONE;
	if (r == -EAGAIN)
		return false;
	if (r < 0 || pkt.control || ppp_frame_parse(&pkt.body, &protocol) < 0 ||
		(protocol != PPP_IPV4 && protocol != PPP_IPV6)) {
		*ret_end = r == -ENOMEM ? EV_OUT_OF_MEMORY : EV_LANE_PROTOCOL;
		return false;
	}
	*ret_family = protocol == PPP_IPV4 ? AF_INET : AF_INET6;
	*ret_packet = pkt.body;
	return true;
}
