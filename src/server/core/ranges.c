// SPDX-License-Identifier: Apache-2.0
#include "server/core/ranges.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/auto.h"
#include "base/text.h"
#include "os/netlink.h"
#include "os/tun.h"

__attribute__((format(printf, 3, 4))) static int wrong(
	int r, char why[static RANGES_TEXT_LEN], const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	text_vformat(why, RANGES_TEXT_LEN, fmt, ap);
	va_end(ap);
	return r;
}

/* ---- the host -------------------------------------------------------------------------------- */

struct reading {
	struct host_addresses *to;
	const char *tun;
};

/* The server's own interface; without a name any TUN device may be the one of a server that runs. */
static bool is_left_out(unsigned ifindex, const char *tun)
{
	char name[IF_NAMESIZE];

	if (!if_indextoname(ifindex, name))
		return false;
	return tun ? !strcmp(name, tun) : tun_is(name);
}

static void add(struct host_addresses *to, const struct prefix *p, unsigned ifindex)
{
	if (to->n < RANGES_HOST_MAX)
		to->item[to->n++] = (struct host_address){p->addr, p->len, ifindex};
}

static bool add_address(unsigned ifindex, const struct prefix *p, void *arg)
{
	struct reading *r = arg;

	if (!is_left_out(ifindex, r->tun))
		add(r->to, p, ifindex);
	return true;
}

static bool add_gateway(const struct route *rt, void *arg)
{
	struct reading *r = arg;

	if (rt->via.family && !is_left_out(rt->ifindex, r->tun))
		add(r->to, &(struct prefix){rt->via, (uint8_t)(8 * addr_len(&rt->via))}, 0);
	return true;
}

void host_addresses_read(const char *tun, struct host_addresses *ret)
{
	struct reading r = {ret, tun};
	AUTO(netlink) struct netlink *nl = NULL;

	ret->n = 0;
	if (netlink_new(&nl, NULL) < 0)
		return;
	netlink_addresses(nl, AF_UNSPEC, add_address, &r, NULL);
	netlink_routes(nl, AF_UNSPEC, add_gateway, &r, NULL);
}

const char *ranges_whose(unsigned ifindex, char name[static RANGES_INTERFACE_LEN])
{
	_Static_assert(RANGES_INTERFACE_LEN >= IF_NAMESIZE, "a name has room");
	if (!ifindex)
		return "a gateway of this host";
	return if_indextoname(ifindex, name) ? name : "this host";
}

/* ---- pools ------------------------------------------------------------------------------------- */

/* RFC 6890: none of these is a network that clients can be in. */
static const struct {
	const char *prefix, *what;
} no_networks[] = {
	{"0.0.0.0/8", "\"this network\""},
	{"127.0.0.0/8", "the loopback"},
	{"169.254.0.0/16", "link-local"},
	{"192.0.0.0/24", "reserved"},
	{"224.0.0.0/4", "multicast"},
	{"240.0.0.0/4", "reserved"},
	{"::/16", "reserved"},
	{"fe80::/10", "link-local"},
	{"ff00::/8", "multicast"},
};

/* What it is instead, and the network of that kind; NULL: clients can be in it. */
static const char *no_client_in(const struct prefix *p, char ret_of[static PREFIX_TEXT_LEN])
{
	struct prefix no;

	for (size_t i = 0; i < ARRAY_SIZE(no_networks); i++)
		if (!prefix_parse(no_networks[i].prefix, &no) && prefix_overlaps(&no, p)) {
			prefix_format(&no, ret_of);
			return no_networks[i].what;
		}
	return NULL;
}

const char *ranges_no_host(const struct addr *a)
{
	const struct prefix one = {*a, (uint8_t)(8 * addr_len(a))};
	char of[PREFIX_TEXT_LEN];

	return no_client_in(&one, of);
}

int ranges_check_kind(const char *name, const struct prefix *p, char why[static RANGES_TEXT_LEN])
{
	char text[PREFIX_TEXT_LEN], of[PREFIX_TEXT_LEN];
	const char *what = no_client_in(p, of);

	return what ? wrong(-EINVAL, why, "%s = %s: expected a network for clients, and %s is %s",
			      name, prefix_format(p, text), of, what)
		    : 0;
}

