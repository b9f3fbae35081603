// SPDX-License-Identifier: Apache-2.0
/*
 * os/netlink.c — rtnetlink by way of libnl-route-3.
 *
 * Theory of operation. One socket, one request at a time, each answered by an acknowledgement or
 * an error before the function returns. libnl's objects live only inside one function here; what
 * goes in and out is base/addr.h and struct route. Errors are the kernel's own errno, caught before
 * libnl maps it to its shorter list.
 *
 * Of others' routes nothing is changed: add and replace write RTPROT_CULVERT, delete and flush
 * demand it (the kernel compares rtm_protocol on deletion when it is not zero).
 */
#include "os/netlink.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <netlink/addr.h>
#include <netlink/netlink.h>
#include <netlink/route/addr.h>
#include <netlink/route/link.h>
#include <netlink/route/link/inet6.h>
#include <netlink/route/nexthop.h>
#include <netlink/route/route.h>

#include "base/auto.h"

struct netlink {
	struct nl_sock *sock;
	int kernel_error; /* of the request under way */
};

/* What libnl objects need to be let go by AUTO(). */
DEFINE_AUTO(nladdr, struct nl_addr *, nl_addr_put)
DEFINE_AUTO(nlcache, struct nl_cache *, nl_cache_free)
DEFINE_AUTO(nlmsg, struct nl_msg *, nlmsg_free)
DEFINE_AUTO(rtlink, struct rtnl_link *, rtnl_link_put)
DEFINE_AUTO(rtaddr, struct rtnl_addr *, rtnl_addr_put)
DEFINE_AUTO(rtroute, struct rtnl_route *, rtnl_route_put)

/* The kernel's own errno, before libnl maps it to its shorter list. */
static int remember_error(struct sockaddr_nl *from UNUSED, struct nlmsgerr *e, void *arg)
{
	struct netlink *nl = arg;

	nl->kernel_error = e->error;
	return NL_STOP;
}

/* The errno of a libnl result: what the kernel said, or else what libnl found amiss itself. */
static int errno_of(struct netlink *nl, int nl_error)
{
	int error = nl->kernel_error;

	nl->kernel_error = 0;
	if (nl_error >= 0)
		return nl_error;
	if (error < 0)
		return error;
	switch (-nl_error) {
	case NLE_NOMEM: return -ENOMEM;
	case NLE_PERM: return -EPERM;
	case NLE_OBJ_NOTFOUND: return -ESRCH;
	case NLE_INVAL: return -EINVAL;
	case NLE_AGAIN: return -EAGAIN;
	default: return -EIO;
	}
}

int netlink_new(struct netlink **ret, struct os_failure *why)
{
	AUTO(netlink) struct netlink *nl = calloc(1, sizeof(*nl));
	int r;

	if (!nl || !(nl->sock = nl_socket_alloc()))
		return os_fail(why, EV_OUT_OF_MEMORY, -ENOMEM, "open a netlink socket");
	r = nl_connect(nl->sock, NETLINK_ROUTE);
	if (r < 0)
		return os_fail(why, EV_NETLINK_NO_SOCKET, errno_of(nl, r), "open a netlink socket");
	nl_socket_modify_err_cb(nl->sock, NL_CB_CUSTOM, remember_error, nl);
	nl_socket_set_buffer_size(nl->sock, 256 * 1024, 0);
	*ret = TAKE(nl);
	return 0;
}

void netlink_free(struct netlink *nl)
{
	if (!nl)
		return;
	nl_socket_free(nl->sock);
	free(nl);
}

static const char *device_name(unsigned ifindex, char ret[static IF_NAMESIZE])
{
	if (!if_indextoname(ifindex, ret))
		snprintf(ret, IF_NAMESIZE, "#%u", ifindex % 100000000);
	return ret;
}

static struct nl_addr *nladdr_of(const struct addr *a, unsigned len)
{
	struct nl_addr *n = nl_addr_build(a->family, a->octets, addr_len(a));

	if (n)
		nl_addr_set_prefixlen(n, (int)len);
	return n;
}

static struct prefix prefix_of(const struct nl_addr *n, int family)
{
	struct prefix p = {.addr.family = (uint8_t)family};
	size_t len = n ? nl_addr_get_len(n) : 0;

