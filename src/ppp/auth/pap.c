// SPDX-License-Identifier: Apache-2.0
/*
 * PAP (RFC 1334 section 2): the client sends name and password, in the clear but inside TLS, every
 * 3 s until it is answered, ten times. The server answers a repeated Request with the same verdict.
 * PAP yields no key: the HLAK is zero.
 *
 * DEVIATION: the server's Ack has four octets, without the Msg-Length of RFC 1334 2.2.2 and thus without
 * a message: an Android client fails on a message of length zero. A Nak has its message, which users
 * read. The client takes an Ack of any form.
 */
#include "ppp/auth/pap.h"

#include <errno.h>
#include <string.h>

#include "base/auto.h"
#include "base/wr.h"

int pap_request_parse(struct rd body, struct pap_request *ret)
{
	struct pap_request request;

	request.user = rd_sub(&body, rd_u8(&body));
	request.password = rd_sub(&body, rd_u8(&body));
	if (body.short_read)
		return -EPROTO;
	*ret = request;
	return 0;
}

/* The message of an Ack or Nak; empty when there is none. */
static struct rd message_of(struct rd body)
{
	return rd_sub(&body, rd_u8(&body));
}

static void send_request(struct auth *a)
{
	const struct auth_secrets *s = a->secrets;
	uint8_t body[2 + 2 * UINT8_MAX];
	struct wr w = wr_init(body, sizeof(body));

	wr_u8(&w, (uint8_t)s->user_len);
	wr_octets(&w, s->user, s->user_len);
	wr_u8(&w, (uint8_t)s->password_len);
	wr_octets(&w, s->password, s->password_len);
	auth_send(a, PAP_REQUEST, a->identifier, body, wr_len(&w));
	explicit_bzero(body, sizeof(body));
}

static void start(struct auth *a, uint64_t now_ms)
{
	auth_wait(a, now_ms, AUTH_RESEND_MS);
	if (a->server)
		return;
	if (a->secrets->user_len > UINT8_MAX || a->secrets->password_len > UINT8_MAX) {
		ppp_fault_set(a->fault, EV_AUTH_CANNOT_COMPUTE,
			"PAP takes no name or password over 255 octets");
		return;
	}
	a->identifier = 1;
	send_request(a);
}

static void resend(struct auth *a)
{
	if (!a->server)
		send_request(a);
}

static void recv_request(struct auth *a, const struct ppp_packet *packet)
{
	struct pap_request request;
	struct proof *p;

	if (a->stage == AUTH_PASSED || a->stage == AUTH_DENIED) {
		a->reply_identifier = packet->identifier;
		auth_repeat_reply(a);
		return;
	}
	if (a->stage != AUTH_WAITING || pap_request_parse(packet->body, &request) < 0)
		return;
	p = auth_keep_proof(
		a, &(struct proof){.method = AUTH_PAP, .identifier = packet->identifier});
	if (!p)
		return;
	a->identifier = packet->identifier;
	auth_set_user(a, request.user.p, rd_left(&request.user)); /* 255 octets always fit */
	p->password_len = rd_left(&request.password);
	rd_copy(&request.password, p->password, p->password_len);
	auth_proven(a, AUTH_JUDGING);
}

static void recv_verdict(struct auth *a, const struct ppp_packet *packet)
{
	char text[PPP_TEXT_MAX];

	if (a->stage != AUTH_WAITING || packet->identifier != a->identifier)
		return;
	if (packet->code == PAP_ACK) {
		a->has_hlak = true; /* all zero */
		auth_proven(a, AUTH_PASSED);
		return;
	}
	ppp_text(message_of(packet->body), text, sizeof(text));
	auth_proven(a, AUTH_DENIED);
	ppp_fault_set(
		a->fault, EV_AUTH_FAILED, *text ? "PAP, the server says \"%s\"" : "PAP%s", text);
}

static void recv_packet(struct auth *a, const struct ppp_packet *packet, uint64_t now_ms UNUSED)
{
	if (a->server && packet->code == PAP_REQUEST)
		recv_request(a, packet);
	else if (!a->server && (packet->code == PAP_ACK || packet->code == PAP_NAK))
		recv_verdict(a, packet);
}

static void conclude(struct auth *a, const struct verdict *v)
{
	uint8_t body[1 + sizeof(v->message)];
	size_t n = strlen(v->message);

	if (!v->error) {
		auth_reply(a, PAP_ACK, a->identifier, NULL, 0);
		return;
	}
	body[0] = (uint8_t)n;
	memcpy(body + 1, v->message, n);
	auth_reply(a, PAP_NAK, a->identifier, body, 1 + n);
}

const struct auth_scheme pap_scheme = {
	.method = AUTH_PAP,
	.name = "PAP",
	.protocol = PPP_PAP,
	.start = start,
	.on_packet = recv_packet,
	.resend = resend,
	.conclude = conclude,
};
