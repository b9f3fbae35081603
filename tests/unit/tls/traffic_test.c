// SPDX-License-Identifier: Apache-2.0
/*
 * What the record layer of TLS 1.3 answers to each record that a peer with the keys can send after the
 * handshake: one row a case, named by its section of RFC 8446. The peer is made here from RFC 8446
 * alone (HKDF and the AEAD of libcrypto), so an error of record.c cannot hide on both sides.
 *
 * Each row runs three times: all records in one read, octet by octet, and into little room.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <string.h>

#include "tls/private.h"

/* A row names what it sends and leaves the rest at zero. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

#define WIRE_MAX 300000
#define TEXT_MAX 200000
#define BIG 16384
#define STEPS_MAX 6

/* ---- the peer's side, by the book ---- */

struct sender {
	uint8_t secret[32], key[16], iv[12];
	uint64_t sequence;
};

/* RFC 8446 7.1 with SHA-256 and one block: HKDF-Expand(secret, length, "tls13 " label, ""). */
static void expand(const uint8_t secret[static 32], const char *label, uint8_t *ret, size_t n)
{
	uint8_t info[64] = {0, (uint8_t)n, (uint8_t)(6 + strlen(label))}, block[32];
	size_t len = 3;
	unsigned got;

	memcpy(info + len, "tls13 ", 6);
	memcpy(info + len + 6, label, strlen(label));
	len += 6 + strlen(label);
	info[len++] = 0; /* no context */
	info[len++] = 1; /* the first block, and the last */
	HMAC(EVP_sha256(), secret, 32, info, len, block, &got);
	memcpy(ret, block, n);
}

static void set_keys(struct sender *s)
{
	expand(s->secret, "key", s->key, sizeof(s->key));
	expand(s->secret, "iv", s->iv, sizeof(s->iv));
	s->sequence = 0;
}

static void next_key(struct sender *s)
{
	uint8_t next[32];

	expand(s->secret, "traffic upd", next, sizeof(next));
	memcpy(s->secret, next, sizeof(next));
	set_keys(s);
}

/* 5.2: the inner plaintext as it is given, behind `header`. Returns octets of tag and ciphertext. */
static size_t encrypt(struct sender *s, const uint8_t header[static 5], const uint8_t *inner,
	size_t n, uint8_t *ret)
{
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	uint8_t nonce[12];
	int len;

	memcpy(nonce, s->iv, sizeof(nonce));
	for (int i = 0; i < 8; i++)
		nonce[11 - i] ^= (uint8_t)(s->sequence >> 8 * i);
	s->sequence++;
	assert_int_equal(EVP_EncryptInit_ex(c, EVP_aes_128_gcm(), NULL, s->key, nonce), 1);
	assert_int_equal(EVP_EncryptUpdate(c, NULL, &len, header, 5), 1);
	if (n)
		assert_int_equal(EVP_EncryptUpdate(c, ret, &len, inner, (int)n), 1);
	assert_int_equal(EVP_EncryptFinal_ex(c, ret + n, &len), 1);
	assert_int_equal(EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, 16, ret + n), 1);
	EVP_CIPHER_CTX_free(c);
	return n + 16;
}

/* ---- rows ---- */

enum how {
	SEALED,  /* as 5.2 says */
	FLIPPED, /* and one bit of the tag turned */
	TWICE,   /* sent a second time, octet for octet */
	PLAIN,   /* not encrypted at all: `type` is the outer one */
	NO_TYPE, /* an inner plaintext of zeros only, `pad` of them */
	GARBAGE, /* `pad` octets of what no key has made */
	HEADER,  /* a header that promises `pad` octets, and nothing behind it */
	NEW_KEY, /* nothing is sent: the sender changes its key */
	SKIPPED, /* as if a record had been lost before it */
	VERSION, /* with `pad` as the header's version, which is in the tag, too */
	OUTER,   /* sealed, but `pad` is the outer type */
};

struct step {
	enum how how;
	uint8_t type;
	const char *text;
	size_t n;       /* of text; with text NULL: so many octets of data */
	size_t pad;     /* see above; for SEALED: zeros behind the type */
	unsigned times; /* 0: once */
};

enum end { GOES_ON, CLOSED, REFUSED, HEARD }; /* HEARD: an alert of the peer, and none of ours */

struct row {
	const char *name; /* begins with the section */
	char role;        /* 's': ours is the server, 'c': the client */
	struct step steps[STEPS_MAX];
	size_t data; /* octets that come out */
	enum end end;
	uint8_t alert; /* ours (REFUSED), the peer's (HEARD) */
	enum event event;
};

