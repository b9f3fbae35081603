// SPDX-License-Identifier: Apache-2.0
/*
 * A response, handed to the client's half and to the proxy's, whole and cut in two: the same event
 * either way, and only a 200 of HTTP/1.1 (a 2xx for the proxy) opens.
 */
#include <stdlib.h>
#include <string.h>

#include "http/client.h"
#include "http/proxy.h"

static const struct http_client_opts client_opts = {.host = "vpn.test", .port = 443};
static const struct http_proxy_opts proxy_opts = {.host = "vpn.test", .port = 443};

static struct http_client_event ask_client(const uint8_t *octets, size_t n, size_t cut)
{
	AUTO(http_client) struct http_client *c = NULL;
	struct http_client_event ev;
	size_t used;

	memset(&ev, 0, sizeof(ev));
	if (http_client_new(&c) < 0 || http_client_start(c, &client_opts, 0) < 0)
		abort();
	http_client_recv(c, octets, cut, &used);
	if (used == cut)
		http_client_recv(c, octets + cut, n - cut, &used);
	if (!http_client_next_event(c, &ev))
		return ev; /* it wants more */
	if (ev.type == HTTP_CLIENT_OPEN && memcmp(ev.answer.line, "HTTP/1.1 200", 12) != 0)
		abort();
	return ev;
}

static struct http_client_event ask_proxy(const uint8_t *octets, size_t n, size_t cut)
{
	AUTO(http_proxy) struct http_proxy *p = NULL;
	struct http_client_event ev;
	size_t used;

	memset(&ev, 0, sizeof(ev));
	if (http_proxy_new(&p) < 0 || http_proxy_start(p, &proxy_opts, 0) < 0)
		abort();
	http_proxy_recv(p, octets, cut, &used);
	if (used == cut)
		http_proxy_recv(p, octets + cut, n - cut, &used);
	if (!http_proxy_next_event(p, &ev))
		http_proxy_tick(p, http_proxy_deadline(p));
	if (ev.type == HTTP_CLIENT_OPEN && ev.answer.status && ev.answer.status / 100 != 2)
		abort();
	return ev;
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t n)
{
	size_t cut = n ? octets[n - 1] % n : 0;

	if (ask_client(octets, n, n).reason != ask_client(octets, n, cut).reason)
		abort();
	if (ask_proxy(octets, n, n).reason != ask_proxy(octets, n, cut).reason)
		abort();
	return 0;
}
