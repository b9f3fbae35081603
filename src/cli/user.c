// SPDX-License-Identifier: Apache-2.0
/*
 * cli/user.c — `culvert user`: the users in the state folder's database. Works whether a server runs
 * or not; a running one sees the change at the next login, and is asked to end the sessions of a
 * user who has a new password, is disabled or removed, and those of an expired user at the date; what `set`
 * changes, they take over.
 *
 * A password is read from the terminal without echo, or from standard input; never from an argument,
 * which every process of the machine could read.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "aaa/offer.h"
#include "base/auto.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/text.h"
#include "cli/ask.h"
#include "cli/cmd.h"
#include "cli/howto.h"
#include "cli/import.h"
#include "cli/password.h"
#include "cli/qr.h"
#include "cli/sites.h"
#include "cli/user.h"
#include "cli/values.h"
#include "cli/where.h"
#include "config/config.h"
#include "server/host/certificates.h"
#include "store/db.h"

static const char usage[] =
	"Usage: culvert user add NAME [--password-stdin] [--reversible] [--address IPV4] [--expires DATE]\n"
	"       culvert user passwd NAME [--password-stdin] [--reversible]\n"
	"       culvert user list [--json]\n"
	"       culvert user show NAME [--how] [--server HOST[:PORT]] [--route NETWORK]... [--out DIR] [--json]\n"
	"       culvert user invite NAME [--server HOST[:PORT]] [--route NETWORK]... [--password-stdin]\n"
	"                   [--out FILE] [--qr]\n"
	"       culvert user set NAME KEY=VALUE...\n"
	"       culvert user totp NAME [--new|--remove] [--json]\n"
	"       culvert user import FILE --format chap-secrets|csv|ocserv|softether [--passwords FILE]\n"
	"       culvert user export [--format csv|json]\n"
	"       culvert user disable|enable|remove NAME\n"
	"       culvert user expire NAME DATE|never\n"
	"       culvert user address NAME IPV4|auto\n"
	"       culvert user pool NAME POOL|default\n"
	"\n"
	"KEY is one of the list that `culvert user set --help` prints, or `groups`: groups of the user with\n"
	"commas, of which the first that sets a value counts. `KEY=` unsets it.\n"
	"\n"
	"  --password-stdin   read the password from the first line of standard input\n"
	"  --reversible       keep the encrypted password, not only its NT hash: CHAP-MD5 needs it, and\n"
	"                     MS-CHAPv2 with a one-time code\n"
	"  --new              totp: another seed for a user who has one; the app's old entry counts no longer\n"
	"  --remove           totp: the user logs in by the password alone again\n"
	"  --address IPV4     always give the user this address inside the tunnel\n"
	"  --expires DATE     allow logins until the beginning of that day: YYYY-MM-DD, or never\n"
	"  --format FORMAT    import: of the file; export: csv or json\n"
	"  --passwords FILE   import: a new file for new passwords, of users whose own are of no use here\n"
	"  --how              show, add: what to type on the user's machine to reach this server: Windows,\n"
	"                     NetworkManager, sstp-client, Culvert, RouterOS, Android\n"
	"  --server HOST      the name by which the user's machine reaches this server (server.name, or\n"
	"                     the certificate's)\n"
	"  --route NETWORK    send only this network through the tunnel; repeat. Without it: the user's routes, or\n"
	"                     all traffic when there are none\n"
	"  --out DIR          write files: .ps1, .pbk, .nmconnection, .rsc, and the certificate\n"
	"                     invite: into FILE (0600), not to standard output; `culvert profile import FILE`\n"
	"                     reads it. It has a password only with --password-stdin\n"
	"  --qr               invite: as a QR code on the terminal\n"
	"  --json             print as JSON\n" WHERE_USAGE "\n"
	"Exit codes: 0 done, 1 it failed (the reason is on standard error), 2 wrong use.\n";

struct args {
	const char *name, *value; /* NAME, and what may follow it */
	struct where where;
	struct values_change change;
	const char *server, *out;
	const char *format, *passwords;
	struct prefixes routes; /* of --route */
	bool password_stdin, reversible, json, how, renew, drop, qr;
	uint8_t *seed; /* totp: made here */
	struct addr address;
	int64_t expires_at;
	char password[PASSWORD_MAX + 1];
};

