// SPDX-License-Identifier: Apache-2.0
/*
 * aaa/radius/codec.h — RADIUS packets: written, verified, read (RFC 2865, 2866, 2869, 3579, 5176;
 * RFC 2548 for the attributes of Microsoft). No I/O, no state.
 *
 *     radius_begin(&b, RADIUS_ACCESS_REQUEST, id, authenticator, room, sizeof(room));
 *     radius_put_text(&b, RADIUS_USER_NAME, "alice");
 *     n = radius_finish_request(&b, &secret);
 *
 *     r = radius_parse(octets, n, &p);                    // lengths; then the caller: identifier, source
 *     t = radius_verify_reply(&p, authenticator, &secret, demand);      // only then the attributes:
 *     radius_attributes(&p, &walk);
 *     while (radius_next(&walk, &a)) switch (a.id) { case RADIUS_CLASS: … }
 *
 * Message-Authenticator is the first attribute of every request that needs or may have one
 * (CVE-2024-3596).
 *
 * Ownership: a packet and its attributes point into the octets that were parsed.
 * Errors:    negative errno; -EPROTO: not a packet, to be dropped without a word.
 * Secrets:   keys and passwords that a function returns are the caller's to wipe.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/rd.h"
#include "base/wr.h"

#define RADIUS_HEADER_LEN 20
#define RADIUS_PACKET_MAX 4096 /* RFC 2865 section 3 */
#define RADIUS_AUTHENTICATOR_LEN 16
#define RADIUS_VALUE_MAX 253
#define RADIUS_SECRET_MAX 255
#define RADIUS_KEY_MAX 64 /* octets of an MS-MPPE key in clear */

enum radius_code {
	RADIUS_ACCESS_REQUEST = 1,
	RADIUS_ACCESS_ACCEPT = 2,
	RADIUS_ACCESS_REJECT = 3,
	RADIUS_ACCOUNTING_REQUEST = 4,
	RADIUS_ACCOUNTING_RESPONSE = 5,
	RADIUS_ACCESS_CHALLENGE = 11,
	RADIUS_STATUS_SERVER = 12,
	RADIUS_DISCONNECT_REQUEST = 40,
	RADIUS_DISCONNECT_ACK = 41,
	RADIUS_DISCONNECT_NAK = 42,
	RADIUS_COA_REQUEST = 43,
	RADIUS_COA_ACK = 44,
	RADIUS_COA_NAK = 45,
};

/* An attribute by its vendor (0: none) and type, in one number. */
#define RADIUS_ID(vendor, type) ((uint64_t)(vendor) << 8 | (type))
enum radius_attribute_id {
#define ATTRIBUTE(vendor, type, symbol, name, kind) RADIUS_##symbol = (vendor) << 8 | (type),
#include "aaa/radius/dictionary.def"
#undef ATTRIBUTE
};

struct radius_secret {
	size_t len; /* at least 1 */
	uint8_t octets[RADIUS_SECRET_MAX];
};

/* ---- writing ----------------------------------------------------------- */

struct radius_builder {
	struct wr wr;
	bool sealed; /* it has a Message-Authenticator, at its beginning */
};

/*
 * `room` holds `cap` octets, RADIUS_PACKET_MAX at most; `sealed`: with a Message-Authenticator.
 * Requests whose authenticator follows from their content (accounting, CoA) take NULL.
 */
void radius_begin(struct radius_builder *b, enum radius_code code, uint8_t identifier,
	const uint8_t *authenticator, bool sealed, void *room, size_t cap);
/* A value of more than RADIUS_VALUE_MAX octets makes the packet fail. */
void radius_put(struct radius_builder *b, uint64_t id, const void *octets, size_t n);
void radius_put_text(struct radius_builder *b, uint64_t id, const char *text); /* "": left out */
void radius_put_u32(struct radius_builder *b, uint64_t id, uint32_t value);
void radius_put_addr(struct radius_builder *b, uint64_t id, const struct addr *a);
/* In adjacent pieces, as EAP-Message wants it (RFC 3579 section 3.1). */
void radius_put_pieces(struct radius_builder *b, uint64_t id, const void *octets, size_t n);
/* User-Password, hidden (RFC 2865 section 5.2); 128 octets at most: -EMSGSIZE at the end. */
void radius_put_password(struct radius_builder *b, const struct radius_secret *secret,
	const void *password, size_t n);
