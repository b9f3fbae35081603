// SPDX-License-Identifier: Apache-2.0
/* What follows the head of a response: its length in each form, and what contradicts itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/auto.h"
#include "http/body.h"

static int begin(const char *headers, struct http_body *b, struct http_message *m)
{
	static char text[600];
	struct rd in;

	snprintf(text, sizeof(text), "HTTP/1.1 407 x\r\n%s\r\n", headers);
	in = rd_init(text, strlen(text));
	assert_int_equal(http_message_parse(&in, HTTP_RESPONSE, m), 0);
	return http_body_start(b, m);
}

/* In pieces of `step` octets: the body's in ret; how many octets follow it in *ret_left. */
static int read_all(struct http_body *b, const char *text, size_t step, char *ret, size_t *ret_left)
{
	size_t n = strlen(text), at = 0, used = 0;
	int r = -EAGAIN;

	while (r == -EAGAIN && at < n) {
		size_t len = n - at < step ? n - at : step;
		struct rd in = rd_init(text + at, len), piece;

		while ((r = http_body_next(b, &in, &piece)) > 0) {
			memcpy(ret + used, piece.p, rd_left(&piece));
			used += rd_left(&piece);
		}
		at += len - rd_left(&in);
	}
	ret[used] = '\0';
	*ret_left = n - at;
	return r;
}

static void each_form_is_read_to_its_end_and_no_further(void **state)
{
	static const struct {
		const char *headers, *octets, *body;
	} rows[] = {
		{"Content-Length: 5\r\n", "helloNEXT", "hello"},
		{"Content-Length: 5, 5\r\nContent-Length: 5\r\n", "helloNEXT", "hello"},
		{"Transfer-Encoding: chunked\r\n", "5\r\nhello\r\n0\r\n\r\nNEXT", "hello"},
		{"Transfer-Encoding: Chunked\r\nContent-Length: 3\r\n",
			"2;a=b\r\nhe\r\n003\r\nllo\r\n0\r\nTrailer: x\r\n\r\nNEXT", "hello"},
		{"Transfer-Encoding: chunked\r\n", "A\r\n0123456789\r\n0\r\n\r\nNEXT",
			"0123456789"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		for (size_t step = 1; step < 40; step++) {
			struct http_message m;
			struct http_body b;
			char body[100];
			size_t left;

			assert_int_equal(begin(rows[i].headers, &b, &m), 0);
			assert_int_equal(read_all(&b, rows[i].octets, step, body, &left), 0);
			assert_string_equal(body, rows[i].body);
			assert_int_equal(left, strlen("NEXT"));
		}
}

static void what_contradicts_itself_is_refused(void **state)
{
	static const char *const heads[] = {"Content-Length: 1, 2\r\n", "Content-Length: -1\r\n",
		"Content-Length: 1x\r\n", "Content-Length: 9999999999999999999\r\n",
		"Content-Length: \r\n", "Content-Length: 1\r\nContent-Length: 2\r\n",
		"Transfer-Encoding: gzip, chunked\r\n",
		"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"},
				 *const chunks[] = {"x\r\n", "\r\n", "-5\r\n", "ffffffffff\r\n",
					 "5\r\nhelloXX\r\n", "5 5 \r\nhello\r\nz\r\n"};
	struct http_message m;
	struct http_body b;
	char body[100];
	size_t left;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(heads); i++)
		if (begin(heads[i], &b, &m) != -EPROTO)
			fail_msg("head %zu", i);
	for (size_t i = 0; i < ARRAY_SIZE(chunks); i++) {
		assert_int_equal(begin("Transfer-Encoding: chunked\r\n", &b, &m), 0);
		if (read_all(&b, chunks[i], 3, body, &left) != -EPROTO)
			fail_msg("chunk %zu", i);
	}
}

/* A mark or a trailer without end is not collected for ever. */
static void marks_and_trailers_are_bounded(void **state)
{
	struct http_message m;
	struct http_body b;
	struct rd in, piece;
	char many[4000];
	int r = -EAGAIN;

	(void)state;
	memset(many, '1', sizeof(many));
	begin("Transfer-Encoding: chunked\r\n", &b, &m);
	in = rd_init(many, sizeof(many));
	assert_int_equal(http_body_next(&b, &in, &piece), -EPROTO);
	begin("Transfer-Encoding: chunked\r\n", &b, &m);
	in = rd_init("0\r\n", 3);
	assert_int_equal(http_body_next(&b, &in, &piece), -EAGAIN);
	for (unsigned i = 0; i < 1000 && r == -EAGAIN; i++) {
		in = rd_init("A: b\r\n", 6);
		r = http_body_next(&b, &in, &piece);
	}
	assert_int_equal(r, -EPROTO);
}

static void whether_the_connection_goes_on(void **state)
{
	static const struct {
		const char *head;
		bool keeps;
	} rows[] = {
		{"HTTP/1.1 407 x\r\n\r\n", true},
		{"HTTP/1.1 407 x\r\nConnection: Close\r\n\r\n", false},
		{"HTTP/1.1 407 x\r\nConnection: a, close\r\n\r\n", false},
		{"HTTP/1.1 407 x\r\nProxy-Connection: close\r\n\r\n", false},
		{"HTTP/1.0 407 x\r\n\r\n", false},
		{"HTTP/1.0 407 x\r\nProxy-Connection: keep-alive\r\n\r\n", true},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct rd in = rd_init(rows[i].head, strlen(rows[i].head));
		struct http_message m;

		assert_int_equal(http_message_parse(&in, HTTP_RESPONSE, &m), 0);
		if (http_keeps_connection(&m) != rows[i].keeps)
			fail_msg("row %zu", i);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_form_is_read_to_its_end_and_no_further),
		cmocka_unit_test(what_contradicts_itself_is_refused),
		cmocka_unit_test(marks_and_trailers_are_bounded),
		cmocka_unit_test(whether_the_connection_goes_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
