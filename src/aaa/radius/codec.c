// SPDX-License-Identifier: Apache-2.0
#include "aaa/radius/codec.h"

#include <errno.h>
#include <string.h>

#include "base/crypto.h"

#define MESSAGE_AUTHENTICATOR_AT (RADIUS_HEADER_LEN + 2) /* when it is the first attribute */
#define VENDOR_SPECIFIC 26
#define PASSWORD_MAX 128

/* ---- writing ----------------------------------------------------------- */

void radius_begin(struct radius_builder *b, enum radius_code code, uint8_t identifier,
	const uint8_t *authenticator, bool sealed, void *room, size_t cap)
{
	static const uint8_t zeros[RADIUS_AUTHENTICATOR_LEN];

	*b = (struct radius_builder){
		.wr = wr_init(room, cap < RADIUS_PACKET_MAX ? cap : RADIUS_PACKET_MAX),
		.sealed = sealed};
	wr_u8(&b->wr, (uint8_t)code);
	wr_u8(&b->wr, identifier);
	wr_be16(&b->wr, 0);
	wr_octets(&b->wr, authenticator ? authenticator : zeros, RADIUS_AUTHENTICATOR_LEN);
	if (sealed)
		radius_put(b, RADIUS_MESSAGE_AUTHENTICATOR, zeros, sizeof(zeros));
}

void radius_put(struct radius_builder *b, uint64_t id, const void *octets, size_t n)
{
	size_t head = id >> 8 ? 6 : 0;

	if (n + head > RADIUS_VALUE_MAX) {
		b->wr.overflow = true;
		return;
	}
	if (head) {
		wr_u8(&b->wr, VENDOR_SPECIFIC);
		wr_u8(&b->wr, (uint8_t)(n + head + 2));
		wr_be32(&b->wr, (uint32_t)(id >> 8));
	}
	wr_u8(&b->wr, (uint8_t)id);
	wr_u8(&b->wr, (uint8_t)(n + 2));
	wr_octets(&b->wr, octets, n);
}

void radius_put_text(struct radius_builder *b, uint64_t id, const char *text)
{
	if (*text)
		radius_put(b, id, text, strlen(text));
}

void radius_put_u32(struct radius_builder *b, uint64_t id, uint32_t value)
{
	uint8_t octets[4];
	struct wr w = wr_init(octets, sizeof(octets));

	wr_be32(&w, value);
	radius_put(b, id, octets, sizeof(octets));
}

void radius_put_addr(struct radius_builder *b, uint64_t id, const struct addr *a)
{
	radius_put(b, id, a->octets, addr_len(a));
}

void radius_put_pieces(struct radius_builder *b, uint64_t id, const void *octets, size_t n)
{
	const uint8_t *p = octets;

	do {
		size_t piece = n < RADIUS_VALUE_MAX ? n : RADIUS_VALUE_MAX;

		radius_put(b, id, p, piece);
		p += piece;
		n -= piece;
	} while (n);
}

/*
 * c = p xor MD5(secret | before), 16 octets at a time; `before` is the ciphertext of the last 16.
 */
static int hide_block(const struct radius_secret *secret, const struct octets *before,
	size_t n_before, const uint8_t in[static MD5_LEN], uint8_t ret[static MD5_LEN])
{
	struct octets parts[3] = {{secret->octets, secret->len}};
	uint8_t pad[MD5_LEN];
	int r;

	memcpy(parts + 1, before, n_before * sizeof(*before));
	r = hash_parts(HASH_MD5, parts, n_before + 1, pad);
	for (size_t i = 0; i < MD5_LEN; i++)
		ret[i] = in[i] ^ pad[i];
	explicit_bzero(pad, sizeof(pad));
	return r;
}

