// SPDX-License-Identifier: Apache-2.0
/* base/peap_binding.c: the TLVs of an Extensions packet; no binding verifies by chance. */
#include <assert.h>

#include "base/peap_binding.h"

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t n)
{
	static const struct peap_keys keys = {.cmk = {1, 2, 3}};
	struct peap_extensions e;

	if (peap_extensions_parse(rd_init(octets, n), &e) < 0)
		return 0;
	if (rd_left(&e.binding)) {
		assert(e.binding.p >= octets && e.binding.end <= octets + n);
		assert(!peap_binding_verifies(&keys, PEAP_BINDING_RESPONSE, e.binding));
	}
	return 0;
}
