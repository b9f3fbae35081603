// SPDX-License-Identifier: Apache-2.0
/* The head parser: every prefix, each class of malformed head. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "http/message.h"

static const char windows[] =
	"SSTP_DUPLEX_POST /sra_{BA195980-CD49-458b-9E23-C84EE0ADCD75}/ HTTP/1.1\r\n"
	"SSTPCORRELATIONID: {62DFA5C0-E2E0-FD50-D286-D8FBC2A0A3DC}\r\n"
	"Content-Length: 18446744073709551615\r\n"
	"Host: vpn.example\r\n"
	"\r\n";

/* Parses a copy of exactly n octets, so that a read past them is found. */
static int parse(const char *octets, size_t n, enum http_kind kind, struct http_message *ret)
{
	static char *copy;
	struct rd in;
	int r;

	free(copy);
	copy = malloc(n ? n : 1);
	memcpy(copy, octets, n);
	in = rd_init(copy, n);
	r = http_message_parse(&in, kind, ret);
	if (r)
		assert_ptr_equal(in.p, copy);
	return r;
}

static void the_request_of_windows_is_understood(void **state)
{
	struct http_message m;

	assert_int_equal(parse(windows, strlen(windows), HTTP_REQUEST, &m), 0);
	assert_true(http_text_is(m.method, "SSTP_DUPLEX_POST"));
	assert_int_equal(m.target.n, 44);
	assert_int_equal(m.major, 1);
	assert_int_equal(m.minor, 1);
	assert_int_equal(m.n_headers, 3);
	assert_true(http_text_is(*http_header(&m, "content-LENGTH"), "18446744073709551615"));
	assert_true(http_text_is(*http_header(&m, "Host"), "vpn.example"));
	assert_null(http_header(&m, "Hos"));
}

static void every_prefix_asks_for_more(void **state)
{
	static const char answer[] = "HTTP/1.1 200 OK\r\nServer: x\r\n\r\n";
	struct http_message m;

	for (size_t n = 0; n < strlen(windows); n++)
		assert_int_equal(parse(windows, n, HTTP_REQUEST, &m), -EAGAIN);
	for (size_t n = 0; n < strlen(answer); n++)
		assert_int_equal(parse(answer, n, HTTP_RESPONSE, &m), -EAGAIN);
}

static void what_follows_the_head_is_left_alone(void **state)
{
	static const char both[] = "HTTP/1.1 200\r\n\r\n\x10\x01";
	struct rd in = rd_init(both, sizeof(both) - 1);
	struct http_message m;

	assert_int_equal(http_message_parse(&in, HTTP_RESPONSE, &m), 0);
	assert_int_equal(rd_left(&in), 2);
	assert_int_equal(m.status, 200);
	assert_int_equal(m.reason.n, 0);
}

#define GOOD "GET / HTTP/1.1\r\n"

static void malformed_requests_are_refused(void **state)
{
	static const struct {
		const char *text;
		size_t n;
	} bad[] = {
#define BAD(s) {s, sizeof(s) - 1}
		BAD("GET / HTTP/1.1\n"),       /* bare LF */
		BAD("GET / HTTP/1.1\rX"),      /* bare CR */
		BAD("\r\nGET / HTTP/1.1\r\n"), /* empty line first */
		BAD(" GET / HTTP/1.1\r\n"),    /* blank first */
		BAD("GET  / HTTP/1.1\r\n"),    /* two blanks */
		BAD("GET /  HTTP/1.1\r\n"),
		BAD("GET\t/\tHTTP/1.1\r\n"),  /* tabs */
		BAD("GET /\r\n"),             /* HTTP/0.9 */
		BAD("GET /a b HTTP/1.1\r\n"), /* blank in the target */
		BAD("GET / HTTP/1.1 \r\n"),   /* trailing blank */
		BAD("GET / http/1.1\r\n"),    /* lower case */
		BAD("GET / HTTP/11\r\n"),
		BAD("GET / HTTP/1.10\r\n"),
		BAD("GET / HTTP/a.1\r\n"),
		BAD("G(T / HTTP/1.1\r\n"),     /* no token */
		BAD("GET /\x80 HTTP/1.1\r\n"), /* octets above ASCII in the target */
		BAD("\x16\x03\x01\x02\x00"),   /* TLS inside TLS */
		BAD("GET /\0 HTTP/1.1\r\n"),
		BAD(GOOD "Host : x\r\n"),           /* blank before the colon */
		BAD(GOOD "Host: x\r\n folded\r\n"), /* folded line */
		BAD(GOOD "Host: x\r\n\tfolded\r\n"),
		BAD(GOOD " Host: x\r\n"),
		BAD(GOOD ": x\r\n"),  /* no name */
		BAD(GOOD "Host\r\n"), /* no colon */
		BAD(GOOD "Ho st: x\r\n"),
		BAD(GOOD "Host: x\ny\r\n"), /* bare LF in a value */
		BAD(GOOD "Host: x\ry\r\n"), /* bare CR in a value */
		BAD(GOOD "Host: x\0y\r\n"),
		BAD(GOOD "Host: x\x7f\r\n"),
		BAD(GOOD "H\xc3\xb6st: x\r\n"),
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct http_message m;
		int r = parse(bad[i].text, bad[i].n, HTTP_REQUEST, &m);

		if (r != -EPROTO)
			fail_msg("row %zu gave %d", i, r);
	}
}

