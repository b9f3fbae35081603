// SPDX-License-Identifier: Apache-2.0
/* An event as a line of JSON, read back by another hand's parser. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <string.h>
#include <cmocka.h>
#include <jansson.h>

#include "events/event.h"

static json_t *line_of(const struct log_scope *scope, const char *text, size_t cap)
{
	static char line[4096];
	size_t n = log_json(event_info(EV_SSTP_BINDING_MISMATCH), scope, text, 1234567, line, cap);
	json_error_t err;

	assert_true(n && n <= cap);
	assert_int_equal(line[n - 1], '\n');
	return json_loadb(line, n, 0, &err);
}

static void number_session_peer_and_correlation_are_keys(void **state)
{
	struct log_scope scope = {.session = 17, .peer = "192.0.2.2:5000", .correlation = "{ABC}"};
	json_t *j = line_of(&scope, "user=\"al\\ice\" x", 2048);

	(void)state;
	assert_non_null(j);
	assert_int_equal(json_integer_value(json_object_get(j, "event")), 3107);
	assert_int_equal(json_integer_value(json_object_get(j, "session")), 17);
	assert_int_equal(json_integer_value(json_object_get(j, "time_ms")), 1234567);
	assert_string_equal(json_string_value(json_object_get(j, "name")), "SSTP_BINDING_MISMATCH");
	assert_string_equal(json_string_value(json_object_get(j, "layer")), "binding");
	assert_string_equal(json_string_value(json_object_get(j, "peer")), "192.0.2.2:5000");
	assert_string_equal(json_string_value(json_object_get(j, "correlation")), "{ABC}");
	assert_string_equal(json_string_value(json_object_get(j, "text")), "user=\"al\\ice\" x");
	json_decref(j);
}

static void whatever_octets_a_peer_sends_it_is_valid_json(void **state)
{
	char text[300];

	(void)state;
	for (int first = 1; first < 256; first++) {
		json_t *j;

		memset(text, first, sizeof(text) - 1);
		text[sizeof(text) - 1] = '\0';
		j = line_of(NULL, text, 4096);
		assert_non_null(j);
		assert_null(json_object_get(j, "session"));
		json_decref(j);
	}
}

static void a_line_cut_anywhere_in_its_text_is_valid_json(void **state)
{
	char text[600];

	(void)state;
	memset(text, '"', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	for (size_t cap = 400; cap < 1800; cap++) {
		json_t *j = line_of(NULL, text, cap);

		assert_non_null(j);
		json_decref(j);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(number_session_peer_and_correlation_are_keys),
		cmocka_unit_test(whatever_octets_a_peer_sends_it_is_valid_json),
		cmocka_unit_test(a_line_cut_anywhere_in_its_text_is_valid_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
