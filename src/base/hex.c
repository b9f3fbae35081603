// SPDX-License-Identifier: Apache-2.0
#include "base/hex.h"

#include <errno.h>
#include <string.h>

void hex_encode(const void *octets, size_t n, char *ret_text)
{
	static const char digits[] = "0123456789abcdef";
	const uint8_t *p = octets;

	for (size_t i = 0; i < n; i++) {
		ret_text[2 * i] = digits[p[i] >> 4];
		ret_text[2 * i + 1] = digits[p[i] & 15];
	}
	ret_text[2 * n] = '\0';
}

static int nibble(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

int hex_decode(const char *text, void *ret_octets, size_t n)
{
	uint8_t *p = ret_octets;

	if (strlen(text) != 2 * n)
		return -EINVAL;
	for (size_t i = 0; i < n; i++) {
		int hi = nibble(text[2 * i]), lo = nibble(text[2 * i + 1]);

		if (hi < 0 || lo < 0)
			return -EINVAL;
		p[i] = (uint8_t)(hi << 4 | lo);
	}
	return 0;
}

static const char base64_digits[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_encode(const void *octets, size_t n, char *ret_text)
{
	const uint8_t *p = octets;

	for (size_t i = 0; i < n; i += 3) {
		uint32_t v = (uint32_t)p[i] << 16;

		if (i + 1 < n)
			v |= (uint32_t)p[i + 1] << 8;
		if (i + 2 < n)
			v |= p[i + 2];
		*ret_text++ = base64_digits[v >> 18];
		*ret_text++ = base64_digits[v >> 12 & 63];
		*ret_text++ = i + 1 < n ? base64_digits[v >> 6 & 63] : '=';
		*ret_text++ = i + 2 < n ? base64_digits[v & 63] : '=';
	}
	*ret_text = '\0';
}

int base64_decode(const char *text, void *ret_octets, size_t cap)
{
	size_t len = strlen(text), n = 0;
	uint8_t *out = ret_octets;
	uint32_t v = 0;

	if (len % 4)
		return -EINVAL;
	while (len && text[len - 1] == '=' && len % 4 != 2)
		len--;
	for (size_t i = 0; i < len; i++) {
		const char *d = strchr(base64_digits, text[i]);

		if (!d || !*d)
			return -EINVAL;
		v = v << 6 | (uint32_t)(d - base64_digits);
		if (i % 4 == 0)
			continue;
		if (n == cap)
			return -ENOSPC;
		out[n++] = (uint8_t)(v >> (6 - 2 * (i % 4)));
	}
	return (int)n;
}
