#include "client/setup.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/hot.h"
#include "events/event.h"
#include "ip/ra.h"
#include "os/netlink.h"
#include "os/share.h"
#include "os/resolver.h"

struct client_setup {
	const struct client_opts *opts;
	const struct tun *tun;
	struct netlink *nl;
	struct addr server;
	struct share *server_route; /* held while we use the host route to the server */
	struct resolver *resolver;
	uint8_t ifid[8];    /* ours, as negotiated */
	struct prefix own6; /* our address of the tunnel's prefix, with /64; AF_UNSPEC: none */
	bool halves6;       /* the two halves of the IPv6 default route are ours */
	bool onward6;       /* ... and the server takes what goes there */
	bool told_ipv6_taken;
};

/* The host route to one server may serve several clients: the last to leave deletes it. */
static void share_name(const struct client_setup *s, char ret[static 64])
{
	char text[ADDR_TEXT_LEN];

	snprintf(ret, 64, "route-%s", addr_format(&s->server, text));
}

static void leave_server_route(struct client_setup *s)
{
	if (share_leave(s->server_route))
		netlink_route_flush(s->nl, 0, &s->server, NULL);
	s->server_route = NULL;
}

/* What clients that were killed have left behind, and nothing of one that lives. */
static void forget_dead_clients(struct client_setup *s)
{
	struct os_failure why = {0};
	struct share *share;
	char name[64];
	int r;

	share_name(s, name);
	if (!share_join(name, &share)) {
		s->server_route = share;
		leave_server_route(s);
	}
	r = resolver_recover("", &why);
	if (r > 0)
		log_event(NULL, EV_DNS_RESTORED, "file=/etc/resolv.conf");
	else if (r < 0)
		log_event(NULL, why.event, "%s", why.text);
}

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
	forget_dead_clients(s);
	*ret = s;
	return 0;
}

void client_setup_free(struct client_setup *s)
{
	if (!s)
		return;
	resolver_restore(s->resolver);
	if (s->server_route)
		leave_server_route(s);
	netlink_free(s->nl);
	free(s);
}

/* Never in the place of another program's route: two VPNs that take turns at it help nobody. */
static int route_dev(struct client_setup *s, const struct prefix *dst, struct os_failure *why)
{
	struct route rt = {.dst = *dst, .ifindex = tun_ifindex(s->tun)};
	int r = netlink_route_add(s->nl, &rt, why);

	if (r == -EEXIST && why)
		why->event = EV_ROUTE_TAKEN;
	return r;
}

/* The server stays reachable the way it is now, whatever the tunnel takes over. */
static int pin_server_route(struct client_setup *s, struct os_failure *why)
{
	struct route rt;
	char name[64];
	int r;

	if (s->server_route)
		return 0;
	r = netlink_route_get(s->nl, &s->server, 0, &rt, why);
	if (r < 0)
		return r;
	if (rt.type == RTN_LOCAL)
		return 0;
	rt.dst = (struct prefix){s->server, (uint8_t)(8 * addr_len(&s->server))};
	rt.source = (struct addr){0};
	rt.table = rt.metric = 0;
	share_name(s, name);
	r = share_join(name, &s->server_route);
	if (r < 0)
		return os_fail(why, EV_ROUTE_REFUSED, r, "note who uses the route to the server");
	r = netlink_route_add(s->nl, &rt, why);
	return r == -EEXIST ? 0 : r; /* another client's, or an admin's own: it does as well */
}

static int add_routes(struct client_setup *s, struct os_failure *why)
{
	static const struct prefix halves[] = {{{.family = AF_INET}, 1}, {{AF_INET, {128}}, 1}};
	int r = 0;

	if (s->opts->default_route || s->opts->n_routes)
		r = pin_server_route(s, why);
	for (size_t i = 0; i < 2 && !r && s->opts->default_route; i++)
		r = route_dev(s, &halves[i], why);
	for (size_t i = 0; i < s->opts->n_routes && !r; i++)
		r = route_dev(s, &s->opts->routes[i], why);
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

	int r = resolver_set(&opts, &s->resolver, why);

	if (r == 0 && *resolver_passed_over(s->resolver))
		log_event(NULL, EV_DNS_WAY_FAILED, "used=\"%s\" %s",
			resolver_way_name(resolver_way(s->resolver)),
			resolver_passed_over(s->resolver));
	return r;
}

