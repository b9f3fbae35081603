// SPDX-License-Identifier: Apache-2.0
/*
 * ppp/auth/chap.c and mschapv2.c: any packets to either end with either algorithm, as the first octet
 * says; and the texts of a Failure by themselves.
 */
#include "ppp/auth/mschapv2.h"
#include "ppp_auth.h"

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t n)
{
	struct rd in = rd_init(octets, n);
	uint8_t first = rd_u8(&in);
	struct mschapv2_failure failure;

	if (first & 4) {
		if (mschapv2_failure_parse(in, &failure) == 0)
			must(strlen(failure.message) < sizeof(failure.message));
		return 0;
	}
	auth_fuzz(in, first & 1, first & 2 ? AUTH_MSCHAPV2 : AUTH_CHAP_MD5);
	return 0;
}
