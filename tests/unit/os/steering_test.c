// SPDX-License-Identifier: Apache-2.0
/*
 * os/steering.c on a real TUN: a datagram that the host routes into it is looked for on all queues.
 *
 *     UDP socket -> route -> vpn0 (4 queues) -> which descriptor has it?
 */
#include "netns.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include "os/steering.h"

#define QUEUES 4

static struct tun *tun_up(void)
{
	struct tun_opts opts = {.name = "vpn0", .queues = QUEUES};
	struct tun *t;

	assert_int_equal(tun_new(&opts, &t, NULL), 0);
	RUN("ip link set vpn0 up && ip address add 10.9.0.1/16 dev vpn0 && "
	    "ip -6 address add fd09::1/32 dev vpn0 nodad && ip route add 192.168.0.0/16 dev vpn0");
	return t;
}

static struct steering *steering_up(const struct tun *t)
{
	struct os_failure why = {0};
	struct steering *s = NULL;

	if (steering_new(t, 1024, &s, &why) < 0)
		fail_msg("%s", why.text);
	return s;
}

/* Why a kernel, or a filter of system calls, gives no eBPF here; NULL when it does. */
static const char *no_steering(void)
{
	static struct os_failure why;
	struct tun_opts opts = {.queues = 2};
	struct steering *s = NULL;
	struct tun *t;
	int r;

	assert_int_equal(tun_new(&opts, &t, NULL), 0);
	r = steering_new(t, 16, &s, &why);
	if (r == 0)
		steering_free(s);
	tun_free(t);
	return r < 0 ? why.text : NULL;
}

/* Before the test opens a TUN: skip() leaves it by a jump. */
#define NEED_STEERING()                                                                            \
	do {                                                                                       \
		const char *none = no_steering();                                                  \
                                                                                                   \
		if (none)                                                                          \
			SKIP_FOR("the kernel lacks eBPF for a TUN here: %s", none);                \
	} while (0)

static bool is_to(const uint8_t *packet, ssize_t n, const struct endpoint *to)
{
	size_t at = to->addr.family == AF_INET ? 16 : 24;

	return n > 40 && packet[0] >> 4 == (at == 16 ? 4 : 6) &&
	       !memcmp(packet + at, to->addr.octets, addr_len(&to->addr));
}

/* Sends one datagram and returns the queue it came out of. */
static unsigned queue_of(const struct tun *t, const char *address)
{
	struct endpoint to = {.port = 9};
	struct pollfd fds[QUEUES];
	struct sockaddr_storage sa;
	uint8_t octets[2048];
	socklen_t len;
	int s;

	assert_int_equal(addr_parse(address, &to.addr), 0);
	len = endpoint_to_sockaddr(&to, &sa);
	if (to.addr.octets[0] == 0xfe)
		((struct sockaddr_in6 *)&sa)->sin6_scope_id = tun_ifindex(t);
	s = socket(to.addr.family, SOCK_DGRAM, 0);
	assert_int_equal(sendto(s, "where do I come out?", 20, 0, (struct sockaddr *)&sa, len), 20);
	close(s);
	for (unsigned i = 0; i < QUEUES; i++)
		fds[i] = (struct pollfd){tun_fd(t, i), POLLIN, 0};
	while (poll(fds, QUEUES, 2000) > 0)
		for (unsigned i = 0; i < QUEUES; i++) {
			ssize_t n = fds[i].revents ? read(fds[i].fd, octets, sizeof(octets)) : 0;

			if (is_to(octets + TUN_VNET_HDR_LEN, n - TUN_VNET_HDR_LEN, &to))
				return i;
		}
	fail_msg("the datagram to %s came out nowhere", address);
	return 0;
}

static int set(const struct steering *s, const char *prefix, unsigned queue)
{
	struct prefix p;

	assert_int_equal(prefix_parse(prefix, &p), 0);
	return steering_set(s, &p, queue);
}

static void clear(const struct steering *s, const char *prefix)
{
	struct prefix p;

	assert_int_equal(prefix_parse(prefix, &p), 0);
	steering_clear(s, &p);
}

/* The address, and what session would have written for it. */
static const char *const routes[][2] = {
	{"10.9.7.7", "10.9.7.7/32"},           /* a client's address */
	{"fd09:0:7:1::99", "fd09:0:7:1::/64"}, /* its prefix, with any interface id */
	{"fe80::1234:5678:9abc:def0", "fe80::1234:5678:9abc:def0/128"},
	{"192.168.3.4", "192.168.2.0/23"}, /* a network behind it */
	{"fd09:0:8:77::1", "fd09:0:8::/48"},
	{"fd09:0:9::1", "fd09:0:9::1/128"},
};

