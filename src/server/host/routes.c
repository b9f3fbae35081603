// SPDX-License-Identifier: Apache-2.0
/*
 * Theory: the kernel's routes to the TUN beside those that come with its addresses. A network that no
 * pool's route covers gets one in the main table, so that packets for it come here. With routes.table
 * every network goes into that table, too, and before them the pools as a whole, for a routing daemon to
 * announce. All of them bear RTPROT_CULVERT and end in the TUN, so they are gone with it in any case.
 */
#include "server/host/host.h"

#include "base/clock.h"
#include "config/config.h"
#include "os/netlink.h"
#include "os/tun.h"
#include "server/core/context.h"
#include "server/core/networks.h"

#define EXPORT_METRIC 1024 /* in the main table behind the routes of the TUN's own addresses */

/* All that clients' addresses and prefixes are cut from. */
static size_t aggregates(const struct context *c, struct prefix ret[static CONFIG_ITEMS_MAX + 3])
{
	size_t n = 0;

	for (size_t i = 0; i < c->n_nets; i++)
		ret[n++] = c->nets[i];
	if (c->own6.family)
		ret[n++] = c->prefix6;
	if (c->delegate.addr.family)
		ret[n++] = c->delegate;
	return n;
}

static bool is_covered(const struct context *c, const struct prefix *p)
{
	struct prefix all[CONFIG_ITEMS_MAX + 3];
	size_t n = aggregates(c, all);

	for (size_t i = 0; i < n; i++)
		if (p->len >= all[i].len && prefix_contains(&all[i], &p->addr))
			return true;
	return false;
}

static int change(const struct context *c, struct netlink *nl, const struct prefix *p,
	uint32_t table, bool add, struct os_failure *why)
{
	const struct route rt = {.dst = *p,
		.ifindex = tun_ifindex(c->tun),
		.table = table,
		.metric = table ? EXPORT_METRIC : 0};

	return add ? netlink_route_add(nl, &rt, why) : netlink_route_del(nl, &rt, why);
}

/* ---- the pools as a whole ------------------------------------------------------------------- */

static void export_pools(struct host *h, struct netlink *nl, bool add)
{
	const struct context *c = h->context;
	const uint32_t table = (uint32_t)c->config->routes.table;
	struct prefix all[CONFIG_ITEMS_MAX + 3];
	struct os_failure why = {0};
	size_t n = aggregates(c, all);

	if (!table || h->routes.exported == add)
		return;
	h->routes.exported = add;
	for (size_t i = 0; i < n; i++)
		if (change(c, nl, &all[i], table, add, &why) < 0 && add)
			log_event(NULL, EV_NETWORK_ROUTE_REFUSED, "table=%u %s", table, why.text);
	log_event(NULL, add ? EV_ROUTES_EXPORTED : EV_ROUTES_WITHDRAWN, "table=%u pools=%zu", table,
		n);
}

void host_export_pools(struct host *h, struct netlink *nl)
{
	export_pools(h, nl, true);
}

void host_withdraw_pools(struct host *h, struct netlink *nl)
{
	export_pools(h, nl, false);
}

/* What is delegated has no address on the TUN that would bring a route. */
int host_route_delegate(struct host *h, struct netlink *nl, struct os_failure *why)
{
	const struct context *c = h->context;

	return c->delegate.addr.family ? change(c, nl, &c->delegate, 0, true, why) : 0;
}

/* ---- networks of sessions ------------------------------------------------------------------- */

/* Who has networks behind clients wants packets forwarded, whether they are translated or not. */
static void forward(struct host *h, const struct prefix *p)
{
	struct os_failure why = {0};
	bool v4 = p->addr.family == AF_INET;
	bool *done = v4 ? &h->routes.forward4 : &h->routes.forward6;

	if (*done)
		return;
	*done = true;
	if ((v4 ? forward_v4_on(&h->forward, &why) : forward_v6_on(&h->forward, &why)) < 0)
		log_event(NULL, why.event, "%s", why.text);
}

/* A network that the kernel has another way to is not announced either. */
static void make(struct host *h, struct netlink *nl, const struct network_change *ch)
{
	const struct context *c = h->context;
	const uint32_t table = (uint32_t)c->config->routes.table;
	struct os_failure why = {0};
	bool add = ch->session != 0;
	int r = is_covered(c, &ch->prefix) ? 0 : change(c, nl, &ch->prefix, 0, add, &why);

	if (table && (!r || !add))
		r = change(c, nl, &ch->prefix, table, add, &why);
	if (add && r < 0)
		log_event(NULL,
			ch->kind == NETWORK_OWN ? EV_LEASE_NO_ROUTE : EV_NETWORK_ROUTE_REFUSED,
			"session=%llu %s", (unsigned long long)ch->session, why.text);
	if (add && ch->kind != NETWORK_OWN)
		forward(h, &ch->prefix);
}

bool host_follow_networks(struct host *h, struct netlink *nl, uint64_t until_ms)
{
	struct networks *n = h->context->networks;
	struct network_change ch;

	while (networks_next(n, &ch)) {
		make(h, nl, &ch);
		networks_done(n, &ch, ch.session != 0);
		if (clock_mono_ms() >= until_ms)
			return true;
	}
	return false;
}
