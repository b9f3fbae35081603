// SPDX-License-Identifier: Apache-2.0
/*
 * aaa/stored.h — what the store grants to a user: its own values over those of its groups, the first
 * group before the second. On a thread that may wait for the database.
 */
#pragma once
#include "aaa/grant.h"
#include "store/db.h"

/* What stands in columns of the user's row. */
struct grant_values stored_columns(
	const struct addr *ipv4, const char *pool, int64_t expires_at, bool disabled);
/*
 * -EBADMSG: a row has a key or a value that this version cannot read (`why` names it): what it limits
 * is not known, so the user must not enter. Else as db_values().
 */
int stored_grant(struct db *db, int64_t user_id, const struct grant_values *columns,
	struct grant_values *ret, char why[static GRANT_WHY_LEN]);