#define T(s) (s), sizeof(s) - 1
#define DATA(s)                                                                                    \
	{                                                                                          \
		SEALED, 23, T(s)                                                                   \
	}
#define SHAKE(s)                                                                                   \
	{                                                                                          \
		SEALED, 22, T(s)                                                                   \
	}
#define ALERT(s)                                                                                   \
	{                                                                                          \
		SEALED, 21, T(s)                                                                   \
	}
#define UPDATE SHAKE("\x18\0\0\1\0")
#define UPDATE_ASKED SHAKE("\x18\0\0\1\1")
#define NEW                                                                                        \
	{                                                                                          \
		NEW_KEY                                                                            \
	}
/* 4.6.1: lifetime, age_add, nonce of one octet, ticket of two, no extensions */
#define TICKET "\4\0\0\x10\0\0\1\0\1\2\3\4\1\0\0\2ab\0\0"

enum { UNEXPECTED = 10, BAD_MAC = 20, OVERFLOWS = 22, ILLEGAL = 47, DECODE = 50 };

#define OK GOES_ON, 0, EV_NONE
#define NO(alert) REFUSED, alert, EV_TLS_PROTOCOL
#define DAMAGED REFUSED, BAD_MAC, EV_TLS_DAMAGED
#define FLOOD REFUSED, UNEXPECTED, EV_TLS_FLOOD

