// SPDX-License-Identifier: Apache-2.0
#include "server/host/grant.h"

#include "base/auto.h"
#include "base/credentials.h"
#include "config/config.h"
#include "events/event.h"
#include "os/resolver.h"

/* IPCP has room for two name servers, and for IPv4 ones. */
static void add_server(struct grant_addrs *to, const struct addr *a)
{
	if (a->family == AF_INET && to->n < PPP_NAME_SERVERS)
		to->item[to->n++] = *a;
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
		add_server(&ret->dns, &up[i]);
	for (size_t i = 0; i < cfg->tunnel.dns.n; i++)
		add_server(&ret->dns, &cfg->tunnel.dns.item[i]);
	for (size_t i = 0; i < cfg->tunnel.nbns.n; i++)
		add_server(&ret->nbns, &cfg->tunnel.nbns.item[i]);
	return n_up || !cfg->tunnel.dns.automatic;
}

int host_default_grant(const struct config *cfg, struct grant **ret)
{
	struct grant_values v;

	if (!host_default_values(cfg, &v))
		log_event(NULL, EV_DNS_NO_UPSTREAM, "tunnel.dns=auto");
	return grant_new(&v, ret);
}
