// SPDX-License-Identifier: Apache-2.0
/* Requests to an HTTP proxy as curl and browsers write them, and as an attacker would. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "socks/web_request.h"

static int parse(const char *text, struct web_request *ret)
{
	return web_request_parse(text, strlen(text), ret);
}

static void good_requests_are_read(void **state)
{
	static const struct {
		const char *text, *host;
		uint16_t port;
		bool connect;
	} rows[] = {
		{"CONNECT a.example:443 HTTP/1.1\r\nHost: x\r\n\r\n", "a.example", 443, true},
		{"CONNECT [fd00::1]:22 HTTP/1.0\n\n", "fd00::1", 22, true},
		{"GET http://a.example/ HTTP/1.1\r\n\r\n", "a.example", 80, false},
		{"GET http://a.example HTTP/1.1\r\n\r\n", "a.example", 80, false},
		{"POST HTTP://a.example:8080?q HTTP/1.1\r\n\r\n", "a.example", 8080, false},
		{"GET http://[::1]:81/x HTTP/1.1\r\n\r\n", "::1", 81, false},
		{"GET http://a/x:y@z HTTP/1.1\r\n\r\n", "a", 80, false},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct web_request r;

		assert_int_equal(parse(rows[i].text, &r), 0);
		assert_string_equal(r.to.host, rows[i].host);
		assert_int_equal(r.to.port, rows[i].port);
		assert_int_equal(r.connect, rows[i].connect);
		assert_int_equal(r.head_len, strlen(rows[i].text));
		for (size_t n = 0; n < r.head_len; n++)
			assert_int_equal(web_request_parse(rows[i].text, n, &r), -EAGAIN);
	}
}

static void bad_requests_are_refused(void **state)
{
	static const char *const rows[] = {
		"\n\n",
		"GET / HTTP/1.1\r\n\r\n",
		"GET https://a/ HTTP/1.1\r\n\r\n",
		"CONNECT a HTTP/1.1\r\n\r\n",
		"CONNECT a:0 HTTP/1.1\r\n\r\n",
		"CONNECT a:65536 HTTP/1.1\r\n\r\n",
		"CONNECT a:1x HTTP/1.1\r\n\r\n",
		"CONNECT :1 HTTP/1.1\r\n\r\n",
		"CONNECT [::1 HTTP/1.1\r\n\r\n",
		"CONNECT [::1]1 HTTP/1.1\r\n\r\n",
		"CONNECT user@a:1 HTTP/1.1\r\n\r\n",
		"CONNECT a:1\r\n\r\n",
		"CONNECT a:1 HTTP/2\r\n\r\n",
		"connect a:1 HTTP/1.1\r\n\r\n",
		"GET http:///x HTTP/1.1\r\n\r\n",
		"GET http://u:p@a/x HTTP/1.1\r\n\r\n",
		"GET http://a/\x01 HTTP/1.1\r\n\r\n",
		"GET http://a/\x1b[2J HTTP/1.1\r\n\r\n",
		"GET http://a/\r HTTP/1.1\r\n\r\n",
		"GET http://a/ HTTP/1.1\r\nA: b\rX: y\r\n\r\n",
		"GET http://a/ HTTP/1.1\r\nA: b\x7f\r\n\r\n",
	};
	struct web_request r;
	char *long_one = calloc(1, WEB_REQUEST_HEAD_MAX);

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(parse(rows[i], &r), -EPROTO);
	assert_int_equal(web_request_parse("CONNECT a\0:1 HTTP/1.1\n\n", 23, &r), -EPROTO);
	memset(long_one, 'A', WEB_REQUEST_HEAD_MAX);
	assert_int_equal(web_request_parse(long_one, WEB_REQUEST_HEAD_MAX - 1, &r), -EAGAIN);
	assert_int_equal(web_request_parse(long_one, WEB_REQUEST_HEAD_MAX, &r), -EPROTO);
	free(long_one);
}

static void a_request_goes_on_in_origin_form_without_what_is_the_proxys(void **state)
{
	static const struct {
		const char *head, *want;
	} rows[] = {
		{"GET http://a.example/x?y HTTP/1.0\r\nHost: a.example\r\nProxy-Connection: keep-alive\r\n"
		 "PROXY-AUTHORIZATION: Basic x\r\n  folded\r\nAccept: */*\r\n b\r\nConnection: x\r\n\r\n",
			"GET /x?y HTTP/1.1\r\nHost: a.example\r\nAccept: */*\r\n b\r\n"
			"Connection: close\r\n\r\n"},
		{"POST http://a HTTP/1.1\nA: b\n\nbody",
			"POST / HTTP/1.1\r\nA: b\nConnection: close\r\n\r\n"},
		/* what Connection names goes, but not what says where the request ends */
		{"POST http://a/ HTTP/1.1\r\nConnection: X-One , x-two\r\nProxy-Connection:close,\r\n"
		 "\tX-Three\r\nx-ONE: 1\r\nX-Two:2\r\nX-Three : 3\r\nX-Four: 4\r\nKEEP-ALIVE : 5\r\n"
		 "Content-Length: 0\r\nConnection: content-length\r\n\r\n",
			"POST / HTTP/1.1\r\nX-Four: 4\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"},
		{"GET http://a/ HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nA\r\n\r\n",
			"GET / HTTP/1.1\r\nA\r\nConnection: close\r\n\r\n"},
		{"GET http://a?q HTTP/1.1\r\n\r\n",
			"GET /?q HTTP/1.1\r\nConnection: close\r\n\r\n"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char text[512];
		struct web_request r;
		size_t n;

		assert_int_equal(parse(rows[i].head, &r), 0);
		n = web_request_rewrite(rows[i].head, &r, text, sizeof(text));
		assert_int_equal(n, strlen(rows[i].want));
		assert_memory_equal(text, rows[i].want, n);
		for (size_t cap = 0; cap < n; cap++)
			assert_int_equal(web_request_rewrite(rows[i].head, &r, text, cap), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_requests_are_read),
		cmocka_unit_test(bad_requests_are_refused),
		cmocka_unit_test(a_request_goes_on_in_origin_form_without_what_is_the_proxys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
