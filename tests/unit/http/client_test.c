// SPDX-License-Identifier: Apache-2.0
/* The client's half: the request's octets, and one event for each way an answer can be wrong. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "http/client.h"

static const struct http_client_opts plain = {.host = "vpn.example", .port = 443};
static struct http_client *c;

static int fresh(void **state)
{
	int r = http_client_new(&c);

	return r ? r : http_client_start(c, &plain, 1000);
}

static int done(void **state)
{
	http_client_free(c);
	return 0;
}

static struct http_client_event tell(const void *octets, size_t n)
{
	struct http_client_event ev;
	size_t used;

	done(NULL);
	fresh(NULL);
	http_client_recv(c, octets, n, &used);
	if (!http_client_next_event(c, &ev))
		fail_msg("no event");
	return ev;
}

static const char *request_of(const struct http_client_opts *opts)
{
	static char text[1024];
	struct buf *out;

	done(NULL);
	http_client_new(&c);
	assert_int_equal(http_client_start(c, opts, 0), 0);
	out = http_client_output(c);
	memcpy(text, buf_data(out), buf_len(out));
	text[buf_len(out)] = 0;
	return text;
}

#define LINE "SSTP_DUPLEX_POST /sra_{BA195980-CD49-458b-9E23-C84EE0ADCD75}/ HTTP/1.1\r\n"
#define LENGTH "Content-Length: 18446744073709551615\r\n"

static void the_request_is_the_one_of_windows(void **state)
{
	struct http_client_opts o = plain;

	o.correlation = "{62DFA5C0-E2E0-FD50-D286-D8FBC2A0A3DC}";
	assert_string_equal(request_of(&o),
		LINE "SSTPCORRELATIONID: {62DFA5C0-E2E0-FD50-D286-D8FBC2A0A3DC}\r\n" LENGTH
		     "Host: vpn.example\r\n\r\n");
}

static void lanes_are_asked_for_with_a_header_more(void **state)
{
	struct http_client_opts o = plain;

	o.lanes = "1";
	assert_string_equal(
		request_of(&o), LINE LENGTH "Host: vpn.example\r\nCulvert-Lanes: 1\r\n\r\n");
	o.lanes = NULL;
	o.lane = "abc def";
	assert_string_equal(
		request_of(&o), LINE LENGTH "Host: vpn.example\r\nCulvert-Lane: abc def\r\n\r\n");
}

static void the_answer_tells_what_the_server_knows_of_lanes(void **state)
{
	static const char text[] = "HTTP/1.1 200 OK\r\nculvert-lanes: 1 abc\r\n"
				   "Culvert-Lane: x\r\nCulvert-Lane: y\r\n\r\n";
	struct http_client_event ev;
	size_t used;

	http_client_recv(c, text, sizeof(text) - 1, &used);
	assert_true(http_client_next_event(c, &ev));
	assert_string_equal(ev.answer.lanes, "1 abc");
	assert_string_equal(ev.answer.lane, ""); /* two are none */
}

static void the_host_has_its_port_and_brackets_where_needed(void **state)
{
	assert_string_equal(
		request_of(&(struct http_client_opts){.host = "vpn.example", .port = 8443}),
		LINE LENGTH "Host: vpn.example:8443\r\n\r\n");
	assert_string_equal(
		request_of(&(struct http_client_opts){.host = "2001:db8::1", .port = 443}),
		LINE LENGTH "Host: [2001:db8::1]\r\n\r\n");
	assert_string_equal(request_of(&(struct http_client_opts){
				    .host = "2001:db8::1", .port = 4443, .agent = "culvert/1"}),
		LINE LENGTH "Host: [2001:db8::1]:4443\r\nUser-Agent: culvert/1\r\n\r\n");
}

static void nothing_can_be_smuggled_into_the_request(void **state)
{
	static const char *const bad[] = {"", "a b", "a\r\nX: y", "a/b", "u@h", "a?b"};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct http_client_opts o = {.host = bad[i], .port = 443};

		assert_int_equal(http_client_start(c, &o, 0), -EINVAL);
	}
	assert_int_equal(
		http_client_start(
			c, &(struct http_client_opts){.host = "a", .correlation = "x\r\ny"}, 0),
		-EINVAL);
}

/* RFC 9110 15.2, wherever the octets are cut: also an interim answer with headers, folded ones. */
static void interim_answers_are_passed_over(void **state)
{
	static const char text[] = "HTTP/1.1 100 Continue\r\n\r\n"
				   "HTTP/1.1 103 Early Hints\r\nLink: </a>;\r\n rel=preload\r\n\r\n"
				   "HTTP/1.1 102\r\n\r\n"
				   "HTTP/1.1 200 OK\r\nServer: late\r\n\r\n\x10\x01";
	size_t head = sizeof(text) - 1 - 2;

	for (size_t cut = 0; cut < head; cut++) {
		struct http_client_event ev;
		size_t used;

		done(state);
		fresh(state);
		http_client_recv(c, text, cut, &used);
		assert_int_equal(used, cut);
		assert_false(http_client_next_event(c, &ev));
		http_client_recv(c, text + cut, sizeof(text) - 1 - cut, &used);
		assert_int_equal(used, head - cut);
		assert_true(http_client_next_event(c, &ev));
		assert_int_equal(ev.type, HTTP_CLIENT_OPEN);
		assert_string_equal(ev.answer.server, "late");
	}
}

