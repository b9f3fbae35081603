// SPDX-License-Identifier: Apache-2.0
/* Numbers in every form in which people meet them. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/cmd.h"

static char out[262144];

static int explain(const char *query)
{
	char *argv[] = {(char *)"explain", (char *)query, NULL};
	int saved = dup(1), r;
	FILE *f = tmpfile();
	size_t n;

	fflush(stdout);
	dup2(fileno(f), 1);
	optind = 1;
	r = cmd_explain(2, argv);
	fflush(stdout);
	dup2(saved, 1);
	close(saved);
	rewind(f);
	n = fread(out, 1, sizeof(out) - 1, f);
	out[n] = '\0';
	fclose(f);
	return r;
}

static void says(const char *query, const char *word)
{
	assert_int_equal(explain(query), CMD_OK);
	if (!strstr(out, word))
		fail_msg("%s: no \"%s\" in: %s", query, word, out);
}

static void an_hresult_in_hex_and_as_a_signed_decimal(void **state)
{
	(void)state;
	says("0x800B0109", "CERT_E_UNTRUSTEDROOT");
	says("0x800b0109", "CERT_E_UNTRUSTEDROOT");
	says("-2146762487", "CERT_E_UNTRUSTEDROOT");
	says("2148204809", "CERT_E_UNTRUSTEDROOT");
	says("CERT_E_UNTRUSTEDROOT", "0x800B0109");
}

static void a_ras_code_with_or_without_words(void **state)
{
	(void)state;
	says("812", "ERROR_SERVER_POLICY");
	says("error 691", "ERROR_AUTHENTICATION_FAILURE");
	says("691", "4102"); /* our events behind it */
	says("-2147023660", "ERROR_CONNECTION_ABORTED");
}

static void an_event_of_windows_and_one_of_ours(void **state)
{
	(void)state;
	says("event 4", "SSTPSVC_LOG_CLIENT_BAD_RESPONSE");
	says("RasSstp event 6", "certificate");
	says("event 20227", "RasClient");
	says("3107", "SSTP_BINDING_MISMATCH");
	says("EV_SSTP_BINDING_MISMATCH", "3107");
	says("sstp_binding_mismatch", "3107");
}

static void what_is_not_known_is_an_error(void **state)
{
	(void)state;
	assert_int_equal(explain("0x12345"), CMD_FAILED);
	assert_int_equal(explain("nonsense"), CMD_FAILED);
	assert_int_equal(explain("--nonsense"), CMD_USAGE);
}

static void lists_are_whole(void **state)
{
	(void)state;
	says("--list", "SSTP_BINDING_MISMATCH");
	says("--markdown", "| 0x800B0109 |");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_hresult_in_hex_and_as_a_signed_decimal),
		cmocka_unit_test(a_ras_code_with_or_without_words),
		cmocka_unit_test(an_event_of_windows_and_one_of_ours),
		cmocka_unit_test(what_is_not_known_is_an_error),
		cmocka_unit_test(lists_are_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
