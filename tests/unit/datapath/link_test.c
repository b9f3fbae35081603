// SPDX-License-Identifier: Apache-2.0
/*
 * datapath/link.c and port.c: what a lone packet costs, and that a full path is still respected. The
 * loop, the sockets and the queue are real; the tunnel, the path and the clock are made here, so the
 * linker takes nothing from tunnel/stack.c, its lane_phase.c, os/tcp_path.c and base/clock.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "datapath/pair.h"
#include "datapath/link.h"
#include "os/socket.h"

#define PACKET_LEN 100
#define UNLIMITED 1000000 /* octets that the path has room for */
#define SEVERAL 5

/* ---- what is made here ---- */

static uint64_t now_us;

uint64_t clock_mono_us(void)
{
	return now_us;
}

int64_t clock_wall_s(void)
{
	return 0;
}

/* 1 MB/s and 100 ms, once it is known: holds 100 kB. */
static struct {
	unsigned looks;
	uint64_t delivered, under_way;
} path;

int tcp_path(int fd, struct tcp_path *ret)
{
	(void)fd;
	path.looks++;
	*ret = (struct tcp_path){.delivered = path.delivered,
		.under_way = path.under_way,
		.window = UNLIMITED,
		.rtt_us = 100000,
		.min_rtt_us = 100000,
		.mss = 1400};
	return 0;
}

struct tunnel {
	struct buf out;
	size_t received;
	uint64_t us_per_kib; /* what taking its octets in costs */
	bool over;           /* of the connection: its end was told */
	int error;
	struct tunnel_event packet; /* comes out next; type 0 with no octets: nothing does */
};

void tunnel_free(struct tunnel *t)
{
	buf_done(&t->out);
}

void tunnel_start(struct tunnel *t, uint64_t now_ms)
{
	(void)t, (void)now_ms;
}

void tunnel_recv(struct tunnel *t, const void *octets, size_t n, uint64_t now_ms)
{
	(void)octets, (void)now_ms;
	t->received += n;
	now_us += n * t->us_per_kib / 1024;
}

void tunnel_recv_end(struct tunnel *t, int error, uint64_t now_ms)
{
	(void)now_ms;
	if (!t->over)
		t->error = error;
	t->over = true;
}

bool tunnel_next_event(struct tunnel *t, uint64_t now_ms, struct tunnel_event *ret)
{
	(void)now_ms;
	if (!rd_left(&t->packet.packet))
		return false;
	*ret = t->packet;
	t->packet = (struct tunnel_event){0};
	return true;
}

struct buf *tunnel_output(struct tunnel *t)
{
	return &t->out;
}

uint64_t tunnel_deadline(const struct tunnel *t)
{
	(void)t;
	return NEVER;
}

void tunnel_tick(struct tunnel *t, uint64_t now_ms)
{
	(void)t, (void)now_ms;
}

bool tunnel_is_lane(const struct tunnel *t)
{
	(void)t;
	return false;
}

bool tunnel_data_ok(const struct tunnel *t, int family)
{
	(void)t, (void)family;
	return true;
}

int tunnel_send_frames(struct tunnel *t, const void *frames, size_t n)
{
	return buf_append(&t->out, frames, n);
}

void tunnel_close(struct tunnel *t, enum event why, uint64_t now_ms)
{
	(void)t, (void)why, (void)now_ms;
}

int tunnel_send_nothing(struct tunnel *t)
{
	return buf_append(&t->out, "-", 1);
}

void tunnel_retire(struct tunnel *t, enum event why, uint64_t now_ms)
{
	(void)t, (void)why, (void)now_ms;
}

void tunnel_prefetch(const struct tunnel *t)
{
	(void)t;
}

void tunnel_idle(struct tunnel *t)
{
	(void)t;
}

/* ---- the bench ---- */

struct bench {
	uv_loop_t loop;
	struct port port;
	struct link link;
	struct tunnel tunnel;
	int tun, peer; /* the other ends */
};

static struct link *route(struct port *p, const struct vnet_hdr *vnet UNUSED,
	const uint8_t *octets UNUSED, const struct ip_packet *ip UNUSED)
{
	return &((struct bench *)((uint8_t *)p - offsetof(struct bench, port)))->link;
}

