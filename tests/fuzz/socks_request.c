// SPDX-License-Identifier: Apache-2.0
/* What a local program says to the SOCKS and HTTP proxies of `culvert run`. */
#include <stdlib.h>
#include <string.h>

#include "socks/socks5.h"
#include "socks/web_request.h"

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t n);

static void check(const struct destination *to)
{
	if (!*to->host || !to->port || strpbrk(to->host, " \r\n/@"))
		abort();
}

static void as_web(const uint8_t *octets, size_t n)
{
	static char head[2 * WEB_REQUEST_HEAD_MAX];
	struct web_request r;

	if (web_request_parse((const char *)octets, n, &r) != 0)
		return;
	if (r.head_len > n)
		abort();
	check(&r.to);
	if (!r.connect && r.head_len <= WEB_REQUEST_HEAD_MAX &&
		!web_request_rewrite((const char *)octets, &r, head, sizeof(head)))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t n)
{
	struct rd in = rd_init(octets, n);
	struct destination to = {0};
	uint8_t method, reply;

	if (socks5_greeting(&in, &method) == 0 && socks5_request(&in, &to, &reply) == 0)
		check(&to);
	as_web(octets, n);
	return 0;
}
