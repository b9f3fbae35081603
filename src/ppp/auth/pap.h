// SPDX-License-Identifier: Apache-2.0
/* ppp/auth/pap.h — the Password Authentication Protocol (RFC 1334 section 2). */
#pragma once
#include "ppp/auth/auth.h"

enum pap_code { PAP_REQUEST = 1, PAP_ACK, PAP_NAK };

struct pap_request {
	struct rd user, password;
};

/* -EPROTO when a length leaves the packet. */
int pap_request_parse(struct rd body, struct pap_request *ret);

extern const struct auth_scheme pap_scheme;
