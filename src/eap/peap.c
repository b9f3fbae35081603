// SPDX-License-Identifier: Apache-2.0
/*
 * PEAPv0 ([MS-PEAP]), the client: EAP-MSCHAPv2 or EAP-TLS inside TLS.
 *
 *     phase 1   as EAP-TLS, without a certificate of ours
 *     phase 2   inside TLS, without code, identifier and length: Identity, the inner method; then Result
 *               and Crypto-Binding in a packet of type 33, which goes whole
 *
 * The binding proves that the ends of the inner login are the ends of this TLS. It is required, unless the
 * caller allows servers that send none (FreeRADIUS 3); then the keys are those of TLS. A server's Result of
 * success counts only when the inner method has come to its own end.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/peap_binding.h"
#include "eap/tunnel.h"

#define INNER_MTU 1300 /* an inner packet fits one record and its fragments */

enum { RESULT_SUCCESS = 1, RESULT_FAILURE };

struct peap {
	struct eap_side *side;
	struct peer_tunnel tunnel;
	struct eap_side inner_side;
	const struct eap_peer_method *method; /* of the inner login; NULL: none has begun */
	void *inner;
	bool asked_for_tls; /* by a Nak: once */
	bool done;
	uint8_t msk[EAP_MSK_LEN];
};

static int begin(struct eap_side *side, void **ret)
{
	struct peap *m = calloc(1, sizeof(*m));

	if (!m)
		return -ENOMEM;
	m->side = m->tunnel.side = side;
	m->inner_side = *side;
	*ret = m;
	return 0;
}

static void leave_inner(struct peap *m)
{
	if (m->method)
		m->method->end(m->inner);
	m->method = NULL;
	m->inner = NULL;
}

static void end(void *self)
{
	struct peap *m = self;

	leave_inner(m);
	memcpy(m->side->password, m->inner_side.password, sizeof(m->side->password));
	m->side->was_asked = m->inner_side.was_asked;
	peer_tunnel_done(&m->tunnel);
	explicit_bzero(m, sizeof(*m));
	free(m);
}

/* Into TLS, and what TLS makes of it out. */
static enum eap_answer say(struct peap *m, const uint8_t *octets, size_t n, struct wr *out)
{
	if (tls_write(m->tunnel.tls, octets, n) < 0)
		return eap_side_fail(m->side, EV_AUTH_EAP_TLS_FAILED, "nothing can be written");
	return peer_tunnel_put(&m->tunnel, out);
}

static void note_inner(struct peap *m)
{
	if (m->inner_side.event)
		eap_side_note(m->side, m->inner_side.event, m->inner_side.detail);
}

/* ---- Result and Crypto-Binding ------------------------------------------------------------------- */

static int make_keys(struct peap *m, struct peap_keys *ret)
{
	uint8_t block[TLS_EAP_KEY_LEN], msk[EAP_MSK_LEN];
	int r;

	memset(msk, 0, sizeof(msk));
	r = m->method ? m->method->key(m->inner, msk) : -EAGAIN;
	if (!r)
		r = peer_tunnel_keys(&m->tunnel, EAP_PEAP, block);
	if (!r)
		r = peap_keys_make(block, msk, ret);
	if (!r)
		memcpy(m->msk, block, sizeof(m->msk)); /* without a binding */
	explicit_bzero(block, sizeof(block));
	explicit_bzero(msk, sizeof(msk));
	return r;
}

static enum eap_answer answer_result(struct peap *m, uint8_t identifier, uint16_t result,
	const struct peap_keys *keys, struct wr *out)
{
	uint8_t packet[128], nonce[PEAP_NONCE_LEN], tlv[PEAP_BINDING_LEN];
	struct wr w = wr_init(packet + EAP_HEADER_LEN, sizeof(packet) - EAP_HEADER_LEN);

	wr_u8(&w, EAP_TLV);
	wr_be16(&w, 0x8003);
	wr_be16(&w, 2);
	wr_be16(&w, result);
	if (keys) {
		m->side->opts->random(nonce, sizeof(nonce));
		if (peap_binding_write(keys, PEAP_BINDING_RESPONSE, nonce, tlv) < 0)
			return eap_side_fail(m->side, EV_AUTH_CANNOT_COMPUTE, "HMAC-SHA1");
		wr_octets(&w, tlv, sizeof(tlv));
	}
	eap_header(packet, EAP_RESPONSE, identifier, wr_len(&w));
	return say(m, packet, EAP_HEADER_LEN + wr_len(&w), out);
}

static enum eap_answer bind_keys(
	struct peap *m, uint8_t identifier, const struct peap_extensions *x, struct wr *out)
{
	struct peap_keys keys = {0};
	bool bound = rd_left(&x->binding);
	enum eap_answer a;

	if (make_keys(m, &keys) < 0)
		return eap_side_fail(m->side, EV_AUTH_EAP_SERVER_BINDING,
			"success before the inner login has come to its end");
	if (!bound && !m->side->opts->binding_optional)
		return eap_side_fail(m->side, EV_AUTH_EAP_SERVER_BINDING, "the server sent none");
	if (bound && (!peap_binding_verifies(&keys, PEAP_BINDING_REQUEST, x->binding) ||
			     peap_msk(&keys, m->msk) < 0))
		return eap_side_fail(m->side, EV_AUTH_EAP_SERVER_BINDING, "it does not verify");
	a = answer_result(m, identifier, RESULT_SUCCESS, bound ? &keys : NULL, out);
	m->done = a == EAP_ANSWER_SEND;
	explicit_bzero(&keys, sizeof(keys));
	return a;
}

