// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation
 *
 * If Reno loses one packet in n, its window is 1.2 sqrt(n) packets on average (Mathis et al. 1997). If this
 * is less than the path's capacity (rate x smallest round trip), the losses limit the rate, and BBR is
 * better. So one loss in twenty thousand packets is too many on 50 Mbit/s and 40 ms, and one in a hundred
 * does no harm in a LAN. A long path counts as holding at least a hundred packets, even if it carries few
 * now: a window that Reno loses while the tunnel idles would be missing when a transfer begins. Losses
 * within one round trip cost the window once and count once.
 *
 * Losses count for about a minute. When they have become few, the next period begins with Reno.
 *
 * BBR restarts, in its start-up, in two cases: when it sends hardly more than the path has carried although
 * there is no queue, and before its ten seconds to PROBE_RTT are over. PROBE_RTT (four packets a round trip
 * for 200 ms) makes the packets of inner flows wait so long that CoDel drops them. Meanwhile inflight.h
 * limits what is in flight.
 */
#include "tunnel/congestion.h"

#define HOLDS_MAX 65536 /* packets; keeps the products in 64 bits */
#define HOLDS_LONG 100
#define LONG_US 3000 /* INFLIGHT_RTT_MIN_US */
#define MARGIN 4     /* losses must be that much fewer on the way back */
#define BBR_MOST_US 9000000
#define BBR_LEAST_RTTS 3
#define QUEUE_SIGN_US 2000

static uint64_t path_holds(const struct congestion_sample *s)
{
	uint64_t holds = s->mss ? s->rate / s->mss * s->min_rtt_us / 1000000 : 0;

	if (holds < HOLDS_LONG && s->min_rtt_us >= LONG_US)
		return HOLDS_LONG;
	return holds < HOLDS_MAX ? holds : HOLDS_MAX;
}

/* 1.2 sqrt(delivered / losses) < holds */
static bool starves_reno(const struct congestion *c, uint64_t holds, unsigned margin)
{
	return c->losses * holds * holds * margin * 2 > c->delivered * 3;
}

static void count(struct congestion *c, const struct congestion_sample *s, uint64_t now_us)
{
	c->delivered += (uint32_t)(s->delivered - c->seen_delivered);
	if (s->resent != c->seen_resent && now_us - c->lossy_us >= s->min_rtt_us) {
		c->losses++;
		c->lossy_us = now_us;
	}
	c->seen_delivered = s->delivered;
	c->seen_resent = s->resent;
}

static bool period_over(struct congestion *c, uint64_t now_us)
{
	bool over = c->period_start_us && now_us - c->period_start_us >= CONGESTION_PERIOD_US;

	if (over || !c->period_start_us)
		c->period_start_us = now_us;
	return over;
}

static enum congestion_control choose(
	struct congestion *c, const struct congestion_sample *s, uint64_t now_us)
{
	uint64_t holds = path_holds(s);
	enum congestion_control chosen = starves_reno(c, holds, 1) ? CONGESTION_BBR : c->in_force;

	if (!period_over(c, now_us))
		return chosen;
	if (!starves_reno(c, holds, MARGIN))
		chosen = CONGESTION_RENO;
	c->delivered /= 2;
	c->losses /= 2;
	return chosen;
}

static bool bbr_is_stale(
	const struct congestion *c, const struct congestion_sample *s, uint64_t now_us)
{
	uint64_t age = now_us - c->begun_us;
	bool queue = s->rtt_us > s->min_rtt_us + s->min_rtt_us / 8 + QUEUE_SIGN_US;

	if (age >= BBR_MOST_US)
		return true;
	return !queue && s->pace < 4 * s->rate && age >= (uint64_t)BBR_LEAST_RTTS * s->min_rtt_us;
}

bool congestion_follow(struct congestion *c, const struct congestion_sample *s, uint64_t now_us)
{
	enum congestion_control chosen;

	count(c, s, now_us);
	chosen = choose(c, s, now_us);
	if (chosen == c->in_force && (chosen == CONGESTION_RENO || !bbr_is_stale(c, s, now_us)))
		return false;
	c->in_force = chosen;
	c->begun_us = now_us;
	return true;
}
