// SPDX-License-Identifier: Apache-2.0
/*
 * cli/proxy.h — which HTTP proxy a command uses, and the login for it. A password belongs into a
 * file, the terminal or the environment; one in --proxy is accepted, erased and warned
 * of, because every process of the machine can read the arguments.
 *
 * Secrets: struct proxy holds the password; the caller wipes it.
 */
#pragma once
#include <stdbool.h>

#include "front/proxy_connect.h"

struct proxy_choice {
	char *url;                        /* --proxy; NULL: the environment's */
	const char *user, *password_file; /* --proxy-user, --proxy-password-file */
	const char *ca_file;              /* --proxy-ca */
	bool none;                        /* --no-proxy */
	struct proxy proxy;
};

/* For host: 0 and *ret (NULL: none), or the exit code after printing what is wrong. */
int proxy_choose(struct proxy_choice *choice, const char *host, const struct proxy **ret);

#define PROXY_USAGE                                                                                     \
	"      --proxy URL            http[s]://[USER@]HOST:PORT (default: https_proxy and no_proxy)\n" \
	"      --proxy-user NAME      user name for the proxy; the password is asked for, or\n"         \
	"      --proxy-password-file FILE   is the first line of FILE; - is standard input\n"           \
	"      --proxy-ca FILE        trust certificates of an https proxy that lead to one in FILE\n"  \
	"      --no-proxy             connect directly and ignore the environment\n"
