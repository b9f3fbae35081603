// SPDX-License-Identifier: Apache-2.0
/*
 * EAP-TLS (RFC 5216; RFC 9190 with TLS 1.3), the client.
 *
 *     → Start          ← ClientHello …       the handshake, in pieces, each acknowledged
 *     1.2: → Finished  ← an empty response
 *     1.3: ← Finished  → one octet 00        the protected success: the server has judged our certificate
 *                      ← an empty response
 *     → EAP-Success
 *
 * With TLS 1.3 a Success without the octet is not taken: anybody on the way could have sent it. An alert
 * after our Finished says why the server refuses the certificate.
 */
#include <errno.h>
#include <stdlib.h>

#include "eap/tunnel.h"

struct method {
	struct eap_side *side;
	struct peer_tunnel tunnel;
	bool committed; /* the server's protected success has come */
};

static int begin(struct eap_side *side, void **ret)
{
	struct method *m = calloc(1, sizeof(*m));

	if (!m)
		return -ENOMEM;
	m->side = m->tunnel.side = side;
	*ret = m;
	return 0;
}

static void end(void *self)
{
	struct method *m = self;

	peer_tunnel_done(&m->tunnel);
	free(m);
}

static enum eap_answer on_whole(struct method *m, struct wr *out)
{
	struct peer_tunnel *t = &m->tunnel;

	if (t->text_len && (!tls_is_1_3(t->tls) || t->text_len != 1 || t->text[0]))
		return eap_side_fail(m->side, EV_AUTH_EAP_TLS_FAILED,
			"%zu octets inside TLS that EAP-TLS does not know", t->text_len);
	if (t->text_len)
		m->committed = true;
	/* Some servers end it with a bare Failure where others send an alert. */
	eap_side_note(m->side, EV_AUTH_REFUSED,
		"EAP-TLS: it gives no reason; perhaps it does not take the certificate");
	return peer_tunnel_put(t, out);
}

static enum eap_answer receive(void *self, struct rd data, struct wr *out)
{
	struct method *m = self;
	enum eap_answer a;

	if (peer_tunnel_starts(data))
		m->committed = false;
	if (!peer_tunnel_receive(&m->tunnel, data, out, &a))
		return a;
	return on_whole(m, out);
}

static int key(const void *self, uint8_t ret_msk[static EAP_MSK_LEN])
{
	const struct method *m = self;
	uint8_t keys[TLS_EAP_KEY_LEN];
	int r = -EAGAIN;

	if (m->tunnel.tls && !m->tunnel.failed && tls_established(m->tunnel.tls) &&
		(m->committed || !tls_is_1_3(m->tunnel.tls)))
		r = peer_tunnel_keys(&m->tunnel, EAP_TLS, keys);
	if (!r)
		memcpy(ret_msk, keys, EAP_MSK_LEN);
	explicit_bzero(keys, sizeof(keys));
	return r;
}

const struct eap_peer_method eap_peer_tls = {
	EAP_TLS, false, begin, end, peer_tunnel_starts, receive, key};
