// SPDX-License-Identifier: Apache-2.0
/* culvert connect — the client; see client/client.h for what it does. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/host_name.h"
#include "base/text.h"
#include "cli/cmd.h"
#include "cli/connect.h"
#include "cli/login.h"
#include "cli/proxy.h"
#include "cli/target.h"
#include "client/client.h"
#include "os/tun.h"

static const char usage_text[] =
	"usage: culvert connect [USER@]HOST[:PORT] [HOST[:PORT]...] [options]\n"
	"\n"
	"Brings up an SSTP tunnel to HOST (port 443) and stays in the foreground until SIGINT or SIGTERM. A tunnel\n"
	"that was up and is lost is made again; further HOSTs are tried in their order when one cannot be reached.\n"
	"\n"
	"Login\n"
	"  -u, --user NAME            user name (also USER@HOST; DOMAIN\\USER and USER@REALM are sent as they are)\n"
	"      --password-file FILE   first line is the password; - is standard input (asked for on a terminal otherwise)\n"
	"      --auth LIST            methods to accept: mschapv2 (default), eap-tls, peap, eap-mschapv2, eap-md5,\n"
	"                             chap, pap, separated by commas\n" LOGIN_USAGE "\n"
	"How to check the server (one of these; default: the system's certificate store)\n"
	"      --ca FILE              trust certificates that lead to one in FILE (a server's own certificate will do)\n"
	"      --pin sha256//BASE64   the server's public key, as `culvert cert pin` prints it; repeat for a spare\n"
	"      --insecure             check nothing: anyone on the way can read the traffic and take your password\n"
	"      --sni NAME             name sent in the TLS handshake, if it differs from HOST\n"
	"\n"
	"Traffic through the tunnel\n"
	"      --all                  send all traffic through the tunnel (the default without --route)\n"
	"      --route CIDR           send this network through the tunnel, and without --all only these; repeat\n"
	"      --exclude CIDR         send this network past the tunnel; repeat\n"
	"      --no-default-route     send nothing through the tunnel but what --route names\n"
	"      --lock                 kill switch: nothing leaves this machine but by the tunnel, also when it is down,\n"
	"                             this program has ended or the machine boots; until `culvert unlock`\n"
	"      --lock-lan             with --lock: private networks may be reached, but not for names\n"
	"      --no-dns               do not change the resolver\n"
	"      --dns-domain NAME      a search domain; without the default route the tunnel's name servers are asked\n"
	"                             for names below it only; repeat\n"
	"      --no-ipv6              do not ask for IPv6\n"
	"      --block-ipv6           block IPv6 when the tunnel is the default route but has no IPv6\n"
	"      --tun NAME             name of the interface (culvert%d)\n"
	"      --mtu N                576 to 4087 (1400)\n"
	"      --offload auto|no-uso|off   super-packets on the interface: what the kernel supports, TCP only, none\n"
	"\n"
	"Connection to the server\n" PROXY_USAGE
	"      --once                 end when the connection is lost, in the place of connecting again\n"
	"      --no-lanes             only one connection; without it, sparse flows may get a second one and do not wait\n"
	"\n"
	"Details\n"
	"  -v, --verbose              a line for each step\n"
	"      --keylog FILE          append TLS secrets for Wireshark: anyone who has FILE can read the traffic\n"
	"      --hello SECONDS        silence after which the client sends an Echo Request (10)\n"
	"      --congestion NAME      TCP congestion control of the outer connection (auto: reno, and bbr on lossy paths)\n"
	"  -h, --help\n"
	"\n"
	"Exit status: 0 you ended it; 1 this machine; 2 usage; 10 DNS, 11 TCP, 12 proxy, 13 TLS, 14 certificate,\n"
	"15 HTTP, 16 SSTP, 17 crypto binding, 18 LCP, 19 authentication, 20 addresses, 21 interface and routes.\n";

enum {
	OPT_PASSWORD_FILE = 256,
	OPT_AUTH,
	OPT_CA,
	OPT_PIN,
	OPT_INSECURE,
	OPT_SNI,
	OPT_ONCE,
	OPT_ALL,
	OPT_LOCK,
	OPT_LOCK_LAN,
	OPT_EXCLUDE,
	OPT_NO_DEFAULT_ROUTE,
	OPT_ROUTE,
	OPT_NO_DNS,
	OPT_DNS_DOMAIN,
	OPT_NO_IPV6,
	OPT_BLOCK_IPV6,
	OPT_TUN,
	OPT_MTU,
	OPT_OFFLOAD,
	OPT_KEYLOG,
	OPT_HELLO,
	OPT_CONGESTION,
	OPT_PROXY,
	OPT_PROXY_USER,
	OPT_PROXY_PASSWORD_FILE,
	OPT_NO_PROXY,
	OPT_NO_LANES
};

static const struct option options[] = {
	{"user", required_argument, NULL, 'u'},
	{"password-file", required_argument, NULL, OPT_PASSWORD_FILE},
	{"auth", required_argument, NULL, OPT_AUTH},
	LOGIN_OPTIONS,
	{"ca", required_argument, NULL, OPT_CA},
	{"pin", required_argument, NULL, OPT_PIN},
	{"insecure", no_argument, NULL, OPT_INSECURE},
	{"sni", required_argument, NULL, OPT_SNI},
	{"once", no_argument, NULL, OPT_ONCE},
	{"all", no_argument, NULL, OPT_ALL},
	{"lock", no_argument, NULL, OPT_LOCK},
	{"lock-lan", no_argument, NULL, OPT_LOCK_LAN},
	{"exclude", required_argument, NULL, OPT_EXCLUDE},
	{"no-default-route", no_argument, NULL, OPT_NO_DEFAULT_ROUTE},
	{"route", required_argument, NULL, OPT_ROUTE},
	{"no-dns", no_argument, NULL, OPT_NO_DNS},
	{"dns-domain", required_argument, NULL, OPT_DNS_DOMAIN},
	{"no-ipv6", no_argument, NULL, OPT_NO_IPV6},
	{"block-ipv6", no_argument, NULL, OPT_BLOCK_IPV6},
	{"tun", required_argument, NULL, OPT_TUN},
	{"mtu", required_argument, NULL, OPT_MTU},
	{"offload", required_argument, NULL, OPT_OFFLOAD},
	{"keylog", required_argument, NULL, OPT_KEYLOG},
	{"hello", required_argument, NULL, OPT_HELLO},
	{"congestion", required_argument, NULL, OPT_CONGESTION},
	{"proxy", required_argument, NULL, OPT_PROXY},
	{"proxy-user", required_argument, NULL, OPT_PROXY_USER},
	{"proxy-password-file", required_argument, NULL, OPT_PROXY_PASSWORD_FILE},
	{"no-proxy", no_argument, NULL, OPT_NO_PROXY},
	{"no-lanes", no_argument, NULL, OPT_NO_LANES},
	{"verbose", no_argument, NULL, 'v'},
	{"help", no_argument, NULL, 'h'},
	{0},
};

static int bad(const char *what, const char *value, const char *want)
{
	return cmd_bad("connect", what, value, want);
}

/* "corp.example", also as resolved writes it, "~corp.example" or with a dot at the end. */
static int take_dns_domain(const char *text, struct client_opts *o)
{
	static char names[CLIENT_DNS_DOMAINS_MAX][HOST_NAME_MAX_LEN + 2];
	char *name = names[o->n_dns_domains % CLIENT_DNS_DOMAINS_MAX];
	const char *why = "at most 16 of them";
	struct addr address;

	if (*text == '~')
		text++;
	if (o->n_dns_domains == CLIENT_DNS_DOMAINS_MAX ||
		host_to_ascii(text, name, sizeof(names[0]), &why) < 0)
		return bad("--dns-domain", text, why);
	if (addr_parse(name, &address) == 0)
		return bad("--dns-domain", text, "a domain, such as corp.example");
	if (name[strlen(name) - 1] == '.')
		name[strlen(name) - 1] = '\0';
	o->dns_domains[o->n_dns_domains++] = name;
	return 0;
}

