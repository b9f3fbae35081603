// SPDX-License-Identifier: Apache-2.0
/*
 * server/host/check.h — whether what a configuration names is there, and belongs: users, folders, files and
 * who may read them, certificates with their keys, chains, names, dates and OCSP responses, addresses
 * to listen on, interfaces. `culvert config check` asks before a start does.
 *
 * Changes nothing: what the next start would make (state folder, certificates, keys) is not made.
 */
#pragma once
#include <stdbool.h>

#include "events/event.h"

struct config;

/* `wrong`: a start or a client would fail over it; else it is only doubtful. */
typedef void server_check_fn(void *arg, bool wrong, enum event ev, const char *text);

void server_check(const struct config *cfg, server_check_fn *say, void *arg);
