// SPDX-License-Identifier: Apache-2.0
/*
 * Theory: an attribute is a header (reserved octet, id, four reserved bits, 12 bits of length that
 * count the header) and a value whose length the id fixes. One row of `rows` says all about one
 * id; a new attribute is a new row. Whether an attribute belongs in a message, and what to do
 * about one that does not, is the call's affair (call.c).
 *
 * Implements [MS-SSTP] 2.2.4 to 2.2.8. Reserved bits and octets are sent zero and never looked at.
 */
#include "sstp/attr.h"

#include "base/auto.h"

#define LENGTH_MASK 0x0fff

static void decode_protocol_id(struct rd *r, struct sstp_attr *a)
{
	a->protocol_id = rd_be16(r);
}

static void encode_protocol_id(struct wr *w, const struct sstp_attr *a)
{
	wr_be16(w, a->protocol_id);
}

/*
 * [MS-SSTP] 2.2.8 Status Info, after the header
 *   0               8               16              24           31
 *  +-----------------------------------------------+---------------+
 *  |                   Reserved                    |   AttribID    |
 *  +-----------------------------------------------+---------------+
 *  |                            Status                             |
 *  +---------------------------------------------------------------+
 *  |         AttribValue, in a NAK only, at most 64 octets         |
 */
static void decode_status_info(struct rd *r, struct sstp_attr *a)
{
	sstp_status_info_read(*r, &a->status_info);
}

static void encode_status_info(struct wr *w, const struct sstp_attr *a)
{
	size_t n = rd_left(&a->status_info.value);

	wr_zero(w, 3);
	wr_u8(w, a->status_info.attrib_id);
	wr_be32(w, a->status_info.status);
	wr_octets(w, a->status_info.value.p, n < SSTP_STATUS_VALUE_MAX ? n : SSTP_STATUS_VALUE_MAX);
}

/* [MS-SSTP] 2.2.6: reserved (3), hash protocols (1), nonce (32). */
static void decode_crypto_binding_req(struct rd *r, struct sstp_attr *a)
{
	rd_ptr(r, 3);
	a->crypto_binding_req.hashes = rd_u8(r);
	a->crypto_binding_req.nonce = rd_ptr(r, SSTP_NONCE_LEN);
}

static void encode_crypto_binding_req(struct wr *w, const struct sstp_attr *a)
{
	wr_zero(w, 3);
	wr_u8(w, a->crypto_binding_req.hashes);
	wr_octets(w, a->crypto_binding_req.nonce, SSTP_NONCE_LEN);
}

/*
 * [MS-SSTP] 2.2.7: reserved (3), hash protocol (1), nonce (32), certificate hash (32),
 * compound MAC (32). The document draws SHA-1 as 20 octets and 12 of padding, which puts every
 * field at the same place for both hashes.
 */
static void decode_crypto_binding(struct rd *r, struct sstp_attr *a)
{
	rd_ptr(r, 3);
	a->crypto_binding.hash = rd_u8(r);
	a->crypto_binding.nonce = rd_ptr(r, SSTP_NONCE_LEN);
	a->crypto_binding.cert_hash = rd_ptr(r, SSTP_HASH_FIELD_LEN);
	a->crypto_binding.mac = rd_ptr(r, SSTP_HASH_FIELD_LEN);
}

static void encode_crypto_binding(struct wr *w, const struct sstp_attr *a)
{
	wr_zero(w, 3);
	wr_u8(w, a->crypto_binding.hash);
	wr_octets(w, a->crypto_binding.nonce, SSTP_NONCE_LEN);
	wr_octets(w, a->crypto_binding.cert_hash, SSTP_HASH_FIELD_LEN);
	if (a->crypto_binding.mac)
		wr_octets(w, a->crypto_binding.mac, SSTP_HASH_FIELD_LEN);
	else
		wr_zero(w, SSTP_HASH_FIELD_LEN);
}

// clang-format off
static const struct row {
	uint8_t id;
	const char *name;
	uint16_t min, max; /* of Length, which counts the header */
	void (*decode)(struct rd *r, struct sstp_attr *ret);
	void (*encode)(struct wr *w, const struct sstp_attr *a);
} rows[] = {
	{SSTP_ATTRIB_ENCAPSULATED_PROTOCOL_ID, "SSTP_ATTRIB_ENCAPSULATED_PROTOCOL_ID",
		6, 6, decode_protocol_id, encode_protocol_id},
	{SSTP_ATTRIB_STATUS_INFO, "SSTP_ATTRIB_STATUS_INFO",
		SSTP_STATUS_INFO_LEN, SSTP_STATUS_INFO_LEN + SSTP_STATUS_VALUE_MAX,
		decode_status_info, encode_status_info},
	{SSTP_ATTRIB_CRYPTO_BINDING, "SSTP_ATTRIB_CRYPTO_BINDING",
		SSTP_CRYPTO_BINDING_LEN, SSTP_CRYPTO_BINDING_LEN,
		decode_crypto_binding, encode_crypto_binding},
	{SSTP_ATTRIB_CRYPTO_BINDING_REQ, "SSTP_ATTRIB_CRYPTO_BINDING_REQ",
		SSTP_CRYPTO_BINDING_REQ_LEN, SSTP_CRYPTO_BINDING_REQ_LEN,
		decode_crypto_binding_req, encode_crypto_binding_req},
};

