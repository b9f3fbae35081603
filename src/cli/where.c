// SPDX-License-Identifier: Apache-2.0
#include "cli/where.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/json.h"
#include "base/text.h"
#include "cli/ask.h"
#include "cli/cmd.h"
#include "server/core/ranges.h"
#include "server/core/reach.h"

int where_config(const struct where *w, struct config **ret)
{
	struct config_error err;

	if (config_load(w->state ? w->config : cmd_config_file(w->config), ret, &err) < 0 ||
		(w->state && config_set(*ret, "server.state", w->state, &err) < 0))
		return cmd_fail(err.event, err.text);
	return CMD_OK;
}

int where_failed(const struct db *db)
{
	return cmd_fail(db_error(db)->event, db_error(db)->text);
}

/* The command line before the file before the default. */
int where_open(const struct where *w, bool may_make, struct db **ret)
{
	AUTO(config) struct config *cfg = NULL;
	struct db_error err;
	struct db_opts opts = {.must_exist = !may_make};
	int r = where_config(w, &cfg);

	if (r)
		return r;
	opts.state = cfg->server.state;
	opts.key_file = w->key_file ? w->key_file : cfg->store.key_file;
	if (db_open(&opts, ret, &err) < 0)
		return cmd_fail(err.event, err.text);
	return CMD_OK;
}

/* ---- do address and pool belong to the server? --------------------------- */

/* A running server knows its pools best. -1: none runs; else an exit code. */
static int pools_of_running(const struct where *w, struct server_has *ret)
{
	struct pools *pools = &ret->pools;
	struct ask to = {.state = w->state, .config = w->config};
	json_t *result = NULL, *row;
	size_t i;
	int r = ask_server_if_up(&to, ask_request("status"), &result);

	if (r)
		return r;
	prefix_parse(ask_text(result, "pool"), &pools->ordinary);
	prefix_parse(ask_text(result, "ipv6_prefix"), &ret->prefix6);
	prefix_parse(ask_text(result, "delegate"), &ret->delegate);
	json_array_foreach(json_object_get(result, "pools"), i, row)
	{
		struct config_pool *p = &pools->named[pools->n_named];

		if (pools->n_named == CONFIG_ITEMS_MAX)
			break;
		snprintf(p->name, sizeof(p->name), "%s", ask_text(row, "name"));
		pools->n_named += !prefix_parse(ask_text(row, "prefix"), &p->prefix);
	}
	json_decref(result);
	return CMD_OK;
}

/* Configured, or chosen at the first start. */
static void chosen(struct db *db, const char *key, struct prefix *p)
{
	char text[PREFIX_TEXT_LEN] = "";

	if (!p->addr.family && !db_meta_get(db, key, text, sizeof(text)))
		prefix_parse(text, p);
}

/* As a start with this configuration would have them; the ordinary one may be chosen only then. */
static void pools_of_config(struct db *db, const struct config *cfg, struct server_has *ret)
{
	uint8_t len;

	ret->pools.n_named = config_pools(cfg, ret->pools.named);
	ret->pools.ordinary = cfg->tunnel.ipv4_pool;
	ret->prefix6 = cfg->tunnel.ipv6_prefix;
	config_delegate(cfg, &ret->delegate, &len);
	chosen(db, "ipv4_pool", &ret->pools.ordinary);
	chosen(db, "ipv6_prefix", &ret->prefix6);
}

int where_server(const struct where *w, struct db *db, struct server_has *ret, bool *ret_known)
{
	AUTO(config) struct config *cfg = NULL;
	int r = where_config(w, &cfg);

	*ret = (struct server_has){0};
	*ret_known = true;
	if (r)
		return r;
	r = pools_of_running(w, ret);
	if (r >= 0)
		return r;
	pools_of_config(db, cfg, ret);
	*ret_known = w->config || (!w->state && cmd_config_file(NULL));
	return CMD_OK;
}

