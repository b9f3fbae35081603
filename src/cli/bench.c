// SPDX-License-Identifier: Apache-2.0
/* culvert bench — many tunnels to one server from one process; see bench/bench.h for what it does. */
#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/json.h"
#include "base/text.h"
#include "bench/bench.h"
#include "bench/probe.h"
#include "cli/cmd.h"
#include "cli/password.h"
#include "cli/target.h"

#define USERS_MAX 200000

static const char usage_text[] =
	"usage: culvert bench [USER@]HOST[:PORT] [options]\n"
	"\n"
	"Opens many real tunnels to HOST (port 443) from one process, without root and without an interface.\n"
	"It measures logins, holds the tunnels, sends load through them, closes them, and prints the result.\n"
	"Use it against your own servers. A server limits the connections from one address\n"
	"(server.source_rate, server.source_half_open): raise the limits for the test, or use --source.\n"
	"\n"
	"Users\n"
	"  -u, --user NAME            one user for all tunnels (also USER@HOST)\n"
	"      --password-file FILE   first line is the password; - is standard input (asked for on a terminal otherwise)\n"
	"      --users FILE           instead: one user a line, NAME PASSWORD separated by a tab or blank, used in turn\n"
	"      --source ADDR|CIDR     connect from this address, or these; repeat (one address has some 28,000 ports)\n"
	"\n"
	"How to check the server (one of these; default: the system's certificate store)\n"
	"      --ca FILE, --pin sha256//BASE64, --insecure, --sni NAME    as for culvert connect\n"
	"\n"
	"How many, how fast, how long\n"
	"  -n, --tunnels N            tunnels (100)\n"
	"      --parallel N           logins in progress at one time (64)\n"
	"      --rate N               start at most N logins a second\n"
	"      --timeout SECONDS      time for one login (30)\n"
	"  -t, --time SECONDS         hold all tunnels for this time once they are up (10)\n"
	"      --churn                during that time, close each tunnel that is up and log in again\n"
	"\n"
	"Load while the tunnels are held\n"
	"      --load echo|udp|none   echo requests (ping), UDP datagrams, nothing (echo)\n"
	"      --pps N                packets a second through each tunnel; may be a fraction (1)\n"
	"      --size N               octets of each IP packet (84, as ping's)\n"
	"      --target ADDR[:PORT]   where they go (the server's address inside; UDP: port 7)\n"
	"      --hello SECONDS        silence after which a tunnel sends an Echo Request (60)\n"
	"      --congestion NAME      TCP congestion control (auto: reno, and bbr on lossy paths)\n"
	"\n"
	"      --json                 the result as JSON\n"
	"  -h, --help\n"
	"\n"
	"Exit status: 0 every login succeeded and no tunnel was lost; otherwise the status of the most frequent\n"
	"failure's layer, as for culvert connect.\n";

enum {
	OPT_PASSWORD_FILE = 256,
	OPT_USERS,
	OPT_SOURCE,
	OPT_CA,
	OPT_PIN,
	OPT_INSECURE,
	OPT_SNI,
	OPT_PARALLEL,
	OPT_RATE,
	OPT_TIMEOUT,
	OPT_CHURN,
	OPT_LOAD,
	OPT_PPS,
	OPT_SIZE,
	OPT_TARGET,
	OPT_HELLO,
	OPT_CONGESTION,
	OPT_JSON
};

static const struct option longs[] = {
	{"user", required_argument, NULL, 'u'},
	{"password-file", required_argument, NULL, OPT_PASSWORD_FILE},
	{"users", required_argument, NULL, OPT_USERS},
	{"source", required_argument, NULL, OPT_SOURCE},
	{"ca", required_argument, NULL, OPT_CA},
	{"pin", required_argument, NULL, OPT_PIN},
	{"insecure", no_argument, NULL, OPT_INSECURE},
	{"sni", required_argument, NULL, OPT_SNI},
	{"tunnels", required_argument, NULL, 'n'},
	{"parallel", required_argument, NULL, OPT_PARALLEL},
	{"rate", required_argument, NULL, OPT_RATE},
	{"timeout", required_argument, NULL, OPT_TIMEOUT},
	{"time", required_argument, NULL, 't'},
	{"churn", no_argument, NULL, OPT_CHURN},
	{"load", required_argument, NULL, OPT_LOAD},
	{"pps", required_argument, NULL, OPT_PPS},
	{"size", required_argument, NULL, OPT_SIZE},
	{"target", required_argument, NULL, OPT_TARGET},
	{"hello", required_argument, NULL, OPT_HELLO},
	{"congestion", required_argument, NULL, OPT_CONGESTION},
	{"json", no_argument, NULL, OPT_JSON},
	{"help", no_argument, NULL, 'h'},
	{0},
};

