// SPDX-License-Identifier: Apache-2.0
/* The server's half: what is a tunnel, what is a health check, and what each refusal looks like. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "http/server.h"

#define PATH "/sra_{BA195980-CD49-458b-9E23-C84EE0ADCD75}/"
#define SSTP "SSTP_DUPLEX_POST " PATH " HTTP/1.1\r\n"
#define REST "Content-Length: 18446744073709551615\r\nHost: vpn.example\r\n\r\n"
#define NOW 1163033469 /* 2006-11-09 00:51:09, as in [MS-SSTP] 4.1 */

static struct http_server *s;
static const struct http_request *q;

static int fresh(void **state)
{
	q = NULL;
	return http_server_new(NULL, &s);
}

static int done(void **state)
{
	http_server_free(s);
	return 0;
}

/* Feeds a text to a new server; the event must come. */
static const struct http_request *ask(const char *text)
{
	size_t used;

	done(NULL);
	fresh(NULL);
	http_server_recv(s, text, strlen(text), &used);
	if (!http_server_next_event(s, &q))
		fail_msg("no event for: %s", text);
	return q;
}

static const char *answer(unsigned status)
{
	static char text[1024];
	struct buf *out = http_server_output(s);

	assert_int_equal(http_server_respond(s, status, NOW), 0);
	assert_true(buf_len(out) < sizeof(text));
	memcpy(text, buf_data(out), buf_len(out));
	text[buf_len(out)] = 0;
	return text;
}

static void the_request_of_windows_is_a_tunnel(void **state)
{
	ask(SSTP "SSTPCORRELATIONID: {62DFA5C0-E2E0-FD50-D286-D8FBC2A0A3DC}\r\n" REST);
	assert_int_equal(q->wish, HTTP_WANTS_SSTP);
	assert_string_equal(q->method, "SSTP_DUPLEX_POST");
	assert_string_equal(q->target, PATH);
	assert_string_equal(q->host, "vpn.example");
	assert_string_equal(q->correlation, "{62DFA5C0-E2E0-FD50-D286-D8FBC2A0A3DC}");
	assert_string_equal(q->content_length, "18446744073709551615");
	assert_string_equal(answer(200),
		"HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551615\r\n"
		"Date: Thu, 09 Nov 2006 00:51:09 GMT\r\n\r\n");
	assert_int_equal(http_server_respond(s, 200, NOW), -EALREADY);
}

static void the_server_name_is_sent_when_it_is_set(void **state)
{
	size_t used;

	done(state);
	http_server_new(&(struct http_server_opts){.name = "Culvert"}, &s);
	http_server_recv(s, SSTP REST, strlen(SSTP REST), &used);
	assert_non_null(strstr(answer(200), "\r\nServer: Culvert\r\n"));
}

static void the_path_is_found_however_it_is_written(void **state)
{
	static const char *const same[] = {PATH, "/SRA_{ba195980-cd49-458B-9e23-c84ee0adcd75}/",
		"/sra_%7BBA195980-CD49-458b-9E23-C84EE0ADCD75%7D/",
		"/sra_%7bBA195980-CD49-458b-9E23-C84EE0ADCD75}/", PATH "?tenantid=example",
		PATH "?", "https://vpn.example" PATH,
		"https://vpn.example:443" PATH "?tenantid=a/b"};
	static const char *const other[] = {"/", "*", "/sra_{BA195980-CD49-458b-9E23-C84EE0ADCD75}",
		PATH "x", "/x" PATH, "/sra_{BA195980-CD49-458b-9E23-C84EE0ADCD76}/", "%7B",
		"/sra_%7", "/sra_%7C", "https://", "https://x", "https://x?" PATH, "//" PATH,
		"/%73ra_{BA195980"};
	char text[400];

	for (size_t i = 0; i < ARRAY_SIZE(same); i++) {
		snprintf(text, sizeof(text), "SSTP_DUPLEX_POST %s HTTP/1.1\r\n" REST, same[i]);
		if (ask(text)->wish != HTTP_WANTS_SSTP)
			fail_msg("%s", same[i]);
	}
	for (size_t i = 0; i < ARRAY_SIZE(other); i++) {
		snprintf(text, sizeof(text), "SSTP_DUPLEX_POST %s HTTP/1.1\r\n" REST, other[i]);
		if (ask(text)->reason != EV_HTTP_REQUEST_PATH)
			fail_msg("%s", other[i]);
	}
}

