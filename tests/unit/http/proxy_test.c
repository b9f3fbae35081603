// SPDX-License-Identifier: Apache-2.0
/* CONNECT: the request's octets, and what each answer of a proxy means. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "http/proxy.h"

static const struct http_proxy_opts plain = {.host = "vpn.example", .port = 443};
static const struct http_proxy_opts with_login = {
	.host = "vpn.example", .port = 443, .user = "Aladdin", .password = "open sesame"};
static struct http_proxy *p;

static int done(void **state)
{
	http_proxy_free(p);
	p = NULL;
	return 0;
}

static void start(const struct http_proxy_opts *opts)
{
	done(NULL);
	assert_int_equal(http_proxy_new(&p), 0);
	assert_int_equal(http_proxy_start(p, opts, 0), 0);
}

static const char *request_of(const struct http_proxy_opts *opts)
{
	static char text[1024];
	struct buf *out;

	start(opts);
	out = http_proxy_output(p);
	memcpy(text, buf_data(out), buf_len(out));
	text[buf_len(out)] = 0;
	return text;
}

static struct http_client_event tell(const struct http_proxy_opts *opts, const char *text)
{
	struct http_client_event ev;
	size_t used;

	start(opts);
	http_proxy_recv(p, text, strlen(text), &used);
	assert_true(http_proxy_next_event(p, &ev));
	return ev;
}

static void the_request_is_marked_as_sstp(void **state)
{
	assert_string_equal(request_of(&plain),
		"CONNECT vpn.example:443 HTTP/1.1\r\nHost: vpn.example:443\r\nSSTPVERSION: 1.0\r\n\r\n");
	assert_string_equal(
		request_of(&(struct http_proxy_opts){.host = "2001:db8::1", .port = 8443}),
		"CONNECT [2001:db8::1]:8443 HTTP/1.1\r\nHost: [2001:db8::1]:8443\r\n"
		"SSTPVERSION: 1.0\r\n\r\n");
}

/* The example of RFC 7617 section 2. */
static void credentials_are_sent_as_basic(void **state)
{
	assert_non_null(strstr(request_of(&with_login),
		"\r\nProxy-Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n\r\n"));
}

static void what_cannot_be_sent_is_refused(void **state)
{
	struct http_proxy_opts bad[] = {plain, plain, plain};

	bad[0].user = "a:b";
	bad[1].host = "a b";
	bad[2].port = 0;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		http_proxy_new(&p);
		assert_int_equal(http_proxy_start(p, &bad[i], 0), -EINVAL);
		done(state);
	}
}

static void an_open_way_leaves_the_next_octet_to_tls(void **state)
{
	static const char text[] = "HTTP/1.0 200 Connection established\r\n\r\n\x16\x03";
	struct http_client_event ev;
	size_t used;

	start(&plain);
	http_proxy_recv(p, text, sizeof(text) - 1, &used);
	assert_int_equal(used, sizeof(text) - 3);
	assert_true(http_proxy_next_event(p, &ev));
	assert_int_equal(ev.type, HTTP_CLIENT_OPEN);
}

static void each_answer_of_a_proxy_has_its_meaning(void **state)
{
	static const struct {
		const struct http_proxy_opts *opts;
		const char *text;
		enum event reason;
	} rows[] = {
		{&plain, "HTTP/1.1 407 x\r\nProxy-Authenticate: Basic realm=\"a\"\r\n\r\n",
			EV_PROXY_AUTH_NEEDED},
		{&with_login, "HTTP/1.1 407 x\r\nProxy-Authenticate: basic\r\n\r\n",
			EV_PROXY_AUTH_REFUSED},
		{&with_login,
			"HTTP/1.1 407 x\r\nProxy-Authenticate: Negotiate\r\n"
			"Proxy-Authenticate: NTLM\r\n\r\n",
			EV_PROXY_AUTH_REFUSED},
		{&with_login, "HTTP/1.1 407 x\r\nProxy-Authenticate: Bearer\r\n\r\n",
			EV_PROXY_AUTH_SCHEME},
		{&plain,
			"HTTP/1.1 407 x\r\nProxy-Authenticate: Negotiate\r\n"
			"Proxy-Authenticate: Basic realm=\"a\"\r\n\r\n",
			EV_PROXY_AUTH_NEEDED},
		{&plain, "HTTP/1.1 403 Forbidden\r\n\r\n", EV_PROXY_FORBIDS},
		{&plain, "HTTP/1.1 405 No\r\n\r\n", EV_PROXY_FORBIDS},
		{&plain, "HTTP/1.1 502 Bad Gateway\r\n\r\n", EV_PROXY_NO_WAY},
		{&plain, "HTTP/1.1 503 x\r\n\r\n", EV_PROXY_NO_WAY},
		{&plain, "HTTP/1.1 504 x\r\n\r\n", EV_PROXY_NO_WAY},
		{&plain, "HTTP/1.1 302 x\r\n\r\n", EV_PROXY_STATUS},
		{&plain, "HTTP/2 200\r\n\r\n", EV_PROXY_NOT_HTTP},
		{&plain, "\x05\xff", EV_PROXY_NOT_HTTP},
		{&plain, "HTTP/1.1 200 OK\n", EV_PROXY_NOT_HTTP},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct http_client_event ev = tell(rows[i].opts, rows[i].text);

		assert_int_equal(ev.type, HTTP_CLIENT_FAILED);
		if (ev.reason != rows[i].reason)
			fail_msg("row %zu: %d", i, ev.reason);
		assert_true(*ev.text);
	}
	assert_string_equal(tell(rows[2].opts, rows[2].text).text, "it wants: Negotiate, NTLM");
}

#define P407 "HTTP/1.1 407 x\r\n"
#define PA "Proxy-Authenticate: "

