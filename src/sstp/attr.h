// SPDX-License-Identifier: Apache-2.0
/*
 * sstp/attr.h — the attributes of SSTP control messages ([MS-SSTP] 2.2.4 to 2.2.8), one
 * descriptor row each in attr.c: id, name, lengths, decoder, encoder.
 *
 * Ownership: nothing is copied. Pointers and cursors in a decoded attribute point into the octets
 *            it was parsed from; those in an attribute to be encoded are the caller's.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/rd.h"
#include "base/wr.h"

enum sstp_attr_id {                  /* 2.2.4 */
	SSTP_ATTRIB_NO_ERROR = 0x00, /* only as the AttribID of a Status Info */
	SSTP_ATTRIB_ENCAPSULATED_PROTOCOL_ID = 0x01,
	SSTP_ATTRIB_STATUS_INFO = 0x02,
	SSTP_ATTRIB_CRYPTO_BINDING = 0x03,
	SSTP_ATTRIB_CRYPTO_BINDING_REQ = 0x04,
};

enum sstp_status { /* 2.2.8 */
	ATTRIB_STATUS_NO_ERROR = 0x00,
	ATTRIB_STATUS_DUPLICATE_ATTRIBUTE = 0x01,
	ATTRIB_STATUS_UNRECOGNIZED_ATTRIBUTE = 0x02,
	ATTRIB_STATUS_INVALID_ATTRIB_VALUE_LENGTH = 0x03,
	ATTRIB_STATUS_VALUE_NOT_SUPPORTED = 0x04,
	ATTRIB_STATUS_UNACCEPTED_FRAME_RECEIVED = 0x05,
	ATTRIB_STATUS_RETRY_COUNT_EXCEEDED = 0x06,
	ATTRIB_STATUS_INVALID_FRAME_RECEIVED = 0x07,
	ATTRIB_STATUS_NEGOTIATION_TIMEOUT = 0x08,
	ATTRIB_STATUS_ATTRIB_NOT_SUPPORTED_IN_MSG = 0x09,
	ATTRIB_STATUS_REQUIRED_ATTRIBUTE_MISSING = 0x0a,
	ATTRIB_STATUS_STATUS_INFO_NOT_SUPPORTED_IN_MSG = 0x0b,
};

/* 2.2.6, 2.2.7: a bit mask in the request, exactly one of them in the binding. */
#define CERT_HASH_PROTOCOL_SHA1 0x01
#define CERT_HASH_PROTOCOL_SHA256 0x02

#define SSTP_ENCAPSULATED_PROTOCOL_PPP 0x0001 /* 2.2.5 */

#define SSTP_ATTR_HEADER_LEN 4
#define SSTP_STATUS_INFO_LEN 12  /* without the value */
#define SSTP_STATUS_VALUE_MAX 64 /* octets of the refused value that a NAK repeats */
#define SSTP_CRYPTO_BINDING_LEN 104
#define SSTP_CRYPTO_BINDING_REQ_LEN 40
#define SSTP_NONCE_LEN 32
#define SSTP_HASH_FIELD_LEN 32 /* certificate hash and MAC; SHA-1 has 12 zeros after it */

enum sstp_attr_fault {
	SSTP_ATTR_OK,
	SSTP_ATTR_UNKNOWN, /* an id this codec has no row for */
	SSTP_ATTR_LENGTH,  /* a known id with a length it cannot have */
	SSTP_ATTR_BROKEN, /* shorter than its header or longer than what is left: parsing ends here */
};

struct sstp_status_info {
	uint8_t attrib_id; /* what it speaks of */
	uint32_t status;   /* enum sstp_status, or whatever the peer made up */
	struct rd value;
};

struct sstp_crypto_binding_req {
	uint8_t hashes;
	const uint8_t *nonce; /* SSTP_NONCE_LEN */
};

struct sstp_crypto_binding {
	uint8_t hash;
	const uint8_t *nonce;     /* SSTP_NONCE_LEN */
	const uint8_t *cert_hash; /* SSTP_HASH_FIELD_LEN, padding and all */
	const uint8_t *mac;       /* SSTP_HASH_FIELD_LEN; NULL encodes as zeros */
};

struct sstp_attr {
	uint8_t id;
	enum sstp_attr_fault fault; /* the union holds something only with SSTP_ATTR_OK */
	struct rd value; /* the octets after the header, for a NAK; not used by the encoder */
	union {
		uint16_t protocol_id;
		struct sstp_status_info status_info;
		struct sstp_crypto_binding_req crypto_binding_req;
		struct sstp_crypto_binding crypto_binding;
	};
};

/* Reads one attribute; what is wrong with it is in ret->fault. Advances past it, BROKEN or not. */
void sstp_attr_parse(struct rd *in, struct sstp_attr *ret);

/* Appends the attribute; `id` must be one with a row. A Status Info value is cut at 64 octets. */
void sstp_attr_put(struct wr *w, const struct sstp_attr *attr);

/*
 * What is left of a truncated Status Info ([MS-SSTP] 2.2.8; there are peers that leave octets
 * out): missing octets count as zero. Returns false when not even the AttribID is there.
 */
bool sstp_status_info_read(struct rd value, struct sstp_status_info *ret);

/* "SSTP_ATTRIB_CRYPTO_BINDING", "ATTRIB_STATUS_VALUE_NOT_SUPPORTED"; "unknown" for others. */
const char *sstp_attr_name(uint8_t id);
const char *sstp_status_name(uint32_t status);
