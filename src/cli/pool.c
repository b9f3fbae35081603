// SPDX-License-Identifier: Apache-2.0
/*
 * cli/pool.c — `culvert pool`: which addresses and prefixes are leased to whom, in the state folder's
 * database. A lease stays its user's after the session, until another user needs it or it is freed here.
 */
#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "cli/ask.h"
#include "cli/cmd.h"
#include "cli/where.h"

static const char usage[] =
	"Usage: culvert pool list [POOL] [--json]\n"
	"       culvert pool free ADDRESS|PREFIX|USER\n"
	"\n"
	"`list` prints each pool with its ranges, and with a POOL's name its leases: in use, or idle and kept\n"
	"for their user. `free` forgets idle leases: the user gets another address then.\n"
	"\n"
	"  --json             print as JSON, with all leases\n" WHERE_USAGE "\n"
	"Exit codes: 0 done, 1 it failed (the reason is on standard error), 2 wrong use.\n";

#define DELEGATED "delegated"

struct args {
	struct where where;
	const char *of; /* what may follow the action; NULL */
	bool json;
};

/* Every range of every pool; ranges of one pool follow each other. */
struct range {
	char name[STORE_POOL_NAME_MAX + 1];
	struct prefix prefix;
	uint64_t addresses, used, idle;
};

struct ranges {
	size_t n;
	struct range item[CONFIG_ITEMS_MAX + 2];
	uint8_t each_len; /* of delegated prefixes */
	const char *of;   /* leases of this pool; NULL: of all */
	json_t *leases;   /* one array for each range; NULL: text */
};

/* ---- the pools ----------------------------------------------------------------------- */

static void add_range(struct ranges *r, const char *name, const struct prefix *p)
{
	struct range *one = &r->item[r->n];

	if (!p->addr.family)
		return;
	*one = (struct range){.prefix = *p};
	snprintf(one->name, sizeof(one->name), "%s", name);
	if (p->addr.family ==
		AF_INET) /* not the network's, the server's and the broadcast address */
		one->addresses = (UINT64_C(1) << (32 - p->len)) - 3;
	else
		one->addresses = UINT64_C(1) << (r->each_len - p->len);
	r->n++;
}

static int read_pools(const struct where *w, struct db *db, struct ranges *r)
{
	AUTO(config) struct config *cfg = NULL;
	struct server_has has;
	struct prefix none;
	bool known;
	int e = where_server(w, db, &has, &known);

	if (!e)
		e = where_config(w, &cfg);
	if (e)
		return e;
	if (!config_delegate(cfg, &none, &r->each_len) || !r->each_len)
		r->each_len = has.delegate.len <= 52 ? 56 : has.delegate.len <= 56 ? 60 : 64;
	add_range(r, "default", &has.pools.ordinary);
	for (size_t i = 0; i < has.pools.n_named; i++)
		add_range(r, has.pools.named[i].name, &has.pools.named[i].prefix);
	add_range(r, DELEGATED, &has.delegate);
	return CMD_OK;
}

/* ---- list ---------------------------------------------------------------------------- */

static const char *show(
	const struct ranges *r, const struct db_lease *l, char ret[static PREFIX_TEXT_LEN])
{
	const struct prefix p = {l->address, r->each_len};

	return l->address.family == AF_INET ? addr_format(&l->address, ret)
					    : prefix_format(&p, ret);
}

static void add_lease(struct ranges *r, size_t at, const struct db_lease *l)
{
	const struct range *one = &r->item[at];
	char text[PREFIX_TEXT_LEN], when[24];

	if (r->leases)
		json_array_append_new(json_array_get(r->leases, at),
			json_pack("{s:s, s:o, s:I, s:b, s:I}", "address", show(r, l, text), "user",
				json_text(l->user), "session", (json_int_t)l->session, "used",
				l->session != 0, "since", (json_int_t)l->used_at));
	else if (r->of && !strcmp(r->of, one->name))
		text_fprintf(stdout, "%-43s %-20s %-8s %s\n", show(r, l, text),
			*l->user ? l->user : "(RADIUS)", l->session ? "in use" : "idle",
			ask_time(l->used_at, when));
}

static int take_lease(const struct db_lease *l, void *arg)
{
	struct ranges *r = arg;

	for (size_t i = 0; i < r->n; i++)
		if (prefix_contains(&r->item[i].prefix, &l->address)) {
			*(l->session ? &r->item[i].used : &r->item[i].idle) += 1;
			add_lease(r, i, l);
			return 0;
		}
	return 0; /* a static address of no pool */
}

static json_t *pool_json(const struct ranges *r, size_t first, size_t *ret_next)
{
	json_t *networks = json_array(), *leases = json_array();
	uint64_t all = 0, used = 0, idle = 0;
	char text[PREFIX_TEXT_LEN];
	size_t i = first;

	for (; i < r->n && !strcmp(r->item[i].name, r->item[first].name); i++) {
		json_array_append_new(
			networks, json_string(prefix_format(&r->item[i].prefix, text)));
		json_array_extend(leases, json_array_get(r->leases, i));
		all += r->item[i].addresses;
		used += r->item[i].used;
		idle += r->item[i].idle;
	}
	*ret_next = i;
	return json_pack("{s:s, s:o, s:I, s:I, s:I, s:I, s:o}", "name", r->item[first].name,
		"ranges", networks, "addresses", (json_int_t)all, "used", (json_int_t)used, "idle",
		(json_int_t)idle, "free", (json_int_t)(all > used + idle ? all - used - idle : 0),
		"leases", leases);
}