static void an_error_shows_before_the_head_is_complete(void **state)
{
	struct http_message m;

	assert_int_equal(parse("\x16", 1, HTTP_REQUEST, &m), -EPROTO);
	assert_int_equal(parse("SS", 2, HTTP_RESPONSE, &m), -ENOMSG);
	assert_int_equal(parse("HTTq", 4, HTTP_RESPONSE, &m), -ENOMSG);
	assert_int_equal(parse("HTTP/1.1 200\n", 13, HTTP_RESPONSE, &m), -EPROTO);
}

static void malformed_responses_are_refused(void **state)
{
	static const char *const bad[] = {"HTTP/1.1\r\n", "HTTP/1.1 \r\n", "HTTP/1.1 20\r\n",
		"HTTP/1.1 2000\r\n", "HTTP/1.1 2x0 OK\r\n", "HTTP/1.1 099 OK\r\n",
		"HTTP/1.1  200\r\n", "HTTP/1.1 +20\r\n", "HTTP/1.1 200 OK\r\nServer\r\n"};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct http_message m;
		int r = parse(bad[i], strlen(bad[i]), HTTP_RESPONSE, &m);

		if (r != -EPROTO)
			fail_msg("row %zu gave %d", i, r);
	}
}

static void a_response_of_another_version_is_read_so_that_it_can_be_named(void **state)
{
	struct http_message m;

	assert_int_equal(parse("HTTP/1.0 200 OK\r\n\r\n", 19, HTTP_RESPONSE, &m), 0);
	assert_int_equal(m.minor, 0);
	assert_int_equal(m.major, 1);
	assert_int_equal(parse("HTTP/2 403\r\n\r\n", 14, HTTP_RESPONSE, &m), 0);
	assert_int_equal(m.major, 0);
	assert_int_equal(m.status, 403);
}

static void values_lose_the_blanks_around_them_and_may_be_empty(void **state)
{
	static const char text[] = GOOD "A:  x y \t\r\nB:\r\nC: \r\nD: \xff\r\n\r\n";
	struct http_message m;

	assert_int_equal(parse(text, strlen(text), HTTP_REQUEST, &m), 0);
	assert_true(http_text_is(*http_header(&m, "a"), "x y"));
	assert_int_equal(http_header(&m, "b")->n, 0);
	assert_int_equal(http_header(&m, "c")->n, 0);
	assert_int_equal(http_header(&m, "d")->n, 1);
}

static void the_number_of_headers_is_bounded(void **state)
{
	char text[2048];
	struct http_message m;
	size_t n = (size_t)snprintf(text, sizeof(text), GOOD);

	for (int i = 0; i < HTTP_HEADERS_MAX; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "a:\r\n");
	memcpy(text + n, "\r\n", 2);
	assert_int_equal(parse(text, n + 2, HTTP_REQUEST, &m), 0);
	memcpy(text + n, "b:\r\n\r\n", 6);
	assert_int_equal(parse(text, n + 6, HTTP_REQUEST, &m), -E2BIG);
}

