// SPDX-License-Identifier: Apache-2.0
/*
 * server/core/reach.h — what is doubtful about networks that clients learn as routes: do they hold the
 * address at which clients reach this server, and has this host a way to them? Commands may include this
 * header, too.
 */
#pragma once
#include <stdbool.h>

#include "base/prefixes.h"
#include "config/config.h"
#include "server/core/ranges.h"

#define REACH_ROUTES_MAX 1024
#define REACH_TEXT_LEN 400

/* What is asked about them. */
struct reach {
	struct prefixes own; /* addresses by which clients may come */
	size_t n;
	struct reach_route {
		struct prefix to;
		bool leads; /* else packets for it are refused or dropped */
	} route[REACH_ROUTES_MAX];
	bool all; /* there was room for all of them */
};

/* Of this host: 40 KB. */
void reach_read(const struct config *cfg, struct reach *ret);
/* Words, or false: nothing is doubtful about this network. `name` says where it stands. Pure. */
bool reach_doubt(const struct reach *r, const char *name, const struct prefix *to,
	char why[static REACH_TEXT_LEN]);