static const struct prefix halves6[] = {{{.family = AF_INET6}, 1}, {{AF_INET6, {0x80}}, 1}};

static void take_halves6(struct client_setup *s)
{
	struct os_failure why = {0};
	int r = pin_server_route(s, &why);

	for (size_t i = 0; i < ARRAY_SIZE(halves6) && !r; i++)
		r = route_dev(s, &halves6[i], &why);
	s->halves6 = !r;
	if (r && !s->told_ipv6_taken)
		log_event(NULL, why.event, "%s", why.text); /* IPv4 goes on all the same */
	s->told_ipv6_taken = r;
}

static void leave_halves6(struct client_setup *s)
{
	for (size_t i = 0; i < ARRAY_SIZE(halves6) && s->halves6; i++)
		netlink_route_del(s->nl,
			&(struct route){.dst = halves6[i], .ifindex = tun_ifindex(s->tun)}, NULL);
	s->halves6 = false;
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
	if (!r && s->opts->default_route && s->opts->block_ipv6 && !s->halves6)
		take_halves6(s);
	if (!r && s->opts->dns && a->dns[0].family)
		r = set_resolver(s, a, why);
	return r;
}

int client_setup_ipv6(struct client_setup *s, const struct ppp_addresses *a)
{
	struct link_opts up = {.up = true, .no_link_local = true};
	struct prefix own = {{AF_INET6, {0xfe, 0x80}}, 64};

	memcpy(s->ifid, a->local_ifid, sizeof(s->ifid));
	memcpy(own.addr.octets + 8, a->local_ifid, 8);
	netlink_link_set(s->nl, tun_ifindex(s->tun), &up, NULL);
	return netlink_address_add(s->nl, tun_ifindex(s->tun), &own, NULL, NETLINK_NO_DAD, NULL);
}

/* ---- IPv6 by router advertisement ---------------------------------------------------------- */

/* RFC 4862 section 5.5.3, with the identifier that IPv6CP gave: nobody else has it on this link. */
static void take_address6(struct client_setup *s, const struct ra *ra)
{
	struct prefix own = {ra->prefix.addr, 64};
	char text[PREFIX_TEXT_LEN];

	if (!ra->prefix.addr.family || !ra->valid_s)
		return;
	memcpy(own.addr.octets + 8, s->ifid, 8);
	if (addr_equal(&own.addr, &s->own6.addr))
		return;
	if (s->own6.addr.family)
		netlink_address_del(s->nl, tun_ifindex(s->tun), &s->own6, NULL);
	if (netlink_address_add(s->nl, tun_ifindex(s->tun), &own, NULL,
		    NETLINK_NO_DAD | NETLINK_NO_PREFIX_ROUTE, NULL) < 0)
		return;
	s->own6 = own;
	printf("culvert: ipv6 %s\n", addr_format(&own.addr, text));
	fflush(stdout);
}

COLD void client_setup_advertised(struct client_setup *s, const struct ra *ra)
{
	take_address6(s, ra);
	s->onward6 = ra->router_lifetime_s && s->own6.addr.family;
	if (!s->opts->default_route)
		return;
	if (s->onward6 && !s->halves6)
		take_halves6(s);
	else if (!s->onward6 && !s->opts->block_ipv6)
		leave_halves6(s);
}

bool client_setup_ipv6_onward(const struct client_setup *s)
{
	return s->onward6 || !s->halves6;
}

void client_setup_warn_of_leak(struct client_setup *s)
{
	if (s->opts->default_route && !s->halves6 &&
		netlink_has_default_route(s->nl, AF_INET6, tun_ifindex(s->tun)))
		log_event(NULL, EV_CLIENT_IPV6_BESIDE, "tun=%s", tun_name(s->tun));
}
