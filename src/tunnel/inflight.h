// SPDX-License-Identifier: Apache-2.0
/*
 * tunnel/inflight.h — the in-flight limit of the outer TCP connection.
 *
 * TCP fills the path's buffer: cubic until it overflows, BBR to twice the path's capacity and more (and
 * a sender that is not always busy never leaves BBR's start-up, which allows three times). Packets in
 * that buffer delay all flows and can be neither reordered nor dropped. So the link hands the socket
 * only the path's capacity (rate x smallest round trip), and up to three sixteenths more to probe for
 * a higher rate; the backlog waits in FQ-CoDel.
 *
 * Units:   octets, microseconds. The input is from TCP_INFO, read at most once a burst.
 * Threads: the link's.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#define INFLIGHT_WINDOWS 8
#define INFLIGHT_RTT_MIN_US                                                                        \
	3000 /* a shorter path holds so little that its buffer does not matter */

struct inflight_sample {    /* of TCP_INFO */
	uint64_t delivered; /* octets that arrived there so far, in any order */
	uint64_t under_way; /* octets sent or waiting in the socket, not yet acknowledged */
	uint64_t window;    /* the window of the congestion control */
	uint32_t rtt_us, min_rtt_us;
	bool starved; /* the socket ran empty since the last sample */
};

struct inflight {
	uint64_t window_start_us; /* 0: none yet */
	uint64_t window_delivered;
	bool window_starved;
	uint64_t rate[INFLIGHT_WINDOWS]; /* octets per second, of the last windows; a ring */
	unsigned next;
	uint64_t best;             /* the highest of them */
	uint64_t before;           /* the highest then, a window ago */
	uint64_t grown_best;       /* when it last rose by much, */
	uint64_t grown_us;         /* and when that was */
	uint64_t start_best;       /* start-up: the rate that growth is measured against */
	unsigned start_stalls;     /* start-up: windows in a row without a quarter of growth */
	bool started;              /* start-up is over */
	bool doubles;              /* and yet the rate grows, without a queue */
	unsigned gain;             /* what is allowed beyond the path's content, in 128ths */
	unsigned queued_windows;   /* in a row, though we hold back */
	uint64_t foreign_until_us; /* another sender's queue is on the path */
};

/* Zeroed is initialised. Returns how many octets may be handed to the socket now. */
uint64_t inflight_allowance(struct inflight *f, const struct inflight_sample *s, uint64_t now_us);
/*
 * The path's rate still grows: TCP is probing. A queue then does not mean that flows send too much.
 */
bool inflight_grows(const struct inflight *f, const struct inflight_sample *s, uint64_t now_us);
