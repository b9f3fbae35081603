// SPDX-License-Identifier: Apache-2.0
/*
 * tunnel/congestion.h — chooses the congestion control of the outer TCP connection (`auto`).
 *
 * Reno where losses are rare, BBR where they are frequent. inflight.h already limits what is in flight,
 * so on a clean path the congestion control has nothing to do. Reno does nothing there: its slow start
 * goes on until a loss. (Cubic's slow start ends when round trips get longer, for which acknowledgements
 * of a transfer the other way are enough; the next transfer then has a small window. BBR paces with a
 * timer for each burst and drops to four packets every ten seconds.) On a path with random losses Reno
 * starves, and BBR does not.
 *
 * BBR restarts when its model of the path holds the tunnel back. It learns from the packets that the
 * tunnel sends, and these depend on the inner flows. After a pause, or while the flows still grow, it
 * takes their rate for the path's and paces accordingly.
 *
 * Units:   packets are segments of TCP; octets, microseconds. The input is from TCP_INFO.
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
	uint64_t rate;              /* octets per second that the path carried lately */
	uint64_t pace;              /* octets per second of TCP's pacing */
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

/* Zeroed is initialised. True: the caller sets in_force on the socket, even if it is set already. */
bool congestion_follow(struct congestion *c, const struct congestion_sample *s, uint64_t now_us);

static inline bool congestion_is_ours(const char *wanted)
{
	return wanted && !strcmp(wanted, CONGESTION_AUTO);
}

static inline const char *congestion_name(enum congestion_control c)
{
	return c == CONGESTION_BBR ? "bbr" : "reno";
}

/* The congestion control that a connection begins with. NULL, as for "": the system's default. */
static inline const char *congestion_first(const char *wanted)
{
	if (congestion_is_ours(wanted))
		return congestion_name(CONGESTION_RENO);
	return wanted && *wanted ? wanted : NULL;
}
