// SPDX-License-Identifier: Apache-2.0
/* A one-time code behind the password: which methods carry it, and that each code counts once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <poll.h>

#include "aaa/aaa.h"
#include "aaa/judge.h"
#include "aaa/policy.h"
#include "base/clock.h"
#include "base/crypto.h"
#include "base/eap.h"
#include "base/hex.h"
#include "store/store.h"
#include "unit/store/state.h"

static const uint8_t seed[TOTP_SEED_LEN + 1] = "12345678901234567890";

/* ---- the judge: pure, at a time of the test's ---- */

enum { NOW = 1111111109 }; /* RFC 6238: 07081804 of eight digits */
#define CODE "081804"

static struct db_login user(bool reversible)
{
	struct db_login l = {.id = 1, .name = "User", .has_nt = true, .has_totp = true};

	mschap_nt_hash("clientPass", l.nt_hash);
	memcpy(l.totp_seed, seed, TOTP_SEED_LEN);
	l.has_reversible = reversible;
	strcpy(l.password, reversible ? "clientPass" : "");
	return l;
}

static struct proof mschapv2(const char *password)
{
	struct proof p = {.method = AUTH_MSCHAPV2, .user = "User", .user_len = 4};
	uint8_t hash[MSCHAP_NT_HASH_LEN];

	hex_decode("5b5d7c7d7b3f2f3e3c2c602132262628", p.challenge, 16);
	hex_decode("21402324255e262a28295f2b3a337c7e", p.peer_challenge, 16);
	mschap_nt_hash(password, hash);
	mschap_nt_response(p.challenge, p.peer_challenge, "User", 4, hash, p.nt_response);
	return p;
}

static struct proof pap(const char *password)
{
	struct proof p = {.method = AUTH_PAP, .user = "User", .user_len = 4};

	strcpy(p.password, password);
	p.password_len = strlen(password);
	return p;
}

static struct proof chap(const char *password)
{
	struct proof p = {.method = AUTH_CHAP_MD5, .user = "User", .user_len = 4, .identifier = 5};
	struct octets parts[] = {{&p.identifier, 1}, {password, strlen(password)},
		{p.challenge, sizeof(p.challenge)}};

	hash_parts(HASH_MD5, parts, ARRAY_SIZE(parts), p.md5_response);
	return p;
}

static struct judgement judge(const struct proof p, const struct db_login l, bool needs_code)
{
	const struct judge_case c = {
		.proof = &p, .login = &l, .known = true, .needs_code = needs_code, .now_s = NOW};
	struct judgement j;

	judge_of_passwords.judge(&c, &j);
	return j;
}

#define JUDGED(proof, login) judge(proof, login, true).event

static void the_keys_are_those_of_password_and_code(void **state)
{
	struct judgement j = judge(mschapv2("clientPass" CODE), user(true), true), plain;
	uint8_t hash[MSCHAP_NT_HASH_LEN], hlak[HLAK_LEN];
	struct proof p = mschapv2("clientPass" CODE);
	char answer[MSCHAP_AUTH_RESPONSE_LEN + 1] = "";

	(void)state;
	assert_int_equal(j.event, EV_AUTH_ACCEPTED);
	assert_int_equal(j.totp_step, NOW / TOTP_STEP_S);
	mschap_nt_hash("clientPass" CODE, hash);
	mschap_hlak(hash, p.nt_response, hlak);
	mschap_auth_response(hash, p.nt_response, p.challenge, p.peer_challenge, "User", 4, answer);
	assert_memory_equal(j.keys.hlak, hlak, HLAK_LEN);
	assert_string_equal(j.keys.auth_response, answer);
	plain = judge(mschapv2("clientPass"), user(true), false);
	assert_memory_not_equal(j.keys.hlak, plain.keys.hlak, HLAK_LEN);
	assert_int_equal(plain.totp_step, 0);
}

static void codes_of_the_step_before_and_after_count_and_no_others(void **state)
{
	(void)state;
	for (int64_t step = NOW / 30 - 4; step <= NOW / 30 + 4; step++) {
		bool near = step >= NOW / 30 - 1 && step <= NOW / 30 + 1;
		char code[TOTP_CODE_LEN], word[40];
		struct judgement j;

		totp_code(seed, TOTP_SEED_LEN, step, TOTP_DIGITS, code);
		snprintf(word, sizeof(word), "clientPass%s", code);
		j = judge(mschapv2(word), user(true), true);
		assert_int_equal(j.event, near ? EV_AUTH_ACCEPTED : EV_AUTH_WRONG_PASSWORD);
		assert_int_equal(j.totp_step, near ? step : 0);
		j = judge(pap(word), user(false), true);
		assert_int_equal(j.event, near ? EV_AUTH_ACCEPTED : EV_AUTH_TOTP_WRONG);
		assert_int_equal(j.totp_step, near ? step : 0);
	}
}