	if (n && len == addr_len(&p.addr)) {
		memcpy(p.addr.octets, nl_addr_get_binary_addr(n), len);
		p.len = (uint8_t)nl_addr_get_prefixlen(n);
	}
	return p;
}

static struct addr addr_of(const struct nl_addr *n)
{
	int family = n ? nl_addr_get_family(n) : AF_UNSPEC;
	struct addr none = {0};

	return family == AF_INET || family == AF_INET6 ? prefix_of(n, family).addr : none;
}

/* --- links ------------------------------------------------------------------------------- */

static int change_link(struct netlink *nl, unsigned ifindex, struct rtnl_link *change)
{
	AUTO(rtlink) struct rtnl_link *which = rtnl_link_alloc();

	if (!which)
		return -NLE_NOMEM;
	rtnl_link_set_ifindex(which, (int)ifindex);
	return rtnl_link_change(nl->sock, which, change, 0);
}

/*
 * A request of its own: of one that also brings the link up, the kernel heeds the flags first and
 * the address family's part last (rtnetlink.c, do_setlink), when the address is made already. A
 * machine without IPv6 refuses it, and makes no such address either.
 */
static int stop_link_local(struct netlink *nl, unsigned ifindex)
{
	AUTO(rtlink) struct rtnl_link *change = rtnl_link_alloc();
	int r;

	if (!change)
		return -NLE_NOMEM;
	rtnl_link_inet6_set_addr_gen_mode(change, IN6_ADDR_GEN_MODE_NONE);
	r = change_link(nl, ifindex, change);
	if (nl->kernel_error == -EAFNOSUPPORT || nl->kernel_error == -EOPNOTSUPP)
		r = 0;
	return r;
}

int netlink_link_set(
	struct netlink *nl, unsigned ifindex, const struct link_opts *opts, struct os_failure *why)
{
	AUTO(rtlink) struct rtnl_link *change = rtnl_link_alloc();
	char name[IF_NAMESIZE];
	int r = 0;

	if (!change)
		return os_fail(why, EV_OUT_OF_MEMORY, -ENOMEM, "change a link");
	if (opts->mtu)
		rtnl_link_set_mtu(change, opts->mtu);
	if (opts->txqueuelen)
		rtnl_link_set_txqlen(change, opts->txqueuelen);
	if (opts->up)
		rtnl_link_set_flags(change, IFF_UP);
	if (opts->no_link_local)
		r = stop_link_local(nl, ifindex);
	if (r >= 0)
		r = change_link(nl, ifindex, change);
	if (r < 0)
		return os_fail(why, EV_LINK_REFUSED, errno_of(nl, r),
			"set %s%s mtu %u txqueuelen %u", device_name(ifindex, name),
			opts->up ? " up" : "", opts->mtu, opts->txqueuelen);
	return 0;
}

static bool is_routed_kind(const char *kind)
{
	static const char *const kinds[] = {"bridge", "veth", "tun", "wireguard", "macvlan",
		"ipvlan", "ppp", "ipip", "gre", "sit", "vti", "xfrm", "vxlan"};

	for (size_t i = 0; kind && i < ARRAY_SIZE(kinds); i++)
		if (!strcmp(kind, kinds[i]))
			return true;
	return false;
}

bool netlink_has_routed_link(struct netlink *nl, unsigned except_ifindex)
{
	AUTO(nlcache) struct nl_cache *cache = NULL;

	if (rtnl_link_alloc_cache(nl->sock, AF_UNSPEC, &cache) < 0)
		return true; /* in doubt, somebody needs it */
	for (struct nl_object *o = nl_cache_get_first(cache); o; o = nl_cache_get_next(o)) {
		struct rtnl_link *l = (struct rtnl_link *)o;

		if ((unsigned)rtnl_link_get_ifindex(l) != except_ifindex &&
			is_routed_kind(rtnl_link_get_type(l)))
			return true;
	}
	return false;
}

/* --- addresses --------------------------------------------------------------------------- */

/*
 * With a peer, IFA_LOCAL is our address and IFA_ADDRESS the peer's, to whom the prefix length then
 * belongs; without one both are ours. libnl takes local and peer apart that way itself.
 */