static int parse_offload(const char *word, unsigned *ret_unwanted)
{
	static const struct {
		const char *word;
		unsigned unwanted;
	} words[] = {{"auto", 0}, {"no-uso", TUN_OFFLOAD_USO}, {"off", TUN_OFFLOAD_ALL}};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (strcmp(words[i].word, word))
			continue;
		*ret_unwanted = words[i].unwanted;
		return 0;
	}
	return -EINVAL;
}

static int take_network(const char *option, struct prefix *list, size_t *n)
{
	if (*n == CLIENT_ROUTES_MAX || prefix_parse(optarg, &list[*n]) < 0)
		return bad(option, optarg,
			"ADDRESS/LENGTH without host bits, such as 10.1.0.0/16, 64 at most");
	++*n;
	return 0;
}

/* What goes through the tunnel. */
struct wishes {
	bool all, none;
};

static int decide_routes(const struct wishes *w, struct client_opts *o)
{
	if (w->all && w->none) {
		fputs("culvert connect: --all and --no-default-route: expected one of them\n",
			stderr);
		return CMD_USAGE;
	}
	o->default_route = w->all || (!w->none && !o->n_routes);
	if (o->n_routes && !w->all && !w->none)
		fputs("culvert: --route: only these networks go through the tunnel (earlier versions sent "
		      "everything;\n  --all still does)\n",
			stderr);
	return 0;
}