static void closed(struct link *l)
{
	(void)l;
}

static const struct port_ops port_ops = {.route = route};
static bool accept_any(
	struct link *l UNUSED, const uint8_t *octets UNUSED, const struct ip_packet *ip UNUSED)
{
	return true;
}

static const struct link_ops link_ops = {.closed = closed, .accept_source = accept_any};

static void pair(int type, int fds[2])
{
	assert_int_equal(socketpair(AF_UNIX, type | SOCK_NONBLOCK, 0, fds), 0);
}

static int set_up(void **state)
{
	static struct bench b;
	int tun[2], outer[2];

	now_us = 1000000;
	memset(&path, 0, sizeof(path));
	memset(&b, 0, sizeof(b));
	pair(SOCK_SEQPACKET, tun);
	pair(SOCK_STREAM, outer);
	assert_int_equal(uv_loop_init(&b.loop), 0);
	assert_int_equal(
		port_init(&b.port, &b.loop, tun[0], COALESCE_NOTHING, &port_ops, &link_calls), 0);
	assert_int_equal(link_init(&b.link, &b.port, outer[0], &b.tunnel, &link_ops), 0);
	b.link.mtu = 1400;
	b.tun = tun[1];
	b.peer = outer[1];
	link_start(&b.link);
	*state = &b;
	return 0;
}

static int tear_down(void **state)
{
	struct bench *b = *state;

	link_abort(&b->link);
	port_close(&b->port);
	uv_run(&b->loop, UV_RUN_DEFAULT);
	port_done(&b->port);
	assert_int_equal(uv_loop_close(&b->loop), 0);
	close(b->port.tun_fd);
	close(b->tun);
	close(b->peer);
	return 0;
}

static void route_in(struct bench *b, size_t len)
{
	uint8_t packet[VNET_HDR_LEN + 1400] = {0}, *ip = packet + VNET_HDR_LEN;

	ip[0] = 0x45;
	ip[2] = (uint8_t)(len >> 8);
	ip[3] = (uint8_t)len;
	ip[8] = 64;
	ip[9] = 1; /* ICMP */
	assert_int_equal(write(b->tun, packet, VNET_HDR_LEN + len), VNET_HDR_LEN + len);
}

static void turn(struct bench *b)
{
	uv_run(&b->loop, UV_RUN_NOWAIT);
}

/* Packets of PACKET_LEN that reached the peer since the last call. */
static size_t arrived(struct bench *b)
{
	uint8_t octets[65536];
	ssize_t n = recv(b->peer, octets, sizeof(octets), 0);

	return n < 0 ? 0 : (size_t)n / PACKET_LEN;
}

static void send_one(struct bench *b, size_t len, uint64_t after_us)
{
	now_us += after_us;
	route_in(b, len);
	turn(b);
}

/* ---- the tests ---- */

static void a_packet_after_a_pause_is_read_alone(void **state)
{
	struct bench *b = *state;

	now_us += 10000;
	for (int i = 0; i < SEVERAL; i++)
		route_in(b, PACKET_LEN);
	turn(b);
	assert_int_equal(arrived(b), 1);
	turn(b); /* there was more: now all of it */
	assert_int_equal(arrived(b), SEVERAL - 1);
}

static void lone_packets_do_not_wait_for_a_look_at_the_path(void **state)
{
	struct bench *b = *state;

	send_one(b, PACKET_LEN, 10000);
	assert_int_equal(path.looks, 1); /* nothing was known of it */
	for (int i = 0; i < SEVERAL; i++)
		send_one(b, PACKET_LEN, 10000);
	assert_int_equal(arrived(b), 1 + SEVERAL);
	assert_int_equal(path.looks, 1);
	send_one(b, PACKET_LEN, 1000000); /* it has been long */
	assert_int_equal(path.looks, 2);
}

