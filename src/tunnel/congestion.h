// SPDX-License-Identifier: Apache-2.0
/*
 * tunnel/congestion.h — which congestion control the outer TCP connection has, when it is ours to choose.
 *
 * Reno where losses are rare, BBR where they are not. What is under way is limited by inflight.h already,
 * so on a clean path the congestion control has nothing to do, and Reno does nothing: its slow start
 * goes on as long as nothing is lost. (Cubic's ends when round trips get longer, which acknowledgements
 * of a transfer the other way are enough for, and the next transfer has a small window then. BBR paces
 * with a timer for each burst and drops to four packets every ten seconds.) On a path that loses packets
 * for reasons of its own Reno starves, and BBR does not.
 *
 * BBR begins anew when its model of the path would hold us back. It learns from what we send, and we
 * send what the flows inside give us: after a pause, or while they still grow, it takes that for what
 * the path can do and paces accordingly.
 *
 * Units:   packets are segments of TCP; octets, microseconds. Input is what TCP_INFO tells.
 * Threads: the link's.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define CONGESTION_AUTO "auto" /* the name that leaves the choice to us */

enum congestion_control { CONGESTION_RENO, CONGESTION_BBR };

enum { CONGESTION_PERIOD_US = 30 * 1000 * 1000 };

struct congestion_sample {
	uint32_t delivered, resent; /* packets, since the beginning; may wrap */
	uint64_t rate;              /* octets per second that the path has carried lately */
	uint64_t pace;              /* octets per second that TCP lets go */
	uint32_t rtt_us, min_rtt_us, mss;
};

struct congestion {
	enum congestion_control in_force; /* a connection begins with Reno */
	uint64_t begun_us;                /* when it was set */
	uint64_t period_start_us;         /* 0: none yet */
	uint32_t seen_delivered, seen_resent;
	uint64_t lossy_us;          /* when a loss was last counted */
	uint64_t delivered, losses; /* lately: each period halves them */
};

/* Zeroed is initialised. True: in_force is to be set, anew if it is there already. */
bool congestion_follow(struct congestion *c, const struct congestion_sample *s, uint64_t now_us);

static inline bool congestion_is_ours(const char *wanted)
{
	return wanted && !strcmp(wanted, CONGESTION_AUTO);
}

static inline const char *congestion_name(enum congestion_control c)
{
	return c == CONGESTION_BBR ? "bbr" : "reno";
}

/* What a connection begins with. NULL, as for "": what the system has. */
static inline const char *congestion_first(const char *wanted)
{
	if (congestion_is_ours(wanted))
		return congestion_name(CONGESTION_RENO);
	return wanted && *wanted ? wanted : NULL;
}
