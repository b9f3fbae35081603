// SPDX-License-Identifier: Apache-2.0
/* culvert list — profiles with the state of their clients. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "admin/control.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/text.h"
#include "cli/ask.h"
#include "cli/cmd.h"
#include "cli/instance.h"
#include "cli/profile_store.h"

static const char usage[] =
	"Usage: culvert list [NAME] [--json]\n"
	"\n"
	"Lists the profiles with the state of their connections; with NAME all that is known of one.\n"
	"\n"
	"      --json   an array of objects: name, state (down, connecting, connected, waiting, ending); with a\n"
	"               client: pid, tun, server, port, endpoint, address, peer, address6, since, rx_octets,\n"
	"               tx_octets, waits_for; reason {event, name, what, text} of the last loss or end\n"
	"  -h, --help\n"
	"\n"
	"Exit status: 0; 1 a client does not answer; 2 wrong use, no such profile.\n";

/* ---- what is known ---------------------------------------------------------- */

static json_t *object_of(const char *name, const char *state)
{
	return json_pack("{s:s, s:s}", "name", name, "state", state);
}

/* No client: what the last one left. */
static json_t *down(const char *name, const struct instance_paths *paths)
{
	json_t *o = object_of(name, "down"), *last = instance_last(paths), *reason;

	reason = json_object_get(last, "reason");
	if (json_is_object(reason))
		json_object_set(o, "reason", reason);
	if (json_is_integer(json_object_get(last, "at")))
		json_object_set(o, "since", json_object_get(last, "at"));
	json_decref(last);
	return o;
}

static json_t *state_of(const char *name, int *ret_code)
{
	struct instance_paths paths;
	json_t *o = NULL;
	char why[400];
	pid_t pid;

	instance_paths(name, &paths);
	pid = instance_running(&paths);
	if (pid == 0)
		return down(name, &paths);
	if (pid > 0 && !admin_call(paths.socket, ask_request("status"), &o, why, sizeof(why)))
		return o;
	if (pid > 0) { /* before its loop begins: it asks for the password, perhaps */
		o = object_of(name, "connecting");
		json_object_set_new(o, "pid", json_integer(pid));
		return o;
	}
	text_fprintf(stderr, "culvert: %s: %s\n", paths.lock, strerror(-pid));
	*ret_code = CMD_FAILED;
	return object_of(name, "unknown");
}

static void add_server(json_t *o)
{
	struct profile_file f;
	const char *server;

	if (json_object_get(o, "server") || !profile_find(ask_text(o, "name"), NULL))
		return;
	if (!profile_load(ask_text(o, "name"), &f)) {
		server = profile_get(f.profile, PROFILE_SERVER);
		json_object_set_new(o, "server", json_text(server ? server : ""));
	}
	profile_done(&f);
}

/* ---- tables ---------------------------------------------------------- */

static const char *since(const json_t *o, char ret[static 24])
{
	json_int_t at = ask_number(o, "since");

	return at ? ask_span((json_int_t)clock_wall_s() - at, ret) : "-";
}

static const char *or_dash(const char *text)
{
	return *text ? text : "-";
}

static void print_row(const json_t *o)
{
	char span[24], in[24], out[24];

	text_fprintf(stdout, "%-16s %-11s %-15s %-30s %-12s %10s %10s  %s\n", ask_text(o, "name"),
		ask_text(o, "state"), or_dash(ask_text(o, "address")),
		or_dash(ask_text(o, "server")), since(o, span),
		ask_size(ask_number(o, "rx_octets"), in), ask_size(ask_number(o, "tx_octets"), out),
		or_dash(ask_text(json_object_get(o, "reason"), "name")));
}

static void print_table(const json_t *all)
{
	const json_t *o;
	size_t i;

	text_fprintf(stdout, "%-16s %-11s %-15s %-30s %-12s %10s %10s  %s\n", "NAME", "STATE",
		"ADDRESS", "SERVER", "FOR", "RECEIVED", "SENT", "LAST REASON");
	json_array_foreach(all, i, o) print_row(o);
}

static void print_line(const char *title, const char *text)
{
	if (*text)
		text_fprintf(stdout, "%-10s %s\n", title, text);
}

static void print_one(const json_t *o)
{
	const json_t *reason = json_object_get(o, "reason");
	char at[24], in[24], out[24];

	print_line("name", ask_text(o, "name"));
	print_line("state", ask_text(o, "state"));
	print_line("since", ask_time(ask_number(o, "since"), at));
	print_line("server", ask_text(o, "server"));
	print_line("at", ask_text(o, "endpoint"));
	print_line("interface", ask_text(o, "tun"));
	print_line("address", ask_text(o, "address"));
	print_line("", ask_text(o, "address6"));
	print_line("peer", ask_text(o, "peer"));
	if (json_object_get(o, "rx_octets")) {
		print_line("received", ask_size(ask_number(o, "rx_octets"), in));
		print_line("sent", ask_size(ask_number(o, "tx_octets"), out));
	}
	print_line("waits for", ask_text(o, "waits_for"));
	if (!reason)
		return;
	text_fprintf(stdout, "%-10s %s (event %lld)\n", "last loss", ask_text(reason, "what"),
		(long long)ask_number(reason, "event"));
	print_line("", ask_text(reason, "text"));
}

/* ---- the command line ---------------------------------------------------------- */

static json_t *collect(const char *only, int *ret_code)
{
	json_t *all = json_array(), *o;
	struct profile_names names;

	profile_names(&names);
	for (size_t i = 0; i < names.n; i++) {
		if (only && strcmp(only, names.name[i]))
			continue;
		o = state_of(names.name[i], ret_code);
		add_server(o);
		json_array_append_new(all, o);
	}
	return all;
}

static int print(const char *only, bool json)
{
	int code = CMD_OK;
	json_t *all;

	if (only && !profile_find(only, NULL)) {
		struct profile_file f;

		return profile_load(only, &f); /* it says what is wrong */
	}
	all = collect(only, &code);
	if (json)
		ask_print_json(all);
	else if (only)
		print_one(json_array_get(all, 0));
	else
		print_table(all);
	json_decref(all);
	return code;
}

int cmd_list(int argc, char **argv)
{
	static const struct option longs[] = {
		{"json", no_argument, NULL, 'j'}, {"help", no_argument, NULL, 'h'}, {0}};
	bool json = false;
	int c;

	while ((c = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
		if (c == 'h') {
			fputs(usage, stdout);
			return CMD_OK;
		}
		if (c == '?')
			return CMD_USAGE;
		json = true;
	}
	if (argc - optind > 1)
		return cmd_usage(usage);
	return print(argv[optind], json);
}
