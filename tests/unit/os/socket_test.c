// SPDX-License-Identifier: Apache-2.0
/* os/socket.c on loopback. */
#include "netns.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "os/dial.h"
#include "os/socket.h"

static struct endpoint endpoint(const char *text)
{
	struct endpoint e;

	assert_int_equal(endpoint_parse(text, 0, &e), 0);
	return e;
}

/* A listener on `at`, port chosen by the kernel; *ret_at tells which. */
static int listener(const char *at, struct endpoint *ret_at)
{
	struct endpoint e = endpoint(at);
	int fd;

	assert_int_equal(socket_listen(&e, 16, &fd, NULL), 0);
	assert_int_equal(socket_local(fd, ret_at), 0);
	assert_int_not_equal(ret_at->port, 0);
	return fd;
}

static int connect_to(const struct endpoint *to)
{
	struct dial_opts opts = {.try_ms = 30000};
	struct dial d;
	int fd;

	dial_init(&d, &opts, to, 1);
	fd = dial_wait(&d, NEVER, -1);
	dial_done(&d);
	return fd;
}

static int option(int fd, int level, int name)
{
	int v = -1;
	socklen_t len = sizeof(v);

	assert_int_equal(getsockopt(fd, level, name, &v, &len), 0);
	return v;
}

static void any_ipv6_address_takes_ipv4_as_well(void **state)
{
	static const char *const hosts[] = {"127.0.0.1", "[::1]"};
	struct endpoint at, to, peer;
	int l, fd, in;

	NEED_NETNS();
	RUN("ip link set lo up");
	NEED_IPV6();
	l = listener("[::]:0", &at);
	for (size_t i = 0; i < 2; i++) {
		to = endpoint(hosts[i]);
		to.port = at.port;
		fd = connect_to(&to);
		assert_true(fd >= 0);
		in = accept(l, NULL, NULL);
		assert_true(in >= 0);
		assert_int_equal(socket_peer(in, &peer), 0);
		assert_true(addr_equal(&peer.addr, &to.addr)); /* IPv4 does not show as ::ffff: */
		close(in);
		close(fd);
	}
	close(l);
}

static void a_machine_without_ipv6_listens_on_ipv4(void **state)
{
	struct endpoint at;
	int l;

	NEED_NETNS();
	RUN("ip link set lo up");
	write_sysctl("/proc/sys/net/ipv6/conf/all/disable_ipv6", "1"); /* if it has any */
	l = listener("[::]:0", &at);
	close(l);
}

static void workers_share_a_port(void **state)
{
	struct endpoint at;
	int a = listener("127.0.0.1:0", &at), b;

	assert_int_equal(socket_listen(&at, 16, &b, NULL), 0);
	close(a);
	close(b);
}

static void a_second_server_on_the_port_is_noticed(void **state)
{
	struct os_failure why = {0};
	struct endpoint at;
	int l = listener("127.0.0.1:0", &at);

	assert_int_equal(socket_nobody_listens(&at, &why), -EADDRINUSE);
	assert_int_equal(why.event, EV_LISTEN_IN_USE);
	close(l);
	assert_int_equal(socket_nobody_listens(&at, &why), 0);
}

static void the_reason_why_listening_failed_is_told(void **state)
{
	struct endpoint at = endpoint("127.0.0.1:0"), foreign = endpoint("192.0.2.1:4433");
	struct sockaddr_storage sa;
	socklen_t len;
	struct os_failure why = {0};
	int fd = -1, other = socket(AF_INET, SOCK_STREAM, 0);

	len = endpoint_to_sockaddr(&at, &sa);
	assert_int_equal(bind(other, (struct sockaddr *)&sa, len), 0);
	assert_int_equal(listen(other, 1), 0); /* without SO_REUSEPORT */
	assert_int_equal(socket_local(other, &at), 0);
	assert_int_equal(socket_listen(&at, 16, &fd, &why), -EADDRINUSE);
	assert_int_equal(why.event, EV_LISTEN_IN_USE);
	assert_non_null(strstr(why.text, "listen on 127.0.0.1:"));
	assert_int_equal(socket_listen(&foreign, 16, &fd, &why), -EADDRNOTAVAIL);
	assert_int_equal(why.event, EV_LISTEN_NOT_LOCAL);
	assert_int_equal(fd, -1);
	close(other);
}

static void every_option_of_a_connection_is_set(void **state)
{
	struct tcp_opts opts = {.keepalive_idle_s = 31,
		.keepalive_interval_s = 7,
		.keepalive_count = 4,
		.user_timeout_ms = 45000,
		.notsent_lowat = 65536,
		.congestion = "reno"};
	char congestion[CONGESTION_NAME_LEN];
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(tcp_tune(fd, &opts, congestion), 0);
	assert_int_equal(option(fd, IPPROTO_TCP, TCP_NODELAY), 1);
	assert_int_equal(option(fd, SOL_SOCKET, SO_KEEPALIVE), 1);
	assert_int_equal(option(fd, IPPROTO_TCP, TCP_KEEPIDLE), 31);
	assert_int_equal(option(fd, IPPROTO_TCP, TCP_KEEPINTVL), 7);
	assert_int_equal(option(fd, IPPROTO_TCP, TCP_KEEPCNT), 4);
	assert_int_equal(option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT), 45000);
	assert_int_equal(option(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT), 65536);
	assert_string_equal(congestion, "reno");
	close(fd);
}

static void an_unknown_congestion_control_leaves_the_default(void **state)
{
	struct tcp_opts plain = {0}, odd = {.congestion = "no-such-thing"};
	char before[CONGESTION_NAME_LEN], after[CONGESTION_NAME_LEN];
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(tcp_tune(fd, &plain, before), 0);
	assert_int_equal(option(fd, SOL_SOCKET, SO_KEEPALIVE), 0);
	assert_int_equal(tcp_tune(fd, &odd, after), 0);
	assert_string_equal(before, after);
	close(fd);
}

static void a_mark_is_set_or_refused_with_its_errno(void **state)
{
	struct tcp_opts opts = {.mark = 0x53535450};
	int fd = socket(AF_INET, SOCK_STREAM, 0), r = tcp_tune(fd, &opts, NULL);

	if (geteuid() == 0 && r == 0)
		assert_int_equal(option(fd, SOL_SOCKET, SO_MARK), 0x53535450);
	else
		assert_int_equal(r, -EPERM);
	assert_int_equal(option(fd, IPPROTO_TCP, TCP_NODELAY), 1);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_ipv6_address_takes_ipv4_as_well),
		cmocka_unit_test(workers_share_a_port),
		cmocka_unit_test(a_second_server_on_the_port_is_noticed),
		cmocka_unit_test(the_reason_why_listening_failed_is_told),
		cmocka_unit_test(every_option_of_a_connection_is_set),
		cmocka_unit_test(an_unknown_congestion_control_leaves_the_default),
		cmocka_unit_test(a_mark_is_set_or_refused_with_its_errno),
		cmocka_unit_test(a_machine_without_ipv6_listens_on_ipv4),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
