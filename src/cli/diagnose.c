// SPDX-License-Identifier: Apache-2.0
/* culvert diagnose — which layer broke, why, and the cure; see diagnose/run.c for how. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/host_name.h"
#include "base/text.h"
#include "cli/cmd.h"
#include "cli/login.h"
#include "cli/proxy.h"
#include "cli/target.h"
#include "diagnose/diagnose.h"

static const char usage_text[] =
	"usage: culvert diagnose [USER@]HOST[:PORT] [options]\n"
	"\n"
	"Tries every layer to an SSTP server, from DNS to packets inside the tunnel, and prints which one is\n"
	"broken, why, what Windows would show, and the cure. Needs no root; the server need not be Culvert.\n"
	"\n"
	"  -u, --user NAME            log in as NAME (also USER@HOST); without a name, there is no login\n"
	"      --password-file FILE   first line is the password; - is standard input (asked for on a terminal otherwise)\n"
	"      --auth METHODS         login methods, preferred first: mschapv2 (default), eap-tls,\n"
	"                             peap, eap-mschapv2, eap-md5, chap, pap\n" LOGIN_USAGE "\n"
	"      --ca FILE              trust certificates that lead to one in FILE\n"
	"      --pin sha256//BASE64   the server's public key; repeat for a spare\n"
	"      --insecure             log in although the certificate is not trusted\n"
	"      --sni NAME             name sent in the TLS handshake\n" PROXY_USAGE
	"      --target HOST[:PORT]   a host behind the server: TCP to its port, else ping and common ports\n"
	"      --speed [SECONDS]      measure throughput through the tunnel (5)\n"
	"      --timeout SECONDS      how long one answer may take (10)\n"
	"\n"
	"      --json                 the report as JSON\n"
	"      --html FILE            the report as a page\n"
	"      --record FILE          save the conversation inside TLS as a scenario, without secrets\n"
	"  -v, --verbose              print all observations\n"
	"  -q, --quiet                no progress\n"
	"  -h, --help\n"
	"\n"
	"Exit status: 0 nothing is broken (there may be warnings); 1 this machine; 2 usage; 10 DNS, 11 TCP, 12 proxy,\n"
	"13 TLS, 14 certificate, 15 HTTP, 16 SSTP, 17 crypto binding, 18 LCP, 19 authentication, 20 addresses,\n"
	"21 inside the tunnel.\n";

enum {
	OPT_PASSWORD_FILE = 256,
	OPT_AUTH,
	OPT_CA,
	OPT_PIN,
	OPT_INSECURE,
	OPT_SNI,
	OPT_PROXY,
	OPT_PROXY_USER,
	OPT_PROXY_PASSWORD_FILE,
	OPT_PROXY_CA,
	OPT_NO_PROXY,
	OPT_TARGET,
	OPT_SPEED,
	OPT_TIMEOUT,
	OPT_JSON,
	OPT_HTML,
	OPT_RECORD
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
	{"proxy", required_argument, NULL, OPT_PROXY},
	{"proxy-user", required_argument, NULL, OPT_PROXY_USER},
	{"proxy-password-file", required_argument, NULL, OPT_PROXY_PASSWORD_FILE},
	{"proxy-ca", required_argument, NULL, OPT_PROXY_CA},
	{"no-proxy", no_argument, NULL, OPT_NO_PROXY},
	{"target", required_argument, NULL, OPT_TARGET},
	{"speed", optional_argument, NULL, OPT_SPEED},
	{"timeout", required_argument, NULL, OPT_TIMEOUT},
	{"json", no_argument, NULL, OPT_JSON},
	{"html", required_argument, NULL, OPT_HTML},
	{"record", required_argument, NULL, OPT_RECORD},
	{"verbose", no_argument, NULL, 'v'},
	{"quiet", no_argument, NULL, 'q'},
	{"help", no_argument, NULL, 'h'},
	{0},
};

struct run {
	struct diagnose_opts o;
	struct target target;
	struct login login;
	struct proxy_choice proxy;
	char target_host[256]; /* of --target */
	const char *html;
	bool json, verbose, quiet, help;
};

static int bad(const char *what, const char *value, const char *want)
{
	return cmd_bad("diagnose", what, value, want);
}

static int take_pin(struct diagnose_opts *o, const char *pin)
{
	if (o->n_pins == DIAGNOSE_PINS_MAX || strncmp(pin, "sha256//", 8))
		return bad("--pin", pin, "sha256//BASE64, eight at most");
	o->pins[o->n_pins++] = pin;
	return 0;
}

static int take_seconds(const char *what, const char *text, unsigned *ret)
{
	unsigned long n;

	if (number_parse(text, 1, 300, &n) < 0)
		return bad(what, text, "1 to 300 seconds");
	*ret = (unsigned)n;
	return 0;
}

/* ADDRESS, ADDR:PORT, [ADDR6], [ADDR6]:PORT, NAME, NAME:PORT */
static int take_target(struct run *r, const char *text)
{
	static const char want[] = "ADDRESS, NAME, either with :PORT, or [IPV6]:PORT";
	bool bracket = *text == '[';
	const char *host = text + bracket, *end = strchr(host, bracket ? ']' : ':');
	unsigned long port = 0;
	char name[1024];
	struct addr a;

	if (bracket ? !end : addr_parse(text, &a) == 0 || !end)
		end = host + strlen(host);
	snprintf(name, sizeof(name), "%.*s", (int)(end - host), host);
	if (host_to_ascii(name, r->target_host, sizeof(r->target_host), NULL) < 0)
		return bad("--target", text, want);
	if (addr_parse(r->target_host, &a) < 0) {
		if (bracket)
			return bad("--target", text, want);
	} else if (bracket && (a.family != AF_INET6 || *end != ']')) {
		return bad("--target", text, want);
	}
	end += bracket;
	if (*end && (*end != ':' || number_parse(end + 1, 1, 65535, &port) < 0))
		return bad("--target", text, want);
	r->o.target = r->target_host;
	r->o.target_port = (uint16_t)port;
	return 0;
}

