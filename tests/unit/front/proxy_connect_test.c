// SPDX-License-Identifier: Apache-2.0
/* Where the proxy is: the URL, the environment; the conversation with it, octet by octet. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
	setenv("NO_PROXY", "vpn.example", 1);
	assert_int_equal(proxy_from_environment("vpn.example", &p), 0);
	unsetenv("NO_PROXY");
	setenv("https_proxy", "socks5://a:1", 1);
	assert_int_equal(proxy_from_environment("vpn.example", &p), -EINVAL);
}

/* As curl does: case, dots at both ends, A-labels; addresses and networks by their bits. */
static void no_proxy_is_compared_as_curl_does(void **state)
{
	static const struct {
		const char *list, *host;
		bool needs_none;
	} cases[] = {
		{"VPN.Example", "vpn.example", true},
		{"example", "VPN.EXAMPLE", true},
		{"example.", "vpn.example", true},
		{".example.", "vpn.example.", true},
		{"..example", "vpn.example", true},
		{"vpn.example", "example", false},
		{"pn.example", "vpn.example", false},
		{"m\303\274ller.example", "xn--mller-kva.example", true},
		{"xn--mller-kva.example", "m\303\274ller.example", true},
		{"M\303\234LLER.example", "www.xn--mller-kva.example", true},
		{"192.0.2.1", "192.0.2.1", true},
		{"2.1", "192.0.2.1", false},
		{"0.2.1", "192.0.2.1", false},
		{"192.0.2.0/24", "192.0.2.1", true},
		{"192.0.2.77/24", "192.0.2.1", true},
		{"192.0.2.0/25", "192.0.2.129", false},
		{"0.0.0.0/0", "192.0.2.1", true},
		{"192.0.2.0/33", "192.0.2.1", false},
		{"192.0.2.0/", "192.0.2.0", false},
		{"192.0.2.0/-1", "192.0.2.0", false},
		{"192.0.2.0/24x", "192.0.2.1", false},
		{"2001:db8::/32", "2001:DB8::5", true},
		{"[2001:db8::5]", "2001:db8::5", true},
		{"2001:db8::5", "2001:db8:0::5", true},
		{"2001:db8::/32", "192.0.2.1", false},
		{"192.0.2.0/24", "vpn.example", false},
		{"*.example", "vpn.example", false},
		{"a,*", "vpn.example", true},
		{" \t,, vpn.example", "vpn.example", true},
		{"[", "192.0.2.1", false},
		{"/8", "10.0.0.1", false},
		{".", "vpn.example", false},
		{"", "vpn.example", false},
	};
	struct proxy p;

	(void)state;
	setenv("https_proxy", "http://a:1", 1);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		setenv("no_proxy", cases[i].list, 1);
		if ((proxy_from_environment(cases[i].host, &p) == 0) != cases[i].needs_none)
			fail_msg("no_proxy=%s host=%s", cases[i].list, cases[i].host);
	}
}

/* ---- the conversation ---- */

#define NOW_MS 5000

static struct proxy_connect *begin(struct proxy *p)
{
	struct proxy_connect *c = NULL;

	assert_int_equal(proxy_connect_new(p, "vpn.example", 443, &c), 0);
	proxy_connect_start(c, NOW_MS);
	return c;
}

/* What it sends now, as a string; it is gone then. */
static const char *request(struct proxy_connect *c)
{
	static char text[4096];
	struct buf *out = proxy_connect_output(c);
	size_t n = buf_len(out);

	assert_true(n < sizeof(text));
	memcpy(text, buf_data(out), n);
	text[n] = '\0';
	buf_consume(out, n);
	return text;
}

/* Octet by octet; returns how many it took. */
static size_t answer(struct proxy_connect *c, const char *text)
{
	size_t used, sum = 0;

	for (const char *p = text; *p; p++, sum += used) {
		proxy_connect_recv(c, p, 1, &used);
		if (!used)
			break;
	}
	return sum;
}

static enum proxy_connect_event event(struct proxy_connect *c)
{
	enum proxy_connect_event ev;

	assert_true(proxy_connect_next_event(c, &ev));
	return ev;
}

static void an_open_way_leaves_what_follows_the_head(void **state)
{
	static const char head[] = "HTTP/1.1 200 Connection established\r\n\r\n";
	struct proxy p = {.host = "proxy", .port = 8080};
	struct proxy_connect *c = begin(&p);
	enum proxy_connect_event ev;
	size_t used;

	(void)state;
	assert_non_null(strstr(request(c), "CONNECT vpn.example:443 HTTP/1.1\r\n"));
	assert_false(proxy_connect_next_event(c, &ev));
	assert_int_equal(answer(c, head), strlen(head));
	proxy_connect_recv(c, "\x16\x03", 2, &used);
	assert_int_equal(used, 0);
	assert_int_equal(event(c), PROXY_CONNECT_OPEN);
	assert_int_equal(proxy_connect_outcome(c)->event, EV_NONE);
	assert_int_equal(proxy_connect_outcome(c)->first_status, 200);
	proxy_connect_free(c);
}

