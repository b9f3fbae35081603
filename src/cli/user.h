// SPDX-License-Identifier: Apache-2.0
/* cli/user.h — actions of `culvert user` with a file of their own: `list`, `show`, `totp`. */
#pragma once
#include <stdbool.h>

#include "config/config.h"
#include "store/db.h"

/* Negative errno: db_error() says why. */
int user_list(struct db *db, const struct config *cfg, bool json);
int user_show(struct db *db, const struct config *cfg, const struct db_user *user, bool json);
/*
 * A new seed, inside a transaction; `again`: also for a user who has one. As above, or an exit code: it
 * has been said why.
 */
int user_totp_enrol(struct db *db, const struct config *cfg, const struct db_user *user, bool again,
	uint8_t ret_seed[static TOTP_SEED_LEN]);
/* Shows it, once. `issuer`: this server's name, for the app's list. */
void user_totp_print(
	const char *issuer, const char *user, const uint8_t seed[static TOTP_SEED_LEN], bool json);
