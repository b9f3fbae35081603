// SPDX-License-Identifier: Apache-2.0
/*
 * ppp/auth/eap.h — the carrier of EAP (RFC 3748) on a PPP link. The methods are elsewhere: a server's in
 * aaa/eap/, a client's behind ppp/eap_peer.h.
 */
#pragma once
#include "ppp/auth/auth.h"

extern const struct auth_scheme eap_scheme;

/* Server, instead of a verdict: the next Request, whole; copied. A malformed one ends the login. */
void eap_challenge(struct auth *a, const uint8_t *packet, size_t n, uint64_t now_ms);