static void a_login_is_sent_on_a_second_connection(void **state)
{
	static const char *const asks[][2] = {
		{"Proxy-Authenticate: Basic realm=\"x\"\r\n", "Basic"},
		{"Proxy-Authenticate: Basic realm=\"x\"\r\nProxy-Authenticate: Digest realm=\"x\", "
		 "nonce=\"n\", qop=\"auth\", algorithm=SHA-256\r\n",
			"Digest"},
	};
	struct proxy p = {.host = "proxy", .port = 8080, .user = "carol", .password = "secret"};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct proxy_connect *c = begin(&p);
		char text[600], wanted[60];

		assert_null(strstr(request(c), "Proxy-Authorization"));
		snprintf(text, sizeof(text), "HTTP/1.1 407 Login\r\n%sContent-Length: 0\r\n\r\n",
			asks[i][0]);
		answer(c, text);
		assert_int_equal(event(c), PROXY_CONNECT_DIAL);
		proxy_connect_start(c, NOW_MS);
		snprintf(wanted, sizeof(wanted), "\r\nProxy-Authorization: %s ", asks[i][1]);
		assert_non_null(strstr(request(c), wanted));
		answer(c, "HTTP/1.1 200 OK\r\n\r\n");
		assert_int_equal(event(c), PROXY_CONNECT_OPEN);
		assert_string_equal(proxy_connect_outcome(c)->scheme, asks[i][1]);
		assert_int_equal(proxy_connect_outcome(c)->first_status, 407);
		proxy_connect_free(c);
	}
}

/* A third round would only lock the account. */
static void a_refused_login_is_not_tried_again(void **state)
{
	static const char refusal[] = "HTTP/1.1 407 Login\r\nProxy-Authenticate: Basic "
				      "realm=\"x\"\r\nContent-Length: 0\r\n\r\n";
	struct proxy p = {.host = "proxy", .port = 8080, .user = "carol", .password = "wrong"};
	struct proxy_connect *c = begin(&p);

	(void)state;
	answer(c, refusal);
	assert_int_equal(event(c), PROXY_CONNECT_DIAL);
	proxy_connect_start(c, NOW_MS);
	answer(c, refusal);
	assert_int_equal(event(c), PROXY_CONNECT_FAILED);
	assert_int_not_equal(proxy_connect_outcome(c)->event, EV_NONE);
	proxy_connect_free(c);
}

static void without_a_user_or_a_spoken_scheme_there_is_no_second_round(void **state)
{
	struct proxy none = {.host = "proxy", .port = 8080};
	struct proxy carol = {.host = "proxy", .port = 8080, .user = "carol", .password = "x"};
	struct proxy_connect *c = begin(&none);

	(void)state;
	answer(c, "HTTP/1.1 407 Login\r\nProxy-Authenticate: Basic realm=\"x\"\r\n\r\n");
	assert_int_equal(event(c), PROXY_CONNECT_FAILED);
	assert_int_equal(proxy_connect_outcome(c)->event, EV_PROXY_AUTH_NEEDED);
	proxy_connect_free(c);
	c = begin(&carol);
	answer(c, "HTTP/1.1 407 Login\r\nProxy-Authenticate: Negotiate\r\n\r\n");
	assert_int_equal(event(c), PROXY_CONNECT_FAILED);
	assert_int_equal(proxy_connect_outcome(c)->event, EV_PROXY_AUTH_SCHEME);
	proxy_connect_free(c);
}

static void silence_a_close_and_a_failed_connection_end_it(void **state)
{
	struct proxy p = {.host = "proxy", .port = 8080};
	struct proxy_connect *c = begin(&p);
	enum proxy_connect_event ev;

	(void)state;
	proxy_connect_tick(c, proxy_connect_deadline(c) - 1);
	assert_false(proxy_connect_next_event(c, &ev));
	proxy_connect_tick(c, proxy_connect_deadline(c));
	assert_int_equal(event(c), PROXY_CONNECT_FAILED);
	assert_int_equal(proxy_connect_outcome(c)->event, EV_PROXY_NO_RESPONSE);
	proxy_connect_free(c);
	c = begin(&p);
	proxy_connect_eof(c);
	assert_int_equal(event(c), PROXY_CONNECT_FAILED);
	proxy_connect_free(c);
	c = begin(&p);
	proxy_connect_fail(c, EV_PROXY_UNREACHABLE, "no route");
	assert_int_equal(event(c), PROXY_CONNECT_FAILED);
	assert_string_equal(proxy_connect_outcome(c)->text, "no route");
	proxy_connect_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_url_is_taken_apart),
		cmocka_unit_test(what_is_no_http_proxy_is_refused),
		cmocka_unit_test_setup_teardown(the_environment_names_a_proxy_and_who_needs_none,
			no_environment, no_environment),
		cmocka_unit_test_setup_teardown(
			no_proxy_is_compared_as_curl_does, no_environment, no_environment),
		cmocka_unit_test(an_open_way_leaves_what_follows_the_head),
		cmocka_unit_test(a_login_is_sent_on_a_second_connection),
		cmocka_unit_test(a_refused_login_is_not_tried_again),
		cmocka_unit_test(without_a_user_or_a_spoken_scheme_there_is_no_second_round),
		cmocka_unit_test(silence_a_close_and_a_failed_connection_end_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
