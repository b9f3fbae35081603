// SPDX-License-Identifier: Apache-2.0
#include "server/host/grant.h"

#include "base/auto.h"
#include "base/credentials.h"
#include "config/config.h"
#include "events/event.h"
#include "os/resolver.h"

/* IPCP has room for two name servers, and for IPv4 ones; a router advertisement for three. */
static void add_server(struct grant_addrs *to, const struct addr *a, size_t most6)
{
	size_t same = 0, most = a->family == AF_INET ? PPP_NAME_SERVERS : most6;

	for (size_t i = 0; i < to->n; i++)
		same += to->item[i].family == a->family;
	if (same < most)
		to->item[to->n++] = *a;
}

/* config_check() has refused what is no list. */
static void take_routes(const struct config *cfg, struct grant_prefixes *ret)
{
	struct prefixes_seen seen;
	struct prefixes list;

	if (!cfg->tunnel.routes.n || config_routes(cfg, &list, &seen) < 0 ||
		prefixes_pack(&list, &ret->list) < 0)
		return;
	ret->origin = GRANT_DEFAULT;
}

bool host_default_values(const struct config *cfg, struct grant_values *ret)
{
	struct addr up[8];
	size_t n_up = cfg->tunnel.dns.automatic ? resolver_upstreams("", up, ARRAY_SIZE(up)) : 0;

	*ret = (struct grant_values){.dns.origin = GRANT_DEFAULT,
		.nbns.origin = GRANT_DEFAULT,
		.ipv6 = {GRANT_DEFAULT, cfg->ppp.ipv6},
		.sessions = {GRANT_DEFAULT, (unsigned)cfg->auth.user_sessions}};
	for (size_t i = 0; i < n_up; i++)
		add_server(&ret->dns, &up[i], GRANT_DNS6_MAX);
	for (size_t i = 0; i < cfg->tunnel.dns.n; i++)
		add_server(&ret->dns, &cfg->tunnel.dns.item[i], GRANT_DNS6_MAX);
	for (size_t i = 0; i < cfg->tunnel.nbns.n; i++)
		add_server(&ret->nbns, &cfg->tunnel.nbns.item[i], 0);
	take_routes(cfg, &ret->routes);
	return n_up || !cfg->tunnel.dns.automatic;
}

int host_default_grant(const struct config *cfg, struct grant **ret)
{
	struct grant_values v;

	if (!host_default_values(cfg, &v))
		log_event(NULL, EV_DNS_NO_UPSTREAM, "tunnel.dns=auto");
	return grant_new(&v, ret);
}