// clang-format off
static const struct row rows[] = {
	/* 5.1, 5.2: records */
	{"5.2 data", 's', {DATA("abc")}, 3, OK},
	{"5.2 data to a client", 'c', {DATA("abc")}, 3, OK},
	{"5.2 two records", 's', {DATA("abc"), DATA("de")}, 5, OK},
	{"5.1 a full record", 's', {{SEALED, 23, NULL, BIG}}, BIG, OK},
	{"5.1 several full records", 's', {{SEALED, 23, NULL, BIG, 0, 4}}, 4 * BIG, OK},
	{"5.4 a text of 2^14 + 1", 's', {{SEALED, 23, NULL, BIG + 1}}, 0, NO(OVERFLOWS)},
	{"5.4 a full record with one octet of padding", 's', {{SEALED, 23, NULL, BIG, 1}}, 0, NO(OVERFLOWS)},
	{"5.4 with 239 of padding, as long as 5.2 allows", 's', {{SEALED, 23, NULL, BIG, 239}}, 0, NO(OVERFLOWS)},
	{"5.4 one octet and padding up to 2^14 + 1", 's', {{SEALED, 23, "x", 1, BIG - 1}}, 1, OK},
	{"5.4 one octet and padding up to 2^14 + 2", 's', {{SEALED, 23, "x", 1, BIG}}, 0, NO(OVERFLOWS)},
	{"5.4 an alert and padding up to 2^14 + 2", 's', {{SEALED, 21, T("\1\0"), BIG - 1}}, 0, NO(OVERFLOWS)},
	{"5.4 a KeyUpdate and padding up to 2^14 + 2", 's', {{SEALED, 22, T("\x18\0\0\1\0"), BIG - 4}}, 0, NO(OVERFLOWS)},
	{"5.2 zeros up to 2^14 + 2", 's', {{NO_TYPE, .pad = BIG + 2}}, 0, NO(OVERFLOWS)},
	{"5.2 garbage of 2^14 + 256", 's', {{GARBAGE, .pad = BIG + 256}}, 0, DAMAGED},
	{"5.2 a header of 2^14 + 257", 's', {{HEADER, .pad = BIG + 257}}, 0, NO(OVERFLOWS)},
	{"5.2 a header of 2^16 - 1", 's', {{HEADER, .pad = 65535}}, 0, NO(OVERFLOWS)},
	{"5.2 a header of 2^14 + 257 behind data", 's', {DATA("abc"), {HEADER, .pad = BIG + 257}}, 3, NO(OVERFLOWS)},
	{"5.2 no octet of ciphertext", 's', {{GARBAGE, .pad = 0}}, 0, DAMAGED},
	{"5.2 one octet of ciphertext", 's', {{GARBAGE, .pad = 1}}, 0, DAMAGED},
	{"5.2 fifteen, less than a tag", 's', {{GARBAGE, .pad = 15}}, 0, DAMAGED},
	{"5.2 sixteen that are no tag", 's', {{GARBAGE, .pad = 16}}, 0, DAMAGED},
	{"5.2 seventeen of garbage", 's', {{GARBAGE, .pad = 17}}, 0, DAMAGED},
	{"5.4 an empty inner plaintext", 's', {{NO_TYPE, .pad = 0}}, 0, NO(UNEXPECTED)},
	{"5.4 one zero and no type", 's', {{NO_TYPE, .pad = 1}}, 0, NO(UNEXPECTED)},
	{"5.4 2^14 + 1 zeros and no type", 'c', {{NO_TYPE, .pad = BIG + 1}}, 0, NO(UNEXPECTED)},
	{"5.4 padding", 's', {{SEALED, 23, T("abc"), 100}}, 3, OK},
	{"5.4 zeros that are data", 's', {{SEALED, 23, T("a\0\0"), 5}}, 3, OK},
	{"5.4 an empty record", 's', {DATA(""), DATA("a")}, 1, OK},
	{"5.4 an empty record of padding", 's', {{SEALED, 23, T(""), BIG}, DATA("a")}, 1, OK},
	{"5.4 32 empty records", 's', {{SEALED, 23, T(""), 0, 32}, DATA("a")}, 1, OK},
	{"5.4 33 empty records", 's', {{SEALED, 23, T(""), 0, 33}, DATA("a")}, 0, FLOOD},
	{"5.4 33 empty records to a client", 'c', {{SEALED, 23, T(""), 0, 33}}, 0, FLOOD},
	{"5.4 33 empty records with padding", 's', {{SEALED, 23, T(""), 900, 33}}, 0, FLOOD},
	{"5.4 an empty handshake record", 's', {SHAKE("")}, 0, NO(UNEXPECTED)},
	{"5.4 an empty handshake record with padding", 'c', {{SEALED, 22, T(""), 7}}, 0, NO(UNEXPECTED)},
	{"5.4 an empty alert", 's', {ALERT("")}, 0, NO(UNEXPECTED)},
	{"5.2 a tag that is wrong", 's', {{FLIPPED, 23, T("abc")}}, 0, DAMAGED},
	{"5.2 a tag that is wrong, at the client", 'c', {{FLIPPED, 23, T("abc")}}, 0, DAMAGED},
	{"5.2 a bad record behind a good one", 's', {DATA("abc"), {FLIPPED, 23, T("de")}}, 3, DAMAGED},
	{"5.2 a bad record behind many good ones", 'c', {{SEALED, 23, T("abc"), 0, 50}, {FLIPPED, 23, T("de")}}, 150, DAMAGED},
	{"5.2 a bad record between good ones", 's', {DATA("abc"), {FLIPPED, 23, T("de")}, DATA("f")}, 3, DAMAGED},
	{"5.2 a bad alert", 's', {{FLIPPED, 21, T("\1\0")}}, 0, DAMAGED},
	{"5.3 a record that comes twice", 's', {{TWICE, 23, T("abc")}}, 3, DAMAGED},
	{"5.3 a record that was left out", 's', {DATA("a"), {SKIPPED, 23, T("b")}}, 1, DAMAGED},
	{"5.2 version 0x0301", 's', {{VERSION, 23, T("abc"), 0x0301}}, 0, NO(DECODE)},
	{"5.2 version 0x0304", 's', {{VERSION, 23, T("abc"), 0x0304}}, 0, NO(DECODE)},
	{"5.2 version 0x0300 behind data", 's', {DATA("x"), {VERSION, 23, T("abc"), 0x0300}}, 1, NO(DECODE)},
	{"5.2 version 0x0203", 'c', {{VERSION, 23, T("abc"), 0x0203}}, 0, NO(DECODE)},
	{"5.2 sealed, but the outer type is handshake", 's', {{OUTER, 22, T("\x18\0\0\1\0"), 22}}, 0, NO(UNEXPECTED)},
	{"5.2 sealed, but the outer type is alert", 's', {{OUTER, 21, T("\1\0"), 21}}, 0, NO(UNEXPECTED)},
	{"5.2 sealed, but the outer type is 24", 's', {{OUTER, 23, T("abc"), 24}}, 0, NO(UNEXPECTED)},
	{"5.2 sealed, but the outer type is 0", 's', {{OUTER, 23, T("abc"), 0}}, 0, NO(UNEXPECTED)},

	/* 5: content types */
	{"5 an inner type of 1", 's', {{SEALED, 1, T("abc")}}, 0, NO(UNEXPECTED)},
	{"5 an inner type of 24 (heartbeat)", 's', {{SEALED, 24, T("abc")}}, 0, NO(UNEXPECTED)},
	{"5 an inner type of 26 (ACK of DTLS)", 'c', {{SEALED, 26, T("abc")}}, 0, NO(UNEXPECTED)},
	{"5 an inner type of 255", 's', {{SEALED, 255, T("abc")}}, 0, NO(UNEXPECTED)},
	{"5 an unknown type behind data", 's', {DATA("ab"), {SEALED, 99, T("abc")}}, 2, NO(UNEXPECTED)},
	{"5 a sealed change_cipher_spec", 's', {{SEALED, 20, T("\1")}}, 0, NO(UNEXPECTED)},
	{"5 a change_cipher_spec in the clear", 's', {{PLAIN, 20, T("\1")}}, 0, NO(UNEXPECTED)},
	{"5 a change_cipher_spec in the clear, behind data", 'c', {DATA("ab"), {PLAIN, 20, T("\1")}}, 2, NO(UNEXPECTED)},
	{"5.1 a handshake message in the clear", 's', {{PLAIN, 22, T("\1\0\0\1x")}}, 0, NO(UNEXPECTED)},
	{"6 an alert in the clear", 's', {{PLAIN, 21, T("\2\x28")}}, 0, NO(UNEXPECTED)},
	{"6 close_notify in the clear", 'c', {{PLAIN, 21, T("\1\0")}}, 0, NO(UNEXPECTED)},
	{"5.2 data in the clear", 's', {{PLAIN, 23, T("GET / HTTP/1.1\r\n\r\n")}}, 0, DAMAGED},
	{"5.2 HTTP without TLS", 's', {{PLAIN, 'G', T("ET / HTTP/1.1")}}, 0, NO(UNEXPECTED)},

	/* 4.6: messages after the handshake */
	{"4.6.3 KeyUpdate", 's', {DATA("a"), UPDATE, NEW, DATA("b")}, 2, OK},
	{"4.6.3 KeyUpdate to a client", 'c', {DATA("a"), UPDATE, NEW, DATA("b")}, 2, OK},
	{"4.6.3 KeyUpdate that asks for one", 's', {UPDATE_ASKED, NEW, DATA("b")}, 1, OK},
	{"4.6.3 KeyUpdate with padding", 's', {{SEALED, 22, T("\x18\0\0\1\0"), 99}, NEW, DATA("b")}, 1, OK},
	{"4.6.3 KeyUpdate, and the old key stays", 's', {UPDATE, DATA("b")}, 0, DAMAGED},
	{"4.6.3 a new key without KeyUpdate", 's', {NEW, DATA("b")}, 0, DAMAGED},
	{"4.6.3 KeyUpdate and then a bad record", 's', {DATA("a"), UPDATE, NEW, {FLIPPED, 23, T("b")}}, 1, DAMAGED},
	{"4.6.3 KeyUpdate 2", 's', {SHAKE("\x18\0\0\1\2")}, 0, NO(ILLEGAL)},
	{"4.6.3 KeyUpdate 255", 'c', {SHAKE("\x18\0\0\1\xff")}, 0, NO(ILLEGAL)},
	{"4.6.3 KeyUpdate 2 behind data", 's', {DATA("ab"), SHAKE("\x18\0\0\1\2")}, 2, NO(ILLEGAL)},
	{"6.2 KeyUpdate without an octet", 's', {SHAKE("\x18\0\0\0")}, 0, NO(DECODE)},
	{"6.2 KeyUpdate of two octets", 's', {SHAKE("\x18\0\0\2\0\0")}, 0, NO(DECODE)},
	{"6.2 KeyUpdate of 2^24 - 1 octets", 'c', {SHAKE("\x18\xff\xff\xff\0")}, 0, NO(DECODE)},
	{"5.1 KeyUpdate in two records", 's', {SHAKE("\x18\0"), SHAKE("\0\1\0"), NEW, DATA("b")}, 1, OK},
	{"5.1 KeyUpdate, header and body apart", 's', {SHAKE("\x18\0\0\1"), SHAKE("\0"), NEW, DATA("b")}, 1, OK},
	{"5.1 KeyUpdate, octet by octet", 's', {SHAKE("\x18"), {SEALED, 22, T("\0"), 0, 2}, SHAKE("\1"), SHAKE("\1"), NEW, DATA("b")}, 1, OK},
	{"5.1 two KeyUpdates in one record", 's', {SHAKE("\x18\0\0\1\0\x18\0\0\1\0")}, 0, NO(UNEXPECTED)},
	{"5.1 KeyUpdate and the head of the next", 's', {SHAKE("\x18\0\0\1\0\x18")}, 0, NO(UNEXPECTED)},
	{"5.1 a ticket and a KeyUpdate in one record", 'c', {SHAKE(TICKET "\x18\0\0\1\0"), NEW, DATA("b")}, 1, OK},
	{"5.1 a KeyUpdate and a ticket in one record", 'c', {SHAKE("\x18\0\0\1\0" TICKET)}, 0, NO(UNEXPECTED)},
	{"5.1 data within a KeyUpdate", 's', {SHAKE("\x18\0"), DATA("x"), SHAKE("\0\1\0")}, 0, NO(UNEXPECTED)},
	{"5.1 an empty data record within a KeyUpdate", 's', {SHAKE("\x18\0"), DATA(""), SHAKE("\0\1\0")}, 0, NO(UNEXPECTED)},
	{"5.1 close_notify within a KeyUpdate", 's', {SHAKE("\x18\0"), ALERT("\1\0")}, 0, NO(UNEXPECTED)},
	{"5.1 a fatal alert within a ticket", 'c', {SHAKE("\4\0\0\x20"), ALERT("\2\x28")}, 0, NO(UNEXPECTED)},
	{"5.1 data within a ticket", 'c', {SHAKE("\4\0\0\x20zz"), DATA("x")}, 0, NO(UNEXPECTED)},
	{"4.6.3 32 KeyUpdates, data between", 's', {DATA("a"), UPDATE, NEW, DATA("b"), UPDATE_ASKED, NEW}, 2, OK},
	{"4.6.1 a ticket", 'c', {SHAKE(TICKET), DATA("a")}, 1, OK},
	{"4.6.1 two tickets in one record", 'c', {SHAKE(TICKET TICKET), DATA("a")}, 1, OK},
	{"4.6.1 a ticket in two records", 'c', {SHAKE("\4\0\0\x10\0\0\1\0\1\2"), SHAKE("\3\4\1\0\0\2ab\0\0"), DATA("a")}, 1, OK},
	{"4.6.1 32 tickets", 'c', {{SEALED, 22, T(TICKET), 0, 32}, DATA("a")}, 1, OK},
	{"4.6.1 33 tickets", 'c', {{SEALED, 22, T(TICKET), 0, 32}, DATA("a"), SHAKE(TICKET)}, 1, FLOOD},
	{"6.2 a ticket too short to be one", 'c', {SHAKE("\4\0\0\1x")}, 0, NO(DECODE)},
	{"6.2 a ticket of 2^24 - 1 octets", 'c', {SHAKE("\4\xff\xff\xffx")}, 0, NO(DECODE)},
	{"4.6.1 a ticket from a client", 's', {SHAKE(TICKET)}, 0, NO(UNEXPECTED)},
	{"4.6.1 a ticket from a client behind data", 's', {DATA("abc"), SHAKE(TICKET)}, 3, NO(UNEXPECTED)},
	{"4.6.2 CertificateRequest", 'c', {SHAKE("\x0d\0\0\3\0\0\0")}, 0, NO(UNEXPECTED)},
	{"4.6.2 Certificate", 's', {SHAKE("\x0b\0\0\4\0\0\0\0")}, 0, NO(UNEXPECTED)},
	{"4.1.2 ClientHello (renegotiation)", 's', {SHAKE("\1\0\0\2\3\3")}, 0, NO(UNEXPECTED)},
	{"4.1.3 ServerHello", 'c', {SHAKE("\2\0\0\2\3\3")}, 0, NO(UNEXPECTED)},
	{"4.4.4 Finished once more", 's', {SHAKE("\x14\0\0\1x")}, 0, NO(UNEXPECTED)},
	{"4.5 EndOfEarlyData", 's', {SHAKE("\5\0\0\0")}, 0, NO(UNEXPECTED)},
	{"4 HelloRequest of TLS 1.2", 'c', {SHAKE("\0\0\0\0")}, 0, NO(UNEXPECTED)},
	{"4 message_hash", 's', {SHAKE("\xfe\0\0\0")}, 0, NO(UNEXPECTED)},
	{"4 a message of an unknown type", 's', {SHAKE("\x63\0\0\1x")}, 0, NO(UNEXPECTED)},
	{"4 33 pieces of a message", 'c', {SHAKE("\4\0\0\x40"), {SEALED, 22, T("x"), 0, 32}}, 0, FLOOD},

	/* 6: alerts */
	{"6.1 close_notify", 's', {ALERT("\1\0")}, 0, CLOSED, 0, EV_NONE},
	{"6.1 close_notify at the level fatal", 's', {ALERT("\2\0")}, 0, CLOSED, 0, EV_NONE},
	{"6.1 close_notify behind data", 's', {DATA("abc"), ALERT("\1\0")}, 3, CLOSED, 0, EV_NONE},
	{"6.1 close_notify behind data to a client", 'c', {DATA("abc"), ALERT("\1\0")}, 3, CLOSED, 0, EV_NONE},
	{"6.1 data behind close_notify is ignored", 's', {DATA("ab"), ALERT("\1\0"), DATA("c")}, 2, CLOSED, 0, EV_NONE},
	{"6.1 a bad record behind close_notify", 's', {ALERT("\1\0"), {FLIPPED, 23, T("c")}}, 0, CLOSED, 0, EV_NONE},
	{"6.1 user_canceled", 's', {ALERT("\1\x5a"), DATA("a")}, 1, OK},
	{"6.1 user_canceled and close_notify", 's', {ALERT("\1\x5a"), ALERT("\1\0")}, 0, CLOSED, 0, EV_NONE},
	{"6.1 33 times user_canceled", 's', {{SEALED, 21, T("\1\x5a"), 0, 33}}, 0, FLOOD},
	{"6.2 a fatal alert", 's', {ALERT("\2\x28")}, 0, HEARD, 40, EV_NONE},
	{"6.2 a fatal alert behind data", 's', {DATA("abc"), ALERT("\2\x28")}, 3, HEARD, 40, EV_NONE},
	{"6.2 a fatal alert with padding", 'c', {{SEALED, 21, T("\2\x28"), 30}}, 0, HEARD, 40, EV_NONE},
	{"6.2 an error at the level warning", 's', {ALERT("\1\x28")}, 0, HEARD, 40, EV_NONE},
	{"6.2 no_renegotiation, which TLS 1.3 has not", 's', {ALERT("\1\x64")}, 0, HEARD, 100, EV_NONE},
	{"6 an alert that nobody knows", 's', {ALERT("\1\xc8")}, 0, HEARD, 200, EV_NONE},
	{"6 a level that nobody knows", 's', {ALERT("\7\x28")}, 0, HEARD, 40, EV_NONE},
	{"5.1 half an alert", 's', {ALERT("\1"), ALERT("\0")}, 0, NO(DECODE)},
	{"5.1 two alerts in one record", 's', {ALERT("\1\x5a\1\0")}, 0, NO(DECODE)},
	{"5.1 three octets of alert behind data", 's', {DATA("a"), ALERT("\1\0\0")}, 1, NO(DECODE)},
};
// clang-format on

