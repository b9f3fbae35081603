/* Where the proxy is: the URL, the environment. The connection itself: tests/net/lab. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_url_is_taken_apart),
		cmocka_unit_test(what_is_no_http_proxy_is_refused),
		cmocka_unit_test_setup_teardown(the_environment_names_a_proxy_and_who_needs_none,
			no_environment, no_environment),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
