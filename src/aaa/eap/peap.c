// SPDX-License-Identifier: Apache-2.0
/*
 * PEAPv0 ([MS-PEAP]), with EAP-MSCHAPv2 or EAP-TLS inside, and the crypto binding required.
 *
 *     phase 1   Start →  … TLS without a certificate of the client
 *     phase 2   inside TLS: Identity, the method (packets without code, identifier and length), then
 *               Result and Crypto-Binding in a packet of type 33 (with its whole header)
 *
 * The inner login is another `struct eap`. With TLS 1.2 our Finished goes out first and is acknowledged;
 * with 1.3 the client spoke last, and the inner Identity follows at once. After a failed inner login the
 * client hears Result = failure, without a binding, and then the Failure.
 *
 * Left out: fragments in phase 2 (packets fit), statements of health, fast reconnect.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "aaa/eap/method.h"
#include "base/peap_binding.h"
#include "aaa/eap/tunnel.h"
#include "base/peer_cert.h"

#define INNER_OVERHEAD 100 /* of a record and its fragments around an inner packet */

enum { RESULT_SUCCESS = 1, RESULT_FAILURE };
enum state { HANDSHAKE, FINISHED, IDENTITY, INNER, BINDING, FAILING, ALERTED };

struct peap {
	struct eap_host *host;
	struct eap_tunnel tunnel;
	enum state state;
	struct eap *inner;
	struct eap_opts inner_opts;
	uint8_t inner_identifier; /* of the Request that is outstanding */
	struct peap_keys keys;
};

static const uint8_t inner_types[] = {EAP_MSCHAPV2, EAP_TLS};

static void end(void *self)
{
	struct peap *m = self;

	eap_free(m->inner);
	eap_tunnel_done(&m->tunnel);
	explicit_bzero(m, sizeof(*m));
	free(m);
}

static int begin(struct eap_host *host, void **ret)
{
	struct peap *m;
	int r;

	if (!host->opts->peap)
		return -EOPNOTSUPP;
	m = calloc(1, sizeof(*m));
	if (!m)
		return -ENOMEM;
	m->host = host;
	m->inner_opts = *host->opts;
	m->inner_opts.types = inner_types;
	m->inner_opts.n_types = eap_serves(host->opts, EAP_TLS) ? 2 : 1;
	r = eap_tunnel_init(&m->tunnel, host->opts->peap);
	if (!r)
		r = eap_new(&m->inner_opts, &m->inner);
	if (r < 0) {
		end(m);
		return r;
	}
	*ret = m;
	return 0;
}

static enum eap_step start(void *self UNUSED, struct wr *out)
{
	wr_u8(out, EAP_FLAG_START); /* version 0 */
	return EAP_STEP_SEND;
}

static enum eap_step malformed(struct peap *m, const char *what)
{
	return eap_refuse(m->host, EV_AUTH_EAP_MALFORMED, AUTH_FAILED, "eap-peap: %s", what);
}

/* ---- phase 2: out ---------------------------------------------------------------------------- */

static enum eap_step send_inside(struct peap *m, const void *text, size_t n, struct wr *out)
{
	if (tls_write(m->tunnel.tls, text, n) < 0 ||
		!eap_tunnel_put(&m->tunnel, m->host->room, out))
		return eap_refuse(m->host, EV_AUTH_TLS_FAILED, AUTH_FAILED, "%s",
			"eap-peap: cannot be sealed");
	return EAP_STEP_SEND;
}

static enum eap_step ask_identity(struct peap *m, struct wr *out)
{
	static const uint8_t identity = EAP_IDENTITY;

	m->state = IDENTITY;
	return send_inside(m, &identity, 1, out);
}

/* An Extensions packet: Result, and with success the binding. */
static enum eap_step send_result(struct peap *m, unsigned result, struct wr *out)
{
	uint8_t packet[EAP_HEADER_LEN + 1 + 6 + PEAP_BINDING_LEN], nonce[PEAP_NONCE_LEN];
	struct wr w = wr_init(packet + EAP_HEADER_LEN, sizeof(packet) - EAP_HEADER_LEN);
	uint8_t *binding;

