// SPDX-License-Identifier: Apache-2.0
/*
 * socks/web_request.h — what a program asks an HTTP proxy (RFC 9110 9.3.6, RFC 9112 3.2): CONNECT, or a
 * request for an http URL, which is sent on in origin form as the only one of its connection.
 *
 * Pure: octets in, octets out.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "socks/destination.h"

#define WEB_REQUEST_HEAD_MAX                                                                       \
	16384 /* a program that sends more without an end of its head is cut off */

struct web_request {
	struct destination to;
	bool connect;
	size_t head_len; /* octets up to and with the empty line */
};

/* 0; -EAGAIN: the head has no end yet; -EPROTO: it is none of the two. `ret` is written on success. */
int web_request_parse(const char *octets, size_t n, struct web_request *ret);
/*
 * The head of a request that is no CONNECT, for the server itself: origin form, without what is meant
 * for the proxy, and the connection ends with the answer. Returns its length; 0: it does not fit cap.
 */
size_t web_request_rewrite(const char *head, const struct web_request *r, char *ret, size_t cap);