/* Returns 0, or the exit code after printing the error. */
static int take_option(
	int c, struct client_opts *o, struct wishes *w, struct target *t, struct login *login)
{
	unsigned long n;

	switch (c) {
	case 'u':
		if (strlen(optarg) > USER_NAME_MAX)
			return bad("--user", optarg, "at most 256 octets");
		strcpy(t->user, optarg);
		break;
	case 'v': o->verbose = true; break;
	case OPT_PASSWORD_FILE: login->password_file = optarg; break;
	case OPT_AUTH:
		return login_allow(optarg, login) < 0 ? bad("--auth", optarg, LOGIN_METHODS) : 0;
	case OPT_CA: o->ca_file = optarg; break;
	case OPT_PIN:
		if (o->n_pins == CLIENT_PINS_MAX || strncmp(optarg, "sha256//", 8))
			return bad("--pin", optarg, "sha256//BASE64, eight at most");
		o->pins[o->n_pins++] = optarg;
		break;
	case OPT_INSECURE: o->insecure = true; break;
	case OPT_SNI:
		if (sni_parse(optarg, t) < 0)
			return bad("--sni", optarg, t->fault);
		o->sni = t->sni;
		break;
	case OPT_ONCE: o->once = true; break;
	case OPT_ALL: w->all = true; break;
	case OPT_LOCK: o->lock = true; break;
	case OPT_LOCK_LAN: o->lock = o->lock_lan = true; break;
	case OPT_NO_DEFAULT_ROUTE: w->none = true; break;
	case OPT_ROUTE: return take_network("--route", o->routes, &o->n_routes);
	case OPT_EXCLUDE: return take_network("--exclude", o->excluded, &o->n_excluded);
	case OPT_NO_DNS: o->dns = false; break;
	case OPT_DNS_DOMAIN: return take_dns_domain(optarg, o);
	case OPT_NO_IPV6: o->ipv6 = false; break;
	case OPT_NO_LANES: o->lanes = false; break;
	case OPT_BLOCK_IPV6: o->block_ipv6 = true; break;
	case OPT_TUN: o->tun_name = optarg; break;
	case OPT_MTU:
		if (number_parse(optarg, 576, 4087, &n) < 0)
			return bad("--mtu", optarg, "576 to 4087");
		o->mtu = (uint16_t)n;
		break;
	case OPT_OFFLOAD:
		if (parse_offload(optarg, &o->no_offloads) < 0)
			return bad("--offload", optarg, "auto, no-uso or off");
		break;
	case OPT_KEYLOG: o->keylog = optarg; break;
	case OPT_HELLO:
		if (number_parse(optarg, 1, 3600, &n) < 0)
			return bad("--hello", optarg, "1 to 3600 seconds");
		o->hello_s = (unsigned)n;
		break;
	case OPT_CONGESTION: o->congestion = optarg; break;
	default: return bad("option", "", "one of --help");
	}
	return 0;
}

