/*
 * Theory of operation
 *
 * Every client has a /64 of its own. Hosts make their addresses by themselves (SLAAC, RFC 4862),
 * several of them and new ones each day (RFC 8981); in a prefix that is theirs alone whatever they
 * choose is right, the source check is one comparison, and one route leads to all of it.
 *
 * The /64s come from tunnel.ipv6_prefix, or from a ULA /48 chosen at first start (RFC 4193) and
 * translated to the host's own address on the way out. The first /64 is the server's. Which of the
 * others a client gets follows from its IPv4 lease, which is the user's as long as can be: so the
 * prefix is, too, without a second record.
 *
 * A client is told of a default route only while this host has one: with router lifetime 0
 * (RFC 4861 section 6.2.3) it keeps its own IPv6 beside the tunnel, instead of losing it into a
 * hole. The host may learn or lose its route at any time, so it is looked for now and then.
 */
#include "server/host/uplink.h"

#include <errno.h>
#include <string.h>
#include <urcu/urcu-memb.h>

#include "base/crypto.h"
#include "base/hot.h"
#include "config/config.h"
#include "ip/dhcpv6.h"
#include "ip/ra.h"
#include "ip/table.h"
#include "os/netlink.h"
#include "os/tun.h"
#include "server/core/context.h"

#define ROUTER_LIFETIME_S 1800
#define VALID_S 86400
#define PREFERRED_S 14400
#define REFRESH_S 1800
#define TRIES_MAX 4096 /* /64s looked at for a client whose own is taken */

static bool is_ula(const struct addr *a)
{
	return (a->octets[0] & 0xfe) == 0xfc;
}

bool ipv6_is_masqueraded(const struct server *s)
{
	return s->config->tunnel.nat && s->prefix6.addr.family && is_ula(&s->prefix6.addr);
}

/* The n-th /64 of the prefix. */
static struct prefix nth_prefix(const struct prefix *of, uint64_t n)
{
	struct prefix p = {of->addr, 64};

	for (int i = 7; i >= 0; i--, n >>= 8)
		p.addr.octets[i] |= (uint8_t)n;
	return p;
}

/* fe80:: and the identifier that IPv6CP tells every client: the server's end of all links. */
static int add_link_local(struct server *s, struct netlink *nl, struct os_failure *why)
{
	struct prefix own = {{AF_INET6, {0xfe, 0x80}}, 64};

	crypto_random(s->addresses.local_ifid, 8);
	s->addresses.local_ifid[0] &= (uint8_t)~0x02; /* not a universal one, RFC 4291 2.5.1 */
	memcpy(own.addr.octets + 8, s->addresses.local_ifid, 8);
	s->link_local = own.addr;
	return netlink_address_add(nl, tun_ifindex(s->tun), &own, NULL, NETLINK_NO_DAD, why);
}

int ipv6_setup(struct server *s, struct netlink *nl, struct os_failure *why)
{
	struct prefix own = s->prefix6;
	int r;

	if (!s->config->ppp.ipv6)
		return 0;
	r = add_link_local(s, nl, why);
	if (r < 0 || !own.addr.family)
		return r;
	s->duid[1] = 4; /* RFC 6355 */
	crypto_random(s->duid + 2, sizeof(s->duid) - 2);
	own.addr.octets[15] = 1;
	s->own6 = own.addr;
	/* With the whole prefix behind it: what is nobody's ends in the TUN and not in a loop. */
	return netlink_address_add(nl, tun_ifindex(s->tun), &own, NULL, NETLINK_NO_DAD, why);
}

void ipv6_check(struct server *s, struct netlink *nl)
{
	bool was = atomic_load_explicit(&s->ipv6_onward, memory_order_relaxed), now;
	struct os_failure why = {0};

	if (!s->prefix6.addr.family || !s->config->ppp.ipv6)
		return;
	now = netlink_has_default_route(nl, AF_INET6, tun_ifindex(s->tun)) &&
	      (ipv6_is_masqueraded(s) || !is_ula(&s->prefix6.addr));
	if (now && !was && forward_v6_on(&s->forward, &why) < 0) {
		if (!s->ipv6_told)
			log_event(NULL, why.event, "%s", why.text);
		s->ipv6_told = true;
		now = false;
	}
	if (now == was && s->ipv6_told)
		return;
	s->ipv6_told = true;
	atomic_store_explicit(&s->ipv6_onward, now, memory_order_relaxed);
	log_event(NULL, now ? EV_IPV6_ONWARD : EV_IPV6_NOT_ONWARD, "masquerade=%s",
		ipv6_is_masqueraded(s) ? "yes" : "no");
}

int ipv6_take_prefix(struct server *s, struct session *owner, unsigned worker,
	const struct addr *ipv4, struct prefix *ret)
{
	uint64_t count, n, first;

	if (!s->prefix6.addr.family)
		return -ENOENT;
	count = UINT64_C(1) << (64 - s->prefix6.len);
	first = addr_v4_value(ipv4) - addr_v4_value(&s->pool.addr);
	for (n = 0; n < count && n < TRIES_MAX; n++) {
		struct prefix p = nth_prefix(&s->prefix6, (first + n) % count);
		int r;

		if ((first + n) % count == 0)
			continue; /* the server's own */
		r = table_add(s->table, &p, owner, worker);
		if (r != -EEXIST) {
			*ret = p;
			return r;
		}
	}
	return -ENOSPC;
}

size_t ipv6_advertisement(const struct server *s, const struct prefix *prefix, uint16_t mtu,
	uint8_t ret[static IPV6_ANSWER_MAX])
{
	bool onward = atomic_load_explicit(&s->ipv6_onward, memory_order_relaxed);
	struct ra ra = {.from = s->link_local,
		.to = {AF_INET6, {0xff, 2, [15] = 1}},
		.router_lifetime_s = onward && prefix->addr.family ? ROUTER_LIFETIME_S : 0,
		.mtu = mtu >= 1280 ? mtu : 0, /* RFC 8200 section 5 */
		.prefix = *prefix,
		.valid_s = VALID_S,
		.preferred_s = PREFERRED_S,
		.dns_lifetime_s = ROUTER_LIFETIME_S};

	ra.n_dns = ra.router_lifetime_s ? s->n_dns6 : 0;
	ra.other_config = ra.n_dns > 0;
	memcpy(ra.dns, s->dns6, sizeof(ra.dns));
	return ra_build(&ra, ret, IPV6_ANSWER_MAX);
}

COLD size_t ipv6_dhcp_reply(const struct server *s, const uint8_t *octets, const struct ip_view *p,
	uint8_t ret[static IPV6_ANSWER_MAX])
{
	struct dhcpv6_answer answer = {.from = s->link_local, .dns = s->dns6};
	struct dhcpv6_request req;

	if (dhcpv6_parse(octets, p, s->duid, &req) < 0)
		return 0;
	memcpy(answer.duid, s->duid, sizeof(answer.duid));
	if (atomic_load_explicit(&s->ipv6_onward, memory_order_relaxed))
		answer.n_dns = s->n_dns6;
	answer.refresh_s = REFRESH_S;
	return dhcpv6_reply(&req, &answer, ret, IPV6_ANSWER_MAX);
}
