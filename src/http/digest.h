// SPDX-License-Identifier: Apache-2.0
/*
 * http/digest.h — the answer to a Digest challenge (RFC 7616), for proxies.
 *
 * Of the challenge's variants these are spoken: MD5, MD5-sess, SHA-256, SHA-256-sess, with qop=auth
 * or (RFC 2069) without qop.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>

struct http_digest_opts {
	const char *challenge; /* the value of Proxy-Authenticate: "Digest realm=..." */
	const char *user, *password;
	const char *method, *uri;
	const char *cnonce; /* fresh and random, without quotes */
};

/* Whether its parts are there and its algorithm and quality of protection are spoken. */
bool http_digest_can_answer(const char *challenge);
/*
 * The value for Proxy-Authorization. -EINVAL: no Digest challenge or one that lacks its parts;
 * -ENOTSUP: an algorithm or quality of protection that is not spoken; -ENOSPC.
 */
int http_digest_answer(const struct http_digest_opts *opts, char *ret, size_t cap);