static void each_fault_has_its_event_and_the_peer_learns_none(void **state)
{
	struct db_login none = user(true);
	const struct {
		struct proof proof;
		struct db_login login;
		enum event event;
	} rows[] = {
		{mschapv2("clientPass"), user(true), EV_AUTH_TOTP_MISSING},
		{mschapv2("clientPass"), user(false), EV_AUTH_TOTP_MISSING},
		{mschapv2("clientPass" CODE), user(false), EV_AUTH_TOTP_NO_REVERSIBLE},
		{mschapv2("clientPass081805"), user(true), EV_AUTH_WRONG_PASSWORD},
		{mschapv2("otherPass" CODE), user(true), EV_AUTH_WRONG_PASSWORD},
		{mschapv2(CODE), user(true), EV_AUTH_WRONG_PASSWORD},
		{mschapv2(CODE "clientPass"), user(true), EV_AUTH_WRONG_PASSWORD},
		{mschapv2(""), user(true), EV_AUTH_WRONG_PASSWORD},
		{pap("clientPass"), user(false), EV_AUTH_TOTP_MISSING},
		{pap("clientPass000000"), user(false), EV_AUTH_TOTP_WRONG},
		{pap("clientPass 81804"), user(false), EV_AUTH_TOTP_WRONG},
		{pap("otherPass" CODE), user(false), EV_AUTH_WRONG_PASSWORD},
		{pap(CODE), user(false), EV_AUTH_WRONG_PASSWORD},
		{pap("1"), user(false), EV_AUTH_WRONG_PASSWORD},
		{pap(""), user(false), EV_AUTH_WRONG_PASSWORD},
		{chap("clientPass" CODE), user(true), EV_AUTH_WRONG_PASSWORD},
		{chap("clientPass"), user(true), EV_AUTH_TOTP_METHOD},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct judgement j = judge(rows[i].proof, rows[i].login, true);

		assert_int_equal(j.event, rows[i].event);
		assert_int_equal(j.code, AUTH_FAILED);
		assert_string_equal(j.message, "Wrong user name or password");
		assert_int_equal(j.totp_step, 0);
		for (size_t k = 0; k < HLAK_LEN; k++)
			assert_int_equal(j.keys.hlak[k], 0);
	}
	none.has_totp = false;
	assert_int_equal(JUDGED(mschapv2("clientPass"), none), EV_AUTH_TOTP_NOT_ENROLLED);
	assert_int_equal(JUDGED(mschapv2("clientPass" CODE), none), EV_AUTH_WRONG_PASSWORD);
}

/* A password that ends with digits is not cut by itself. */
static void a_password_of_digits_is_whole(void **state)
{
	struct db_login l = user(true);

	(void)state;
	mschap_nt_hash("123456", l.nt_hash);
	strcpy(l.password, "123456");
	assert_int_equal(JUDGED(pap("123456"), l), EV_AUTH_TOTP_MISSING);
	assert_int_equal(JUDGED(pap("123456" CODE), l), EV_AUTH_ACCEPTED);
	assert_int_equal(JUDGED(mschapv2("123456" CODE), l), EV_AUTH_ACCEPTED);
	assert_int_equal(judge(pap("123456"), l, false).event, EV_AUTH_ACCEPTED);
	assert_int_equal(judge(pap("123456" CODE), l, false).event, EV_AUTH_WRONG_PASSWORD);
}

