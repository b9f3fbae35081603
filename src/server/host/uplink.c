// SPDX-License-Identifier: Apache-2.0
/*
 * Theory: IPv6 for clients as the host sees it. Their /64s come from tunnel.ipv6_prefix, or from a ULA
 * /48 chosen at first start (RFC 4193) and translated to the host's own address on the way out. Clients
 * get a default route only while this host has one (server/session/onlink.c); the host may learn or lose
 * its route at any time, so it is looked for now and then.
 */
#include "server/host/host.h"

#include <string.h>

#include "base/crypto.h"
#include "config/config.h"
#include "os/netlink.h"
#include "os/tun.h"
#include "server/core/context.h"

static bool is_ula(const struct addr *a)
{
	return (a->octets[0] & 0xfe) == 0xfc;
}

bool host_ipv6_is_masqueraded(const struct context *c, const struct prefix *p)
{
	return c->config->tunnel.nat && p->addr.family == AF_INET6 && is_ula(&p->addr);
}

/* fe80:: and the server's identifier in IPv6CP: the server's end of all links. */
static int add_link_local(struct context *c, struct netlink *nl, struct os_failure *why)
{
	struct prefix own = {{AF_INET6, {0xfe, 0x80}}, 64};

	crypto_random(c->addresses.local_ifid, 8);
	c->addresses.local_ifid[0] &= (uint8_t)~0x02; /* not a universal one, RFC 4291 2.5.1 */
	memcpy(own.addr.octets + 8, c->addresses.local_ifid, 8);
	c->link_local = own.addr;
	return netlink_address_add(nl, tun_ifindex(c->tun), &own, NULL, NETLINK_NO_DAD, why);
}

static int add_addresses(struct context *c, struct netlink *nl, struct os_failure *why)
{
	struct prefix own = c->prefix6;
	int r = add_link_local(c, nl, why);

	if (r < 0 || !own.addr.family)
		return r;
	c->duid[1] = 4; /* RFC 6355 */
	crypto_random(c->duid + 2, sizeof(c->duid) - 2);
	own.addr.octets[15] = 1;
	c->own6 = own.addr;
	/* The whole prefix is behind it: a packet to a free address ends in the TUN, not in a loop. */
	return netlink_address_add(nl, tun_ifindex(c->tun), &own, NULL, NETLINK_NO_DAD, why);
}

int host_ipv6_setup(struct host *h, struct netlink *nl, struct os_failure *why)
{
	struct context *c = h->context;
	int r;

	if (!c->config->ppp.ipv6)
		return 0;
	r = add_addresses(c, nl, why);
	if (r < 0) {
		c->prefix6 = (struct prefix){0};
		c->own6 = c->link_local = (struct addr){0};
	}
	return r;
}

void host_ipv6_check(struct host *h, struct netlink *nl)
{
	struct context *c = h->context;
	bool was = atomic_load_explicit(&c->ipv6_onward, memory_order_relaxed), now;
	struct os_failure why = {0};

	if (!c->prefix6.addr.family || !c->config->ppp.ipv6)
		return;
	now = netlink_has_default_route(nl, AF_INET6, tun_ifindex(c->tun)) &&
	      (host_ipv6_is_masqueraded(c, &c->prefix6) || !is_ula(&c->prefix6.addr));
	if (now && !was && forward_v6_on(&h->forward, &why) < 0) {
		if (!h->ipv6_told)
			log_event(NULL, why.event, "%s", why.text);
		h->ipv6_told = true;
		now = false;
	}
	if (now == was && h->ipv6_told)
		return;
	h->ipv6_told = true;
	atomic_store_explicit(&c->ipv6_onward, now, memory_order_relaxed);
	log_event(NULL, now ? EV_IPV6_ONWARD : EV_IPV6_NOT_ONWARD, "masquerade=%s",
		host_ipv6_is_masqueraded(c, &c->prefix6) ? "yes" : "no");
}
