// SPDX-License-Identifier: Apache-2.0
/*
 * sstp/binding.h — the crypto binding of CALL_CONNECTED ([MS-SSTP] 2.2.7, 3.2.5.2, 3.3.5.2.3).
 *
 * It proves that the peer that authenticated inside PPP also ended the TLS connection: the client signs
 * the hash of the certificate it saw with a key that only the PPP authentication yields. A relay
 * in between has either the wrong certificate or not the key.
 *
 * Secrets: the HLAK is the caller's; the key derived from it is wiped before return.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "base/credentials.h"
#include "events/event.h"
#include "sstp/packet.h"

/* Hashes of a leaf certificate's DER. All zeros: not known, and then no peer can match it. */
struct sstp_cert_hash {
	uint8_t sha1[20];
	uint8_t sha256[32];
};

/* What the server knows; pointers are the caller's. */
struct sstp_binding_terms {
	uint8_t hashes; /* CERT_HASH_PROTOCOL_* offered in the ACK */
	const uint8_t *nonce;
	const struct sstp_cert_hash *certs; /* any of them will do */
	size_t n_certs;
};

/* The best hash both sides know, SHA-256 before SHA-1 (2.2.6); 0 when there is none. */
uint8_t sstp_binding_choose(uint8_t offered, uint8_t ours);

/* A whole CALL_CONNECTED. Returns 0 or what base/crypto.h returns when the hash is missing. */
int sstp_binding_build(uint8_t hash, const uint8_t nonce[static SSTP_NONCE_LEN],
	const struct sstp_cert_hash *cert, const uint8_t hlak[static HLAK_LEN],
	uint8_t ret[static SSTP_CALL_CONNECTED_LEN]);

/*
 * The checks of 3.3.5.2.3 on a whole CALL_CONNECTED as it was received, in that order; `binding` is
 * its decoded attribute. EV_NONE, or the event that says which check failed: the wire does not show
 * (CALL_ABORT with CRYPTO_BINDING and VALUE_NOT_SUPPORTED for every one).
 */
enum event sstp_binding_verify(const uint8_t packet[static SSTP_CALL_CONNECTED_LEN],
	const struct sstp_crypto_binding *binding, const struct sstp_binding_terms *terms,
	const uint8_t hlak[static HLAK_LEN]);
