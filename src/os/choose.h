// SPDX-License-Identifier: Apache-2.0
/*
 * os/choose.h — address ranges for the tunnel that collide with nothing this machine knows.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "os/failure.h"
#include "os/netlink.h"

#define POOL_V4_LEN 22
#define POOL_V4_LEN_SHORT 24 /* where no /22 is free */
#define POOL_V6_LEN 48       /* RFC 4193 section 3.2: 65536 networks of /64 */

/*
 * An IPv4 /22 from 10/8, 100.64/10, 172.16/12 or 192.168/16 (in this order; networks that many others
 * use come last, and a /24 after all /22), and an IPv6 ULA /48 (RFC 4193) that overlap no route and
 * no address of this machine. The same seed on the same machine gives the same answer; chosen
 * once, written down by the caller. -EADDRNOTAVAIL: everything overlaps. NULL: not wanted.
 */
int os_choose_pool(struct netlink *nl, uint64_t seed, struct prefix *ret_v4, struct prefix *ret_v6,
	struct os_failure *why);

/* The choice itself, over a list of what is taken. */
int choose_pool_v4(uint64_t seed, const struct prefix *taken, size_t n, struct prefix *ret);
int choose_pool_v6(uint64_t seed, const struct prefix *taken, size_t n, struct prefix *ret);
