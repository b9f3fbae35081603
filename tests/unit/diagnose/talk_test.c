// SPDX-License-Identifier: Apache-2.0
/* What the listener makes of a conversation, in whatever pieces it comes. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdint.h>
#include <string.h>

#include "diagnose/talk.h"

static uint64_t now;
static struct talk t;

static uint64_t now_us(void)
{
	return now += 1000;
}

static int begin(void **state)
{
	(void)state;
	now = 0;
	talk_init(&t, now_us);
	return 0;
}

static int end(void **state)
{
	(void)state;
	talk_done(&t);
	return 0;
}

static void say(bool sent, const void *octets, size_t n)
{
	for (size_t i = 0; i < n; i++) /* an octet at a time: the hardest cut */
		t.tap.octets(&t.tap, sent ? TUNNEL_SENT : TUNNEL_RECEIVED,
			(const uint8_t *)octets + i, 1);
}

static void open_http(void)
{
	static const char request[] = "SSTP_DUPLEX_POST /x HTTP/1.1\r\nHost: a\r\n\r\n";
	static const char answer[] = "HTTP/1.1 200 OK\r\nServer: Microsoft-HTTPAPI/2.0\r\n"
				     "Date: Thu, 09 Nov 2006 00:51:09 GMT\r\n\r\n";

	say(true, request, strlen(request));
	say(false, answer, strlen(answer));
}

static const uint8_t connect_request[] = {
	0x10, 1, 0, 14, 0, 1, 0, 1, 0, 1, 0, 6, 0, 1}; /* [MS-SSTP] 4.4 */

static void the_head_of_the_answer_is_read(void **state)
{
	(void)state;
	open_http();
	assert_int_equal(t.status, 200);
	assert_string_equal(t.server, "Microsoft-HTTPAPI/2.0");
	assert_int_equal(t.stage, TALK_HTTP);
	say(true, connect_request, sizeof(connect_request));
	assert_int_equal(t.stage, TALK_SSTP);
}

static void only_a_date_as_http_writes_it_is_one(void **state)
{
	(void)state;
	assert_int_equal(http_date("Thu, 09 Nov 2006 00:51:09 GMT"), 1163033469);
	assert_int_equal(http_date("yesterday"), 0);
	assert_int_equal(http_date(""), 0);
}

static void a_page_behind_another_status_is_no_sstp(void **state)
{
	static const char answer[] = "HTTP/1.1 404 Not Found\r\n\r\n\x10\x01\x00\x05<html>";

	(void)state;
	say(false, answer, sizeof(answer) - 1);
	assert_int_equal(t.status, 404);
	assert_true(t.lost[0]);
	assert_int_equal(t.stage, TALK_TLS);
}

static void an_acknowledgement_tells_the_hashes(void **state)
{
	uint8_t ack[48] = {0x10, 1, 0, 48, 0, 2, 0, 1, 0, 4, 0, 40, 0, 0, 0, 2};

	(void)state;
	open_http();
	say(true, connect_request, sizeof(connect_request));
	say(false, ack, sizeof(ack));
	assert_int_equal(t.stage, TALK_LCP);
	assert_int_equal(t.hashes, 2);
	assert_true(t.ack_us > 0);
}

static void a_nak_and_an_abort_are_told_by_name(void **state)
{
	static const uint8_t nak[] = {
		0x10, 1, 0, 20, 0, 3, 0, 1, 0, 2, 0, 12, 0, 0, 0, 1, 0, 0, 0, 4};
	static const uint8_t abort_bare[] = {
		0x10, 1, 0, 8, 0, 5, 0, 0}; /* SoftEther's has no attribute */

	(void)state;
	open_http();
	say(false, nak, sizeof(nak));
	assert_string_equal(
		t.nak, "SSTP_ATTRIB_ENCAPSULATED_PROTOCOL_ID: ATTRIB_STATUS_VALUE_NOT_SUPPORTED");
	say(false, abort_bare, sizeof(abort_bare));
	assert_string_equal(t.abort, "CALL_ABORT, without a reason");
}

static void lcp_is_open_when_both_acknowledged(void **state)
{
	static const uint8_t request[] = {0x10, 0, 0, 21, 0xff, 3, 0xc0, 0x21, 1, 1, 0, 13, 3, 5,
		0xc2, 0x23, 0x81, 1, 4, 5, 0x78};
	static const uint8_t ours[] = {0x10, 0, 0, 12, 0xff, 3, 0xc0, 0x21, 2, 1, 0, 4};
	static const uint8_t theirs[] = {0x10, 0, 0, 12, 0xff, 3, 0xc0, 0x21, 2, 7, 0, 4};

	(void)state;
	open_http();
	say(false, request, sizeof(request));
	assert_string_equal(t.offered, "MS-CHAPv2");
	assert_int_equal(t.mru, 1400);
	say(true, ours, sizeof(ours));
	assert_int_not_equal(t.stage, TALK_AUTH);
	say(false, theirs, sizeof(theirs));
	assert_int_equal(t.stage, TALK_AUTH);
}

static void a_failed_login_keeps_the_servers_words_and_no_more(void **state)
{
	static const uint8_t failure[] = {0x10, 0, 0, 21, 0xff, 3, 0xc2, 0x23, 4, 1, 0, 13, 'E',
		'=', '6', '9', '1', ' ', 'R', '=', '0'};

	(void)state;
	open_http();
	say(false, failure, sizeof(failure));
	assert_string_equal(t.auth_message, "E=691 R=0");
}

static void what_is_no_sstp_is_given_up(void **state)
{
	(void)state;
	open_http();
	say(false, "GET / HTTP/1.1\r\n", 16);
	assert_true(t.lost[0]);
}

static void dates_of_another_form_are_nothing(void **state)
{
	(void)state;
	assert_int_equal(http_date("yesterday"), 0);
	assert_int_equal(http_date(""), 0);
	assert_int_equal(http_date("Thu, 01 Jan 1970 00:00:05 GMT"), 5);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, begin, end)
	const struct CMUnitTest tests[] = {CASE(the_head_of_the_answer_is_read),
		CASE(only_a_date_as_http_writes_it_is_one),
		CASE(a_page_behind_another_status_is_no_sstp),
		CASE(an_acknowledgement_tells_the_hashes),
		CASE(a_nak_and_an_abort_are_told_by_name), CASE(lcp_is_open_when_both_acknowledged),
		CASE(a_failed_login_keeps_the_servers_words_and_no_more),
		CASE(what_is_no_sstp_is_given_up), CASE(dates_of_another_form_are_nothing)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
