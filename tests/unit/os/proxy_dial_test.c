// SPDX-License-Identifier: Apache-2.0
/* os/proxy_dial.c on loopback. Real proxies: tests/net/lab, tests/net/test_proxy_answers.py. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "os/proxy_dial.h"

static int listener(int backlog, struct endpoint *ret)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	socklen_t n = sizeof(at);

	assert_int_equal(bind(fd, (struct sockaddr *)&at, n), 0);
	assert_int_equal(listen(fd, backlog), 0);
	getsockname(fd, (struct sockaddr *)&at, &n);
	*ret = (struct endpoint){{AF_INET, {127, 0, 0, 1}}, ntohs(at.sin_port)};
	return fd;
}

/* The kernel takes the connection; no proxy answers on it. */
static void it_ends_at_once_when_it_is_told_to(void **state)
{
	struct proxy p = {.host = "127.0.0.1"};
	struct proxy_dial_opts opts = {.timeout_ms = 600000, .stop_fd = eventfd(1, EFD_CLOEXEC)};
	struct proxy_outcome how;
	struct endpoint at;
	int l = listener(1, &at), fd = -1;

	(void)state;
	p.port = at.port;
	assert_int_not_equal(proxy_dial(&p, "vpn.example", 443, &opts, &fd, &how), EV_NONE);
	assert_int_equal(fd, -1);
	close(l);
	close(opts.stop_fd);
}

static void a_proxy_that_is_not_there_is_unreachable(void **state)
{
	struct proxy p = {.host = "a name that is not looked up", .port = 1};
	struct proxy_outcome how;
	struct endpoint at;
	struct proxy_dial_opts opts = {.timeout_ms = 30000, .stop_fd = -1, .via = &at};
	int fd = -1;

	(void)state;
	close(listener(1, &at));
	assert_int_equal(
		proxy_dial(&p, "vpn.example", 443, &opts, &fd, &how), EV_PROXY_UNREACHABLE);
	assert_string_equal(how.text, strerror(ECONNREFUSED));
	assert_int_equal(fd, -1);
}

/* The request, and TLS's first octet behind the head is still in the socket. */
static void what_follows_the_head_stays_in_the_socket(void **state)
{
	static const char reply[] = "HTTP/1.1 200 OK\r\n\r\nT";
	struct proxy p = {.host = "127.0.0.1"};
	struct proxy_outcome how;
	struct endpoint at;
	int l = listener(1, &at), fd = -1, in;
	struct proxy_dial_opts opts = {.timeout_ms = 30000, .stop_fd = -1, .via = &at};
	char octet = 0;
	pid_t child = fork();

	(void)state;
	if (!child) {
		char request[2000];

		in = accept(l, NULL, NULL);
		if (recv(in, request, sizeof(request), 0) > 0)
			send(in, reply, strlen(reply), 0);
		recv(in, request, 1, 0);
		_exit(0);
	}
	assert_int_equal(proxy_dial(&p, "vpn.example", 443, &opts, &fd, &how), EV_NONE);
	assert_true(fd >= 0);
	assert_int_equal(recv(fd, &octet, 1, 0), 1);
	assert_int_equal(octet, 'T');
	close(fd);
	close(l);
	waitpid(child, NULL, 0);
}

/* The time in the text is the one that passed, not the layer's own limit of 60 s. */
static void a_proxy_that_says_nothing_was_waited_for_as_long_as_the_text_says(void **state)
{
	struct proxy p = {.host = "127.0.0.1"};
	struct proxy_dial_opts opts = {.timeout_ms = 1100, .stop_fd = -1};
	struct proxy_outcome how;
	struct endpoint at;
	int l = listener(1, &at), fd = -1;
	uint64_t began = clock_mono_ms();
	unsigned seconds = 0;

	(void)state;
	p.port = at.port;
	assert_int_equal(
		proxy_dial(&p, "vpn.example", 443, &opts, &fd, &how), EV_PROXY_NO_RESPONSE);
	assert_int_equal(sscanf(how.text, "after %u s", &seconds), 1);
	assert_in_range(seconds, 1, (clock_mono_ms() - began) / 1000);
	assert_int_equal(fd, -1);
	close(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_ends_at_once_when_it_is_told_to),
		cmocka_unit_test(a_proxy_that_is_not_there_is_unreachable),
		cmocka_unit_test(what_follows_the_head_stays_in_the_socket),
		cmocka_unit_test(a_proxy_that_says_nothing_was_waited_for_as_long_as_the_text_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
