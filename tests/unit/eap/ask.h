/* unit/eap/ask.h — a client's peer, asked packet by packet. */
#pragma once
#include "hexlit.h"

#include "eap/peer.h"

struct answer {
	uint8_t p[EAP_PACKET_MAX];
	ssize_t n;
};

static inline struct answer ask_mtu(struct eap_peer *peer, const void *packet, size_t n, size_t mtu)
{
	struct answer a = {.n = 0};

	a.n = peer->ops->process(peer, rd_init(packet, n), mtu, a.p);
	return a;
}

static inline struct answer ask(struct eap_peer *peer, const char *hex)
{
	struct hexlit h = hexlit(hex);

	return ask_mtu(peer, h.p, h.n, EAP_PACKET_MAX);
}

static inline enum event ask_why(struct eap_peer *peer, const char **ret_detail)
{
	return peer->ops->why(peer, ret_detail);
}

/* Random octets of the peer: RFC 2759 9.2's challenge, again and again. */
static inline void peer_challenge(void *ret, size_t n)
{
	struct hexlit h = hexlit("21402324255e262a28295f2b3a337c7e");

	for (size_t i = 0; i < n; i++)
		((uint8_t *)ret)[i] = h.p[i % h.n];
}
