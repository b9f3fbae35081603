// SPDX-License-Identifier: Apache-2.0
/*
 * client/permit.h — which addresses a server may choose for this machine.
 *
 * A server chooses our address, its own, name servers and prefixes. An address that has another use
 * here (the outer server, a gateway, a host of the local network) is refused, because its owner would
 * become unreachable.
 *
 * Each call reads the kernel's lists again, because networks come and go. It returns NULL when the
 * address may be used, else the reason, for people.
 */
#pragma once
#include "base/addr.h"
#include "os/netlink.h"

struct permit {
	struct netlink *nl; /* borrowed */
	unsigned ifindex;   /* of the tunnel: its addresses and routes are ours */
	struct addr server; /* the other end of the outer connection: the server or a proxy */
};

/* For this machine itself. */
const char *permit_own(const struct permit *p, const struct addr *a);
/* For a host that is reached through the tunnel: the peer, a name server. */
const char *permit_host(const struct permit *p, const struct addr *a);
/* For a network behind the tunnel (RFC 4861 section 4.6.2, L), at least 64 bits long. */
const char *permit_net(const struct permit *p, const struct prefix *net);
