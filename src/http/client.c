// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation
 *
 * The request is the one a Windows client sends, headers in its order. Only "HTTP/1.1 200" opens the
 * tunnel ([MS-SSTP] 3.2.4.1: otherwise the SSTP machine MUST NOT start). Of the answer's headers only
 * Transfer-Encoding matters: behind it the octets are chunks, not SSTP packets. Each failure has its
 * own event, by the likely cause: another program on the port (2504), an old proxy (2503), a proxy that
 * makes chunks (2509), a server that refuses (2501).
 */
#include "http/client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http/server.h"

struct http_client {
	struct http_waiter wait;
};

int http_client_new(struct http_client **ret)
{
	struct http_client *c = calloc(1, sizeof(*c));

	if (!c)
		return -ENOMEM;
	http_waiter_init(&c->wait);
	*ret = c;
	return 0;
}

void http_client_free(struct http_client *c)
{
	if (!c)
		return;
	http_waiter_done(&c->wait);
	free(c);
}

static bool is_header_text(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			return false;
	return true;
}

int http_client_start(struct http_client *c, const struct http_client_opts *opts, uint64_t now_ms)
{
	char host[300], request[1000];
	int n = snprintf(request, sizeof(request), "SSTP_DUPLEX_POST " SSTP_URI " HTTP/1.1\r\n");

	if (http_host_text(opts->host, opts->port, 443, host, sizeof(host)) < 0 ||
		(opts->correlation && !is_header_text(opts->correlation)) ||
		(opts->agent && !is_header_text(opts->agent)) ||
		(opts->lanes && !is_header_text(opts->lanes)) ||
		(opts->lane && !is_header_text(opts->lane)))
		return -EINVAL;
	if (opts->correlation)
		n += snprintf(request + n, sizeof(request) - (size_t)n,
			"SSTPCORRELATIONID: %.64s\r\n", opts->correlation);
	n += snprintf(request + n, sizeof(request) - (size_t)n,
		"Content-Length: 18446744073709551615\r\nHost: %s\r\n", host);
	if (opts->agent)
		n += snprintf(request + n, sizeof(request) - (size_t)n, "User-Agent: %.100s\r\n",
			opts->agent);
	if (opts->lanes)
		n += snprintf(request + n, sizeof(request) - (size_t)n, HTTP_LANES ": %.127s\r\n",
			opts->lanes);
	if (opts->lane)
		n += snprintf(request + n, sizeof(request) - (size_t)n, HTTP_LANE ": %.127s\r\n",
			opts->lane);
	n += snprintf(request + n, sizeof(request) - (size_t)n, "\r\n");
	http_waiter_start(&c->wait, now_ms);
	return buf_append(&c->wait.out, request, (size_t)n);
}

static void judge(struct http_client *c, const struct http_message *m)
{
	struct http_waiter *w = &c->wait;
	char coding[80];

	if (m->major != 1 || m->minor != 1)
		http_waiter_end(w, EV_HTTP_VERSION, NULL);
	else if (m->status == 200 && http_header(m, "Transfer-Encoding"))
		http_waiter_end(w, EV_HTTP_TRANSFER_CODING, "\"Transfer-Encoding: %s\"",
			http_text_copy(
				http_header(m, "Transfer-Encoding"), coding, sizeof(coding)));
	else if (m->status == 200)
		http_waiter_end(w, EV_NONE, NULL);
	else if (m->status == 407)
		http_waiter_end(w, EV_HTTP_PROXY_AUTH, NULL);
	else
		http_waiter_end(w, EV_HTTP_STATUS, NULL);
}

void http_client_recv(struct http_client *c, const void *octets, size_t n, size_t *ret_consumed)
{
	struct http_message m;
	int r = http_waiter_recv(&c->wait, octets, n, ret_consumed, &m);

	if (!r)
		judge(c, &m);
	else if (r == -ENOMSG)
		http_waiter_end(&c->wait, EV_HTTP_NOT_HTTP, NULL);
	else if (r == -EPROTO)
		http_waiter_end(&c->wait, EV_HTTP_RESPONSE_MALFORMED, NULL);
	else if (r == -E2BIG)
		http_waiter_end(&c->wait, EV_HTTP_RESPONSE_TOO_LONG, NULL);
	else if (r != -EAGAIN)
		http_waiter_end(&c->wait, EV_OUT_OF_MEMORY, NULL);
}

bool http_client_next_event(struct http_client *c, struct http_client_event *ret)
{
	return http_waiter_next_event(&c->wait, ret);
}

struct buf *http_client_output(struct http_client *c)
{
	return &c->wait.out;
}
