// SPDX-License-Identifier: Apache-2.0
#include "server/core/inform.h"

#include <string.h>

#include "aaa/offer.h"
#include "ip/dhcp.h"

#define MTU_OF_WINDOWS 1400

static void copy_names(const struct offer *t, struct dhcp_names *ret)
{
	_Static_assert(GRANT_DOMAIN_LEN <= DHCP_NAME_LEN, "a name fits");
	for (ret->n = 0; ret->n < t->n_search && ret->n < DHCP_NAMES_MAX; ret->n++)
		strcpy(ret->of[ret->n], t->search[ret->n]);
}

static size_t copy_v4(const struct prefixes *from, struct prefix ret[static PREFIXES_MAX])
{
	size_t n = 0;

	for (size_t i = 0; i < from->n; i++)
		if (from->of[i].addr.family == AF_INET)
			ret[n++] = from->of[i];
	return n;
}

void inform_build(const struct dhcp_inform *request, const struct offer *offer,
	const struct inform_link *link, struct inform_answer *ret)
{
	struct prefix routes[PREFIXES_MAX];
	struct dhcp_left_out left = {0};
	struct dhcp_names search;
	struct dhcp_answer a = {.from = link->local,
		.dns = offer->dns,
		.n_dns = offer->n_dns,
		.domain = offer->domain,
		.search = &search,
		.routes = routes,
		.n_routes = copy_v4(&offer->routes, routes),
		.split = link->split};

	copy_names(offer, &search);
	ret->n = dhcp_build_ack(request, &a, ret->octets,
		link->mtu < sizeof(ret->octets) ? link->mtu : sizeof(ret->octets), &left);
	ret->routes = a.n_routes - left.routes;
	ret->left_routes = left.routes;
	ret->left_names = left.names + offer->n_search - search.n;
}

void inform_preview(const struct offer *offer, bool split, struct inform_answer *ret)
{
	const struct dhcp_inform request = {.port = DHCP_PORT_CLIENT,
		.ciaddr = {.family = AF_INET},
		.n_asked = 2,
		.asked = {DHCP_ROUTES, DHCP_ROUTES_MS}};
	const struct inform_link link = {{.family = AF_INET}, MTU_OF_WINDOWS, split};

	inform_build(&request, offer, &link, ret);
}