/* What came in is often a question, and the answer waits in the TUN. */
static void what_came_in_is_no_occasion_for_a_look(void **state)
{
	struct bench *b = *state;

	send_one(b, PACKET_LEN, 10000);
	send_one(b, PACKET_LEN, 10000);
	assert_int_equal(path.looks, 1);
	now_us += 1000000;
	assert_int_equal(write(b->peer, "?", 1), 1);
	turn(b);
	assert_int_equal(b->tunnel.received, 1);
	assert_int_equal(path.looks, 1);
	send_one(b, PACKET_LEN, 10);
	assert_int_equal(arrived(b), 3);
	assert_int_equal(path.looks, 2);
}

static void not_much_is_sent_without_a_look(void **state)
{
	struct bench *b = *state;
	unsigned before;

	send_one(b, 1300, 1000);
	before = path.looks;
	for (int i = 0; i < 100; i++)
		send_one(b, 1300, 6000);
	assert_in_range(path.looks - before, 20, 34);
}

static void what_may_be_a_transfer_is_looked_at_each_time(void **state)
{
	struct bench *b = *state;

	for (unsigned i = 1; i <= SEVERAL; i++) {
		send_one(b, PACKET_LEN, 1000);
		assert_int_equal(path.looks, i);
	}
}

/* The path becomes known, and full: what is under way is what it holds. */
static void a_lone_packet_waits_when_the_path_is_full(void **state)
{
	struct bench *b = *state;

	for (int i = 0; i < 40; i++) {
		path.delivered += 100000;
		send_one(b, 1300, 100000);
	}
	path.under_way = 2 * UNLIMITED;
	for (int i = 0; i < 20; i++) /* what was allowed before is soon used up */
		send_one(b, 1300, 1000);
	while (arrived(b))
		;
	send_one(b, PACKET_LEN, 1000);
	send_one(b, PACKET_LEN, 1000);
	assert_int_equal(arrived(b), 0);
	path.under_way = 0;
	link_kick(&b->link);
	assert_int_not_equal(arrived(b), 0);
}

/* Octets that the peer has until nothing has come for a while. */
static size_t octets_in_a_while(struct bench *b)
{
	uint8_t octets[4096];
	size_t sum = 0;

	for (int quiet = 0; quiet < 20; quiet++) {
		ssize_t n = recv(b->peer, octets, sizeof(octets), 0);

		if (n > 0) {
			sum += (size_t)n;
			quiet = 0;
		}
		usleep(1000);
		turn(b);
	}
	return sum;
}

static void a_lane_lets_its_losses_be_known_where_there_are_any(void **state)
{
	struct bench *b = *state;
	struct link main = {.path.chooses_congestion = true};

	b->link.pair.main = &main;
	b->link.path.is_lane = true;
	send_one(b, PACKET_LEN, 10000);
	assert_int_equal(octets_in_a_while(b), SEGMENT_PREFIX_LEN + PACKET_LEN);
	main.path.congestion.in_force = CONGESTION_BBR; /* chosen when a path loses */
	send_one(b, PACKET_LEN, 10000);
	assert_int_equal(arrived(b), 1); /* by itself, at once */
	assert_int_equal(octets_in_a_while(b), 3);
	b->link.pair.main = NULL;
	b->link.path.is_lane = false;
	send_one(b, PACKET_LEN, 10000);
	assert_int_equal(octets_in_a_while(b), SEGMENT_PREFIX_LEN + PACKET_LEN);
}

/* The peer says something and breaks off; octets of ours that it has not read make that an error. */
static void a_reset_behind_octets_is_noticed(void **state)
{
	struct bench *b = *state;

	send_one(b, PACKET_LEN, 10000);
	assert_int_equal(write(b->peer, "last words", 10), 10);
	close(b->peer);
	b->peer = -1;
	for (int i = 0; i < 3; i++)
		turn(b);
	assert_int_equal(b->tunnel.received, 10);
	assert_true(b->tunnel.over);
	assert_int_equal(b->tunnel.error, ECONNRESET);
}

/* ---- a turn's work ---- */

static const uint8_t flood[1 << 20];

/* Octets that the link takes in one turn from a peer that has more to say. */
static size_t taken_in_a_turn(struct bench *b)
{
	size_t before = b->tunnel.received;

	while (write(b->peer, flood, sizeof(flood)) > 0)
		;
	turn(b);
	return b->tunnel.received - before;
}

