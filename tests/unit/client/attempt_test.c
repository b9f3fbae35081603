// SPDX-License-Identifier: Apache-2.0
/* client/attempt.c at sockets of its own: what each connection comes to, and that it can be given up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <netinet/in.h>

#include "client/attempt.h"
#include "client/options.h"
#include "unit/os/netns.h"

static struct client_opts opts;
static struct client_server server;
static struct attempt a;
static uv_loop_t loop;
static unsigned done;
static int listener;

static void on_done(struct attempt *at)
{
	assert_ptr_equal(at, &a);
	done++;
}

/* A socket that listens, or one whose port refuses. */
static uint16_t listens(bool accepts)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t len = sizeof(at);

	listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(listener, (struct sockaddr *)&at, len), 0);
	if (accepts)
		assert_int_equal(listen(listener, 8), 0);
	getsockname(listener, (struct sockaddr *)&at, &len);
	return ntohs(at.sin_port);
}

static int setup(void **state)
{
	opts = (struct client_opts){.congestion = "reno"};
	server = (struct client_server){.host = "127.0.0.1"};
	listener = -1;
	done = 0;
	assert_int_equal(uv_loop_init(&loop), 0);
	assert_int_equal(attempt_init(&a, &opts, on_done), 0);
	a.server = &server;
	return 0;
}

static int teardown(void **state)
{
	attempt_done(&a);
	attempt_done(&a); /* harmless */
	if (listener >= 0)
		close(listener);
	return uv_loop_close(&loop);
}

static void run(void)
{
	done = 0;
	assert_int_equal(attempt_begin(&a, &loop), 0);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(done, 1);
}

static void a_connection_names_both_its_ends(void **state)
{
	server.port = listens(true);
	run();
	assert_int_equal(a.event, EV_NONE);
	assert_true(a.fd >= 0);
	assert_int_equal(a.peer.port, server.port);
	assert_int_equal(a.peer.addr.octets[0], 127);
	assert_int_equal(a.local.addr.octets[0], 127);
	assert_true(a.local.port && a.local.port != server.port);
	assert_string_equal(a.scheme, "");
	assert_int_equal(a.n_silent, 0);
}

static void a_refusal_is_named_with_the_address(void **state)
{
	char text[64];

	server.port = listens(false);
	run();
	assert_int_equal(a.event, EV_TCP_REFUSED);
	assert_int_equal(a.fd, -1);
	snprintf(text, sizeof(text), "127.0.0.1:%u: %s", server.port, strerror(ECONNREFUSED));
	assert_string_equal(a.text, text);
}

static void nothing_of_the_attempt_before_is_left(void **state)
{
	server.port = listens(false);
	run();
	assert_int_equal(a.event, EV_TCP_REFUSED);
	close(listener);
	server.port = listens(true);
	run();
	assert_int_equal(a.event, EV_NONE);
	assert_string_equal(a.text, "");
	server.port = 1; /* the descriptor of the one before is closed */
	run();
	assert_int_not_equal(a.event, EV_NONE);
	assert_int_equal(a.fd, -1);
	assert_int_equal(a.local.addr.family, AF_UNSPEC);
}

static void an_address_that_is_given_is_not_looked_up(void **state)
{
	server.host = "name.invalid";
	a.to = (struct endpoint){addr_v4(INADDR_LOOPBACK), listens(true)};
	run();
	assert_int_equal(a.event, EV_NONE);
	assert_int_equal(a.peer.port, a.to.port);
}

static void stop_it(uv_timer_t *timer)
{
	attempt_stop(&a);
	uv_close((uv_handle_t *)timer, NULL);
}

/* A server that does not answer: its queue is full, so the kernel drops the SYN. */
static void a_connection_that_waits_can_be_given_up(void **state)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	int full[8];
	uv_timer_t timer;

	listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	server.port = 0;
	assert_int_equal(bind(listener, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(listener, 0), 0);
	getsockname(listener, (struct sockaddr *)&at, &(socklen_t){sizeof(at)});
	server.port = ntohs(at.sin_port);
	for (size_t i = 0; i < 8; i++) {
		full[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		connect(full[i], (struct sockaddr *)&at, sizeof(at));
	}
	uv_timer_init(&loop, &timer);
	uv_timer_start(&timer, stop_it, 100, 0);
	run();
	assert_int_not_equal(a.event, EV_NONE);
	assert_int_equal(a.fd, -1);
	assert_true(a.us < 9000000); /* not its own time-out */
	for (size_t i = 0; i < 8; i++)
		close(full[i]);
	/* The wish to stop was for that one. */
	close(listener);
	server.port = listens(true);
	run();
	assert_int_equal(a.event, EV_NONE);
}

/* While the network is down the DNS says nothing: the last answer stands in for it. */
static void what_the_dns_said_last_is_kept_for_its_server_alone(void **state)
{
	struct client_server other = {.host = "other.invalid"};

	NEED_NETNS();
	RUN("ip link set lo up");
	server.host = "vpn.invalid";
	server.port = other.port = listens(true);
	run();
	assert_true(a.event == EV_DNS_FAILED || a.event == EV_DNS_NO_SUCH_NAME);
	assert_non_null(strstr(a.text, "vpn.invalid: "));
	a.known[0] = (struct endpoint){addr_v4(INADDR_LOOPBACK), server.port};
	a.n_known = 1;
	a.known_of = &server;
	run();
	assert_int_equal(a.event, EV_NONE);
	assert_int_equal(a.peer.port, server.port);
	a.server = &other;
	run();
	assert_int_not_equal(a.event, EV_NONE);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		/* First: libuv's threads begin with an attempt, and keep that moment's network. */
		CASE(what_the_dns_said_last_is_kept_for_its_server_alone),
		CASE(a_connection_names_both_its_ends),
		CASE(a_refusal_is_named_with_the_address),
		CASE(nothing_of_the_attempt_before_is_left),
		CASE(an_address_that_is_given_is_not_looked_up),
		CASE(a_connection_that_waits_can_be_given_up),
	};

	return cmocka_run_group_tests_name("client/attempt", tests, NULL, NULL);
}
