// SPDX-License-Identifier: Apache-2.0
/*
 * os/proxy_dial.h — a connection to the server by way of an HTTP proxy, which is spoken to plainly or by
 * TLS: the one owner of a conversation of front/proxy_connect.h. It waits, with a time limit.
 *
 * Ownership: the descriptor is the caller's; the next octet on it belongs to TLS.
 * Threads:   any.
 */
#pragma once
#include <stdint.h>

#include "base/addr.h"
#include "front/proxy_connect.h"

struct proxy_dial_opts {
	unsigned timeout_ms;        /* for one round: connecting, the request, its answer */
	int stop_fd;                /* ends it at once when it becomes readable; -1: none */
	const struct endpoint *via; /* NULL: the proxy's name is looked up, */
	const struct addr *dns;     /* ... by these servers; see os/lookup.h */
	size_t n_dns;
	uint32_t mark;
	/* Options of each socket, before connect(). NULL: none. */
	void (*tune)(void *arg, int fd);
	void *arg;
};

/* A non-blocking socket in *ret_fd when ret->event is EV_NONE. Returns ret->event. */
enum event proxy_dial(const struct proxy *p, const char *host, uint16_t port,
	const struct proxy_dial_opts *opts, int *ret_fd, struct proxy_outcome *ret);
