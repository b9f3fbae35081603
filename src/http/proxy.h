// SPDX-License-Identifier: Apache-2.0
/*
 * http/proxy.h — asking a forward proxy for a way to the server: CONNECT ([MS-SSTP] 4.5, RFC 9110
 * 9.3.6). Comes before TLS, so it is read and written on the bare TCP connection.
 *
 * Use:       as http/client.h. HTTP_CLIENT_OPEN: the next octet belongs to TLS.
 * Ownership: the password is in the output until that is sent; freeing wipes it.
 */
#pragma once
#include "http/body.h"
#include "http/client.h"

struct http_proxy_opts {
	const char *host; /* the SSTP server; the proxy resolves it */
	uint16_t port;
	const char *user,
		*password;         /* NULL: none; sent as Basic (RFC 7617), that is, in the clear */
	const char *authorization; /* instead: the value of Proxy-Authorization */
	const char *agent;
};

struct http_proxy;

int http_proxy_new(struct http_proxy **ret);
void http_proxy_free(struct http_proxy *p);
/* -EINVAL for a host, or a user name (with a colon), that cannot be sent. */
int http_proxy_start(struct http_proxy *p, const struct http_proxy_opts *opts, uint64_t now_ms);
void http_proxy_recv(struct http_proxy *p, const void *octets, size_t n, size_t *ret_consumed);
void http_proxy_eof(struct http_proxy *p);
bool http_proxy_next_event(struct http_proxy *p, struct http_client_event *ret);
struct buf *http_proxy_output(struct http_proxy *p);
uint64_t http_proxy_deadline(const struct http_proxy *p);
/*
 * After a 407: what follows "NTLM" or "Negotiate" in its first such challenge, "" when nothing does. It
 * belongs to the connection, on which the next request may follow behind the body.
 */
const char *http_proxy_challenge(const struct http_proxy *p, const char *scheme);
/* The body of the answer, for http_body_next(); NULL: the connection does not go on behind it. */
struct http_body *http_proxy_body(struct http_proxy *p);
void http_proxy_tick(struct http_proxy *p, uint64_t now_ms);

DEFINE_AUTO(http_proxy, struct http_proxy *, http_proxy_free)
