// SPDX-License-Identifier: Apache-2.0
/*
 * cli/group.c — `culvert group`: groups of users in the state folder's database, and what their members
 * may have. Works whether a server runs or not.
 */
#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "cli/ask.h"
#include "cli/cmd.h"
#include "cli/sites.h"
#include "cli/values.h"
#include "cli/where.h"

static const char usage[] =
	"Usage: culvert group add NAME [KEY=VALUE...]\n"
	"       culvert group list [--json]\n"
	"       culvert group show NAME [--json]\n"
	"       culvert group set NAME KEY=VALUE...\n"
	"       culvert group remove NAME\n"
	"\n"
	"`culvert user set USER groups=NAME,...` puts a user into groups. What the user sets itself counts\n"
	"first, then what the first group sets, then the next one. `KEY=` unsets a value.\n"
	"\n"
	"  --json             print as JSON\n" WHERE_USAGE "\n"
	"Exit codes: 0 done, 1 it failed (the reason is on standard error), 2 wrong use.\n";

struct args {
	const char *name;
	struct where where;
	struct values_change change;
	bool json;
};

/* ---- actions; those that write run inside a transaction ------------------------ */

static int add(struct db *db, const struct args *a)
{
	int64_t id;
	int r = db_group_add(db, a->name, &id);

	return r < 0 ? r : values_apply(db, DB_GROUP, id, &a->change);
}

static int set(struct db *db, const struct args *a)
{
	struct db_group group;
	int r = db_group_find(db, a->name, &group);

	return r < 0 ? r : values_apply(db, DB_GROUP, group.id, &a->change);
}

static int remove_group(struct db *db, const struct args *a)
{
	struct db_group group;
	int r = db_group_find(db, a->name, &group);

	return r < 0 ? r : db_group_remove(db, group.id);
}

static int print_row(const struct db_group *g, void *arg UNUSED)
{
	text_fprintf(stdout, "%-24s %lld\n", g->name, (long long)g->users);
	return 0;
}

static json_t *group_json(const struct db_group *g)
{
	return json_pack("{s:s, s:I}", "name", g->name, "users", (json_int_t)g->users);
}

static int add_json(const struct db_group *g, void *arg)
{
	return json_array_append_new(arg, group_json(g)) < 0 ? -ENOMEM : 0;
}

static int list(struct db *db, const struct args *a)
{
	json_t *all;
	int r;

	if (!a->json) {
		text_fprintf(stdout, "%-24s %s\n", "NAME", "USERS");
		return db_group_list(db, print_row, NULL);
	}
	all = json_array();
	r = db_group_list(db, add_json, all);
	if (!r)
		ask_print_json(all);
	json_decref(all);
	return r;
}

static int add_member(const char *name, void *arg)
{
	return json_array_append_new(arg, json_text(name)) < 0 ? -ENOMEM : 0;
}

static void print_group(
	const struct db_group *g, const json_t *members, const struct values_found *f)
{
	size_t i;
	const json_t *name;

	text_fprintf(stdout, "group %s\n", g->name);
	values_print(f);
	text_fprintf(stdout, "  %lld user%s%s", (long long)g->users, g->users == 1 ? "" : "s",
		g->users ? ":" : "");
	json_array_foreach(members, i, name)
	{
		text_fprintf(stdout, " %s", json_string_value(name));
	}
	fputc('\n', stdout);
}

static void print_group_json(
	const struct db_group *g, json_t *members, const struct values_found *f)
{
	json_t *o = group_json(g);

	json_object_set(o, "members", members);
	json_object_set_new(o, "grant", values_json(f));
	ask_print_json(o);
	json_decref(o);
}

static int show(struct db *db, const struct args *a)
{
	AUTO_MEM struct values_found *f = calloc(1, sizeof(*f));
	json_t *members = json_array();
	struct db_group group;
	int r = f && members ? db_group_find(db, a->name, &group) : -ENOMEM;

	if (!r)
		r = values_of_group(db, &group, f);
	if (!r)
		r = db_group_members(db, group.id, add_member, members);
	if (!r && a->json)
		print_group_json(&group, members, f);
	else if (!r)
		print_group(&group, members, f);
	json_decref(members);
	return r;
}

/* ---- the command line ------------------------------------------------------------ */

enum needs { NOTHING = 0, NAME = 1, WORDS = 2, WORDS_OR_NONE = 4, WRITES = 8, NEW_STORE = 16 };

static const struct action {
	const char *name;
	int (*run)(struct db *db, const struct args *a);
	int needs;
	const char *past;
} actions[] = {
	{"add", add, NAME | WORDS_OR_NONE | WRITES | NEW_STORE, "was added"},
	{"list", list, NOTHING, NULL},
	{"show", show, NAME, NULL},
	{"set", set, NAME | WORDS | WRITES, "is changed"},
	{"remove", remove_group, NAME | WRITES, "was removed"},
};

/* -1: go on. */
static int parse_options(int argc, char **argv, struct args *a)
{
	static const struct option longs[] = {WHERE_OPTIONS, {"json", no_argument, NULL, 'j'},
		{"help", no_argument, NULL, 'h'}, {0}};
	int c;

	while ((c = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
		switch (c) {
		case 's': a->where.state = optarg; break;
		case 'k': a->where.key_file = optarg; break;
		case 'c': a->where.config = optarg; break;
		case 'j': a->json = true; break;
		case 'h':
			fputs(usage, stdout);
			values_help(DB_GROUP, stdout);
			return CMD_OK;
		default: return CMD_USAGE;
		}
	}
	return -1;
}

static int run(const struct action *action, const struct args *a)
{
	AUTO(db) struct db *db = NULL;
	bool writes = action->needs & WRITES;
	int r = where_open(&a->where, action->needs & NEW_STORE, &db);

	if (!r)
		r = values_check(&a->where, db, &a->change);
	if (r)
		return r;
	if (writes && db_begin(db) < 0)
		return where_failed(db);
	if (action->run(db, a) < 0)
		r = where_failed(db);
	else if (action->needs & WORDS_OR_NONE || action->needs & WORDS)
		r = sites_check(&a->where, db, DB_GROUP, a->name);
	if (r) {
		if (writes)
			db_rollback(db);
		return r;
	}
	if (writes && db_commit(db) < 0)
		return where_failed(db);
	if (!writes)
		return CMD_OK;
	text_fprintf(stdout, "group %s %s\n", a->name, action->past);
	return action->run == add ? CMD_OK : values_tell(&a->where, &a->change, NULL);
}

static bool is_count_right(const struct action *action, int n)
{
	int names = action->needs & NAME ? 1 : 0;

	if (action->needs & WORDS)
		return n > names;
	return action->needs & WORDS_OR_NONE ? n >= names : n == names;
}

int cmd_group(int argc, char **argv)
{
	struct args a = {0};
	const struct action *action;
	int r = parse_options(argc, argv, &a), n;

	if (r >= 0)
		return r;
	n = argc - optind - 1;
	if (n < 0)
		return cmd_usage(usage);
	action = cmd_action("group", argv[optind], actions, ARRAY_SIZE(actions), sizeof(*actions));
	if (!action)
		return CMD_USAGE;
	if (!is_count_right(action, n))
		return cmd_usage(usage);
	if (action->needs & NAME)
		a.name = argv[optind + 1];
	if (n > 1)
		r = values_read(&argv[optind + 2], (size_t)n - 1, DB_GROUP, &a.change);
	else
		r = CMD_OK;
	return r ? r : run(action, &a);
}
