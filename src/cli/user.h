// SPDX-License-Identifier: Apache-2.0
/* cli/user.h — `culvert user list` and `show`: what is printed of users. */
#pragma once
#include <stdbool.h>

#include "config/config.h"
#include "store/db.h"

/* Negative errno: db_error() says why. */
int user_list(struct db *db, bool json);
int user_show(struct db *db, const struct config *cfg, const struct db_user *user, bool json);
