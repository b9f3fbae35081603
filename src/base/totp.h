// SPDX-License-Identifier: Apache-2.0
/*
 * base/totp.h — one-time codes from a shared seed and the time (RFC 6238, over RFC 4226). Pure.
 *
 * Codes are those that every authenticator app makes by default: HMAC-SHA1, 6 digits, a new one each 30 s.
 *
 * Secrets: the caller wipes seeds, URIs and codes.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TOTP_SEED_LEN 20 /* RFC 4226 4: as long as the hash */
#define TOTP_STEP_S 30   /* RFC 6238 5.2 */
#define TOTP_DIGITS 6
#define TOTP_CODE_LEN (TOTP_DIGITS + 1)
#define TOTP_WINDOW 1 /* steps before and after the present one: slow typists, clocks that differ */
#define TOTP_BASE32_LEN 33 /* of a seed, with the zero */
#define TOTP_URI_LEN 1200

/* The step of a time in seconds since 1970. */
int64_t totp_step(int64_t now_s);
/* The code of a step, of `digits` (6 to 8) and a zero. Negative errno: no HMAC-SHA1. */
int totp_code(const uint8_t *seed, size_t n, int64_t step, unsigned digits, char *ret);
/* RFC 4648 6, without padding. */
void totp_base32(const uint8_t seed[static TOTP_SEED_LEN], char ret[static TOTP_BASE32_LEN]);
/* What an app reads: "otpauth://totp/ISSUER:USER?secret=…&issuer=ISSUER…". */
void totp_uri(const uint8_t seed[static TOTP_SEED_LEN], const char *issuer, const char *user,
	char ret[static TOTP_URI_LEN]);