static size_t head_of(char *ret, size_t n)
{
	size_t used = (size_t)sprintf(ret, GOOD "A: ");

	memset(ret + used, 'x', n - used - 4);
	memcpy(ret + n - 4, "\r\n\r\n", 4);
	return n;
}

static void the_length_of_the_head_is_bounded(void **state)
{
	char text[HTTP_HEAD_MAX + 64];
	struct http_message m;

	assert_int_equal(parse(text, head_of(text, HTTP_HEAD_MAX), HTTP_REQUEST, &m), 0);
	assert_int_equal(parse(text, head_of(text, HTTP_HEAD_MAX + 1), HTTP_REQUEST, &m), -E2BIG);
	memset(text, 'G', sizeof(text));
	assert_int_equal(parse(text, HTTP_HEAD_MAX - 1, HTTP_REQUEST, &m), -EAGAIN);
	assert_int_equal(parse(text, HTTP_HEAD_MAX, HTTP_REQUEST, &m), -E2BIG);
}

static void a_reader_collects_a_head_cut_anywhere_and_leaves_the_rest(void **state)
{
	char stream[sizeof(windows) + 3];
	size_t head = strlen(windows);

	memcpy(stream, windows, head);
	memcpy(stream + head, "\x10\x01\x00\x0e", 4);
	for (size_t cut = 0; cut <= head + 3; cut++) {
		struct http_message m;
		struct http_reader r;
		size_t used, first = cut < head ? cut : head;
		int e;

		http_reader_init(&r);
		e = http_reader_feed(&r, HTTP_REQUEST, stream, cut, &m, &used);
		assert_int_equal(e, cut < head ? -EAGAIN : 0);
		assert_int_equal(used, first);
		if (e == -EAGAIN) {
			e = http_reader_feed(
				&r, HTTP_REQUEST, stream + cut, head + 4 - cut, &m, &used);
			assert_int_equal(e, 0);
			assert_int_equal(used, head - cut);
		}
		assert_true(http_text_is(*http_header(&m, "Host"), "vpn.example"));
		http_reader_done(&r);
	}
}

static void a_reader_fed_octet_by_octet_comes_to_the_same_verdicts(void **state)
{
	static const struct {
		const char *text;
		int end;
	} rows[] = {{windows, 0}, {GOOD "Host : x\r\n\r\n", -EPROTO}, {GOOD "a\001", -EPROTO},
		{"GET / HTTP/1.1\rx", -EPROTO}, {GOOD "a: b\rx", -EPROTO}};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct http_message m;
		struct http_reader r;
		size_t used = 0, n = 0;
		int e = -EAGAIN;

		http_reader_init(&r);
		for (; e == -EAGAIN && n < strlen(rows[i].text); n++)
			e = http_reader_feed(&r, HTTP_REQUEST, rows[i].text + n, 1, &m, &used);
		assert_int_equal(e, rows[i].end);
		http_reader_done(&r);
	}
}

static void a_reader_stops_at_its_limit_however_the_octets_come(void **state)
{
	for (size_t step = 1; step < 3 * HTTP_HEAD_MAX; step *= 3) {
		char *xs = malloc(step);
		struct http_reader r;
		struct http_message m;
		size_t used, fed = 0;
		int e = -EAGAIN;

		memset(xs, 'x', step);
		http_reader_init(&r);
		while (e == -EAGAIN) {
			e = http_reader_feed(&r, HTTP_REQUEST, xs, step, &m, &used);
			fed += step;
		}
		assert_int_equal(e, -E2BIG);
		assert_in_range(fed, HTTP_HEAD_MAX, HTTP_HEAD_MAX + step);
		http_reader_done(&r);
		free(xs);
	}
}

