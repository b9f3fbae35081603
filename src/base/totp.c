// SPDX-License-Identifier: Apache-2.0
#include "base/totp.h"

#include <stdio.h>
#include <string.h>

#include "base/crypto.h"
#include "base/text.h"

int64_t totp_step(int64_t now_s)
{
	return now_s / TOTP_STEP_S;
}

/* RFC 4226 5.3: four octets at the place that the last one names, modulo a power of ten. */
static uint32_t truncate_mac(const uint8_t mac[static SHA1_LEN], unsigned digits)
{
	const uint8_t *p = mac + (mac[SHA1_LEN - 1] & 15);
	uint32_t v =
		(uint32_t)(p[0] & 0x7f) << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
	uint32_t most = 1;

	while (digits--)
		most *= 10;
	return v % most;
}

int totp_code(const uint8_t *seed, size_t n, int64_t step, unsigned digits, char *ret)
{
	uint8_t counter[8], mac[SHA1_LEN];
	struct octets part = {counter, sizeof(counter)};
	int r;

	for (size_t i = 0; i < sizeof(counter); i++)
		counter[i] = (uint8_t)((uint64_t)step >> 8 * (sizeof(counter) - 1 - i));
	r = hmac_parts(HASH_SHA1, seed, n, &part, 1, mac);
	if (!r)
		snprintf(ret, digits + 1, "%0*u", (int)digits, truncate_mac(mac, digits));
	explicit_bzero(mac, sizeof(mac));
	return r;
}

void totp_base32(const uint8_t seed[static TOTP_SEED_LEN], char ret[static TOTP_BASE32_LEN])
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
	uint32_t held = 0, bits = 0;

	for (size_t i = 0; i < TOTP_SEED_LEN; i++) {
		held = held << 8 | seed[i];
		for (bits += 8; bits >= 5; bits -= 5)
			*ret++ = letters[held >> (bits - 5) & 31];
	}
	*ret = '\0';
}

/* RFC 3986 2.1; UTF-8 goes octet by octet. */
static size_t put_encoded(char *ret, size_t cap, const char *text)
{
	static const char plain[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
	size_t n = 0;

	for (; *text && n + 4 < cap; text++) {
		if (strchr(plain, *text))
			ret[n++] = *text;
		else
			n += (size_t)snprintf(ret + n, 4, "%%%02X", (unsigned char)*text);
	}
	ret[n] = '\0';
	return n;
}

void totp_uri(const uint8_t seed[static TOTP_SEED_LEN], const char *issuer, const char *user,
	char ret[static TOTP_URI_LEN])
{
	char who[256], name[3 * 256 + 1], secret[TOTP_BASE32_LEN];

	put_encoded(who, sizeof(who), issuer);
	put_encoded(name, sizeof(name), user);
	totp_base32(seed, secret);
	text_format(ret, TOTP_URI_LEN,
		"otpauth://totp/%.170s:%.600s?secret=%s&issuer=%.170s&algorithm=SHA1&digits=%d&period=%d",
		who, name, secret, who, TOTP_DIGITS, TOTP_STEP_S);
	explicit_bzero(secret, sizeof(secret));
}