/* Its length; -EMSGSIZE: it did not fit; else what base/crypto.h returns. */
int radius_finish_request(struct radius_builder *b, const struct radius_secret *secret);
/* The answer to a request with that authenticator. */
int radius_finish_reply(struct radius_builder *b, const struct radius_secret *secret,
	const uint8_t request[static RADIUS_AUTHENTICATOR_LEN]);

/* ---- reading ----------------------------------------------------------- */

struct radius_packet {
	uint8_t code, identifier;
	const uint8_t *octets; /* from its header on */
	size_t len;            /* as the header says; octets behind it are padding */
	const uint8_t *authenticator;
};

/* The header: 20 ≤ length ≤ 4096 and ≤ n. Attributes are not looked at. -EPROTO. */
int radius_parse(const void *octets, size_t n, struct radius_packet *ret);

enum radius_trust {
	RADIUS_TRUSTED,
	RADIUS_WRONG_AUTHENTICATOR, /* the secret differs, or it is no answer to this request */
	RADIUS_WRONG_MESSAGE_AUTHENTICATOR,
	RADIUS_NO_MESSAGE_AUTHENTICATOR, /* and one is required */
	RADIUS_MALFORMED,                /* attributes do not add up */
	RADIUS_FOREIGN_PROXY_STATE,      /* a Proxy-State that we never sent */
	RADIUS_TRUSTS,
};
const char *radius_trust_word(enum radius_trust t);

/*
 * In this order: authenticator, attributes' lengths, Message-Authenticator, Proxy-State. With
 * EAP-Message a Message-Authenticator is required whatever `require` says.
 */
enum radius_trust radius_verify_reply(const struct radius_packet *p,
	const uint8_t request[static RADIUS_AUTHENTICATOR_LEN], const struct radius_secret *secret,
	bool require, bool *ret_sealed);
/* A request whose authenticator follows from its content: accounting, CoA, Disconnect. */
enum radius_trust radius_verify_request(const struct radius_packet *p,
	const struct radius_secret *secret, bool require, bool *ret_sealed);

struct radius_attribute {
	uint64_t id;    /* RADIUS_ID() */
	struct rd data; /* its value */
};

struct radius_walk {
	struct rd rest, inner; /* inner: of a Vendor-Specific */
	uint32_t vendor;
};

void radius_attributes(const struct radius_packet *p, struct radius_walk *ret);
/*
 * The next one, the parts of a Vendor-Specific one by one. A Vendor-Specific that is no row of such
 * parts is returned whole, with type 0 of its vendor. False: the end.
 */
bool radius_next(struct radius_walk *walk, struct radius_attribute *ret);
/* The first of that id. */
bool radius_find(const struct radius_packet *p, uint64_t id, struct rd *ret);

/* Exactly 4 octets; false: not. */
bool radius_u32(struct rd data, uint32_t *ret);
bool radius_addr(struct rd data, int family, struct addr *ret);
/*
 * MS-MPPE-Send-Key, -Recv-Key and Tunnel-Password in clear (RFC 2548 section 2.4.2, RFC 2868
 * section 3.5), `data` from the salt on. Returns the key's length, or -EBADMSG: nonsense, so
 * another secret or no such key.
 */
int radius_open_key(struct rd data, const uint8_t request[static RADIUS_AUTHENTICATOR_LEN],
	const struct radius_secret *secret, uint8_t ret[static RADIUS_KEY_MAX]);

/* ---- words ------------------------------------------------------------- */

#define RADIUS_TEXT_LEN 700
/*
 * "Framed-IP-Address=10.8.0.7", "Class=0x70656572", "MS-MPPE-Send-Key=(hidden)"; unknown ones by
 * number.
 */
char *radius_attribute_text(const struct radius_attribute *a, char ret[static RADIUS_TEXT_LEN]);
