// SPDX-License-Identifier: Apache-2.0
/*
 * front/proxy_url.h — where a proxy is, and the login for it: from a URL or the environment.
 *
 * Secrets: struct proxy holds a password; wipe it with explicit_bzero().
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct proxy {
	char host[256]; /* "" : none */
	uint16_t port;
	bool tls;                      /* TLS to the proxy itself; its certificate names the host */
	const char *ca_file;           /* ... and leads to one in here; NULL: the system's store */
	char user[256], password[256]; /* 255 octets, as of any password */
	char source[24];               /* "--proxy" or the environment variable, for people */
};

/* "http[s]://[user[:password]@]host[:port]", user and password %-encoded; -EINVAL. */
int proxy_parse(const char *url, struct proxy *ret);
/*
 * https_proxy, HTTPS_PROXY, all_proxy, ALL_PROXY unless no_proxy or NO_PROXY names the host (itself,
 * a domain it ends in, or "*"). 1: *ret is filled; 0: none; -EINVAL: set, but not usable.
 */
int proxy_from_environment(const char *host, struct proxy *ret);
