// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation
 *
 *     client  NEGOTIATE_MESSAGE     what it can do
 *     server  CHALLENGE_MESSAGE     eight random octets, and who it is: pairs of number and value (AV)
 *     client  AUTHENTICATE_MESSAGE  names, and NTProofStr = HMAC-MD5(key of the password, octets | blob)
 *
 * The blob holds the time, random octets of ours and the server's pairs. A server that names its time
 * understands the MIC (3.1.5.1.2): a checksum over all three messages, which a stranger on the way who
 * changed the first two cannot make. Numbers are little-endian, texts UTF-16.
 */
#include "http/ntlm.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base/auto.h"
#include "base/crypto.h"
#include "base/hex.h"
#include "base/mschap.h"
#include "base/text.h"

/* 2.2.2.5; what is asked for here, and of what the server grants only this is repeated */
#define FLAG_UNICODE 0x00000001u
#define FLAG_REQUEST_TARGET 0x00000004u
#define FLAG_NTLM 0x00000200u
#define FLAG_ALWAYS_SIGN 0x00008000u
#define FLAG_EXTENDED_SECURITY 0x00080000u
#define FLAG_TARGET_INFO 0x00800000u
#define FLAGS_ASKED                                                                                \
	(FLAG_UNICODE | FLAG_REQUEST_TARGET | FLAG_NTLM | FLAG_ALWAYS_SIGN | FLAG_EXTENDED_SECURITY)

/* 2.2.2.1 AV_PAIR */
#define AV_EOL 0
#define AV_FLAGS 6
#define AV_TIMESTAMP 7
#define AV_FLAG_MIC 2u

#define HELLO_LEN 32
#define CHALLENGE_MIN 32 /* without target information, which stands at 40 */
#define CHALLENGE_MAX (HTTP_NTLM_CHALLENGE_TEXT / 4 * 3)
#define MIC_AT 72
#define PAYLOAD_AT 88
#define NAME_MAX_OCTETS 512 /* 256 characters */
#define BLOB_MAX (28 + CHALLENGE_MAX + 8 + 4)
#define ANSWER_MAX (PAYLOAD_AT + 2 * NAME_MAX_OCTETS + 24 + MD5_LEN + BLOB_MAX)

static const uint8_t signature[8] = "NTLMSSP";

static uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] | p[1] << 8);
}

static uint32_t get32(const uint8_t *p)
{
	return get16(p) | (uint32_t)get16(p + 2) << 16;
}

static void put16(uint8_t *p, size_t v)
{
	p[0] = (uint8_t)v;
	p[1] = (uint8_t)(v >> 8);
}

static void put32(uint8_t *p, size_t v)
{
	put16(p, v);
	put16(p + 2, v >> 16);
}

static int to_header(const uint8_t *message, size_t n, char *ret, size_t cap)
{
	static const char scheme[] = "NTLM ";

	if (strlen(scheme) + 4 * ((n + 2) / 3) + 1 > cap)
		return -ENOSPC;
	strcpy(ret, scheme);
	base64_encode(message, n, ret + strlen(scheme));
	return 0;
}

/* 2.2.1.1, without names: they are optional, and say something of this machine to a stranger. */
static void write_hello(uint8_t ret[static HELLO_LEN])
{
	memset(ret, 0, HELLO_LEN);
	memcpy(ret, signature, sizeof(signature));
	put32(ret + 8, 1);
	put32(ret + 12, FLAGS_ASKED);
}

int http_ntlm_hello(char *ret, size_t cap)
{
	uint8_t hello[HELLO_LEN];

	write_hello(hello);
	return to_header(hello, sizeof(hello), ret, cap);
}

/* ---- the server's message ---------------------------------------------------------- */

struct challenge {
	uint8_t octets[CHALLENGE_MAX];
	size_t n;
	const uint8_t *server; /* its eight random octets */
	uint32_t flags;
	const uint8_t *info; /* the pairs, without the one that ends them */
	size_t info_n;
	const uint8_t *time; /* NULL: it names none */
	uint32_t av_flags;
};

/* 2.2.2.1: number, length, value; up to AV_EOL, which has to be there. */
static int parse_info(struct challenge *c, const uint8_t *p, size_t n)
{
	size_t at = 0;

	c->info = p;
	while (at + 4 <= n) {
		uint16_t id = get16(p + at), len = get16(p + at + 2);

		if (id == AV_EOL) {
			c->info_n = at;
			return 0;
		}
		if (len > n - at - 4 || (id == AV_TIMESTAMP && len != 8) ||
			(id == AV_FLAGS && len != 4))
			return -EPROTO;
		if (id == AV_TIMESTAMP)
			c->time = p + at + 4;
		if (id == AV_FLAGS)
			c->av_flags = get32(p + at + 4);
		at += 4u + len;
	}
	return n ? -EPROTO : 0;
}

