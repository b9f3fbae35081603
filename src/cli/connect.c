// SPDX-License-Identifier: Apache-2.0
/* culvert connect — the client; see client/client.h for what it does. */
#include "cli/connect.h"

#include <stdio.h>
#include <string.h>

#include "base/host_name.h"
#include "base/log.h"
#include "base/text.h"
#include "cli/cmd.h"
#include "cli/connect_options.h"
#include "client/client.h"

static const char usage_text[] =
	"usage: culvert connect [USER@]HOST[:PORT] [HOST[:PORT]...] [options]\n"
	"\n"
	"Brings up an SSTP tunnel to HOST (port 443) and stays in the foreground until SIGINT or SIGTERM. A tunnel\n"
	"that was up and is lost is made again; further HOSTs are tried in their order when one cannot be reached.\n"
	"\n";

static const char end_usage[] =
	"\n"
	"Exit status: 0 you ended it; 1 this machine; 2 usage; 10 DNS, 11 TCP, 12 proxy, 13 TLS, 14 certificate,\n"
	"15 HTTP, 16 SSTP, 17 crypto binding, 18 LCP, 19 authentication, 20 addresses, 21 interface and routes.\n";

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

static int run(struct connect_options *co, const struct connect_hooks *hooks)
{
	const struct client_opts *o = &co->client;
	char detail[512] = "", shown[600];
	enum event ev;
	int r = connect_options_ready(co);

	if (r)
		return r;
	if (o->verbose &&
		strcmp(host_shown(co->target.host, shown, sizeof(shown)), co->target.host))
		text_fprintf(stderr, "culvert: %-9s %s\n", "0 name", shown);
	log_init(o->verbose ? LOG_LEVEL_DEBUG : LOG_LEVEL_WARN);
	r = hooks ? hooks->prepare(&co->client, hooks->arg) : 0;
	if (r)
		return r;
	ev = client_run(o, detail, sizeof(detail));
	if (hooks && hooks->ended)
		hooks->ended(hooks->arg, ev, detail);
	return report(ev, detail);
}

int connect_run(struct connect_options *co, const struct connect_hooks *hooks)
{
	int r = run(co, hooks);

	connect_options_done(co);
	return r;
}

int connect_with(int argc, char **argv, const struct connect_hooks *hooks)
{
	struct connect_options co;
	int r;

	connect_options_init(&co);
	r = connect_command_line(&co, argc, argv);
	if (r < 0) {
		fputs(usage_text, stdout);
		connect_options_usage(stdout);
		fputs(end_usage, stdout);
		return 0;
	}
	return r ? r : connect_run(&co, hooks);
}

int cmd_connect(int argc, char **argv)
{
	return connect_with(argc, argv, NULL);
}
