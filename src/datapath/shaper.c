// SPDX-License-Identifier: Apache-2.0
#include "datapath/shaper.h"

#define MICRO INT64_C(1000000)

static int64_t depth(const struct shaper *s)
{
	int64_t in_time = (int64_t)(s->rate * SHAPER_DEPTH_US),
		packet = SHAPER_PACKET_MAX * 8 * MICRO;

	return in_time > packet ? in_time : packet;
}

/* An old debt is paid in full; of an old credit the bucket keeps what it holds. */
static void refill(struct shaper *s, uint64_t now_us)
{
	uint64_t gone_us = now_us - s->at_us;

	if (now_us <= s->at_us)
		return;
	if (gone_us > 1000000)
		gone_us = 1000000;
	s->at_us = now_us;
	s->credit += (int64_t)(s->rate * gone_us);
	if (s->credit > depth(s))
		s->credit = depth(s);
}

void shaper_set(struct shaper *s, uint64_t rate, uint64_t now_us)
{
	if (rate == s->rate)
		return;
	*s = (struct shaper){.rate = rate, .at_us = now_us};
	s->credit = depth(s);
}

static uint32_t octets(int64_t credit)
{
	int64_t n = credit / (8 * MICRO);

	return credit <= 0 ? 0 : n < 1 ? 1 : n > UINT32_MAX ? UINT32_MAX : (uint32_t)n;
}

uint32_t shaper_ask(struct shaper *s, uint64_t now_us)
{
	if (!s->rate)
		return UINT32_MAX;
	refill(s, now_us);
	return octets(s->credit);
}

uint32_t shaper_ask_sparse(struct shaper *s, uint64_t now_us)
{
	if (!s->rate)
		return UINT32_MAX;
	refill(s, now_us);
	return octets(s->credit + depth(s));
}

void shaper_spend(struct shaper *s, uint64_t n)
{
	if (s->rate)
		s->credit -= (int64_t)n * 8 * MICRO;
}

uint64_t shaper_wait_us(const struct shaper *s)
{
	return s->rate && s->credit <= 0 ? (uint64_t)-s->credit / s->rate + 1 : 0;
}