static int check_pool(const char *name, const struct prefix *p, const struct host_addresses *host,
	char why[static RANGES_TEXT_LEN])
{
	char text[PREFIX_TEXT_LEN], own[ADDR_TEXT_LEN], interface[IF_NAMESIZE];
	int r = ranges_check_kind(name, p, why);

	for (size_t i = 0; i < host->n && !r; i++)
		if (prefix_contains(p, &host->item[i].addr))
			r = wrong(-EINVAL, why,
				"%s = %s: expected addresses that are free, and %s is in use (%s)",
				name, prefix_format(p, text), addr_format(&host->item[i].addr, own),
				ranges_whose(host->item[i].ifindex, interface));
	return r;
}

static int check_named(const struct pools *pools, const struct host_addresses *host,
	char why[static RANGES_TEXT_LEN])
{
	char name[80];
	int r = 0;

	for (size_t i = 0; i < pools->n_named && !r; i++) {
		snprintf(name, sizeof(name), "[tunnel] pools: %s", pools->named[i].name);
		r = check_pool(name, &pools->named[i].prefix, host, why);
	}
	return r;
}

int ranges_check_config(const struct config *cfg, const struct host_addresses *host,
	char why[static RANGES_TEXT_LEN])
{
	struct pools pools = {0};
	const struct prefix *v4 = &cfg->tunnel.ipv4_pool, *v6 = &cfg->tunnel.ipv6_prefix;
	int r = v4->addr.family ? check_pool("[tunnel] ipv4_pool", v4, host, why) : 0;

	pools.n_named = config_pools(cfg, pools.named);
	if (!r && v6->addr.family)
		r = check_pool("[tunnel] ipv6_prefix", v6, host, why);
	return r ? r : check_named(&pools, host, why);
}

/* ---- networks that this host sends elsewhere --------------------------------------------------- */

struct elsewhere {
	const char *name; /* of the pool */
	const struct prefix *pool;
	const char *tun;
	char *why;
	bool found;
};

/* Default routes are no reason, and neither are the halves of one that VPN clients use (0.0.0.0/1). */
static bool meet_route(const struct route *rt, void *arg)
{
	struct elsewhere *e = arg;
	char pool[PREFIX_TEXT_LEN], to[PREFIX_TEXT_LEN], interface[IF_NAMESIZE];

	if (rt->dst.len < 2 || !rt->ifindex || (rt->table && rt->table != RT_TABLE_MAIN) ||
		!prefix_overlaps(&rt->dst, e->pool) || is_left_out(rt->ifindex, e->tun))
		return true;
	wrong(0, e->why,
		"%s = %s: this host has a route to %s by %s: one of the two will not be reached",
		e->name, prefix_format(e->pool, pool), prefix_format(&rt->dst, to),
		ranges_whose(rt->ifindex, interface));
	e->found = true;
	return false;
}

bool ranges_routed(const struct config *cfg, const char *tun, char why[static RANGES_TEXT_LEN])
{
	struct config_pool named[CONFIG_ITEMS_MAX];
	size_t n = config_pools(cfg, named);
	struct elsewhere e = {"[tunnel] ipv4_pool", &cfg->tunnel.ipv4_pool, tun, why, false};
	AUTO(netlink) struct netlink *nl = NULL;
	char name[80];

	if (netlink_new(&nl, NULL) < 0)
		return false;
	if (e.pool->addr.family)
		netlink_routes(nl, AF_INET, meet_route, &e, NULL);
	for (size_t i = 0; i < n && !e.found; i++) {
		snprintf(name, sizeof(name), "[tunnel] pools: %s", named[i].name);
		e.name = name;
		e.pool = &named[i].prefix;
		netlink_routes(nl, AF_INET, meet_route, &e, NULL);
	}
	return e.found;
}

