// SPDX-License-Identifier: Apache-2.0
/* cli/ca.h — what the files of `culvert ca` share: its arguments, and what more than one action does. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "cli/ask.h"
#include "store/authorities.h"
#include "tls/ca.h"

#define CA_ARGS_MAX 64

struct ca_args {
	struct ask ask; /* state, config, json */
	const char *key_file;
	const char *name, *out, *password_file, *email, *user_from;
	const char *match, *crl, *crl_mode, *ca;
	const char *cert, *sha256, *serial, *thumbprint, *thumbprints;
	bool strip, old_windows;
	enum ca_key key;
	unsigned days;
	int64_t expiring_s; /* 0: not asked */
	char **arg;         /* what follows the action */
	int n_args;
};

/* ---- ca_common.c: each prints what is wrong, and returns the exit code ---- */

int ca_db_failed(const struct db *db);
int ca_wrong_use(const char *what, const char *got);
int ca_failed(const struct tls_failure *why);
/* A whole file of at most CA_FILE_MAX octets. */
int ca_read_file(const char *path, struct ca_blob *ret);
/* The user as the admin spells it; without such a user as typed, with a warning. */
int ca_spell_user(struct db *db, const char *name, char ret[static USER_NAME_MAX + 1]);

/* ---- ca_issue.c ---- */
int ca_init(struct db *db, const struct ca_args *a);
int ca_issue_user(struct db *db, const struct ca_args *a);

/* ---- ca_import.c ---- */
int ca_import(struct db *db, const struct ca_args *a);
int ca_set(struct db *db, const struct ca_args *a);
int ca_bind(struct db *db, const struct ca_args *a);
int ca_unbind(struct db *db, const struct ca_args *a);
int ca_remove(struct db *db, const struct ca_args *a);
const char *ca_crl_text(enum authority_crl crl);

/* ---- ca_revoke.c ---- */
int ca_revoke(struct db *db, const struct ca_args *a);

/* ---- ca_list.c ---- */
int ca_list(struct db *db, const struct ca_args *a);
