// SPDX-License-Identifier: Apache-2.0
/* Where the proxy is: the URL, the environment; giving up. The connection itself: tests/net/lab. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "front/proxy_connect.h"

static void a_url_is_taken_apart(void **state)
{
	struct proxy p;

	(void)state;
	assert_int_equal(proxy_parse("http://carol:T%40nnel%3A9@proxy.example:3128/", &p), 0);
	assert_string_equal(p.host, "proxy.example");
	assert_int_equal(p.port, 3128);
	assert_string_equal(p.user, "carol");
	assert_string_equal(p.password, "T@nnel:9");
	assert_int_equal(proxy_parse("[2001:db8::1]:80", &p), 0);
	assert_string_equal(p.host, "2001:db8::1");
	assert_int_equal(proxy_parse("proxy", &p), 0);
	assert_int_equal(p.port, 8080);
	assert_string_equal(p.user, "");
}

static void what_is_no_http_proxy_is_refused(void **state)
{
	static const char *const bad[] = {"", "http://", "socks5://a:1", "https://a:1",
		"http://a:0", "http://a:70000", "http://a:x", "http://[::1", "http://u%4@a:1",
		"http://u%00@a:1", "http://u%zz@a"};
	struct proxy p;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(proxy_parse(bad[i], &p), -EINVAL);
}

static int no_environment(void **state)
{
	static const char *const names[] = {
		"https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY"};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		unsetenv(names[i]);
	return 0;
}

static void the_environment_names_a_proxy_and_who_needs_none(void **state)
{
	struct proxy p;

	(void)state;
	assert_int_equal(proxy_from_environment("vpn.example", &p), 0);
	setenv("HTTPS_PROXY", "http://upper:1", 1);
	assert_int_equal(proxy_from_environment("vpn.example", &p), 1);
	assert_string_equal(p.source, "$HTTPS_PROXY");
	setenv("https_proxy", "http://lower:1", 1);
	assert_int_equal(proxy_from_environment("vpn.example", &p), 1);
	assert_string_equal(p.host, "lower");
	setenv("no_proxy", "localhost, .example", 1);
	assert_int_equal(proxy_from_environment("vpn.example", &p), 0);
	assert_int_equal(proxy_from_environment("vpn.counterexample", &p), 1);
	setenv("no_proxy", "*", 1);
	assert_int_equal(proxy_from_environment("vpn.counterexample", &p), 0);
	unsetenv("no_proxy");
	setenv("https_proxy", "socks5://a:1", 1);
	assert_int_equal(proxy_from_environment("vpn.example", &p), -EINVAL);
}

/* A listener whose queue is full lets a third connection wait, for as long as it likes. */
static void dialling_ends_at_once_when_it_is_told_to(void **state)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	struct proxy_limit limit = {600000, eventfd(1, EFD_CLOEXEC)};
	int listener = socket(AF_INET, SOCK_STREAM, 0), waiting[2], fd = -1;
	socklen_t n = sizeof(at);

	assert_int_equal(bind(listener, (struct sockaddr *)&at, n), 0);
	assert_int_equal(listen(listener, 0), 0);
	getsockname(listener, (struct sockaddr *)&at, &n);
	for (int i = 0; i < 2; i++) {
		waiting[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		connect(waiting[i], (struct sockaddr *)&at, n);
	}
	assert_int_equal(proxy_dial("127.0.0.1", ntohs(at.sin_port), &limit, &fd), -ECANCELED);
	assert_int_equal(fd, -1);
	close(waiting[0]);
	close(waiting[1]);
	close(listener);
	close(limit.stop_fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_url_is_taken_apart),
		cmocka_unit_test(what_is_no_http_proxy_is_refused),
		cmocka_unit_test_setup_teardown(the_environment_names_a_proxy_and_who_needs_none,
			no_environment, no_environment),
		cmocka_unit_test(dialling_ends_at_once_when_it_is_told_to),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
