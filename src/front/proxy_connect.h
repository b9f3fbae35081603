// SPDX-License-Identifier: Apache-2.0
/*
 * front/proxy_connect.h — the conversation that opens a way to the server through an HTTP proxy
 * ([MS-SSTP] 4.5).
 *
 * No I/O: the owner (os/proxy_dial.c) makes the connections, moves the octets and knows the time.
 * Threads: one conversation, one thread.
 * Secrets: struct proxy holds a password; wipe it with explicit_bzero().
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/auto.h"
#include "base/buf.h"
#include "http/client.h"

struct proxy {
	char host[256]; /* "" : none */
	uint16_t port;
	char user[256], password[256]; /* 255 octets, as of any password */
	char source[24];               /* "--proxy" or the environment variable, for people */
};

/* "http://[user[:password]@]host[:port]", user and password %-encoded; -EINVAL. */
int proxy_parse(const char *url, struct proxy *ret);
/*
 * https_proxy, HTTPS_PROXY, all_proxy, ALL_PROXY unless no_proxy or NO_PROXY names the host (itself,
 * a domain it ends in, or "*"). 1: *ret is filled; 0: none; -EINVAL: set, but not usable.
 */
int proxy_from_environment(const char *host, struct proxy *ret);

/* What the CONNECT came to, also when it failed. */
struct proxy_outcome {
	enum event event; /* EV_NONE: the way is open */
	char text[300];
	struct http_answer answer;
	const char *scheme; /* the login that was used: "Basic", "Digest" or "" */
	int first_status;   /* of the request without a login */
};

enum proxy_connect_event {
	PROXY_CONNECT_DIAL,   /* close this connection, make another one, proxy_connect_start() */
	PROXY_CONNECT_OPEN,   /* the next octet on the connection belongs to TLS */
	PROXY_CONNECT_FAILED, /* proxy_connect_outcome() says why */
};

struct proxy_connect;

/* Borrowed until proxy_connect_free(): the proxy and the host. */
int proxy_connect_new(
	const struct proxy *p, const char *host, uint16_t port, struct proxy_connect **ret);
void proxy_connect_free(struct proxy_connect *c);
/* A TCP connection to the proxy stands: its request is in proxy_connect_output(). */
void proxy_connect_start(struct proxy_connect *c, uint64_t now_ms);
/* Takes no more than the head of the answer; what follows it belongs to TLS. */
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

DEFINE_AUTO(proxy_connect, struct proxy_connect *, proxy_connect_free)
