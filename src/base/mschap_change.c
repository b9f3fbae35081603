// SPDX-License-Identifier: Apache-2.0
#include "base/mschap_change.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/crypto.h"

/* In place. Ours, since OpenSSL has it only where the legacy provider is, and it is this short. */
static void rc4(const uint8_t *key, size_t key_len, uint8_t *octets, size_t n)
{
	uint8_t s[256], t;
	unsigned i, j = 0;

	for (i = 0; i < 256; i++)
		s[i] = (uint8_t)i;
	for (i = 0; i < 256; i++) {
		j = (j + s[i] + key[i % key_len]) & 255;
		t = s[i], s[i] = s[j], s[j] = t;
	}
	i = j = 0;
	for (size_t k = 0; k < n; k++) {
		i = (i + 1) & 255;
		j = (j + s[i]) & 255;
		t = s[i], s[i] = s[j], s[j] = t;
		octets[k] ^= s[(s[i] + s[j]) & 255];
	}
	explicit_bzero(s, sizeof(s));
}

/* 8.9, 8.10: padding, password, length (little-endian), under RC4. */
int mschap_password_seal(const char *password, const uint8_t old_hash[static MSCHAP_NT_HASH_LEN],
	const uint8_t padding[static MSCHAP_PASSWORD_UTF16_MAX],
	uint8_t ret[static MSCHAP_PW_BLOCK_LEN])
{
	size_t cap = 2 * strlen(password) + 1, n;
	uint8_t *utf16 = malloc(cap);
	int r = utf16 ? mschap_utf16(password, utf16, &n) : -ENOMEM;

	if (!r && n > MSCHAP_PASSWORD_UTF16_MAX)
		r = -E2BIG;
	if (!r) {
		memcpy(ret, padding, MSCHAP_PASSWORD_UTF16_MAX - n);
		memcpy(ret + MSCHAP_PASSWORD_UTF16_MAX - n, utf16, n);
		ret[MSCHAP_PASSWORD_UTF16_MAX] = (uint8_t)n;
		ret[MSCHAP_PASSWORD_UTF16_MAX + 1] = (uint8_t)(n >> 8);
		memset(ret + MSCHAP_PASSWORD_UTF16_MAX + 2, 0, 2);
		rc4(old_hash, MSCHAP_NT_HASH_LEN, ret, MSCHAP_PW_BLOCK_LEN);
	}
	if (utf16)
		explicit_bzero(utf16, cap);
	free(utf16);
	return r;
}

/* One code point of UTF-16LE; -1: a lone half, or cut. */
static int32_t utf16_next(const uint8_t **p, const uint8_t *end)
{
	uint32_t a = (uint32_t)((*p)[0] | (*p)[1] << 8), b;

	*p += 2;
	if (a < 0xd800 || a >= 0xe000)
		return (int32_t)a;
	if (a >= 0xdc00 || *p == end)
		return -1;
	b = (uint32_t)((*p)[0] | (*p)[1] << 8);
	*p += 2;
	if (b < 0xdc00 || b >= 0xe000)
		return -1;
	return (int32_t)(0x10000 + ((a - 0xd800) << 10) + (b - 0xdc00));
}

static size_t put_utf8(uint8_t out[static 4], uint32_t c)
{
	if (c < 0x80) {
		out[0] = (uint8_t)c;
		return 1;
	}
	if (c < 0x800) {
		out[0] = (uint8_t)(0xc0 | c >> 6);
		out[1] = (uint8_t)(0x80 | (c & 0x3f));
		return 2;
	}
	if (c < 0x10000) {
		out[0] = (uint8_t)(0xe0 | c >> 12);
		out[1] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
		out[2] = (uint8_t)(0x80 | (c & 0x3f));
		return 3;
	}
	out[0] = (uint8_t)(0xf0 | c >> 18);
	out[1] = (uint8_t)(0x80 | (c >> 12 & 0x3f));
	out[2] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
	out[3] = (uint8_t)(0x80 | (c & 0x3f));
	return 4;
}

static int to_utf8(const uint8_t *p, size_t n, char *ret, size_t cap)
{
	const uint8_t *end = p + n;
	size_t used = 0;

	while (p < end) {
		int32_t c = utf16_next(&p, end);
		uint8_t octets[4];
		size_t len = c > 0 ? put_utf8(octets, (uint32_t)c) : 0;

		if (!len || used + len + 1 > cap)
			return -EBADMSG;
		memcpy(ret + used, octets, len);
		used += len;
	}
	ret[used] = '\0';
	return 0;
}

int mschap_password_open(const uint8_t block[static MSCHAP_PW_BLOCK_LEN],
	const uint8_t old_hash[static MSCHAP_NT_HASH_LEN], char *ret, size_t cap)
{
	uint8_t clear[MSCHAP_PW_BLOCK_LEN];
	const uint8_t *length = clear + MSCHAP_PASSWORD_UTF16_MAX;
	size_t n;
	int r = -EBADMSG;

	memcpy(clear, block, sizeof(clear));
	rc4(old_hash, MSCHAP_NT_HASH_LEN, clear, sizeof(clear));
	n = (size_t)length[0] | (size_t)length[1] << 8 | (size_t)length[2] << 16 |
	    (size_t)length[3] << 24;
	if (n <= MSCHAP_PASSWORD_UTF16_MAX && n % 2 == 0)
		r = to_utf8(length - n, n, ret, cap);
	explicit_bzero(clear, sizeof(clear));
	return r;
}

/* 8.12, 8.13: two DES blocks under the first 14 octets of the new hash. */
int mschap_hash_seal(const uint8_t old_hash[static MSCHAP_NT_HASH_LEN],
	const uint8_t new_hash[static MSCHAP_NT_HASH_LEN], uint8_t ret[static MSCHAP_NT_HASH_LEN])
{
	int r = des_encrypt_block(new_hash, old_hash, ret);

	return r ? r : des_encrypt_block(new_hash + 7, old_hash + 8, ret + 8);
}
