// SPDX-License-Identifier: Apache-2.0
/*
 * Do large packets get from here to the server? Handshake, request and login are small in this
 * direction: a path that loses only large ones is noticed when the tunnel carries data, and then the
 * stream stands still. So a request with a long header is sent, in a connection of its own. Without
 * an answer it is sent in small segments, and once more in full ones: one difference, seen twice.
 */
#include <errno.h>
#include <string.h>

#include "diagnose/private.h"
#include "http/server.h"

#define PADDING 1800 /* more than a full segment of an Ethernet path */
#define SMALL_MSS 500
#define ANSWER_MS 3000

/* Any answer counts, also that the header is too long: the request got there. */
static bool is_answered(struct diagnosis *d, int mss)
{
	char request[PADDING + 600], answer[256];
	unsigned limit = d->opts->timeout_ms < ANSWER_MS ? d->opts->timeout_ms : ANSWER_MS;
	struct look s;
	int r = -ETIMEDOUT;

	snprintf(request, sizeof(request),
		"HEAD " SSTP_URI
		" HTTP/1.1\r\nHost: %.255s\r\nX-Padding: %0*d\r\nConnection: close\r\n\r\n",
		d->opts->host, PADDING, 0);
	if (!look_open(d, &(struct look_opts){.ctx = d->look, .sni = d->sni, .mss = mss}, &s))
		r = look_ask(&s, request, answer, sizeof(answer), limit);
	look_close(&s);
	return r != -ETIMEDOUT;
}

void judge_large(struct diagnosis *d, struct probe *p)
{
	if (is_answered(d, 0)) {
		probe_fact(p, "large request", "a header of %d octets has an answer", PADDING);
		return;
	}
	if (!is_answered(d, SMALL_MSS) || is_answered(d, 0)) {
		probe_fact(p, "large request",
			"a header of %d octets has no answer; that its size is the cause was not seen",
			PADDING);
		return;
	}
	d->large_lost = true;
	probe_find(p, OUTCOME_FAILED, EV_PROBE_LARGE_OUTER_LOST,
		"from here to the server: a request of %d octets has an answer with segments of %d "
		"octets, and twice none with full ones",
		PADDING, SMALL_MSS);
}
