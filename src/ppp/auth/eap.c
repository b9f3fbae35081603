// SPDX-License-Identifier: Apache-2.0
/*
 * EAP over PPP (RFC 3748): the carrier. It knows no method.
 *
 * Server: asks for the Identity itself, as a NAS does (RFC 3579 2.1). Each Response to the Request that is
 * outstanding goes up as a proof; the owner answers with the next Request (eap_challenge()) or with the
 * verdict, of which Success or Failure is made. A Request is repeated, octet for octet, until its Response
 * comes; the timer stands while the owner judges (4.3). A Response that is a duplicate, has another
 * identifier, or comes after the verdict is dropped.
 *
 * Client: answers Identity and Notification itself and hands all other Requests to the peer
 * (ppp/eap_peer.h). A Request that comes twice gets the same Response twice (4.1). Success counts only
 * when the method has come to its end; anything after it is dropped. No timer: the server repeats (4.3).
 */
#include "ppp/auth/eap.h"

#include <errno.h>
#include <string.h>

#include "base/auto.h"
#include "base/eap.h"
#include "ppp/eap_peer.h"
#include "base/wr.h"

struct eap_carrier {
	bool waiting;      /* server: for a Response to `sent`; client: `sent` answers `received` */
	bool identified;   /* server: the first Response, the Identity, has come */
	unsigned requests; /* client: heard so far */
	uint8_t sent[EAP_PACKET_MAX];
	size_t sent_len;
	uint8_t received[EAP_PACKET_MAX];
	size_t received_len;
};

/* One packet or the timer may end the login; nothing of it is needed afterwards. */
static void drop_carrier(struct auth *a)
{
	if (a->eap)
		explicit_bzero(a->eap, sizeof(*a->eap));
	free(a->eap);
	a->eap = NULL;
}

static void send_again(struct auth *a)
{
	const uint8_t *p = a->eap->sent;

	auth_send(a, p[0], p[1], p + EAP_HEADER_LEN, a->eap->sent_len - EAP_HEADER_LEN);
}

static void send_whole(struct auth *a, const uint8_t *packet, size_t n)
{
	memcpy(a->eap->sent, packet, n);
	a->eap->sent_len = n;
	send_again(a);
}

/* Longest packet for the peer: it is the payload of one frame. */
static size_t mtu_of(const struct auth *a)
{
	return a->mtu && a->mtu < EAP_PACKET_MAX ? a->mtu : EAP_PACKET_MAX;
}

/* Client: the server has so long for its next word; only a server repeats itself. */
static void wait_for_server(struct auth *a, uint64_t now_ms)
{
	a->tries = 1;
	auth_wait(a, now_ms, EAP_SILENCE_MS);
}

static void ask_identity(struct auth *a, uint64_t now_ms)
{
	uint8_t ask[EAP_HEADER_LEN + 1];

	if (draw_octets(a->draw, &a->identifier, 1) < 0) {
		ppp_fault_set(a->fault, EV_AUTH_CANNOT_COMPUTE, "SHA-256 is missing");
		return;
	}
	eap_header(ask, EAP_REQUEST, a->identifier, 1);
	ask[EAP_HEADER_LEN] = EAP_IDENTITY;
	a->resend_ms = a->first_resend_ms;
	a->eap->waiting = true;
	auth_wait(a, now_ms, a->resend_ms);
	send_whole(a, ask, sizeof(ask));
}

static void start(struct auth *a, uint64_t now_ms)
{
	drop_carrier(a);
	a->eap = calloc(1, sizeof(*a->eap));
	if (!a->eap)
		ppp_fault_set(a->fault, EV_OUT_OF_MEMORY, "EAP");
	else if (a->server)
		ask_identity(a, now_ms);
	else
		wait_for_server(a, now_ms);
}

static void resend(struct auth *a)
{
	if (a->server && a->eap && a->eap->waiting)
		send_again(a);
}

/* ---- server ---------------------------------------------------------------------------------- */

static void recv_response(struct auth *a, const struct eap_packet *packet)
{
	struct eap_carrier *c = a->eap;
	size_t n = rd_left(&packet->whole);

	if (a->stage != AUTH_WAITING || !c->waiting || packet->identifier != a->identifier)
		return;
	if (n > sizeof(c->received) || (!c->identified && packet->type != EAP_IDENTITY))
		return;
	if (!auth_keep_proof(a, &(struct proof){.method = AUTH_EAP,
					.identifier = packet->identifier,
					.eap = c->received,
					.eap_len = n,
					.eap_mtu = (uint16_t)mtu_of(a)}))
		return;
	c->waiting = false;
	memcpy(c->received, packet->whole.p, n);
	if (!c->identified && auth_set_user(a, packet->data.p, rd_left(&packet->data)) < 0) {
		auth_refuse(a, "user name too long");
		return;
	}
	c->identified = true;
	auth_proven(a, AUTH_JUDGING);
}

void eap_challenge(struct auth *a, const uint8_t *packet, size_t n, uint64_t now_ms)
{
	struct eap_packet p;

	if (a->stage != AUTH_JUDGING || !a->eap)
		return;
	auth_drop_proof(a);
	if (eap_packet_parse(rd_init(packet, n), &p) < 0 || p.code != EAP_REQUEST ||
		rd_left(&p.whole) != n || n > mtu_of(a) || p.identifier == a->identifier) {
		auth_refuse(a, "the next request of EAP is malformed");
		return;
	}
	a->identifier = p.identifier;
	a->stage = AUTH_WAITING;
	a->eap->waiting = true;
	a->tries = AUTH_TRIES;
	a->resend_ms = AUTH_RESEND_MS;
	auth_wait(a, now_ms, a->resend_ms);
	send_whole(a, packet, n);
}

