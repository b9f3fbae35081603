// SPDX-License-Identifier: Apache-2.0
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "cli/ask.h"
#include "cli/cmd.h"
#include "config/config.h"
#include "config/manual.h"
#include "server/host/check.h"

static const char usage[] =
	"Usage: culvert config check [--config FILE]   check whether FILE is a good configuration\n"
	"       culvert config dump [--config FILE]    print every option with its value\n"
	"       culvert config diff [--state DIR]      what a reload of the running server would change\n"
	"       culvert config help                    print every option with its meaning\n"
	"       culvert config example                 print a file to start with\n"
	"       culvert config man                     print culvert.conf(5)\n"
	"\n"
	"  -c, --config FILE             the file; without it, the defaults\n"
	"      --state DIR               diff: the running server's state folder\n"
	"      --json                    diff: as JSON\n"
	"  -o, --option SECTION.NAME=VALUE   set an option as the command line would\n"
	"\n"
	"Exit codes: 0 good, 1 (diff) no server answers, 2 the configuration or the command line is wrong.\n";

static int load(const char *file, char **options, size_t n_options, struct config **ret)
{
	AUTO(config) struct config *cfg = NULL;
	struct config_error err;

	if (config_load(file, &cfg, &err) < 0)
		return cmd_fail(err.event, err.text);
	for (size_t i = 0; i < n_options; i++) {
		char *equals = strchr(options[i], '=');

		if (!equals) {
			text_fprintf(stderr,
				"culvert: --option: expected SECTION.NAME=VALUE, got \"%s\"\n",
				options[i]);
			return CMD_USAGE;
		}
		*equals = '\0';
		if (config_set(cfg, options[i], equals + 1, &err) < 0)
			return cmd_fail(err.event, err.text);
	}
	if (config_check(cfg, &err) < 0)
		return cmd_fail(err.event, err.text);
	*ret = TAKE(cfg);
	return CMD_OK;
}

struct found {
	unsigned doubts;
	int exit_code; /* of the first thing that is wrong */
};

static void on_found(void *arg, bool wrong, enum event ev, const char *text)
{
	struct found *f = arg;
	int code = cmd_fail(ev, text);

	if (wrong && !f->exit_code)
		f->exit_code = code;
	f->doubts += !wrong;
}

/* Everything that is wrong, not the first thing only. */
static int check(const struct config *cfg, const char *file)
{
	struct found f = {0};

	server_check(cfg, on_found, &f);
	if (f.exit_code)
		return f.exit_code;
	if (f.doubts)
		text_fprintf(stdout, "%s: can be served, with %u warning%s\n", file, f.doubts,
			f.doubts == 1 ? "" : "s");
	else
		text_fprintf(stdout, "%s: good\n", file);
	return CMD_OK;
}

static int check_or_dump(const char *action, const char *file, char **options, size_t n_options)
{
	AUTO(config) struct config *cfg = NULL;
	int r = load(file, options, n_options, &cfg);

	if (r)
		return r;
	if (!strcmp(action, "dump")) {
		config_dump(cfg, stdout);
		return CMD_OK;
	}
	return check(cfg, file ? file : "defaults");
}

/* What is made from the table of options alone. */
static const struct {
	const char *action;
	void (*print)(FILE *out);
} texts[] = {{"help", config_print_help}, {"example", config_print_example},
	{"man", config_print_manual}};

int cmd_config(int argc, char **argv)
{
	static const struct option longs[] = {{"config", required_argument, NULL, 'c'},
		{"option", required_argument, NULL, 'o'}, {"state", required_argument, NULL, 's'},
		{"json", no_argument, NULL, 'j'}, {"help", no_argument, NULL, 'h'}, {0}};
	struct ask a = {.usage = usage};
	const char *file = NULL, *action;
	char *options[CONFIG_OPTIONS];
	size_t n_options = 0;
	int c;

	while ((c = getopt_long(argc, argv, "c:o:h", longs, NULL)) != -1) {
		if (c == 'h') {
			fputs(usage, stdout);
			return CMD_OK;
		}
		if (c == '?')
			return CMD_USAGE;
		if (c == 's')
			a.state = optarg;
		else if (c == 'j')
			a.json = true;
		else if (c == 'c')
			a.config = file = optarg;
		else if (n_options < CONFIG_OPTIONS)
			options[n_options++] = optarg;
	}
	action = argc - optind == 1 ? argv[optind] : "";
	if (!strcmp(action, "check") || !strcmp(action, "dump"))
		return check_or_dump(action, file, options, n_options);
	if (!strcmp(action, "diff"))
		return ask_reload(&a, true);
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		if (!strcmp(action, texts[i].action)) {
			texts[i].print(stdout);
			return CMD_OK;
		}
	}
	return cmd_usage(usage);
}