static void each_refusal_has_its_status(void **state)
{
	static const struct {
		const char *text;
		enum event reason;
		unsigned status;
	} rows[] = {
		{"GET / HTTP/1.1\r\nHost: x\r\n\r\n", EV_HTTP_REQUEST_PATH, 404},
		{"POST " PATH " HTTP/1.1\r\nHost: x\r\n\r\n", EV_HTTP_REQUEST_METHOD, 405},
		{"sstp_duplex_post " PATH " HTTP/1.1\r\nHost: x\r\n\r\n", EV_HTTP_REQUEST_METHOD,
			405},
		{"SSTP_DUPLEX_POST " PATH " HTTP/1.0\r\nHost: x\r\n\r\n", EV_HTTP_REQUEST_VERSION,
			505},
		{"SSTP_DUPLEX_POST " PATH " HTTP/2.0\r\nHost: x\r\n\r\n", EV_HTTP_REQUEST_VERSION,
			505},
		{"GET / HTTP/1.0\r\n\r\n", EV_HTTP_REQUEST_VERSION, 505},
		{SSTP "\r\n", EV_HTTP_REQUEST_NO_HOST, 400},
		{SSTP "Host: a\r\nHost: a\r\n\r\n", EV_HTTP_REQUEST_NO_HOST, 400},
		{SSTP "Host: a\r\nTransfer-Encoding: chunked\r\n\r\n", EV_HTTP_REQUEST_MALFORMED,
			400},
		{SSTP "Host : a\r\n\r\n", EV_HTTP_REQUEST_MALFORMED, 400},
		{"\x10\x01", EV_HTTP_REQUEST_MALFORMED, 400},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char start[32];
		const char *text;

		ask(rows[i].text);
		if (q->reason != rows[i].reason || q->status != rows[i].status)
			fail_msg("row %zu: %d, %u", i, q->reason, q->status);
		assert_int_equal(q->wish, HTTP_WANTS_OTHER);
		snprintf(start, sizeof(start), "HTTP/1.1 %u ", rows[i].status);
		text = answer(q->status);
		if (strncmp(text, start, strlen(start)))
			fail_msg("row %zu: %s", i, text);
		assert_non_null(strstr(text, "\r\nConnection: close\r\n"));
		assert_non_null(strstr(text, "\r\nDate: Thu, 09 Nov 2006 00:51:09 GMT\r\n"));
	}
}

static void a_refusal_is_complete_with_its_body(void **state)
{
	ask("PUT " PATH " HTTP/1.1\r\nHost: x\r\n\r\n");
	assert_string_equal(answer(q->status),
		"HTTP/1.1 405 Method Not Allowed\r\nContent-Length: 23\r\n"
		"Date: Thu, 09 Nov 2006 00:51:09 GMT\r\nAllow: SSTP_DUPLEX_POST, HEAD, GET\r\n"
		"Content-Type: text/plain\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n"
		"405 Method Not Allowed\n");
}

static void health_is_asked_with_get_or_head_also_in_old_http(void **state)
{
	static const char *const rows[] = {"GET " PATH " HTTP/1.1\r\nHost: x\r\n\r\n",
		"HEAD " PATH " HTTP/1.1\r\nHost: x\r\n\r\n", "HEAD " PATH " HTTP/1.0\r\n\r\n",
		"GET " PATH "?tenantid=1 HTTP/1.0\r\nHost: x\r\n\r\n"};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const char *text;

		ask(rows[i]);
		assert_int_equal(q->wish, HTTP_WANTS_HEALTH);
		text = answer(i % 2 ? 503 : 200);
		assert_non_null(strstr(text, "\r\nConnection: close\r\n"));
		assert_non_null(strstr(text, i % 2 ? "HTTP/1.1 503 " : "HTTP/1.1 200 OK\r\n"));
		assert_null(strstr(text, "18446744073709551615"));
		/* HEAD: the length of a body that does not come */
		assert_non_null(
			strstr(text, i % 2 ? "Content-Length: 24\r\n" : "Content-Length: 7\r\n"));
		assert_int_equal(text[strlen(text) - 1] == '\n' && text[strlen(text) - 2] != '\r',
			!strncmp(rows[i], "GET", 3));
	}
}