/* 2.2.1.2 CHALLENGE_MESSAGE */
static int parse_challenge(const char *text, struct challenge *ret)
{
	int n = base64_decode(text, ret->octets, sizeof(ret->octets));
	uint32_t len, at;

	if (n < CHALLENGE_MIN || memcmp(ret->octets, signature, sizeof(signature)) ||
		get32(ret->octets + 8) != 2)
		return -EPROTO;
	ret->n = (size_t)n;
	ret->flags = get32(ret->octets + 20);
	ret->server = ret->octets + 24;
	ret->info = ret->octets;
	ret->info_n = 0;
	ret->time = NULL;
	ret->av_flags = 0;
	if (!(ret->flags & FLAG_UNICODE))
		return -ENOTSUP;
	if (!(ret->flags & FLAG_TARGET_INFO) || ret->n < 48)
		return 0;
	len = get16(ret->octets + 40);
	at = get32(ret->octets + 44);
	if (at > ret->n || len > ret->n - at)
		return -EPROTO;
	return parse_info(ret, ret->octets + at, len);
}

/* ---- the answer ---------------------------------------------------------- */

struct name {
	uint8_t octets[NAME_MAX_OCTETS];
	size_t n;
};

/* n octets of UTF-8 in UTF-16; upper: as NTOWFv2 has it. */
static int to_utf16(const char *text, size_t n, bool upper, struct name *ret);

struct answer {
	struct challenge challenge;
	struct name user, domain, upper;
	uint8_t key[MD5_LEN];   /* NTOWFv2 (3.3.2) */
	uint8_t proof[MD5_LEN]; /* NTProofStr */
	uint8_t blob[BLOB_MAX];
	size_t blob_n;
	uint8_t message[ANSWER_MAX];
	size_t n;
};

/*
 * Simple upper-case forms of the letters that names are made of: Latin, Greek, Cyrillic. Windows has a
 * table of its own; a name with others is left as it is, which is right when it is in capitals.
 */
static uint32_t to_upper(uint32_t c)
{
	if ((c >= 'a' && c <= 'z') || (c >= 0xe0 && c <= 0xfe && c != 0xf7) ||
		(c >= 0x3b1 && c <= 0x3c9 && c != 0x3c2) || (c >= 0x430 && c <= 0x44f))
		return c - 0x20;
	if (c >= 0x450 && c <= 0x45f)
		return c - 0x50;
	if (c == 0xff)
		return 0x178;
	/* Pairs, the small letter behind the capital: on odd numbers, then on even ones */
	if ((c >= 0x100 && c <= 0x137 && c != 0x131) || (c >= 0x14a && c <= 0x177) ||
		(c >= 0x460 && c <= 0x481) || (c >= 0x48a && c <= 0x4bf))
		return c & ~1u;
	if ((c >= 0x139 && c <= 0x148) || (c >= 0x179 && c <= 0x17e))
		return c & 1 ? c : c - 1;
	return c;
}

static int to_utf16(const char *text, size_t n, bool upper, struct name *ret)
{
	uint32_t c;

	ret->n = 0;
	for (size_t i = 0, used; i < n; i += used) {
		used = text_decode(text + i, n - i, &c);
		if (!used)
			return -EILSEQ;
		if (ret->n + 4 > sizeof(ret->octets))
			return -ENOSPC;
		if (upper)
			c = to_upper(c);
		if (c >= 0x10000) {
			put16(ret->octets + ret->n, 0xd800 + ((c - 0x10000) >> 10));
			ret->n += 2;
			c = 0xdc00 + ((c - 0x10000) & 0x3ff);
		}
		put16(ret->octets + ret->n, c);
		ret->n += 2;
	}
	return 0;
}

static int take_names(struct answer *a, const char *user)
{
	const char *slash = strchr(user, '\\'), *name = slash ? slash + 1 : user;
	int r = to_utf16(user, slash ? (size_t)(slash - user) : 0, false, &a->domain);

	if (!r)
		r = to_utf16(name, strlen(name), false, &a->user);
	if (!r)
		r = to_utf16(name, strlen(name), true, &a->upper);
	return r;
}

/* 3.3.2 NTOWFv2: the password's hash over the name in capitals and the domain as it is. */
static int make_key(struct answer *a, const char *password)
{
	const struct octets parts[] = {
		{a->upper.octets, a->upper.n}, {a->domain.octets, a->domain.n}};
	uint8_t nt[MSCHAP_NT_HASH_LEN];
	int r = mschap_nt_hash(password, nt);

	if (!r)
		r = hmac_parts(HASH_MD5, nt, sizeof(nt), parts, ARRAY_SIZE(parts), a->key);
	explicit_bzero(nt, sizeof(nt));
	return r;
}

/* The server's pairs, with ours: there is a MIC. */
static size_t write_info(const struct challenge *c, uint8_t *ret)
{
	size_t used = 0;

	for (size_t at = 0; at < c->info_n;) {
		size_t n = 4u + get16(c->info + at + 2);

		if (get16(c->info + at) != AV_FLAGS) {
			memcpy(ret + used, c->info + at, n);
			used += n;
		}
		at += n;
	}
	if (c->time || c->av_flags) {
		put16(ret + used, AV_FLAGS);
		put16(ret + used + 2, 4);
		put32(ret + used + 4, c->av_flags | (c->time ? AV_FLAG_MIC : 0));
		used += 8;
	}
	memset(ret + used, 0, 4); /* AV_EOL */
	return used + 4;
}

