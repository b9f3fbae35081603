// SPDX-License-Identifier: Apache-2.0
/*
 * sstp/nak.h — why a server refuses a CALL_CONNECT_REQUEST ([MS-SSTP] 3.3.5.2.2).
 */
#pragma once
#include <stddef.h>

#include "sstp/packet.h"

/* One for each attribute, and one for the attribute that is missing. */
#define SSTP_NAK_FAULTS_MAX (SSTP_ATTRS_MAX + 1)

/*
 * The Status Infos for the NAK, one for each fault; 0 when the request is acceptable. Their values
 * point into the octets of `msg`.
 */
size_t sstp_nak_faults(
	const struct sstp_message *msg, struct sstp_attr ret[static SSTP_NAK_FAULTS_MAX]);