static struct rtnl_addr *rtaddr_of(
	unsigned ifindex, const struct prefix *local, const struct addr *peer, unsigned flags)
{
	AUTO(rtaddr) struct rtnl_addr *a = rtnl_addr_alloc();
	AUTO(nladdr) struct nl_addr *own = nladdr_of(&local->addr, local->len);
	AUTO(nladdr) struct nl_addr *other = peer ? nladdr_of(peer, local->len) : NULL;
	unsigned bits = 0;

	if (!a || !own || (peer && !other))
		return NULL;
	if (flags & NETLINK_NO_PREFIX_ROUTE)
		bits |= IFA_F_NOPREFIXROUTE;
	if (flags & NETLINK_NO_DAD)
		bits |= IFA_F_NODAD;
	rtnl_addr_set_ifindex(a, (int)ifindex);
	rtnl_addr_set_family(a, local->addr.family);
	if (rtnl_addr_set_local(a, own) < 0 || (other && rtnl_addr_set_peer(a, other) < 0))
		return NULL;
	rtnl_addr_set_prefixlen(a, local->len);
	if (bits)
		rtnl_addr_set_flags(a, bits);
	return TAKE(a);
}

int netlink_address_add(struct netlink *nl, unsigned ifindex, const struct prefix *local,
	const struct addr *peer, unsigned flags, struct os_failure *why)
{
	AUTO(rtaddr) struct rtnl_addr *a = rtaddr_of(ifindex, local, peer, flags);
	char text[PREFIX_TEXT_LEN], other[ADDR_TEXT_LEN], name[IF_NAMESIZE];
	int r = a ? rtnl_addr_add(nl->sock, a, NLM_F_CREATE | NLM_F_EXCL) : -NLE_NOMEM;

	if (r < 0)
		return os_fail(why, EV_ADDRESS_REFUSED, errno_of(nl, r), "add address %s%s%s to %s",
			prefix_format(local, text), peer ? " peer " : "",
			peer ? addr_format(peer, other) : "", device_name(ifindex, name));
	return 0;
}

int netlink_address_del(
	struct netlink *nl, unsigned ifindex, const struct prefix *local, struct os_failure *why)
{
	AUTO(rtaddr) struct rtnl_addr *a = rtaddr_of(ifindex, local, NULL, 0);
	char text[PREFIX_TEXT_LEN], name[IF_NAMESIZE];
	int r = a ? rtnl_addr_delete(nl->sock, a, 0) : -NLE_NOMEM;

	if (r < 0)
		return os_fail(why, EV_ADDRESS_REFUSED, errno_of(nl, r),
			"delete address %s from %s", prefix_format(local, text),
			device_name(ifindex, name));
	return 0;
}

int netlink_addresses(
	struct netlink *nl, int family, netlink_address_fn *fn, void *arg, struct os_failure *why)
{
	AUTO(nlcache) struct nl_cache *cache = NULL;
	int r = rtnl_addr_alloc_cache(nl->sock, &cache);

	if (r < 0)
		return os_fail(why, EV_NETLINK_FAILED, errno_of(nl, r),
			"list the addresses of this machine");
	for (struct nl_object *o = nl_cache_get_first(cache); o; o = nl_cache_get_next(o)) {
		struct rtnl_addr *a = (struct rtnl_addr *)o;
		int of = rtnl_addr_get_family(a);
		struct prefix p = prefix_of(rtnl_addr_get_local(a), of);

		if ((of != AF_INET && of != AF_INET6) || (family != AF_UNSPEC && family != of))
			continue;
		p.len = (uint8_t)rtnl_addr_get_prefixlen(a);
		if (!fn((unsigned)rtnl_addr_get_ifindex(a), &p, arg))
			break;
	}
	return 0;
}

/* --- routes ------------------------------------------------------------------------------ */

const char *route_format(const struct route *rt, char ret[static ROUTE_TEXT_LEN])
{
	char dst[PREFIX_TEXT_LEN], via[ADDR_TEXT_LEN], dev[IF_NAMESIZE];

	snprintf(ret, ROUTE_TEXT_LEN, "%s%s%s%s%s metric %u", prefix_format(&rt->dst, dst),
		rt->via.family ? " via " : "", rt->via.family ? addr_format(&rt->via, via) : "",
		rt->ifindex ? " dev " : "", rt->ifindex ? device_name(rt->ifindex, dev) : "",
		rt->metric);
	return ret;
}

