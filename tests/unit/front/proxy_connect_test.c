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
	assert_false(p.tls);
	assert_int_equal(proxy_parse("HTTPS://proxy.example", &p), 0);
	assert_int_equal(p.port, 443);
	assert_true(p.tls);
}

static void what_is_no_http_proxy_is_refused(void **state)
{
	static const char *const bad[] = {"", "http://", "socks5://a:1", "https://", "http://a:0",
		"http://a:70000", "http://a:x", "http://[::1", "http://u%4@a:1", "http://u%00@a:1",
		"http://u%zz@a"};
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

	assert_int_equal(proxy_connect_new(p, "vpn.example", 443, 1700000000, &c), 0);
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
	answer(c, "HTTP/1.1 407 Login\r\nProxy-Authenticate: Bearer\r\n\r\n");
	assert_int_equal(event(c), PROXY_CONNECT_FAILED);
	assert_int_equal(proxy_connect_outcome(c)->event, EV_PROXY_AUTH_SCHEME);
	proxy_connect_free(c);
}

/* ---- logins of a connection: NTLM, Negotiate ---- */

#define OFFERS(schemes) "HTTP/1.1 407 Login\r\n" schemes "Content-Length: 0\r\n\r\n"
#define WANTS(scheme) "Proxy-Authenticate: " scheme "\r\n"
/* [MS-NLMP] 2.2.1.2 with Unicode, without pairs */
#define CHALLENGE "TlRMTVNTUAACAAAAAAAAACgAAAABAgAAASNFZ4mrze8AAAAAAAAAAA=="

/* Up to the answer with the challenge, which is one body behind its head. */
static struct proxy_connect *begin_ntlm(struct proxy *p, const char *schemes)
{
	struct proxy_connect *c = begin(p);
	char text[300];

	snprintf(text, sizeof(text), "HTTP/1.1 407 Login\r\n%s\r\n", schemes);
	answer(c, text);
	assert_int_equal(event(c), PROXY_CONNECT_DIAL);
	proxy_connect_start(c, NOW_MS);
	assert_non_null(strstr(request(c), "Proxy-Authorization: NTLM TlRMTVNTUAABAAAA"));
	return c;
}

/* The body of the challenge is read, in any form, and the answer goes out on the same connection. */
static void ntlm_logs_in_the_connection_that_was_challenged(void **state)
{
	static const char *const bodies[] = {"Content-Length: 5\r\n\r\nhello",
		"Transfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n0\r\nT: 1\r\n\r\n",
		"Content-Length: 0\r\n\r\n"};
	struct proxy p = {.host = "proxy", .port = 8080, .user = "carol", .password = "secret"};
	enum proxy_connect_event ev;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bodies); i++) {
		struct proxy_connect *c =
			begin_ntlm(&p, WANTS("Negotiate") WANTS("NTLM") WANTS("Basic"));
		char text[400];

		snprintf(text, sizeof(text), "HTTP/1.1 407 Login\r\n%s%s", WANTS("NTLM " CHALLENGE),
			bodies[i]);
		assert_int_equal(answer(c, text), strlen(text));
		assert_false(proxy_connect_next_event(c, &ev));
		assert_non_null(strstr(request(c), "Proxy-Authorization: NTLM TlRMTVNTUAADAAAA"));
		answer(c, "HTTP/1.1 200 OK\r\n\r\n");
		assert_int_equal(event(c), PROXY_CONNECT_OPEN);
		assert_string_equal(proxy_connect_outcome(c)->scheme, "NTLM");
		assert_string_equal(
			proxy_connect_outcome(c)->answer.authenticate, "Negotiate, NTLM, Basic");
		assert_true(proxy_connect_outcome(c)->answer.negotiate);
		proxy_connect_free(c);
	}
}

/* Digest before NTLM before Basic, whatever the order in which they are offered. */
static void the_strongest_password_login_is_taken(void **state)
{
	struct proxy p = {.host = "proxy", .port = 8080, .user = "carol", .password = "secret"};
	struct proxy_connect *c = begin(&p);

	(void)state;
	answer(c, OFFERS(WANTS("Basic realm=x") WANTS("NTLM")
				  WANTS("Digest realm=\"x\", nonce=\"n\", qop=\"auth\"")));
	assert_int_equal(event(c), PROXY_CONNECT_DIAL);
	assert_string_equal(proxy_connect_outcome(c)->scheme, "Digest");
	proxy_connect_free(c);
}

