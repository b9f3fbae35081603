// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation
 *
 * One TCP connection delivers in order: a lost packet of a transfer holds up everything behind it
 * for a round trip, however short the queues are. A lane is a second connection, on which the
 * transfer sends nothing; only its own few packets can be lost there.
 *
 * Which packets: tunnel/sparse.h, by flow, so that a flow keeps its order. Each end decides for what
 * it sends.
 *
 * When: a lane costs a connection, so a session that is idle, or whose path is short, never has
 * one. The client looks at most every WATCH_MS, when a packet goes out, whether a transfer is under
 * way (in either direction) on a path with a round trip worth mentioning. Its owner retires it when
 * that has not been so for long: both ends stop sending there, and take what is on its way, so a
 * lane that goes loses no packet.
 *
 * When a lone packet is lost there, no packet behind it shows the loss to TCP: the repair waits for the
 * flow's next packet, and then for TCP's reordering window. So on a path with losses three empty records
 * follow a lone packet, because TCP takes three later packets as proof of a loss.
 *
 * A stalled lane (its retransmission timer ran out) is not used until it moves again, so a path that
 * loses one of the two connections delays sparse flows only once.
 */
#include "datapath/pair.h"

#include <errno.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "datapath/link_state.h"
#include "os/socket.h"
#include "tunnel/sparse.h"

#define WATCH_MS 200
#define WATCH_OCTETS (48 * 1024) /* in that time: 2 Mbit/s */
#define WATCH_RTT_MIN_US 5000
#define STALL_LOOK_MS 50 /* how often a standing lane is looked at */
#define FOLLOWERS 3

/*
 * Its path is the main link's, so what was learnt there of the round trip holds here. A window that
 * losses have halved grows only while it is full, and sparse flows seldom fill one: on a lossy path Reno's
 * would stay at two or three packets. BBR keeps four, and its timers cost nothing at this rate.
 */
static void follow_main(const struct link *main, struct link *lane)
{
	lane->path.queue_opts = main->path.queue_opts;
	path_follow_target(&lane->path, main->path.queue_opts.target_us, false);
	if (main->path.chooses_congestion)
		tcp_set_congestion(lane->fd, congestion_name(CONGESTION_BBR));
	lane->path.chooses_congestion = false;
}

int pair_join(struct link *main, struct link *lane)
{
	if (main->pair.lane)
		return -EBUSY;
	follow_main(main, lane);
	main->pair.lane = lane;
	lane->pair.main = main;
	lane->pair.stalled = false;
	lane->path.is_lane = true;
	return 0;
}

/* All goes by the main link again. Returns the link to be flushed, or NULL. */
static struct link *give_back(struct link *main, struct link *lane)
{
	main->pair.lane = NULL;
	pair_cool(&main->pair);
	if (main->ended || main->closing)
		return NULL;
	fq_codel_pour(&lane->queue, &main->queue, clock_mono_us());
	return main->is_busy ? NULL : main;
}

bool pair_retire(struct link *lane, struct pair_parted *ret)
{
	struct link *main = lane->pair.main;

	if (!main || main->pair.lane != lane)
		return false;
	ret->abort = main->pair.retired;
	main->pair.retired = lane;
	ret->flush = give_back(main, lane);
	return true;
}

struct pair_parted pair_leave(struct link *l)
{
	struct pair_parted parted = {.abort = l->pair.retired};
	struct link *main = l->pair.main;

	l->pair.retired = l->pair.main = NULL;
	l->path.is_lane = false;
	if (main && main->pair.retired == l)
		main->pair.retired = NULL;
	if (main && main->pair.lane == l)
		parted.flush = give_back(main, l);
	return parted;
}

/* A lane is looked at when it is used, and seldom while it stands still. */
static bool is_moving(struct link *lane, uint64_t now_us)
{
	struct pair *p = &lane->pair;
	struct tcp_path path;

	if (now_us < p->look_us)
		return !p->stalled;
	p->look_us = now_us + STALL_LOOK_MS * 1000;
	p->stalled = tcp_path(lane->fd, &path) < 0 || path.stalled;
	return !p->stalled;
}

struct link *pair_choose(struct link *l, const struct pbuf *pkt, uint64_t now_us)
{
	struct link *lane = l->pair.lane;

	if (!lane || !tunnel_is_lane(lane->tunnel))
		return l;
	if (!l->pair.sparse && sparse_new(&l->pair.sparse) < 0)
		return l;
	if (!tunnel_data_ok(l->tunnel, pkt->ip.family))
		return l; /* it may not go out at all */
	if (!sparse_takes_lane(l->pair.sparse,
		    packet_flow_hash(pkt->octets, &pkt->ip, l->port->seed), pkt->segment.len,
		    segment_count(&pkt->segment), now_us / 1000))
		return l;
	return is_moving(lane, now_us) ? lane : l;
}

bool pair_follow(struct link *l)
{
	if (!l->pair.main || !path_loses(&l->pair.main->path))
		return false;
	l->pair.followers = FOLLOWERS;
	return true;
}

bool pair_send_follower(struct link *l)
{
	if (!l->pair.main || !l->pair.followers)
		return false;
	l->pair.followers--;
	if (!buf_len(tunnel_output(l->tunnel)))
		tunnel_send_nothing(l->tunnel);
	return l->pair.followers;
}

void pair_cool(struct pair *p)
{
	sparse_free(p->sparse);
	p->sparse = NULL;
}

bool pair_wants_lane(struct link *l, uint64_t now_us)
{
	uint64_t octets = l->rx_octets + l->tx_octets, moved = octets - l->pair.watch_octets;
	uint64_t since_us = now_us - l->pair.watch_us;
	struct tcp_path path;

	if (since_us < WATCH_MS * 1000)
		return false;
	l->pair.watch_us = now_us;
	l->pair.watch_octets = octets;
	/* after a pause the octets of the whole pause would count */
	return since_us < 2 * WATCH_MS * 1000 && moved >= WATCH_OCTETS && !tcp_path(l->fd, &path) &&
	       path.min_rtt_us >= WATCH_RTT_MIN_US;
}
