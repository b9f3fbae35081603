// SPDX-License-Identifier: Apache-2.0
/* A proof and a user in, the judgement out; the vectors are the RFCs'. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "aaa/judge.h"
#include "base/eap.h"
#include "base/hex.h"
#include "base/mschap.h"
#include "store/db.h"

enum { NOW = 1000000 };

/* "User", password "clientPass": RFC 2759 section 9.2. */
static struct db_login user(void)
{
	struct db_login l = {.id = 1, .name = "User", .has_nt = true};

	assert_int_equal(mschap_nt_hash("clientPass", l.nt_hash), 0);
	return l;
}

static struct proof of_user(enum auth_method method)
{
	return (struct proof){.method = method, .user = "User", .user_len = 4};
}

static struct proof mschapv2_of_the_rfc(void)
{
	struct proof p = of_user(AUTH_MSCHAPV2);

	hex_decode("5b5d7c7d7b3f2f3e3c2c602132262628", p.challenge, 16);
	hex_decode("21402324255e262a28295f2b3a337c7e", p.peer_challenge, 16);
	hex_decode("82309ecd8d708b5ea08faa3981cd83544233114a3d85d6df", p.nt_response, 24);
	return p;
}

static struct proof pap(const char *password)
{
	struct proof p = of_user(AUTH_PAP);

	strcpy(p.password, password);
	p.password_len = strlen(password);
	return p;
}

/* Identifier 5, secret "secret", and 16 octets of challenge: RFC 1994 section 4.1. */
static struct proof chap_md5(void)
{
	struct proof p = of_user(AUTH_CHAP_MD5);

	p.identifier = 5;
	hex_decode("000102030405060708090a0b0c0d0e0f", p.challenge, 16);
	hex_decode("0a9065cdcebbe49bd1f1d1fda6ce3ff9", p.md5_response, 16);
	return p;
}

static struct judgement judge(const struct proof *p, const struct db_login *l, bool known)
{
	const struct judge_case c = {.proof = p, .login = l, .known = known, .now_s = NOW};
	struct judgement j;

	judge_of_passwords.judge(&c, &j);
	return j;
}

static bool is_without_keys(const struct judgement *j)
{
	static const struct aaa_keys none;

	return !memcmp(&j->keys, &none, sizeof(none));
}

static void mschapv2_gives_the_answer_and_the_key_of_the_rfcs(void **state)
{
	const struct proof p = mschapv2_of_the_rfc();
	const struct db_login l = user();
	const struct judgement j = judge(&p, &l, true);
	uint8_t hlak[HLAK_LEN];

	(void)state;
	assert_int_equal(j.outcome, AAA_ACCEPT);
	assert_int_equal(j.event, EV_AUTH_ACCEPTED);
	assert_string_equal(j.keys.auth_response, "S=407A5589115FD0D6209F510FE9C04566932CDA56");
	/* RFC 3079 section 3.5.3: the server's receive key, then its send key. */
	hex_decode(
		"d5f0e9521e3ea9589645e86051c822268b7cdc149b993a1ba118cb153f56dccb", hlak, HLAK_LEN);
	assert_memory_equal(j.keys.hlak, hlak, HLAK_LEN);
}

static void each_flipped_bit_of_a_response_is_a_wrong_password(void **state)
{
	const struct db_login l = user();

	(void)state;
	for (size_t bit = 0; bit < 8 * 24; bit++) {
		struct proof p = mschapv2_of_the_rfc();
		struct judgement j;

		p.nt_response[bit / 8] ^= (uint8_t)(1 << bit % 8);
		j = judge(&p, &l, true);
		assert_int_equal(j.event, EV_AUTH_WRONG_PASSWORD);
		assert_int_equal(j.outcome, AAA_REJECT);
		assert_true(is_without_keys(&j));
	}
}

static void pap_is_checked_against_the_hash_and_yields_no_key(void **state)
{
	static const char *const wrong[] = {"clientpass", "", "\xff\xfe", "clientPass "};
	const struct db_login l = user();
	struct proof p = pap("clientPass");
	struct judgement j = judge(&p, &l, true);

	(void)state;
	assert_int_equal(j.event, EV_AUTH_ACCEPTED);
	assert_true(is_without_keys(&j));
	p.password_len++; /* a zero octet does not end the password early */
	assert_int_equal(judge(&p, &l, true).event, EV_AUTH_WRONG_PASSWORD);
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		p = pap(wrong[i]);
		assert_int_equal(judge(&p, &l, true).event, EV_AUTH_WRONG_PASSWORD);
	}
}

static void chap_md5_needs_the_password_itself(void **state)
{
	struct proof p = chap_md5();
	struct db_login l = user();

	(void)state;
	assert_int_equal(judge(&p, &l, true).event, EV_AUTH_NO_REVERSIBLE_SECRET);
	l.has_reversible = true;
	strcpy(l.password, "secret");
	assert_int_equal(judge(&p, &l, true).event, EV_AUTH_ACCEPTED);
	p.identifier++;
	assert_int_equal(judge(&p, &l, true).event, EV_AUTH_WRONG_PASSWORD);
}