static int wrong_use(const char *what, const char *got)
{
	text_fprintf(stderr, "culvert: %s%s%s%s\n", what, got ? ", got \"" : "", got ? got : "",
		got ? "\"" : "");
	return CMD_USAGE;
}

/* --- passwords --- */

static int read_password(struct args *a)
{
	char again[sizeof(a->password)];
	bool same;
	int r;

	if (a->password_stdin)
		return password_read("-", NULL, a->password, sizeof(a->password)) < 0 ? CMD_FAILED
										      : CMD_OK;
	r = password_read(NULL, "Password: ", a->password, sizeof(a->password));
	if (!r)
		r = password_read(NULL, "Again: ", again, sizeof(again));
	if (r == -ENOTTY)
		return wrong_use("there is no terminal to ask on: use --password-stdin", NULL);
	same = !r && !strcmp(again, a->password);
	explicit_bzero(again, sizeof(again));
	if (r < 0)
		return CMD_FAILED;
	return same ? CMD_OK : wrong_use("the two passwords differ", NULL);
}

/* --- the actions on a user; each runs inside a transaction --- */

static int set_password(struct db *db, const struct args *a, int64_t id)
{
	return db_user_set_password(db, id, a->password, a->reversible);
}

static int add(struct db *db, const struct args *a)
{
	int64_t id;
	int r = db_user_add(db, a->name, &a->address, a->expires_at, &id);

	return r < 0 ? r : set_password(db, a, id);
}

/* The others begin by finding the user. */
static int change(struct db *db, const struct args *a,
	int (*what)(struct db *db, const struct args *a, int64_t id))
{
	struct db_user user;
	int r = db_user_find(db, a->name, &user);

	return r < 0 ? r : what(db, a, user.id);
}

static int do_disable(struct db *db, const struct args *a UNUSED, int64_t id)
{
	return db_user_set_disabled(db, id, true);
}

static int do_enable(struct db *db, const struct args *a UNUSED, int64_t id)
{
	return db_user_set_disabled(db, id, false);
}

static int do_remove(struct db *db, const struct args *a UNUSED, int64_t id)
{
	return db_user_remove(db, id);
}

static int do_expire(struct db *db, const struct args *a, int64_t id)
{
	return db_user_set_expiry(db, id, a->expires_at);
}

static int do_address(struct db *db, const struct args *a, int64_t id)
{
	return db_user_set_ipv4(db, id, &a->address);
}

static int do_pool(struct db *db, const struct args *a, int64_t id)
{
	return db_user_set_pool(db, id, strcmp(a->value, "default") ? a->value : "");
}

static int do_set(struct db *db, const struct args *a, int64_t id)
{
	return values_apply(db, DB_USER, id, &a->change);
}

static int set(struct db *db, const struct args *a)
{
	return change(db, a, do_set);
}

static int pool(struct db *db, const struct args *a)
{
	return change(db, a, do_pool);
}

/* MS-CHAPv2 with a one-time code goes on working; and the password is a new one now. */
static int passwd(struct db *db, const struct args *a)
{
	struct db_user user;
	int r = db_user_find(db, a->name, &user);

	if (!r)
		r = db_user_set_password(
			db, user.id, a->password, a->reversible || (user.totp && user.reversible));
	return r ? r : db_value_set(db, DB_USER, user.id, "must_change", NULL);
}

static int totp(struct db *db, const struct args *a)
{
	AUTO(config) struct config *cfg = NULL;
	struct db_user user;
	int r = db_user_find(db, a->name, &user);

	if (r < 0 || a->drop)
		return r < 0 ? r : db_user_remove_totp(db, user.id);
	if (where_config(&a->where, &cfg))
		return CMD_FAILED;
	return user_totp_enrol(db, cfg, &user, a->renew, a->seed);
}

