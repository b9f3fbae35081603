// SPDX-License-Identifier: Apache-2.0
/*
 * os/route_watch.h — watches this machine's links, addresses and routes.
 *
 * It does not report what changed: the owner reads the present state (os/netlink.h) a moment later,
 * because one cable makes ten changes.
 */
#pragma once
#include <stdbool.h>

/* A descriptor to poll for reading; the caller closes it. A negative errno. */
int route_watch_open(void);
/* Reads what waits. True when anything may have changed since the last call. */
bool route_watch_drain(int fd);
