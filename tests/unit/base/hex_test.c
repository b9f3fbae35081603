// SPDX-License-Identifier: Apache-2.0
#include "hexlit.h"

#include <errno.h>

#include "base/hex.h"

static void hexadecimal_goes_there_and_back(void **state)
{
	static const uint8_t octets[] = {0x00, 0x1f, 0xa0, 0xff};
	char text[9];
	uint8_t back[4];

	hex_encode(octets, 4, text);
	assert_string_equal(text, "001fa0ff");
	assert_int_equal(hex_decode(text, back, 4), 0);
	assert_memory_equal(back, octets, 4);
	assert_int_equal(hex_decode("001FA0ff", back, 4), 0);
	assert_memory_equal(back, octets, 4);
}

static void hexadecimal_of_another_length_or_with_other_signs_is_refused(void **state)
{
	uint8_t back[4];

	assert_int_equal(hex_decode("001fa0f", back, 4), -EINVAL);
	assert_int_equal(hex_decode("001fa0ff0", back, 4), -EINVAL);
	assert_int_equal(hex_decode("001fa0fg", back, 4), -EINVAL);
	assert_int_equal(hex_decode("0x1fa0ff", back, 4), -EINVAL);
}

/* RFC 4648 section 10. */
static const char *const base64[][2] = {{"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"},
	{"foob", "Zm9vYg=="}, {"fooba", "Zm9vYmE="}, {"foobar", "Zm9vYmFy"}};

static void base64_agrees_with_rfc_4648(void **state)
{
	for (size_t i = 0; i < sizeof(base64) / sizeof(*base64); i++) {
		char text[16];
		uint8_t back[8];
		size_t n = strlen(base64[i][0]);

		base64_encode(base64[i][0], n, text);
		assert_string_equal(text, base64[i][1]);
		assert_int_equal(base64_decode(text, back, sizeof(back)), (int)n);
		assert_memory_equal(back, base64[i][0], n);
	}
}

static void base64_with_wrong_padding_or_too_long_is_refused(void **state)
{
	uint8_t back[5];

	assert_int_equal(base64_decode("Zg", back, 5), -EINVAL);
	assert_int_equal(base64_decode("Zg=", back, 5), -EINVAL);
	assert_int_equal(base64_decode("Z===", back, 5), -EINVAL);
	assert_int_equal(base64_decode("====", back, 5), -EINVAL);
	assert_int_equal(base64_decode("Zg==Zg==", back, 5), -EINVAL);
	assert_int_equal(base64_decode("Zm9v*mFy", back, 5), -EINVAL);
	assert_int_equal(base64_decode("Zm9vYmFy", back, 5), -ENOSPC);
	assert_int_equal(base64_decode("Zm9vYmE=", back, 5), 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hexadecimal_goes_there_and_back),
		cmocka_unit_test(hexadecimal_of_another_length_or_with_other_signs_is_refused),
		cmocka_unit_test(base64_agrees_with_rfc_4648),
		cmocka_unit_test(base64_with_wrong_padding_or_too_long_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
