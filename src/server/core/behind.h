// SPDX-License-Identifier: Apache-2.0
/*
 * server/core/behind.h — may these networks lie behind a user's router? Against what the server has itself
 * (pools, addresses, the networks it stands in), the `routes` of the same user, and
 * what other users have. Pure; the answers are words for people.
 *
 * Asked where a value is set (culvert user, culvert group), and again when a session comes up. Commands may
 * include this header, too.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "base/addr.h"
#include "base/prefixes.h"
#include "server/core/ranges.h"

/* What a server has; AF_UNSPEC and NULL: it has none. */
struct behind_server {
	const struct pools *pools;
	struct prefix prefix6, delegate;
	const struct host_addresses *host;
};

/* `key`: of the value. 0, or -EINVAL with words in `why`: no client can have this network. */
int behind_check_network(const char *key, const struct prefix *network,
	const struct behind_server *server, char why[static RANGES_TEXT_LEN]);
/* The client would send into the tunnel what lies behind it. -EINVAL. */
int behind_check_routes(const struct prefix *network, const struct prefixes *routes,
	char why[static RANGES_TEXT_LEN]);
/* One network of a list overlaps an earlier one. -EINVAL. */
int behind_check_list(const struct prefixes *list, char why[static RANGES_TEXT_LEN]);
/* `network` and `theirs`, which is what `whose` ("user bob") has. -EEXIST. */
int behind_check_other(const struct prefix *network, const struct prefix *theirs, const char *whose,
	char why[static RANGES_TEXT_LEN]);