static int tell_totp(const struct args *a)
{
	AUTO(config) struct config *cfg = NULL;

	if (a->drop) {
		text_fprintf(stdout, "user %s has no second factor any more\n", a->name);
		return CMD_OK;
	}
	if (where_config(&a->where, &cfg))
		return CMD_FAILED;
	user_totp_print(cfg->server.name.n ? cfg->server.name.item[0] : "Culvert", a->name, a->seed,
		a->json);
	return CMD_OK;
}

static int disable(struct db *db, const struct args *a)
{
	return change(db, a, do_disable);
}

static int enable(struct db *db, const struct args *a)
{
	return change(db, a, do_enable);
}

static int remove_user(struct db *db, const struct args *a)
{
	return change(db, a, do_remove);
}

static int expire(struct db *db, const struct args *a)
{
	return change(db, a, do_expire);
}

static int address(struct db *db, const struct args *a)
{
	return change(db, a, do_address);
}

/* --- show, and what to type --- */

/* With --route these; else what the server offers to this user's client. */
static int take_routes(
	struct db *db, const struct config *cfg, const struct args *a, struct howto *h)
{
	AUTO_MEM struct values_found *f = calloc(1, sizeof(*f));
	AUTO_MEM struct offer *offer = calloc(1, sizeof(*offer));
	AUTO(grant) struct grant *grant = NULL;
	struct db_user user;

	if (!f || !offer)
		return cmd_fail(EV_OUT_OF_MEMORY, "user");
	if (db_user_find(db, a->name, &user) < 0 || values_of_user(db, cfg, &user, f) < 0)
		return where_failed(db);
	if (grant_new(&f->all, &grant) < 0)
		return cmd_fail(EV_OUT_OF_MEMORY, "user");
	offer_read(grant, grant, offer);
	if (a->routes.n || offer->routes.n)
		howto_take_offer(h, offer);
	if (a->routes.n)
		h->routes = a->routes;
	return CMD_OK;
}

/* Prints what the user types. */
static int tell_how(struct db *db, const struct args *a)
{
	AUTO(config) struct config *cfg = NULL;
	AUTO_MEM struct howto *h = calloc(1, sizeof(*h));
	json_t *o;
	int r = h ? where_config(&a->where, &cfg) : cmd_fail(EV_OUT_OF_MEMORY, "user");

	if (!r)
		r = howto_load(cfg, a->name, a->server, h);
	if (!r)
		r = take_routes(db, cfg, a, h);
	if (r)
		return r;
	if (a->out)
		return howto_write(h, a->out);
	if (!a->json) {
		howto_print(h);
		return CMD_OK;
	}
	o = howto_json(h);
	ask_print_json(o);
	json_decref(o);
	return CMD_OK;
}

static int write_invite(const struct howto *h, const struct args *a)
{
	int fd = open(a->out, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "w");

	if (f)
		howto_invite(h, *a->password ? a->password : NULL, f);
	if (!f || fclose(f)) {
		text_fprintf(stderr, "culvert: %s: %s\n", a->out, strerror(errno));
		return CMD_FAILED;
	}
	text_fprintf(stdout, "%s\n", a->out);
	return CMD_OK;
}

static int print_qr(const struct howto *h, const struct args *a)
{
	AUTO_MEM char *text = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&text, &n);
	int r = -ENOMEM;

	if (f) {
		howto_invite(h, *a->password ? a->password : NULL, f);
		r = fclose(f) ? -ENOMEM : qr_print(text, isatty(STDOUT_FILENO), stdout);
	}
	if (text)
		explicit_bzero(text, n);
	if (r < 0)
		text_fprintf(stderr, "culvert: the QR code: %s\n",
			r == -E2BIG ? "the invite is too long for one; use --out" : strerror(-r));
	return r < 0 ? CMD_FAILED : CMD_OK;
}