static int take_servers(
	int n, char **words, struct target *first, struct target *others, struct client_opts *o)
{
	if (n < 1 || n > CLIENT_SERVERS_MAX) {
		fputs("culvert connect: expected [USER@]HOST[:PORT], and up to seven further HOST[:PORT] "
		      "(see culvert connect --help)\n",
			stderr);
		return CMD_USAGE;
	}
	for (int i = 0; i < n; i++) {
		struct target *t = i ? &others[i] : first;

		if (i)
			*t = (struct target){0};
		if (target_parse(words[i], t) < 0)
			return bad("server", words[i],
				*t->fault ? t->fault
					  : "[USER@]HOST[:PORT], IPv6 addresses in brackets");
		if (i && *t->user && strcmp(t->user, first->user))
			return bad("server", words[i], "the user of the first server, or none");
		o->servers[o->n_servers++] = (struct client_server){t->host, t->port};
	}
	return 0;
}

/* The words for a failed connection: layer, what happened, what came, what to try, in that order. */
static int report(enum event ev, const char *detail)
{
	const struct event_info *info = event_info(ev);

	if (ev == EV_NONE)
		return 0;
	text_fprintf(stderr, "culvert: %s: %s\n", layer_name(info->layer), info->what);
	if (*detail)
		text_fprintf(stderr, "  found:   %s\n", detail);
	if (*info->cure)
		text_fprintf(stderr, "  to try:  %s\n", info->cure);
	if (*info->windows)
		text_fprintf(stderr, "  Windows: %s\n", info->windows);
	text_fprintf(stderr, "  event:   %d %s\n", info->number, info->name);
	return layer_exit_code(info->layer);
}

int connect_with(int argc, char **argv, const struct connect_hooks *hooks)
{
	struct client_opts o = {.dns = true, .ipv6 = true, .lanes = true};
	struct target t = {0}, others[CLIENT_SERVERS_MAX];
	struct wishes wishes = {0};
	struct login login = {0};
	struct proxy_choice proxy = {0};
	char detail[512] = "", shown[600];
	enum event ev;
	int c, r;

	while ((c = getopt_long(argc, argv, "u:vh", options, NULL)) != -1) {
		if (c == 'h') {
			fputs(usage_text, stdout);
			return 0;
		}
		r = 0;
		if (c == OPT_PROXY)
			proxy.url = optarg;
		else if (c == OPT_PROXY_USER)
			proxy.user = optarg;
		else if (c == OPT_PROXY_PASSWORD_FILE)
			proxy.password_file = optarg;
		else if (c == OPT_NO_PROXY)
			proxy.none = true;
		else if (!login_option(&login, c, optarg))
			r = c == '?' ? CMD_USAGE : take_option(c, &o, &wishes, &t, &login);
		if (r)
			return r;
	}
	r = decide_routes(&wishes, &o);
	if (!r)
		r = take_servers(argc - optind, argv + optind, &t, others, &o);
	if (r)
		return r;
	r = login_make(&login,
		&(struct login_trust){t.host, o.ca_file, o.pins, o.n_pins, o.insecure}, t.user);
	if (r)
		return r; /* it said why */
	if (!*t.user) {
		fputs("culvert connect: no user name: write USER@HOST or --user NAME\n", stderr);
		return CMD_USAGE;
	}
	memcpy(o.methods, login.methods, sizeof(o.methods));
	o.n_methods = login.n_methods;
	o.eap = login.peer;
	o.user = t.user;
	o.password = login.password;
	r = proxy_choose(&proxy, t.host, &o.proxy);
	if (r)
		return r;
	if (o.verbose && strcmp(host_shown(t.host, shown, sizeof(shown)), t.host))
		text_fprintf(stderr, "culvert: %-9s %s\n", "0 name", shown);
	log_init(o.verbose ? LOG_LEVEL_DEBUG : LOG_LEVEL_WARN);
	if (hooks && o.lock) {
		fputs("culvert run: --lock is for `culvert connect`: this tunnel has a network of its own, which "
		      "has no other way\n",
			stderr);
		return CMD_USAGE;
	}
	r = hooks ? hooks->prepare(&o, hooks->arg) : 0;
	if (r)
		return r;
	ev = client_run(&o, detail, sizeof(detail));
	login_done(&login);
	explicit_bzero(&proxy, sizeof(proxy));
	return report(ev, detail);
}

int cmd_connect(int argc, char **argv)
{
	return connect_with(argc, argv, NULL);
}