static void a_full_server_says_503_to_a_tunnel(void **state)
{
	const char *text;

	ask(SSTP REST);
	text = answer(503);
	assert_non_null(strstr(text, "HTTP/1.1 503 Service Unavailable\r\n"));
	assert_null(strstr(text, "18446744073709551615"));
}

static void an_odd_or_missing_length_or_correlation_does_not_matter(void **state)
{
	static const char *const rows[] = {SSTP "Host: x\r\n\r\n",
		SSTP "Host: x\r\nContent-Length: 0\r\nSSTPCORRELATIONID: {x}\r\n\r\n",
		SSTP "Host: x\r\nContent-Length: -5\r\nSSTPCORRELATIONID:\r\nCookie: a=b\r\n\r\n"};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_int_equal(ask(rows[i])->wish, HTTP_WANTS_SSTP);
		assert_string_equal(q->correlation, "");
	}
}

static void several_lengths_must_be_one_number(void **state)
{
	static const struct {
		const char *headers;
		enum http_wish wish;
	} rows[] = {
		{"Content-Length: 5\r\nContent-Length: 5\r\n", HTTP_WANTS_SSTP},
		{"Content-Length: 5, 5 ,5\r\n", HTTP_WANTS_SSTP},
		{"content-length: 18446744073709551615\r\nCONTENT-LENGTH: 18446744073709551615\r\n",
			HTTP_WANTS_SSTP},
		{"Content-Length: 5\r\nContent-Length: 6\r\n", HTTP_WANTS_OTHER},
		{"Content-Length: 5, 6\r\n", HTTP_WANTS_OTHER},
		{"Content-Length: 5\r\nX: y\r\nContent-Length: 5, 50\r\n", HTTP_WANTS_OTHER},
		{"Content-Length: 5,\r\n", HTTP_WANTS_OTHER},
		{"Content-Length: x, x\r\n", HTTP_WANTS_OTHER},
		{"Content-Length: 05, 5\r\n", HTTP_WANTS_OTHER},
		{"Content-Length: 5\r\nContent-Length:\r\n", HTTP_WANTS_OTHER},
		{"Transfer-Encoding: chunked\r\n", HTTP_WANTS_OTHER},
		{"TRANSFER-ENCODING: identity\r\nContent-Length: 5\r\n", HTTP_WANTS_OTHER},
	};
	char text[400];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		snprintf(text, sizeof(text), SSTP "Host: x\r\n%s\r\n", rows[i].headers);
		assert_int_equal(ask(text)->wish, rows[i].wish);
		if (rows[i].wish == HTTP_WANTS_OTHER)
			assert_int_equal(q->reason, EV_HTTP_REQUEST_MALFORMED);
	}
}

/* RFC 9112 5.1 and 5.2: both are what request smuggling is made of. */
static void a_folded_header_and_a_blank_before_the_colon_are_refused(void **state)
{
	static const char *const rows[] = {SSTP "Host: x\r\n y\r\n\r\n", SSTP "Host : x\r\n\r\n",
		SSTP "Host: x\r\nContent-Length\t: 5\r\n\r\n", SSTP " Host: x\r\n\r\n"};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_int_equal(ask(rows[i])->reason, EV_HTTP_REQUEST_MALFORMED);
		assert_int_equal(q->status, 400);
	}
}

static void packets_behind_the_request_stay_with_the_caller(void **state)
{
	static const char text[] = SSTP REST "\x10\x01\x00\x0e";
	size_t used;

	http_server_recv(s, text, sizeof(text) - 1, &used);
	assert_int_equal(used, sizeof(text) - 1 - 4);
	assert_true(http_server_next_event(s, &q));
	assert_false(http_server_next_event(s, &q));
	http_server_recv(s, text, sizeof(text) - 1, &used);
	assert_int_equal(used, 0);
	assert_false(http_server_next_event(s, &q));
}