static void a_certificate_needs_leave(void **state)
{
	struct proof p = {.method = AUTH_EAP, .eap_type = EAP_TLS, .user = "User", .user_len = 4};
	struct grant_values v = {0};
	char why[GRANT_WHY_LEN];

	(void)state;
	assert_int_equal(JUDGED(p, user(true)), EV_AUTH_TOTP_METHOD);
	p.eap_tunnel = EAP_PEAP;
	assert_int_equal(JUDGED(p, user(true)), EV_AUTH_TOTP_METHOD);
	assert_int_equal(judge(p, user(true), false).event, EV_AUTH_ACCEPTED);
	assert_true(policy_needs_code(&v, true, true)); /* who has a seed needs codes */
	assert_false(policy_needs_code(&v, false, false));
	assert_int_equal(grant_parse(&v, "totp", "not-with-certificate", GRANT_GROUP, why), 0);
	assert_false(policy_needs_code(&v, true, true));
	assert_true(policy_needs_code(&v, true, false));
	assert_true(policy_needs_code(&v, false, false));
	assert_int_equal(grant_parse(&v, "totp", "required", GRANT_USER, why), 0);
	assert_true(policy_needs_code(&v, false, true));
	assert_int_equal(grant_parse(&v, "totp", "off", GRANT_USER, why), 0);
	assert_false(policy_needs_code(&v, true, false));
	assert_int_equal(grant_parse(&v, "totp", "yes", GRANT_USER, why), -EINVAL);
}

/* ---- with the store: a code counts once ---- */

struct fixture {
	struct state state;
	struct mailbox box;
	struct store *store;
	struct aaa *aaa;
	int64_t user;
	unsigned answers, accepted, used;
	struct aaa_answer answer;
};

static void on_done(void *owner, const struct aaa_answer *answer)
{
	struct fixture *f = owner;

	f->answers++;
	f->accepted += answer->event == EV_AUTH_ACCEPTED;
	f->used += answer->event == EV_AUTH_TOTP_USED;
	f->answer = *answer;
	f->answer.grant = NULL;
}

static struct db *admin(struct fixture *f)
{
	struct db_error err;
	struct db *db = NULL;

	assert_int_equal(db_open(&(struct db_opts){.state = f->state.folder}, &db, &err), 0);
	return db;
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct db_error err;
	struct db *db;

	state_make(&f->state);
	db = state_open(&f->state);
	f->user = state_add_user(db, "User", "clientPass", true);
	assert_int_equal(db_user_set_totp(db, f->user, seed), 0);
	assert_int_equal(store_new(db, &(struct store_opts){0}, &f->store, &err), 0);
	assert_int_equal(aaa_new(&(struct aaa_opts){.store = f->store}, &f->aaa), 0);
	mailbox_init(&f->box);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	aaa_free(f->aaa);
	store_free(f->store);
	mailbox_done(&f->box);
	state_remove(&f->state);
	free(f);
	return 0;
}

static const char *word_now(int steps, char ret[static 40])
{
	char code[TOTP_CODE_LEN];

	totp_code(seed, TOTP_SEED_LEN, totp_step(clock_wall_s()) + steps, TOTP_DIGITS, code);
	snprintf(ret, 40, "clientPass%s", code);
	return ret;
}

/* All at once, as connections to several workers are; each with a conversation of its own. */
static void log_in(struct fixture *f, const struct proof *proofs, size_t n)
{
	const struct aaa_facts facts = {.reply_to = &f->box};
	uint64_t give_up = clock_mono_ms() + 30000;
	struct aaa_conversation *c[16];

	f->answers = f->accepted = f->used = 0;
	for (size_t i = 0; i < n; i++) {
		const struct aaa_input input = {.proof = &proofs[i], .done = on_done, .owner = f};

		assert_int_equal(aaa_begin(f->aaa, &facts, &c[i]), 0);
		assert_int_equal(aaa_feed(c[i], &input), 0);
	}
	while (f->answers < n && clock_mono_ms() < give_up) {
		poll(&(struct pollfd){f->box.fd, POLLIN, 0}, 1, 100);
		mailbox_deliver(&f->box);
	}
	assert_int_equal(f->answers, n);
	for (size_t i = 0; i < n; i++)
		aaa_end(c[i]);
}

static enum event login(struct fixture *f, struct proof p)
{
	log_in(f, &p, 1);
	return f->answer.event;
}

static void a_code_counts_once(void **state)
{
	struct fixture *f = *state;
	char word[40];

	word_now(0, word);
	assert_int_equal(login(f, mschapv2(word)), EV_AUTH_ACCEPTED);
	assert_int_equal(f->answer.user_id, f->user);
	assert_memory_equal(f->answer.keys.auth_response, "S=", 2);
	assert_int_equal(login(f, mschapv2(word)), EV_AUTH_TOTP_USED);
	assert_int_equal(f->answer.code, AUTH_FAILED);
	assert_int_equal(f->answer.keys.hlak[0] | f->answer.keys.auth_response[0], 0);
	assert_int_equal(login(f, pap(word)), EV_AUTH_TOTP_USED); /* by any method */
	assert_int_equal(login(f, pap(word_now(1, word))), EV_AUTH_ACCEPTED);
}

