// SPDX-License-Identifier: Apache-2.0
/*
 * front/proxy_connect.h — the conversation that opens a way to the server through an HTTP proxy
 * ([MS-SSTP] 4.5), with the login that the proxy asks for: Negotiate, NTLM, Digest or Basic.
 *
 * No I/O: the owner (os/proxy_dial.c) makes the connections, moves the octets and knows the time.
 * Threads: one conversation, one thread.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/auto.h"
#include "base/buf.h"
#include "base/rd.h"
#include "front/proxy_url.h"
#include "http/client.h"

/* What the CONNECT came to, also when it failed. */
struct proxy_outcome {
	enum event event; /* EV_NONE: the way is open */
	char text[400];
	struct http_answer answer;
	const char
		*scheme; /* the login that was used: "Negotiate", "NTLM", "Digest", "Basic" or "" */
	int first_status;            /* of the request without a login */
	struct endpoint peer, local; /* of the connection to the proxy, as its owner sees it */
};

enum proxy_connect_event {
	PROXY_CONNECT_DIAL,   /* close this connection, make another one, proxy_connect_start() */
	PROXY_CONNECT_TOKEN,  /* Negotiate: proxy_connect_token() or proxy_connect_no_token() */
	PROXY_CONNECT_OPEN,   /* the next octet on the connection belongs to TLS */
	PROXY_CONNECT_FAILED, /* proxy_connect_outcome() says why */
};

struct proxy_connect;

/* Borrowed until proxy_connect_free(): the proxy and the host. wall_s: since 1970, for NTLM. */
int proxy_connect_new(const struct proxy *p, const char *host, uint16_t port, int64_t wall_s,
	struct proxy_connect **ret);
void proxy_connect_free(struct proxy_connect *c);
/* A TCP connection to the proxy stands: its request is in proxy_connect_output(). */
void proxy_connect_start(struct proxy_connect *c, uint64_t now_ms);
/*
 * Takes no more than the answer; what follows it belongs to TLS. Another request on the same connection
 * may be in proxy_connect_output() then.
 */
void proxy_connect_recv(
	struct proxy_connect *c, const void *octets, size_t n, size_t *ret_consumed);
void proxy_connect_eof(struct proxy_connect *c);
struct buf *proxy_connect_output(struct proxy_connect *c);
bool proxy_connect_next_event(struct proxy_connect *c, enum proxy_connect_event *ret);
uint64_t proxy_connect_deadline(const struct proxy_connect *c);
void proxy_connect_tick(struct proxy_connect *c, uint64_t now_ms);
/* No connection could be made, or it broke while the request was sent. */
void proxy_connect_fail(struct proxy_connect *c, enum event why, const char *text);
const struct proxy_outcome *proxy_connect_outcome(const struct proxy_connect *c);

/* After PROXY_CONNECT_TOKEN: what the proxy sent for the next token; nothing before the first one. */
struct rd proxy_connect_challenge(const struct proxy_connect *c);
void proxy_connect_token(struct proxy_connect *c, const void *token, size_t n);
void proxy_connect_no_token(struct proxy_connect *c, const char *why);

DEFINE_AUTO(proxy_connect, struct proxy_connect *, proxy_connect_free)
