// SPDX-License-Identifier: Apache-2.0
/*
 * http/answer.h — one response, and waiting for its head: what client.c and proxy.c share.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "events/event.h"
#include "http/message.h"

struct http_answer { /* for reports: the status line and Server name the program that answered */
	unsigned status; /* 0: none could be read */
	char line[96], server[64], via[64];
	char location[128];          /* where a redirection points to */
	char authenticate[160];      /* what a 407 asks for: "Negotiate, Basic realm=..." */
	char digest[1000];           /* the first Digest challenge that can be answered, or "" */
	bool basic, ntlm, negotiate; /* it offers these */
	char lanes[HTTP_LANE_TEXT], lane[HTTP_LANE_TEXT]; /* message.h */
};

struct http_client_event {
	enum { HTTP_CLIENT_OPEN, HTTP_CLIENT_FAILED } type;
	enum event reason; /* HTTP_CLIENT_FAILED */
	char text[400];    /* what was found, for the log's line */
	struct http_answer answer;
};

enum http_wait { HTTP_WAIT_IDLE, HTTP_WAITING, HTTP_WAIT_DONE };

struct http_waiter {
	struct http_reader reader;
	struct buf out;
	enum http_wait state;
	unsigned interims; /* answers of 1xx that were passed over */
	uint64_t deadline_ms;
	struct http_client_event event;
	bool event_waiting;
};

void http_waiter_init(struct http_waiter *w);
void http_waiter_done(struct http_waiter *w);
void http_waiter_start(struct http_waiter *w, uint64_t now_ms);

/*
 * Feeds octets. Interim answers (RFC 9110 15.2) are passed over, but for 101, which would change the
 * protocol and is as final as any other. 0: a whole head came and w->event.answer is filled; -EAGAIN:
 * more is needed, or nothing is waited for; another error: no response can be made of it, w->event.text
 * shows its start.
 */
int http_waiter_recv(struct http_waiter *w, const void *octets, size_t n, size_t *ret_consumed,
	struct http_message *ret);
/* Ends the wait with this event; its text is w->event.text, replaced when fmt is not NULL. */
void http_waiter_end(struct http_waiter *w, enum event reason, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
bool http_waiter_next_event(struct http_waiter *w, struct http_client_event *ret);

/* "host", "host:port" when the port is not `usual`, IPv6 addresses in brackets; -EINVAL. */
int http_host_text(const char *host, uint16_t port, uint16_t usual, char *ret, size_t cap);
