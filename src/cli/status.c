// SPDX-License-Identifier: Apache-2.0
/* culvert status — prints the state of the running server. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "base/auto.h"
#include "base/text.h"
#include "cli/ask.h"
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

	json_array_foreach(workers, i, w) sum += ask_number(w, key);
	return sum;
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

static void print_status(const json_t *s, const void *arg UNUSED)
{
	size_t i;
	const json_t *w;

	text_fprintf(stdout, "culvert %s, up %lld s, listening on %s\n", ask_text(s, "version"),
		(long long)ask_number(s, "uptime_s"), ask_text(s, "listen"));
	text_fprintf(stdout, "  sessions     %lld up, %lld connecting, limit %lld\n",
		(long long)ask_number(s, "up"), (long long)ask_number(s, "handshakes"),
		(long long)ask_number(s, "max_sessions"));
	print_size("from clients", total(s, "rx_octets"), total(s, "rx_packets"));
	print_size("to clients", total(s, "tx_octets"), total(s, "tx_packets"));
	print_drops(s);
	text_fprintf(stdout, "  addresses    %s, server %s on %s (super-packets: %s)\n",
		ask_text(s, "pool"), ask_text(s, "address"), ask_text(s, "tun"),
		ask_text(s, "offload"));
	text_fprintf(stdout, "  certificate  --pin %s\n", ask_text(s, "pin"));
	text_fprintf(stdout, "  workers      %zu, steering by %s:",
		json_array_size(json_object_get(s, "workers")), ask_text(s, "steering"));
	json_array_foreach(json_object_get(s, "workers"), i, w)
		text_fprintf(stdout, " %lld", (long long)ask_number(w, "connections"));
	puts(" connections");
}

int cmd_status(int argc, char **argv)
{
	static const struct option longs[] = {{"state", required_argument, NULL, 's'},
		{"json", no_argument, NULL, 'j'}, {"help", no_argument, NULL, 'h'}, {0}};
	struct ask a = {.usage = usage_text, .state = STATE_DEFAULT};
	json_t *result = NULL;
	int c, r = -1;

	while (r < 0 && (c = getopt_long(argc, argv, "h", longs, NULL)) != -1)
		r = ask_option(&a, c);
	if (r >= 0)
		return r;
	r = ask_server(&a, ask_request("status"), &result);
	return ask_finish(&a, r, result, NULL, print_status, NULL);
}
