// SPDX-License-Identifier: Apache-2.0
/*
 * http/body.h — what follows the head of a response (RFC 9112 6): how long it is, and its octets without
 * the marks of chunks.
 *
 * Use:    http_body_start() with the parsed head; then http_body_next() with what came, until it returns 0.
 * Bounds: the caller's; a chunk's mark and a trailer's lines are counted, and too many are an error.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/rd.h"
#include "http/message.h"

struct http_body {
	enum http_body_state {
		HTTP_BODY_PLAIN, /* `left` octets */
		HTTP_BODY_CLOSE, /* up to the end of the connection */
		HTTP_BODY_SIZE,  /* of a chunk */
		HTTP_BODY_CHUNK,
		HTTP_BODY_CHUNK_END, /* the CR LF behind it */
		HTTP_BODY_TRAILER,
		HTTP_BODY_DONE,
	} state;
	uint64_t left;
	char line[80]; /* a chunk's mark, or the start of a trailer's line */
	unsigned line_n, lines;
};

/* Of a response to a request that may have one. -EPROTO: lengths that contradict, an unknown coding. */
int http_body_start(struct http_body *b, const struct http_message *head);
/*
 * 0: the body is over, and *in at what follows it; 1: *ret are octets of it, which point into *in; -EAGAIN:
 * all is taken, more is needed; -EPROTO.
 */
int http_body_next(struct http_body *b, struct rd *in, struct rd *ret);
/* May another request follow on the connection (RFC 9112 9.3, and Proxy-Connection as it is used)? */
bool http_keeps_connection(const struct http_message *head);