static int take_option(int c, struct run *r)
{
	unsigned n = 0;
	int e;

	switch (c) {
	case 'h': r->help = true; break;
	case 'v': r->verbose = true; break;
	case 'q': r->quiet = true; break;
	case 'u':
		if (strlen(optarg) > USER_NAME_MAX)
			return bad("--user", optarg, "at most 256 octets");
		strcpy(r->target.user, optarg);
		break;
	case OPT_PASSWORD_FILE: r->login.password_file = optarg; break;
	case OPT_AUTH:
		return login_allow(optarg, &r->login) < 0 ? bad("--auth", optarg, LOGIN_METHODS)
							  : 0;
	case OPT_CA: r->o.ca_file = optarg; break;
	case OPT_PIN: return take_pin(&r->o, optarg);
	case OPT_INSECURE: r->o.insecure = true; break;
	case OPT_SNI:
		if (sni_parse(optarg, &r->target) < 0)
			return bad("--sni", optarg, r->target.fault);
		r->o.sni = r->target.sni;
		break;
	case OPT_PROXY: r->proxy.url = optarg; break;
	case OPT_PROXY_USER: r->proxy.user = optarg; break;
	case OPT_PROXY_PASSWORD_FILE: r->proxy.password_file = optarg; break;
	case OPT_PROXY_CA: r->proxy.ca_file = optarg; break;
	case OPT_NO_PROXY: r->proxy.none = true; break;
	case OPT_TARGET: return take_target(r, optarg);
	case OPT_SPEED: return take_seconds("--speed", optarg ? optarg : "5", &r->o.speed_s);
	case OPT_TIMEOUT:
		e = take_seconds("--timeout", optarg, &n);
		r->o.timeout_ms = n * 1000;
		return e;
	case OPT_JSON: r->json = true; break;
	case OPT_HTML: r->html = optarg; break;
	case OPT_RECORD: r->o.record_file = optarg; break;
	default: return CMD_USAGE;
	}
	return 0;
}

/* On standard error while it runs, one line that is overwritten; only on a terminal. */
static void progress(UNUSED void *arg, enum probe_id id, const struct probe *done)
{
	if (!done)
		text_fprintf(stderr, "\r\033[K%s ...", probe_title(id));
	else
		fputs("\r\033[K", stderr);
}

static int write_html(const struct diagnosis *d, const char *file)
{
	FILE *f = fopen(file, "we");
	int r = f ? report_html(d, f) : -errno;

	if (f && fclose(f))
		r = -errno;
	if (r < 0)
		text_fprintf(stderr, "culvert diagnose: %s: %s\n", file, strerror(-r));
	return r;
}

static int diagnose(struct run *r)
{
	AUTO(diagnosis) struct diagnosis *d = NULL;
	struct diagnosis_verdict v;
	int e;

	if (!r->quiet && isatty(STDERR_FILENO))
		r->o.progress = progress;
	e = diagnose_run(&r->o, &d);
	if (e < 0) {
		text_fprintf(stderr, "culvert diagnose: %s%s%s\n",
			r->o.record_file ? r->o.record_file : "", r->o.record_file ? ": " : "",
			strerror(-e));
		return CMD_FAILED;
	}
	if (r->json)
		report_json(d, stdout);
	else
		report_text(d, stdout, isatty(STDOUT_FILENO) && !getenv("NO_COLOR"), r->verbose);
	if (r->html && write_html(d, r->html) < 0)
		return CMD_FAILED;
	diagnosis_verdict(d, &v);
	return v.exit_code;
}

static int prepare(struct run *r)
{
	const struct login_trust trust = {
		r->target.host, r->o.ca_file, r->o.pins, r->o.n_pins, r->o.insecure};
	int e = login_make(&r->login, &trust, r->target.user);

	r->o.host = r->target.host;
	r->o.port = r->target.port;
	if (e)
		return e; /* the reason is printed */
	memcpy(r->o.methods, r->login.methods, sizeof(r->o.methods));
	r->o.n_methods = r->login.n_methods;
	if (!*r->target.user)
		return proxy_choose(&r->proxy, r->o.host, &r->o.proxy);
	r->o.user = r->target.user;
	r->o.password = r->login.password;
	r->o.eap = r->login.peer;
	return proxy_choose(&r->proxy, r->o.host, &r->o.proxy);
}

int cmd_diagnose(int argc, char **argv)
{
	struct run r = {.o = {.timeout_ms = 10000}};
	int c, e = 0;

	while (!e && (c = getopt_long(argc, argv, "u:vqh", options, NULL)) != -1)
		if (!login_option(&r.login, c, optarg))
			e = take_option(c, &r);
	if (e)
		return e;
	if (r.help) {
		fputs(usage_text, stdout);
		return CMD_OK;
	}
	e = target_argument("diagnose", argc, argv, &r.target);
	if (e)
		return e;
	signal(SIGPIPE, SIG_IGN);
	log_init(LOG_LEVEL_ERROR);
	e = prepare(&r);
	if (!e)
		e = diagnose(&r);
	login_done(&r.login);
	explicit_bzero(&r, sizeof(r));
	return e;
}
