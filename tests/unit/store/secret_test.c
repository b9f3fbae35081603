// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "store/secret.h"

static const struct secret_key key = {.key = {1, 2, 3}};

static void a_sealed_secret_opens_for_its_user_and_kind_alone(void **state)
{
	struct secret_sealed sealed, again;
	uint8_t opened[6];

	(void)state;
	assert_int_equal(secret_seal(&key, 7, SECRET_NT, "secret", 6, &sealed), 0);
	assert_int_equal(secret_open(&key, 7, SECRET_NT, &sealed, opened), 0);
	assert_memory_equal(opened, "secret", 6);
	assert_int_not_equal(secret_open(&key, 8, SECRET_NT, &sealed, opened), 0);
	assert_int_not_equal(secret_open(&key, 7, SECRET_REVERSIBLE, &sealed, opened), 0);
	assert_int_equal(secret_seal(&key, 7, SECRET_NT, "secret", 6, &again), 0);
	assert_memory_not_equal(sealed.nonce, again.nonce, sizeof(sealed.nonce));
}

static void each_flipped_bit_is_noticed(void **state)
{
	struct secret_sealed sealed;
	uint8_t opened[6];

	(void)state;
	assert_int_equal(secret_seal(&key, 7, SECRET_NT, "secret", 6, &sealed), 0);
	for (size_t bit = 0; bit < 8 * 6; bit++) {
		struct secret_sealed bad = sealed;

		bad.ciphertext[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_not_equal(secret_open(&key, 7, SECRET_NT, &bad, opened), 0);
	}
	for (size_t bit = 0; bit < 8 * AEAD_TAG_LEN; bit++) {
		struct secret_sealed bad = sealed;

		bad.tag[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_not_equal(secret_open(&key, 7, SECRET_NT, &bad, opened), 0);
	}
}

static void a_secret_too_long_is_refused(void **state)
{
	struct secret_sealed sealed;
	char text[STORE_PASSWORD_MAX + 1] = "x";

	(void)state;
	assert_int_equal(
		secret_seal(&key, 7, SECRET_REVERSIBLE, text, STORE_PASSWORD_MAX, &sealed), 0);
	assert_int_not_equal(
		secret_seal(&key, 7, SECRET_REVERSIBLE, text, STORE_PASSWORD_MAX + 1, &sealed), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_sealed_secret_opens_for_its_user_and_kind_alone),
		cmocka_unit_test(each_flipped_bit_is_noticed),
		cmocka_unit_test(a_secret_too_long_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
