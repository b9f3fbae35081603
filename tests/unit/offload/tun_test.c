// SPDX-License-Identifier: Apache-2.0
/*
 * offload/ against the kernel: what we join it must cut, what it joins we must cut, to the same
 * packets. Needs root and /dev/net/tun; skipped without. All in a network namespace of its own:
 *
 *     test ── writev ──> tun_a ──> kernel forwards ──> tun_b ── read ──> test
 *                10.1.0.254/24                  10.2.0.254/24
 *            fd00:0:0:1::fe/64              fd00:0:0:2::fe/64
 *
 * The packets are those of packets.h: from 10.1.0.7 to 10.2.0.1, and the same in IPv6.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <unistd.h>
#include <cmocka.h>

#include "ip/packet.h"
#include "offload/coalesce.h"
#include "offload/segment.h"
#include "unit/offload/packets.h"
#include "unit/os/netns.h"

#ifndef TUN_F_USO4
#define TUN_F_USO4 0x20
#define TUN_F_USO6 0x40
#endif

enum {
	OFFLOADS = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN,
	OFFLOADS_USO = OFFLOADS | TUN_F_USO4 | TUN_F_USO6,
	STREAM = 60, /* packets in a stream */
};

static int tun_a = -1, tun_b = -1;
static bool have_uso;
static uint8_t packets[STREAM][2048], read_buf[70000], frames[1 << 17];
static size_t packet_len[STREAM];

static int open_tun(const char *name)
{
	struct ifreq ifr = {.ifr_flags = IFF_TUN | IFF_NO_PI | IFF_VNET_HDR};
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);

	strcpy(ifr.ifr_name, name);
	if (fd >= 0 && ioctl(fd, TUNSETIFF, &ifr)) {
		close(fd);
		return -1;
	}
	return fd;
}

static int setup(void **state)
{
	static const char commands[] =
		"ip link set lo up && ip link set tun_a up && ip link set tun_b up &&"
		"ip addr add 10.1.0.254/24 dev tun_a && ip addr add 10.2.0.254/24 dev tun_b &&"
		"ip -6 addr add fd00:0:0:1::fe/64 dev tun_a nodad && ip -6 addr add fd00:0:0:2::fe/64 dev tun_b nodad &&"
		"echo 1 > /proc/sys/net/ipv4/ip_forward && echo 1 > /proc/sys/net/ipv6/conf/all/forwarding";

	(void)state;
	if (geteuid() || unshare(CLONE_NEWNET) || !can_write_sysctls() || !has_ipv6())
		return 0;
	tun_a = open_tun("tun_a");
	tun_b = open_tun("tun_b");
	if (tun_a < 0 || tun_b < 0)
		return 0;
	have_uso = !ioctl(tun_b, TUNSETOFFLOAD, OFFLOADS_USO);
	return system(commands);
}

static bool ready(void)
{
	if (tun_a >= 0 && tun_b >= 0)
		return true;
	print_message(
		"skipped: the kernel lacks one of /dev/net/tun, IPv6, a writable /proc/sys\n");
	return false;
}

/* A stream of one flow: full segments, one short one in the middle, a short one at the end. */
static void build_stream(unsigned version, unsigned protocol)
{
	struct spec s = {.version = version,
		.protocol = protocol,
		.host = 7,
		.sport = 5000,
		.seq = 0xffff0000,
		.ack = 1,
		.window = 512,
		.id = 0xfff0,
		.flags = 0x10,
		.tos = 2,
		.ttl = 64,
		.tcp_options = 12,
		.timestamp = 99};

	for (size_t i = 0; i < STREAM; i++) {
		s.payload = i == STREAM / 2 ? 700 : i == STREAM - 1 ? 1 : 1360;
		s.flags = i == 0 ? 0x90 : i == STREAM - 1 ? 0x18 : 0x10;
		packet_len[i] = build_packet(packets[i], &s);
		s.seq += (uint32_t)s.payload;
		s.id++;
	}
}

/* What forwarding does to the packet. */
static void age(uint8_t *p)
{
	if (p[0] >> 4 == 6) {
		p[7]--;
		return;
	}
	p[8]--;
	put_ip_check(p);
}

