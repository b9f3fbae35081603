// SPDX-License-Identifier: Apache-2.0
#include "server/host/host.h"

#include <errno.h>
#include <string.h>

#include "base/auto.h"
#include "base/crypto.h"
#include "config/config.h"
#include "events/event.h"
#include "os/choose.h"
#include "os/netlink.h"
#include "server/core/context.h"
#include "store/db.h"

/* Configured; or chosen at the first start, and kept in the database. */
static int choose_pool(struct host *h, struct netlink *nl, struct db *db, bool v6)
{
	struct context *c = h->context;
	const struct prefix *configured =
		v6 ? &c->config->tunnel.ipv6_prefix : &c->config->tunnel.ipv4_pool;
	struct prefix *pool = v6 ? &c->prefix6 : &c->pool;
	const char *key = v6 ? "ipv6_prefix" : "ipv4_pool";
	char text[PREFIX_TEXT_LEN] = "";
	struct os_failure why = {0};
	uint64_t seed;

	*pool = *configured;
	if (pool->addr.family)
		return 0;
	if (!db_meta_get(db, key, text, sizeof(text)) && !prefix_parse(text, pool))
		return 0;
	crypto_random(&seed, sizeof(seed));
	if (os_choose_pool(nl, seed, v6 ? NULL : pool, v6 ? pool : NULL, &why) < 0) {
		int exit_code = host_refused(why.event, why.text);

		return v6 && why.event == EV_POOL_NONE_FREE ? 0 : exit_code; /* IPv4 alone */
	}
	if (db_meta_set(db, key, prefix_format(pool, text)) < 0)
		return host_refused(db_error(db)->event, db_error(db)->text);
	log_event(NULL, EV_POOL_CHOSEN, "pool=%s", text);
	return 0;
}

static void choose_addresses(struct context *c)
{
	c->nets[c->n_nets++] = c->pool;
	for (size_t i = 0; i < c->n_pools; i++)
		c->nets[c->n_nets++] = c->pools[i].prefix;
	c->addresses.local = addr_v4(addr_v4_value(&c->pool.addr) + 1);
}

/* Pools that a client could not use are refused by name, before anything is made of them. */
int host_check_pools(struct host *h)
{
	struct context *c = h->context;
	char why[RANGES_TEXT_LEN];

	c->n_pools = config_pools(c->config, c->pools);
	config_excluded(c->config, c->excluded);
	if (c->config->ppp.ipv6)
		config_delegate(c->config, &c->delegate, &c->delegate_len);
	host_addresses_read(c->config->tunnel.tun, &c->host);
	if (ranges_check_config(c->config, &c->host, why) == 0) {
		if (ranges_routed(c->config, c->config->tunnel.tun, why))
			log_event(NULL, EV_CONFIG_DOUBTFUL, "%s", why);
		return 0;
	}
	log_event(NULL, EV_POOL_UNUSABLE, "%s", why);
	return layer_exit_code(LAYER_CONFIG);
}

/* A pool that was chosen when this host had other addresses still serves; the conflict is logged. */
static int check_chosen_pool(const struct host *h)
{
	const struct context *c = h->context;
	struct pools pools = {.ordinary = c->pool, .n_named = c->n_pools};
	char why[RANGES_TEXT_LEN];
	int r;

	if (c->config->tunnel.ipv4_pool.addr.family)
		return 0;
	memcpy(pools.named, c->pools, sizeof(pools.named));
	r = ranges_check_chosen(&pools, &c->host, why);
	if (r < 0)
		log_event(NULL, EV_POOL_UNUSABLE, "%s", why);
	return r == -EEXIST ? layer_exit_code(LAYER_CONFIG) : 0;
}

int host_choose_pools(struct host *h, struct netlink *nl, struct db *db)
{
	int r = choose_pool(h, nl, db, false);

	if (!r && h->context->config->ppp.ipv6)
		r = choose_pool(h, nl, db, true);
	if (!r)
		r = check_chosen_pool(h);
	if (!r)
		choose_addresses(h->context);
	return r;
}
