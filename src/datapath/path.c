// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation
 *
 * A sample of TCP_INFO says how much the path has room for (tunnel/inflight.h). To take one is a
 * system call, so two kinds of burst go without: a lone packet after a pause, within what the last
 * sample allowed; and all of a path that empties faster than samples would be taken.
 */
#include "datapath/path.h"

#include "os/socket.h"

#define TARGET_MIN_US 5000 /* RFC 8289 4.2 */
#define TARGET_MAX_US 100000
#define INTERVAL_MIN_US 100000
#define INTERVAL_GROWING_US 1000000        /* while the path carries more and more */
#define PATH_RATE_MAX (250u * 1000 * 1000) /* octets a second: 2 Gbit/s */
#define PATH_LOOK_US 20000                 /* where that is exceeded */
#define UNSEEN_MAX 5840                    /* octets sent without a sample: four segments */
#define UNSEEN_PAUSE_US 5000               /* each after a pause: it is no transfer's */
#define UNSEEN_US 100000                   /* then one is taken, when nothing waits for it */

void path_init(struct path *p, const struct fq_codel_opts *queue_opts)
{
	*p = (struct path){.queue_opts = *queue_opts};
	pacer_init(&p->pacer);
}

bool path_loses(const struct path *p)
{
	return p->chooses_congestion && p->congestion.in_force == CONGESTION_BBR;
}

/*
 * A flow that backs off by a third needs a queue of nearly half the path to keep it busy, so CoDel's
 * target follows the round trip. It is the flow's own delay: others do not wait behind it.
 *
 * While the path is found to carry more and more, what waits is no sign that a flow sends too much: a
 * drop then would end its slow start below what the path holds, and cubic takes many seconds from there.
 * On a path with losses what waits behind a hole comes at once, a round trip late, and so do the answers
 * to it: a queue stands twice as long before it counts.
 */
void path_follow_target(struct path *p, uint32_t rtt_us, bool grows)
{
	struct fq_codel_opts *q = &p->queue_opts;

	q->target_us = rtt_us < TARGET_MIN_US   ? TARGET_MIN_US
		       : rtt_us > TARGET_MAX_US ? TARGET_MAX_US
						: rtt_us;
	q->interval_us = q->target_us * 5 > INTERVAL_MIN_US ? q->target_us * 5 : INTERVAL_MIN_US;
	if (grows)
		q->interval_us = INTERVAL_GROWING_US;
	else if (path_loses(p))
		q->interval_us *= 2;
}

static bool is_fast(const struct path *p)
{
	return p->pacer.rate > PATH_RATE_MAX;
}

/* `room`: what may go until the next sample. */
static struct path_decision decide(struct path *p, enum path_reason why, uint64_t room)
{
	p->room = room < UNSEEN_MAX ? (uint32_t)room : UNSEEN_MAX;
	p->unseen = false;
	return (struct path_decision){why, why == PATH_WAIT ? 0 : pacer_burst(&p->pacer), false};
}

static struct path_decision ask_sample(struct path *p, uint64_t now_us)
{
	if (p->is_lane)
		return decide(p, PATH_GO_LANE, UNSEEN_MAX);
	if (is_fast(p) && now_us - p->looked_us < PATH_LOOK_US)
		return decide(p, PATH_GO_FAST, UNSEEN_MAX);
	return (struct path_decision){PATH_LOOK, 0, false};
}

/*
 * A lone packet would wait for the system call. What the last sample allowed is allowed still, for
 * nothing has been sent since but what is counted in p->room.
 */
static bool may_go_unseen(const struct path *p, uint64_t waiting, uint64_t now_us)
{
	return p->starved && waiting <= p->room && now_us - p->sent_us >= UNSEEN_PAUSE_US;
}

struct path_decision path_ask(struct path *p, uint64_t waiting, uint64_t now_us)
{
	if (!may_go_unseen(p, waiting, now_us))
		return ask_sample(p, now_us);
	p->unseen = true;
	return (struct path_decision){PATH_GO_UNSEEN, pacer_burst(&p->pacer), false};
}

struct path_decision path_ask_behind(struct path *p, uint64_t now_us)
{
	if (p->unseen && now_us - p->looked_us >= UNSEEN_US)
		return ask_sample(p, now_us);
	return (struct path_decision){PATH_GO, pacer_burst(&p->pacer), false};
}

static bool follow_congestion(struct path *p, const struct tcp_path *seen, uint64_t now_us)
{
	const struct congestion_sample s = {.delivered = seen->packets_delivered,
		.resent = seen->packets_resent,
		.rate = p->inflight.best ? p->inflight.best : seen->rate,
		.pace = seen->pace,
		.rtt_us = seen->rtt_us,
		.min_rtt_us = seen->min_rtt_us,
		.mss = seen->mss};

	return p->chooses_congestion && congestion_follow(&p->congestion, &s, now_us);
}

/* By tunnel/inflight.h. */
static struct path_decision measure(struct path *p, const struct tcp_path *seen, uint64_t now_us)
{
	const struct inflight_sample s = {.delivered = seen->delivered,
		.under_way = seen->under_way,
		.window = seen->window,
		.rtt_us = seen->rtt_us,
		.min_rtt_us = seen->min_rtt_us,
		.starved = p->starved};
	uint64_t room = inflight_allowance(&p->inflight, &s, now_us);

	p->starved = false;
	path_follow_target(p, seen->min_rtt_us, inflight_grows(&p->inflight, &s, now_us));
	return decide(p, room ? PATH_GO : PATH_WAIT, room);
}

struct path_decision path_look(struct path *p, const struct tcp_path *seen, uint64_t now_us)
{
	struct path_decision d;
	bool set_congestion;

	if (!seen)
		return decide(p, PATH_GO_UNKNOWN, UNSEEN_MAX);
	p->looked_us = now_us;
	set_congestion = follow_congestion(p, seen, now_us);
	if (is_fast(p)) {
		path_follow_target(p, seen->min_rtt_us, false);
		d = decide(p, PATH_GO_FAST, UNSEEN_MAX);
	} else {
		d = measure(p, seen, now_us);
	}
	d.set_congestion = set_congestion;
	return d;
}

void path_sent(struct path *p, size_t octets, uint64_t now_us)
{
	p->sent_us = now_us;
	p->room -= octets < p->room ? (uint32_t)octets : p->room;
}

void path_idle(struct path *p, uint64_t now_us)
{
	p->starved = true;
	pacer_idle(&p->pacer, now_us);
}
