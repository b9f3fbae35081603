// SPDX-License-Identifier: Apache-2.0
#include "server/host/host.h"

#include <stdio.h>
#include <string.h>

#include "config/config.h"
#include "os/harden.h"
#include "os/netlink.h"
#include "os/steering.h"
#include "os/tun.h"
#include "server/core/context.h"

#define ENTRIES_A_SESSION 8 /* of the steering maps: addresses, prefixes, networks behind it */

/*
 * While still privileged: /dev/net/tun may be root's alone (0600). All queues are opened here and
 * kept; configure_tun() needs CAP_NET_ADMIN only.
 */
int host_open_tun(struct host *h)
{
	struct context *c = h->context;
	static const unsigned unwanted[] = {[CONFIG_OFFLOAD_AUTO] = 0,
		[CONFIG_OFFLOAD_NO_USO] = TUN_OFFLOAD_USO,
		[CONFIG_OFFLOAD_OFF] = TUN_OFFLOAD_ALL};
	struct tun_opts tun = {.name = c->config->tunnel.tun,
		.queues = c->n_sites,
		.no_offloads = unwanted[c->config->tunnel.offload]};
	struct os_failure why = {0};

	return tun_new(&tun, &c->tun, &why) < 0 ? host_refused(why.event, why.text) : 0;
}

static int make_steering(struct host *h)
{
	struct context *c = h->context;
	const struct config *cfg = c->config;
	struct os_failure why = {0};

	if (cfg->server.steering == CONFIG_STEERING_RING || c->n_sites == 1)
		return 0;
	if (steering_new(c->tun, (unsigned)cfg->server.max_sessions * ENTRIES_A_SESSION,
		    &c->steering, &why) < 0) {
		c->steering = NULL;
		if (cfg->server.steering == CONFIG_STEERING_BPF)
			return host_refused(why.event, why.text);
		log_event(NULL, why.event, "%s", why.text); /* the ring does it, see worker.c */
	}
	return 0;
}

int host_configure_tun(struct host *h, struct netlink *nl)
{
	struct context *c = h->context;
	const struct config *cfg = c->config;
	struct prefix own = {c->addresses.local, c->pool.len};
	struct link_opts up = {.up = true,
		.no_link_local = true,
		.mtu = (unsigned)(cfg->tunnel.mtu ? cfg->tunnel.mtu : cfg->ppp.mru)};
	struct os_failure why = {0};
	int r;

	r = harden_interface(tun_name(c->tun));
	if (r < 0)
		log_event(NULL, EV_TUN_NOT_HARDENED, "tun=%s error=\"%s\"", tun_name(c->tun),
			strerror(-r));
	snprintf(h->forward.own, sizeof(h->forward.own), "%s", tun_name(c->tun));
	if (netlink_link_set(nl, tun_ifindex(c->tun), &up, &why) < 0 ||
		netlink_address_add(nl, tun_ifindex(c->tun), &own, NULL, 0, &why) < 0)
		return host_refused(why.event, why.text);
	for (size_t i = 0; i < c->n_pools; i++) {
		own = c->pools[i].prefix;
		own.addr = addr_v4(addr_v4_value(&own.addr) + 1);
		if (netlink_address_add(nl, tun_ifindex(c->tun), &own, NULL, 0, &why) < 0)
			return host_refused(why.event, why.text);
	}
	if (host_ipv6_setup(h, nl, &why) < 0) /* it serves IPv4 */
		log_event(NULL, EV_HOST_NO_IPV6, "%s", why.text);
	if (host_route_delegate(h, nl, &why) < 0)
		return host_refused(why.event, why.text);
	return make_steering(h);
}