/* The next packet of ours that leaves through tun_b (not a router solicitation or the like). */
static size_t read_b(void)
{
	struct pollfd pfd = {.fd = tun_b, .events = POLLIN};

	while (poll(&pfd, 1, 2000) == 1) {
		ssize_t n = read(tun_b, read_buf, sizeof(read_buf));
		const uint8_t *ip = read_buf + VNET_HDR_LEN;

		if (n <= VNET_HDR_LEN)
			break;
		if (ip[0] >> 4 == 4 ? ip[15] == 7 : ip[8] == 0xfd && ip[23] == 7)
			return (size_t)n - VNET_HDR_LEN;
	}
	return 0;
}

/* Compares frames or a lone packet with the stream from packet `at` on; returns the next one. */
static size_t check_read(size_t n, size_t at, size_t *ret_pieces)
{
	struct segment s;
	struct vnet_hdr vnet;
	size_t octets, pieces = 0;

	memcpy(&vnet, read_buf, sizeof(vnet));
	assert_int_equal(segment_init(&s, &vnet, read_buf + VNET_HDR_LEN, n), 0);
	octets = segment_frames(&s, frames, sizeof(frames));
	assert_true(segment_done(&s));
	for (size_t f = 0; f < octets; f += get16(frames + f + 2), pieces++) {
		assert_in_range(at + pieces, 0, STREAM - 1);
		age(packets[at + pieces]);
		assert_int_equal(
			get16(frames + f + 2), packet_len[at + pieces] + SEGMENT_PREFIX_LEN);
		assert_memory_equal(frames + f + SEGMENT_PREFIX_LEN, packets[at + pieces],
			packet_len[at + pieces]);
	}
	*ret_pieces = pieces;
	return at + pieces;
}

/* Joins the stream, sends it through the kernel; the number of reads in which it came back. */
static size_t run_stream(unsigned version, unsigned protocol, unsigned offloads_of_b)
{
	AUTO(coalesce) struct coalesce *c = NULL;
	struct coalesced out;
	struct ip_packet ip;
	size_t reads = 0, at = 0, writes = 0, pieces;

	assert_int_equal(ioctl(tun_b, TUNSETOFFLOAD, offloads_of_b), 0);
	assert_int_equal(coalesce_new(COALESCE_ALL, &c), 0);
	build_stream(version, protocol);
	for (size_t i = 0; i < STREAM; i++) {
		packet_parse(packets[i], packet_len[i], &ip);
		assert_true(coalesce_add(c, packets[i], &ip));
	}
	coalesce_flush(c);
	for (; coalesce_next(c, &out); writes++)
		assert_true(writev(tun_a, out.iov, out.iovcnt) > 0);
	assert_int_equal(writes, 2);
	for (; at < STREAM; reads++) {
		size_t n = read_b();

		assert_true(n > 0);
		at = check_read(n, at, &pieces);
		if (!offloads_of_b)
			assert_int_equal(pieces, 1);
	}
	return reads;
}

static void the_kernel_cuts_what_was_joined_to_the_same_packets(void **state)
{
	(void)state;
	if (!ready())
		skip();
	for (unsigned version = 4; version <= 6; version += 2) {
		assert_int_equal(run_stream(version, 6, 0), STREAM);
		if (have_uso)
			assert_int_equal(run_stream(version, 17, 0), STREAM);
	}
}

static void super_packets_of_the_kernel_are_cut_to_the_same_packets(void **state)
{
	(void)state;
	if (!ready())
		skip();
	for (unsigned version = 4; version <= 6; version += 2) {
		assert_int_equal(run_stream(version, 6, OFFLOADS), 2);
		if (have_uso)
			assert_int_equal(run_stream(version, 17, OFFLOADS_USO), 2);
	}
}

static void checksums_alone_are_finished(void **state)
{
	(void)state;
	if (!ready())
		skip();
	for (unsigned version = 4; version <= 6; version += 2)
		assert_int_equal(run_stream(version, 6, TUN_F_CSUM), STREAM);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_kernel_cuts_what_was_joined_to_the_same_packets),
		cmocka_unit_test(super_packets_of_the_kernel_are_cut_to_the_same_packets),
		cmocka_unit_test(checksums_alone_are_finished),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