/* RFC 9110 11.6.1: schemes in one line, in several, folded, with commas in strings, in any order. */
static void all_schemes_of_all_lines_are_heard(void **state)
{
	static const struct {
		const char *text;
		enum event reason;
		bool basic;
		const char *digest;
	} rows[] = {
		{P407 PA "NEGOTIATE,NTLM,BASIC realm=\"abcde\"\r\nConnection: close\r\n\r\n",
			EV_PROXY_AUTH_NEEDED, true, ""},
		{P407 PA "Negotiate\r\n" PA "NTLM\r\npROXY-aUTHENTICATE: bAsIc realm=x\r\n\r\n",
			EV_PROXY_AUTH_NEEDED, true, ""},
		{P407 PA "NTLM,\r\n\tBasic\r\n  realm=\"a\"\r\n\r\n", EV_PROXY_AUTH_NEEDED, true,
			""},
		{P407 PA "Negotiate, NTLM\r\n\r\n", EV_PROXY_AUTH_NEEDED, false, ""},
		{P407 PA "NTLM realm=\"Basic realm=x\"\r\n\r\n", EV_PROXY_AUTH_NEEDED, false, ""},
		{P407 PA "NTLM TlRMTVNTUAAC==, Basic\r\n\r\n", EV_PROXY_AUTH_NEEDED, true, ""},
		{P407 PA "Basicx realm=x\r\n\r\n", EV_PROXY_AUTH_SCHEME, false, ""},
		{P407 PA "Basic realm=\"b\", Digest realm=\"a, b\", nonce=\"n\", NTLM\r\n\r\n",
			EV_PROXY_AUTH_NEEDED, true, "Digest realm=\"a, b\", nonce=\"n\""},
		{P407 PA "Digest realm=r,\r\n nonce=n\r\n\r\n", EV_PROXY_AUTH_NEEDED, false,
			"Digest realm=r,   nonce=n"},
		/* the first that is spoken, not the first */
		{P407 PA "Digest realm=r, nonce=n, algorithm=SHA-512-256\r\n" PA
			 "Digest realm=r, nonce=m, algorithm=MD5\r\n\r\n",
			EV_PROXY_AUTH_NEEDED, false, "Digest realm=r, nonce=m, algorithm=MD5"},
		{P407 PA "Digest realm=r, nonce=n, qop=\"auth-int\", Basic\r\n\r\n",
			EV_PROXY_AUTH_NEEDED, true, ""},
		{P407 PA "Digest realm=r, nonce=n, algorithm=SHA-512-256\r\n\r\n",
			EV_PROXY_AUTH_SCHEME, false, ""},
		{P407 "\r\n", EV_PROXY_AUTH_SCHEME, false, ""},
		{P407 PA "\r\n\r\n", EV_PROXY_AUTH_SCHEME, false, ""},
		{"HTTP/1.1 100 Continue\r\n\r\n" P407 PA "Basic\r\n\r\n", EV_PROXY_AUTH_NEEDED,
			true, ""},
		{"HTTP/1.0 407 x\r\nContent-Length: 5\r\nContent-Length: 7\r\n" PA
		 "Basic\r\n\r\nhello",
			EV_PROXY_AUTH_NEEDED, true, ""},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct http_client_event ev = tell(&plain, rows[i].text);

		if (ev.reason != rows[i].reason || ev.answer.basic != rows[i].basic)
			fail_msg("row %zu: %d, basic %d", i, ev.reason, ev.answer.basic);
		assert_string_equal(ev.answer.digest, rows[i].digest);
	}
}

static void interim_answers_of_a_proxy_are_passed_over_and_101_is_not(void **state)
{
	/* RFC 9110 9.3.6: of a 2xx to CONNECT a client ignores lengths and transfer codings */
	static const char text[] =
		"HTTP/1.1 103 x\r\nLink: y\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: "
		"chunked\r\nContent-Length: 7\r\n\r\n\x16\x03";
	struct http_client_event ev;
	size_t used;

	start(&plain);
	http_proxy_recv(p, text, sizeof(text) - 1, &used);
	assert_int_equal(used, sizeof(text) - 3);
	assert_true(http_proxy_next_event(p, &ev));
	assert_int_equal(ev.type, HTTP_CLIENT_OPEN);
	assert_int_equal(tell(&plain, "HTTP/1.1 101 x\r\n\r\nHTTP/1.1 200 OK\r\n\r\n").reason,
		EV_PROXY_STATUS);
}

static void silence_and_a_close_are_told(void **state)
{
	struct http_client_event ev;

	start(&plain);
	http_proxy_tick(p, http_proxy_deadline(p) - 1);
	assert_false(http_proxy_next_event(p, &ev));
	http_proxy_tick(p, http_proxy_deadline(p));
	assert_true(http_proxy_next_event(p, &ev));
	assert_int_equal(ev.reason, EV_PROXY_NO_RESPONSE);
	start(&plain);
	http_proxy_eof(p);
	assert_true(http_proxy_next_event(p, &ev));
	assert_int_equal(ev.reason, EV_PROXY_NO_RESPONSE);
}

#define T(name) cmocka_unit_test_teardown(name, done)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(the_request_is_marked_as_sstp),
		T(credentials_are_sent_as_basic),
		T(what_cannot_be_sent_is_refused),
		T(an_open_way_leaves_the_next_octet_to_tls),
		T(each_answer_of_a_proxy_has_its_meaning),
		T(all_schemes_of_all_lines_are_heard),
		T(interim_answers_of_a_proxy_are_passed_over_and_101_is_not),
		T(silence_and_a_close_are_told),
	};

	return cmocka_run_group_tests_name("http/proxy", tests, NULL, NULL);
}
