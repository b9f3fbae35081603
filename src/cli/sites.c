// SPDX-License-Identifier: Apache-2.0
/*
 * Theory: `behind`, `prefix`, `routes`, `address` and a user's groups may each bring an overlap about, in
 * whatever order they are set. So what counts after the change is looked at, whichever of them changed.
 */
#include "cli/sites.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/text.h"
#include "cli/cmd.h"
#include "cli/values.h"
#include "server/core/behind.h"

struct subject {
	enum db_subject of;
	int64_t id;
	struct prefixes behind; /* its own; what a group gives was looked at there */
	struct prefix prefix;   /* delegated; AF_UNSPEC: none of its own */
	struct addr address;    /* AF_UNSPEC: none */
	const struct values_found *found;
	char why[RANGES_TEXT_LEN];
};

/* ---- what others have ------------------------------------------------------------- */

static int meet(struct subject *s, const struct prefix *theirs, const char *whose)
{
	const struct prefix address = {s->address, 32};
	int r = 0;

	for (size_t i = 0; i < s->behind.n && !r; i++)
		r = behind_check_other(&s->behind.of[i], theirs, whose, s->why);
	if (!r && s->prefix.addr.family)
		r = behind_check_other(&s->prefix, theirs, whose, s->why);
	if (!r && s->address.family)
		r = behind_check_other(&address, theirs, whose, s->why);
	return r;
}

/* The user is one of that group's: the network may be its own. */
static bool is_of_its_group(const struct subject *s, const struct db_key_value *v)
{
	for (size_t i = 0; v->of == DB_GROUP && i < s->found->n_groups; i++)
		if (!strcmp(s->found->groups[i], v->name))
			return true;
	return false;
}

static int meet_value(const struct db_key_value *v, void *arg)
{
	struct subject *s = arg;
	struct prefixes theirs;
	struct prefixes_seen seen;
	char whose[USER_NAME_MAX + 40];
	int r = 0;

	if ((v->of == s->of && v->id == s->id) || is_of_its_group(s, v) ||
		prefixes_parse(v->value, &theirs, &seen) < 0)
		return 0;
	text_format(whose, sizeof(whose), "of %s %s", v->of == DB_USER ? "user" : "group", v->name);
	for (size_t i = 0; i < theirs.n && !r; i++)
		r = meet(s, &theirs.of[i], whose);
	return r;
}

/* A static address in a network behind a router, the same user's included, would be in two places. */
static int meet_address(const struct db_user *u, void *arg)
{
	struct subject *s = arg;
	const struct prefix theirs = {u->ipv4, 32};
	char whose[USER_NAME_MAX + 40];
	int r = 0;

	text_format(whose, sizeof(whose), "the address of user %s", u->name);
	for (size_t i = 0; i < s->behind.n && !r && u->ipv4.family; i++)
		r = behind_check_other(&s->behind.of[i], &theirs, whose, s->why);
	return r;
}

static int check_others(struct db *db, struct subject *s)
{
	int r = db_values_of_key(db, "behind", meet_value, s);

	if (!r)
		r = db_values_of_key(db, "prefix", meet_value, s);
	return r ? r : db_user_list(db, meet_address, s);
}

/* ---- what the server and the user itself have ----------------------------------------- */

static int check_server(const struct where *w, struct db *db, struct subject *s)
{
	AUTO_MEM struct host_addresses *host = malloc(sizeof(*host));
	struct behind_server server = {.host = host};
	struct server_has has;
	bool known;
	int r = host ? where_server(w, db, &has, &known) : -ENOMEM;

	if (r)
		return r;
	server.pools = &has.pools;
	server.prefix6 = has.prefix6;
	server.delegate = has.delegate;
	host_addresses_read(NULL, host);
	for (size_t i = 0; i < s->behind.n && !r; i++)
		r = behind_check_network("behind", &s->behind.of[i], &server, s->why);
	server.delegate = (struct prefix){0}; /* one of it may be kept for a user */
	if (!r && s->prefix.addr.family)
		r = behind_check_network("prefix", &s->prefix, &server, s->why);
	return r;
}

