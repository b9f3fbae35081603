// SPDX-License-Identifier: Apache-2.0
/*
 * culvert ca — certificates of users: an authority of our own, those of others, and what was revoked.
 * Works whether a server runs or not. A running server reads the authorities again after a change, and
 * ends the sessions whose certificate is not good any more.
 *
 * The authority's key is used here and nowhere else: no server opens it.
 */
#include "cli/ca.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "cli/cmd.h"
#include "config/config.h"
#include "config/value.h"

static const char usage[] =
	"Usage: culvert ca init [--name TEXT] [--key p256|rsa] [--days N]\n"
	"       culvert ca issue NAME --out FILE.p12 [--p12-password-file F] [--key p256|rsa]\n"
	"                        [--days N] [--email ADDRESS] [--old-windows]\n"
	"       culvert ca revoke NAME | --serial HEX | --thumbprint SHA1 | --thumbprints FILE\n"
	"       culvert ca import FILE [--name CA] [--user-from FIELDS --match PATTERN] [--strip]\n"
	"                        [--crl PATH] [--crl-mode MODE]\n"
	"       culvert ca set CA KEY=VALUE...\n"
	"       culvert ca bind|unbind NAME (--cert FILE | --sha256 HEX --ca CA | --serial HEX --ca CA)\n"
	"       culvert ca remove CA\n"
	"       culvert ca list [--expiring TIME] [--json]\n"
	"\n"
	"  init      makes this server's own authority for certificates of users\n"
	"  issue     makes a certificate for a user, with its key and the authority, as PKCS#12\n"
	"  revoke    the user's certificates, one by serial number, or any by thumbprint: logins are\n"
	"            refused, and sessions end at once\n"
	"  import    accepts certificates of another authority (PEM, DER, or Base64 as Azure shows it).\n"
	"            Without --user-from, only bound certificates log in\n"
	"  set       changes a rule: user_from= match= strip=yes|no crl=auto|require|use|off crl_file=\n"
	"  bind      makes one certificate a user's, whatever names are in it\n"
	"  remove    forgets an authority, with what it issued\n"
	"  list      shows authorities, certificates and revoked thumbprints\n"
	"\n"
	"      --user-from FIELDS  where the user's name is: upn, email, cn; several with commas\n"
	"      --match PATTERN     what that field must be, with one * at most: \"*@corp.example\"\n"
	"      --strip             the user is what the * matched, not the whole field\n"
	"      --crl PATH          a revocation list, or a folder of them; the server reads it\n"
	"      --crl-mode MODE     auto (require when --crl is given), require, use, off\n"
	"      --old-windows       a PKCS#12 file that Windows before 10 (1709) and Server 2019 reads\n"
	"      --expiring TIME     list: only certificates that end within 30d, 12w (of 7 days)\n"
	"      --key-file FILE     the key of the database, when it is not beside it\n" ASK_USAGE
	"\n"
	"Exit codes: 0 done, 1 it failed (the reason is on standard error), 2 wrong use, 14 a\n"
	"certificate is at fault.\n";

/* ---- the actions ---- */

enum needs { NOTHING = 0, NEW_STORE = 1, WRITES = 2, RELOADS = 4 };

static const struct action {
	const char *name;
	int (*run)(struct db *db, const struct ca_args *a); /* an exit code */
	int least, most;                                    /* arguments */
	int needs;
} actions[] = {
	{"init", ca_init, 0, 0, NEW_STORE | WRITES | RELOADS},
	{"issue", ca_issue_user, 1, 1, WRITES},
	{"revoke", ca_revoke, 0, CA_ARGS_MAX, WRITES | RELOADS},
	{"import", ca_import, 1, 1, NEW_STORE | WRITES | RELOADS},
	{"set", ca_set, 2, CA_ARGS_MAX, WRITES | RELOADS},
	{"bind", ca_bind, 1, 1, WRITES | RELOADS},
	{"unbind", ca_unbind, 1, 1, WRITES | RELOADS},
	{"remove", ca_remove, 1, 1, WRITES | RELOADS},
	{"list", ca_list, 0, 0, NOTHING},
};

static int open_db(const struct action *action, const struct ca_args *a, struct db **ret)
{
	AUTO(config) struct config *cfg = NULL;
	struct config_error cfg_err;
	struct db_error err;
	struct db_opts opts = {.must_exist = !(action->needs & NEW_STORE)};

	if (config_load(a->ask.state ? a->ask.config : cmd_config_file(a->ask.config), &cfg,
		    &cfg_err) < 0 ||
		(a->ask.state && config_set(cfg, "server.state", a->ask.state, &cfg_err) < 0))
		return cmd_fail(cfg_err.event, cfg_err.text);
	opts.state = cfg->server.state;
	opts.key_file = a->key_file ? a->key_file : cfg->store.key_file;
	if (db_open(&opts, ret, &err) < 0)
		return cmd_fail(err.event, err.text);
	return CMD_OK;
}

/* Asks the running server, if there is one. What was changed stays changed either way. */
static int reload(const struct ca_args *a)
{
	struct ask to = a->ask;
	json_t *result = NULL;
	json_int_t n;
	int r = ask_server_if_up(&to, ask_request("authorities"), &result);

	if (r < 0)
		return CMD_OK; /* no server, no sessions */
	n = ask_number(result, "ended");
	if (n && !a->ask.json)
		text_fprintf(stdout, "%lld session%s ended\n", (long long)n, n == 1 ? "" : "s");
	json_decref(result);
	return r;
}

