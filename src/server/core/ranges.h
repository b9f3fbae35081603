// SPDX-License-Identifier: Apache-2.0
/*
 * server/core/ranges.h — may these addresses be given to clients on this host? Pools against the host's
 * own addresses and gateways, and a user's static address against the pools.
 *
 * The answers are words for people; where a pool or an address is named (start, reload, config check,
 * culvert user), they are asked for. Commands may include this header, too.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "config/config.h"

#define RANGES_HOST_MAX 512
#define RANGES_TEXT_LEN 300
#define RANGES_INTERFACE_LEN 16

/* What this host has itself: its addresses, and the gateways that it sends through. */
struct host_addresses {
	struct host_address {
		struct addr addr;
		uint8_t len;      /* of the network that it stands in */
		unsigned ifindex; /* 0: a gateway */
	} item[RANGES_HOST_MAX];
	size_t n;
};

/*
 * All but those on the server's own interface `tun`, or, with NULL, on any TUN device: a server that
 * runs already may have another name for it than the configuration. What cannot be read is left out.
 */
void host_addresses_read(const char *tun, struct host_addresses *ret);

/* The interface's name, or what else it is; for people. */
const char *ranges_whose(unsigned ifindex, char name[static RANGES_INTERFACE_LEN]);
/* -EINVAL: no host can be in this network (RFC 6890): loopback, link-local, multicast, everything. */
int ranges_check_kind(const char *name, const struct prefix *p, char why[static RANGES_TEXT_LEN]);

/* The pools of a server: the ordinary one (AF_UNSPEC: not known yet) and the named ones. */
struct pools {
	struct prefix ordinary;
	struct config_pool named[CONFIG_ITEMS_MAX];
	size_t n_named;
};

/* -EINVAL, with words in `why`, when the configuration names a pool that no client can use here. */
int ranges_check_config(const struct config *cfg, const struct host_addresses *host,
	char why[static RANGES_TEXT_LEN]);
/*
 * Has this host a route to a configured pool, or to a part of it, by another interface than `tun` (NULL:
 * than any TUN device)? Clients would hide that network, or it them: a warning, with words in `why`.
 */
bool ranges_routed(const struct config *cfg, const char *tun, char why[static RANGES_TEXT_LEN]);
/* As ranges_check_config() for the ordinary pool that was chosen; -EEXIST: a named one overlaps it. */
int ranges_check_chosen(const struct pools *pools, const struct host_addresses *host,
	char why[static RANGES_TEXT_LEN]);
/*
 * A user's static address: -EINVAL when it is the network's, the broadcast or the server's own address of
 * its pool, or this host's or a gateway's, or no host's at all. One of no pool is routed to its session.
 */
int ranges_check_static(const struct addr *a, const struct pools *pools,
	const struct host_addresses *host, char why[static RANGES_TEXT_LEN]);
/* What an address is that no client can have or reach, such as "the loopback"; NULL: one can. */
const char *ranges_no_host(const struct addr *a);
/* -ENOENT, with the names that there are. "": the ordinary one. */
int ranges_check_pool_name(
	const char *name, const struct pools *pools, char why[static RANGES_TEXT_LEN]);
