// SPDX-License-Identifier: Apache-2.0
/*
 * aaa/eap/tunnel.h — TLS inside EAP, the server's end: what EAP-TLS and PEAP share. Inside aaa/eap/ only.
 *
 *     said = eap_tunnel_take(t, data, room, out)
 *     SEND: `out` has an acknowledgement or the next piece; MALFORMED; FAILED: tls_failure() says why;
 *     WHOLE: all that the client had to say is in; eap_tunnel_put() sends what TLS has to answer
 */
#pragma once
#include "aaa/eap/method.h"
#include "base/eap_fragments.h"
#include "tls/engine.h"

/* Plaintext of one message: an EAP packet inside PEAP. */
#define EAP_TUNNEL_TEXT_MAX 4096

struct eap_tunnel {
	struct tls *tls;
	struct eap_fragments fragments;
	bool quiet; /* the last message had no octets */
	uint8_t text[EAP_TUNNEL_TEXT_MAX];
	size_t text_len; /* of the last message */
};

enum eap_tunnel_said { EAP_TUNNEL_SEND, EAP_TUNNEL_WHOLE, EAP_TUNNEL_FAILED, EAP_TUNNEL_MALFORMED };

int eap_tunnel_init(struct eap_tunnel *t, struct tls_ctx *ctx);
void eap_tunnel_done(struct eap_tunnel *t);
enum eap_tunnel_said eap_tunnel_take(
	struct eap_tunnel *t, struct rd data, size_t room, struct wr *out);
/* False: TLS has nothing to send. */
bool eap_tunnel_put(struct eap_tunnel *t, size_t room, struct wr *out);
/* MSK for `type`, into host->msk. */
int eap_tunnel_key(struct eap_tunnel *t, enum eap_type type, struct eap_host *host);
/* What ended the handshake: an event of the client's certificate, or EV_AUTH_TLS_FAILED. */
enum eap_step eap_tunnel_refuse(struct eap_tunnel *t, struct eap_host *host);