/* ---- a row's octets ---- */

struct wire {
	uint8_t octets[WIRE_MAX];
	size_t n;
};

static uint8_t *put_header(struct wire *w, uint8_t type, uint16_t version, size_t n)
{
	uint8_t *at = w->octets + w->n;

	assert_true(w->n + 5 + n <= WIRE_MAX);
	at[0] = type;
	at[1] = (uint8_t)(version >> 8);
	at[2] = (uint8_t)version;
	at[3] = (uint8_t)(n >> 8);
	at[4] = (uint8_t)n;
	w->n += 5;
	return at;
}

static void put_sealed(struct wire *w, struct sender *from, const struct step *s)
{
	static uint8_t inner[BIG * 2];
	size_t pad = s->how == SEALED || s->how == NO_TYPE ? s->pad : 0, n = s->n;
	uint8_t *header;

	memset(inner, 'd', s->n);
	if (s->text)
		memcpy(inner, s->text, s->n);
	if (s->how != NO_TYPE)
		inner[n++] = s->type;
	memset(inner + n, 0, pad);
	header = put_header(w, s->how == OUTER ? (uint8_t)s->pad : 23,
		s->how == VERSION ? (uint16_t)s->pad : 0x0303, n + pad + 16);
	w->n += encrypt(from, header, inner, n + pad, header + 5);
	if (s->how == FLIPPED)
		w->octets[w->n - 1] ^= 1;
	if (s->how != TWICE)
		return;
	memcpy(w->octets + w->n, header, n + pad + 21);
	w->n += n + pad + 21;
}