/* RFC 3748 4.2: the identifier is that of the Response. */
static void conclude(struct auth *a, const struct verdict *v)
{
	uint8_t packet[EAP_HEADER_LEN];

	if (!a->eap)
		return;
	a->eap->waiting = false;
	eap_header(packet, v->error ? EAP_FAILURE : EAP_SUCCESS, a->identifier, 0);
	send_whole(a, packet, sizeof(packet));
	drop_carrier(a);
}

/* ---- client ---------------------------------------------------------------------------------- */

static void peer_fault(struct auth *a, enum event otherwise)
{
	const char *detail = "";
	enum event why = a->peer->ops->why(a->peer, &detail);

	auth_proven(a, AUTH_DENIED);
	ppp_fault_set(a->fault, why ? why : otherwise, *detail ? "EAP, %s" : "EAP%s", detail);
}

static ssize_t respond(struct auth *a, const struct eap_packet *packet, uint8_t *ret)
{
	const struct auth_secrets *s = a->secrets;
	struct wr w = wr_init(ret + EAP_HEADER_LEN, EAP_PACKET_MAX - EAP_HEADER_LEN);

	if (packet->type != EAP_IDENTITY && packet->type != EAP_NOTIFICATION)
		return a->peer->ops->process(a->peer, packet->whole, mtu_of(a), ret);
	wr_u8(&w, packet->type);
	if (packet->type == EAP_IDENTITY)
		wr_octets(&w, s->user, s->user_len);
	eap_header(ret, EAP_RESPONSE, packet->identifier, wr_len(&w));
	return (ssize_t)(EAP_HEADER_LEN + wr_len(&w));
}

/* RFC 3748 4.1: the same identifier as the Request before is that Request again. */
static bool is_repeated(const struct eap_carrier *c, const struct eap_packet *packet)
{
	return c->waiting && c->received[1] == packet->identifier &&
	       c->received_len == rd_left(&packet->whole) &&
	       !memcmp(c->received, packet->whole.p, c->received_len);
}

static void recv_request(struct auth *a, const struct eap_packet *packet, uint64_t now_ms)
{
	struct eap_carrier *c = a->eap;
	uint8_t response[EAP_PACKET_MAX];
	ssize_t n;

	if (a->stage != AUTH_WAITING || rd_left(&packet->whole) > sizeof(c->received))
		return;
	if (packet->type < EAP_IDENTITY || packet->type == EAP_NAK)
		return; /* RFC 3748 5.3.1: a Nak is a Response */
	if (++c->requests > EAP_REQUESTS_MAX) {
		auth_proven(a, AUTH_DENIED);
		ppp_fault_set(a->fault, EV_AUTH_WITHOUT_END, "EAP comes to no end: %u requests",
			c->requests - 1);
		return;
	}
	if (is_repeated(c, packet)) {
		send_again(a);
		return;
	}
	n = respond(a, packet, response);
	if (n < 0)
		peer_fault(a, EV_AUTH_CANNOT_COMPUTE);
	if (n <= 0 || (size_t)n > sizeof(response))
		return;
	c->received_len = rd_left(&packet->whole);
	memcpy(c->received, packet->whole.p, c->received_len);
	c->waiting = true;
	a->identifier = packet->identifier;
	wait_for_server(a, now_ms);
	send_whole(a, response, (size_t)n);
	explicit_bzero(response, sizeof(response));
}

/*
 * Success and Failure answer our last Response. DEVIATION: its identifier plus one is taken, too (RFC 3748
 * 4.2): Microsoft's IAS sends that.
 */
static bool ends_this(const struct auth *a, const struct eap_packet *packet)
{
	return a->stage == AUTH_WAITING && a->eap->waiting &&
	       (packet->identifier == a->identifier ||
		       packet->identifier == (uint8_t)(a->identifier + 1));
}

static void recv_success(struct auth *a)
{
	uint8_t msk[EAP_MSK_LEN];

	if (a->peer->ops->key(a->peer, msk) < 0)
		return; /* not earned: the method goes on */
	memcpy(a->hlak, msk, sizeof(a->hlak));
	explicit_bzero(msk, sizeof(msk));
	a->has_hlak = true;
	auth_proven(a, AUTH_PASSED);
	drop_carrier(a);
}

static void recv_packet(struct auth *a, const struct ppp_packet *octets, uint64_t now_ms)
{
	struct eap_packet packet;

	if (!a->eap || eap_packet_parse(octets->whole, &packet) < 0)
		return;
	if (a->server) {
		if (packet.code == EAP_RESPONSE)
			recv_response(a, &packet);
		return;
	}
	if (packet.code == EAP_REQUEST)
		recv_request(a, &packet, now_ms);
	else if (packet.code == EAP_SUCCESS && ends_this(a, &packet))
		recv_success(a);
	else if (packet.code == EAP_FAILURE && ends_this(a, &packet))
		peer_fault(a, EV_AUTH_FAILED);
}

const struct auth_scheme eap_scheme = {
	.method = AUTH_EAP,
	.name = "EAP",
	.protocol = PPP_EAP,
	.start = start,
	.on_packet = recv_packet,
	.resend = resend,
	.conclude = conclude,
	.end = drop_carrier,
};
