// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation
 *
 * Time is cut into windows of one smallest round trip (20 ms at least). The octets that arrived in
 * a window, over its length, are a rate; the highest of the last eight counts, for a window in which
 * a loss was repaired shows less than the path can do. A window in which the socket ran empty
 * says little about the path: it may raise the rate, but not replace an old one.
 *
 * Start-up: TCP's own slow start is not limited (measurements are a round trip old, and an inner flow
 * that waits leaves its slow start) until three windows in a row brought less than a
 * quarter more, as BBR does it, or the round trip shows a queue. Afterwards the limit is up to
 * three sixteenths above the path's capacity while there is no queue, so a higher rate is found within
 * some round trips.
 *
 * A flow may begin long after start-up, when the path has carried little since: then the known rate is
 * too low. So while the rate grows by a quarter in two windows and there is no queue, the limit is
 * twice the known capacity, as in slow start.
 */
#include "tunnel/inflight.h"

#include <stddef.h>

#define WINDOW_MIN_US 20000
#define SLACK_US 4000 /* of the rate: what leaves between two looks at the socket */
#define SLACK_MIN                                                                                  \
	5800 /* octets, four segments: delayed acknowledgements must not stop the stream */
/*
 * The limit of unsent octets in the socket. BBR drops to four packets for 200 ms every ten seconds
 * (PROBE_RTT); unsent octets then leave at that pace, and all later packets wait behind them.
 */
#define UNSENT_MAX(rate) ((rate) / 1000 > 3000 ? (rate) / 1000 : 3000)
#define QUEUE_SIGN_US 2000
#define QUEUE_MOST_US 8000
#define LITTLE 14600 /* octets, ten segments: the round trip may be a delayed acknowledgement's */
#define START_UNSENT 16384
#define WHOLE 128 /* what the path holds; the gain is in 128ths of it, on top */
#define GAIN_MAX 24
#define GAIN_STEP 2
#define FOREIGN_WINDOWS 24 /* our own has drained by then: an old rate counts for eight */
#define FOREIGN_US 5000000
#define NO_LIMIT UINT64_MAX

static void find_best(struct inflight *f)
{
	f->best = 0;
	for (size_t i = 0; i < INFLIGHT_WINDOWS; i++)
		if (f->rate[i] > f->best)
			f->best = f->rate[i];
}

static void watch_growth(struct inflight *f, uint64_t now_us)
{
	if (f->best > f->grown_best + f->grown_best / 8) {
		f->grown_best = f->best;
		f->grown_us = now_us;
	} else if (f->best < f->grown_best) {
		f->grown_best = f->best;
	}
}

static void watch_start(struct inflight *f)
{
	if (f->best > f->start_best + f->start_best / 4) {
		f->start_best = f->best;
		f->start_stalls = 0;
	} else if (++f->start_stalls >= 3) {
		f->started = true;
	}
}

static void end_window(struct inflight *f, const struct inflight_sample *s, uint64_t now_us)
{
	uint64_t rate =
		(s->delivered - f->window_delivered) * 1000000 / (now_us - f->window_start_us);
	uint64_t before = f->before;

	f->before = f->best;
	if (!f->window_starved) {
		f->rate[f->next] = rate;
		f->next = (f->next + 1) % INFLIGHT_WINDOWS;
		find_best(f);
		if (!f->started)
			watch_start(f);
	} else if (rate > f->best) {
		f->rate[f->next] = rate;
		f->best = rate;
	}
	watch_growth(f, now_us);
	f->doubles = f->best > before + before / 4;
}

/*
 * The queue on the path, from the round trip. The tunnel's own queue is kept at an eighth of the path,
 * and at QUEUE_MOST_US on a long one, because all flows wait in it: the gain is between zero and that. If
 * the queue stays although the tunnel sends less, it is another sender's. A limit from the smallest round
 * trip would then starve the tunnel, so for a while the present round trip counts.
 */
static void follow_queue(struct inflight *f, const struct inflight_sample *s, uint64_t now_us)
{
	uint32_t queue = s->rtt_us - s->min_rtt_us, ours = s->min_rtt_us / 8;

	if (queue > (ours < QUEUE_MOST_US ? ours : QUEUE_MOST_US) + QUEUE_SIGN_US)
		f->gain = f->gain > GAIN_STEP ? f->gain - GAIN_STEP : 0;
	else if (f->gain < GAIN_MAX)
		f->gain += GAIN_STEP;
	f->queued_windows =
		queue > s->min_rtt_us / 2 + 2 * QUEUE_SIGN_US ? f->queued_windows + 1 : 0;
	if (now_us < f->foreign_until_us)
		f->queued_windows = 0; /* when it is over: send less again, and check */
	else if (f->queued_windows >= FOREIGN_WINDOWS)
		f->foreign_until_us = now_us + FOREIGN_US;
}

static uint64_t window_length(const struct inflight_sample *s)
{
	return s->min_rtt_us > WINDOW_MIN_US ? s->min_rtt_us : WINDOW_MIN_US;
}

static void follow(struct inflight *f, const struct inflight_sample *s, uint64_t now_us)
{
	uint64_t length = window_length(s);

	if (s->starved)
		f->window_starved = true;
	if (f->window_start_us && now_us - f->window_start_us < length)
		return;
	if (f->window_start_us)
		end_window(f, s, now_us);
	if (s->under_way > LITTLE && s->rtt_us > s->min_rtt_us + s->min_rtt_us / 4 + QUEUE_SIGN_US)
		f->started = true; /* there is a queue: the path is full, whatever the sender */
	if (f->started && f->window_start_us)
		follow_queue(f, s, now_us);
	if (s->rtt_us > s->min_rtt_us + s->min_rtt_us / 8 + QUEUE_SIGN_US)
		f->doubles = false;
	f->window_start_us = now_us;
	f->window_delivered = s->delivered;
	f->window_starved = s->starved;
}

static uint64_t start_allowance(const struct inflight_sample *s)
{
	uint64_t most = s->window + START_UNSENT;

	return most > s->under_way ? most - s->under_way : 0;
}

uint64_t inflight_allowance(struct inflight *f, const struct inflight_sample *s, uint64_t now_us)
{
	uint64_t holds, slack, most;

	follow(f, s, now_us);
	if (!f->best || s->min_rtt_us < INFLIGHT_RTT_MIN_US)
		return NO_LIMIT;
	if (!f->started)
		return start_allowance(s);
	holds = f->best * (now_us < f->foreign_until_us ? s->rtt_us : s->min_rtt_us) / 1000000;
	if (f->doubles)
		holds *= 2;
	slack = f->best * SLACK_US / 1000000;
	if (slack < SLACK_MIN)
		slack = SLACK_MIN;
	most = holds * (WHOLE + f->gain) / WHOLE + slack;
	if (most > s->window + UNSENT_MAX(f->best))
		most = s->window + UNSENT_MAX(f->best);
	return most > s->under_way ? most - s->under_way : 0;
}

bool inflight_grows(const struct inflight *f, const struct inflight_sample *s, uint64_t now_us)
{
	return f->grown_us && now_us - f->grown_us < INFLIGHT_WINDOWS * window_length(s);
}
