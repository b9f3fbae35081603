// SPDX-License-Identifier: Apache-2.0
/*
 * Theory: with X the octets exported by the TLS connection of the lane itself,
 *
 *     key   = HMAC-SHA256(HLAK, "Culvert lane key" | 01)
 *     PROOF = HMAC-SHA256(key, "Culvert lane 1 client" or "… server" | 00 | handle | X)
 *
 * The HLAK is the key of the crypto binding, under another label: only the two ends of the
 * authentication inside the first connection have it. X ties the proof to one TLS connection (RFC
 * 5705): a relay that ends TLS has two connections with two values, so a relayed proof does not verify,
 * and a recorded proof verifies nowhere. The proof covers handle and side, so it is valid for one call
 * and cannot be reflected.
 *
 * The handle is public. It finds the call and gives no rights.
 */
#include "sstp/lane.h"

#include <errno.h>
#include <string.h>

#include "base/auto.h"
#include "base/crypto.h"
#include "base/hex.h"

int sstp_lane_key(const uint8_t hlak[static HLAK_LEN], uint8_t ret_key[static SSTP_LANE_KEY_LEN])
{
	static const char label[] = "Culvert lane key\x01";
	static const uint8_t zeros[HLAK_LEN];
	struct octets part = {label, sizeof(label) - 1};

	if (crypto_equal(hlak, zeros, HLAK_LEN))
		return -ENOKEY;
	return hmac_parts(HASH_SHA256, hlak, HLAK_LEN, &part, 1, ret_key);
}

void sstp_lane_forget(struct sstp_lane_ticket *t)
{
	explicit_bzero(t->key, sizeof(t->key));
	memset(t->handle, 0, sizeof(t->handle));
}

int sstp_lane_prove(const struct sstp_lane_ticket *t, enum sstp_lane_side side,
	const uint8_t exported[static SSTP_LANE_EXPORT_LEN],
	uint8_t ret_proof[static SSTP_LANE_PROOF_LEN])
{
	static const char client[] = "Culvert lane 1 client", server[] = "Culvert lane 1 server";
	struct octets parts[] = {
		{side == SSTP_LANE_CLIENT ? client : server, sizeof(client)}, /* with the zero */
		{t->handle, sizeof(t->handle)},
		{exported, SSTP_LANE_EXPORT_LEN},
	};

	return hmac_parts(HASH_SHA256, t->key, sizeof(t->key), parts, ARRAY_SIZE(parts), ret_proof);
}

bool sstp_lane_proved(const struct sstp_lane_ticket *t, enum sstp_lane_side side,
	const uint8_t exported[static SSTP_LANE_EXPORT_LEN],
	const uint8_t proof[static SSTP_LANE_PROOF_LEN])
{
	uint8_t right[SSTP_LANE_PROOF_LEN];
	bool equal = !sstp_lane_prove(t, side, exported, right) &&
		     crypto_equal(right, proof, sizeof(right));

	explicit_bzero(right, sizeof(right));
	return equal;
}

/* ---- header values ---------------------------------------------------------- */

bool sstp_lane_offered(const char *text)
{
	return !strcmp(text, SSTP_LANE_OFFER);
}

void sstp_lane_answer_format(
	const uint8_t handle[static SSTP_LANE_HANDLE_LEN], char ret[static SSTP_LANE_ANSWER_LEN])
{
	memcpy(ret, "1 ", 2);
	hex_encode(handle, SSTP_LANE_HANDLE_LEN, ret + 2);
}

int sstp_lane_answer_parse(const char *text, uint8_t ret_handle[static SSTP_LANE_HANDLE_LEN])
{
	if (strncmp(text, "1 ", 2))
		return -EINVAL;
	return hex_decode(text + 2, ret_handle, SSTP_LANE_HANDLE_LEN);
}

void sstp_lane_request_format(const uint8_t handle[static SSTP_LANE_HANDLE_LEN],
	const uint8_t proof[static SSTP_LANE_PROOF_LEN], char ret[static SSTP_LANE_REQUEST_LEN])
{
	hex_encode(handle, SSTP_LANE_HANDLE_LEN, ret);
	ret[2 * SSTP_LANE_HANDLE_LEN] = ' ';
	hex_encode(proof, SSTP_LANE_PROOF_LEN, ret + 2 * SSTP_LANE_HANDLE_LEN + 1);
}

int sstp_lane_request_parse(const char *text, uint8_t ret_handle[static SSTP_LANE_HANDLE_LEN],
	uint8_t ret_proof[static SSTP_LANE_PROOF_LEN])
{
	char handle[2 * SSTP_LANE_HANDLE_LEN + 1];

	if (strlen(text) != SSTP_LANE_REQUEST_LEN - 1 || text[sizeof(handle) - 1] != ' ')
		return -EINVAL;
	memcpy(handle, text, sizeof(handle) - 1);
	handle[sizeof(handle) - 1] = '\0';
	if (hex_decode(handle, ret_handle, SSTP_LANE_HANDLE_LEN) < 0)
		return -EINVAL;
	return hex_decode(text + sizeof(handle), ret_proof, SSTP_LANE_PROOF_LEN);
}

void sstp_lane_proof_format(
	const uint8_t proof[static SSTP_LANE_PROOF_LEN], char ret[static SSTP_LANE_PROOF_TEXT_LEN])
{
	hex_encode(proof, SSTP_LANE_PROOF_LEN, ret);
}

int sstp_lane_proof_parse(const char *text, uint8_t ret_proof[static SSTP_LANE_PROOF_LEN])
{
	return hex_decode(text, ret_proof, SSTP_LANE_PROOF_LEN);
}
