// SPDX-License-Identifier: Apache-2.0
/*
 * os/surroundings.h — what this machine has beside a tunnel, held against what a server pushes for it.
 *
 * Each call reads the kernel's lists again, because networks come and go.
 */
#pragma once
#include "ip/pushed.h"
#include "os/netlink.h"

struct surroundings {
	unsigned
		ifindex; /* of the tunnel, whose addresses and routes are no others'; 0: there is none */
	uint32_t table;           /* of the tunnel's own routes; 0: none */
	const struct addr *outer; /* the other end of the connection: the server or a proxy */
	size_t n_outer;
	const struct addr *resolvers; /* name servers that this machine asks beside the tunnel */
	size_t n_resolvers;
};

void surroundings_judge(struct netlink *nl, const struct surroundings *s, struct pushed *p);