static void put_step(struct wire *w, struct sender *from, const struct step *s)
{
	switch (s->how) {
	case NEW_KEY: next_key(from); return;
	case HEADER: put_header(w, 23, 0x0303, s->pad); return;
	case GARBAGE:
		put_header(w, 23, 0x0303, s->pad);
		memset(w->octets + w->n, 0x5c, s->pad);
		w->n += s->pad;
		return;
	case PLAIN:
		put_header(w, s->type, 0x0303, s->n);
		memcpy(w->octets + w->n, s->text, s->n);
		w->n += s->n;
		return;
	case SKIPPED: from->sequence++; /* fall through */
	default: put_sealed(w, from, s);
	}
}

static bool is_step(const struct step *s)
{
	return s->how || s->type || s->text || s->n || s->pad;
}

static void put_row(struct wire *w, struct sender *from, const struct row *row)
{
	for (size_t i = 0; i < STEPS_MAX && is_step(&row->steps[i]); i++)
		for (unsigned k = 0; k < (row->steps[i].times ? row->steps[i].times : 1); k++)
			put_step(w, from, &row->steps[i]);
}

/* ---- the engine under test ---- */

enum mode { AT_ONCE, OCTETS, LITTLE_ROOM, MODES };

static const struct record_secret ours = {.octets = {1, 2, 3}, .len = 32};
static const struct record_secret theirs = {.octets = {9, 8, 7}, .len = 32};