static int run(const struct action *action, const struct ca_args *a)
{
	AUTO(db) struct db *db = NULL;
	int r = open_db(action, a, &db);

	if (r)
		return r;
	if (action->needs & WRITES && db_begin(db) < 0)
		return ca_db_failed(db);
	r = action->run(db, a);
	if (r && action->needs & WRITES)
		db_rollback(db);
	else if (action->needs & WRITES && db_commit(db) < 0)
		r = ca_db_failed(db);
	if (r == CMD_OK && action->needs & RELOADS)
		r = reload(a);
	return r;
}

/* ---- the command line ---- */

static int parse_days(const char *text, unsigned *ret)
{
	char *end;
	long n = strtol(text, &end, 10);

	if (*end || end == text || n < 1 || n > CA_DAYS_MAX)
		return ca_wrong_use("--days: expected a number from 1 to 36500", text);
	*ret = (unsigned)n;
	return CMD_OK;
}

static int parse_key(const char *text, enum ca_key *ret)
{
	if (!strcmp(text, "rsa"))
		*ret = CA_RSA;
	else if (strcmp(text, "p256"))
		return ca_wrong_use("--key: expected p256 or rsa", text);
	return CMD_OK;
}

/* "12w" too, which no option of the configuration has. */
static int parse_span(const char *text, int64_t *ret_s)
{
	char copy[64], why[CONFIG_WHY_LEN], *end;
	struct words w = {1, {copy}};
	long weeks = strtol(text, &end, 10);
	uint64_t ms;

	snprintf(copy, sizeof(copy), "%s", text);
	if (!strcmp(end, "w") && end != text && weeks > 0 && weeks <= 5200)
		snprintf(copy, sizeof(copy), "%ldd", 7 * weeks);
	if (value_parse(VALUE_DURATION, "1s..36500d", &w, &ms, why) < 0) {
		text_fprintf(stderr, "culvert: --expiring: %s\n", why);
		return CMD_USAGE;
	}
	*ret_s = (int64_t)(ms / 1000);
	return CMD_OK;
}

/* Options that are a text, by their letter. */
static const char **text_option(struct ca_args *a, int c)
{
	switch (c) {
	case 'n': return &a->name;
	case 'o': return &a->out;
	case 'p': return &a->password_file;
	case 'e': return &a->email;
	case 'u': return &a->user_from;
	case 'm': return &a->match;
	case 'C': return &a->crl;
	case 'M': return &a->crl_mode;
	case 'a': return &a->ca;
	case 'f': return &a->cert;
	case '2': return &a->sha256;
	case 'S': return &a->serial;
	case '1': return &a->thumbprint;
	case 'L': return &a->thumbprints;
	case 'K': return &a->key_file;
	default: return NULL;
	}
}

static const struct option longs[] = {{"name", required_argument, NULL, 'n'},
	{"out", required_argument, NULL, 'o'}, {"p12-password-file", required_argument, NULL, 'p'},
	{"email", required_argument, NULL, 'e'}, {"user-from", required_argument, NULL, 'u'},
	{"match", required_argument, NULL, 'm'}, {"crl", required_argument, NULL, 'C'},
	{"crl-mode", required_argument, NULL, 'M'}, {"ca", required_argument, NULL, 'a'},
	{"cert", required_argument, NULL, 'f'}, {"sha256", required_argument, NULL, '2'},
	{"serial", required_argument, NULL, 'S'}, {"thumbprint", required_argument, NULL, '1'},
	{"thumbprints", required_argument, NULL, 'L'}, {"key-file", required_argument, NULL, 'K'},
	{"key", required_argument, NULL, 'k'}, {"days", required_argument, NULL, 'd'},
	{"expiring", required_argument, NULL, 'x'}, {"strip", no_argument, NULL, 't'},
	{"old-windows", no_argument, NULL, 'W'}, ASK_OPTIONS, {0}};

/* -1: go on. */
static int parse_options(int argc, char **argv, struct ca_args *a)
{
	int c, r = -1;

	while (r < 0 && (c = getopt_long(argc, argv, "c:h", longs, NULL)) != -1) {
		const char **text = text_option(a, c);
		int bad = CMD_OK;

		if (text)
			*text = optarg;
		else if (c == 'k')
			bad = parse_key(optarg, &a->key);
		else if (c == 'd')
			bad = parse_days(optarg, &a->days);
		else if (c == 'x')
			bad = parse_span(optarg, &a->expiring_s);
		else if (c == 't')
			a->strip = true;
		else if (c == 'W')
			a->old_windows = true;
		else
			r = ask_option(&a->ask, c);
		if (bad)
			r = bad;
	}
	return r;
}

int cmd_ca(int argc, char **argv)
{
	struct ca_args a = {.ask = {.usage = usage}};
	const struct action *action;
	int r = parse_options(argc, argv, &a);

	if (r >= 0)
		return r;
	if (optind == argc) {
		fputs(usage, stderr);
		return CMD_USAGE;
	}
	action = cmd_action("ca", argv[optind], actions, ARRAY_SIZE(actions), sizeof(*actions));
	if (!action)
		return CMD_USAGE;
	a.arg = argv + optind + 1;
	a.n_args = argc - optind - 1;
	if (a.n_args < action->least || a.n_args > action->most) {
		fputs(usage, stderr);
		return CMD_USAGE;
	}
	return run(action, &a);
}
