// SPDX-License-Identifier: Apache-2.0
#include "os/surroundings.h"

#include <linux/rtnetlink.h>

#include "ip/packet.h"

struct look {
	const struct surroundings *of;
	struct pushed *pushed;
};

static struct prefix host(const struct addr *a)
{
	return (struct prefix){*a, (uint8_t)(8 * addr_len(a))};
}

/* Each interface has a link-local network: none is pushed anyway (ip/pushed.c). */
static bool look_at_address(unsigned ifindex, const struct prefix *address, void *arg)
{
	struct look *l = arg;

	if (ifindex != l->of->ifindex &&
		ip_scope_of(address->addr.family, address->addr.octets) == IP_UNICAST)
		pushed_beside(l->pushed, PUSHED_LOCAL, address);
	return true;
}

/* A network on a link is local, too, when no address is in it: clouds give a /32 and such a route. */
static enum pushed_use use_of(const struct route *rt)
{
	bool on_link = !rt->via.family && rt->type == RTN_UNICAST && rt->dst.len > 1;

	return on_link && rt->table == RT_TABLE_MAIN ? PUSHED_LOCAL : PUSHED_ELSEWHERE;
}

static bool look_at_route(const struct route *rt, void *arg)
{
	struct look *l = arg;
	struct prefix via = host(&rt->via);

	if ((rt->ifindex && rt->ifindex == l->of->ifindex) ||
		(l->of->table && rt->table == l->of->table))
		return true;
	if (rt->via.family && ip_scope_of(rt->via.family, rt->via.octets) == IP_UNICAST)
		pushed_beside(l->pushed, PUSHED_GATEWAY, &via);
	pushed_beside(l->pushed, use_of(rt), &rt->dst);
	return true;
}

static void look_at_hosts(struct pushed *p, enum pushed_use use, const struct addr *hosts, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct prefix p1 = host(&hosts[i]);

		if (hosts[i].family)
			pushed_beside(p, use, &p1);
	}
}

void surroundings_judge(struct netlink *nl, const struct surroundings *s, struct pushed *p)
{
	struct look l = {s, p};

	look_at_hosts(p, PUSHED_OUTER, s->outer, s->n_outer);
	netlink_addresses(nl, AF_UNSPEC, look_at_address, &l, NULL);
	netlink_routes(nl, AF_UNSPEC, look_at_route, &l, NULL);
	look_at_hosts(p, PUSHED_RESOLVER, s->resolvers, s->n_resolvers);
}