/* 2.2.2.7 NTLMv2_CLIENT_CHALLENGE; 3.3.2 for the four octets behind it. */
static void write_blob(struct answer *a, const struct http_ntlm_opts *o)
{
	uint8_t *p = a->blob;

	memset(p, 0, 28);
	p[0] = p[1] = 1;
	if (a->challenge.time)
		memcpy(p + 8, a->challenge.time, 8);
	else
		for (unsigned i = 0; i < 8; i++)
			p[8 + i] = (uint8_t)(o->wall_100ns >> 8 * i);
	memcpy(p + 16, o->nonce, HTTP_NTLM_NONCE_LEN);
	a->blob_n = 28 + write_info(&a->challenge, p + 28);
	memset(p + a->blob_n, 0, 4);
	a->blob_n += 4;
}

static int make_proof(struct answer *a)
{
	const struct octets parts[] = {{a->challenge.server, 8}, {a->blob, a->blob_n}};

	return hmac_parts(HASH_MD5, a->key, sizeof(a->key), parts, ARRAY_SIZE(parts), a->proof);
}

/* LMv2 (3.3.2), which a server that names its time does not look at (3.1.5.1.2). */
static int make_lm(const struct answer *a, const uint8_t *nonce, uint8_t ret[static 24])
{
	const struct octets parts[] = {{a->challenge.server, 8}, {nonce, HTTP_NTLM_NONCE_LEN}};

	memset(ret, 0, 24);
	if (a->challenge.time)
		return 0;
	memcpy(ret + MD5_LEN, nonce, HTTP_NTLM_NONCE_LEN);
	return hmac_parts(HASH_MD5, a->key, sizeof(a->key), parts, ARRAY_SIZE(parts), ret);
}

/* A field's length twice, and where its octets are; they are appended. */
static void put_field(struct answer *a, size_t at, const void *octets, size_t n)
{
	put16(a->message + at, n);
	put16(a->message + at + 2, n);
	put32(a->message + at + 4, a->n);
	memcpy(a->message + a->n, octets, n);
	a->n += n;
}

static void write_message(struct answer *a, const uint8_t lm[static 24])
{
	uint8_t nt[MD5_LEN + BLOB_MAX];

	memcpy(nt, a->proof, MD5_LEN);
	memcpy(nt + MD5_LEN, a->blob, a->blob_n);
	memset(a->message, 0, PAYLOAD_AT);
	memcpy(a->message, signature, sizeof(signature));
	put32(a->message + 8, 3);
	a->n = PAYLOAD_AT;
	put_field(a, 28, a->domain.octets, a->domain.n);
	put_field(a, 36, a->user.octets, a->user.n);
	put_field(a, 44, "", 0); /* no name of this machine */
	put_field(a, 12, lm, 24);
	put_field(a, 20, nt, MD5_LEN + a->blob_n);
	put_field(a, 52, "", 0); /* no session key: nothing is sealed by it */
	put32(a->message + 60, a->challenge.flags & (FLAGS_ASKED | FLAG_TARGET_INFO));
}

/* 3.1.5.1.2: HMAC-MD5 with the session's key, itself one of NTProofStr (3.3.2), over all messages. */
static int add_mic(struct answer *a)
{
	uint8_t hello[HELLO_LEN], session[MD5_LEN], mic[MD5_LEN];
	const struct octets proof = {a->proof, sizeof(a->proof)};
	const struct octets all[] = {
		{hello, sizeof(hello)}, {a->challenge.octets, a->challenge.n}, {a->message, a->n}};
	int r = hmac_parts(HASH_MD5, a->key, sizeof(a->key), &proof, 1, session);

	if (r || !a->challenge.time)
		return r;
	write_hello(hello);
	r = hmac_parts(HASH_MD5, session, sizeof(session), all, ARRAY_SIZE(all), mic);
	memcpy(a->message + MIC_AT, mic, sizeof(mic));
	explicit_bzero(session, sizeof(session));
	return r;
}

static int make_answer(struct answer *a, const struct http_ntlm_opts *o)
{
	uint8_t lm[24];
	int r = parse_challenge(o->challenge, &a->challenge);

	if (!r)
		r = take_names(a, o->user);
	if (!r)
		r = make_key(a, o->password);
	if (r)
		return r;
	write_blob(a, o);
	r = make_proof(a);
	if (!r)
		r = make_lm(a, o->nonce, lm);
	if (r)
		return r;
	write_message(a, lm);
	return add_mic(a);
}

int http_ntlm_answer(const struct http_ntlm_opts *opts, char *ret, size_t cap)
{
	struct answer a;
	int r = make_answer(&a, opts);

	if (!r)
		r = to_header(a.message, a.n, ret, cap);
	explicit_bzero(&a, sizeof(a));
	return r;
}