/* A code that was seen and kept back is worth nothing once a later one was used. */
static void an_older_code_than_the_last_is_used_up_as_well(void **state)
{
	struct fixture *f = *state;
	char word[40];

	assert_int_equal(login(f, mschapv2(word_now(1, word))), EV_AUTH_ACCEPTED);
	assert_int_equal(login(f, mschapv2(word_now(0, word))), EV_AUTH_TOTP_USED);
}

static void of_logins_at_once_with_one_code_one_comes_in(void **state)
{
	struct fixture *f = *state;
	struct proof p[16];
	char word[40];

	word_now(0, word);
	for (size_t i = 0; i < ARRAY_SIZE(p); i++)
		p[i] = i % 2 ? pap(word) : mschapv2(word);
	log_in(f, p, ARRAY_SIZE(p));
	assert_int_equal(f->accepted, 1);
	assert_int_equal(f->used, ARRAY_SIZE(p) - 1);
}

static void a_code_of_a_login_that_policy_refuses_is_not_used_up(void **state)
{
	struct fixture *f = *state;
	struct db *db = admin(f);
	char word[40];

	word_now(0, word);
	assert_int_equal(db_user_set_disabled(db, f->user, true), 0);
	assert_int_equal(login(f, mschapv2(word)), EV_AUTH_USER_DISABLED);
	assert_int_equal(db_user_set_disabled(db, f->user, false), 0);
	assert_int_equal(login(f, mschapv2(word)), EV_AUTH_ACCEPTED);
	db_close(db);
}

static void a_new_seed_starts_over_and_without_one_the_password_is_enough(void **state)
{
	struct fixture *f = *state;
	struct db *db = admin(f);
	char word[40];

	assert_int_equal(login(f, mschapv2(word_now(0, word))), EV_AUTH_ACCEPTED);
	assert_int_equal(db_user_set_totp(db, f->user, seed), 0);
	assert_int_equal(login(f, mschapv2(word_now(0, word))), EV_AUTH_ACCEPTED);
	assert_int_equal(login(f, mschapv2("clientPass")), EV_AUTH_TOTP_MISSING);
	assert_int_equal(db_user_remove_totp(db, f->user), 0);
	assert_int_equal(db_user_remove_totp(db, f->user), -ENOENT);
	assert_int_equal(login(f, mschapv2("clientPass")), EV_AUTH_ACCEPTED);
	assert_int_equal(login(f, mschapv2(word_now(1, word))), EV_AUTH_WRONG_PASSWORD);
	db_close(db);
}

/* A password that must change: the code in hand is used for nothing else. */
static void no_password_is_changed_by_a_login_with_a_code(void **state)
{
	uint8_t blocks[PROOF_CHANGE_LEN] = {1};
	struct fixture *f = *state;
	struct db *db = admin(f);
	struct proof p = mschapv2("next");
	char word[40];

	assert_int_equal(db_value_set(db, DB_USER, f->user, "must_change", "yes"), 0);
	assert_int_equal(login(f, mschapv2(word_now(0, word))), EV_AUTH_TOTP_NO_CHANGE);
	assert_int_equal(f->answer.code, AUTH_NO_DIALIN);
	assert_true(f->answer.final);
	p.change = blocks;
	assert_int_equal(login(f, p), EV_AUTH_TOTP_NO_CHANGE);
	assert_int_equal(
		f->answer.code, AUTH_FAILED); /* whether the old one was right stays unsaid */
	assert_true(f->answer.final);
	assert_false(f->answer.password_changed);
	db_close(db);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_keys_are_those_of_password_and_code),
		cmocka_unit_test(codes_of_the_step_before_and_after_count_and_no_others),
		cmocka_unit_test(each_fault_has_its_event_and_the_peer_learns_none),
		cmocka_unit_test(a_password_of_digits_is_whole),
		cmocka_unit_test(a_certificate_needs_leave),
		CASE(a_code_counts_once),
		CASE(an_older_code_than_the_last_is_used_up_as_well),
		CASE(of_logins_at_once_with_one_code_one_comes_in),
		CASE(a_code_of_a_login_that_policy_refuses_is_not_used_up),
		CASE(a_new_seed_starts_over_and_without_one_the_password_is_enough),
		CASE(no_password_is_changed_by_a_login_with_a_code),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