static enum eap_answer on_extensions(struct peap *m, const struct eap_packet *p, struct wr *out)
{
	struct peap_extensions x;

	if (peap_extensions_parse(p->data, &x) < 0)
		return eap_side_fail(m->side, EV_AUTH_EAP_SERVER_BINDING, "malformed");
	if (x.result == RESULT_SUCCESS)
		return bind_keys(m, p->identifier, &x, out);
	note_inner(m);
	return answer_result(m, p->identifier, RESULT_FAILURE, NULL, out);
}

/* ---- the inner login ------------------------------------------------------------------------------ */

static bool may_run(const struct peap *m, uint8_t type)
{
	const struct eap_client_opts *o = m->side->opts;

	return type == EAP_TLS ? o->has_certificate : type == EAP_MSCHAPV2 && m->side->has_password;
}

static enum eap_answer nak(struct peap *m, struct wr *out)
{
	static const uint8_t types[] = {EAP_TLS, EAP_MSCHAPV2};
	uint8_t packet[1 + sizeof(types)] = {EAP_NAK};
	size_t n = 1;

	for (size_t i = 0; i < sizeof(types); i++)
		if (may_run(m, types[i]))
			packet[n++] = types[i];
	m->asked_for_tls = true;
	return say(m, packet, n, out);
}

/* A certificate is given to be used: a server that begins with the password is asked once for EAP-TLS. */
static bool is_wanted(const struct peap *m, uint8_t type)
{
	return may_run(m, type) &&
	       (type == EAP_TLS || m->asked_for_tls || m->method || !may_run(m, EAP_TLS));
}

/* The method of this type runs; a running one is not left for another, but may begin again. */
static int begin_inner(struct peap *m, uint8_t type, struct rd data)
{
	const struct eap_peer_method *method = type == EAP_TLS ? &eap_peer_tls : &eap_peer_mschapv2;

	if (m->method && m->method != method)
		return -EPROTO;
	if (m->method && !method->starts(data))
		return 0;
	leave_inner(m);
	if (method->begin(&m->inner_side, &m->inner) < 0)
		return -ENOMEM;
	m->method = method;
	return 0;
}

/* What the inner method answers, behind its type. */
static enum eap_answer on_method(struct peap *m, uint8_t type, struct rd data, struct wr *out)
{
	uint8_t response[1 + INNER_MTU];
	struct wr w = wr_init(response + 1, INNER_MTU);
	enum eap_answer a;

	if (!is_wanted(m, type))
		return m->method ? EAP_ANSWER_DISCARD : nak(m, out);
	if (begin_inner(m, type, data) < 0)
		return eap_side_fail(m->side, EV_AUTH_EAP_TLS_FAILED,
			"the server changes the method inside PEAP");
	m->inner_side.identifier = m->side->identifier;
	m->inner_side.room = INNER_MTU;
	response[0] = type;
	a = m->method->receive(m->inner, data, &w);
	note_inner(m);
	if (a != EAP_ANSWER_SEND)
		return a;
	return w.overflow ? EAP_ANSWER_FAIL : say(m, response, 1 + wr_len(&w), out);
}

static enum eap_answer on_inner(struct peap *m, uint8_t type, struct rd data, struct wr *out)
{
	const char *user = m->side->opts->user;
	uint8_t identity[1 + USER_NAME_MAX] = {EAP_IDENTITY};

	if (type != EAP_IDENTITY)
		return on_method(m, type, data, out);
	memcpy(identity + 1, user, strlen(user));
	return say(m, identity, 1 + strlen(user), out);
}

/* Most packets come without their header; Extensions, and FreeRADIUS's Identity, come with it. */
static bool is_whole(const struct peap *m, struct eap_packet *ret)
{
	return !eap_packet_parse(rd_init(m->tunnel.text, m->tunnel.text_len), ret) &&
	       ret->code == EAP_REQUEST && rd_left(&ret->whole) == m->tunnel.text_len;
}

static enum eap_answer on_text(struct peap *m, struct wr *out)
{
	struct rd data = rd_init(m->tunnel.text, m->tunnel.text_len);
	struct eap_packet p;

	if (is_whole(m, &p))
		return p.type == EAP_TLV ? on_extensions(m, &p, out)
					 : on_inner(m, p.type, p.data, out);
	uint8_t type = rd_u8(&data);

	return on_inner(m, type, data, out);
}

static enum eap_answer receive(void *self, struct rd data, struct wr *out)
{
	struct peap *m = self;
	enum eap_answer a;

	if (peer_tunnel_starts(data)) {
		m->done = m->asked_for_tls = false;
		leave_inner(m);
	}
	if (!peer_tunnel_receive(&m->tunnel, data, out, &a))
		return a;
	return m->tunnel.text_len ? on_text(m, out) : peer_tunnel_put(&m->tunnel, out);
}

static int key(const void *self, uint8_t ret_msk[static EAP_MSK_LEN])
{
	const struct peap *m = self;

	if (!m->done)
		return -EAGAIN;
	memcpy(ret_msk, m->msk, EAP_MSK_LEN);
	return 0;
}

const struct eap_peer_method eap_peer_peap = {
	EAP_PEAP, false, begin, end, peer_tunnel_starts, receive, key};
