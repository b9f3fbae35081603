// SPDX-License-Identifier: Apache-2.0
/*
 * client/inform.h — when the client asks the server for routes, name servers and domains by DHCPINFORM
 * (RFC 2131 section 4.4.3). Pure: time and traffic come in.
 *
 * The question is repeated a few times after IPv4 came up; most servers know no answer. It is asked again
 * when an advertisement came and from time to time, because the server may have been reconfigured since;
 * an idle tunnel stays idle.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#define INFORM_TRIES 4
#define INFORM_FIRST_WAIT_MS 1000 /* doubled each time */
#define INFORM_AGAIN_MS 300000    /* from the end of one round to the next */
#define INFORM_HURRY_MS 10000     /* ... at least */

struct inform {
	bool up;
	bool open; /* a round is, and waits for its answer */
	bool soon; /* the next round begins as early as it may */
	unsigned tries;
	uint32_t xid;      /* of this round */
	uint64_t next_ms;  /* the next packet, the end of the wait, or the next round */
	uint64_t ended_ms; /* the last round */
	uint64_t packets;  /* that had passed when it ended */
};

enum inform_order {
	INFORM_NOTHING,
	INFORM_ASK,    /* now, with `xid` */
	INFORM_SILENT, /* this round had no answer */
};

void inform_up(struct inform *f, uint32_t xid, uint64_t now_ms);
void inform_down(struct inform *f);
/* The server has said something else: perhaps it has something new. */
void inform_hurry(struct inform *f, uint64_t now_ms);
/*
 * Call until it is INFORM_NOTHING. `packets` that have passed so far: without any since the last round
 * none begins. `xid`: random, for a round that begins.
 */
enum inform_order inform_tick(struct inform *f, uint32_t xid, uint64_t packets, uint64_t now_ms);
/* An answer with this transaction came: whether it is to this round's question. */
bool inform_answered(struct inform *f, uint32_t xid, uint64_t packets, uint64_t now_ms);
/* NEVER: IPv4 is down. */
uint64_t inform_deadline_ms(const struct inform *f);
