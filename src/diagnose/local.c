// SPDX-License-Identifier: Apache-2.0
/* With a tunnel up on this machine: the routes through it, and the name servers in use. */
#include <ifaddrs.h>
#include <net/if.h>
#include <string.h>

#include "diagnose/private.h"
#include "os/netlink.h"

/* A point-to-point interface that is up and carries IPv4: culvert0, ppp0, cv-… */
static bool find_tunnel(char ret[IF_NAMESIZE], struct addr *ret_addr)
{
	struct ifaddrs *list = NULL;
	bool found = false;

	if (getifaddrs(&list) < 0)
		return false;
	for (const struct ifaddrs *i = list; i && !found; i = i->ifa_next) {
		struct endpoint e;

		if (!i->ifa_addr || i->ifa_addr->sa_family != AF_INET ||
			!(i->ifa_flags & IFF_POINTOPOINT) || !(i->ifa_flags & IFF_UP))
			continue;
		snprintf(ret, IF_NAMESIZE, "%s", i->ifa_name);
		endpoint_from_sockaddr(i->ifa_addr, &e);
		*ret_addr = e.addr;
		found = true;
	}
	freeifaddrs(list);
	return found;
}

static void tell_route(struct probe *p, struct netlink *nl, const char *name, const struct addr *to,
	unsigned tunnel)
{
	struct route rt;
	struct os_failure why;
	char ifname[IF_NAMESIZE] = "?";

	if (netlink_route_get(nl, to, 0, &rt, &why) < 0) {
		probe_fact(p, name, "no route");
		return;
	}
	if_indextoname(rt.ifindex, ifname);
	probe_fact(p, name, "by %s%s", ifname, rt.ifindex == tunnel ? ", the tunnel" : "");
}

static void judge_target(struct diagnosis *d, struct probe *p, struct netlink *nl,
	const char *ifname, unsigned tunnel)
{
	struct os_failure why;
	struct route rt;

	if (!d->target.family)
		return;
	tell_route(p, nl, "route to the target", &d->target, tunnel);
	if (netlink_route_get(nl, &d->target, 0, &rt, &why) < 0 || rt.ifindex != tunnel)
		probe_find(p, OUTCOME_WARNING, EV_PROBE_ROUTE_MISSING, "%s does not go by %s",
			d->opts->target, ifname);
}

static bool pushed(const struct diagnosis *d, const char *text)
{
	struct addr a;

	if (addr_parse(text, &a) < 0)
		return false;
	return addr_equal(&a, &d->call->v4.dns[0]) || addr_equal(&a, &d->call->v4.dns[1]);
}

/* Behind a stub on a loopback address it cannot be seen who is asked. */
static void tell_resolver(const struct diagnosis *d, struct probe *p)
{
	bool stub = false, good = false;
	FILE *f = fopen("/etc/resolv.conf", "re");
	char line[200], text[200] = "", server[80];
	size_t n;

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "nameserver %79s", server) == 1 &&
			(n = strlen(text)) + strlen(server) + 3 < sizeof(text)) {
			stub |= !strncmp(server, "127.", 4) || !strcmp(server, "::1");
			good |= d->call && pushed(d, server);
			snprintf(text + n, sizeof(text) - n, "%s%s", n ? ", " : "", server);
		}
	if (f)
		fclose(f);
	probe_fact(p, "name servers", "%s", *text ? text : "none in /etc/resolv.conf");
	if (d->call && d->call->up4 && d->call->v4.dns[0].family && !stub && !good)
		probe_find(p, OUTCOME_WARNING, EV_PROBE_LOCAL_DNS, "it asks %s",
			*text ? text : "no server");
}

void probe_local(struct diagnosis *d, struct probe *p)
{
	AUTO(netlink) struct netlink *nl = NULL;
	struct os_failure why;
	char ifname[IF_NAMESIZE], text[ADDR_TEXT_LEN];
	struct addr own, anywhere = addr_v4(0x08080808); /* only looked up, nothing is sent */
	unsigned index;

	if (!find_tunnel(ifname, &own)) {
		probe_skip(p, "no tunnel is up on this machine");
		return;
	}
	if (netlink_new(&nl, &why) < 0) {
		probe_skip(p, "the kernel gives no netlink socket");
		return;
	}
	index = if_nametoindex(ifname);
	probe_fact(p, "tunnel", "%s with %s", ifname, addr_format(&own, text));
	tell_route(p, nl, "everything else", &anywhere, index);
	if (d->server.addr.family)
		tell_route(p, nl, "the server itself", &d->server.addr, index);
	judge_target(d, p, nl, ifname, index);
	tell_resolver(d, p);
	probe_summary(p, "a tunnel is up: %s", ifname);
}