/* Without CAP_NET_ADMIN of the machine (a user namespace) a socket holds what wmem_max allows. */
static void enlarge(int fd)
{
	int octets = 4 << 20;

	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &octets, sizeof(octets)) < 0)
		assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &octets, sizeof(octets)), 0);
}

static size_t waiting(struct bench *b)
{
	int octets = 0;

	while (write(b->peer, flood, sizeof(flood)) > 0)
		;
	assert_int_equal(ioctl(b->link.fd, FIONREAD, &octets), 0);
	return (size_t)octets;
}

/* A KiB of small packets costs a hundred times one of full records: 2 ms a turn, as it is measured. */
static void how_much_is_read_follows_what_it_costs(void **state)
{
	struct bench *b = *state;

	enlarge(b->peer);
	b->tunnel.us_per_kib = 100;
	taken_in_a_turn(b);
	for (int i = 0; i < SEVERAL; i++)
		assert_in_range(taken_in_a_turn(b), 16 << 10, 21 << 10);
	b->tunnel.us_per_kib = 1;
	for (int i = 0; i < SEVERAL; i++)
		taken_in_a_turn(b);
	size_t much = waiting(b) < PORT_RX_LEN / 2 ? waiting(b) : PORT_RX_LEN / 2;

	assert_true(much > 4 * (21 << 10));
	assert_true(taken_in_a_turn(b) >= much);
	b->tunnel.us_per_kib = 1000; /* and the first turn after that is the last dear one */
	taken_in_a_turn(b);
	assert_int_equal(taken_in_a_turn(b), 16 << 10);
}

static void before_login_little_is_read_in_a_turn(void **state)
{
	struct bench *b = *state;

	b->link.deferred = true;
	assert_int_equal(taken_in_a_turn(b), 0); /* it waits in line */
	for (size_t i = 1; i <= SEVERAL; i++) {
		assert_false(port_run_deferred(&b->port, 1000));
		assert_int_equal(b->tunnel.received, i * 4096);
		turn(b);
	}
}

/* The line is served until its time is used up, by whichever connections use it. */
static void those_in_line_share_the_time_of_a_turn(void **state)
{
	struct bench *b = *state;
	struct link links[SEVERAL];
	struct tunnel tunnels[SEVERAL] = {{.us_per_kib = 0}};
	int fds[SEVERAL][2];

	for (size_t i = 0; i < SEVERAL; i++) {
		pair(SOCK_STREAM, fds[i]);
		assert_int_equal(
			link_init(&links[i], &b->port, fds[i][0], &tunnels[i], &link_ops), 0);
		links[i].deferred = true;
		tunnels[i].us_per_kib = 150;
		link_start(&links[i]);
		assert_int_equal(write(fds[i][1], flood, 8192), 8192);
	}
	turn(b);
	assert_true(port_run_deferred(&b->port, 1000)); /* 600 us each: two of them */
	for (size_t i = 0; i < SEVERAL; i++)
		assert_int_equal(tunnels[i].received, i < 2 ? 4096 : 0);
	assert_true(port_run_deferred(&b->port, 0)); /* one in any case */
	assert_int_equal(tunnels[2].received, 4096);
	assert_false(port_run_deferred(&b->port, 10000));
	for (size_t i = 0; i < SEVERAL; i++) {
		assert_int_equal(tunnels[i].received, 4096);
		link_abort(&links[i]);
	}
	turn(b);
	turn(b);
	for (size_t i = 0; i < SEVERAL; i++)
		close(fds[i][1]);
}

/* Octets that come out of the tunnel of `via` in PPP's protocol for `family`; what the TUN gets. */
static size_t come_in(struct bench *b, struct link *via, int family, const void *octets, size_t n)
{
	uint8_t written[VNET_HDR_LEN + 200];
	ssize_t got;

	via->tunnel->packet = (struct tunnel_event){
		.type = TUNNEL_PACKET, .family = family, .packet = rd_init(octets, n)};
	link_kick(via);
	got = recv(b->tun, written, sizeof(written), MSG_DONTWAIT);
	return got < 0 ? 0 : (size_t)got - VNET_HDR_LEN;
}

