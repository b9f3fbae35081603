// SPDX-License-Identifier: Apache-2.0
/*
 * os/firewall.h — does another program's packet filter stop what we forward?
 *
 * In netfilter a packet passes only when every base chain lets it: an accept of ours does not undo
 * a drop of ufw, Docker or firewalld. Their tables are read, never written; the log names the rule.
 */
#pragma once
#include <stdbool.h>

#include "base/addr.h"

enum firewall { FIREWALL_NONE, FIREWALL_UFW, FIREWALL_DOCKER, FIREWALL_FIREWALLD, FIREWALL_OTHER };

struct firewall_block {
	enum firewall by;
	char text[200]; /* table="ip filter" chain=FORWARD policy=drop */
};

/*
 * `ruleset` is what `nft -j list ruleset` prints. A chain that drops what it does not know is no
 * block when a rule of its table names the TUN or the pool and lets it pass.
 */
void firewall_judge(const char *ruleset, const char *tun, const struct prefix *pool,
	struct firewall_block *ret);