	wr_u8(&w, EAP_TLV);
	wr_be16(&w, 0x8003); /* mandatory, Result */
	wr_be16(&w, 2);
	wr_be16(&w, (uint16_t)result);
	if (result == RESULT_SUCCESS) {
		m->host->opts->random(nonce, sizeof(nonce));
		binding = wr_room(&w, PEAP_BINDING_LEN);
		if (!binding ||
			peap_binding_write(&m->keys, PEAP_BINDING_REQUEST, nonce, binding) < 0)
			return eap_refuse(
				m->host, EV_AUTH_CRYPTO_MISSING, AUTH_FAILED, "%s", "HMAC");
	}
	eap_header(packet, EAP_REQUEST, ++m->inner_identifier, wr_len(&w));
	m->state = result == RESULT_SUCCESS ? BINDING : FAILING;
	return send_inside(m, packet, EAP_HEADER_LEN + wr_len(&w), out);
}

static int make_keys(struct peap *m)
{
	uint8_t block[TLS_EAP_KEY_LEN];
	int r = tls_export_eap(m->tunnel.tls, EAP_PEAP, block);

	if (!r)
		r = peap_keys_make(block, eap_msk(m->inner), &m->keys);
	explicit_bzero(block, sizeof(block));
	return r;
}

/* ---- phase 2: the inner login ---------------------------------------------------------------- */

static enum eap_step ask_outside(struct peap *m)
{
	m->host->question = *eap_question(m->inner);
	m->host->question.eap_tunnel = EAP_PEAP;
	return EAP_STEP_ASK;
}

static enum eap_step inner_done(struct peap *m, struct wr *out)
{
	struct peer_cert *cert = eap_certificate(m->inner);

	if (cert && !m->host->cert)
		m->host->cert = peer_cert_ref(cert);
	if (make_keys(m) < 0)
		return eap_refuse(
			m->host, EV_AUTH_TLS_FAILED, AUTH_FAILED, "%s", "eap-peap: no key");
	return send_result(m, RESULT_SUCCESS, out);
}

static enum eap_step take_inner_step(struct peap *m, enum eap_step step, struct wr *out)
{
	const uint8_t *packet;
	size_t n;

	m->state = INNER;
	m->host->failed = eap_failed(m->inner);
	switch (step) {
	case EAP_STEP_ASK: return ask_outside(m);
	case EAP_STEP_SUCCESS: return inner_done(m, out);
	case EAP_STEP_FAILURE: return send_result(m, RESULT_FAILURE, out);
	case EAP_STEP_SEND: break;
	} /* no default */
	n = eap_request(m->inner, &packet);
	m->inner_identifier = packet[1];
	return send_inside(m, packet + EAP_HEADER_LEN, n - EAP_HEADER_LEN, out);
}

/* Puts the header back that the client left out. */
static enum eap_step on_inner_packet(struct peap *m, struct wr *out)
{
	uint8_t packet[EAP_HEADER_LEN + EAP_TUNNEL_TEXT_MAX];
	size_t n = m->tunnel.text_len, room = m->host->room;

	if (!n || n > EAP_PACKET_MAX - EAP_HEADER_LEN)
		return malformed(m, "an inner packet without octets, or too long");
	eap_header(packet, EAP_RESPONSE, m->inner_identifier, n);
	memcpy(packet + EAP_HEADER_LEN, m->tunnel.text, n);
	return take_inner_step(m,
		eap_receive(m->inner, rd_init(packet, EAP_HEADER_LEN + n),
			room > INNER_OVERHEAD ? room - INNER_OVERHEAD : 0),
		out);
}

/* The client's Result and binding; a success without the binding is none (RequireCryptoBinding). */
static enum eap_step on_binding(struct peap *m)
{
	struct peap_extensions e;
	struct eap_packet p;

