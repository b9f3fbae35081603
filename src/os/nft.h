// SPDX-License-Identifier: Apache-2.0
/*
 * os/nft.h — this instance's packet filter table, written by the `nft` program.
 *
 * One table, `inet culvert_INSTANCE`, holds everything; no other table is read or written.
 * Threads: it runs a child and waits for it (os/child.h): not for a worker.
 */
#pragma once
#include <stdbool.h>

#include "base/addr.h"
#include "os/failure.h"

#define NFT_TABLE_LEN 64

struct nft_rules {
	const char *instance;            /* what is no letter, digit or _ becomes _ */
	const char *tun;                 /* the interface that is not masqueraded onto */
	const struct prefix *masquerade; /* pools, either family */
	size_t n_masquerade;
	/*
	 * Nothing is forwarded from the TUN back into it between two of these, either family, none
	 * overlapping another; what lies behind clients is not among them.
	 */
	const struct prefix *apart;
	size_t n_apart;
	bool guard_host; /* clients reach only ping, DNS and DHCP of this host's own services */
};

/* "culvert_INSTANCE"; for messages and tests. */
const char *nft_table_name(const char *instance, char ret[static NFT_TABLE_LEN]);
/* In one transaction: the table has these rules and no others, or all is as before. */
int nft_apply(const struct nft_rules *rules, struct os_failure *why);
/* All of the machine's rules as JSON; the caller frees. */
int nft_list(char **ret, struct os_failure *why);
/*
 * Removes tables of instances that died: those named like ours whose interface is gone. `ruleset`
 * is what nft_list() gave. Returns how many.
 */
int nft_remove_dead(const char *ruleset);
/* 0 also when there is none. */
int nft_remove(const char *instance, struct os_failure *why);