static struct tls *engine_new(struct tls_ctx *ctx)
{
	struct tls *t = calloc(1, sizeof(*t));

	assert_non_null(t);
	assert_int_equal(record_new(0x1301, &theirs, &ours, &t->record), 0);
	t->ctx = ctx;
	t->state = TLS_OPEN;
	t->alert = 0xff;
	buf_init(&t->out, TLS_OUTPUT_MAX + RECORD_TEXT_MAX);
	buf_init(&t->aside, 0);
	return t;
}

static void engine_free(struct tls *t)
{
	traffic_done(t);
	buf_done(&t->out);
	free(t);
}

/* As the tunnel pulls: a read, and more of them only while something is pending. */
static ssize_t read_all(struct tls *t, size_t room, size_t *data)
{
	static uint8_t text[TEXT_MAX];
	ssize_t n;

	do {
		n = tls_read(t, text, room);
		if (n > 0)
			*data += (size_t)n;
	} while (n > 0 && tls_pending(t));
	return n > 0 ? -EAGAIN : n;
}

/* Returns what the last read said. */
static ssize_t feed(struct tls *t, const struct wire *w, enum mode mode, size_t *data)
{
	size_t piece = mode == OCTETS && w->n < 2000 ? 1 : w->n,
	       room = mode == LITTLE_ROOM ? 7 : TEXT_MAX;
	ssize_t n = -EAGAIN;

	for (size_t at = 0; at < w->n && n == -EAGAIN; at += piece) {
		uint8_t *copy = malloc(piece); /* so that a read past it is found */

		memcpy(copy, w->octets + at, piece);
		tls_recv(t, copy, piece);
		n = read_all(t, room, data);
		free(copy);
	}
	return n;
}

