// SPDX-License-Identifier: Apache-2.0
/*
 * cli/where.h — the state folder that a command works on (--state, --key-file, --config), its database,
 * and whether what an admin names (an address, a pool, a filter) is the server's.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "aaa/grant_value.h"
#include "base/addr.h"
#include "config/config.h"
#include "server/core/ranges.h"
#include "store/db.h"

struct where {
	const char *state, *key_file, *config; /* as typed; NULL: not given */
};

// clang-format off
#define WHERE_OPTIONS                                                                              \
	{"state", required_argument, NULL, 's'}, {"key-file", required_argument, NULL, 'k'},       \
	{"config", required_argument, NULL, 'c'}
#define WHERE_USAGE                                                                                \
	"  --state DIR        the server's state folder (/var/lib/culvert, or as in the file)\n"      \
	"  --key-file FILE    the key of the database, when it is not beside it\n"                    \
	"  --config FILE      the server's configuration (/etc/culvert/culvert.conf)\n"
// clang-format on

/* These return an exit code; what is wrong has been said. */
int where_config(const struct where *w, struct config **ret);
int where_open(const struct where *w, bool may_make, struct db **ret);
/* The database's error as an exit code. */
int where_failed(const struct db *db);
int where_check_address(const struct where *w, struct db *db, const struct addr *address);
int where_check_pool(const struct where *w, struct db *db, const char *name);
struct server_has {
	struct pools pools;
	struct prefix prefix6, delegate; /* AF_UNSPEC: none, or not known */
};

/*
 * What the server has: that which runs, else as a start with this configuration would have it (*ret_known
 * false: no configuration is known).
 */
int where_server(const struct where *w, struct db *db, struct server_has *ret, bool *ret_known);
/* Each of the names is a filter of the configuration. */
int where_check_filters(const struct where *w, const struct grant_names *names);
/* Each of the name servers under `key` is an address that a client can reach. */
int where_check_servers(const char *key, const struct grant_addrs *list);

/* Prints what is doubtful about networks that clients learn. */
void where_doubt_routes(const struct where *w, const struct prefixes *routes);

/*
 * Lets sessions that are up read their grant again: of one user, or of all (NULL). *ret_n: how many there
 * are; none when no server runs.
 */
int where_regrant(const struct where *w, const char *user, size_t *ret_n);
