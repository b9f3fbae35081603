// SPDX-License-Identifier: Apache-2.0
#include "tls/engine.h"
#include "tunnel/tunnel.h"

void tunnel_client_opts(
	struct tunnel_opts *o, const struct tls_peer_opts *peer, uint16_t port, uint8_t *scratch)
{
	o->role = TUNNEL_CLIENT;
	o->verify = peer;
	o->host = peer->host;
	o->port = port;
	o->scratch = scratch;
}
