#include "client/setup.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "os/netlink.h"
#include "os/resolver.h"

struct client_setup {
	const struct client_opts *opts;
	const struct tun *tun;
	struct netlink *nl;
	struct addr server;
	bool server_route; /* ours, to be deleted */
	struct resolver *resolver;
};

int client_setup_new(const struct client_opts *opts, const struct tun *tun,
	const struct addr *server, struct client_setup **ret, struct os_failure *why)
{
	struct client_setup *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return os_fail(why, EV_OUT_OF_MEMORY, -ENOMEM, "client set-up");
	*s = (struct client_setup){.opts = opts, .tun = tun, .server = *server};
	r = netlink_new(&s->nl, why);
	if (r < 0) {
		free(s);
		return r;
	}
	netlink_route_flush(s->nl, 0, server, NULL); /* of a client that was killed */
	resolver_recover("", NULL);
	*ret = s;
	return 0;
}

void client_setup_free(struct client_setup *s)
{
	if (!s)
		return;
	resolver_restore(s->resolver);
	if (s->server_route)
		netlink_route_flush(s->nl, 0, &s->server, NULL);
	netlink_free(s->nl);
	free(s);
}

static int route_dev(struct client_setup *s, const char *prefix, struct os_failure *why)
{
	struct route rt = {.ifindex = tun_ifindex(s->tun)};

	prefix_parse(prefix, &rt.dst);
	return netlink_route_replace(s->nl, &rt, why);
}

/* The server stays reachable the way it is now, whatever the tunnel takes over. */
static int pin_server_route(struct client_setup *s, struct os_failure *why)
{
	struct route rt;
	int r = netlink_route_get(s->nl, &s->server, 0, &rt, why);

	if (r < 0)
		return r;
	if (rt.type == RTN_LOCAL)
		return 0;
	rt.dst = (struct prefix){s->server, (uint8_t)(8 * addr_len(&s->server))};
	rt.source = (struct addr){0};
	rt.table = rt.metric = 0;
	r = netlink_route_add(s->nl, &rt, why);
	s->server_route = !r;
	return r == -EEXIST ? 0 : r; /* somebody's own route to it does as well */
}

static int add_routes(struct client_setup *s, struct os_failure *why)
{
	static const char *const halves[] = {"0.0.0.0/1", "128.0.0.0/1"};
	int r = 0;

	if (s->opts->default_route || s->opts->n_routes)
		r = pin_server_route(s, why);
	for (size_t i = 0; i < 2 && !r && s->opts->default_route; i++)
		r = route_dev(s, halves[i], why);
	for (size_t i = 0; i < s->opts->n_routes && !r; i++) {
		struct route rt = {.dst = s->opts->routes[i], .ifindex = tun_ifindex(s->tun)};

		r = netlink_route_replace(s->nl, &rt, why);
	}
	return r;
}

static int set_resolver(
	struct client_setup *s, const struct ppp_addresses *a, struct os_failure *why)
{
	struct resolver_opts opts = {.root = "",
		.ifname = tun_name(s->tun),
		.servers = a->dns,
		.n_servers = a->dns[1].family ? 2 : 1,
		.all_names = s->opts->default_route};

	return resolver_set(&opts, &s->resolver, why);
}

int client_setup_ipv4(
	struct client_setup *s, const struct ppp_addresses *a, uint16_t mtu, struct os_failure *why)
{
	struct link_opts up = {.up = true, .mtu = mtu, .no_link_local = true};
	struct prefix own = {a->local, 32};
	int r = netlink_link_set(s->nl, tun_ifindex(s->tun), &up, why);

	if (!r)
		r = netlink_address_add(s->nl, tun_ifindex(s->tun), &own, &a->peer, 0, why);
	if (!r)
		r = add_routes(s, why);
	if (!r && s->opts->dns && a->dns[0].family)
		r = set_resolver(s, a, why);
	return r;
}

int client_setup_ipv6(struct client_setup *s, const struct ppp_addresses *a)
{
	struct link_opts up = {.up = true, .no_link_local = true};
	struct prefix own = {{AF_INET6, {0xfe, 0x80}}, 64};

	memcpy(own.addr.octets + 8, a->local_ifid, 8);
	netlink_link_set(s->nl, tun_ifindex(s->tun), &up, NULL);
	return netlink_address_add(s->nl, tun_ifindex(s->tun), &own, NULL, NETLINK_NO_DAD, NULL);
}