static const uint8_t udp4[32] = {
	0x45, 0, 0, 32, 0, 0, 0x40, 0, 64, 17, 0, 0, 10, 1, 0, 2, 10, 1, 0, 1, 1, 2, 3, 4, 0, 12};
static const uint8_t udp6[52] = {
	0x60, 0, 0, 0, 0, 12, 17, 64, 0xfd, [23] = 3, [24] = 0xfd, [39] = 1, 1, 2, 3, 4, 0, 12};
static const uint8_t ra6[64] = {0x60, 0, 0, 0, 0, 24, 0, 255, 0xfe, 0x80, [23] = 3, [24] = 0xfe,
	0x80, [39] = 1, [40] = 58, 0, 1, 4, [48] = 134};

static void what_comes_in_is_judged(struct bench *b, struct link *via)
{
	struct port_stats *s = &b->port.stats;
	uint8_t padded[40] = {0};

	memcpy(padded, udp4, sizeof(udp4));
	b->link.guard.peer_link_local = (struct addr){AF_INET6, {0xfe, 0x80, [15] = 3}};
	b->link.guard.own_link_local = (struct addr){AF_INET6, {0xfe, 0x80, [15] = 1}};
	assert_int_equal(come_in(b, via, AF_INET, udp4, sizeof(udp4)), sizeof(udp4));
	assert_int_equal(come_in(b, via, AF_INET, padded, sizeof(padded)), sizeof(udp4));
	assert_int_equal(come_in(b, via, AF_INET6, udp6, sizeof(udp6)), sizeof(udp6));
	assert_int_equal(s->drop_malformed, 0);
	assert_int_equal(come_in(b, via, AF_INET, udp6, sizeof(udp6)), 0);
	assert_int_equal(come_in(b, via, AF_INET6, udp4, sizeof(udp4)), 0);
	assert_int_equal(come_in(b, via, AF_INET, ra6, sizeof(ra6)), 0);
	assert_int_equal(s->drop_malformed, 3);
	assert_int_equal(come_in(b, via, AF_INET6, ra6, sizeof(ra6)), 0);
	assert_int_equal(s->drop_forbidden, 1);
	padded[16] = 127;
	assert_int_equal(come_in(b, via, AF_INET, padded, sizeof(udp4)), 0);
	assert_int_equal(s->drop_forbidden, 2);
	memcpy(padded + 12, "\x7f\0\0\1\x0a\1\0\1", 8);
	assert_int_equal(come_in(b, via, AF_INET, padded, sizeof(udp4)), 0);
	assert_int_equal(s->drop_source, 1);
}

static void a_packet_is_of_the_family_that_ppp_names(void **state)
{
	struct bench *b = *state;

	what_comes_in_is_judged(b, &b->link);
}

static void a_lane_is_judged_like_its_main_link(void **state)
{
	struct bench *b = *state;
	static struct tunnel tunnel;
	static struct link lane;
	int fds[2];

	memset(&tunnel, 0, sizeof(tunnel));
	pair(SOCK_STREAM, fds);
	assert_int_equal(link_init(&lane, &b->port, fds[0], &tunnel, &link_ops), 0);
	assert_int_equal(pair_join(&b->link, &lane), 0);
	what_comes_in_is_judged(b, &lane);
	link_abort(&lane);
	close(fds[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			a_packet_after_a_pause_is_read_alone, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			lone_packets_do_not_wait_for_a_look_at_the_path, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			what_came_in_is_no_occasion_for_a_look, set_up, tear_down),
		cmocka_unit_test_setup_teardown(not_much_is_sent_without_a_look, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			what_may_be_a_transfer_is_looked_at_each_time, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			a_lone_packet_waits_when_the_path_is_full, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			a_lane_lets_its_losses_be_known_where_there_are_any, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			a_reset_behind_octets_is_noticed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			how_much_is_read_follows_what_it_costs, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			before_login_little_is_read_in_a_turn, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			those_in_line_share_the_time_of_a_turn, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			a_packet_is_of_the_family_that_ppp_names, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			a_lane_is_judged_like_its_main_link, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