static void every_kind_of_prefix_reaches_every_queue(void **state)
{
	struct tun *t;
	struct steering *s;

	NEED_NETNS();
	NEED_TUN();
	NEED_IPV6();
	NEED_STEERING();
	t = tun_up();
	s = steering_up(t);
	for (unsigned turn = 0; turn < QUEUES; turn++) {
		for (unsigned i = 0; i < ARRAY_SIZE(routes); i++)
			assert_int_equal(set(s, routes[i][1], (turn + i) % QUEUES), 0);
		for (unsigned i = 0; i < ARRAY_SIZE(routes); i++)
			assert_int_equal(queue_of(t, routes[i][0]), (turn + i) % QUEUES);
	}
	steering_free(s);
	tun_free(t);
}

static void an_address_beats_the_network_around_it_until_it_is_cleared(void **state)
{
	struct tun *t;
	struct steering *s;

	NEED_NETNS();
	NEED_TUN();
	NEED_IPV6();
	NEED_STEERING();
	t = tun_up();
	s = steering_up(t);
	assert_int_equal(set(s, "192.168.0.0/16", 1), 0);
	assert_int_equal(set(s, "192.168.7.0/24", 2), 0);
	assert_int_equal(set(s, "192.168.7.7", 3), 0);
	assert_int_equal(queue_of(t, "192.168.1.1"), 1);
	assert_int_equal(queue_of(t, "192.168.7.1"), 2);
	assert_int_equal(queue_of(t, "192.168.7.7"), 3);
	clear(s, "192.168.7.7");
	assert_int_equal(queue_of(t, "192.168.7.7"), 2);
	clear(s, "192.168.7.0/24");
	assert_int_equal(queue_of(t, "192.168.7.7"), 1);
	clear(s, "192.168.9.9"); /* never there */
	steering_free(s);
	tun_free(t);
}

static void hundreds_of_sessions_spread_as_written(void **state)
{
	char text[64];
	struct tun *t;
	struct steering *s;

	NEED_NETNS();
	NEED_TUN();
	NEED_IPV6();
	NEED_STEERING();
	t = tun_up();
	s = steering_up(t);
	for (unsigned i = 2; i < 250; i++) {
		snprintf(text, sizeof(text), "10.9.1.%u", i);
		assert_int_equal(set(s, text, i % QUEUES), 0);
	}
	for (unsigned i = 2; i < 250; i++) {
		snprintf(text, sizeof(text), "10.9.1.%u", i);
		assert_int_equal(queue_of(t, text), i % QUEUES);
	}
	steering_free(s);
	tun_free(t);
}

static void a_full_map_and_a_wrong_queue_are_refused(void **state)
{
	struct tun *t;
	struct steering *s;

	NEED_NETNS();
	NEED_TUN();
	NEED_IPV6();
	NEED_STEERING();
	t = tun_up();
	s = steering_up(t);
	assert_int_equal(set(s, "10.9.0.2", QUEUES), -EINVAL);
	steering_free(s);
	assert_int_equal(
		steering_new(t, 2, &s, NULL), 0); /* a second one takes the first's place */
	assert_int_equal(set(s, "10.9.0.2", 0), 0);
	assert_int_equal(set(s, "10.9.0.3", 1), 0);
	assert_int_equal(set(s, "10.9.0.3", 2), 0);
	assert_int_equal(set(s, "10.9.0.4", 3), -E2BIG);
	assert_int_equal(set(s, "10.0.0.0/24", 0), 0);
	assert_int_equal(set(s, "10.0.1.0/24", 0), 0);
	assert_int_equal(set(s, "10.0.2.0/24", 0), -E2BIG);
	assert_int_equal(queue_of(t, "10.9.0.3"), 2);
	steering_free(s);
	tun_free(t);
}

static void without_the_right_it_says_so_and_the_tun_works_on(void **state)
{
	struct os_failure why = {0};
	struct steering *s = NULL;
	struct tun *t;
	int r;

	NEED_NETNS();
	NEED_TUN();
	NEED_IPV6();
	NEED_NOBODY();
	t = tun_up();
	r = seteuid(65534); /* no capability in force */
	assert_int_equal(r, 0);
	r = steering_new(t, 16, &s, &why);
	assert_int_equal(seteuid(0), 0);
	assert_int_equal(r, -EPERM);
	assert_int_equal(why.event, EV_STEERING_OFF);
	assert_null(s);
	assert_in_range(queue_of(t, "10.9.0.2"), 0, QUEUES - 1);
	tun_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_kind_of_prefix_reaches_every_queue),
		cmocka_unit_test(an_address_beats_the_network_around_it_until_it_is_cleared),
		cmocka_unit_test(hundreds_of_sessions_spread_as_written),
		cmocka_unit_test(a_full_map_and_a_wrong_queue_are_refused),
		cmocka_unit_test(without_the_right_it_says_so_and_the_tun_works_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
