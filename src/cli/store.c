// SPDX-License-Identifier: Apache-2.0
/*
 * cli/store.c — `culvert check`: the state folder's database, also while a server runs.
 */
#include <getopt.h>
#include <stdio.h>

#include "base/auto.h"
#include "base/text.h"
#include "cli/cmd.h"
#include "config/config.h"
#include "store/db.h"

static const char check_usage[] =
	"Usage: culvert check [OPTION]...\n"
	"\n"
	"Checks the whole database for damage, and whether the key is the right one.\n";

static const char options_usage[] =
	"\n"
	"  --state DIR        the server's state folder (/var/lib/culvert, or as in the file)\n"
	"  --key-file FILE    the key of the database, when it is not beside it\n"
	"  --config FILE      the server's configuration (/etc/culvert/culvert.conf)\n"
	"\n"
	"Exit codes: 0 done, 1 it failed (the reason is on standard error), 2 wrong use.\n";

struct args {
	const char *state, *key_file, *config;
};

/* -1: go on. */
static int parse_options(int argc, char **argv, struct args *a, const char *usage)
{
	static const struct option longs[] = {{"state", required_argument, NULL, 's'},
		{"key-file", required_argument, NULL, 'k'},
		{"config", required_argument, NULL, 'c'}, {"help", no_argument, NULL, 'h'}, {0}};
	int c;

	while ((c = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
		switch (c) {
		case 's': a->state = optarg; break;
		case 'k': a->key_file = optarg; break;
		case 'c': a->config = optarg; break;
		case 'h':
			fputs(usage, stdout);
			fputs(options_usage, stdout);
			return CMD_OK;
		default: return CMD_USAGE;
		}
	}
	return -1;
}

static int open_db(const struct args *a, bool check, struct db **ret)
{
	AUTO(config) struct config *cfg = NULL;
	struct config_error config_err;
	struct db_error err;
	struct db_opts opts = {.must_exist = true, .look = true, .check = check};

	if (config_load(a->state ? a->config : cmd_config_file(a->config), &cfg, &config_err) < 0)
		return cmd_fail(config_err.event, config_err.text);
	opts.state = a->state ? a->state : cfg->server.state;
	opts.key_file = a->key_file ? a->key_file : cfg->store.key_file;
	if (db_open(&opts, ret, &err) < 0)
		return cmd_fail(err.event, err.text);
	return CMD_OK;
}

static int count_user(UNUSED const struct db_user *user, void *arg)
{
	++*(unsigned *)arg;
	return 0;
}

int cmd_check(int argc, char **argv)
{
	AUTO(db) struct db *db = NULL;
	struct args a = {0};
	unsigned users = 0;
	int r = parse_options(argc, argv, &a, check_usage);

	if (r >= 0)
		return r;
	if (argc != optind)
		return cmd_usage(check_usage);
	r = open_db(&a, true, &db);
	if (r)
		return r;
	if (db_check(db) < 0)
		return cmd_fail(db_error(db)->event, db_error(db)->text);
	if (db_is_older(db)) {
		puts("the database is good; the next start of the server brings it to a newer version");
		return CMD_OK;
	}
	if (db_user_list(db, count_user, &users) < 0)
		return cmd_fail(db_error(db)->event, db_error(db)->text);
	text_fprintf(stdout, "the database is good: %u user%s\n", users, users == 1 ? "" : "s");
	return CMD_OK;
}
