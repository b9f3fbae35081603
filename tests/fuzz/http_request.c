// SPDX-License-Identifier: Apache-2.0
/*
 * A request, handed to the server's half whole and then cut in two: both ways must come to the same
 * decision and take the same octets, and every decision must be answered.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http/server.h"

struct outcome {
	bool decided;
	struct http_request request;
	size_t consumed;
};

static struct outcome serve(const uint8_t *octets, size_t n, size_t cut)
{
	AUTO(http_server) struct http_server *s = NULL;
	const struct http_request *q;
	struct outcome o = {0};
	size_t used;

	if (http_server_new(NULL, &s) < 0)
		abort();
	http_server_recv(s, octets, cut, &used);
	o.consumed = used;
	o.decided = http_server_next_event(s, &q);
	if (!o.decided && cut < n) {
		if (used != cut)
			abort();
		http_server_recv(s, octets + cut, n - cut, &used);
		o.consumed += used;
		o.decided = http_server_next_event(s, &q);
	}
	if (!o.decided)
		return o;
	o.request = *q;
	if (http_server_respond(s, q->status, 0) < 0 || !buf_len(http_server_output(s)))
		abort();
	if (buf_len(http_server_output(s)) > 512)
		abort();
	return o;
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t n)
{
	struct outcome whole = serve(octets, n, n),
		       cut = serve(octets, n, n ? octets[n - 1] % n : 0);

	if (whole.decided != cut.decided)
		abort();
	if (!whole.decided)
		return 0;
	if (whole.request.reason != cut.request.reason ||
		whole.request.status != cut.request.status)
		abort();
	if (whole.request.wish != HTTP_WANTS_OTHER &&
		(whole.consumed != cut.consumed || whole.consumed > n ||
			memcmp(octets + whole.consumed - 4, "\r\n\r\n", 4) != 0))
		abort();
	return 0;
}