/* One file for the user's Culvert. */
static int tell_invite(struct db *db, const struct args *a)
{
	AUTO(config) struct config *cfg = NULL;
	AUTO_MEM struct howto *h = calloc(1, sizeof(*h));
	int r = h ? where_config(&a->where, &cfg) : cmd_fail(EV_OUT_OF_MEMORY, "user");

	if (!r)
		r = howto_load(cfg, a->name, a->server, h);
	if (!r)
		r = take_routes(db, cfg, a, h);
	if (r)
		return r;
	if (a->qr)
		return print_qr(h, a);
	if (a->out)
		return write_invite(h, a);
	howto_invite(h, *a->password ? a->password : NULL, stdout);
	return CMD_OK;
}

/* After add: a server that never ran has no certificate yet, so there are no instructions. */
static int tell_how_if_known(struct db *db, const struct args *a)
{
	AUTO(config) struct config *cfg = NULL;
	struct certificate_files files;

	if (where_config(&a->where, &cfg))
		return CMD_FAILED;
	certificates_list(cfg, &files);
	if (!access(files.item[0].cert, R_OK)) {
		if (a->how || a->out || a->json)
			return tell_how(db, a);
		text_fprintf(stderr,
			"`culvert user show %s --how` prints what to type on the user's machine.\n",
			a->name);
		return CMD_OK;
	}
	text_fprintf(stderr,
		"Start the server once (culvert serve); then `culvert user show %s --how` prints what\n"
		"to type on the user's machine.\n",
		a->name);
	return CMD_OK;
}

static int list(struct db *db, const struct args *a)
{
	AUTO(config) struct config *cfg = NULL;

	return where_config(&a->where, &cfg) ? CMD_FAILED : user_list(db, cfg, a->json);
}

/* With --how or --out, run() goes on with what to type. */
static int show(struct db *db, const struct args *a)
{
	AUTO(config) struct config *cfg = NULL;
	struct db_user user;
	int r = db_user_find(db, a->name, &user);

	if (r < 0 || a->how || a->out)
		return r;
	if (where_config(&a->where, &cfg))
		return 1;
	return user_show(db, cfg, &user, a->json);
}

/* run() goes on with the invite itself. */
static int invite(struct db *db, const struct args *a)
{
	struct db_user user;

	return db_user_find(db, a->name, &user);
}

/* --- the command line --- */

enum needs {
	NOTHING = 0,
	NAME = 1,
	VALUE = 2,
	PASSWORD = 4,
	NEW_STORE = 8,
	WRITES = 16,
	WORDS = 64,
	NETWORKS = 128,     /* what leads to the user may overlap what others have */
	ENDS_SESSIONS = 32, /* those of the user that are up: their right to exist has changed */
};

static const struct action {
	const char *name;
	int (*run)(struct db *db, const struct args *a);
	int needs;
	const char *past; /* what is said when it is done */
} actions[] = {
	{"add", add, NAME | PASSWORD | NEW_STORE | WRITES | NETWORKS, "was added"},
	{"passwd", passwd, NAME | PASSWORD | WRITES | ENDS_SESSIONS, "has a new password"},
	{"list", list, NOTHING, NULL},
	{"show", show, NAME, NULL},
	{"invite", invite, NAME, NULL},
	{"set", set, NAME | WORDS | WRITES | NETWORKS, "is changed"},
	{"disable", disable, NAME | WRITES | ENDS_SESSIONS, "is disabled"},
	{"enable", enable, NAME | WRITES, "is enabled"},
	{"remove", remove_user, NAME | WRITES | ENDS_SESSIONS, "was removed"},
	{"expire", expire, NAME | VALUE | WRITES, "has a new date"},
	{"address", address, NAME | VALUE | WRITES | NETWORKS, "has a new address"},
	{"pool", pool, NAME | VALUE | WRITES, "has a new pool"},
	{"totp", totp, NAME | WRITES, NULL},
};

static int parse_date(const char *text, int64_t *ret)
{
	struct grant_values v = {0};
	char why[GRANT_WHY_LEN];

	if (grant_parse(&v, "expires", text, GRANT_USER, why) < 0)
		return wrong_use("expected a date like 2027-01-31, or never", text);
	*ret = v.expires.value;
	return CMD_OK;
}

