// SPDX-License-Identifier: Apache-2.0
/*
 * http/server.h — the server's half of the one HTTP exchange that opens a tunnel ([MS-SSTP] 3.3.2.1,
 * 4.1), and polite answers to browsers, health checks and scanners.
 *
 * Use:       http_server_recv() until http_server_next_event() gives the request; then the owner
 *            decides and calls http_server_respond() once, and sends http_server_output(). After 200
 *            to an SSTP request the rest of the stream is SSTP; after anything else the owner sends
 *            the output, shuts its direction down and only then closes (after an early close TCP
 *            would reset the connection and lose the answer).
 * Ownership: the request belongs to the server object. It is not needed any more once the output has
 *            been taken: free it, a tunnel does not have to carry it along.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/auto.h"
#include "base/buf.h"
#include "events/event.h"
#include "http/message.h"

#define SSTP_URI "/sra_{BA195980-CD49-458b-9E23-C84EE0ADCD75}/"

enum http_wish {
	HTTP_WANTS_SSTP,   /* answer 200, or 503 when full or draining */
	HTTP_WANTS_LANE,   /* the same request for a lane: 200 when its proof holds, else 404 */
	HTTP_WANTS_HEALTH, /* HEAD or GET on the SSTP path: the same question without a tunnel */
	HTTP_WANTS_OTHER,  /* answer `status` */
};

struct http_request { /* texts are cut to fit */
	enum http_wish wish;
	enum event reason; /* EV_HTTP_REQUEST_* */
	unsigned status;   /* the answer to HTTP_WANTS_OTHER; 200 for the others */
	char method[24], target[128], host[128], agent[64];
	char correlation[HTTP_GUID_LEN]; /* "" when none or no GUID was sent */
	char content_length[24];         /* as sent; Windows: 18446744073709551615 */
	char lanes[HTTP_LANE_TEXT], lane[HTTP_LANE_TEXT]; /* message.h */
};

struct http_server;

struct http_server_opts {
	const char *name; /* value of the header Server; NULL: none is sent. Not copied. */
};

int http_server_new(const struct http_server_opts *opts, struct http_server **ret);
void http_server_free(struct http_server *s);

/*
 * *ret_consumed octets belonged to the request; the rest is the caller's (SSTP packets of an eager
 * client). Once the request is complete nothing is consumed any more.
 */
void http_server_recv(struct http_server *s, const void *octets, size_t n, size_t *ret_consumed);
/* True once, when the request is there or is hopeless; *ret lives as long as s. */
bool http_server_next_event(struct http_server *s, const struct http_request **ret);
/* One header more in an answer that opens a tunnel or a lane; the texts live until then. */
void http_server_grant(struct http_server *s, const char *name, const char *value);
/* now_s: seconds since 1970, for the Date. -EALREADY the second time. */
int http_server_respond(struct http_server *s, unsigned status, int64_t now_s);
struct buf *http_server_output(struct http_server *s);

DEFINE_AUTO(http_server, struct http_server *, http_server_free)
