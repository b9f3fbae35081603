// SPDX-License-Identifier: Apache-2.0
/* culvert serve — the server in the foreground. Options of the command line override the file. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/auto.h"
#include "base/text.h"
#include "cli/cmd.h"
#include "config/config.h"
#include "server/run.h"

#define CONFIG_FILE_DEFAULT "/etc/culvert/culvert.conf"

static const char usage_text[] =
	"usage: culvert serve [options]\n"
	"\n"
	"Runs the SSTP server in the foreground. It works without options and without a file: it creates\n"
	"its certificate and its database of users, and chooses addresses, all in the state folder.\n"
	"\n"
	"  -c, --config FILE       configuration (" CONFIG_FILE_DEFAULT
	" if it exists); see culvert.conf(5)\n"
	"      --state DIR         state folder (/var/lib/culvert)\n"
	"      --listen ADDR:PORT  where to listen ([::]:443); repeat\n"
	"      --name HOST         a name or address by which clients know this server; repeat\n"
	"      --tun NAME          name of the TUN device (culvert0)\n"
	"      --no-nat            do not change forwarding and NAT\n"
	"      --workers N         threads that move packets (one per CPU)\n"
	"  -o, --option SECTION.NAME=VALUE   any option of culvert.conf(5)\n"
	"  -h, --help\n"
	"\n"
	"Prints `culvert: ready on ADDR:PORT` when it accepts. SIGTERM ends it and its sessions.\n"
	"Exit status: 0 ended by a signal, 1 this machine, 2 configuration, 13 and 14 TLS and certificate,\n"
	"21 interface and routes.\n";

static const struct option longs[] = {{"config", required_argument, NULL, 'c'},
	{"option", required_argument, NULL, 'o'}, {"state", required_argument, NULL, 's'},
	{"listen", required_argument, NULL, 'l'}, {"name", required_argument, NULL, 'n'},
	{"tun", required_argument, NULL, 't'}, {"no-nat", no_argument, NULL, 'N'},
	{"workers", required_argument, NULL, 'w'}, {"help", no_argument, NULL, 'h'}, {0}};

/* Which option of the configuration a switch sets. */
static const struct {
	int c;
	const char *option, *value; /* NULL: the argument */
} switches[] = {{'s', "server.state", NULL}, {'l', "server.listen", NULL},
	{'n', "server.name", NULL}, {'t', "tunnel.tun", NULL}, {'N', "tunnel.nat", "no"},
	{'w', "server.workers", NULL}};

static int report(const struct config_error *err)
{
	text_fprintf(stderr, "culvert: %s\n", err->text);
	return cmd_cure(err->event);
}

static int apply(struct config *cfg, int c, char *arg, struct config_error *err)
{
	char name[4096], *equals;

	for (size_t i = 0; i < ARRAY_SIZE(switches); i++)
		if (switches[i].c == c)
			return config_set(cfg, switches[i].option,
				switches[i].value ? switches[i].value : arg, err);
	snprintf(name, sizeof(name), "%s", arg); /* not cut in place: a reload comes here again */
	equals = strchr(name, '=');
	if (!equals) {
		*err = (struct config_error){.event = EV_CONFIG_SYNTAX};
		text_format(err->text, sizeof(err->text),
			"--option: expected SECTION.NAME=VALUE, got \"%s\"", arg);
		return -EINVAL;
	}
	*equals = '\0';
	return config_set(cfg, name, equals + 1, err);
}

struct command_line {
	int argc;
	char **argv;
	const char *file; /* NULL: none */
};

/* The file must be read before the switches can override it, so the line is gone through twice. */
static int read_config(void *arg, struct config **ret, struct config_error *err)
{
	const struct command_line *line = arg;
	AUTO(config) struct config *cfg = NULL;
	int c, r = config_load(line->file, &cfg, err);

	optind = 1;
	while (!r && (c = getopt_long(line->argc, line->argv, "c:o:h", longs, NULL)) != -1)
		if (c != 'c')
			r = apply(cfg, c, optarg, err);
	if (!r)
		r = config_check(cfg, err);
	if (!r)
		*ret = TAKE(cfg);
	return r;
}

/* -1: help was asked for. */
static int read_line(struct command_line *line)
{
	struct stat st;
	int c;

	while ((c = getopt_long(line->argc, line->argv, "c:o:h", longs, NULL)) != -1) {
		if (c == 'h') {
			fputs(usage_text, stdout);
			return -1;
		}
		if (c == '?')
			return CMD_USAGE;
		if (c == 'c')
			line->file = optarg;
	}
	if (optind != line->argc) {
		text_fprintf(stderr,
			"culvert serve: \"%s\" is not an option (see culvert serve --help)\n",
			line->argv[optind]);
		return CMD_USAGE;
	}
	if (!line->file && !stat(CONFIG_FILE_DEFAULT, &st))
		line->file = CONFIG_FILE_DEFAULT;
	return CMD_OK;
}

int cmd_serve(int argc, char **argv)
{
	struct command_line line = {argc, argv, NULL};
	AUTO(config) struct config *cfg = NULL;
	struct config_error err;
	int r = read_line(&line);

	if (r)
		return r < 0 ? CMD_OK : r;
	if (read_config(&line, &cfg, &err) < 0)
		return report(&err);
	return server_run(cfg, read_config, &line);
}
