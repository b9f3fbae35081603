// SPDX-License-Identifier: Apache-2.0
/*
 * cli/connect_options.h — what `culvert connect` can be asked for (cli/connect.def), from a command line
 * and from a profile.
 *
 *     connect_options_init(&co);
 *     connect_take(&co, row, value, &at) …  connect_server(&co, "alice@vpn.example", &at) …
 *     connect_options_ready(&co)            the rules between options; asks for what is missing
 *     client_run(&co.client, …)
 *     connect_options_done(&co)             wipes
 *
 * Ownership: texts are borrowed until connect_options_done().
 */
#pragma once
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>

#include "base/host_name.h"
#include "cli/login.h"
#include "cli/proxy.h"
#include "cli/target.h"
#include "client/options.h"

enum connect_id {
#define GROUP(title)
#define OPT(id, ...) CONNECT_##id,
#include "cli/connect.def"
#undef GROUP
#undef OPT
	CONNECT_IDS,
};

enum connect_kind {
	CONNECT_FLAG,
	CONNECT_TEXT,
	CONNECT_WORDS,
	CONNECT_PATH,
	CONNECT_SECRET,
	CONNECT_LIST
};
enum connect_from { CONNECT_ANY, CONNECT_OWN };

struct connect_option {
	enum connect_id id;
	const char *name;
	char short_name; /* 0: none */
	enum connect_kind kind;
	enum connect_from from;
	const char *argument, *help;
};

/* Where a value stands, for errors. */
struct connect_place {
	const char *file; /* NULL: the command line */
	unsigned line;
	const char *command; /* of the command line: "connect" */
};

struct connect_options {
	struct client_opts client;
	struct target target, others[CLIENT_SERVERS_MAX]; /* what servers[] points to */
	struct login login;
	struct proxy_choice proxy;
	bool all, none;          /* --all, --no-default-route */
	bool no_pushed;          /* --no-pushed-routes */
	bool given[CONNECT_IDS]; /* by the command line: a profile does not change it */
	bool quiet;              /* says nothing of what the options mean */
	char domains[CLIENT_DNS_DOMAINS_MAX][HOST_NAME_MAX_LEN + 2];
};

void connect_options_init(struct connect_options *co);
/* `value` is "" for a FLAG. 0, or the exit code: it has been said what is wrong, and where. */
int connect_take(struct connect_options *co, const struct connect_option *row, char *value,
	const struct connect_place *at);
/* [USER@]HOST[:PORT]; the first one's user is the user. */
int connect_server(struct connect_options *co, const char *word, const struct connect_place *at);
/* Options, and servers behind them. 0; or the exit code; or -1 when --help stands there. */
int connect_command_line(struct connect_options *co, int argc, char **argv);
/* The rules between options. 0, or the exit code. */
int connect_options_check(struct connect_options *co);
/* The same; reads the user's files, asks for secrets, chooses the proxy. 0, or the exit code. */
int connect_options_ready(struct connect_options *co);
void connect_options_done(struct connect_options *co);

/* Rows. */
const struct connect_option *connect_option(enum connect_id id);
const struct connect_option *connect_option_named(const char *name); /* NULL: there is none */
/* The long options, for getopt_long(3) with "u:vh"; connect_option_got() finds the row of what it returns. */
const struct option *connect_long_options(void);
const struct connect_option *connect_option_got(int c);
void connect_options_usage(FILE *out);
