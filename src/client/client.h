// SPDX-License-Identifier: Apache-2.0
/*
 * client/client.h — `culvert connect`: a tunnel to an SSTP server, again and again while it is wanted,
 * with one interface, routes, DNS.
 *
 * Ownership: options are borrowed for the call. Everything that was set up is undone on return.
 * Threads:   runs its own loop on the caller's thread until the user ends it, or it ends for what
 *            another attempt does not cure (client/machine.h); SIGINT and SIGTERM end it politely.
 */
#pragma once
#include <stddef.h>

#include "client/options.h"
#include "events/event.h"

/* Returns EV_NONE when the user ended it, else the failure, with `detail`. */
enum event client_run(const struct client_opts *opts, char *detail, size_t detail_cap);
