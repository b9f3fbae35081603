// SPDX-License-Identifier: Apache-2.0
/*
 * tunnel/pacer.c — the drain rate of a socket from what it took.
 *
 * Time is cut into windows of at least PACER_WINDOW_US that end when the socket blocks or the queue
 * runs empty. A window that began with a full socket and never ran empty was filled at the rate of
 * the link: it moves the estimate by a quarter. In any other the sender was the limit; its rate is
 * only a lower bound, so it can raise the estimate but not lower it.
 *
 * What the socket's own buffer swallows at first is not mistaken for the link: the write that fills
 * it comes before the window. A small TCP_NOTSENT_LOWAT keeps it short anyway.
 */
#include "tunnel/pacer.h"

#include "tunnel/limits.h"

void pacer_init(struct pacer *p)
{
	*p = (struct pacer){0};
}

static void begin_window(struct pacer *p, uint64_t now_us, bool limited)
{
	p->start_us = now_us;
	p->octets = 0;
	p->limited = limited;
}

static uint64_t window_rate(const struct pacer *p, uint64_t now_us)
{
	return p->octets * 1000000 / (now_us - p->start_us);
}

static void raise_rate(struct pacer *p, uint64_t rate)
{
	if (rate > p->rate)
		p->rate = rate;
}

void pacer_wrote(struct pacer *p, size_t n, uint64_t now_us)
{
	if (!p->start_us)
		begin_window(p, now_us, true);
	else
		p->octets += n;
}

static bool window_over(const struct pacer *p, uint64_t now_us)
{
	return p->start_us && now_us - p->start_us >= PACER_WINDOW_US;
}

void pacer_blocked(struct pacer *p, uint64_t now_us)
{
	bool over = window_over(p, now_us);

	if (over && p->limited) {
		raise_rate(p, window_rate(p, now_us));
	} else if (over) {
		p->rate = p->measured ? (3 * p->rate + window_rate(p, now_us)) / 4
				      : window_rate(p, now_us);
		p->measured = true;
	}
	if (over || p->limited || !p->start_us)
		begin_window(p, now_us, false);
}

void pacer_idle(struct pacer *p, uint64_t now_us)
{
	p->limited = true;
	if (!window_over(p, now_us))
		return;
	raise_rate(p, window_rate(p, now_us));
	begin_window(p, now_us, true);
}

static uint32_t clamp(uint64_t v, uint32_t low, uint32_t high)
{
	return v < low ? low : v > high ? high : (uint32_t)v;
}

uint32_t pacer_burst(const struct pacer *p)
{
	uint32_t least = p->measured ? PACER_BURST_MIN : PACER_BURST_UNKNOWN;

	return clamp(p->rate * PACER_BURST_US / 1000000, least, PACER_BURST_MAX);
}

uint32_t pacer_write(const struct pacer *p)
{
	return clamp(p->rate * PACER_BURST_US / 1000000, pacer_burst(p), PACER_WRITE_MAX);
}

uint32_t pacer_lowat(const struct pacer *p)
{
	return clamp(2 * (uint64_t)pacer_burst(p), PACER_LOWAT_MIN, PACER_LOWAT_MAX);
}

uint32_t pacer_backlog(const struct pacer *p)
{
	return clamp(p->rate * FQ_LIMIT_US / 1000000, FQ_LIMIT_OCTETS, FQ_LIMIT_FAST);
}
