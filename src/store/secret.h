// SPDX-License-Identifier: Apache-2.0
/*
 * store/secret.h — the key of a database, and secrets at rest under it (AES-256-GCM).
 *
 * The user's id and the kind are associated data: a row copied to another user does not open.
 *
 * The key is 32 octets; a key file holds them as they are, or as 64 hexadecimal digits. It is
 * looked for in: the given file; $CREDENTIALS_DIRECTORY/culvert-key (systemd's LoadCredential=);
 * <state>/culvert.key, which is made when missing. A key beside the database only protects a copy of
 * the database alone.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/crypto.h"
#include "store/limits.h"

enum secret_kind { SECRET_NT = 1, SECRET_REVERSIBLE = 2, SECRET_TOTP = 3 };

#define SECRET_KEY_ID_LEN 17 /* 16 hexadecimal digits and a zero */

struct secret_key {
	uint8_t key[AEAD_KEY_LEN];
	char id[SECRET_KEY_ID_LEN]; /* from a hash of the key */
};

struct secret_sealed {
	uint8_t nonce[AEAD_NONCE_LEN], tag[AEAD_TAG_LEN];
	uint8_t ciphertext[STORE_PASSWORD_MAX];
	size_t n;
};

struct db_error;

/* `make`: a key file that is missing from the state folder is made; else -ENOKEY. */
int secret_key_load(const char *state, const char *key_file, bool make, struct secret_key *ret,
	struct db_error *ret_err);
int secret_seal(const struct secret_key *key, int64_t user_id, enum secret_kind kind,
	const void *octets, size_t n, struct secret_sealed *ret);
/* `ret` holds sealed->n octets. -EBADMSG. */
int secret_open(const struct secret_key *key, int64_t user_id, enum secret_kind kind,
	const struct secret_sealed *sealed, void *ret);
