// SPDX-License-Identifier: Apache-2.0
#include "vectors.h"

#include <errno.h>

#include "base/mschap_change.h"

#define ID "mschapv2-change-password"

static void hash_of(const char *password, uint8_t ret[static MSCHAP_NT_HASH_LEN])
{
	assert_int_equal(mschap_nt_hash(password, ret), 0);
}

/* RFC 2759 sections 8.9 to 8.13, with a padding that is known. */
static void a_sealed_password_is_the_published_one(void **state)
{
	uint8_t old_hash[MSCHAP_NT_HASH_LEN], new_hash[MSCHAP_NT_HASH_LEN];
	uint8_t padding[MSCHAP_PASSWORD_UTF16_MAX], block[MSCHAP_PW_BLOCK_LEN], sealed[16];
	struct hexlit want = vector_octets(ID, "encrypted_password");
	struct hexlit want_hash = vector_octets(ID, "encrypted_hash");
	char opened[64];

	for (unsigned i = 0; i < sizeof(padding); i++)
		padding[i] = (uint8_t)(7 * i + 1);
	hash_of("clientPass", old_hash);
	hash_of("newPass1", new_hash);
	assert_int_equal(mschap_password_seal("newPass1", old_hash, padding, block), 0);
	assert_int_equal(want.n, sizeof(block));
	assert_memory_equal(block, want.p, sizeof(block));
	assert_int_equal(mschap_hash_seal(old_hash, new_hash, sealed), 0);
	assert_memory_equal(sealed, want_hash.p, sizeof(sealed));
	assert_int_equal(mschap_password_open(block, old_hash, opened, sizeof(opened)), 0);
	assert_string_equal(opened, "newPass1");
}

static void each_script_comes_back(void **state)
{
	static const char *const passwords[] = {"", "a", "p\xc3\xa4ssw\xc3\xb6rd",
		"\xe5\xaf\x86\xe7\xa0\x81", "\xf0\x9f\x98\x80pw"};
	uint8_t hash[MSCHAP_NT_HASH_LEN] = {1, 2, 3}, padding[MSCHAP_PASSWORD_UTF16_MAX] = {9};
	uint8_t block[MSCHAP_PW_BLOCK_LEN];
	char opened[64];

	for (size_t i = 0; i < sizeof(passwords) / sizeof(*passwords); i++) {
		assert_int_equal(mschap_password_seal(passwords[i], hash, padding, block), 0);
		assert_int_equal(mschap_password_open(block, hash, opened, sizeof(opened)), 0);
		assert_string_equal(opened, passwords[i]);
	}
}

static void a_password_too_long_is_refused_on_both_sides(void **state)
{
	uint8_t hash[MSCHAP_NT_HASH_LEN] = {1}, padding[MSCHAP_PASSWORD_UTF16_MAX] = {0};
	uint8_t block[MSCHAP_PW_BLOCK_LEN];
	char password[258], opened[257];

	memset(password, 'x', sizeof(password));
	password[257] = '\0';
	assert_int_equal(mschap_password_seal(password, hash, padding, block), -E2BIG);
	password[256] = '\0';
	assert_int_equal(mschap_password_seal(password, hash, padding, block), 0);
	assert_int_equal(mschap_password_open(block, hash, opened, sizeof(opened)), 0);
	assert_string_equal(opened, password);
	assert_int_equal(mschap_password_open(block, hash, opened, 256), -EBADMSG);
	assert_int_equal(mschap_password_seal("\xff", hash, padding, block), -EILSEQ);
}

/* Any length, a lone surrogate, a zero: what a hostile client may put inside. */
static void what_no_client_sends_is_refused(void **state)
{
	uint8_t hash[MSCHAP_NT_HASH_LEN] = {1}, padding[MSCHAP_PASSWORD_UTF16_MAX] = {0};
	uint8_t good[MSCHAP_PW_BLOCK_LEN], clear[MSCHAP_PW_BLOCK_LEN], bad[MSCHAP_PW_BLOCK_LEN];
	static const struct {
		size_t at;
		uint8_t value;
	} rows[] = {{512, 3}, {512, 255}, {513, 3}, {514, 1}, {515, 0x80}, {510, 0}};
	char opened[600];

	assert_int_equal(mschap_password_seal("a", hash, padding, good), 0);
	/* the key stream, from a text that is known */
	memset(clear, 0, sizeof(clear));
	clear[510] = 'a';
	clear[512] = 2;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		memcpy(bad, good, sizeof(bad));
		bad[rows[i].at] ^= clear[rows[i].at] ^ rows[i].value;
		assert_int_equal(mschap_password_open(bad, hash, opened, sizeof(opened)), -EBADMSG);
	}
	memcpy(bad, good, sizeof(bad));
	bad[511] ^= 0xd8; /* U+D861, alone */
	assert_int_equal(mschap_password_open(bad, hash, opened, sizeof(opened)), -EBADMSG);
	hash[0] ^= 1;
	assert_int_equal(mschap_password_open(good, hash, opened, sizeof(opened)), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_sealed_password_is_the_published_one),
		cmocka_unit_test(each_script_comes_back),
		cmocka_unit_test(a_password_too_long_is_refused_on_both_sides),
		cmocka_unit_test(what_no_client_sends_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
