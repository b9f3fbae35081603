// SPDX-License-Identifier: Apache-2.0
#include "base/mschap.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/crypto.h"

/* How many octets follow this first octet; -1: it is not a valid first octet. */
static int utf8_more(uint8_t first)
{
	if (first < 0x80)
		return 0;
	if (first >= 0xc2 && first < 0xe0)
		return 1;
	if (first >= 0xe0 && first < 0xf0)
		return 2;
	return first >= 0xf0 && first < 0xf5 ? 3 : -1;
}

/* One code point of UTF-8; advances *p. Refuses overlong forms, surrogates and cut sequences. */
static int utf8_next(const uint8_t **p)
{
	static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};
	const uint8_t *s = *p;
	int more = utf8_more(*s);
	uint32_t c;

	if (more < 0)
		return -EILSEQ;
	c = more ? *s & (0x3fu >> more) : *s;
	for (int i = 1; i <= more; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return -EILSEQ;
		c = c << 6 | (s[i] & 0x3fu);
	}
	if (c < least[more] || (c >= 0xd800 && c < 0xe000) || c > 0x10ffff)
		return -EILSEQ;
	*p = s + more + 1;
	return (int)c;
}

static uint8_t *put_utf16le(uint8_t *out, uint32_t unit)
{
	out[0] = (uint8_t)unit;
	out[1] = (uint8_t)(unit >> 8);
	return out + 2;
}

int mschap_utf16(const char *password, uint8_t *ret, size_t *ret_n)
{
	const uint8_t *p = (const uint8_t *)password;
	uint8_t *out = ret;
	int c = 0;

	while (*p && (c = utf8_next(&p)) >= 0) {
		if (c < 0x10000) {
			out = put_utf16le(out, (uint32_t)c);
		} else {
			out = put_utf16le(out, 0xd800 + (((uint32_t)c - 0x10000) >> 10));
			out = put_utf16le(out, 0xdc00 + (((uint32_t)c - 0x10000) & 0x3ff));
		}
	}
	*ret_n = (size_t)(out - ret);
	return c < 0 ? c : 0;
}

int mschap_nt_hash(const char *password, uint8_t ret[static MSCHAP_NT_HASH_LEN])
{
	size_t cap = 2 * strlen(password) + 1, n;
	uint8_t *utf16 = malloc(cap);
	int r;

	if (!utf16)
		return -ENOMEM;
	r = mschap_utf16(password, utf16, &n);
	if (!r)
		r = hash_one(HASH_MD4, utf16, n, ret);
	explicit_bzero(utf16, cap);
	free(utf16);
	return r;
}

/* RFC 2759 8.2 ChallengeHash: the user name counts without its domain. */
static int challenge_hash(const uint8_t *peer_challenge, const uint8_t *auth_challenge,
	const char *user, size_t user_len, uint8_t ret[static SHA1_LEN])
{
	const char *slash = memchr(user, '\\', user_len);
	size_t skip = slash ? (size_t)(slash - user) + 1 : 0;
	struct octets parts[] = {{peer_challenge, MSCHAP_CHALLENGE_LEN},
		{auth_challenge, MSCHAP_CHALLENGE_LEN}, {user + skip, user_len - skip}};

	return hash_parts(HASH_SHA1, parts, 3, ret); /* its first 8 octets count */
}

int mschap_nt_response(const uint8_t auth_challenge[static MSCHAP_CHALLENGE_LEN],
	const uint8_t peer_challenge[static MSCHAP_CHALLENGE_LEN], const char *user,
	size_t user_len, const uint8_t nt_hash[static MSCHAP_NT_HASH_LEN],
	uint8_t ret[static MSCHAP_NT_RESPONSE_LEN])
{
	uint8_t challenge[SHA1_LEN], padded[21] = {0};
	int r = challenge_hash(peer_challenge, auth_challenge, user, user_len, challenge);

	memcpy(padded, nt_hash, MSCHAP_NT_HASH_LEN);
	for (size_t i = 0; i < 3 && !r; i++)
		r = des_encrypt_block(padded + 7 * i, challenge, ret + 8 * i);
	explicit_bzero(padded, sizeof(padded));
	return r;
}

