// SPDX-License-Identifier: Apache-2.0
/* ppp/auth/eap.c: any packets to either end of the carrier; the first octet says which. */
#include "ppp_auth.h"

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t n)
{
	struct rd in = rd_init(octets, n);
	bool server = rd_u8(&in) & 1;

	auth_fuzz(in, server, AUTH_EAP);
	return 0;
}