static void what_breaks_the_login_of_a_connection_is_named(void **state)
{
	static const char *const answers[] = {
		"HTTP/1.1 407 x\r\nConnection: close\r\n" WANTS("NTLM " CHALLENGE) "\r\n",
		"HTTP/1.0 407 x\r\nContent-Length: 0\r\n" WANTS("NTLM " CHALLENGE) "\r\n",
		"HTTP/1.1 407 x\r\n" WANTS("NTLM " CHALLENGE) "\r\n", /* until the end */
		OFFERS(WANTS("NTLM AAAA")),
		"HTTP/1.1 407 x\r\nTransfer-Encoding: chunked\r\n" WANTS(
			"NTLM " CHALLENGE) "\r\nffffffffff\r\n",
		"HTTP/1.1 407 x\r\nContent-Length: 1, 2\r\n" WANTS("NTLM " CHALLENGE) "\r\n",
	};
	struct proxy p = {.host = "proxy", .port = 8080, .user = "carol", .password = "secret"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(answers); i++) {
		struct proxy_connect *c = begin_ntlm(&p, WANTS("NTLM"));

		answer(c, answers[i]);
		if (event(c) != PROXY_CONNECT_FAILED ||
			proxy_connect_outcome(c)->event != EV_PROXY_LOGIN_BROKEN)
			fail_msg("row %zu: %d", i, proxy_connect_outcome(c)->event);
		proxy_connect_free(c);
	}
}

/* Two pages of a quarter of a mebibyte: the second octet too many ends it. */
static void a_body_without_end_is_not_read_for_ever(void **state)
{
	struct proxy p = {.host = "proxy", .port = 8080, .user = "carol", .password = "secret"};
	struct proxy_connect *c = begin_ntlm(&p, WANTS("NTLM"));
	char page[4096];
	size_t used, sum = 0;
	enum proxy_connect_event ev;

	(void)state;
	memset(page, 'x', sizeof(page));
	answer(c, "HTTP/1.1 407 x\r\nContent-Length: 99999999999\r\n" WANTS(
			  "NTLM " CHALLENGE) "\r\n");
	do {
		proxy_connect_recv(c, page, sizeof(page), &used);
		sum += used;
	} while (used && sum < 1u << 20);
	assert_true(sum < 300u << 10);
	assert_true(proxy_connect_next_event(c, &ev));
	assert_int_equal(proxy_connect_outcome(c)->event, EV_PROXY_LOGIN_BROKEN);
	proxy_connect_free(c);
}

/* It says NTLM and does not do it; a hello has no password, so Basic is still to be tried. */
static void a_hello_without_a_challenge_is_followed_by_basic(void **state)
{
	struct proxy p = {.host = "proxy", .port = 8080, .user = "carol", .password = "secret"};
	struct proxy_connect *c = begin_ntlm(&p, WANTS("NTLM,BASIC realm=\"abcde\""));

	(void)state;
	answer(c, OFFERS(WANTS("NTLM,BASIC realm=\"abcde\"")));
	assert_int_equal(event(c), PROXY_CONNECT_DIAL);
	proxy_connect_start(c, NOW_MS);
	assert_non_null(strstr(request(c), "Proxy-Authorization: Basic "));
	answer(c, OFFERS(WANTS("NTLM") WANTS("Basic realm=x")));
	assert_int_equal(event(c), PROXY_CONNECT_FAILED); /* the password goes out once */
	assert_int_equal(proxy_connect_outcome(c)->event, EV_PROXY_AUTH_REFUSED);
	proxy_connect_free(c);
}

static void a_refused_ntlm_is_not_followed_by_basic(void **state)
{
	struct proxy p = {.host = "proxy", .port = 8080, .user = "carol", .password = "secret"};
	struct proxy_connect *c = begin_ntlm(&p, WANTS("NTLM") WANTS("Basic realm=x"));

	(void)state;
	answer(c, OFFERS(WANTS("NTLM " CHALLENGE)));
	request(c);
	answer(c, OFFERS(WANTS("NTLM") WANTS("Basic realm=x")));
	assert_int_equal(event(c), PROXY_CONNECT_FAILED);
	assert_int_equal(proxy_connect_outcome(c)->event, EV_PROXY_AUTH_REFUSED);
	proxy_connect_free(c);
}

