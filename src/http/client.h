// SPDX-License-Identifier: Apache-2.0
/*
 * http/client.h — the client's half of the HTTP exchange that opens a tunnel ([MS-SSTP] 3.2.4.1).
 *
 * Use:    http_client_start() puts the request into http_client_output(); http_client_recv() takes the
 *         answer; one event says how it went. What follows the answer's head stays with the caller.
 * Units:  *_ms are monotonic milliseconds.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/auto.h"
#include "base/buf.h"
#include "http/answer.h"

struct http_client_opts {
	const char *host;         /* as the user named the server */
	uint16_t port;            /* shown in Host unless 443 */
	const char *correlation;  /* http_guid_make(); NULL: the header is left out */
	const char *agent;        /* User-Agent; NULL: none, as Windows does */
	const char *lanes, *lane; /* values of our own headers (message.h); NULL: left out */
};

struct http_client;

int http_client_new(struct http_client **ret);
void http_client_free(struct http_client *c);
/* -EINVAL for a host that has no place in a header (blanks, control characters). */
int http_client_start(struct http_client *c, const struct http_client_opts *opts, uint64_t now_ms);
/* *ret_consumed octets were the answer's head; afterwards nothing is consumed any more. */
void http_client_recv(struct http_client *c, const void *octets, size_t n, size_t *ret_consumed);
bool http_client_next_event(struct http_client *c, struct http_client_event *ret);
struct buf *http_client_output(struct http_client *c);

DEFINE_AUTO(http_client, struct http_client *, http_client_free)
