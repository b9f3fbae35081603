// SPDX-License-Identifier: Apache-2.0
#include "client/permit.h"

#include "base/auto.h"
#include "ip/packet.h"
#include "os/resolver.h"

#define NET_LEN_MIN 64 /* a shorter one would take in more than one link */

static const char not_host[] = "no host can have it";
static const char is_server[] = "the connection to the server (or proxy) goes there";
static const char is_gateway[] = "it is a gateway of this machine";
static const char is_ours[] = "another interface of this machine has it";
static const char is_local[] = "it belongs to a network that this machine is in";
static const char is_resolver[] = "it is a name server of this machine";
static const char too_short[] = "a prefix of less than 64 bits is no link";

/* One walk: does anything of the local network stand in the way of `net`? */
struct search {
	const struct permit *permit;
	struct prefix net;
	bool in_local; /* to be in a local network is enough */
	const char *why;
};

static bool look_at_address(unsigned ifindex, const struct prefix *address, void *arg)
{
	struct search *s = arg;
	bool link_local = ip_scope_of(address->addr.family, address->addr.octets) == IP_LINK_LOCAL;

	if (ifindex == s->permit->ifindex || link_local)
		return true;
	if (prefix_contains(&s->net, &address->addr))
		s->why = is_ours;
	else if (s->in_local && prefix_overlaps(address, &s->net))
		s->why = is_local;
	return !s->why;
}

static bool look_at_route(const struct route *rt, void *arg)
{
	struct search *s = arg;

	if (rt->ifindex != s->permit->ifindex && rt->via.family &&
		prefix_contains(&s->net, &rt->via))
		s->why = is_gateway;
	return !s->why;
}

static const char *search_local(const struct permit *p, const struct prefix *net, bool in_local)
{
	struct search s = {.permit = p, .net = *net, .in_local = in_local};
	int family = net->addr.family;

	if (prefix_contains(net, &p->server))
		return is_server;
	netlink_routes(p->nl, family, look_at_route, &s, NULL);
	if (!s.why)
		netlink_addresses(p->nl, family, look_at_address, &s, NULL);
	return s.why;
}

static struct prefix alone(const struct addr *a)
{
	return (struct prefix){*a, (uint8_t)(8 * addr_len(a))};
}

static bool is_host(const struct addr *a)
{
	return addr_len(a) && ip_scope_of(a->family, a->octets) == IP_UNICAST;
}

const char *permit_own(const struct permit *p, const struct addr *a)
{
	struct prefix net = alone(a);
	struct addr names[8];
	const char *why = is_host(a) ? search_local(p, &net, false) : not_host;
	size_t n = why ? 0 : resolver_upstreams("", names, ARRAY_SIZE(names));

	for (size_t i = 0; i < n && !why; i++)
		if (addr_equal(&names[i], a))
			why = is_resolver;
	return why;
}

const char *permit_host(const struct permit *p, const struct addr *a)
{
	struct prefix net = alone(a);

	return is_host(a) ? search_local(p, &net, true) : not_host;
}

const char *permit_net(const struct permit *p, const struct prefix *net)
{
	if (!is_host(&net->addr))
		return not_host;
	return net->len < NET_LEN_MIN ? too_short : search_local(p, net, true);
}
