// SPDX-License-Identifier: Apache-2.0
/*
 * client/permit.h — which addresses a server may choose for this machine.
 *
 * A server names our address, its own, name servers and prefixes. One that stands for something
 * else here (the way to the server itself, a gateway, a host of the local network) would take that
 * away from its owner, so it is not used.
 *
 * Each question reads the kernel's lists anew, for networks come and go; the answer is NULL when the
 * address may be used, else the reason, for people.
 */
#pragma once
#include "base/addr.h"
#include "os/netlink.h"

struct permit {
	struct netlink *nl; /* borrowed */
	unsigned ifindex;   /* of the tunnel: what is there is ours */
	struct addr server; /* the other end of the outer connection: the server or a proxy */
};

/* For this machine itself. */
const char *permit_own(const struct permit *p, const struct addr *a);
/* For a host that is reached through the tunnel: the peer, a name server. */
const char *permit_host(const struct permit *p, const struct addr *a);
/* For a network behind the tunnel (RFC 4861 section 4.6.2, L), at least 64 bits long. */
const char *permit_net(const struct permit *p, const struct prefix *net);