/* The alert that the engine sent, 0xff: none; *ret_updates: its KeyUpdates. */
static uint8_t alert_sent(struct tls *t, unsigned *ret_updates)
{
	struct rd in = rd_init(buf_data(&t->out), buf_len(&t->out));
	uint8_t text[TLS_RECORD_ROOM], alert = 0xff;
	enum record_type type;
	struct record *r;
	ssize_t n;

	*ret_updates = 0;
	assert_int_equal(record_new(0x1301, &ours, &theirs, &r), 0);
	while ((n = record_open(r, &in, text, &type)) >= 0) {
		assert_int_equal(alert, 0xff); /* an alert is the last word */
		if (type == RECORD_ALERT) {
			assert_int_equal(n, 2);
			alert = text[1];
		} else if (type == RECORD_HANDSHAKE) {
			++*ret_updates;
			record_update_rx(r);
		}
	}
	assert_int_equal(n, -EAGAIN);
	record_free(r);
	return alert;
}

static void check(const struct row *row, enum mode mode)
{
	struct tls_ctx ctx = {.server = row->role == 's', .records_per_key = TLS_RECORDS_PER_KEY};
	struct wire *w = calloc(1, sizeof(*w));
	struct sender from = {0};
	struct tls *t = engine_new(&ctx);
	static const ssize_t says[] = {-EAGAIN, 0, -EPROTO, -EPROTO};
	size_t data = 0;
	unsigned updates;
	uint8_t alert;
	ssize_t end;

	memcpy(from.secret, theirs.octets, 32);
	set_keys(&from);
	put_row(w, &from, row);
	end = feed(t, w, mode, &data);
	alert = alert_sent(t, &updates);
	if (end != says[row->end] || data != row->data ||
		alert != (row->end == REFUSED ? row->alert : 0xff) ||
		(row->event && tls_failure(t)->event != row->event) ||
		(row->end == HEARD && t->alert != row->alert))
		fail_msg("%s (mode %d): read says %zd, %zu octets of data, alert %u, event %d, "
			 "heard %u",
			row->name, mode, end, data, alert, tls_failure(t)->event, t->alert);
	engine_free(t);
	free(w);
}

