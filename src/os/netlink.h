// SPDX-License-Identifier: Apache-2.0
/*
 * os/netlink.h — links, addresses and routes of this machine (rtnetlink).
 *
 * Routes made here carry the protocol RTPROT_CULVERT, so that what a killed process left behind is
 * found again and nothing of others is ever touched.
 *
 * Threads: a struct netlink belongs to one thread. Requests block until the kernel answered,
 *          which it does at once.
 * Errors:  negative errno and `why` (os/failure.h).
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/auto.h"
#include "os/failure.h"

#define RTPROT_CULVERT                                                                             \
	83 /* shown as "proto 83" by ip route, or by name with rt_protos.d/culvert.conf */

struct netlink;

int netlink_new(struct netlink **ret, struct os_failure *why);
void netlink_free(struct netlink *nl); /* NULL is fine */
DEFINE_AUTO(netlink, struct netlink *, netlink_free)

struct link_opts {
	bool up;             /* bring it up (never down) */
	unsigned mtu;        /* 0: leave */
	unsigned txqueuelen; /* 0: leave */
	bool no_link_local; /* the kernel makes no fe80:: address by itself; set before it goes up */
};

int netlink_link_set(
	struct netlink *nl, unsigned ifindex, const struct link_opts *opts, struct os_failure *why);

/* Is there a bridge, veth, TUN, WireGuard or the like, for which others may need forwarding? */
bool netlink_has_routed_link(struct netlink *nl, unsigned except_ifindex);

enum {
	NETLINK_NO_PREFIX_ROUTE = 1, /* the kernel adds no route for local->len */
	NETLINK_NO_DAD = 2,          /* IPv6: usable at once (no other host is on a TUN) */
};

/* `local` is an address with its prefix length (host bits set); `peer` the other end's, or NULL. */
int netlink_address_add(struct netlink *nl, unsigned ifindex, const struct prefix *local,
	const struct addr *peer, unsigned flags, struct os_failure *why);
int netlink_address_del(
	struct netlink *nl, unsigned ifindex, const struct prefix *local, struct os_failure *why);

struct route {
	struct prefix dst;  /* len 0: default; dst.addr.family is the route's family */
	struct addr via;    /* AF_UNSPEC: on the link itself */
	struct addr source; /* AF_UNSPEC: the kernel chooses */
	unsigned ifindex;
	uint32_t metric;  /* 0: the kernel's (IPv6: 1024) */
	uint32_t table;   /* 0: main */
	uint8_t protocol; /* as found; add and replace always write RTPROT_CULVERT */
	uint8_t type;     /* RTN_UNICAST (0 counts as it), RTN_LOCAL, RTN_BLACKHOLE, ... */
};

#define ROUTE_TEXT_LEN 200
const char *route_format(const struct route *rt, char ret[static ROUTE_TEXT_LEN]);

/* -EEXIST: the very route is there already. */
int netlink_route_add(struct netlink *nl, const struct route *rt, struct os_failure *why);
/* Deletes only a route of ours (protocol); -ESRCH when there is none. */
int netlink_route_del(struct netlink *nl, const struct route *rt, struct os_failure *why);
/* How the kernel would send to `to` (with SO_MARK `mark`, 0: none). -ENETUNREACH: not at all. */
int netlink_route_get(struct netlink *nl, const struct addr *to, uint32_t mark, struct route *ret,
	struct os_failure *why);

/* Return false to stop. */
typedef bool netlink_route_fn(const struct route *rt, void *arg);
/* Every route of a family (AF_UNSPEC: both), all tables but the kernel's own local one. */
int netlink_routes(
	struct netlink *nl, int family, netlink_route_fn *fn, void *arg, struct os_failure *why);
/* Every address with its prefix length, host bits set. */
typedef bool netlink_address_fn(unsigned ifindex, const struct prefix *address, void *arg);
int netlink_addresses(
	struct netlink *nl, int family, netlink_address_fn *fn, void *arg, struct os_failure *why);

/* Is there a default route in the main table that leaves by another interface than `except`? */
bool netlink_has_default_route(struct netlink *nl, int family, unsigned except_ifindex);