static void print_json(const struct ranges *r)
{
	json_t *all = json_array();

	for (size_t i = 0; i < r->n;) {
		json_t *pool = pool_json(r, i, &i);

		if (r->of && strcmp(r->of, json_string_value(json_object_get(pool, "name"))))
			json_decref(pool);
		else
			json_array_append_new(all, pool);
	}
	ask_print_json(all);
	json_decref(all);
}

static void print_ranges(const struct ranges *r)
{
	char text[PREFIX_TEXT_LEN];

	text_fprintf(stdout, "%-16s %-43s %10s %8s %8s\n", "POOL", "RANGE", "ADDRESSES", "IN USE",
		"IDLE");
	for (size_t i = 0; i < r->n; i++)
		text_fprintf(stdout, "%-16s %-43s %10llu %8llu %8llu\n", r->item[i].name,
			prefix_format(&r->item[i].prefix, text),
			(unsigned long long)r->item[i].addresses,
			(unsigned long long)r->item[i].used, (unsigned long long)r->item[i].idle);
}

static bool has_pool(const struct ranges *r)
{
	for (size_t i = 0; i < r->n; i++)
		if (!r->of || !strcmp(r->of, r->item[i].name))
			return true;
	return !r->of;
}

static int list(struct db *db, const struct args *a)
{
	struct ranges r = {.of = a->of};
	int e = read_pools(&a->where, db, &r);

	if (e)
		return e;
	if (!has_pool(&r))
		return cmd_fail(EV_USER_NO_SUCH_POOL, a->of);
	for (size_t i = 0; i < r.n && a->json; i++) {
		r.leases = r.leases ? r.leases : json_array();
		json_array_append_new(r.leases, json_array());
	}
	if (a->of && !a->json)
		text_fprintf(stdout, "%-43s %-20s %-8s %s\n", "ADDRESS", "USER", "STATE", "SINCE");
	if (db_lease_list(db, take_lease, &r) < 0)
		e = where_failed(db);
	else if (a->json)
		print_json(&r);
	else if (!a->of)
		print_ranges(&r);
	json_decref(r.leases);
	return e;
}

/* ---- free ---------------------------------------------------------------------------- */

struct freeing {
	const char *of;
	struct prefix prefix; /* AF_UNSPEC: `of` is a user's name */
	size_t n, in_use, cap;
	struct addr *idle;
};

static int match(const struct db_lease *l, void *arg)
{
	struct freeing *f = arg;
	void *more;

	if (f->prefix.addr.family ? !prefix_contains(&f->prefix, &l->address)
				  : !*l->user || strcasecmp(l->user, f->of))
		return 0;
	if (l->session) {
		f->in_use++;
		return 0;
	}
	if (f->n == f->cap) {
		f->cap = f->cap ? 2 * f->cap : 64;
		more = realloc(f->idle, f->cap * sizeof(*f->idle));
		if (!more)
			return -ENOMEM;
		f->idle = more;
	}
	f->idle[f->n++] = l->address;
	return 0;
}

static int forget_all(struct db *db, const struct freeing *f)
{
	int r = db_begin(db);

	for (size_t i = 0; i < f->n && r >= 0; i++)
		r = db_lease_forget(db, &f->idle[i]);
	if (r >= 0)
		r = db_commit(db);
	return r;
}

static int free_leases(struct db *db, const struct args *a)
{
	struct freeing f = {.of = a->of};
	char why[200];
	int r;

	if (prefix_parse(a->of, &f.prefix) < 0)
		f.prefix = (struct prefix){0};
	r = db_lease_list(db, match, &f);
	if (!r && f.n)
		r = forget_all(db, &f);
	free(f.idle);
	if (r < 0)
		return where_failed(db);
	if (!f.n) {
		text_format(why, sizeof(why), f.in_use ? "%s: in use" : "%s: no lease", a->of);
		return cmd_fail(f.in_use ? EV_LEASE_IN_USE : EV_LEASE_NONE, why);
	}
	text_fprintf(stdout, "%zu lease%s freed%s\n", f.n, f.n == 1 ? "" : "s",
		f.in_use ? "; those in use stay" : "");
	return CMD_OK;
}

/* ---- the command line ------------------------------------------------------------------ */

static const struct action {
	const char *name;
	int (*run)(struct db *db, const struct args *a);
	int least, most; /* words behind it */
} actions[] = {
	{"list", list, 0, 1},
	{"free", free_leases, 1, 1},
};

int cmd_pool(int argc, char **argv)
{
	static const struct option longs[] = {WHERE_OPTIONS, {"json", no_argument, NULL, 'j'},
		{"help", no_argument, NULL, 'h'}, {0}};
	AUTO(db) struct db *db = NULL;
	const struct action *action;
	struct args a = {0};
	int c, n, r;

	while ((c = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
		switch (c) {
		case 's': a.where.state = optarg; break;
		case 'k': a.where.key_file = optarg; break;
		case 'c': a.where.config = optarg; break;
		case 'j': a.json = true; break;
		case 'h': fputs(usage, stdout); return CMD_OK;
		default: return CMD_USAGE;
		}
	}
	n = argc - optind - 1;
	if (n < 0)
		return cmd_usage(usage);
	action = cmd_action("pool", argv[optind], actions, ARRAY_SIZE(actions), sizeof(*actions));
	if (!action)
		return CMD_USAGE;
	if (n < action->least || n > action->most)
		return cmd_usage(usage);
	a.of = n ? argv[optind + 1] : NULL;
	r = where_open(&a.where, false, &db);
	return r ? r : action->run(db, &a);
}
