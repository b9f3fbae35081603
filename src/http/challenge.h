// SPDX-License-Identifier: Apache-2.0
/*
 * http/challenge.h — the challenges in Proxy-Authenticate (RFC 9110 11.2 and 11.3).
 *
 * A value is a list of challenges; each has a scheme and then nothing, a token68, or parameters that
 * commas separate like the challenges themselves:
 *
 *     Negotiate, NTLM TlRMTVNTUAAC=, Digest realm="a, b", nonce="n", Basic realm=c
 *
 * Ownership: the texts of a challenge point into the list.
 */
#pragma once
#include <stdbool.h>

#include "http/message.h"

struct http_challenge {
	struct http_text scheme;
	struct http_text params; /* as they came, without blanks and commas around; may be empty */
};

/*
 * Takes the next challenge off the front of *list. False: there is none, or what follows is none;
 * what came before it was returned and counts.
 */
bool http_challenge_next(struct http_text *list, struct http_challenge *ret);
bool http_challenge_is(const struct http_challenge *c, const char *scheme); /* any letter case */
