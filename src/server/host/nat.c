// SPDX-License-Identifier: Apache-2.0
#include "server/host/host.h"

#include <stdio.h>

#include "base/auto.h"
#include "config/config.h"
#include "events/event.h"
#include "os/firewall.h"
#include "os/netlink.h"
#include "os/nft.h"
#include "os/tun.h"
#include "server/core/context.h"

/* Another program's filter may stop what we forward; only the admin can mend that. */
static void look_at_firewalls(struct host *h)
{
	const struct context *c = h->context;
	static const enum event events[] = {[FIREWALL_UFW] = EV_FORWARD_DROPPED_UFW,
		[FIREWALL_DOCKER] = EV_FORWARD_DROPPED_DOCKER,
		[FIREWALL_FIREWALLD] = EV_FORWARD_DROPPED_FIREWALLD,
		[FIREWALL_OTHER] = EV_FORWARD_DROPPED};
	AUTO_MEM char *ruleset = NULL;
	struct firewall_block block;
	int n;

	if (nft_list(&ruleset, NULL) < 0)
		return; /* nft_apply() says what is wrong */
	n = nft_remove_dead(ruleset);
	if (n > 0)
		log_event(NULL, EV_NFT_CLEANED, "tables=%d", n);
	firewall_judge(ruleset, tun_name(c->tun), &c->pool, &block);
	if (block.by)
		log_event(NULL, events[block.by], "%s", block.text);
}

/* All clients' own addresses. */
static size_t clients(const struct context *c, struct prefix ret[static CONFIG_ITEMS_MAX + 3])
{
	size_t n = 0;

	ret[n++] = c->pool;
	for (size_t i = 0; i < c->n_pools; i++)
		ret[n++] = c->pools[i].prefix;
	if (c->prefix6.addr.family)
		ret[n++] = c->prefix6;
	if (c->delegate.addr.family)
		ret[n++] = c->delegate;
	return n;
}

/* Those that would not find back by themselves. */
static size_t masqueraded(
	const struct context *c, const struct prefix *of, size_t n, struct prefix *ret)
{
	size_t found = 0;

	for (size_t i = 0; i < n; i++)
		if (of[i].addr.family == AF_INET || host_ipv6_is_masqueraded(c, &of[i]))
			ret[found++] = of[i];
	return found;
}

static void make_nat(struct host *h)
{
	const struct context *c = h->context;
	struct prefix all[CONFIG_ITEMS_MAX + 3], leaving[CONFIG_ITEMS_MAX + 3];
	struct nft_rules rules = {.instance = tun_name(c->tun),
		.tun = tun_name(c->tun),
		.masquerade = leaving,
		.apart = all,
		.n_apart = clients(c, all),
		.guard_host = c->config->tunnel.server_access == CONFIG_ACCESS_BASIC};
	struct os_failure why = {0};

	rules.n_masquerade = masqueraded(c, all, rules.n_apart, leaving);
	if (c->config->tunnel.client_to_client)
		rules.n_apart = 0;
	look_at_firewalls(h);
	if (!c->config->tunnel.nat)
		rules.n_masquerade = 0;
	else if (forward_v4_on(&h->forward, &why) < 0)
		log_event(NULL, why.event, "%s", why.text);
	if (!rules.n_masquerade && !rules.n_apart && !rules.guard_host)
		return;
	if (nft_apply(&rules, &why) < 0)
		/* Without NAT the server still serves clients that only want to reach this host. */
		log_event(NULL, why.event, "%s", why.text);
}

void host_change_machine(struct host *h, struct netlink *nl)
{
	snprintf(h->forward.note, sizeof(h->forward.note), "%s/forward",
		h->context->config->server.state);
	forward_recall(&h->forward);
	host_ipv6_check(h, nl);
	make_nat(h);
	h->machine_changed = true;
}

void host_restore_machine(struct host *h)
{
	AUTO(netlink) struct netlink *nl = NULL;

	if (!h->machine_changed)
		return;
	nft_remove(tun_name(h->context->tun), NULL);
	netlink_new(&nl, NULL);
	forward_restore(&h->forward, nl, tun_ifindex(h->context->tun));
}