int mschap_auth_response(const uint8_t nt_hash[static MSCHAP_NT_HASH_LEN],
	const uint8_t nt_response[static MSCHAP_NT_RESPONSE_LEN],
	const uint8_t auth_challenge[static MSCHAP_CHALLENGE_LEN],
	const uint8_t peer_challenge[static MSCHAP_CHALLENGE_LEN], const char *user,
	size_t user_len, char ret[static MSCHAP_AUTH_RESPONSE_LEN])
{
	static const char magic1[] = "Magic server to client signing constant";
	static const char magic2[] = "Pad to make it do more than one iteration";
	static const char digits[] = "0123456789ABCDEF";
	uint8_t hash_hash[MD4_LEN], digest[SHA1_LEN], challenge[SHA1_LEN];
	struct octets first[] = {{hash_hash, MD4_LEN}, {nt_response, MSCHAP_NT_RESPONSE_LEN},
		{magic1, sizeof(magic1) - 1}};
	struct octets second[] = {{digest, SHA1_LEN}, {challenge, 8}, {magic2, sizeof(magic2) - 1}};
	int r = hash_one(HASH_MD4, nt_hash, MSCHAP_NT_HASH_LEN, hash_hash);

	if (!r)
		r = hash_parts(HASH_SHA1, first, 3, digest);
	if (!r)
		r = challenge_hash(peer_challenge, auth_challenge, user, user_len, challenge);
	if (!r)
		r = hash_parts(HASH_SHA1, second, 3, digest);
	explicit_bzero(hash_hash, sizeof(hash_hash));
	if (r)
		return r;
	ret[0] = 'S';
	ret[1] = '=';
	for (size_t i = 0; i < SHA1_LEN; i++) {
		ret[2 + 2 * i] = digits[digest[i] >> 4];
		ret[3 + 2 * i] = digits[digest[i] & 15];
	}
	return 0;
}

/* RFC 3079 3.4 GetAsymmetricStartKey, 128 bit. */
static int start_key(const uint8_t *master_key, const char *magic, size_t magic_len, uint8_t *ret)
{
	uint8_t pad1[40], pad2[40], digest[SHA1_LEN];
	struct octets parts[] = {{master_key, 16}, {pad1, 40}, {magic, magic_len}, {pad2, 40}};
	int r;

	memset(pad1, 0, sizeof(pad1));
	memset(pad2, 0xf2, sizeof(pad2));
	r = hash_parts(HASH_SHA1, parts, 4, digest);
	memcpy(ret, digest, 16);
	explicit_bzero(digest, sizeof(digest));
	return r;
}

int mschap_hlak(const uint8_t nt_hash[static MSCHAP_NT_HASH_LEN],
	const uint8_t nt_response[static MSCHAP_NT_RESPONSE_LEN],
	uint8_t ret[static MSCHAP_HLAK_LEN])
{
	static const char magic1[] = "This is the MPPE Master Key";
	static const char magic2[] =
		"On the client side, this is the send key; on the server side, it is the receive key.";
	static const char magic3[] =
		"On the client side, this is the receive key; on the server side, it is the send key.";
	uint8_t hash_hash[MD4_LEN], master_key[SHA1_LEN];
	struct octets parts[] = {{hash_hash, MD4_LEN}, {nt_response, MSCHAP_NT_RESPONSE_LEN},
		{magic1, sizeof(magic1) - 1}};
	int r = hash_one(HASH_MD4, nt_hash, MSCHAP_NT_HASH_LEN, hash_hash);

	if (!r)
		r = hash_parts(HASH_SHA1, parts, 3, master_key);
	if (!r)
		r = start_key(master_key, magic2, sizeof(magic2) - 1, ret);
	if (!r)
		r = start_key(master_key, magic3, sizeof(magic3) - 1, ret + 16);
	explicit_bzero(hash_hash, sizeof(hash_hash));
	explicit_bzero(master_key, sizeof(master_key));
	return r;
}