void radius_put_password(struct radius_builder *b, const struct radius_secret *secret,
	const void *password, size_t n)
{
	uint8_t clear[PASSWORD_MAX] = {0}, hidden[PASSWORD_MAX];
	size_t padded = n ? (n + 15) / 16 * 16 : 16;
	struct octets before = {b->wr.start + 4, RADIUS_AUTHENTICATOR_LEN};

	if (n > PASSWORD_MAX) {
		b->wr.overflow = true;
		return;
	}
	memcpy(clear, password, n);
	for (size_t at = 0; at < padded; at += MD5_LEN) {
		if (hide_block(secret, &before, 1, clear + at, hidden + at) < 0)
			b->wr.overflow = true;
		before.p = hidden + at;
	}
	explicit_bzero(clear, sizeof(clear));
	radius_put(b, RADIUS_USER_PASSWORD, hidden, padded);
}

static int seal(struct radius_builder *b, const struct radius_secret *secret)
{
	struct octets whole = {b->wr.start, wr_len(&b->wr)};

	return b->sealed ? hmac_parts(HASH_MD5, secret->octets, secret->len, &whole, 1,
				   b->wr.start + MESSAGE_AUTHENTICATOR_AT)
			 : 0;
}

static bool has_own_authenticator(uint8_t code)
{
	return code == RADIUS_ACCESS_REQUEST || code == RADIUS_STATUS_SERVER;
}

/* MD5(code, identifier, length | authenticator | attributes | secret) into the header. */
static int sign(struct radius_builder *b, const struct radius_secret *secret)
{
	const struct octets parts[] = {
		{b->wr.start, wr_len(&b->wr)}, {secret->octets, secret->len}};
	uint8_t digest[MD5_LEN];
	int r = hash_parts(HASH_MD5, parts, 2, digest);

	memcpy(b->wr.start + 4, digest, sizeof(digest));
	return r;
}

int radius_finish_request(struct radius_builder *b, const struct radius_secret *secret)
{
	int r;

	if (b->wr.overflow)
		return -EMSGSIZE;
	wr_patch_be16(b->wr.start + 2, wr_len(&b->wr));
	r = seal(b, secret);
	if (!r && !has_own_authenticator(b->wr.start[0]))
		r = sign(b, secret);
	return r < 0 ? r : (int)wr_len(&b->wr);
}

int radius_finish_reply(struct radius_builder *b, const struct radius_secret *secret,
	const uint8_t request[static RADIUS_AUTHENTICATOR_LEN])
{
	int r;

	if (b->wr.overflow)
		return -EMSGSIZE;
	wr_patch_be16(b->wr.start + 2, wr_len(&b->wr));
	memcpy(b->wr.start + 4, request, RADIUS_AUTHENTICATOR_LEN);
	r = seal(b, secret);
	if (!r)
		r = sign(b, secret);
	return r < 0 ? r : (int)wr_len(&b->wr);
}

/* ---- reading ----------------------------------------------------------- */

int radius_parse(const void *octets, size_t n, struct radius_packet *ret)
{
	struct rd r = rd_init(octets, n);
	struct radius_packet p = {.octets = octets};

	p.code = rd_u8(&r);
	p.identifier = rd_u8(&r);
	p.len = rd_be16(&r);
	p.authenticator = rd_ptr(&r, RADIUS_AUTHENTICATOR_LEN);
	if (r.short_read || p.len < RADIUS_HEADER_LEN || p.len > RADIUS_PACKET_MAX || p.len > n)
		return -EPROTO;
	*ret = p;
	return 0;
}

const char *radius_trust_word(enum radius_trust t)
{
	static const char *const words[RADIUS_TRUSTS] = {
		[RADIUS_TRUSTED] = "trusted",
		[RADIUS_WRONG_AUTHENTICATOR] = "wrong-authenticator",
		[RADIUS_WRONG_MESSAGE_AUTHENTICATOR] = "wrong-message-authenticator",
		[RADIUS_NO_MESSAGE_AUTHENTICATOR] = "no-message-authenticator",
		[RADIUS_MALFORMED] = "malformed",
		[RADIUS_FOREIGN_PROXY_STATE] = "foreign-proxy-state",
	};

	return words[t];
}