static int parse_address(const char *text, struct addr *ret)
{
	*ret = (struct addr){0};
	if (!strcmp(text, "auto"))
		return CMD_OK;
	if (addr_parse(text, ret) < 0 || ret->family != AF_INET)
		return wrong_use("expected an IPv4 address, or auto", text);
	return CMD_OK;
}

static int add_route(struct args *a, char *text)
{
	struct prefix p;

	if (prefix_parse(text, &p) < 0 || prefixes_add(&a->routes, &p) == -E2BIG)
		return wrong_use("--route: expected a network like 10.0.0.0/8", text);
	return CMD_OK;
}

static int parse_value(const struct action *action, struct args *a)
{
	if (!(action->needs & VALUE))
		return CMD_OK;
	if (action->run == pool)
		return strlen(a->value) <= STORE_POOL_NAME_MAX
			       ? CMD_OK
			       : wrong_use("expected the name of a pool, of at most 31 octets",
					 a->value);
	return action->run == expire ? parse_date(a->value, &a->expires_at)
				     : parse_address(a->value, &a->address);
}

/* -1: go on. */
static int parse_options(int argc, char **argv, struct args *a)
{
	static const struct option longs[] = {{"password-stdin", no_argument, NULL, 'p'},
		{"reversible", no_argument, NULL, 'r'}, {"address", required_argument, NULL, 'a'},
		{"expires", required_argument, NULL, 'e'}, {"json", no_argument, NULL, 'j'},
		WHERE_OPTIONS, {"how", no_argument, NULL, 'H'}, {"qr", no_argument, NULL, 'Q'},
		{"server", required_argument, NULL, 'S'}, {"route", required_argument, NULL, 'R'},
		{"out", required_argument, NULL, 'o'}, {"format", required_argument, NULL, 'F'},
		{"passwords", required_argument, NULL, 'P'}, {"new", no_argument, NULL, 'N'},
		{"remove", no_argument, NULL, 'D'}, {"help", no_argument, NULL, 'h'}, {0}};
	int c, r = CMD_OK;

	while (!r && (c = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
		switch (c) {
		case 'p': a->password_stdin = true; break;
		case 'r': a->reversible = true; break;
		case 'a': r = parse_address(optarg, &a->address); break;
		case 'e': r = parse_date(optarg, &a->expires_at); break;
		case 'j': a->json = true; break;
		case 's': a->where.state = optarg; break;
		case 'k': a->where.key_file = optarg; break;
		case 'c': a->where.config = optarg; break;
		case 'H': a->how = true; break;
		case 'Q': a->qr = true; break;
		case 'S': a->server = optarg; break;
		case 'R': r = add_route(a, optarg); break;
		case 'o': a->out = optarg; break;
		case 'F': a->format = optarg; break;
		case 'P': a->passwords = optarg; break;
		case 'N': a->renew = true; break;
		case 'D': a->drop = true; break;
		case 'h':
			fputs(usage, stdout);
			values_help(DB_USER, stdout);
			return CMD_OK;
		default: r = CMD_USAGE;
		}
	}
	return r ? r : -1;
}

static int check_ranges(const struct action *action, const struct args *a, struct db *db)
{
	if (action->run == pool)
		return where_check_pool(&a->where, db, strcmp(a->value, "default") ? a->value : "");
	if (action->run == set)
		return values_check(&a->where, db, &a->change);
	return where_check_address(&a->where, db, &a->address);
}

/* Asks the running server, if there is one. What was changed stays changed either way. */
static int end_sessions(const struct args *a)
{
	struct ask to = {.state = a->where.state, .config = a->where.config};
	json_t *request = ask_request("kick"), *result = NULL;
	size_t n;
	int r;

	json_object_set_new(request, "user", json_text(a->name));
	json_object_set_new(request, "why", json_string("user-changed"));
	r = ask_server_if_up(&to, request, &result);
	if (r < 0)
		return CMD_OK; /* no server, no sessions */
	n = json_array_size(json_object_get(result, "sessions"));
	if (n)
		text_fprintf(stdout, "%zu session%s ended\n", n, n == 1 ? "" : "s");
	json_decref(result);
	return r;
}

/* Sessions that are up end when the new date comes; with one that has passed, now. */
static int date_sessions(const struct args *a)
{
	struct ask to = {.state = a->where.state, .config = a->where.config};
	json_t *request = ask_request("expire"), *result = NULL;
	size_t n;
	int r;

	json_object_set_new(request, "user", json_string(a->name));
	json_object_set_new(request, "at", json_integer(a->expires_at));
	r = ask_server_if_up(&to, request, &result);
	if (r < 0)
		return CMD_OK; /* no server, no sessions */
	n = json_array_size(json_object_get(result, "sessions"));
	if (n && a->expires_at && a->expires_at <= clock_wall_s())
		text_fprintf(stdout, "%zu session%s ended\n", n, n == 1 ? "" : "s");
	else if (n && a->expires_at)
		text_fprintf(stdout, "%zu session%s will end then\n", n, n == 1 ? "" : "s");
	json_decref(result);
	return r;
}

static int run(const struct action *action, const struct args *a)
{
	AUTO(db) struct db *db = NULL;
	int r = where_open(&a->where, action->needs & NEW_STORE, &db);

	if (!r)
		r = check_ranges(action, a, db);
	if (r)
		return r;
	if (action->needs & WRITES && db_begin(db) < 0)
		return where_failed(db);
	r = action->run(db, a);
	if (r > 0)
		return r;
	if (r < 0)
		r = where_failed(db);
	else if (action->needs & NETWORKS)
		r = sites_check(&a->where, db, DB_USER, a->name);
	if (r) {
		db_rollback(db);
		return r;
	}
	if (action->needs & WRITES && db_commit(db) < 0)
		return where_failed(db);
	if (action->past && !(a->json && action->run == add))
		text_fprintf(stdout, "user %s %s\n", a->name, action->past);
	if (action->run == add)
		return tell_how_if_known(db, a);
	if (action->run == show && (a->how || a->out))
		return tell_how(db, a);
	if (action->run == totp)
		return tell_totp(a);
	if (action->run == invite)
		return tell_invite(db, a);
	if (action->run == expire)
		return date_sessions(a);
	if (action->run == set)
		return values_tell(&a->where, &a->change, a->name);
	return action->needs & ENDS_SESSIONS ? end_sessions(a) : CMD_OK;
}

/* `import FILE` and `export` are about all users. */
static bool is_of_all(const char *action, int n)
{
	return (!strcmp(action, "import") && n == 2) || (!strcmp(action, "export") && n == 1);
}

static int run_of_all(const struct args *a, const char *file)
{
	const struct import_args i = {.where = a->where,
		.file = file,
		.format = a->format,
		.passwords = a->passwords,
		.reversible = a->reversible};

	return file ? user_import(&i) : user_export(&i);
}

int cmd_user(int argc, char **argv)
{
	uint8_t seed[TOTP_SEED_LEN] = {0};
	struct args a = {.seed = seed};
	const struct action *action;
	int r = parse_options(argc, argv, &a), n, wanted;

	if (r >= 0)
		return r;
	n = argc - optind;
	if (!n)
		return cmd_usage(usage);
	if (is_of_all(argv[optind], n))
		return run_of_all(&a, argv[optind + 1]);
	action = cmd_action("user", argv[optind], actions, ARRAY_SIZE(actions), sizeof(*actions));
	if (!action)
		return CMD_USAGE;
	wanted = 1 + !!(action->needs & NAME) + !!(action->needs & VALUE);
	if (action->needs & WORDS ? n <= wanted : n != wanted)
		return cmd_usage(usage);
	a.name = n > 1 ? argv[optind + 1] : NULL;
	a.value = n > 2 ? argv[optind + 2] : NULL;
	if (action->needs & WORDS)
		r = values_read(&argv[optind + 2], (size_t)n - 2, DB_USER, &a.change);
	else
		r = parse_value(action, &a);
	if (!r && (action->needs & PASSWORD || (action->run == invite && a.password_stdin)))
		r = read_password(&a);
	if (!r)
		r = run(action, &a);
	explicit_bzero(&a, sizeof(a));
	explicit_bzero(seed, sizeof(seed));
	return r;
}
