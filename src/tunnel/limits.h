// SPDX-License-Identifier: Apache-2.0
/*
 * tunnel/limits.h — what one worker's tunnels may pile up, and the attack behind each bound.
 */
#pragma once

enum tunnel_limits {
	/*
	 * Packets waiting for a slow peer, per tunnel. A peer that stops reading while traffic flows to
	 * it costs this much and no more: octets of frames, and buffers whatever their fill.
	 */
	FQ_LIMIT_OCTETS = 4 << 20,
	/*
	 * A peer that has shown that it takes more gets 10 ms of its rate: 4 MiB are 3 ms at 10 Gbit/s,
	 * and CoDel, which drops singly and early, would never get to see a queue. PBUF_LARGE_MAX, which
	 * all tunnels of a worker share, is twice this.
	 */
	FQ_LIMIT_FAST = 16 << 20,
	FQ_LIMIT_US = 10000,
	FQ_LIMIT_PACKETS = 2048,

	/*
	 * A lane that is retired still takes in what is on its way there. A peer that goes on sending,
	 * or does not answer, holds a connection so long and no longer.
	 */
	LANE_DRAIN_MS = 10000,

	/*
	 * Packet buffers per worker and class (pbuf.h): some 100 MiB if thousands of peers stall at once.
	 * Above it new packets are dropped, as a full interface queue would.
	 */
	PBUF_SMALL_MAX = 16384,
	PBUF_MEDIUM_MAX = 4096,
	PBUF_LARGE_MAX = 512,
};