static int add_nexthop(struct rtnl_route *r, const struct route *rt)
{
	AUTO(nladdr)
	struct nl_addr *via =
		rt->via.family ? nladdr_of(&rt->via, (unsigned)addr_len(&rt->via) * 8) : NULL;
	struct rtnl_nexthop *hop;

	if (rt->via.family && !via)
		return -NLE_NOMEM;
	if (!via && !rt->ifindex)
		return 0; /* blackhole and its kin go nowhere */
	hop = rtnl_route_nh_alloc();
	if (!hop)
		return -NLE_NOMEM;
	if (rt->ifindex)
		rtnl_route_nh_set_ifindex(hop, (int)rt->ifindex);
	if (via)
		rtnl_route_nh_set_gateway(hop, via);
	rtnl_route_add_nexthop(r, hop);
	return 0;
}

static struct rtnl_route *rtroute_of(const struct route *rt)
{
	AUTO(rtroute) struct rtnl_route *r = rtnl_route_alloc();
	AUTO(nladdr) struct nl_addr *dst = nladdr_of(&rt->dst.addr, rt->dst.len);
	AUTO(nladdr)
	struct nl_addr *source =
		rt->source.family ? nladdr_of(&rt->source, (unsigned)addr_len(&rt->source) * 8)
				  : NULL;

	if (!r || !dst || (rt->source.family && !source))
		return NULL;
	rtnl_route_set_family(r, rt->dst.addr.family);
	rtnl_route_set_table(r, rt->table ? rt->table : RT_TABLE_MAIN);
	rtnl_route_set_protocol(r, RTPROT_CULVERT);
	rtnl_route_set_type(r, rt->type ? rt->type : RTN_UNICAST);
	rtnl_route_set_scope(r, rt->via.family || rt->dst.addr.family == AF_INET6
					? RT_SCOPE_UNIVERSE
					: RT_SCOPE_LINK);
	if (rt->metric)
		rtnl_route_set_priority(r, rt->metric);
	if (rtnl_route_set_dst(r, dst) < 0 || (source && rtnl_route_set_pref_src(r, source) < 0))
		return NULL;
	if (add_nexthop(r, rt) < 0)
		return NULL;
	return TAKE(r);
}

static int route_change(struct netlink *nl, const struct route *rt, int flags, const char *verb,
	struct os_failure *why)
{
	AUTO(rtroute) struct rtnl_route *r = rtroute_of(rt);
	char text[ROUTE_TEXT_LEN];
	int e = r ? rtnl_route_add(nl->sock, r, flags) : -NLE_NOMEM;

	if (e < 0)
		return os_fail(why, EV_ROUTE_REFUSED, errno_of(nl, e), "%s route %s", verb,
			route_format(rt, text));
	return 0;
}

int netlink_route_add(struct netlink *nl, const struct route *rt, struct os_failure *why)
{
	return route_change(nl, rt, NLM_F_CREATE | NLM_F_EXCL, "add", why);
}

int netlink_route_del(struct netlink *nl, const struct route *rt, struct os_failure *why)
{
	AUTO(rtroute) struct rtnl_route *r = rtroute_of(rt);
	char text[ROUTE_TEXT_LEN];
	int e = r ? rtnl_route_delete(nl->sock, r, 0) : -NLE_NOMEM;

	if (e < 0)
		return os_fail(why, EV_ROUTE_REFUSED, errno_of(nl, e), "delete route %s",
			route_format(rt, text));
	return 0;
}

static struct route route_of(struct rtnl_route *r)
{
	int family = rtnl_route_get_family(r);
	struct rtnl_nexthop *hop = rtnl_route_nexthop_n(r, 0);
	struct route rt = {
		.dst = prefix_of(rtnl_route_get_dst(r), family),
		.source = addr_of(rtnl_route_get_pref_src(r)),
		.metric = rtnl_route_get_priority(r),
		.table = rtnl_route_get_table(r),
		.protocol = rtnl_route_get_protocol(r),
		.type = rtnl_route_get_type(r),
	};