/* Whole numbers that are fields of struct bench_opts. */
static const struct number {
	int option;
	const char *name;
	unsigned long least, most;
	size_t field;
	const char *want;
} numbers[] = {
	{'n', "--tunnels", 1, BENCH_TUNNELS_MAX, offsetof(struct bench_opts, tunnels),
		"1 to 200000"},
	{OPT_PARALLEL, "--parallel", 1, 10000, offsetof(struct bench_opts, parallel), "1 to 10000"},
	{OPT_RATE, "--rate", 1, 1000000, offsetof(struct bench_opts, rate), "1 to 1000000"},
	{OPT_TIMEOUT, "--timeout", 1, 600, offsetof(struct bench_opts, timeout_s),
		"1 to 600 seconds"},
	{'t', "--time", 0, 86400, offsetof(struct bench_opts, hold_s), "0 to 86400 seconds"},
	{OPT_SIZE, "--size", PROBE_LEN_MIN, PROBE_LEN_MAX, offsetof(struct bench_opts, size),
		"52 to 4087 octets"},
	{OPT_HELLO, "--hello", 1, 3600, offsetof(struct bench_opts, hello_s), "1 to 3600 seconds"},
};

struct args {
	struct bench_opts opts;
	struct target server;
	const char *password_file, *users_file;
	bool json;
	struct bench_user *users; /* owned; wiped at the end */
};

static int bad(const char *what, const char *value, const char *want)
{
	return cmd_bad("bench", what, value, want);
}

/* ---- the command line ---------- */

/* An address, or all host addresses of a network (those of all zeros and all ones left out). */
static int add_sources(struct bench_opts *o, const char *text)
{
	struct prefix p;
	uint32_t first, count, skip;

	if (prefix_parse(text, &p) < 0 || (o->n_sources && o->sources[0].family != p.addr.family))
		return -EINVAL;
	if (p.addr.family == AF_INET6 || p.len == 32) {
		if (o->n_sources == BENCH_SOURCES_MAX || (p.addr.family == AF_INET6 && p.len < 128))
			return -EINVAL;
		o->sources[o->n_sources++] = p.addr;
		return 0;
	}
	skip = p.len < 31;
	first = addr_v4_value(&p.addr) + skip;
	count = p.len ? (1u << (32 - p.len)) - 2 * skip : UINT32_MAX;
	for (uint32_t i = 0; i < count && o->n_sources < BENCH_SOURCES_MAX; i++)
		o->sources[o->n_sources++] = addr_v4(first + i);
	return 0;
}

static int take_load(struct bench_opts *o, const char *word)
{
	static const struct {
		const char *name;
		enum bench_load load;
	} loads[] = {{"echo", BENCH_LOAD_ECHO}, {"udp", BENCH_LOAD_UDP}, {"none", BENCH_LOAD_NONE}};

	for (size_t i = 0; i < ARRAY_SIZE(loads); i++) {
		if (strcmp(loads[i].name, word))
			continue;
		o->load = loads[i].load;
		return 0;
	}
	return -EINVAL;
}

static int take_pps(struct bench_opts *o, const char *text)
{
	char *end;

	o->per_second = strtod(text, &end);
	return end == text || *end || !(o->per_second > 0 && o->per_second <= 1e7) ? -EINVAL : 0;
}

/* 1: not a number's option. */
static int take_number(int c, struct bench_opts *o)
{
	unsigned long n;

	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		const struct number *d = &numbers[i];

		if (d->option != c)
			continue;
		if (number_parse(optarg, d->least, d->most, &n) < 0)
			return bad(d->name, optarg, d->want);
		*(unsigned *)((char *)o + d->field) = (unsigned)n;
		return 0;
	}
	return 1;
}

