// SPDX-License-Identifier: Apache-2.0
/*
 * cli/sites.h — networks behind routers, as they stand after a change that is not committed yet: does one
 * overlap what it may not (server/core/behind.h)?
 */
#pragma once
#include "cli/where.h"
#include "store/db.h"

/* Of a user or a group. An exit code: what is wrong was printed, and the caller undoes the change. */
int sites_check(const struct where *w, struct db *db, enum db_subject of, const char *name);