	if (hop) {
		rt.via = addr_of(rtnl_route_nh_get_gateway(hop));
		rt.ifindex = (unsigned)rtnl_route_nh_get_ifindex(hop);
	}
	return rt;
}

/* The kernel's answer to RTM_GETROUTE for one address. */
static int route_get_reply(struct nl_msg *msg, void *arg)
{
	struct rtnl_route *r = NULL;
	struct route *ret = arg;

	if (rtnl_route_parse(nlmsg_hdr(msg), &r) == 0) {
		*ret = route_of(r);
		rtnl_route_put(r);
	}
	return NL_OK;
}

static int route_get(struct netlink *nl, const struct addr *to, uint32_t mark, struct route *ret)
{
	AUTO(nlmsg) struct nl_msg *msg = nlmsg_alloc_simple(RTM_GETROUTE, 0);
	struct rtmsg rtm = {
		.rtm_family = to->family, .rtm_dst_len = (unsigned char)(addr_len(to) * 8)};
	int r;

	if (!msg || nlmsg_append(msg, &rtm, sizeof(rtm), NLMSG_ALIGNTO) < 0 ||
		nla_put(msg, RTA_DST, (int)addr_len(to), to->octets) < 0 ||
		(mark && nla_put_u32(msg, RTA_MARK, mark) < 0))
		return -NLE_NOMEM;
	r = nl_socket_modify_cb(nl->sock, NL_CB_VALID, NL_CB_CUSTOM, route_get_reply, ret);
	if (r < 0)
		return r;
	r = nl_send_auto(nl->sock, msg);
	if (r >= 0)
		r = nl_recvmsgs_default(nl->sock);
	if (r >= 0)
		nl_wait_for_ack(nl->sock);
	nl_socket_modify_cb(nl->sock, NL_CB_VALID, NL_CB_DEFAULT, NULL, NULL);
	return r;
}

int netlink_route_get(struct netlink *nl, const struct addr *to, uint32_t mark, struct route *ret,
	struct os_failure *why)
{
	struct route found = {0};
	char text[ADDR_TEXT_LEN];
	int r = route_get(nl, to, mark, &found);

	r = errno_of(nl, r);
	if (r >= 0 && found.dst.addr.family == AF_UNSPEC)
		r = -ENETUNREACH;
	/* An IPv6 host without a default route has this one instead of none. */
	if (r >= 0 && (found.type == RTN_UNREACHABLE || found.type == RTN_PROHIBIT ||
			      found.type == RTN_BLACKHOLE))
		r = -ENETUNREACH;
	if (r < 0)
		return os_fail(why, EV_NO_ROUTE, r, "find the route to %s", addr_format(to, text));
	*ret = found;
	return 0;
}

int netlink_routes(
	struct netlink *nl, int family, netlink_route_fn *fn, void *arg, struct os_failure *why)
{
	AUTO(nlcache) struct nl_cache *cache = NULL;
	int r = rtnl_route_alloc_cache(nl->sock, family, 0, &cache);

	if (r < 0)
		return os_fail(
			why, EV_NETLINK_FAILED, errno_of(nl, r), "list the routes of this machine");
	for (struct nl_object *o = nl_cache_get_first(cache); o; o = nl_cache_get_next(o)) {
		struct rtnl_route *route = (struct rtnl_route *)o;
		struct route rt = route_of(route);

		if ((rt.dst.addr.family != AF_INET && rt.dst.addr.family != AF_INET6) ||
			rt.table == RT_TABLE_LOCAL)
			continue;
		if (!fn(&rt, arg))
			break;
	}
	return 0;
}

struct default_search {
	unsigned except;
	bool found;
};

static bool is_default(const struct route *rt, void *arg)
{
	struct default_search *s = arg;

	s->found = rt->dst.len == 0 && rt->table == RT_TABLE_MAIN && rt->type == RTN_UNICAST &&
		   rt->ifindex != s->except;
	return !s->found;
}

bool netlink_has_default_route(struct netlink *nl, int family, unsigned except_ifindex)
{
	struct default_search s = {.except = except_ifindex};

	return netlink_routes(nl, family, is_default, &s, NULL) == 0 && s.found;
}