static int take_option(int c, struct args *a)
{
	struct bench_opts *o = &a->opts;
	int r = take_number(c, o);

	if (r != 1)
		return r;
	switch (c) {
	case 'u':
		if (strlen(optarg) > USER_NAME_MAX)
			return bad("--user", optarg, "at most 256 octets");
		strcpy(a->server.user, optarg);
		break;
	case OPT_PASSWORD_FILE: a->password_file = optarg; break;
	case OPT_USERS: a->users_file = optarg; break;
	case OPT_SOURCE:
		if (add_sources(o, optarg) < 0)
			return bad("--source", optarg, "an address, or a network of IPv4");
		break;
	case OPT_CA: o->ca_file = optarg; break;
	case OPT_PIN:
		if (o->n_pins == BENCH_PINS_MAX || strncmp(optarg, "sha256//", 8))
			return bad("--pin", optarg, "sha256//BASE64, eight at most");
		o->pins[o->n_pins++] = optarg;
		break;
	case OPT_INSECURE: o->insecure = true; break;
	case OPT_SNI:
		if (sni_parse(optarg, &a->server) < 0)
			return bad("--sni", optarg, a->server.fault);
		o->sni = a->server.sni;
		break;
	case OPT_CHURN: o->churn = true; break;
	case OPT_LOAD:
		return take_load(o, optarg) < 0 ? bad("--load", optarg, "echo, udp or none") : 0;
	case OPT_PPS: return take_pps(o, optarg) < 0 ? bad("--pps", optarg, "a number above 0") : 0;
	case OPT_TARGET:
		if (endpoint_parse(optarg, 7, &o->target) < 0 || o->target.addr.family != AF_INET)
			return bad("--target", optarg, "ADDR or ADDR:PORT of IPv4");
		break;
	case OPT_CONGESTION: o->congestion = optarg; break;
	case OPT_JSON: a->json = true; break;
	default: return CMD_USAGE; /* getopt has printed it */
	}
	return 0;
}

/* ---- users ---------- */

static int one_user(struct args *a)
{
	if (!*a->server.user) {
		fputs("culvert bench: no user: write USER@HOST, --user NAME or --users FILE\n",
			stderr);
		return CMD_USAGE;
	}
	a->users = calloc(1, sizeof(*a->users));
	if (!a->users)
		return cmd_fail(EV_OUT_OF_MEMORY, "");
	a->opts.n_users = 1;
	strcpy(a->users[0].name, a->server.user);
	return password_read(a->password_file, "Password: ", a->users[0].password,
		       sizeof(a->users[0].password)) < 0
		       ? CMD_USAGE
		       : CMD_OK; /* the reason is printed */
}

/* NAME, a tab or (without one) a blank, PASSWORD. NULL, or why it is not that. */
static const char *parse_user(char *line, size_t n, struct bench_user *ret)
{
	const char *fault = text_fault(line, strcspn(line, "\t") == n ? n : strcspn(line, "\t"));
	char *gap = strchr(line, '\t');

	if (!fault && gap)
		fault = text_fault(gap + 1, n - (size_t)(gap + 1 - line));
	if (fault)
		return fault;
	if (!gap)
		gap = strchr(line, ' ');
	if (!gap || gap == line || !gap[1])
		return "expected NAME PASSWORD";
	if (gap - line > USER_NAME_MAX)
		return "expected at most 256 octets in a name";
	if (strlen(gap + 1) > PASSWORD_MAX)
		return "expected at most 255 octets in a password";
	*gap = '\0';
	strcpy(ret->name, line);
	strcpy(ret->password, gap + 1);
	return NULL;
}

/* One more place in a->users; NULL when there is no memory or no room. */
static struct bench_user *add_user(struct args *a, size_t *cap)
{
	size_t n = a->opts.n_users;

	if (n == *cap && *cap < USERS_MAX) {
		size_t more = *cap ? 2 * *cap : 64;
		struct bench_user *grown = reallocarray(a->users, more, sizeof(*grown));

		if (!grown)
			return NULL;
		a->users = grown;
		*cap = more;
	}
	return n < *cap ? &a->users[n] : NULL;
}

static int read_users(struct args *a, FILE *f)
{
	AUTO_MEM char *line = NULL;
	size_t size = 0, cap = 0;
	unsigned number = 0;
	ssize_t n;

	a->opts.n_users = 0;
	while ((n = getline(&line, &size, f)) > 0) {
		struct bench_user *u;
		const char *fault;

		number++;
		while (n && (line[n - 1] == '\n' || line[n - 1] == '\r'))
			line[--n] = '\0';
		if (!n)
			continue;
		u = add_user(a, &cap);
		fault = u ? parse_user(line, (size_t)n, u) : "too many users";
		if (fault) {
			text_fprintf(
				stderr, "culvert bench: %s:%u: %s\n", a->users_file, number, fault);
			explicit_bzero(line, size);
			return CMD_USAGE;
		}
		a->opts.n_users++;
	}
	if (line)
		explicit_bzero(line, size);
	return a->opts.n_users ? CMD_OK : bad("--users", a->users_file, "at least one user in it");
}

