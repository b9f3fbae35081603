// SPDX-License-Identifier: Apache-2.0
/*
 * ppp/ipv6cp.h — the IPv6 Control Protocol (RFC 5072): nothing but the interface identifiers, of
 * which both ends make their link-local addresses.
 */
#pragma once
#include "base/credentials.h"
#include "ppp/draw.h"
#include "ppp/fsm.h"

#define IFID_LEN 8

struct ipv6cp {
	struct fsm fsm;
	struct draw *draw;
	uint8_t own[IFID_LEN];
	uint8_t peer[IFID_LEN],
		asked[IFID_LEN]; /* the peer's: agreed; in the Request under judgment */
	uint8_t give[IFID_LEN];  /* what the peer must take; zero: any */
	bool fixed_own;
};

void ipv6cp_init(struct ipv6cp *i, struct draw *draw, struct buf *queue, struct ppp_fault *fault);
/* Client, before it opens: the identifier that it had before; zeros: none. */
void ipv6cp_ask_again(struct ipv6cp *i, const uint8_t ifid[static IFID_LEN]);
/* Server, before it opens: the verdict's identifiers, where they are not zero. */
void ipv6cp_set_addresses(struct ipv6cp *i, const struct ppp_addresses *addresses);
void ipv6cp_recv(struct ipv6cp *i, const struct ppp_packet *packet, uint64_t now_ms);
/* When Opened: fills local_ifid and peer_ifid. */
void ipv6cp_opened(struct ipv6cp *i, struct ppp_addresses *ret);