static const char *const status_names[] = {
	[ATTRIB_STATUS_NO_ERROR] = "ATTRIB_STATUS_NO_ERROR",
	[ATTRIB_STATUS_DUPLICATE_ATTRIBUTE] = "ATTRIB_STATUS_DUPLICATE_ATTRIBUTE",
	[ATTRIB_STATUS_UNRECOGNIZED_ATTRIBUTE] = "ATTRIB_STATUS_UNRECOGNIZED_ATTRIBUTE",
	[ATTRIB_STATUS_INVALID_ATTRIB_VALUE_LENGTH] = "ATTRIB_STATUS_INVALID_ATTRIB_VALUE_LENGTH",
	[ATTRIB_STATUS_VALUE_NOT_SUPPORTED] = "ATTRIB_STATUS_VALUE_NOT_SUPPORTED",
	[ATTRIB_STATUS_UNACCEPTED_FRAME_RECEIVED] = "ATTRIB_STATUS_UNACCEPTED_FRAME_RECEIVED",
	[ATTRIB_STATUS_RETRY_COUNT_EXCEEDED] = "ATTRIB_STATUS_RETRY_COUNT_EXCEEDED",
	[ATTRIB_STATUS_INVALID_FRAME_RECEIVED] = "ATTRIB_STATUS_INVALID_FRAME_RECEIVED",
	[ATTRIB_STATUS_NEGOTIATION_TIMEOUT] = "ATTRIB_STATUS_NEGOTIATION_TIMEOUT",
	[ATTRIB_STATUS_ATTRIB_NOT_SUPPORTED_IN_MSG] = "ATTRIB_STATUS_ATTRIB_NOT_SUPPORTED_IN_MSG",
	[ATTRIB_STATUS_REQUIRED_ATTRIBUTE_MISSING] = "ATTRIB_STATUS_REQUIRED_ATTRIBUTE_MISSING",
	[ATTRIB_STATUS_STATUS_INFO_NOT_SUPPORTED_IN_MSG] = "ATTRIB_STATUS_STATUS_INFO_NOT_SUPPORTED_IN_MSG",
};
// clang-format on

static const struct row *find_row(uint8_t id)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i].id == id)
			return &rows[i];
	return NULL;
}

/*
 * [MS-SSTP] 2.2.4
 *   0               8               16      20                   31
 *  +---------------+---------------+-------+-----------------------+
 *  |   Reserved    | Attribute ID  |   R   |        Length         |
 *  +---------------+---------------+-------+-----------------------+
 */
void sstp_attr_parse(struct rd *in, struct sstp_attr *ret)
{
	struct sstp_attr a = {0};
	const struct row *row;
	uint16_t length;

	rd_u8(in);
	a.id = rd_u8(in);
	length = rd_be16(in) & LENGTH_MASK;
	row = find_row(a.id);
	if (in->short_read || length < SSTP_ATTR_HEADER_LEN) {
		a.fault = SSTP_ATTR_BROKEN;
		a.value = (struct rd){in->p, in->p, false};
	} else if ((size_t)length - SSTP_ATTR_HEADER_LEN > rd_left(in)) {
		a.fault = SSTP_ATTR_BROKEN;
		a.value = rd_sub(in, rd_left(in));
	} else {
		a.value = rd_sub(in, (size_t)length - SSTP_ATTR_HEADER_LEN);
		if (!row)
			a.fault = SSTP_ATTR_UNKNOWN;
		else if (length < row->min || length > row->max)
			a.fault = SSTP_ATTR_LENGTH;
		else
			row->decode(&(struct rd){a.value.p, a.value.end, false}, &a);
	}
	*ret = a;
}

void sstp_attr_put(struct wr *w, const struct sstp_attr *attr)
{
	const struct row *row = find_row(attr->id);
	size_t start = wr_len(w);
	uint8_t *length;

	wr_u8(w, 0);
	wr_u8(w, attr->id);
	length = wr_room(w, 2);
	if (!row || !length) {
		w->overflow = true;
		return;
	}
	row->encode(w, attr);
	wr_patch_be16(length, wr_len(w) - start);
}

bool sstp_status_info_read(struct rd value, struct sstp_status_info *ret)
{
	struct sstp_status_info info = {0};

	rd_ptr(&value, 3);
	info.attrib_id = rd_u8(&value);
	if (value.short_read)
		return false;
	info.status = rd_be32(&value);
	info.value = (struct rd){value.p, value.end, false};
	*ret = info;
	return true;
}

const char *sstp_attr_name(uint8_t id)
{
	const struct row *row = find_row(id);

	if (id == SSTP_ATTRIB_NO_ERROR)
		return "SSTP_ATTRIB_NO_ERROR";
	return row ? row->name : "unknown";
}

const char *sstp_status_name(uint32_t status)
{
	return status < ARRAY_SIZE(status_names) ? status_names[status] : "unknown";
}
