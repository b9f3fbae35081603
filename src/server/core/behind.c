// SPDX-License-Identifier: Apache-2.0
#include "server/core/behind.h"

#include <errno.h>
#include <stdio.h>

#include "base/text.h"

static int overlaps(const struct prefix *network, const struct prefix *other, const char *what,
	char why[static RANGES_TEXT_LEN])
{
	char a[PREFIX_TEXT_LEN], b[PREFIX_TEXT_LEN];
	struct prefix shown = *other;

	if (!other->addr.family || !prefix_overlaps(network, other))
		return 0;
	prefix_mask(&shown);
	text_format(why, RANGES_TEXT_LEN, "%s overlaps %s (%s)", prefix_format(network, a),
		prefix_format(&shown, b), what);
	return -EINVAL;
}

static int check_pools(
	const struct prefix *network, const struct pools *pools, char why[static RANGES_TEXT_LEN])
{
	char what[80];
	int r = overlaps(network, &pools->ordinary, "the pool of the clients", why);

	for (size_t i = 0; i < pools->n_named && !r; i++) {
		text_format(what, sizeof(what), "the pool %s", pools->named[i].name);
		r = overlaps(network, &pools->named[i].prefix, what, why);
	}
	return r;
}

/* Its addresses, its gateways, and what it reaches without a gateway. */
static int check_host(const struct prefix *network, const struct host_addresses *host,
	char why[static RANGES_TEXT_LEN])
{
	char what[80], interface[RANGES_INTERFACE_LEN];
	int r = 0;

	for (size_t i = 0; i < host->n && !r; i++) {
		const struct host_address *h = &host->item[i];
		struct prefix p = {h->addr, h->len};
		bool holds = prefix_contains(network, &h->addr);

		if (holds)
			p.len = (uint8_t)(8 * addr_len(&h->addr));
		text_format(what, sizeof(what), "%s of this server's host: %s",
			holds ? "an address" : "a network", ranges_whose(h->ifindex, interface));
		if (holds || p.len)
			r = overlaps(network, &p, what, why);
	}
	return r;
}

int behind_check_network(const char *key, const struct prefix *network,
	const struct behind_server *server, char why[static RANGES_TEXT_LEN])
{
	int r = ranges_check_kind(key, network, why);

	if (!r && server->pools)
		r = check_pools(network, server->pools, why);
	if (!r)
		r = overlaps(network, &server->prefix6, "tunnel.ipv6_prefix", why);
	if (!r)
		r = overlaps(network, &server->delegate, "tunnel.delegate", why);
	return r || !server->host ? r : check_host(network, server->host, why);
}

int behind_check_routes(const struct prefix *network, const struct prefixes *routes,
	char why[static RANGES_TEXT_LEN])
{
	int r = 0;

	for (size_t i = 0; i < routes->n && !r; i++)
		r = overlaps(network, &routes->of[i],
			"in the routes of the same user: its client would send into the tunnel what lies behind it",
			why);
	return r;
}

int behind_check_list(const struct prefixes *list, char why[static RANGES_TEXT_LEN])
{
	int r = 0;

	for (size_t i = 0; i < list->n && !r; i++)
		for (size_t k = 0; k < i && !r; k++)
			r = overlaps(&list->of[i], &list->of[k], "in the same list", why);
	return r;
}

int behind_check_other(const struct prefix *network, const struct prefix *theirs, const char *whose,
	char why[static RANGES_TEXT_LEN])
{
	return overlaps(network, theirs, whose, why) ? -EEXIST : 0;
}