static void interim_answers_for_ever_are_an_end(void **state)
{
	static const char text[] = "HTTP/1.1 100 Continue\r\n\r\n";
	struct http_client_event ev;
	size_t used;

	for (unsigned i = 0; i < HTTP_INTERIM_MAX; i++) {
		http_client_recv(c, text, sizeof(text) - 1, &used);
		assert_false(http_client_next_event(c, &ev));
	}
	http_client_recv(c, text, sizeof(text) - 1, &used);
	assert_true(http_client_next_event(c, &ev));
	assert_int_equal(ev.reason, EV_HTTP_RESPONSE_TOO_LONG);
	assert_non_null(strstr(ev.text, "interim"));
}

static void an_accepted_request_leaves_what_follows_to_the_caller(void **state)
{
	static const char text[] = "HTTP/1.1 200\r\nContent-Length: 18446744073709551615\r\n"
				   "Server: Microsoft-HTTPAPI/2.0\r\n\r\n\x10\x01\x00\x30";
	size_t head = sizeof(text) - 1 - 4;

	for (size_t cut = 0; cut < sizeof(text) - 1; cut++) {
		struct http_client_event ev;
		size_t used;

		done(state);
		fresh(state);
		http_client_recv(c, text, cut, &used);
		assert_int_equal(used, cut < head ? cut : head);
		if (cut < head) {
			assert_false(http_client_next_event(c, &ev));
			http_client_recv(c, text + cut, sizeof(text) - 1 - cut, &used);
			assert_int_equal(used, head - cut);
		}
		assert_true(http_client_next_event(c, &ev));
		assert_int_equal(ev.type, HTTP_CLIENT_OPEN);
		assert_string_equal(ev.answer.server, "Microsoft-HTTPAPI/2.0");
		assert_false(http_client_next_event(c, &ev));
		http_client_recv(c, text, sizeof(text) - 1, &used);
		assert_int_equal(used, 0);
	}
}

static void each_failure_is_an_event_of_its_own(void **state)
{
	static const struct {
		const char *text;
		enum event reason;
		unsigned status;
	} rows[] = {
		{"HTTP/1.1 404 Not Found\r\nServer: nginx\r\n\r\n", EV_HTTP_STATUS, 404},
		{"HTTP/1.1 503\r\n\r\n", EV_HTTP_STATUS, 503},
		{"HTTP/1.1 101 Switching Protocols\r\n\r\n", EV_HTTP_STATUS, 101},
		{"HTTP/1.1 204 No Content\r\n\r\n", EV_HTTP_STATUS, 204},
		{"HTTP/1.1 301 Moved\r\nLocation: https://x/\r\n\r\n", EV_HTTP_STATUS, 301},
		{"HTTP/1.1 407 Auth\r\n\r\n", EV_HTTP_PROXY_AUTH, 407},
		{"HTTP/1.0 200 OK\r\n\r\n", EV_HTTP_VERSION, 200},
		{"HTTP/2 200\r\n\r\n", EV_HTTP_VERSION, 200},
		{"SSH-2.0-OpenSSH_9.2\r\n", EV_HTTP_NOT_HTTP, 0},
		{"\x10\x01\x00\x0e", EV_HTTP_NOT_HTTP, 0},
		{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", EV_HTTP_TRANSFER_CODING,
			200},
		{"HTTP/1.1 200 OK\r\nContent-Length: 9\r\ntransfer-encoding:\r\n x-unknown\r\n\r\n",
			EV_HTTP_TRANSFER_CODING, 200},
		{"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n",
			EV_HTTP_TRANSFER_CODING, 200},
		{"HTTP/1.1 200 OK\n", EV_HTTP_RESPONSE_MALFORMED, 0},
		{"HTTP/1.1 OK\r\n", EV_HTTP_RESPONSE_MALFORMED, 0},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct http_client_event ev = tell(rows[i].text, strlen(rows[i].text));

		assert_int_equal(ev.type, HTTP_CLIENT_FAILED);
		if (ev.reason != rows[i].reason || ev.answer.status != rows[i].status)
			fail_msg("row %zu: %d, %u", i, ev.reason, ev.answer.status);
		assert_true(*ev.text);
	}
}

static void the_text_names_who_answered(void **state)
{
	static const char text[] =
		"HTTP/1.1 302 Found\r\nServer: squid\r\nVia: 1.1 a\r\nVia: 1.1 b\r\n"
		"Location: http://login/\r\n\r\n";
	struct http_client_event ev = tell(text, strlen(text));

	assert_string_equal(ev.text,
		"\"HTTP/1.1 302 Found\" server=squid via=\"1.1 a, 1.1 b\" location=http://login/");
	ev = tell("\x15\x03\x03xy", 5);
	assert_string_equal(ev.text, "\"\\x15\\x03\\x03xy\"");
}

static void an_endless_head_is_cut_off(void **state)
{
	static char text[2 * HTTP_HEAD_MAX];

	memset(text, 'x', sizeof(text));
	memcpy(text, "HTTP/1.1 200 ", 13);
	assert_int_equal(tell(text, sizeof(text)).reason, EV_HTTP_RESPONSE_TOO_LONG);
}

#define T(name) cmocka_unit_test_setup_teardown(name, fresh, done)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(the_request_is_the_one_of_windows),
		T(the_host_has_its_port_and_brackets_where_needed),
		T(nothing_can_be_smuggled_into_the_request),
		T(interim_answers_are_passed_over),
		T(interim_answers_for_ever_are_an_end),
		T(an_accepted_request_leaves_what_follows_to_the_caller),
		T(each_failure_is_an_event_of_its_own),
		T(lanes_are_asked_for_with_a_header_more),
		T(the_answer_tells_what_the_server_knows_of_lanes),
		T(the_text_names_who_answered),
		T(an_endless_head_is_cut_off),
	};

	return cmocka_run_group_tests_name("http/client", tests, NULL, NULL);
}
