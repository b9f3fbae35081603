// SPDX-License-Identifier: Apache-2.0
#include "cli/connect_options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/text.h"
#include "cli/cmd.h"
#include "os/tun.h"

#define LONG_BASE 256 /* what getopt_long() returns for the first row */

// clang-format off
static const struct connect_option rows[] = {
#define GROUP(title)
#define OPT(id, name, short, kind, from, argument, help)                                           \
	[CONNECT_##id] = {CONNECT_##id, name, short, CONNECT_##kind, CONNECT_##from, argument, help},
#include "cli/connect.def"
#undef GROUP
#undef OPT
};

#define ARGUMENT_FLAG no_argument
#define ARGUMENT_TEXT required_argument
#define ARGUMENT_WORDS required_argument
#define ARGUMENT_PATH required_argument
#define ARGUMENT_SECRET required_argument
#define ARGUMENT_LIST required_argument

static const struct option long_options[] = {
#define GROUP(title)
#define OPT(id, name, short, kind, from, argument, help)                                           \
	{name, ARGUMENT_##kind, NULL, LONG_BASE + CONNECT_##id},
#include "cli/connect.def"
#undef GROUP
#undef OPT
	{"help", no_argument, NULL, 'h'},
	{0},
};
// clang-format on

const struct connect_option *connect_option(enum connect_id id)
{
	return &rows[id];
}

const struct connect_option *connect_option_named(const char *name)
{
	for (size_t i = 0; i < CONNECT_IDS; i++)
		if (!strcmp(rows[i].name, name))
			return &rows[i];
	return NULL;
}

const struct option *connect_long_options(void)
{
	return long_options;
}

const struct connect_option *connect_option_got(int c)
{
	if (c >= LONG_BASE && c < LONG_BASE + CONNECT_IDS)
		return &rows[c - LONG_BASE];
	for (size_t i = 0; i < CONNECT_IDS; i++)
		if (rows[i].short_name && rows[i].short_name == c)
			return &rows[i];
	return NULL;
}

/* ---- --help ---------------------------------------------------------- */

#define HELP_COLUMN 29

static void print_row(FILE *out, const struct connect_option *row)
{
	char left[64];
	int n = (int)text_format(left, sizeof(left), "  %s--%s%s%s",
		row->short_name ? (char[]){'-', row->short_name, ',', ' ', 0} : "    ", row->name,
		*row->argument ? " " : "", row->argument);
	const char *line = row->help, *end = strchrnul(line, '\n');

	text_fprintf(out, "%s%*s%.*s\n", left, n + 2 > HELP_COLUMN ? 2 : HELP_COLUMN - n, "",
		(int)(end - line), line);
	while (*end) {
		line = end + 1;
		end = strchrnul(line, '\n');
		text_fprintf(out, "%*s%.*s\n", HELP_COLUMN, "", (int)(end - line), line);
	}
}

void connect_options_usage(FILE *out)
{
	static const struct {
		const char *title;
		int id;
	} lines[] = {
#define GROUP(title) {title, 0},
#define OPT(id, ...) {NULL, CONNECT_##id},
#include "cli/connect.def"
#undef GROUP
#undef OPT
	};

	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		if (lines[i].title && i)
			fputs("\n", out);
		if (lines[i].title)
			text_fprintf(out, "%s\n", lines[i].title);
		else
			print_row(out, &rows[lines[i].id]);
	}
	fputs("  -h, --help\n", out);
}

/* ---- one option ---------------------------------------------------------- */

static int bad_at(
	const struct connect_place *at, const char *name, const char *value, const char *want)
{
	if (!at->file)
		return cmd_bad(at->command, name, value, want);
	text_fprintf(stderr, "culvert: %s:%u: %s: expected %s, got \"%.60s\"\n", at->file, at->line,
		name + 2 * !strncmp(name, "--", 2), want, value);
	return CMD_USAGE;
}

static int bad(const struct connect_option *row, const char *value, const char *want,
	const struct connect_place *at)
{
	char name[40];

	text_format(name, sizeof(name), "--%s", row->name);
	return bad_at(at, name, value, want);
}

/* "corp.example", also as resolved writes it, "~corp.example" or with a dot at the end. */
static const char *take_dns_domain(struct connect_options *co, const char *text)
{
	struct client_opts *o = &co->client;
	char *name = co->domains[o->n_dns_domains % CLIENT_DNS_DOMAINS_MAX];
	const char *why = "at most 16 of them";
	struct addr address;

	if (*text == '~')
		text++;
	if (o->n_dns_domains == CLIENT_DNS_DOMAINS_MAX ||
		host_to_ascii(text, name, sizeof(co->domains[0]), &why) < 0)
		return why;
	if (addr_parse(name, &address) == 0)
		return "a domain, such as corp.example";
	if (name[strlen(name) - 1] == '.')
		name[strlen(name) - 1] = '\0';
	o->dns_domains[o->n_dns_domains++] = name;
	return NULL;
}

static const char *take_offload(struct connect_options *co, const char *word)
{
	static const struct {
		const char *word;
		unsigned unwanted;
	} words[] = {{"auto", 0}, {"no-uso", TUN_OFFLOAD_USO}, {"off", TUN_OFFLOAD_ALL}};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (strcmp(words[i].word, word))
			continue;
		co->client.no_offloads = words[i].unwanted;
		return NULL;
	}
	return "auto, no-uso or off";
}