static void guids_are_made_and_checked(void **state)
{
	static const char *const bad[] = {"", "{}", "{62DFA5C0-E2E0-FD50-D286-D8FBC2A0A3DC",
		"62DFA5C0-E2E0-FD50-D286-D8FBC2A0A3DC}", "{62DFA5C0-E2E0-FD50-D286-D8FBC2A0A3DG}",
		"{62DFA5C0E2E0-FD50-D286-D8FBC2A0A3DC-}",
		"{62DFA5C0-E2E0-FD50-D286-D8FBC2A0A3DC}x"};
	uint8_t random[16];
	char made[HTTP_GUID_LEN], back[HTTP_GUID_LEN];
	const char *bare = "62DFA5C0-E2E0-FD50-D286-D8FBC2A0A3DC";

	memset(random, 0xff, sizeof(random));
	http_guid_make(random, made);
	assert_string_equal(made, "{FFFFFFFF-FFFF-4FFF-BFFF-FFFFFFFFFFFF}");
	assert_int_equal(http_guid_parse((struct http_text){made, strlen(made)}, back), 0);
	assert_string_equal(back, made);
	assert_int_equal(http_guid_parse((struct http_text){bare, strlen(bare)}, back), 0);
	assert_string_equal(back, "{62DFA5C0-E2E0-FD50-D286-D8FBC2A0A3DC}");
	assert_false(http_guid_is_lasting(made));
	assert_false(http_guid_is_lasting("") || http_guid_is_lasting(back));
	http_guid_make_lasting(random, made);
	assert_string_equal(made, "{FFFFFFFF-FFFF-8FFF-BFFF-4356FFFFFFFF}");
	assert_true(http_guid_is_lasting(made));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(
			http_guid_parse((struct http_text){bad[i], strlen(bad[i])}, back), -EINVAL);
}

/* RFC 9112 5.2: of a response, a client replaces it by blanks; of a request, a server refuses it. */
static void a_folded_line_of_a_response_goes_on_with_its_header(void **state)
{
	static const struct {
		const char *headers, *value;
	} rows[] = {{"X: a\r\n b\r\n", "a   b"}, {"X: a\r\n\tb\r\n  c\r\nY: d\r\n", "a   b    c"},
		{"X:\r\n a\r\n", "a"}, {"X: a\r\n \r\n", "a"}, {"X:\r\n \r\n", ""},
		{"X: a\r\n b: c\r\n", "a   b: c"}};
	char text[200], value[40];
	struct http_message m;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		snprintf(text, sizeof(text), "HTTP/1.1 200 OK\r\n%s\r\n", rows[i].headers);
		assert_int_equal(parse(text, strlen(text), HTTP_RESPONSE, &m), 0);
		assert_string_equal(
			http_text_copy(http_header(&m, "x"), value, sizeof(value)), rows[i].value);
		for (size_t n = 0; n < strlen(text); n++)
			assert_int_equal(parse(text, n, HTTP_RESPONSE, &m), -EAGAIN);
	}
	assert_int_equal(parse("HTTP/1.1 200 OK\r\n X: a\r\n\r\n", 27, HTTP_RESPONSE, &m), -EPROTO);
	assert_int_equal(parse("HTTP/1.1 200 OK\r\nX : a\r\n\r\n", 27, HTTP_RESPONSE, &m), -EPROTO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_request_of_windows_is_understood),
		cmocka_unit_test(every_prefix_asks_for_more),
		cmocka_unit_test(what_follows_the_head_is_left_alone),
		cmocka_unit_test(malformed_requests_are_refused),
		cmocka_unit_test(an_error_shows_before_the_head_is_complete),
		cmocka_unit_test(malformed_responses_are_refused),
		cmocka_unit_test(a_response_of_another_version_is_read_so_that_it_can_be_named),
		cmocka_unit_test(values_lose_the_blanks_around_them_and_may_be_empty),
		cmocka_unit_test(the_number_of_headers_is_bounded),
		cmocka_unit_test(the_length_of_the_head_is_bounded),
		cmocka_unit_test(a_reader_collects_a_head_cut_anywhere_and_leaves_the_rest),
		cmocka_unit_test(a_reader_fed_octet_by_octet_comes_to_the_same_verdicts),
		cmocka_unit_test(a_reader_stops_at_its_limit_however_the_octets_come),
		cmocka_unit_test(guids_are_made_and_checked),
		cmocka_unit_test(a_folded_line_of_a_response_goes_on_with_its_header),
	};

	return cmocka_run_group_tests_name("http/message", tests, NULL, NULL);
}
