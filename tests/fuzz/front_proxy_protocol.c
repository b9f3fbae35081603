// SPDX-License-Identifier: Apache-2.0
/*
 * A header in front of a connection. Whole or in pieces the verdict is the same; reading as much as
 * is wanted never passes its end; what is read can be written as text.
 */
#include <errno.h>
#include <stdlib.h>

#include "front/proxy_protocol.h"

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t n)
{
	struct rd in = rd_init(octets, n);
	struct proxy_protocol p;
	int r = proxy_protocol_parse(&in, &p);
	size_t at = 0, want, len = n - rd_left(&in);
	char text[ENDPOINT_TEXT_LEN];

	if (r && rd_left(&in) != n)
		abort();
	while ((want = proxy_protocol_want(octets, at)) && at + want <= n)
		at += want;
	if (!r && (at != len || want))
		abort();
	if (!r && len > PROXY_PROTOCOL_MAX)
		abort();
	for (size_t cut = 0; !r && cut < len; cut++) {
		struct rd part = rd_init(octets, cut);
		struct proxy_protocol q;

		if (proxy_protocol_parse(&part, &q) != -EAGAIN)
			abort();
	}
	if (!r && p.relayed)
		endpoint_format(&p.peer, text);
	return 0;
}
