// SPDX-License-Identifier: Apache-2.0
/*
 * front/proxy_connect.h — a TCP connection to the server by way of an HTTP proxy ([MS-SSTP] 4.5).
 *
 * Blocks, with a time limit: for use before a loop runs. The next octet on the socket is TLS.
 * Secrets: struct proxy holds a password; wipe it with explicit_bzero().
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

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

/* How long a round may take, and what ends it at once: stop_fd becomes readable; -1: nothing does. */
struct proxy_limit {
	unsigned timeout_ms;
	int stop_fd;
};

/* A non-blocking TCP socket in *ret_fd when ret->event is EV_NONE. Returns ret->event. */
enum event proxy_connect(const struct proxy *p, const char *host, uint16_t port,
	const struct proxy_limit *limit, int *ret_fd, struct proxy_outcome *ret);
/*
 * TCP to a name or address; non-blocking socket. 0 or a negative errno; -ENOENT: no such name,
 * -ECANCELED: stopped.
 */
int proxy_dial(const char *host, uint16_t port, const struct proxy_limit *limit, int *ret_fd);
