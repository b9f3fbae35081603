// SPDX-License-Identifier: Apache-2.0
/*
 * cli/run_options.h — the command line of `culvert run`: its own options, those of `culvert connect`, and
 * behind -- the command. The proxies' sockets listen already, in the machine's network.
 *
 * Ownership: words point into argv; the process's end closes the sockets.
 */
#pragma once
#include <getopt.h>
#include <stdbool.h>
#include <stddef.h>

#include "socks/serve.h"

#define RUN_WORDS_MAX 256

enum { RUN_SOCKS, RUN_HTTP, RUN_FORWARD, RUN_OPEN };

/* Its own; all others are those of `culvert connect`. */
// clang-format off
#define RUN_OPTIONS \
	{"socks", required_argument, NULL, RUN_SOCKS}, \
	{"http", required_argument, NULL, RUN_HTTP}, \
	{"forward", required_argument, NULL, RUN_FORWARD}, \
	{"open", no_argument, NULL, RUN_OPEN}
// clang-format on

struct run_options {
	char *connect[RUN_WORDS_MAX + 1]; /* argv of `culvert connect`, NULL at its end */
	int n_connect;
	char **command; /* [0] is NULL: none */
	struct serve_door doors[SERVE_DOORS_MAX];
	size_t n_doors;
	bool open; /* --open: others than this machine may use the proxies */
	bool help; /* has been printed */
};

/* `own`: RUN_OPTIONS, then an empty row. 0, or the exit code: it has been said why. */
int run_options_parse(int argc, char **argv, const struct option *own, struct run_options *ret);