/* What all clients learn (tunnel.routes) is no contradiction: its own networks are left out there. */
static int check_routes(const struct grant_values *v, char why[static RANGES_TEXT_LEN])
{
	struct prefixes behind, routes;
	int r = 0;

	if (v->routes.origin <= GRANT_DEFAULT)
		return 0;
	prefixes_unpack(&v->behind.list, &behind);
	prefixes_unpack(&v->routes.list, &routes);
	for (size_t i = 0; i < behind.n && !r; i++)
		r = behind_check_routes(&behind.of[i], &routes, why);
	return r;
}

static int check(const struct where *w, struct db *db, struct subject *s)
{
	const struct grant_values *own = &s->found->source[0].values, *all = &s->found->all;
	int r;

	prefixes_unpack(&own->behind.list, &s->behind);
	s->prefix = own->prefix.value;
	s->address = own->address.value;
	if (s->prefix.addr.family && prefixes_overlapping(&s->behind, &s->prefix)) {
		text_format(s->why, sizeof(s->why), "prefix overlaps behind of the same user");
		return -EINVAL;
	}
	r = behind_check_list(&s->behind, s->why);
	if (!r)
		r = check_routes(all, s->why);
	if (!r && (s->behind.n || s->prefix.addr.family))
		r = check_server(w, db, s);
	return r || !(s->behind.n || s->prefix.addr.family || s->address.family)
		       ? r
		       : check_others(db, s);
}

/* ---- whose ------------------------------------------------------------------------------ */

struct names {
	size_t n, cap;
	char (*of)[USER_NAME_MAX + 1];
};

static int take_name(const char *name, void *arg)
{
	struct names *names = arg;
	size_t cap = names->cap ? 2 * names->cap : 64;
	void *more;

	if (names->n == names->cap) {
		more = realloc(names->of, cap * sizeof(*names->of));
		if (!more)
			return -ENOMEM;
		names->of = more;
		names->cap = cap;
	}
	snprintf(names->of[names->n++], sizeof(*names->of), "%s", name);
	return 0;
}

/* A member may have routes of its own. */
static int check_members(struct db *db, const struct config *cfg, const struct db_group *group,
	struct values_found *f, char why[static RANGES_TEXT_LEN])
{
	struct names names = {0};
	struct db_user user;
	int r = db_group_members(db, group->id, take_name, &names);

	for (size_t i = 0; i < names.n && !r; i++) {
		r = db_user_find(db, names.of[i], &user);
		if (!r)
			r = values_of_user(db, cfg, &user, f);
		if (!r)
			r = check_routes(&f->all, why);
	}
	free(names.of);
	return r;
}

static int find(struct db *db, const struct config *cfg, const char *name, struct subject *s,
	struct values_found *f, struct db_group *ret_group)
{
	struct db_user user;
	int r;

	if (s->of == DB_GROUP) {
		r = db_group_find(db, name, ret_group);
		s->id = ret_group->id;
		return r ? r : values_of_group(db, ret_group, f);
	}
	r = db_user_find(db, name, &user);
	s->id = user.id;
	return r ? r : values_of_user(db, cfg, &user, f);
}

int sites_check(const struct where *w, struct db *db, enum db_subject of, const char *name)
{
	AUTO(config) struct config *cfg = NULL;
	AUTO_MEM struct values_found *f = malloc(sizeof(*f));
	struct subject s = {.of = of, .found = f};
	struct db_group group;
	int r = f ? where_config(w, &cfg) : CMD_FAILED;

	if (r)
		return r;
	r = find(db, cfg, name, &s, f, &group);
	if (!r)
		r = check(w, db, &s);
	if (!r && of == DB_GROUP && s.behind.n)
		r = check_members(db, cfg, &group, f, s.why);
	if (!r)
		return CMD_OK;
	if (r > 0)
		return r; /* has been said */
	return *s.why ? cmd_fail(EV_USER_NETWORK_REFUSED, s.why) : where_failed(db);
}
