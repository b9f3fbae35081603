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
 * A lone packet that is lost there has nothing behind it that would tell TCP so: it waits for the
 * flow's next one, and then for the time by which packets may overtake each other. So on a path with
 * losses a few empty records follow it. Three, since TCP takes three packets that came for proof.
 *
 * A lane that stands still (its retransmission timer ran out) is passed by until it moves again,
 * so a path that loses one of the two connections for good costs sparse flows a moment, once.
 */
#include "datapath/lane.h"

#include <errno.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "datapath/private.h"
#include "os/socket.h"
#include "tunnel/sparse.h"

#define WATCH_MS 200
#define WATCH_OCTETS (48 * 1024) /* in that time: 2 Mbit/s */
#define WATCH_RTT_MIN_US 5000
#define STALL_LOOK_MS 50 /* how often a standing lane is looked at */
#define FOLLOWERS 3
#define FOLLOW_MS 1 /* apart, for losses come in bursts */

/*
 * Its path is the main link's, so what was learnt there of the round trip holds here. A window that
 * losses have halved grows only while it is full, and sparse flows seldom fill one: on a lossy path Reno's
 * would stay at two or three packets. BBR keeps four, and its timers cost nothing at this rate.
 */
static void follow_main(const struct link *main, struct link *lane)
{
	lane->queue_opts = main->queue_opts;
	link_follow_target(lane, main->queue_opts.target_us, false);
	if (main->chooses_congestion)
		tcp_set_congestion(lane->fd, congestion_name(CONGESTION_BBR));
	lane->chooses_congestion = false;
}

int lane_join(struct link *main, struct link *lane)
{
	if (main->lane)
		return -EBUSY;
	follow_main(main, lane);
	main->lane = lane;
	lane->main = main;
	lane->stalled = false;
	return 0;
}

/* All goes by the main link again. */
static void give_back(struct link *main, struct link *lane)
{
	main->lane = NULL;
	sparse_free(main->sparse);
	main->sparse = NULL;
	if (main->ended || main->closing)
		return;
	fq_codel_pour(&lane->queue, &main->queue, clock_mono_us());
	if (!main->is_busy)
		link_flush(main);
}

void lane_retire(struct link *lane, enum event why)
{
	struct link *main = lane->main;

	if (!main || main->lane != lane)
		return;
	if (main->retired)
		link_abort(main->retired);
	main->retired = lane;
	give_back(main, lane);
	tunnel_retire(lane->tunnel, why, clock_mono_ms());
	link_kick(lane);
}

void lane_leave(struct link *l)
{
	struct link *main = l->main;

	if (l->retired)
		link_abort(l->retired);
	l->main = NULL;
	if (main && main->retired == l)
		main->retired = NULL;
	if (main && main->lane == l)
		give_back(main, l);
}

/* A lane is looked at when it is used, and seldom while it stands still. */
static bool is_moving(struct link *lane, uint64_t now_us)
{
	struct tcp_path path;

	if (now_us < lane->look_us)
		return !lane->stalled;
	lane->look_us = now_us + STALL_LOOK_MS * 1000;
	lane->stalled = tcp_path(lane->fd, &path) < 0 || path.stalled;
	return !lane->stalled;
}

struct link *lane_choose(struct link *l, const struct pbuf *pkt, uint64_t now_us)
{
	struct ip_packet ip;

	if (!l->lane || !tunnel_is_lane(l->lane->tunnel))
		return l;
	if (!l->sparse && sparse_new(&l->sparse) < 0)
		return l;
	ip_packet_parse(pkt->segment.packet, pkt->segment.len, &ip);
	if (!tunnel_data_ok(l->tunnel, ip.version == 4 ? AF_INET : AF_INET6))
		return l; /* it may not go out at all */
	if (!sparse_takes_lane(l->sparse, ip_packet_hash(&ip, l->port->seed), pkt->segment.len,
		    segment_count(&pkt->segment), now_us / 1000))
		return l;
	return is_moving(l->lane, now_us) ? l->lane : l;
}

static void on_follow(uv_timer_t *timer)
{
	struct link *l = timer->data;

	if (!l->main || !l->followers)
		return;
	l->followers--;
	if (!buf_len(tunnel_output(l->tunnel)) && !tunnel_send_nothing(l->tunnel))
		link_flush(l);
	if (l->followers)
		uv_timer_start(timer, on_follow, FOLLOW_MS, 0);
}

void lane_follow(struct link *l)
{
	if (!l->main || !link_path_loses(l->main))
		return;
	l->followers = FOLLOWERS;
	if (!uv_is_active((uv_handle_t *)&l->look))
		uv_timer_start(&l->look, on_follow, FOLLOW_MS, 0);
}

void lane_cool(struct link *l)
{
	sparse_free(l->sparse);
	l->sparse = NULL;
}

void lane_watch(struct link *l, uint64_t now_us)
{
	uint64_t octets = l->rx_octets + l->tx_octets, moved = octets - l->watch_octets;
	uint64_t since_us = now_us - l->watch_us;
	struct tcp_path path;

	if (!l->ops->want_lane || since_us < WATCH_MS * 1000)
		return;
	l->watch_us = now_us;
	l->watch_octets = octets;
	/* after a pause the octets of the whole pause would count */
	if (since_us < 2 * WATCH_MS * 1000 && moved >= WATCH_OCTETS && !tcp_path(l->fd, &path) &&
		path.min_rtt_us >= WATCH_RTT_MIN_US)
		l->ops->want_lane(l);
}