	if (eap_packet_parse(rd_init(m->tunnel.text, m->tunnel.text_len), &p) < 0 ||
		p.code != EAP_RESPONSE || p.type != EAP_TLV ||
		p.identifier != m->inner_identifier || peap_extensions_parse(p.data, &e) < 0)
		return malformed(m, "no result");
	if (e.result != RESULT_SUCCESS)
		return eap_refuse(m->host, EV_AUTH_EAP_BINDING, AUTH_FAILED,
			"the client says result %u", e.result);
	if (!peap_binding_verifies(&m->keys, PEAP_BINDING_RESPONSE, e.binding))
		return eap_refuse(m->host, EV_AUTH_EAP_BINDING, AUTH_FAILED, "%s",
			rd_left(&e.binding) ? "its binding does not verify"
					    : "its result has no binding");
	if (peap_msk(&m->keys, m->host->msk) < 0)
		return eap_refuse(m->host, EV_AUTH_CRYPTO_MISSING, AUTH_FAILED, "%s", "HMAC");
	return EAP_STEP_SUCCESS;
}

/* Why the inner login failed. */
static enum eap_step fail_as_inside(struct peap *m)
{
	m->host->refusal = *eap_refusal(m->inner);
	return EAP_STEP_FAILURE;
}

/* ---- in -------------------------------------------------------------------------------------- */

static enum eap_step on_handshake(struct peap *m, struct wr *out)
{
	struct eap_tunnel *t = &m->tunnel;
	bool established = tls_established(t->tls);

	if (t->quiet || t->text_len)
		return malformed(m, "the handshake does not go on");
	if (eap_tunnel_put(t, m->host->room, out)) {
		if (established)
			m->state = FINISHED; /* TLS 1.2: it acknowledges our Finished */
		return EAP_STEP_SEND;
	}
	return established ? ask_identity(m, out) : malformed(m, "the handshake does not go on");
}

static enum eap_step on_failure(struct peap *m, struct wr *out)
{
	if (m->state == HANDSHAKE && eap_tunnel_put(&m->tunnel, m->host->room, out)) {
		m->state = ALERTED;
		return EAP_STEP_SEND;
	}
	return eap_tunnel_refuse(&m->tunnel, m->host);
}

static enum eap_step on_message(struct peap *m, struct wr *out)
{
	switch (m->state) {
	case HANDSHAKE: return on_handshake(m, out);
	case FINISHED:
		return m->tunnel.quiet ? ask_identity(m, out)
				       : malformed(m, "no acknowledgement of the handshake");
	case IDENTITY:
	case INNER: return on_inner_packet(m, out);
	case BINDING: return on_binding(m);
	case FAILING: return fail_as_inside(m);
	case ALERTED: break;
	} /* no default */
	return eap_tunnel_refuse(&m->tunnel, m->host);
}

static enum eap_step receive(void *self, struct rd data, struct wr *out)
{
	struct peap *m = self;

	if (m->state == ALERTED && !m->tunnel.fragments.sending)
		return eap_tunnel_refuse(&m->tunnel, m->host);
	if (rd_left(&data) && *data.p & EAP_VERSION_MASK)
		return malformed(m, "another version than 0");
	switch (eap_tunnel_take(&m->tunnel, data, m->host->room, out)) {
	case EAP_TUNNEL_SEND: return EAP_STEP_SEND;
	case EAP_TUNNEL_FAILED: return on_failure(m, out);
	case EAP_TUNNEL_MALFORMED:
		return malformed(m, "a fragment out of order, or of a wrong length");
	case EAP_TUNNEL_WHOLE: break;
	} /* no default */
	return on_message(m, out);
}

static enum eap_step judged(void *self, const struct aaa_answer *answer, struct wr *out)
{
	struct peap *m = self;

	return take_inner_step(m, eap_judged(m->inner, answer), out);
}

const struct eap_method eap_method_peap = {
	EAP_PEAP, "eap-peap", begin, end, start, receive, judged};
