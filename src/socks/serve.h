// SPDX-License-Identifier: Apache-2.0
/*
 * socks/serve.h — proxies by which other programs of this machine use a tunnel that has a network
 * namespace of its own: the listening sockets are of the machine's namespace, the connections that they
 * lead to are made here, in the tunnel's.
 *
 * Threads: serve_run() is a process's whole life: one thread accepts, each connection has its own. These
 * threads mostly wait; SERVE_CONNECTIONS_MAX bounds them, and a connection without a request ends after
 * SERVE_ASK_MS.
 */
#pragma once
#include <stddef.h>

#include "socks/destination.h"

#define SERVE_DOORS_MAX 32
#define SERVE_CONNECTIONS_MAX 512
#define SERVE_ASK_MS 30000  /* for the whole request */
#define SERVE_DIAL_MS 30000 /* for one address */

enum serve_kind { SERVE_SOCKS, SERVE_HTTP, SERVE_FORWARD };

struct serve_door {
	enum serve_kind kind;
	int fd;                /* listens; not the callee's to close */
	struct destination to; /* SERVE_FORWARD: where each connection leads */
};

/* Returns only when it cannot go on: a negative errno. */
int serve_run(const struct serve_door *doors, size_t n);
