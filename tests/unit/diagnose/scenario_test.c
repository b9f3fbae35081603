// SPDX-License-Identifier: Apache-2.0
/* What stands in a recorded conversation, and above all what does not. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "diagnose/scenario.h"

static char path[] = "/tmp/culvert-scenario-XXXXXX", text[4096];
static struct scenario *s;

static int begin(void **state)
{
	(void)state;
	strcpy(path, "/tmp/culvert-scenario-XXXXXX");
	close(mkstemp(path));
	return scenario_new(path, "vpn.example", &s);
}

static int end(void **state)
{
	(void)state;
	unlink(path);
	return 0;
}

static const char *written(void)
{
	FILE *f;
	size_t n;

	scenario_free(s);
	f = fopen(path, "r");
	n = fread(text, 1, sizeof(text) - 1, f);
	text[n] = '\0';
	fclose(f);
	return strstr(text, "not recorded\n") + 13; /* behind the heading */
}

static void a_proof_of_the_password_is_left_out(void **state)
{
	uint8_t response[67] = {0x10, 0, 0, 67, 0xff, 3, 0xc2, 0x23, 2, 9, 0, 59, 49};

	(void)state;
	memset(response + 13, 0xaa, 16);
	memset(response + 37, 0xbb, 24);
	memcpy(response + 62, "alice", 5);
	scenario_message(s, true, false, response, sizeof(response));
	assert_string_equal(written(),
		"<  10 00 00 43 ff 03 c2 23 02 $id 00 3b 31 $peer_challenge 00 00 00 00 00 00 00 00 "
		"$nt_response 00 61 6c 69 63 65   # Response, then the user name\n");
}

static void a_password_is_left_out_with_its_whole_packet(void **state)
{
	static const uint8_t pap[] = {
		0x10, 0, 0, 19, 0xff, 3, 0xc0, 0x23, 1, 1, 0, 11, 1, 'a', 5, 's', 'e', 'c', 'r'};

	(void)state;
	scenario_message(s, true, false, pap, sizeof(pap));
	assert_string_equal(written(), "<  $pap_request   # left out: it holds the password\n");
}

static void other_proofs_are_left_out_too(void **state)
{
	uint8_t md5[34] = {0x10, 0, 0, 34, 0xff, 3, 0xc2, 0x23, 2, 1, 0, 26, 16};

	(void)state;
	memset(md5 + 13, 0xcc, 16);
	scenario_message(s, true, false, md5, sizeof(md5));
	assert_null(strstr(written(), "cc cc"));
}

static void a_binding_shows_neither_nonce_nor_mac(void **state)
{
	uint8_t connected[112] = {0x10, 1, 0, 112, 0, 4, 0, 1, 0, 3, 0, 104, 0, 0, 0, 2};

	(void)state;
	memset(connected + 16, 0xdd, 96);
	scenario_message(s, true, false, connected, sizeof(connected));
	assert_string_equal(written(),
		"<  10 01 00 70 00 04 00 01 00 03 00 68 00 00 00 02 $nonce $certificate_sha256 $mac"
		"   # Call Connected\n");
}

static void an_acknowledgement_follows_what_it_acknowledges(void **state)
{
	static const uint8_t lcp[] = {
		0x10, 0, 0, 17, 0xff, 3, 0xc0, 0x21, 1, 5, 0, 9, 3, 5, 0xc2, 0x23, 0x81};
	static const uint8_t other[] = {0x10, 0, 0, 12, 0xff, 3, 0xc0, 0x21, 2, 1, 0, 4};
	static const uint8_t ack[] = {
		0x10, 0, 0, 17, 0xff, 3, 0xc0, 0x21, 2, 5, 0, 9, 3, 5, 0xc2, 0x23, 0x81};

	(void)state;
	scenario_message(s, false, false, lcp, sizeof(lcp));
	scenario_message(s, false, false, other, sizeof(other));
	scenario_message(s, true, false, ack, sizeof(ack));
	assert_string_equal(written(),
		">  LCP Configure-Ack id=1\n>  LCP Configure-Request 3=c22381\n<  $ack\n");
}

static void the_request_is_quoted_line_by_line(void **state)
{
	static const char head[] = "SSTP_DUPLEX_POST /x HTTP/1.1\r\nHost: a\"b\r\n\r\n";

	(void)state;
	scenario_message(s, true, true, (const uint8_t *)head, strlen(head));
	assert_string_equal(written(), "<  \"SSTP_DUPLEX_POST /x HTTP/1.1\\r\\n\"\n"
				       "<  \"Host: a\\\"b\\r\\n\\r\\n\"\n");
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, begin, end)
	const struct CMUnitTest tests[] = {CASE(a_proof_of_the_password_is_left_out),
		CASE(a_password_is_left_out_with_its_whole_packet),
		CASE(other_proofs_are_left_out_too), CASE(a_binding_shows_neither_nonce_nor_mac),
		CASE(an_acknowledgement_follows_what_it_acknowledges),
		CASE(the_request_is_quoted_line_by_line)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