/* What the peer learns of why it stays outside. */
static void each_reason_has_its_code(void **state)
{
	static const struct {
		enum event event;
		enum auth_error code;
	} reasons[] = {{EV_AUTH_USER_DISABLED, AUTH_DISABLED},
		{EV_AUTH_USER_EXPIRED, AUTH_PASSWORD_EXPIRED},
		{EV_AUTH_PASSWORD_OLD, AUTH_PASSWORD_EXPIRED},
		{EV_AUTH_OUTSIDE_HOURS, AUTH_RESTRICTED_HOURS},
		{EV_AUTH_METHOD_NOT_ALLOWED, AUTH_FAILED}, {EV_AUTH_UNKNOWN_USER, AUTH_FAILED}};
	struct judgement wrong, j;

	(void)state;
	judge_reject(EV_AUTH_WRONG_PASSWORD, &wrong);
	for (size_t i = 0; i < ARRAY_SIZE(reasons); i++) {
		judge_reject(reasons[i].event, &j);
		assert_int_equal(j.code, reasons[i].code);
		if (j.code == AUTH_FAILED)
			assert_string_equal(j.message, wrong.message);
	}
}

/* The hash that stands in for a missing one is all zeros; it opens nothing. */
static void the_stand_in_of_a_missing_secret_accepts_no_proof(void **state)
{
	static const uint8_t zeros[MSCHAP_NT_HASH_LEN];
	struct proof p = mschapv2_of_the_rfc();
	const struct db_login none = {0};
	struct judgement j;

	(void)state;
	mschap_nt_response(p.challenge, p.peer_challenge, p.user, p.user_len, zeros, p.nt_response);
	j = judge(&p, &none, false);
	assert_int_equal(j.event, EV_AUTH_UNKNOWN_USER);
	assert_int_equal(j.code, AUTH_FAILED);
	assert_true(is_without_keys(&j));
	assert_int_equal(judge(&p, &none, true).event, EV_AUTH_NO_SECRET);
}

static void a_stranger_reads_the_same_for_an_unknown_name_and_a_wrong_password(void **state)
{
	const struct db_login l = user(), none = {0};
	const struct proof p = pap("guess");
	const struct judgement wrong = judge(&p, &l, true), unknown = judge(&p, &none, false);

	(void)state;
	assert_int_equal(wrong.code, unknown.code);
	assert_string_equal(wrong.message, unknown.message);
}

static void only_methods_with_a_row_are_served(void **state)
{
	(void)state;
	assert_true(judge_of_passwords.serves(AUTH_PAP));
	assert_true(judge_of_passwords.serves(AUTH_CHAP_MD5));
	assert_true(judge_of_passwords.serves(AUTH_MSCHAPV2));
	assert_false(judge_of_passwords.serves(AUTH_EAP));
	assert_false(judge_of_passwords.serves(AUTH_NONE));
	assert_false(judge_of_passwords.serves(AUTH_METHODS));
}

static void every_way_to_log_in_has_a_word(void **state)
{
	static const struct {
		struct proof proof;
		const char *word;
	} rows[] = {
		{{.method = AUTH_PAP}, "pap"},
		{{.method = AUTH_CHAP_MD5}, "chap"},
		{{.method = AUTH_MSCHAPV2}, "mschapv2"},
		{{.method = AUTH_CHAP_MD5, .eap_type = EAP_MD5}, "eap-md5"},
		{{.method = AUTH_MSCHAPV2, .eap_type = EAP_MSCHAPV2}, "eap-mschapv2"},
		{{.method = AUTH_EAP, .eap_type = EAP_TLS}, "eap-tls"},
		{{.method = AUTH_MSCHAPV2, .eap_type = EAP_MSCHAPV2, .eap_tunnel = EAP_PEAP},
			"eap-peap"},
		{{.method = AUTH_EAP}, "eap"},
		{{.method = AUTH_NONE}, "other"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_string_equal(judge_method_word(&rows[i].proof), rows[i].word);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mschapv2_gives_the_answer_and_the_key_of_the_rfcs),
		cmocka_unit_test(each_flipped_bit_of_a_response_is_a_wrong_password),
		cmocka_unit_test(pap_is_checked_against_the_hash_and_yields_no_key),
		cmocka_unit_test(chap_md5_needs_the_password_itself),
		cmocka_unit_test(each_reason_has_its_code),
		cmocka_unit_test(the_stand_in_of_a_missing_secret_accepts_no_proof),
		cmocka_unit_test(
			a_stranger_reads_the_same_for_an_unknown_name_and_a_wrong_password),
		cmocka_unit_test(only_methods_with_a_row_are_served),
		cmocka_unit_test(every_way_to_log_in_has_a_word),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