static int users_from_file(struct args *a)
{
	FILE *f = fopen(a->users_file, "re");
	int r;

	if (!f) {
		text_fprintf(stderr, "culvert bench: %s: %s\n", a->users_file, strerror(errno));
		return CMD_FAILED;
	}
	r = read_users(a, f);
	fclose(f);
	return r;
}

/* ---- output ---------- */

static double seconds(uint64_t us)
{
	return (double)us / 1e6;
}

static double rate(uint64_t n, uint64_t us)
{
	return us ? (double)n / seconds(us) : 0;
}

/* Standard error: a line that renews itself on a terminal, else one line per phase. */
static void on_progress(UNUSED void *arg, const struct bench_result *r)
{
	static enum bench_phase reported = BENCH_DONE;
	bool terminal = isatty(STDERR_FILENO);

	if (terminal && r->phase == BENCH_DONE)
		fputs("\r\033[K", stderr);
	if (r->phase == BENCH_DONE || (!terminal && reported == r->phase))
		return;
	reported = r->phase;
	if (terminal)
		fputs("\r\033[K", stderr);
	if (r->phase == BENCH_LOGIN)
		text_fprintf(stderr, "culvert bench: logging in, %u of %u up", r->up, r->wanted);
	else if (r->phase == BENCH_HOLD)
		text_fprintf(stderr, "culvert bench: holding %u tunnels", r->up);
	else
		text_fprintf(stderr, "culvert bench: closing %u tunnels", r->up);
	fputs(terminal ? "" : "\n", stderr);
	fflush(stderr);
}

static void print_times(const char *what, const struct tally *t)
{
	if (t->n)
		text_fprintf(stdout, "  %-10s p50 %.2f  p90 %.2f  p99 %.2f  max %.2f ms\n", what,
			tally_ms(t, .5), tally_ms(t, .9), tally_ms(t, .99),
			(double)t->max_us / 1000);
}

static void print_load(const struct args *a, const struct bench_result *r)
{
	text_fprintf(stdout, "load        %llu %s packets sent, %.0f/s; %llu answered (%.2f %%)",
		(unsigned long long)r->sent, a->opts.load == BENCH_LOAD_UDP ? "UDP" : "echo",
		rate(r->sent, r->hold_us), (unsigned long long)r->answered,
		r->sent ? 100.0 * (double)r->answered / (double)r->sent : 0);
	if (r->late)
		text_fprintf(stdout, "; %llu not sent, this machine was too slow",
			(unsigned long long)r->late);
	putchar('\n');
	print_times("answer", &r->answer);
}

static void print_text(const struct args *a, const struct bench_result *r)
{
	text_fprintf(stdout, "logins      %u of %u in %.2f s: %.0f/s, %u at a time%s%s\n",
		r->logins, r->logins + r->failed, seconds(r->login_us),
		rate(r->logins, r->login_us), a->opts.parallel,
		r->interrupted ? "; interrupted" : "",
		r->gave_up ? "; given up, for none succeeded" : "");
	print_times("each", &r->login);
	print_times("to TLS", &r->steps[0]);
	print_times("to HTTPS", &r->steps[1]);
	print_times("to SSTP", &r->steps[2]);
	print_times("to auth", &r->steps[3]);
	if (r->logins)
		text_fprintf(stdout, "  this end   %.2f ms of CPU a login\n",
			(double)r->login_cpu_us / 1000 / r->logins);
	if (r->hold_us)
		text_fprintf(stdout,
			"held        %u for %.1f s, %u lost; %.2f s of CPU at this end\n",
			r->up_most, seconds(r->hold_us), r->lost, seconds(r->hold_cpu_us));
	if (r->sent)
		print_load(a, r);
	for (unsigned i = 0; i < r->n_failures; i++) {
		const struct event_info *e = event_info(r->failures[i].event);

		text_fprintf(stdout, "failed      %u: %d %s, %s: %s%s%s\n", r->failures[i].count,
			e->number, e->name, layer_name(e->layer), e->what,
			*r->failures[i].text ? " " : "", r->failures[i].text);
	}
}