/* What the outer attributes say before they may be used. */
struct survey {
	unsigned n_seals;
	const uint8_t *seal; /* the value of the Message-Authenticator */
	bool seal_is_whole, eap, proxy_state;
};

static bool survey(const struct radius_packet *p, struct survey *ret)
{
	struct rd r = rd_init(p->octets + RADIUS_HEADER_LEN, p->len - RADIUS_HEADER_LEN);

	*ret = (struct survey){0};
	while (rd_left(&r)) {
		uint8_t type = rd_u8(&r), len = rd_u8(&r);
		const uint8_t *value = len < 2 ? NULL : rd_ptr(&r, len - 2u);

		if (r.short_read || len < 2)
			return false;
		if (type == RADIUS_MESSAGE_AUTHENTICATOR) {
			ret->n_seals++;
			ret->seal = value;
			ret->seal_is_whole = len == 2 + MD5_LEN;
		}
		ret->eap |= type == RADIUS_EAP_MESSAGE;
		ret->proxy_state |= type == RADIUS_PROXY_STATE;
	}
	return true;
}

static bool digest_is_right(const struct radius_packet *p, const uint8_t *authenticator,
	const struct radius_secret *secret)
{
	const struct octets parts[] = {{p->octets, 4}, {authenticator, RADIUS_AUTHENTICATOR_LEN},
		{p->octets + RADIUS_HEADER_LEN, p->len - RADIUS_HEADER_LEN},
		{secret->octets, secret->len}};
	uint8_t digest[MD5_LEN];

	return !hash_parts(HASH_MD5, parts, 4, digest) &&
	       crypto_equal(digest, p->authenticator, sizeof(digest));
}

/* HMAC-MD5 over the packet with `authenticator` in its header and zeros for the seal. */
static bool seal_is_right(const struct radius_packet *p, const uint8_t *authenticator,
	const struct radius_secret *secret, const uint8_t *at)
{
	static const uint8_t zeros[MD5_LEN];
	const uint8_t *attributes = p->octets + RADIUS_HEADER_LEN, *behind = at + MD5_LEN;
	const struct octets parts[] = {{p->octets, 4}, {authenticator, RADIUS_AUTHENTICATOR_LEN},
		{attributes, (size_t)(at - attributes)}, {zeros, sizeof(zeros)},
		{behind, (size_t)(p->octets + p->len - behind)}};
	uint8_t digest[MD5_LEN];

	return !hmac_parts(HASH_MD5, secret->octets, secret->len, parts, 5, digest) &&
	       crypto_equal(digest, at, sizeof(digest));
}

static enum radius_trust verify(const struct radius_packet *p, const uint8_t *authenticator,
	const struct radius_secret *secret, bool require, struct survey *s)
{
	*s = (struct survey){0};
	if (!digest_is_right(p, authenticator, secret))
		return RADIUS_WRONG_AUTHENTICATOR;
	if (!survey(p, s))
		return RADIUS_MALFORMED;
	if (!s->n_seals)
		return require || s->eap ? RADIUS_NO_MESSAGE_AUTHENTICATOR : RADIUS_TRUSTED;
	if (s->n_seals > 1 || !s->seal_is_whole ||
		!seal_is_right(p, authenticator, secret, s->seal))
		return RADIUS_WRONG_MESSAGE_AUTHENTICATOR;
	return RADIUS_TRUSTED;
}

enum radius_trust radius_verify_reply(const struct radius_packet *p,
	const uint8_t request[static RADIUS_AUTHENTICATOR_LEN], const struct radius_secret *secret,
	bool require, bool *ret_sealed)
{
	struct survey s;
	enum radius_trust t = verify(p, request, secret, require, &s);

	*ret_sealed = s.n_seals > 0;
	return t == RADIUS_TRUSTED && s.proxy_state ? RADIUS_FOREIGN_PROXY_STATE : t;
}

