// SPDX-License-Identifier: Apache-2.0
/*
 * eap/tunnel.h — TLS inside EAP, the client's end: what EAP-TLS and PEAP share. Inside eap/ only.
 *
 *     if (peer_tunnel_starts(data)) …                  the method begins again
 *     if (!peer_tunnel_receive(t, data, out, &a)) return a;
 *     …                                                the server's plaintext is in t->text
 *     return peer_tunnel_put(t, out)                   sends what TLS has to answer
 */
#pragma once
#include "base/eap_fragments.h"
#include "eap/method.h"
#include "tls/engine.h"

#define PEER_TUNNEL_TEXT_MAX                                                                       \
	4096 /* octets of plaintext in one message: an EAP packet inside PEAP */

struct peer_tunnel {
	struct eap_side *side;
	struct tls *tls; /* NULL: no Start yet */
	struct eap_fragments fragments;
	uint8_t version; /* PEAP's, in the flags */
	uint8_t text[PEER_TUNNEL_TEXT_MAX];
	size_t text_len;
	bool failed; /* an alert may be on its way out */
};

void peer_tunnel_done(struct peer_tunnel *t);
/* Is it the Start packet of a method inside TLS? */
bool peer_tunnel_starts(struct rd data);
/*
 * A packet of the server's. True: all that it had to say is in. False: *ret is what the method answers: the
 * ClientHello, an acknowledgement, the next piece, an alert; or nothing.
 */
bool peer_tunnel_receive(
	struct peer_tunnel *t, struct rd data, struct wr *out, enum eap_answer *ret);
/* What TLS has to send, or the empty response. */
enum eap_answer peer_tunnel_put(struct peer_tunnel *t, struct wr *out);
/* The key block of the method (RFC 5216 2.3, RFC 9190 2.3). */
int peer_tunnel_keys(
	const struct peer_tunnel *t, uint8_t type, uint8_t ret[static TLS_EAP_KEY_LEN]);
