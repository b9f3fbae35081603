// SPDX-License-Identifier: Apache-2.0
/*
 * base/peap_binding.h — the crypto-binding TLV of PEAPv0 ([MS-PEAP] 2.2.8.1.1, 3.1.5.5): proof that the
 * ends of the inner method are the ends of the TLS around it. Without it a relay puts its own TLS around
 * another one's inner login. Pure functions.
 *
 * Secrets: the caller wipes the keys.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/eap.h"
#include "base/rd.h"
#include "base/wr.h"

#define PEAP_TK_LEN 60  /* of the TLS key block */
#define PEAP_ISK_LEN 32 /* of the inner method; zeros for one without a key */
#define PEAP_NONCE_LEN 32
#define PEAP_BINDING_LEN 60 /* the whole TLV */

struct peap_keys {
	uint8_t ipmk[40], cmk[20];
};

/* Negative errno: no HMAC-SHA1. */
int peap_keys_make(const uint8_t tk[static PEAP_TK_LEN], const uint8_t isk[static PEAP_ISK_LEN],
	struct peap_keys *ret);
/* The MSK that goes to the layer below. */
int peap_msk(const struct peap_keys *keys, uint8_t ret[static EAP_MSK_LEN]);

enum peap_subtype { PEAP_BINDING_REQUEST, PEAP_BINDING_RESPONSE };
int peap_binding_write(const struct peap_keys *keys, enum peap_subtype subtype,
	const uint8_t nonce[static PEAP_NONCE_LEN], uint8_t ret[static PEAP_BINDING_LEN]);
/* `tlv` with its header. */
bool peap_binding_verifies(const struct peap_keys *keys, enum peap_subtype subtype, struct rd tlv);

/* What an Extensions packet (type 33) says. */
struct peap_extensions {
	uint16_t result;   /* 1 success, 2 failure; 0: no Result TLV */
	struct rd binding; /* the whole TLV; empty: none */
};
/* `tlvs` behind the type. -EPROTO: cut, a TLV twice, one that is mandatory and unknown. */
int peap_extensions_parse(struct rd tlvs, struct peap_extensions *ret);