static void a_request_cut_anywhere_comes_to_the_same_decision(void **state)
{
	static const char text[] = SSTP REST;

	for (size_t cut = 0; cut < strlen(text); cut++) {
		size_t used;

		done(state);
		fresh(state);
		http_server_recv(s, text, cut, &used);
		assert_int_equal(used, cut);
		assert_false(http_server_next_event(s, &q));
		http_server_recv(s, text + cut, strlen(text) - cut, &used);
		assert_int_equal(used, strlen(text) - cut);
		assert_true(http_server_next_event(s, &q));
		assert_int_equal(q->wish, HTTP_WANTS_SSTP);
	}
}

/* Who does not speak of lanes gets the answer above to the octet; who does, one header more. */
static void lanes_are_spoken_of_with_those_who_know_them(void **state)
{
	ask(SSTP REST);
	assert_string_equal(q->lanes, "");
	ask(SSTP "Culvert-Lanes: 1\r\n" REST);
	assert_int_equal(q->wish, HTTP_WANTS_SSTP);
	assert_string_equal(q->lanes, "1");
	http_server_grant(s, HTTP_LANES, "1 abc");
	assert_string_equal(answer(200),
		"HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551615\r\n"
		"Date: Thu, 09 Nov 2006 00:51:09 GMT\r\nCulvert-Lanes: 1 abc\r\n\r\n");
	ask(SSTP "Culvert-Lanes: 1\r\nCulvert-Lanes: 1\r\n" REST);
	assert_string_equal(q->lanes, "");
}

static void a_lane_is_a_request_of_its_own(void **state)
{
	static char text[400] = SSTP "Culvert-Lane: ";

	ask(SSTP "culvert-lane: abc def\r\n" REST);
	assert_int_equal(q->wish, HTTP_WANTS_LANE);
	assert_int_equal(q->reason, EV_HTTP_REQUEST_LANE);
	assert_string_equal(q->lane, "abc def");
	http_server_grant(s, HTTP_LANE, "xyz");
	assert_string_equal(answer(200),
		"HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551615\r\n"
		"Date: Thu, 09 Nov 2006 00:51:09 GMT\r\nCulvert-Lane: xyz\r\n\r\n");
	ask(SSTP "Culvert-Lane: a\r\nCulvert-Lane: b\r\n" REST);
	assert_int_equal(q->wish, HTTP_WANTS_LANE);
	assert_string_equal(q->lane, "");
	http_server_grant(s, HTTP_LANE, "xyz"); /* not in a refusal, which looks as any other */
	assert_null(strstr(answer(404), "xyz"));
	memset(text + strlen(text), 'x', HTTP_LANE_TEXT);
	strcat(text, "\r\n" REST);
	ask(text);
	assert_int_equal(strlen(q->lane), HTTP_LANE_TEXT - 1);
	ask("GET " PATH " HTTP/1.1\r\nCulvert-Lane: a\r\n" REST);
	assert_int_equal(q->wish, HTTP_WANTS_HEALTH);
}

static void too_much_is_431(void **state)
{
	static char text[2 * HTTP_HEAD_MAX];
	size_t n = (size_t)sprintf(text, SSTP "Cookie: ");

	memset(text + n, 'x', sizeof(text) - n - 1);
	assert_int_equal(ask(text)->status, 431);
	assert_int_equal(q->reason, EV_HTTP_REQUEST_TOO_LARGE);
	assert_non_null(strstr(answer(431), "HTTP/1.1 431 Request Header Fields Too Large\r\n"));
}

#define T(name) cmocka_unit_test_setup_teardown(name, fresh, done)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(the_request_of_windows_is_a_tunnel),
		T(the_server_name_is_sent_when_it_is_set),
		T(the_path_is_found_however_it_is_written),
		T(each_refusal_has_its_status),
		T(a_refusal_is_complete_with_its_body),
		T(health_is_asked_with_get_or_head_also_in_old_http),
		T(a_full_server_says_503_to_a_tunnel),
		T(an_odd_or_missing_length_or_correlation_does_not_matter),
		T(several_lengths_must_be_one_number),
		T(a_folded_header_and_a_blank_before_the_colon_are_refused),
		T(packets_behind_the_request_stay_with_the_caller),
		T(a_request_cut_anywhere_comes_to_the_same_decision),
		T(lanes_are_spoken_of_with_those_who_know_them),
		T(a_lane_is_a_request_of_its_own),
		T(too_much_is_431),
	};

	return cmocka_run_group_tests_name("http/server", tests, NULL, NULL);
}
