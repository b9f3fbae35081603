// SPDX-License-Identifier: Apache-2.0
/*
 * EAP-TLS (RFC 5216; with TLS 1.3 RFC 9190): the client shows a certificate of one of our CAs, and the
 * certificate's own name is the user's.
 *
 *     Start →  ← ClientHello …  ← Finished      the handshake, in pieces, each acknowledged
 *     (who is this? may the user come in?)
 *     1.3: one octet 00 →                        the protected success, RFC 9190 2.1.1: after the checks,
 *     1.2: our Finished →                        for it commits the server
 *     ← an empty response                        EAP-Success
 *
 * No tickets, no resumption: each login shows its certificate. A failed handshake's alert goes to the
 * client before the Failure does. What came to its end is not used again (GHSA-7437-282p-7465): eap.c asks
 * a method nothing after it has said SUCCESS or FAILURE.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aaa/eap/anchors.h"
#include "aaa/eap/method.h"
#include "aaa/eap/tunnel.h"
#include "base/peer_cert.h"
#include "tls/anchors.h"
#include "tls/ca.h"

enum state { HANDSHAKE, ASKED, COMMITTED, ALERTED };

struct method {
	struct eap_host *host;
	struct eap_tunnel tunnel;
	enum state state;
};

static int begin(struct eap_host *host, void **ret)
{
	struct method *m;
	int r;

	if (!host->opts->tls || !host->opts->anchors)
		return -EOPNOTSUPP;
	m = calloc(1, sizeof(*m));
	if (!m)
		return -ENOMEM;
	m->host = host;
	r = eap_tunnel_init(&m->tunnel, host->opts->tls);
	if (r < 0) {
		free(m);
		return r;
	}
	*ret = m;
	return 0;
}

static void end(void *self)
{
	struct method *m = self;

	eap_tunnel_done(&m->tunnel);
	free(m);
}

static enum eap_step start(void *self UNUSED, struct wr *out)
{
	wr_u8(out, EAP_FLAG_START);
	return EAP_STEP_SEND;
}

static enum eap_step malformed(struct method *m, const char *what)
{
	return eap_refuse(m->host, EV_AUTH_EAP_MALFORMED, AUTH_FAILED, "eap-tls: %s", what);
}

/* The certificate in full, for the session: a revocation is compared with it. */
static int keep_certificate(struct method *m, const struct tls_client_cert *cert)
{
	uint8_t der[PEER_CERT_MAX];
	size_t n;
	int r = tls_client_cert_der(m->tunnel.tls, der, sizeof(der), &n);

	peer_cert_unref(TAKE(m->host->cert));
	if (!r)
		r = ca_peer_cert((struct octets){der, n}, &m->host->cert);
	if (!r)
		snprintf(m->host->cert->anchor, sizeof(m->host->cert->anchor), "%s",
			m->host->opts->anchors->item[cert->anchor].name);
	return r;
}

static enum eap_step ask_who(struct method *m)
{
	struct eap_host *h = m->host;
	struct tls_client_cert cert;
	enum event event;

	if (tls_client_cert(m->tunnel.tls, &cert) < 0)
		return malformed(m, "no certificate");
	h->question = (struct proof){.method = AUTH_EAP, .eap_type = EAP_TLS};
	event = eap_anchors_user(h->opts->anchors, &cert, h->question.user);
	if (event)
		return eap_refuse(h, event, AUTH_FAILED,
			"upn=\"%.60s\" email=\"%.60s\" cn=\"%.60s\" serial=%.40s", cert.upn,
			cert.email, cert.cn, cert.serial);
	if (keep_certificate(m, &cert) < 0)
		return eap_refuse(h, EV_OUT_OF_MEMORY, AUTH_FAILED, "%s", "eap-tls");
	h->question.user_len = strlen(h->question.user);
	m->state = ASKED;
	return EAP_STEP_ASK;
}

static enum eap_step on_handshake(struct method *m, struct wr *out)
{
	if (m->tunnel.text_len)
		return malformed(m, "data inside TLS");
	if (tls_established(m->tunnel.tls))
		return ask_who(m);
	if (m->tunnel.quiet || !eap_tunnel_put(&m->tunnel, m->host->room, out))
		return malformed(m, "the handshake does not go on");
	return EAP_STEP_SEND;
}

static enum eap_step on_failure(struct method *m, struct wr *out)
{
	if (m->state == HANDSHAKE && eap_tunnel_put(&m->tunnel, m->host->room, out)) {
		m->state = ALERTED;
		return EAP_STEP_SEND;
	}
	return eap_tunnel_refuse(&m->tunnel, m->host);
}

static enum eap_step receive(void *self, struct rd data, struct wr *out)
{
	struct method *m = self;

	if (m->state == ALERTED && !m->tunnel.fragments.sending)
		return eap_tunnel_refuse(&m->tunnel, m->host);
	if (m->state == ASKED)
		return malformed(m, "a response out of turn");
	switch (eap_tunnel_take(&m->tunnel, data, m->host->room, out)) {
	case EAP_TUNNEL_SEND: return EAP_STEP_SEND;
	case EAP_TUNNEL_FAILED: return on_failure(m, out);
	case EAP_TUNNEL_MALFORMED:
		return malformed(m, "a fragment out of order, or of a wrong length");
	case EAP_TUNNEL_WHOLE: break;
	} /* no default */
	if (m->state == HANDSHAKE)
		return on_handshake(m, out);
	return m->tunnel.quiet ? EAP_STEP_SUCCESS
			       : malformed(m, "no acknowledgement of the success");
}

static enum eap_step judged(void *self, const struct aaa_answer *answer, struct wr *out)
{
	struct method *m = self;
	struct tls *tls = m->tunnel.tls;

	if (m->state != ASKED)
		return malformed(m, "an answer without a question");
	if (answer->outcome != AAA_ACCEPT)
		return eap_refuse(m->host, answer->event, answer->code, "%s", "");
	if (eap_tunnel_key(&m->tunnel, EAP_TLS, m->host) < 0 ||
		(tls_is_1_3(tls) && tls_write(tls, "", 1) < 0) ||
		!eap_tunnel_put(&m->tunnel, m->host->room, out))
		return eap_refuse(m->host, EV_AUTH_TLS_FAILED, AUTH_FAILED, "%s", "no key");
	m->state = COMMITTED;
	return EAP_STEP_SEND;
}

const struct eap_method eap_method_tls = {EAP_TLS, "eap-tls", begin, end, start, receive, judged};
