// SPDX-License-Identifier: Apache-2.0
/*
 * Theory: with H the hash that the message names and n its length,
 *
 *     CMK = HMAC-H(HLAK, "SSTP inner method derived CMK" | n as 16 bits, low octet first | 01)
 *     MAC = HMAC-H(CMK, the whole packet with the MAC field zero)
 *
 * The first line is one block of IKEv2's prf+, which is exactly enough for either hash. LEN is
 * little endian here and nowhere else in the protocol.
 *
 * Both hash fields of the message have 32 octets; SHA-1 fills 20 and the rest is padding that must
 * be zero. Comparing whole fields against zero-extended values checks the padding on the way: it
 * is outside the MAC, so nothing else would notice a flipped bit there.
 *
 * Implements [MS-SSTP] 3.2.5.2 and the checks of 3.3.5.2.3 that concern values. Comparisons take
 * the same time wherever the octets differ.
 */
#include "sstp/binding.h"

#include <string.h>

#include "base/crypto.h"

uint8_t sstp_binding_choose(uint8_t offered, uint8_t ours)
{
	uint8_t common = offered & ours;

	if (common & CERT_HASH_PROTOCOL_SHA256)
		return CERT_HASH_PROTOCOL_SHA256;
	return common & CERT_HASH_PROTOCOL_SHA1;
}

static enum hash hash_of(uint8_t protocol)
{
	return protocol == CERT_HASH_PROTOCOL_SHA1 ? HASH_SHA1 : HASH_SHA256;
}

/* The certificate's hash as the 32-octet field of the message. */
static void cert_field(uint8_t protocol, const struct sstp_cert_hash *cert,
	uint8_t ret[static SSTP_HASH_FIELD_LEN])
{
	memset(ret, 0, SSTP_HASH_FIELD_LEN);
	if (protocol == CERT_HASH_PROTOCOL_SHA1)
		memcpy(ret, cert->sha1, sizeof(cert->sha1));
	else
		memcpy(ret, cert->sha256, sizeof(cert->sha256));
}

static int derive_cmk(enum hash h, const uint8_t hlak[static HLAK_LEN], uint8_t *ret_cmk)
{
	static const char seed[] = "SSTP inner method derived CMK";
	uint8_t len_and_counter[] = {(uint8_t)hash_len(h), 0, 1};
	struct octets parts[] = {
		{seed, sizeof(seed) - 1}, {len_and_counter, sizeof(len_and_counter)}};

	return hmac_parts(h, hlak, HLAK_LEN, parts, 2, ret_cmk);
}

/* The MAC field of the packet, computed over all of it but itself (3.2.5.2.1). */
static int compound_mac(uint8_t protocol, const uint8_t packet[static SSTP_CALL_CONNECTED_LEN],
	const uint8_t hlak[static HLAK_LEN], uint8_t ret[static SSTP_HASH_FIELD_LEN])
{
	static const uint8_t zeros[SSTP_HASH_FIELD_LEN];
	enum hash h = hash_of(protocol);
	struct octets parts[] = {{packet, SSTP_MAC_OFFSET}, {zeros, sizeof(zeros)}};
	uint8_t cmk[MD_MAX_LEN];
	int r;

	memset(ret, 0, SSTP_HASH_FIELD_LEN);
	r = derive_cmk(h, hlak, cmk);
	if (!r)
		r = hmac_parts(h, cmk, hash_len(h), parts, 2, ret);
	explicit_bzero(cmk, sizeof(cmk));
	return r;
}

int sstp_binding_build(uint8_t hash, const uint8_t nonce[static SSTP_NONCE_LEN],
	const struct sstp_cert_hash *cert, const uint8_t hlak[static HLAK_LEN],
	uint8_t ret[static SSTP_CALL_CONNECTED_LEN])
{
	uint8_t field[SSTP_HASH_FIELD_LEN];
	struct sstp_attr attr = {
		.id = SSTP_ATTRIB_CRYPTO_BINDING,
		.crypto_binding = {.hash = hash, .nonce = nonce, .cert_hash = field},
	};

	cert_field(hash, cert, field);
	sstp_message_build(SSTP_MSG_CALL_CONNECTED, &attr, 1, ret, SSTP_CALL_CONNECTED_LEN);
	return compound_mac(hash, ret, hlak, ret + SSTP_MAC_OFFSET);
}

/* Looks at every certificate whatever the first ones gave. */
static bool any_cert_matches(
	const struct sstp_crypto_binding *binding, const struct sstp_binding_terms *terms)
{
	static const uint8_t zeros[SSTP_HASH_FIELD_LEN];
	uint8_t field[SSTP_HASH_FIELD_LEN];
	bool found = false;

	for (size_t i = 0; i < terms->n_certs; i++) {
		cert_field(binding->hash, &terms->certs[i], field);
		if (crypto_equal(field, binding->cert_hash, sizeof(field)) &&
			!crypto_equal(field, zeros, sizeof(field)))
			found = true;
	}
	return found;
}

enum event sstp_binding_verify(const uint8_t packet[static SSTP_CALL_CONNECTED_LEN],
	const struct sstp_crypto_binding *binding, const struct sstp_binding_terms *terms,
	const uint8_t hlak[static HLAK_LEN])
{
	bool one_hash = binding->hash == CERT_HASH_PROTOCOL_SHA1 ||
			binding->hash == CERT_HASH_PROTOCOL_SHA256;
	uint8_t mac[SSTP_HASH_FIELD_LEN];
	bool equal;

	if (!crypto_equal(binding->nonce, terms->nonce, SSTP_NONCE_LEN))
		return EV_SSTP_BINDING_NONCE;
	if (!one_hash) /* or it could not be said which hash of the certificate to compare */
		return EV_SSTP_BINDING_HASH_PROTOCOL;
	if (!any_cert_matches(binding, terms))
		return EV_SSTP_BINDING_MISMATCH;
	if (!(binding->hash & terms->hashes))
		return EV_SSTP_BINDING_HASH_PROTOCOL;
	if (compound_mac(binding->hash, packet, hlak, mac) < 0)
		return EV_SSTP_BINDING_UNCHECKED;
	equal = crypto_equal(binding->mac, mac, sizeof(mac));
	explicit_bzero(mac, sizeof(mac));
	return equal ? EV_NONE : EV_SSTP_BINDING_MAC;
}