static void each_record_is_answered_as_rfc_8446_says(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		for (enum mode m = 0; m < MODES; m++)
			check(&rows[i], m);
}

/* ---- work for nothing ---- */

struct talk {
	struct tls_ctx ctx;
	struct tls *t;
	struct sender from;
	struct wire w;
};

static struct talk *talk_new(void)
{
	struct talk *k = calloc(1, sizeof(*k));

	k->ctx = (struct tls_ctx){.server = true, .records_per_key = TLS_RECORDS_PER_KEY};
	k->t = engine_new(&k->ctx);
	memcpy(k->from.secret, theirs.octets, 32);
	set_keys(&k->from);
	return k;
}

static void talk_free(struct talk *k)
{
	engine_free(k->t);
	free(k);
}

static ssize_t say(struct talk *k, struct step s)
{
	size_t data = 0;

	k->w.n = 0;
	put_step(&k->w, &k->from, &s);
	return feed(k->t, &k->w, AT_ONCE, &data);
}

static ssize_t say_update(struct talk *k, const char *text)
{
	ssize_t r = say(k, (struct step){SEALED, 22, text, 5});

	next_key(&k->from);
	buf_consume(&k->t->out, buf_len(&k->t->out)); /* a peer that reads its answers */
	return r;
}

/* How many until it is over; so many `data` records of an octet before each. */
static unsigned updates_taken(const char *text, unsigned data, unsigned most)
{
	struct talk *k = talk_new();
	unsigned n = 0;

	while (n < most) {
		for (unsigned i = 0; i < data; i++)
			assert_int_equal(say(k, (struct step){SEALED, 23, T("x")}), -EAGAIN);
		if (say_update(k, text) != -EAGAIN)
			break;
		n++;
	}
	if (n < most)
		assert_int_equal(tls_failure(k->t)->event, EV_TLS_FLOOD);
	talk_free(k);
	return n;
}

/* The attack of tls/limits.h. */
static void key_updates_have_to_be_earned(void **state)
{
	(void)state;
	assert_int_equal(updates_taken("\x18\0\0\1\0", 0, 1000), TLS_MESSAGES_MAX);
	assert_int_equal(updates_taken("\x18\0\0\1\1", 0, 1000), TLS_MESSAGES_MAX);
	/* one octet of data before each does not make a flood of them good */
	assert_in_range(updates_taken("\x18\0\0\1\1", 1, 1000), TLS_MESSAGES_MAX, 40);
	assert_in_range(updates_taken("\x18\0\0\1\0", 8, 1000), TLS_MESSAGES_MAX, 70);
	/* and a peer that moves data may change its key for ever */
	assert_int_equal(updates_taken("\x18\0\0\1\1", TLS_RECORDS_PER_MESSAGE, 1000), 1000);
}

/* 6.1: neither an alert nor an answer leaves behind our own close_notify. */
static void nothing_follows_our_close_notify(void **state)
{
	static const struct step steps[] = {{SEALED, 22, T("\x18\0\0\1\1")}, {SEALED, 99, T("x")},
		{FLIPPED, 23, T("x")}, {SEALED, 21, T("\2\x28")}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		struct talk *k = talk_new();
		size_t before;

		tls_close(k->t);
		before = buf_len(tls_output(k->t));
		assert_true(before > 0);
		say(k, steps[i]);
		assert_int_equal(buf_len(tls_output(k->t)), before);
		talk_free(k);
	}
}

/* The other direction stays open until we close it, too. */
static void data_still_leaves_after_the_peer_has_closed(void **state)
{
	struct talk *k = talk_new();
	unsigned updates;

	(void)state;
	assert_int_equal(say(k, (struct step){SEALED, 21, T("\1\0")}), 0);
	assert_int_equal(tls_write(k->t, "still", 5), 0);
	tls_close(k->t);
	assert_int_equal(alert_sent(k->t, &updates), 0);
	talk_free(k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_record_is_answered_as_rfc_8446_says),
		cmocka_unit_test(key_updates_have_to_be_earned),
		cmocka_unit_test(nothing_follows_our_close_notify),
		cmocka_unit_test(data_still_leaves_after_the_peer_has_closed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
