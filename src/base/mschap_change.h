// SPDX-License-Identifier: Apache-2.0
/*
 * base/mschap_change.h — a new password under the old one (RFC 2759 sections 7, 8.9 to 8.13), as a client
 * sends it and a server opens it. Pure functions over octets.
 *
 * RC4 and a password's hash as its key are the protocol's: a reader of the packet who knows the old
 * hash reads the new password.
 */
#pragma once
#include "base/mschap.h"

#define MSCHAP_PW_BLOCK_LEN 516
#define MSCHAP_PASSWORD_UTF16_MAX 512 /* octets */

/* NewPasswordEncryptedWithOldNtPasswordHash. `padding`: random octets. -EILSEQ; -E2BIG. */
int mschap_password_seal(const char *password, const uint8_t old_hash[static MSCHAP_NT_HASH_LEN],
	const uint8_t padding[static MSCHAP_PASSWORD_UTF16_MAX],
	uint8_t ret[static MSCHAP_PW_BLOCK_LEN]);
/* -EBADMSG: not sealed with this hash, not UTF-16, holds a zero, or longer than cap - 1 octets of UTF-8. */
int mschap_password_open(const uint8_t block[static MSCHAP_PW_BLOCK_LEN],
	const uint8_t old_hash[static MSCHAP_NT_HASH_LEN], char *ret, size_t cap);
/* OldNtPasswordHashEncryptedWithNewNtPasswordHash: proves that both ends mean the same passwords. */
int mschap_hash_seal(const uint8_t old_hash[static MSCHAP_NT_HASH_LEN],
	const uint8_t new_hash[static MSCHAP_NT_HASH_LEN], uint8_t ret[static MSCHAP_NT_HASH_LEN]);