enum radius_trust radius_verify_request(const struct radius_packet *p,
	const struct radius_secret *secret, bool require, bool *ret_sealed)
{
	static const uint8_t zeros[RADIUS_AUTHENTICATOR_LEN];
	struct survey s;
	enum radius_trust t = verify(p, zeros, secret, require, &s);

	*ret_sealed = s.n_seals > 0;
	return t;
}

void radius_attributes(const struct radius_packet *p, struct radius_walk *ret)
{
	*ret = (struct radius_walk){
		.rest = rd_init(p->octets + RADIUS_HEADER_LEN, p->len - RADIUS_HEADER_LEN)};
	ret->inner = rd_init(NULL, 0);
}

/* Is it a row of parts of type, length, value? */
static bool has_parts(struct rd r)
{
	if (!rd_left(&r))
		return false;
	while (rd_left(&r)) {
		uint8_t len;

		rd_u8(&r);
		len = rd_u8(&r);
		if (len < 2)
			return false;
		rd_ptr(&r, len - 2u);
		if (r.short_read)
			return false;
	}
	return true;
}

static bool take(struct rd *r, uint32_t vendor, struct radius_attribute *ret)
{
	uint8_t type = rd_u8(r), len = rd_u8(r);

	if (r->short_read || len < 2)
		return false;
	ret->id = RADIUS_ID(vendor, type);
	ret->data = rd_sub(r, len - 2u);
	return !r->short_read;
}

bool radius_next(struct radius_walk *walk, struct radius_attribute *ret)
{
	if (rd_left(&walk->inner))
		return take(&walk->inner, walk->vendor, ret);
	if (!rd_left(&walk->rest) || !take(&walk->rest, 0, ret))
		return false;
	if (ret->id != VENDOR_SPECIFIC || rd_left(&ret->data) < 4)
		return true;
	walk->vendor = rd_be32(&ret->data);
	if (has_parts(ret->data)) {
		walk->inner = ret->data;
		return take(&walk->inner, walk->vendor, ret);
	}
	ret->id = RADIUS_ID(walk->vendor, 0);
	return true;
}

bool radius_find(const struct radius_packet *p, uint64_t id, struct rd *ret)
{
	struct radius_walk walk;
	struct radius_attribute a;

	radius_attributes(p, &walk);
	while (radius_next(&walk, &a))
		if (a.id == id) {
			*ret = a.data;
			return true;
		}
	return false;
}

bool radius_u32(struct rd data, uint32_t *ret)
{
	if (rd_left(&data) != 4)
		return false;
	*ret = rd_be32(&data);
	return true;
}

bool radius_addr(struct rd data, int family, struct addr *ret)
{
	size_t n = family == AF_INET ? 4 : 16;

	if (rd_left(&data) != n)
		return false;
	*ret = (struct addr){.family = (uint8_t)family};
	rd_copy(&data, ret->octets, n);
	return true;
}

#define SALT_LEN 2

int radius_open_key(struct rd data, const uint8_t request[static RADIUS_AUTHENTICATOR_LEN],
	const struct radius_secret *secret, uint8_t ret[static RADIUS_KEY_MAX])
{
	uint8_t clear[RADIUS_VALUE_MAX];
	const uint8_t *salt = rd_ptr(&data, SALT_LEN), *hidden = data.p;
	struct octets before[2] = {{request, RADIUS_AUTHENTICATOR_LEN}, {salt, SALT_LEN}};
	size_t n = rd_left(&data);
	int r = 0, len;

	if (!salt || !n || n % MD5_LEN || n > sizeof(clear))
		return -EBADMSG;
	for (size_t at = 0; at < n && !r; at += MD5_LEN) {
		r = hide_block(secret, before, at ? 1 : 2, hidden + at, clear + at);
		before[0] = (struct octets){hidden + at, MD5_LEN};
	}
	len = clear[0];
	if (!r && (!len || len > RADIUS_KEY_MAX || (size_t)len >= n || (size_t)len + MD5_LEN < n))
		r = -EBADMSG;
	if (!r)
		memcpy(ret, clear + 1, (size_t)len);
	explicit_bzero(clear, sizeof(clear));
	return r < 0 ? r : len;
}
