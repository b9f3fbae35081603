// SPDX-License-Identifier: Apache-2.0
/*
 * tunnel/pacer.h — how much to give to the outer socket at a time.
 *
 * Measures at what rate the socket drains while it is the bottleneck, and says how many octets to
 * seal and write in one go: about a millisecond's worth, so that at 50 Mbit/s a ping waits behind
 * 6 KB and not behind 64. What has not been written can still be overtaken, marked or dropped.
 *
 * Units: rates are octets per second; *_us monotonic microseconds. Cost: a few additions per write.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum pacer_limits {
	PACER_BURST_MIN = 1514,       /* one packet, whatever the rate */
	PACER_BURST_MAX = 64 * 1024,  /* four TLS records: more a write was no faster */
	PACER_BURST_UNKNOWN = 16384,  /* one record, until the link was the limit */
	PACER_BURST_US = 1000,        /* 64 KiB from 524 Mbit/s on */
	PACER_WRITE_MAX = 256 * 1024, /* sixteen records, from 2 Gbit/s on: see pacer_write() */
	PACER_LOWAT_MIN = 8192,       /* some segments, lest the outer TCP runs dry */
	PACER_LOWAT_MAX =
		128 * 1024,      /* 16 KiB cost 10 to 25 % on a fast path, 64 and 128 nothing */
	PACER_WINDOW_US = 10000, /* the shortest time over which a rate is believed */
};

struct pacer {
	uint64_t rate;     /* octets per second; 0: unknown */
	uint64_t start_us; /* of the current window; 0: none yet */
	uint64_t octets;   /* written in it */
	bool measured;     /* the link itself was once the limit */
	bool limited; /* nothing was waiting for a while in it: the link could have carried more */
};

void pacer_init(struct pacer *p);
/* The socket took n octets. Call it before pacer_blocked() or pacer_idle() of the same moment. */
void pacer_wrote(struct pacer *p, size_t n, uint64_t now_us);
/* The socket takes no more, though more waits. */
void pacer_blocked(struct pacer *p, uint64_t now_us);
/* Nothing waits. */
void pacer_idle(struct pacer *p, uint64_t now_us);

/* Octets to cut and seal in one go. */
uint32_t pacer_burst(const struct pacer *p);
/*
 * Octets to give the socket in one write, a burst or several: on a fast path the kernel makes few and
 * full segments of one long write, and of many that are just longer than a segment two of each.
 */
uint32_t pacer_write(const struct pacer *p);
/* A good TCP_NOTSENT_LOWAT; set it again when it changed by a half or more. */
uint32_t pacer_lowat(const struct pacer *p);
/* Octets that may wait before they are written (FQ_LIMIT_OCTETS and FQ_LIMIT_FAST, limits.h). */
uint32_t pacer_backlog(const struct pacer *p);
