// SPDX-License-Identifier: Apache-2.0
/*
 * http/answer.h — waiting for one response head: what client.c and proxy.c share.
 */
#pragma once
#include "http/client.h"

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
