// SPDX-License-Identifier: Apache-2.0
/* cli/main.c — `culvert COMMAND`: finds the command and hands over. */
#include <stdio.h>
#include <string.h>

#include "base/auto.h"
#include "base/text.h"
#include "cli/cmd.h"
#include "config/suggest.h"

static const struct command {
	const char *name;
	int (*main)(int argc, char **argv);
	const char *help;
} commands[] = {
	{"serve", cmd_serve, "run the server"},
	{"connect", cmd_connect, "connect to an SSTP server"},
	{"networkmanager", cmd_networkmanager, "the VPN service that NetworkManager starts"},
	{"run", cmd_run, "run a command, or proxies, in a tunnel of their own, without root"},
	{"profile", cmd_profile, "keep connections under a name"},
	{"up", cmd_up, "bring a profile up"},
	{"down", cmd_down, "end a profile's connection"},
	{"list", cmd_list, "list profiles with the state of their connections"},
	{"unlock", cmd_unlock, "take the client's kill switch away"},
	{"diagnose", cmd_diagnose, "find the layer that is broken on the way to a server"},
	{"explain", cmd_explain, "explain an event, a Windows error or an HRESULT"},
	{"status", cmd_status, "show the state of the running server"},
	{"sessions", cmd_sessions, "list the sessions of the server"},
	{"kick", cmd_kick, "end sessions"},
	{"attempts", cmd_attempts, "list attempts to connect, with their outcome"},
	{"events", cmd_events, "print events of the server as they happen"},
	{"reload", cmd_reload, "read configuration and certificates again"},
	{"drain", cmd_drain, "empty the server"},
	{"ca", cmd_ca, "issue, accept and revoke certificates of users"},
	{"cert", cmd_cert, "show and renew the server's certificates"},
	{"config", cmd_config, "check or print a configuration"},
	{"user", cmd_user, "add, list, change and remove users"},
	{"group", cmd_group, "add, list, change and remove groups of users"},
	{"radius", cmd_radius, "show RADIUS servers, try a login through them"},
	{"ban", cmd_ban, "keep sources out, list those that are"},
	{"pool", cmd_pool, "list pools and their leases, free idle ones"},
	{"backup", cmd_backup, "save a whole server, encrypted with a passphrase"},
	{"restore", cmd_restore, "restore a backup, on this machine or a new one"},
	{"check", cmd_check, "check the database for damage"},
	{"bench", cmd_bench, "put a server under load: many tunnels at once"},
};

static void print_usage(FILE *out)
{
	fputs("Usage: culvert COMMAND [OPTION]...\n\nAn SSTP VPN: server, client and diagnosis.\n\n",
		out);
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		text_fprintf(out, "  %-10s %s\n", commands[i].name, commands[i].help);
	fputs("\n`culvert COMMAND --help` explains a command; culvert(1) is the manual.\n", out);
}

static int unknown_command(const char *name)
{
	const char *known[ARRAY_SIZE(commands) + 1] = {0}, *near;

	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		known[i] = commands[i].name;
	near = suggest(name, known);
	text_fprintf(stderr, "culvert: there is no command \"%s\"", name);
	if (near)
		text_fprintf(stderr, "; did you mean \"%s\"?\n", near);
	else
		fputs("; `culvert --help` lists them\n", stderr);
	return CMD_USAGE;
}

int main(int argc, char **argv)
{
	const char *word = argc > 0 ? networkmanager_word(argv[0]) : NULL;

	if (word) {
		argv[0] = (char *)word;
		return cmd_networkmanager(argc, argv);
	}
	if (argc < 2) {
		print_usage(stderr);
		return CMD_USAGE;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help")) {
		print_usage(stdout);
		return CMD_OK;
	}
	if (!strcmp(argv[1], "--version")) {
		puts("culvert " CULVERT_VERSION);
		return CMD_OK;
	}
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (!strcmp(argv[1], commands[i].name))
			return commands[i].main(argc - 1, argv + 1);
	return unknown_command(argv[1]);
}