/* Without a user: a ticket, on a new connection, then on the same one for what the proxy asks back. */
static void negotiate_sends_the_tickets_that_it_is_given(void **state)
{
	struct proxy p = {.host = "proxy", .port = 8080};
	struct proxy_connect *c = begin(&p);
	struct rd challenge;

	(void)state;
	answer(c, OFFERS(WANTS("Negotiate") WANTS("NTLM")));
	assert_int_equal(event(c), PROXY_CONNECT_TOKEN);
	challenge = proxy_connect_challenge(c);
	assert_int_equal(rd_left(&challenge), 0);
	proxy_connect_token(c, "ticket", 6);
	assert_int_equal(event(c), PROXY_CONNECT_DIAL);
	proxy_connect_start(c, NOW_MS);
	assert_non_null(strstr(request(c), "Proxy-Authorization: Negotiate dGlja2V0\r\n"));
	answer(c, OFFERS(WANTS("Negotiate bW9yZQ==")));
	assert_int_equal(event(c), PROXY_CONNECT_TOKEN);
	challenge = proxy_connect_challenge(c);
	assert_int_equal(rd_left(&challenge), 4);
	assert_memory_equal(challenge.p, "more", 4);
	proxy_connect_token(c, "again", 5);
	assert_non_null(strstr(request(c), "Proxy-Authorization: Negotiate YWdhaW4=\r\n"));
	answer(c, "HTTP/1.1 200 OK\r\n\r\n");
	assert_int_equal(event(c), PROXY_CONNECT_OPEN);
	assert_string_equal(proxy_connect_outcome(c)->scheme, "Negotiate");
	proxy_connect_free(c);
}

static void a_proxy_cannot_ask_for_tickets_for_ever(void **state)
{
	struct proxy p = {.host = "proxy", .port = 8080};
	struct proxy_connect *c = begin(&p);
	enum proxy_connect_event ev = PROXY_CONNECT_OPEN;
	unsigned n = 0;

	(void)state;
	answer(c, OFFERS(WANTS("Negotiate")));
	while (n < 50 && proxy_connect_next_event(c, &ev) && ev != PROXY_CONNECT_FAILED) {
		if (ev == PROXY_CONNECT_DIAL)
			proxy_connect_start(c, NOW_MS);
		else
			proxy_connect_token(c, "x", 1);
		if (proxy_connect_next_event(c, &ev) && ev == PROXY_CONNECT_DIAL)
			proxy_connect_start(c, NOW_MS);
		n++;
		answer(c, OFFERS(WANTS("Negotiate bW9yZQ==")));
	}
	assert_int_equal(ev, PROXY_CONNECT_FAILED);
	assert_true(n < 10);
	assert_int_equal(proxy_connect_outcome(c)->event, EV_PROXY_LOGIN_BROKEN);
	proxy_connect_free(c);
}

static void without_a_ticket_it_says_what_would_do(void **state)
{
	static const struct {
		const char *offers, *user;
		enum event event;
	} rows[] = {{OFFERS(WANTS("Negotiate")), "", EV_PROXY_NO_TICKET},
		{OFFERS(WANTS("Negotiate")), "carol", EV_PROXY_NO_TICKET},
		{OFFERS(WANTS("Negotiate") WANTS("NTLM")), "", EV_PROXY_AUTH_NEEDED},
		{OFFERS(WANTS("Negotiate") WANTS("Basic")), "", EV_PROXY_AUTH_NEEDED}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct proxy p = {.host = "proxy", .port = 8080, .password = "secret"};
		struct proxy_connect *c;

		strcpy(p.user, rows[i].user);
		c = begin(&p);
		answer(c, rows[i].offers);
		assert_int_equal(event(c), PROXY_CONNECT_TOKEN);
		proxy_connect_no_token(c, "no credentials\n");
		assert_int_equal(event(c), PROXY_CONNECT_FAILED);
		assert_int_equal(proxy_connect_outcome(c)->event, rows[i].event);
		assert_non_null(
			strstr(proxy_connect_outcome(c)->text, "no ticket: no credentials\\x0a"));
		proxy_connect_free(c);
	}
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
		cmocka_unit_test(ntlm_logs_in_the_connection_that_was_challenged),
		cmocka_unit_test(the_strongest_password_login_is_taken),
		cmocka_unit_test(what_breaks_the_login_of_a_connection_is_named),
		cmocka_unit_test(a_body_without_end_is_not_read_for_ever),
		cmocka_unit_test(a_hello_without_a_challenge_is_followed_by_basic),
		cmocka_unit_test(a_refused_ntlm_is_not_followed_by_basic),
		cmocka_unit_test(negotiate_sends_the_tickets_that_it_is_given),
		cmocka_unit_test(a_proxy_cannot_ask_for_tickets_for_ever),
		cmocka_unit_test(without_a_ticket_it_says_what_would_do),
		cmocka_unit_test(silence_a_close_and_a_failed_connection_end_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
