// SPDX-License-Identifier: Apache-2.0
/* The vectors of RFC 4226 (appendix D) and RFC 6238 (appendix B, SHA-1), and what apps read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/auto.h"
#include "base/totp.h"

static const uint8_t seed[TOTP_SEED_LEN + 1] = "12345678901234567890";

static void codes_are_those_of_rfc_4226(void **state)
{
	static const char *const codes[] = {"755224", "287082", "359152", "969429", "338314",
		"254676", "287922", "162583", "399871", "520489"};
	char code[TOTP_CODE_LEN];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(codes); i++) {
		assert_int_equal(totp_code(seed, TOTP_SEED_LEN, (int64_t)i, TOTP_DIGITS, code), 0);
		assert_string_equal(code, codes[i]);
	}
}

static void codes_are_those_of_rfc_6238(void **state)
{
	static const struct {
		int64_t at_s;
		const char *code;
	} rows[] = {{59, "94287082"}, {1111111109, "07081804"}, {1111111111, "14050471"},
		{1234567890, "89005924"}, {2000000000, "69279037"}, {20000000000, "65353130"}};
	char code[9];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_int_equal(
			totp_code(seed, TOTP_SEED_LEN, totp_step(rows[i].at_s), 8, code), 0);
		assert_string_equal(code, rows[i].code);
		/* of six digits: the last ones */
		assert_int_equal(
			totp_code(seed, TOTP_SEED_LEN, totp_step(rows[i].at_s), 6, code), 0);
		assert_string_equal(code, rows[i].code + 2);
	}
}

static void a_step_is_thirty_seconds(void **state)
{
	(void)state;
	assert_int_equal(totp_step(0), 0);
	assert_int_equal(totp_step(29), 0);
	assert_int_equal(totp_step(30), 1);
	assert_int_equal(totp_step(1111111109), 0x23523ec);
}

static void the_key_is_in_base32(void **state)
{
	char text[TOTP_BASE32_LEN];
	uint8_t all[TOTP_SEED_LEN];

	(void)state;
	totp_base32(seed, text);
	assert_string_equal(text, "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
	memset(all, 0xff, sizeof(all));
	totp_base32(all, text);
	assert_string_equal(text, "77777777777777777777777777777777");
}

static void the_uri_is_what_apps_read(void **state)
{
	char uri[TOTP_URI_LEN];

	(void)state;
	totp_uri(seed, "vpn.example", "alice", uri);
	assert_string_equal(uri,
		"otpauth://totp/vpn.example:alice?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
		"&issuer=vpn.example&algorithm=SHA1&digits=6&period=30");
}

/* A name may be any text: none of it may become another part of the URI. */
static void names_are_escaped(void **state)
{
	char uri[TOTP_URI_LEN], long_name[257];

	(void)state;
	totp_uri(seed, "a b&c", "j\xc3\xbcrgen?secret=X&x:/#%", uri);
	assert_non_null(
		strstr(uri, "totp/a%20b%26c:j%C3%BCrgen%3Fsecret%3DX%26x%3A%2F%23%25?secret=GEZ"));
	memset(long_name, 0xc3, sizeof(long_name) - 1);
	long_name[sizeof(long_name) - 1] = '\0';
	totp_uri(seed, long_name, long_name, uri);
	assert_non_null(strstr(uri, "?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer="));
	assert_non_null(strstr(uri, "&period=30"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(codes_are_those_of_rfc_4226),
		cmocka_unit_test(codes_are_those_of_rfc_6238),
		cmocka_unit_test(a_step_is_thirty_seconds),
		cmocka_unit_test(the_key_is_in_base32),
		cmocka_unit_test(the_uri_is_what_apps_read),
		cmocka_unit_test(names_are_escaped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