static const char *take_network(const char *text, struct prefix *list, size_t *n)
{
	if (*n == CLIENT_ROUTES_MAX || prefix_parse(text, &list[*n]) < 0)
		return "ADDRESS/LENGTH without host bits, such as 10.1.0.0/16, 64 at most";
	++*n;
	return NULL;
}

static const char *take_user(struct connect_options *co, const char *name)
{
	if (strlen(name) > USER_NAME_MAX)
		return "at most 256 octets";
	strcpy(co->target.user, name);
	return NULL;
}

static const char *take_pin(struct client_opts *o, const char *pin)
{
	if (o->n_pins == CLIENT_PINS_MAX || strncmp(pin, "sha256//", 8))
		return "sha256//BASE64, eight at most";
	o->pins[o->n_pins++] = pin;
	return NULL;
}

static const char *take_number(const char *text, unsigned long least, unsigned long most,
	const char *want, unsigned long *ret)
{
	return number_parse(text, least, most, ret) < 0 ? want : NULL;
}

static const char *take_sni(struct connect_options *co, const char *name)
{
	co->client.sni = co->target.sni;
	return sni_parse(name, &co->target) < 0 ? co->target.fault : NULL;
}

/* NULL, or what was expected. */
static const char *take(struct connect_options *co, enum connect_id id, char *value)
{
	struct client_opts *o = &co->client;
	struct login *l = &co->login;
	const char *fault = NULL;
	unsigned long n = 0;

	switch (id) {
	case CONNECT_USER: return take_user(co, value);
	case CONNECT_PASSWORD_FILE: l->password_file = value; break;
	case CONNECT_AUTH: return login_allow(value, l) < 0 ? LOGIN_METHODS : NULL;
	case CONNECT_P12: l->p12 = value; break;
	case CONNECT_CERT: l->cert = value; break;
	case CONNECT_KEY: l->key = value; break;
	case CONNECT_P12_PASSWORD_FILE: l->p12_password_file = value; break;
	case CONNECT_EAP_CA: l->eap_ca = value; break;
	case CONNECT_EAP_NAME: l->eap_name = value; break;
	case CONNECT_PEAP_BINDING: l->peap_binding = value; break;
	case CONNECT_CA: o->ca_file = value; break;
	case CONNECT_PIN: return take_pin(o, value);
	case CONNECT_INSECURE: o->insecure = true; break;
	case CONNECT_SNI: return take_sni(co, value);
	case CONNECT_ALL: co->all = true; break;
	case CONNECT_ROUTE: return take_network(value, o->routes, &o->n_routes);
	case CONNECT_EXCLUDE: return take_network(value, o->excluded, &o->n_excluded);
	case CONNECT_NO_DEFAULT_ROUTE: co->none = true; break;
	case CONNECT_NO_PUSHED_ROUTES: co->no_pushed = true; break;
	case CONNECT_ACCEPT_ROUTES: o->accept_pushed = true; break;
	case CONNECT_LOCK: o->lock = true; break;
	case CONNECT_LOCK_LAN: o->lock = o->lock_lan = true; break;
	case CONNECT_NO_DNS: o->dns = false; break;
	case CONNECT_DNS_DOMAIN: return take_dns_domain(co, value);
	case CONNECT_NO_IPV6: o->ipv6 = false; break;
	case CONNECT_BLOCK_IPV6: o->block_ipv6 = true; break;
	case CONNECT_TUN: o->tun_name = value; break;
	case CONNECT_MTU:
		fault = take_number(value, 576, 4087, "576 to 4087", &n);
		o->mtu = (uint16_t)n;
		break;
	case CONNECT_OFFLOAD: return take_offload(co, value);
	case CONNECT_PROXY: co->proxy.url = value; break;
	case CONNECT_PROXY_USER: co->proxy.user = value; break;
	case CONNECT_PROXY_PASSWORD_FILE: co->proxy.password_file = value; break;
	case CONNECT_PROXY_CA: co->proxy.ca_file = value; break;
	case CONNECT_NO_PROXY: co->proxy.none = true; break;
	case CONNECT_ONCE: o->once = true; break;
	case CONNECT_NO_LANES: o->lanes = false; break;
	case CONNECT_VERBOSE: o->verbose = true; break;
	case CONNECT_KEYLOG: o->keylog = value; break;
	case CONNECT_HELLO:
		fault = take_number(value, 1, 3600, "1 to 3600 seconds", &n);
		o->hello_s = (unsigned)n;
		break;
	case CONNECT_CONGESTION: o->congestion = value; break;
	case CONNECT_IDS: break;
	} /* no default: the compiler lists what a new row must visit */
	return fault;
}

