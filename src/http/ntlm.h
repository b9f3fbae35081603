// SPDX-License-Identifier: Apache-2.0
/*
 * http/ntlm.h — the two messages of a client that logs in by NTLM ([MS-NLMP], [MS-NTHT]), for proxies.
 *
 * NTLMv2 only: the older answers can be turned back into the password. The scheme logs a connection in,
 * not a request, so the server's CHALLENGE_MESSAGE and the answer to it are on the same one.
 *
 * Secrets: the answer proves the password and can be attacked off line; the caller wipes it.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

#define HTTP_NTLM_NONCE_LEN 8
/* Of a challenge in Base64: a target of 255 characters and what Windows says of itself are a tenth. */
#define HTTP_NTLM_CHALLENGE_TEXT 4096

/* The value of Proxy-Authorization with NEGOTIATE_MESSAGE (2.2.1.1). -ENOSPC. */
int http_ntlm_hello(char *ret, size_t cap);

struct http_ntlm_opts {
	const char *challenge;       /* what follows "NTLM " in Proxy-Authenticate */
	const char *user, *password; /* UTF-8; DOMAIN\USER is taken apart, USER@REALM is not */
	const uint8_t *nonce;        /* HTTP_NTLM_NONCE_LEN fresh random octets */
	uint64_t wall_100ns;         /* since 1601, for a server that names no time */
};

/*
 * The value with AUTHENTICATE_MESSAGE (2.2.1.3). -EPROTO: no CHALLENGE_MESSAGE; -ENOTSUP: one without
 * Unicode; -EILSEQ: a name or password that is no UTF-8; -ENOSPC; or what base/crypto.h returns.
 */
int http_ntlm_answer(const struct http_ntlm_opts *opts, char *ret, size_t cap);