static int judged(bool known, enum event event, const char *why)
{
	if (known)
		return cmd_fail(event, why);
	text_fprintf(stderr,
		"culvert: warning: %s. No configuration of a server is known here (--config), so "
		"this was not checked.\n",
		why);
	return CMD_OK;
}

int where_check_address(const struct where *w, struct db *db, const struct addr *address)
{
	struct host_addresses host;
	struct server_has have;
	char why[RANGES_TEXT_LEN];
	bool known;
	int r;

	if (!address->family)
		return CMD_OK;
	r = where_server(w, db, &have, &known);
	if (r)
		return r;
	host_addresses_read(NULL, &host);
	r = ranges_check_static(address, &have.pools, &host, why);
	if (r && ranges_no_host(address))
		known = true; /* whatever the pools are */
	return r ? judged(known, EV_USER_ADDRESS_UNUSABLE, why) : CMD_OK;
}

int where_check_pool(const struct where *w, struct db *db, const char *name)
{
	struct server_has have;
	char why[RANGES_TEXT_LEN];
	bool known;
	int r = where_server(w, db, &have, &known);

	if (r)
		return r;
	if (!ranges_check_pool_name(name, &have.pools, why))
		return CMD_OK;
	return judged(known, EV_USER_NO_SUCH_POOL, why);
}

int where_check_servers(const char *key, const struct grant_addrs *list)
{
	char why[120], text[ADDR_TEXT_LEN];

	for (size_t i = 0; i < list->n; i++) {
		const char *what = ranges_no_host(&list->item[i]);

		if (!what)
			continue;
		text_format(why, sizeof(why), "%s: %s is %s: no client reaches it", key,
			addr_format(&list->item[i], text), what);
		return cmd_fail(EV_USER_VALUE_BAD, why);
	}
	return CMD_OK;
}

/* "NAME: RULES" */
static bool has_filter(const struct text_list *filters, const char *name)
{
	size_t n = strlen(name);

	for (size_t i = 0; i < filters->n; i++)
		if (!strncmp(filters->item[i], name, n) && filters->item[i][n] == ':')
			return true;
	return false;
}

int where_check_filters(const struct where *w, const struct grant_names *names)
{
	AUTO(config) struct config *cfg = NULL;
	bool known = w->config || (!w->state && cmd_config_file(NULL));
	int r = where_config(w, &cfg);

	for (size_t i = 0; i < names->n && !r; i++)
		if (!has_filter(&cfg->policy.filters, names->item[i])) {
			char why[120];

			text_format(why, sizeof(why), "policy.filters has no filter %s",
				names->item[i]);
			r = judged(known, EV_USER_NO_SUCH_FILTER, why);
		}
	return r;
}

/* ---- sessions that are up -------------------------------------------------- */

int where_regrant(const struct where *w, const char *user, size_t *ret_n)
{
	struct ask to = {.state = w->state, .config = w->config};
	json_t *request = ask_request("regrant"), *result = NULL;
	int r;

	*ret_n = 0;
	if (user)
		json_object_set_new(request, "user", json_text(user));
	r = ask_server_if_up(&to, request, &result);
	if (r)
		return r < 0 ? CMD_OK : r; /* no server, no sessions */
	*ret_n = json_array_size(json_object_get(result, "sessions"));
	json_decref(result);
	return CMD_OK;
}

void where_doubt_routes(const struct where *w, const struct prefixes *routes)
{
	AUTO_MEM struct reach *r = malloc(sizeof(*r));
	AUTO(config) struct config *cfg = NULL;
	char why[REACH_TEXT_LEN];

	if (!r || where_config(w, &cfg))
		return;
	reach_read(cfg, r);
	for (size_t i = 0; i < routes->n; i++)
		if (reach_doubt(r, "routes", &routes->of[i], why))
			text_fprintf(stderr, "culvert: warning: %s\n", why);
}
