// SPDX-License-Identifier: Apache-2.0
/*
 * cli/ban.c — `culvert ban`: sources that are kept out, in the state folder's database; a running server
 * takes a change over at once.
 */
#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "aaa/grant.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/text.h"
#include "cli/ask.h"
#include "cli/cmd.h"
#include "cli/where.h"

static const char usage[] =
	"Usage: culvert ban list [--json]\n"
	"       culvert ban add SOURCE [--user NAME] [--for TIME]\n"
	"       culvert ban remove SOURCE [--user NAME]\n"
	"\n"
	"SOURCE is an address or a network. The server makes bans, too: see auth.ban_points in\n"
	"culvert.conf(5). An IPv6 source is the /64 of the address.\n"
	"\n"
	"  --user NAME        only as this user\n"
	"  --for TIME         90s, 10m, 8h, 30d; without it, for good\n"
	"  --json             print as JSON\n" WHERE_USAGE "\n"
	"Exit codes: 0 done, 1 it failed (the reason is on standard error), 2 wrong use.\n";

struct args {
	struct where where;
	struct db_ban ban;
	const char *source;
	bool json;
};

/* ---- list -------------------------------------------------------------------------- */

static int print_row(const struct db_ban *b, void *arg UNUSED)
{
	char source[PREFIX_TEXT_LEN], since[24], until[24];

	text_fprintf(stdout, "%-43s %-20s %-6s %-19s  %s\n", prefix_format(&b->of, source),
		*b->user ? b->user : "any", b->by_admin ? "admin" : "points",
		ask_time(b->since_at, since),
		b->until_at ? ask_time(b->until_at, until) : "for good");
	return 0;
}

static int add_json(const struct db_ban *b, void *arg)
{
	char source[PREFIX_TEXT_LEN];
	json_t *o = json_pack("{s:s, s:o, s:s, s:I, s:I}", "source", prefix_format(&b->of, source),
		"user", json_text(b->user), "by", b->by_admin ? "admin" : "points", "since",
		(json_int_t)b->since_at, "until", (json_int_t)b->until_at);

	return json_array_append_new(arg, o) < 0 ? -ENOMEM : 0;
}

static int list(struct db *db, const struct args *a)
{
	json_t *all;
	int r;

	if (!a->json) {
		text_fprintf(stdout, "%-43s %-20s %-6s %-19s  %s\n", "SOURCE", "USER", "BY",
			"SINCE", "UNTIL");
		return db_ban_list(db, clock_wall_s(), print_row, NULL);
	}
	all = json_array();
	r = db_ban_list(db, clock_wall_s(), add_json, all);
	if (!r)
		ask_print_json(all);
	json_decref(all);
	return r;
}

/* ---- add, remove --------------------------------------------------------------------- */

static int add(struct db *db, const struct args *a)
{
	return db_ban_set(db, &a->ban);
}

static int remove_ban(struct db *db, const struct args *a)
{
	return db_ban_remove(db, &a->ban.of, a->ban.user);
}

/* A running server takes it over. */
static int tell_server(const struct args *a, const char *command)
{
	struct ask to = {.state = a->where.state, .config = a->where.config};
	json_t *request = ask_request(command), *result = NULL;
	char source[PREFIX_TEXT_LEN];
	int r;

	json_object_set_new(request, "source", json_string(prefix_format(&a->ban.of, source)));
	json_object_set_new(request, "user", json_text(a->ban.user));
	json_object_set_new(request, "until", json_integer(a->ban.until_at));
	r = ask_server_if_up(&to, request, &result);
	json_decref(result);
	return r < 0 ? CMD_OK : r;
}

/* ---- the command line ------------------------------------------------------------------ */

static const struct action {
	const char *name;
	int (*run)(struct db *db, const struct args *a);
	const char *command, *past; /* of the server; NULL: it only lists */
} actions[] = {
	{"list", list, NULL, NULL},
	{"add", add, "ban", "is banned"},
	{"remove", remove_ban, "unban", "is not banned any more"},
};

/* Bits behind the length, and an IPv6 address behind its /64, are left out. */
static int read_source(const char *text, struct prefix *ret)
{
	struct addr a;

	if (!addr_parse(text, &a)) {
		*ret = (struct prefix){a, a.family == AF_INET ? 32 : 64};
		if (a.family == AF_INET6)
			memset(ret->addr.octets + 8, 0, 8);
		return CMD_OK;
	}
	if (prefix_parse(text, ret) < 0)
		return cmd_bad(
			"ban", "SOURCE", text, "an address, or a network like 198.51.100.0/24");
	return CMD_OK;
}

static int read_time(const char *text, int64_t *ret_until)
{
	struct grant_values v = {0};
	char why[GRANT_WHY_LEN];

	if (grant_parse(&v, "session_time", text, GRANT_USER, why) < 0 || !v.session_time.value)
		return cmd_bad("ban", "--for", text, "a time like 90s, 10m, 8h or 30d");
	*ret_until = clock_wall_s() + v.session_time.value;
	return CMD_OK;
}

static int read_user(const char *text, char ret[static USER_NAME_MAX + 1])
{
	const char *slash = strchr(text, '\\');

	if (strlen(text) > USER_NAME_MAX || !*text)
		return cmd_bad("ban", "--user", text, "a user's name");
	snprintf(ret, USER_NAME_MAX + 1, "%s", slash ? slash + 1 : text);
	return CMD_OK;
}

/* -1: go on. */
static int parse_options(int argc, char **argv, struct args *a)
{
	static const struct option longs[] = {WHERE_OPTIONS, {"json", no_argument, NULL, 'j'},
		{"user", required_argument, NULL, 'u'}, {"for", required_argument, NULL, 'f'},
		{"help", no_argument, NULL, 'h'}, {0}};
	int c, r = CMD_OK;

	while (!r && (c = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
		switch (c) {
		case 's': a->where.state = optarg; break;
		case 'k': a->where.key_file = optarg; break;
		case 'c': a->where.config = optarg; break;
		case 'j': a->json = true; break;
		case 'u': r = read_user(optarg, a->ban.user); break;
		case 'f': r = read_time(optarg, &a->ban.until_at); break;
		case 'h': fputs(usage, stdout); return CMD_OK;
		default: r = CMD_USAGE;
		}
	}
	return r ? r : -1;
}

static int run(const struct action *action, struct args *a)
{
	AUTO(db) struct db *db = NULL;
	int r = where_open(&a->where, false, &db);

	if (r)
		return r;
	a->ban.since_at = clock_wall_s();
	a->ban.by_admin = true;
	if (action->run(db, a) < 0)
		return where_failed(db);
	if (!action->command)
		return CMD_OK;
	text_fprintf(stdout, "%s %s%s%s\n", a->source, action->past, *a->ban.user ? " as " : "",
		a->ban.user);
	return tell_server(a, action->command);
}

int cmd_ban(int argc, char **argv)
{
	struct args a = {0};
	const struct action *action;
	int r = parse_options(argc, argv, &a), n;

	if (r >= 0)
		return r;
	n = argc - optind;
	if (!n)
		return cmd_usage(usage);
	action = cmd_action("ban", argv[optind], actions, ARRAY_SIZE(actions), sizeof(*actions));
	if (!action)
		return CMD_USAGE;
	if (n != (action->command ? 2 : 1))
		return cmd_usage(usage);
	a.source = n > 1 ? argv[optind + 1] : NULL;
	r = a.source ? read_source(a.source, &a.ban.of) : CMD_OK;
	return r ? r : run(action, &a);
}
