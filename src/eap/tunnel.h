// SPDX-License-Identifier: Apache-2.0
/*
 * eap/tunnel.h — TLS inside EAP, the client's end: what EAP-TLS and PEAP share. Inside eap/ only.
 *
 *     said = peer_tunnel_take(t, data, room, out)
 *     SEND: `out` has an acknowledgement or the next piece; DISCARD; FAILED: peer_tunnel_note() says why;
 *     WHOLE: all that the server had to say is in, and its plaintext in t->text; peer_tunnel_put() sends
 *     what TLS has to answer
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

enum peer_tunnel_said {
	PEER_TUNNEL_SEND,
	PEER_TUNNEL_DISCARD,
	PEER_TUNNEL_WHOLE,
	PEER_TUNNEL_FAILED,
};

void peer_tunnel_done(struct peer_tunnel *t);
/* Is it the Start packet of a method inside TLS? */
bool peer_tunnel_starts(struct rd data);
/* A new conversation: writes the ClientHello. */
enum eap_answer peer_tunnel_start(struct peer_tunnel *t, struct wr *out);
enum peer_tunnel_said peer_tunnel_take(struct peer_tunnel *t, struct rd data, struct wr *out);
/* What TLS has to send, or the empty response. */
enum eap_answer peer_tunnel_put(struct peer_tunnel *t, struct wr *out);
/* Why TLS failed, for the reader: about the server's certificate, ours, or TLS. */
void peer_tunnel_note(struct peer_tunnel *t);
/* The key block of the method (RFC 5216 2.3, RFC 9190 2.3). */
int peer_tunnel_keys(
	const struct peer_tunnel *t, uint8_t type, uint8_t ret[static TLS_EAP_KEY_LEN]);
