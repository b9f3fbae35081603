// SPDX-License-Identifier: Apache-2.0
#include "server/core/reach.h"

#include <linux/rtnetlink.h>
#include <string.h>

#include "base/text.h"
#include "os/netlink.h"

/* No client comes from the Internet to one of these. */
static bool is_private(const struct addr *a)
{
	static const struct prefix of[] = {{{AF_INET, {10}}, 8}, {{AF_INET, {172, 16}}, 12},
		{{AF_INET, {192, 168}}, 16}, {{AF_INET, {100, 64}}, 10},
		{{AF_INET, {169, 254}}, 16}, {{AF_INET, {127}}, 8}, {{AF_INET6, {0xfc}}, 7},
		{{AF_INET6, {0xfe, 0x80}}, 10}, {{AF_INET6, {0}}, 64}};

	for (size_t i = 0; i < ARRAY_SIZE(of); i++)
		if (prefix_contains(&of[i], a))
			return true;
	return false;
}

static bool is_any(const struct addr *a)
{
	static const uint8_t zeros[16];

	return !memcmp(a->octets, zeros, addr_len(a));
}

static void add_own(struct prefixes *own, const struct addr *a)
{
	prefixes_add(own, &(struct prefix){*a, (uint8_t)(addr_len(a) * 8)});
}

/* Those that it listens on by name; on all of a family: the host's public ones. */
static void read_own(const struct config *cfg, struct prefixes *ret)
{
	const struct endpoint_list *listen = &cfg->server.listen;
	struct host_addresses host;

	host_addresses_read(NULL, &host);
	for (size_t i = 0; i < listen->n; i++) {
		const struct addr *a = &listen->item[i].addr;

		if (!is_any(a))
			add_own(ret, a);
		for (size_t k = 0; is_any(a) && k < host.n; k++)
			if (host.item[k].ifindex && !is_private(&host.item[k].addr) &&
				(a->family == AF_INET6 || host.item[k].addr.family == AF_INET))
				add_own(ret, &host.item[k].addr);
	}
}

static bool add_route(const struct route *rt, void *arg)
{
	struct reach *r = arg;

	if (r->n == REACH_ROUTES_MAX) {
		r->all = false;
		return false;
	}
	r->route[r->n++] = (struct reach_route){rt->dst, !rt->type || rt->type == RTN_UNICAST};
	return true;
}

void reach_read(const struct config *cfg, struct reach *ret)
{
	AUTO(netlink) struct netlink *nl = NULL;

	ret->own.n = ret->n = 0;
	ret->all = false;
	read_own(cfg, &ret->own);
	if (netlink_new(&nl, NULL) < 0)
		return;
	ret->all = true;
	if (netlink_routes(nl, AF_INET, add_route, ret, NULL) < 0 ||
		netlink_routes(nl, AF_INET6, add_route, ret, NULL) < 0)
		ret->all = false;
}

/* By the longest prefix that covers it, or by one that is a part of it. */
static bool has_way(const struct reach *r, const struct prefix *to)
{
	const struct reach_route *best = NULL;

	for (size_t i = 0; i < r->n; i++) {
		const struct reach_route *rt = &r->route[i];

		if (!prefix_overlaps(&rt->to, to))
			continue;
		if (rt->to.len > to->len && rt->leads)
			return true;
		if (rt->to.len <= to->len && (!best || rt->to.len > best->to.len))
			best = rt;
	}
	return best && best->leads;
}

bool reach_doubt(const struct reach *r, const char *name, const struct prefix *to,
	char why[static REACH_TEXT_LEN])
{
	char text[PREFIX_TEXT_LEN], own[ADDR_TEXT_LEN];

	for (size_t i = 0; i < r->own.n; i++)
		if (prefix_contains(to, &r->own.of[i].addr)) {
			text_format(why, REACH_TEXT_LEN,
				"%s: %s holds %s, an address of this server. Clients that come by it "
				"must keep their own way to it: Windows and Culvert do, others may lose "
				"the connection",
				name, prefix_format(to, text),
				addr_format(&r->own.of[i].addr, own));
			return true;
		}
	if (!r->all || has_way(r, to))
		return false;
	text_format(why, REACH_TEXT_LEN,
		"%s: this host has no route to %s, so no client reaches it", name,
		prefix_format(to, text));
	return true;
}
