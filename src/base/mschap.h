// SPDX-License-Identifier: Apache-2.0
/*
 * base/mschap.h — what MS-CHAPv2 computes (RFC 2759 section 8) and the keys that follow from it
 * (RFC 3079 section 3). Pure functions over octets: no packets, no states.
 *
 * It stands in base/ and not in ppp/auth/ because both the PPP client and the users' data base
 * (aaa/) need it, and neither may know the other.
 *
 * Names: `user` is the name as sent by the peer; the functions cut a `DOMAIN\` prefix themselves
 * (RFC 2759 section 8.2). All return 0, or what base/crypto.h returns when an algorithm is missing.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

#define MSCHAP_CHALLENGE_LEN 16
#define MSCHAP_NT_RESPONSE_LEN 24
#define MSCHAP_NT_HASH_LEN 16
#define MSCHAP_AUTH_RESPONSE_LEN 42 /* "S=" and 40 upper-case hexadecimal digits, no zero */
#define MSCHAP_HLAK_LEN 32

/* UTF-8 as UTF-16LE; ret holds 2 * strlen(password). -EILSEQ. */
int mschap_utf16(const char *password, uint8_t *ret, size_t *ret_n);

/* NtPasswordHash: MD4 of the password in UTF-16LE. -EILSEQ when `password` is not UTF-8. */
int mschap_nt_hash(const char *password, uint8_t ret[static MSCHAP_NT_HASH_LEN]);

int mschap_nt_response(const uint8_t auth_challenge[static MSCHAP_CHALLENGE_LEN],
	const uint8_t peer_challenge[static MSCHAP_CHALLENGE_LEN], const char *user,
	size_t user_len, const uint8_t nt_hash[static MSCHAP_NT_HASH_LEN],
	uint8_t ret[static MSCHAP_NT_RESPONSE_LEN]);

/* GenerateAuthenticatorResponse: the text "S=…" by which the server proves itself. */
int mschap_auth_response(const uint8_t nt_hash[static MSCHAP_NT_HASH_LEN],
	const uint8_t nt_response[static MSCHAP_NT_RESPONSE_LEN],
	const uint8_t auth_challenge[static MSCHAP_CHALLENGE_LEN],
	const uint8_t peer_challenge[static MSCHAP_CHALLENGE_LEN], const char *user,
	size_t user_len, char ret[static MSCHAP_AUTH_RESPONSE_LEN]);

/*
 * The HLAK of [MS-SSTP] 3.2.5.2.2: K(Magic2) | K(Magic3), the same octets on both ends
 * (client MasterSendKey | MasterReceiveKey; server MasterReceiveKey | MasterSendKey).
 */
int mschap_hlak(const uint8_t nt_hash[static MSCHAP_NT_HASH_LEN],
	const uint8_t nt_response[static MSCHAP_NT_RESPONSE_LEN],
	uint8_t ret[static MSCHAP_HLAK_LEN]);
