// SPDX-License-Identifier: Apache-2.0
/*
 * ip/pushed.h — what a server pushes to its clients (routes, name servers, domains), and what of it a host
 * may follow.
 *
 * A server that is hostile pushes routes to take traffic that is not its own (CVE-2024-3661,
 * "TunnelVision"), or to make hosts of the local network unreachable. So nothing is followed that takes in the server's outer
 * address, a network or a name server of this machine, or so much that it comes to a default route, be it
 * by one route or by many together. A domain takes names as a route takes addresses.
 *
 * Order: pushed_route(), pushed_dns(), pushed_domain() for what came; pushed_beside() for all that this
 * machine has; then pushed_judge(). Each item has the reason why it is not followed, for people, or NULL.
 *
 * Bounds: what is beyond the arrays is counted in left_out. Nothing is allocated.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "base/addr.h"
#include "ip/dhcp.h"

#define PUSHED_ROUTES_MAX 128 /* each costs the whole machine two policy rules */
#define PUSHED_DNS_MAX 6
#define PUSHED_DOMAINS_MAX 16
#define PUSHED_NAME_LEN 254 /* with the zero; RFC 1035 section 2.3.4 */

struct pushed_route {
	struct prefix to;      /* without host bits */
	struct prefix against; /* of this machine, which it takes in; AF_UNSPEC: none */
	const char *why;       /* not followed; NULL: it may be */
	bool never;            /* ... whatever the user accepts */
};

struct pushed_dns {
	struct addr addr;
	const char *why;
};

struct pushed_domain {
	char name[PUSHED_NAME_LEN]; /* small letters, no dot at the end; "." is the root */
	const char *why;
	bool never;
};

struct pushed {
	struct pushed_route routes[PUSHED_ROUTES_MAX];
	struct pushed_dns dns[PUSHED_DNS_MAX];
	struct pushed_domain domains[PUSHED_DOMAINS_MAX];
	size_t n_routes, n_dns, n_domains;
	unsigned left_out;
};

enum pushed_use {         /* what this machine has a network for */
	PUSHED_OUTER,     /* the server (or proxy) is there */
	PUSHED_LOCAL,     /* an interface is in it */
	PUSHED_GATEWAY,   /* a gateway is there */
	PUSHED_RESOLVER,  /* a name server of this machine is there */
	PUSHED_ELSEWHERE, /* a route of this machine leads there, past this tunnel */
	PUSHED_EXCLUDED,  /* the user keeps it out of the tunnel */
};

/* Host bits do not count; the same route again is left out. -EINVAL: no route at all. */
int pushed_route(struct pushed *p, const struct prefix *to);
void pushed_dns(struct pushed *p, const struct addr *server);
/* `name` as it came, of n octets: any octets. */
void pushed_domain(struct pushed *p, const char *name, size_t n);
void pushed_dhcp(struct pushed *p, const struct dhcp_ack *ack); /* all of these in an answer */
void pushed_beside(struct pushed *p, enum pushed_use use, const struct prefix *net);
/* After all of these. `accept`: the user takes what the server pushes, as far as that can work at all. */
void pushed_judge(struct pushed *p, bool accept);

size_t pushed_followed(const struct pushed *p);                     /* routes */
bool pushed_reaches(const struct pushed *p, const struct addr *to); /* by one that is followed */
bool pushed_equal(const struct pushed *a, const struct pushed *b);  /* verdicts included */
