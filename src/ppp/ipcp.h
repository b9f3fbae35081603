// SPDX-License-Identifier: Apache-2.0
/*
 * ppp/ipcp.h — the IP Control Protocol (RFC 1332) with Microsoft's name servers (RFC 1877).
 */
#pragma once
#include "base/credentials.h"
#include "ppp/fsm.h"

#define IPCP_NAME_SERVERS 4 /* DNS 1, NBNS 1, DNS 2, NBNS 2: codes 129 to 132 */

struct ipcp {
	struct fsm fsm;
	bool server;
	uint32_t own;                       /* our address; the client starts with 0 */
	uint32_t peer, asked;               /* the peer's: agreed; in the Request under judgment */
	uint32_t give;                      /* server: what the client is to have */
	uint32_t names[IPCP_NAME_SERVERS];  /* server: to give, 0: none. Client: given so far */
	bool want_names[IPCP_NAME_SERVERS]; /* client */
	bool no_address;                    /* client: the server refused to give one */
};

struct ipcp_opts {
	bool server, want_dns, want_nbns;
	struct addr want_address; /* client; AF_UNSPEC: whatever comes */
};

void ipcp_init(
	struct ipcp *i, const struct ipcp_opts *opts, struct buf *queue, struct ppp_fault *fault);
/* Server, before it opens. */
void ipcp_set_addresses(struct ipcp *i, const struct ppp_addresses *addresses);
void ipcp_recv(struct ipcp *i, const struct ppp_packet *packet, uint64_t now_ms);
/* When Opened: fills local, peer, dns and nbns. Client without an address: a fault. */
void ipcp_opened(struct ipcp *i, struct ppp_addresses *ret);
