// SPDX-License-Identifier: Apache-2.0
#include "cli/run_options.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/addr.h"
#include "base/auto.h"
#include "base/text.h"
#include "cli/cmd.h"
#include "os/socket.h"

#define BACKLOG 64

static const char usage_text[] =
	"usage: culvert run PROFILE|[USER@]HOST[:PORT] [options] [-- COMMAND [ARGUMENT]...]\n"
	"\n"
	"Makes an SSTP tunnel in a network namespace of its own and runs COMMAND there. It needs no root, and\n"
	"interfaces, routes and name servers of this machine stay as they are. Without COMMAND it serves the\n"
	"proxies below until SIGINT or SIGTERM.\n"
	"\n"
	"      --socks ADDR:PORT      SOCKS 5 proxy for programs outside (names are looked up in the tunnel)\n"
	"      --http ADDR:PORT       HTTP proxy for programs outside\n"
	"      --forward [ADDR:]PORT:HOST:HOSTPORT   connections to PORT of this machine go to HOST; repeat\n"
	"      --open                 let the three listen on other addresses than 127.0.0.1 and ::1: everyone who\n"
	"                             reaches them reaches the network behind the tunnel\n"
	"  -h, --help\n"
	"\n"
	"All options of `culvert connect` that concern login, certificate, proxy and tunnel are taken, too; they\n"
	"go before what the profile says (`culvert profile`).\n"
	"\n"
	"Exit status: that of COMMAND, 128 and the signal's number if one ended it, 126 or 127 if it cannot be run;\n"
	"when there is no tunnel, or it ended before COMMAND, that of `culvert connect`.\n";

static int bad(const char *what, const char *value, const char *want)
{
	return cmd_bad("run", what, value, want);
}

static bool is_loopback(const struct addr *a)
{
	static const uint8_t one[16] = {[15] = 1};

	return a->family == AF_INET ? a->octets[0] == 127 : !memcmp(a->octets, one, sizeof(one));
}

static int open_door(struct run_options *o, struct serve_door *door, const char *option,
	const char *value, const struct endpoint *at)
{
	struct os_failure why = {0};

	if (o->n_doors == SERVE_DOORS_MAX)
		return bad(option, value, "32 listening ports at most");
	if (!o->open && !is_loopback(&at->addr))
		return bad(option, value,
			"an address of this machine alone, 127.0.0.1 or [::1]; --open before it takes others");
	if (socket_nobody_listens(at, &why) < 0 || socket_listen(at, BACKLOG, &door->fd, &why) < 0)
		return cmd_fail(why.event, why.text);
	o->doors[o->n_doors++] = *door;
	return 0;
}

static int take_proxy(
	struct run_options *o, enum serve_kind kind, const char *option, const char *value)
{
	struct serve_door door = {.kind = kind};
	struct endpoint at;

	if (endpoint_parse(value, 0, &at) < 0 || !at.port)
		return bad(option, value, "ADDRESS:PORT, such as 127.0.0.1:1080");
	return open_door(o, &door, option, value, &at);
}

/* Where the last `colon` outside of brackets stands before text[n]; NULL: there is none. */
static const char *last_colon(const char *text, size_t n)
{
	for (size_t i = n; i-- > 0 && text[i] != ']';)
		if (text[i] == ':')
			return text + i;
	return NULL;
}

/* "PORT" stands for 127.0.0.1:PORT. */
static int parse_local(const char *text, size_t n, struct endpoint *ret)
{
	char part[80];

	if (!n || n >= sizeof(part))
		return -EINVAL;
	if (port_parse(text, n, &ret->port) == 0)
		return addr_parse("127.0.0.1", &ret->addr);
	memcpy(part, text, n);
	part[n] = '\0';
	return *part == ':' ? -EINVAL : endpoint_parse(part, 0, ret);
}

static int parse_forward(const char *value, struct serve_door *door, struct endpoint *ret)
{
	size_t n = strlen(value), host_n;
	const char *colon = last_colon(value, n), *host, *before;
	uint16_t port;

	if (!colon || port_parse(colon + 1, n - (size_t)(colon + 1 - value), &port) < 0)
		return -EINVAL;
	before = colon > value && colon[-1] == ']' ? memrchr(value, '[', (size_t)(colon - value))
						   : last_colon(value, (size_t)(colon - value));
	if (!before)
		return -EINVAL;
	host = before + 1;
	host_n = (size_t)(colon - host);
	if (*before == '[') {
		host_n--;
		if (before == value || *--before != ':')
			return -EINVAL;
	}
	if (!destination_set(&door->to, host, host_n, port))
		return -EINVAL;
	return parse_local(value, (size_t)(before - value), ret) < 0 || !ret->port ? -EINVAL : 0;
}

static int take_forward(struct run_options *o, const char *value)
{
	struct serve_door door = {.kind = SERVE_FORWARD};
	struct endpoint at;

	if (parse_forward(value, &door, &at) < 0)
		return bad("--forward", value,
			"[ADDRESS:]PORT:HOST:PORT, such as 8080:intranet.example:80");
	return open_door(o, &door, "--forward", value, &at);
}

/* Is words[*at] this option, as "--socks X" or "--socks=X"? Then *ret_value is X. */
static bool match(const struct option *option, char **words, int *at, const char **ret_value)
{
	const char *word = words[*at];
	size_t n = strlen(option->name);

	if (strncmp(word, "--", 2) || strncmp(word + 2, option->name, n) ||
		(word[2 + n] && (word[2 + n] != '=' || !option->has_arg)))
		return false;
	*ret_value = word[2 + n] ? word + n + 3 : "";
	if (option->has_arg && !word[2 + n] && words[*at + 1])
		*ret_value = words[++*at];
	return true;
}

static int take_own(struct run_options *o, int option, const char *value)
{
	switch (option) {
	case RUN_SOCKS: return take_proxy(o, SERVE_SOCKS, "--socks", value);
	case RUN_HTTP: return take_proxy(o, SERVE_HTTP, "--http", value);
	case RUN_FORWARD: return take_forward(o, value);
	case RUN_OPEN: o->open = true; break;
	}
	return 0;
}

static int take_word(struct run_options *o, const struct option *own, char **words, int *at)
{
	const char *value;

	for (; own->name; own++)
		if (match(own, words, at, &value))
			return take_own(o, own->val, value);
	if (o->n_connect == RUN_WORDS_MAX)
		return bad("option", words[*at], "256 words at most");
	o->connect[o->n_connect++] = words[*at];
	return 0;
}

int run_options_parse(int argc, char **argv, const struct option *own, struct run_options *ret)
{
	int i;

	*ret = (struct run_options){.connect = {argv[0]}, .n_connect = 1};
	for (i = 1; i < argc && strcmp(argv[i], "--"); i++) {
		int r;

		if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h")) {
			fputs(usage_text, stdout);
			ret->help = true;
			return 0;
		}
		r = take_word(ret, own, argv, &i);
		if (r)
			return r;
	}
	ret->command = argv + (i < argc ? i + 1 : argc);
	if (!*ret->command && !ret->n_doors) {
		fputs("culvert run: expected -- COMMAND, or --socks, --http or --forward (see culvert run "
		      "--help)\n",
			stderr);
		return CMD_USAGE;
	}
	return 0;
}
