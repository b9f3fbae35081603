// SPDX-License-Identifier: Apache-2.0
#include "base/peap_binding.h"

#include <errno.h>
#include <string.h>

#include "base/auto.h"
#include "base/crypto.h"

enum { TLV_RESULT = 3, TLV_NAK = 4, TLV_BINDING = 12 };
#define TLV_MANDATORY 0x8000
#define TLV_TYPE_MASK 0x3fff
#define TLV_HEADER_LEN 4
#define BINDING_VALUE_LEN (PEAP_BINDING_LEN - TLV_HEADER_LEN)
#define MAC_AT (PEAP_BINDING_LEN - SHA1_LEN)

/* [MS-PEAP] 3.1.5.5.2.2: Tn = HMAC-SHA1(key, Tn-1 | seed | n | 00 00). */
static int prf_plus(const uint8_t *key, size_t key_len, const void *label, size_t label_len,
	const uint8_t *seed, size_t seed_len, uint8_t *ret, size_t n)
{
	uint8_t t[SHA1_LEN], counter[3] = {0};

	for (size_t at = 0; at < n; at += SHA1_LEN) {
		size_t left = n - at;
		struct octets parts[] = {
			{t, at ? SHA1_LEN : 0}, {label, label_len}, {seed, seed_len}, {counter, 3}};
		int r;

		counter[0]++;
		r = hmac_parts(HASH_SHA1, key, key_len, parts, ARRAY_SIZE(parts), t);
		if (r < 0)
			return r;
		memcpy(ret + at, t, left < SHA1_LEN ? left : SHA1_LEN);
	}
	explicit_bzero(t, sizeof(t));
	return 0;
}

int peap_keys_make(const uint8_t tk[static PEAP_TK_LEN], const uint8_t isk[static PEAP_ISK_LEN],
	struct peap_keys *ret)
{
	static const char label[] = "Inner Methods Compound Keys";
	uint8_t p[60];
	int r = prf_plus(
		tk, sizeof(ret->ipmk), label, strlen(label), isk, PEAP_ISK_LEN, p, sizeof(p));

	memcpy(ret->ipmk, p, sizeof(ret->ipmk));
	memcpy(ret->cmk, p + sizeof(ret->ipmk), sizeof(ret->cmk));
	explicit_bzero(p, sizeof(p));
	return r;
}

int peap_msk(const struct peap_keys *keys, uint8_t ret[static EAP_MSK_LEN])
{
	static const char label[] = "Session Key Generating Function"; /* with its zero */

	return prf_plus(
		keys->ipmk, sizeof(keys->ipmk), label, sizeof(label), NULL, 0, ret, EAP_MSK_LEN);
}

/* 3.1.5.5.2.1: over the TLV with a MAC of zeros, and the type of PEAP. */
static int mac_of(const struct peap_keys *keys, const uint8_t *tlv, uint8_t ret[static SHA1_LEN])
{
	static const uint8_t zero[SHA1_LEN], type = EAP_PEAP;
	struct octets parts[] = {{tlv, MAC_AT}, {zero, sizeof(zero)}, {&type, 1}};

	return hmac_parts(HASH_SHA1, keys->cmk, sizeof(keys->cmk), parts, ARRAY_SIZE(parts), ret);
}

int peap_binding_write(const struct peap_keys *keys, enum peap_subtype subtype,
	const uint8_t nonce[static PEAP_NONCE_LEN], uint8_t ret[static PEAP_BINDING_LEN])
{
	uint8_t head[MAC_AT];
	struct wr w = wr_init(head, sizeof(head));

	wr_be16(&w, TLV_BINDING);
	wr_be16(&w, BINDING_VALUE_LEN);
	wr_zero(&w, 3); /* reserved, version, received version */
	wr_u8(&w, (uint8_t)subtype);
	wr_octets(&w, nonce, PEAP_NONCE_LEN);
	memcpy(ret, head, sizeof(head));
	return mac_of(keys, ret, ret + MAC_AT);
}

bool peap_binding_verifies(const struct peap_keys *keys, enum peap_subtype subtype, struct rd tlv)
{
	const uint8_t *p = tlv.p;
	uint8_t mac[SHA1_LEN];
	bool good;

	if (rd_left(&tlv) != PEAP_BINDING_LEN || p[5] != 0 || p[6] != 0 || p[7] != subtype ||
		mac_of(keys, p, mac) < 0)
		return false;
	good = crypto_equal(mac, p + MAC_AT, sizeof(mac));
	explicit_bzero(mac, sizeof(mac));
	return good;
}

static int take_tlv(struct peap_extensions *e, uint16_t type, struct rd value, struct rd whole)
{
	switch (type & TLV_TYPE_MASK) {
	case TLV_RESULT:
		if (e->result || rd_left(&value) != 2)
			return -EPROTO;
		e->result = rd_be16(&value);
		return e->result ? 0 : -EPROTO;
	case TLV_BINDING:
		if (rd_left(&e->binding))
			return -EPROTO;
		e->binding = whole;
		return 0;
	}
	return type & TLV_MANDATORY ? -EPROTO : 0;
}

int peap_extensions_parse(struct rd tlvs, struct peap_extensions *ret)
{
	struct peap_extensions e = {0};

	while (rd_left(&tlvs)) {
		struct rd whole = tlvs, value;
		uint16_t type = rd_be16(&tlvs);
		size_t n = rd_be16(&tlvs);

		value = rd_sub(&tlvs, n);
		if (tlvs.short_read)
			return -EPROTO;
		whole = rd_init(whole.p, TLV_HEADER_LEN + n);
		if (take_tlv(&e, type, value, whole) < 0)
			return -EPROTO;
	}
	*ret = e;
	return 0;
}