int connect_take(struct connect_options *co, const struct connect_option *row, char *value,
	const struct connect_place *at)
{
	const char *want;

	if (at->file && co->given[row->id] && row->kind != CONNECT_LIST)
		return 0;
	co->given[row->id] |= !at->file;
	want = take(co, row->id, value);
	return want ? bad(row, value, want, at) : 0;
}

/* ---- servers ---------------------------------------------------------- */

int connect_server(struct connect_options *co, const char *word, const struct connect_place *at)
{
	struct client_opts *o = &co->client;
	struct target *t = o->n_servers ? &co->others[o->n_servers - 1] : &co->target;
	char user[sizeof(t->user)];
	int r;

	if (o->n_servers == CLIENT_SERVERS_MAX)
		return bad_at(at, "server", word, "eight at most");
	strcpy(user, t->user);
	r = target_parse(word, t);
	if (at->file && co->given[CONNECT_USER] && t == &co->target)
		strcpy(t->user, user);
	if (r < 0)
		return bad_at(at, "server", word,
			*t->fault ? t->fault : "[USER@]HOST[:PORT], IPv6 addresses in brackets");
	if (t != &co->target && *t->user && strcmp(t->user, co->target.user))
		return bad_at(at, "server", word, "the user of the first server, or none");
	o->servers[o->n_servers++] = (struct client_server){t->host, t->port};
	return 0;
}

/* ---- the command line ---------------------------------------------------------- */

void connect_options_init(struct connect_options *co)
{
	*co = (struct connect_options){.client = {.dns = true, .ipv6 = true, .lanes = true}};
}

int connect_command_line(struct connect_options *co, int argc, char **argv)
{
	static const struct connect_place at = {.command = "connect"};
	int c, r = 0;

	while (!r && (c = getopt_long(argc, argv, "u:vh", long_options, NULL)) != -1) {
		if (c == 'h')
			return -1;
		r = c == '?' ? CMD_USAGE
			     : connect_take(co, connect_option_got(c), optarg ? optarg : "", &at);
	}
	for (int i = optind; !r && i < argc; i++)
		r = connect_server(co, argv[i], &at);
	return r;
}

/* ---- all together ---------------------------------------------------------- */

static int decide_routes(struct connect_options *co)
{
	struct client_opts *o = &co->client;

	if (co->all && co->none) {
		fputs("culvert connect: --all and --no-default-route: expected one of them\n",
			stderr);
		return CMD_USAGE;
	}
	if (co->no_pushed && o->accept_pushed) {
		fputs("culvert connect: --no-pushed-routes and --accept-routes: expected one of them\n",
			stderr);
		return CMD_USAGE;
	}
	o->follow_pushed = !co->all && !o->n_routes && !co->no_pushed;
	o->default_route = co->all || (!co->none && !o->n_routes);
	if (o->n_routes && !co->all && !co->none && !co->quiet)
		fputs("culvert: --route: only these networks go through the tunnel (earlier versions sent "
		      "everything;\n  --all still does)\n",
			stderr);
	return 0;
}

static int check_servers(const struct connect_options *co)
{
	if (co->client.n_servers)
		return 0;
	fputs("culvert connect: expected [USER@]HOST[:PORT], and up to seven further HOST[:PORT] "
	      "(see culvert connect --help)\n",
		stderr);
	return CMD_USAGE;
}

static int log_in(struct connect_options *co)
{
	struct client_opts *o = &co->client;
	struct login_trust trust = {co->target.host, o->ca_file, o->pins, o->n_pins, o->insecure};
	int r = login_make(&co->login, &trust, co->target.user);

	if (r)
		return r; /* it said why */
	if (!*co->target.user) {
		fputs("culvert connect: no user name: write USER@HOST or --user NAME\n", stderr);
		return CMD_USAGE;
	}
	memcpy(o->methods, co->login.methods, sizeof(o->methods));
	o->n_methods = co->login.n_methods;
	o->eap = co->login.peer;
	o->user = co->target.user;
	o->password = co->login.password;
	return 0;
}

int connect_options_check(struct connect_options *co)
{
	int r = decide_routes(co);

	return r ? r : check_servers(co);
}

int connect_options_ready(struct connect_options *co)
{
	int r = connect_options_check(co);

	if (!r)
		r = log_in(co);
	return r ? r : proxy_choose(&co->proxy, co->target.host, &co->client.proxy);
}

void connect_options_done(struct connect_options *co)
{
	login_done(&co->login);
	explicit_bzero(&co->proxy, sizeof(co->proxy));
}