static json_t *times_json(const struct tally *t)
{
	return json_pack("{s:I, s:f, s:f, s:f, s:f, s:f, s:f}", "n", (json_int_t)t->n, "min_ms",
		(double)t->min_us / 1000, "p50_ms", tally_ms(t, .5), "p90_ms", tally_ms(t, .9),
		"p99_ms", tally_ms(t, .99), "max_ms", (double)t->max_us / 1000, "mean_ms",
		t->n ? (double)t->sum_us / 1000 / (double)t->n : 0);
}

static json_t *failures_json(const struct bench_result *r)
{
	json_t *all = json_array();

	for (unsigned i = 0; i < r->n_failures; i++)
		json_array_append_new(
			all, json_pack("{s:i, s:s, s:s, s:I, s:s%}", "event", r->failures[i].event,
				     "name", event_info(r->failures[i].event)->name, "layer",
				     layer_name(event_info(r->failures[i].event)->layer), "count",
				     (json_int_t)r->failures[i].count, "text", r->failures[i].text,
				     strlen(r->failures[i].text)));
	return all;
}

static void print_json(const struct bench_result *r)
{
	json_t *o = json_pack(
		"{s:{s:I, s:I, s:f, s:f, s:f, s:o, s:o, s:o, s:o, s:o},"
		" s:{s:I, s:I, s:f, s:f}, s:{s:I, s:I, s:I, s:I, s:f, s:o}, s:o, s:b, s:b}",
		"logins", "ok", (json_int_t)r->logins, "failed", (json_int_t)r->failed, "seconds",
		seconds(r->login_us), "per_second", rate(r->logins, r->login_us), "own_cpu_seconds",
		seconds(r->login_cpu_us), "each", times_json(&r->login), "to_tls",
		times_json(&r->steps[0]), "to_https", times_json(&r->steps[1]), "to_sstp",
		times_json(&r->steps[2]), "to_auth", times_json(&r->steps[3]), "held", "tunnels",
		(json_int_t)r->up_most, "lost", (json_int_t)r->lost, "seconds", seconds(r->hold_us),
		"own_cpu_seconds", seconds(r->hold_cpu_us), "load", "sent", (json_int_t)r->sent,
		"answered", (json_int_t)r->answered, "others", (json_int_t)r->others, "not_sent",
		(json_int_t)r->late, "per_second", rate(r->sent, r->hold_us), "answer",
		times_json(&r->answer), "failures", failures_json(r), "interrupted", r->interrupted,
		"gave_up", r->gave_up);

	json_print(o, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
	json_decref(o);
}

static int exit_code(const struct bench_result *r)
{
	const struct bench_failure *worst = NULL;

	for (unsigned i = 0; i < r->n_failures; i++)
		if (!worst || r->failures[i].count > worst->count)
			worst = &r->failures[i];
	return worst ? layer_exit_code(event_info(worst->event)->layer) : CMD_OK;
}

static int run(struct args *a)
{
	struct bench_result *r = calloc(1, sizeof(*r));
	char detail[512];
	enum event ev;
	int code;

	if (!r)
		return cmd_fail(EV_OUT_OF_MEMORY, "");
	a->opts.users = a->users;
	a->opts.host = a->server.host;
	a->opts.port = a->server.port;
	a->opts.progress = on_progress;
	log_init(LOG_LEVEL_ERROR);
	ev = bench_run(&a->opts, r, detail, sizeof(detail));
	if (ev)
		code = cmd_fail(ev, detail);
	else
		code = exit_code(r);
	if (!ev && a->json)
		print_json(r);
	else if (!ev)
		print_text(a, r);
	free(r);
	return code;
}

int cmd_bench(int argc, char **argv)
{
	struct args a = {.opts = {.tunnels = 100,
				 .parallel = 64,
				 .timeout_s = 30,
				 .hold_s = 10,
				 .load = BENCH_LOAD_ECHO,
				 .per_second = 1,
				 .size = 84,
				 .target = {.port = 7}}};
	int c, r = CMD_OK;

	while (!r && (c = getopt_long(argc, argv, "u:n:t:h", longs, NULL)) != -1) {
		if (c == 'h') {
			fputs(usage_text, stdout);
			return CMD_OK;
		}
		r = take_option(c, &a);
	}
	if (!r)
		r = target_argument("bench", argc, argv, &a.server);
	if (!r)
		r = a.users_file ? users_from_file(&a) : one_user(&a);
	if (!r)
		r = run(&a);
	if (a.users)
		explicit_bzero(a.users, a.opts.n_users * sizeof(*a.users));
	free(a.users);
	return r;
}