int ranges_check_chosen(const struct pools *pools, const struct host_addresses *host,
	char why[static RANGES_TEXT_LEN])
{
	char a[PREFIX_TEXT_LEN], b[PREFIX_TEXT_LEN];

	for (size_t i = 0; i < pools->n_named; i++)
		if (prefix_overlaps(&pools->named[i].prefix, &pools->ordinary))
			return wrong(-EEXIST, why,
				"[tunnel] pools: %s = %s overlaps the pool %s, which was chosen at the "
				"first start",
				pools->named[i].name, prefix_format(&pools->named[i].prefix, a),
				prefix_format(&pools->ordinary, b));
	return check_pool(
		"the pool that was chosen at the first start", &pools->ordinary, host, why);
}

/* ---- users --------------------------------------------------------------------------------------- */

static const struct prefix *pool_with(const struct pools *pools, const struct addr *a)
{
	if (pools->ordinary.addr.family && prefix_contains(&pools->ordinary, a))
		return &pools->ordinary;
	for (size_t i = 0; i < pools->n_named; i++)
		if (prefix_contains(&pools->named[i].prefix, a))
			return &pools->named[i].prefix;
	return NULL;
}

/* " 10.7.0.0/22 staff=10.8.0.0/24": as much as there is room for. */
static const char *list_pools(const struct pools *pools, char ret[static RANGES_TEXT_LEN])
{
	char pool[PREFIX_TEXT_LEN], one[sizeof(pools->named[0].name) + PREFIX_TEXT_LEN + 2];
	size_t n = 0;

	*ret = '\0';
	if (pools->ordinary.addr.family) {
		ret[n++] = ' ';
		strcpy(ret + n, prefix_format(&pools->ordinary, pool));
		n += strlen(pool);
	}
	for (size_t i = 0; i < pools->n_named; i++) {
		text_format(one, sizeof(one), " %s=%s", pools->named[i].name,
			prefix_format(&pools->named[i].prefix, pool));
		if (n + strlen(one) >= RANGES_TEXT_LEN / 2)
			break;
		strcpy(ret + n, one);
		n += strlen(one);
	}
	return ret;
}

/* What an address is in its pool, when it is none for a client. */
static const char *place_in(const struct prefix *pool, const struct addr *a)
{
	uint32_t first = addr_v4_value(&pool->addr), v = addr_v4_value(a);
	uint32_t last = first + (uint32_t)((UINT64_C(1) << (32 - pool->len)) - 1);

	return v == first       ? "the network's own address"
	       : v == first + 1 ? "the server's own address"
	       : v == last      ? "the broadcast address"
				: NULL;
}

int ranges_check_static(const struct addr *a, const struct pools *pools,
	const struct host_addresses *host, char why[static RANGES_TEXT_LEN])
{
	const struct prefix *pool = pool_with(pools, a);
	char text[ADDR_TEXT_LEN], of[PREFIX_TEXT_LEN], interface[IF_NAMESIZE];
	const char *what = no_client_in(&(struct prefix){*a, 32}, of);

	if (what)
		return wrong(-EINVAL, why, "%s is no address for a client: %s is %s",
			addr_format(a, text), of, what);
	if (pool && place_in(pool, a))
		return wrong(-EINVAL, why, "%s is %s in %s", addr_format(a, text),
			place_in(pool, a), prefix_format(pool, of));
	for (size_t i = 0; i < host->n; i++)
		if (addr_equal(&host->item[i].addr, a))
			return wrong(-EINVAL, why, "%s is in use (%s)", addr_format(a, text),
				ranges_whose(host->item[i].ifindex, interface));
	return 0;
}

int ranges_check_pool_name(
	const char *name, const struct pools *pools, char why[static RANGES_TEXT_LEN])
{
	char list[RANGES_TEXT_LEN];

	for (size_t i = 0; i < pools->n_named; i++)
		if (!strcmp(pools->named[i].name, name))
			return 0;
	if (!*name)
		return 0;
	return wrong(-ENOENT, why, "\"%.31s\"; the pools are: default,%s", name,
		list_pools(pools, list));
}
