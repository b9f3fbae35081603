// SPDX-License-Identifier: Apache-2.0
/* culvert status — prints the state of the running server. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "admin/control.h"
#include "base/json.h"
#include "base/text.h"
#include "cli/cmd.h"

#define STATE_DEFAULT "/var/lib/culvert"

static const char usage_text[] =
	"usage: culvert status [--state DIR] [--json]\n"
	"\n"
	"Shows the state of the running server: sessions, traffic, drops, certificate pin.\n"
	"\n"
	"      --state DIR   the server's state folder (" STATE_DEFAULT ")\n"
	"      --json        as JSON (docs/control.md)\n"
	"  -h, --help\n"
	"\n"
	"Exit status: 0, or 1 when no server answers.\n";

static json_int_t total(const json_t *status, const char *key)
{
	const json_t *workers = json_object_get(status, "workers"), *w;
	json_int_t sum = 0;
	size_t i;

	json_array_foreach(workers, i, w) sum += json_integer_value(json_object_get(w, key));
	return sum;
}

static const char *text(const json_t *status, const char *key)
{
	const char *t = json_string_value(json_object_get(status, key));

	return t ? t : "";
}

static json_int_t number(const json_t *status, const char *key)
{
	return json_integer_value(json_object_get(status, key));
}

static void print_size(const char *label, json_int_t octets, json_int_t packets)
{
	static const char *const units[] = {"octets", "KiB", "MiB", "GiB", "TiB"};
	double v = (double)octets;
	int u = 0;

	for (; v >= 1024 && u < 4; u++)
		v /= 1024;
	text_fprintf(stdout, "  %-12s %.*f %s in %lld packets\n", label, u ? 1 : 0, v, units[u],
		(long long)packets);
}

static void print_drops(const json_t *s)
{
	static const struct {
		const char *key, *why;
	} drops[] = {{"drop_no_route", "no session has the address"},
		{"drop_malformed", "malformed"}, {"drop_source", "wrong source address"},
		{"drop_forbidden", "of a kind that clients may not send"},
		{"drop_queue", "queue full or too old"},
		{"drop_too_big", "larger than the client takes"},
		{"drop_tun", "not taken by the TUN device"},
		{"ring_dropped", "ring between workers full"}};

	for (size_t i = 0; i < sizeof(drops) / sizeof(*drops); i++)
		if (total(s, drops[i].key))
			text_fprintf(stdout, "  dropped      %lld: %s\n",
				(long long)total(s, drops[i].key), drops[i].why);
}

static void print_status(const json_t *s)
{
	size_t i;
	const json_t *w;

	text_fprintf(stdout, "culvert %s, up %lld s, listening on %s\n", text(s, "version"),
		(long long)number(s, "uptime_s"), text(s, "listen"));
	text_fprintf(stdout, "  sessions     %lld up, %lld connecting, limit %lld\n",
		(long long)number(s, "up"), (long long)number(s, "handshakes"),
		(long long)number(s, "max_sessions"));
	print_size("from clients", total(s, "rx_octets"), total(s, "rx_packets"));
	print_size("to clients", total(s, "tx_octets"), total(s, "tx_packets"));
	print_drops(s);
	text_fprintf(stdout, "  addresses    %s, server %s on %s (super-packets: %s)\n",
		text(s, "pool"), text(s, "address"), text(s, "tun"), text(s, "offload"));
	text_fprintf(stdout, "  certificate  --pin %s\n", text(s, "pin"));
	text_fprintf(stdout, "  workers      %zu, steering by %s:",
		json_array_size(json_object_get(s, "workers")), text(s, "steering"));
	json_array_foreach(json_object_get(s, "workers"), i, w)
		text_fprintf(stdout, " %lld", (long long)number(w, "connections"));
	puts(" connections");
}

int cmd_status(int argc, char **argv)
{
	static const struct option longs[] = {{"state", required_argument, NULL, 's'},
		{"json", no_argument, NULL, 'j'}, {"help", no_argument, NULL, 'h'}, {0}};
	const char *state = STATE_DEFAULT;
	char path[512], why[256] = "";
	json_t *result = NULL;
	int c, json = 0;

	while ((c = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
		if (c == 'h') {
			fputs(usage_text, stdout);
			return CMD_OK;
		}
		if (c == 's')
			state = optarg;
		else if (c == 'j')
			json = 1;
		else
			return CMD_USAGE;
	}
	snprintf(path, sizeof(path), "%s/%s", state, CONTROL_SOCKET);
	if (admin_call(path, json_pack("{s:i, s:s}", "v", CONTROL_VERSION, "cmd", "status"),
		    &result, why, sizeof(why)) < 0) {
		text_fprintf(stderr, "culvert: %s\n", why);
		return CMD_FAILED;
	}
	if (json)
		json_print(result, stdout, JSON_INDENT(2));
	else
		print_status(result);
	json_decref(result);
	return CMD_OK;
}
