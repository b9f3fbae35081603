// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <poll.h>
#include <time.h>

#include "aaa/aaa.h"
#include "base/clock.h"
#include "base/hex.h"
#include "base/mschap_change.h"
#include "store/store.h"
#include "unit/store/state.h"

struct fixture {
	struct state state;
	struct mailbox box;
	struct store *store;
	struct aaa *aaa;
	int64_t user; /* "User", password "clientPass": RFC 2759 section 9.2 */
	struct proof proof;
	struct aaa_answer answer; /* with a reference to its grant */
};

static bool done;

static void on_done(void *owner, const struct aaa_answer *answer)
{
	struct fixture *f = owner;

	done = true;
	grant_unref(f->answer.grant);
	f->answer = *answer;
	if (f->answer.grant)
		grant_ref(f->answer.grant);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct db_error err;
	struct db *db;

	state_make(&f->state);
	db = state_open(&f->state);
	f->user = state_add_user(db, "User", "clientPass", false);
	state_add_user(db, "alice", "secret", true);
	state_add_user(db, "nobody", NULL, false);
	assert_int_equal(store_new(db, &(struct store_opts){0}, &f->store, &err), 0);
	assert_int_equal(aaa_new(&(struct aaa_opts){.store = f->store}, &f->aaa), 0);
	mailbox_init(&f->box);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	grant_unref(f->answer.grant);
	aaa_free(f->aaa);
	store_free(f->store);
	mailbox_done(&f->box);
	state_remove(&f->state);
	free(f);
	return 0;
}

/* --- what an admin does meanwhile, in another process --- */

static struct db *admin(struct fixture *f)
{
	struct db_error err;
	struct db *db = NULL;

	assert_int_equal(db_open(&(struct db_opts){.state = f->state.folder}, &db, &err), 0);
	return db;
}

/* --- what a client sends --- */

static void name(struct fixture *f, const char *user)
{
	strcpy(f->proof.user, user);
	f->proof.user_len = strlen(user);
}

static void pap(struct fixture *f, const char *user, const char *password)
{
	f->proof = (struct proof){.method = AUTH_PAP};
	name(f, user);
	strcpy(f->proof.password, password);
	f->proof.password_len = strlen(password);
}

/* Vector chap-md5: identifier 5, secret "secret", name "alice". */
static void chap(struct fixture *f, const char *user)
{
	f->proof = (struct proof){.method = AUTH_CHAP_MD5, .identifier = 5};
	name(f, user);
	hex_decode("000102030405060708090a0b0c0d0e0f", f->proof.challenge, 16);
	hex_decode("0a9065cdcebbe49bd1f1d1fda6ce3ff9", f->proof.md5_response, 16);
}

/* RFC 2759 section 9.2: what "User" answers to that challenge. */
static void mschapv2_of_the_rfc(struct fixture *f)
{
	f->proof = (struct proof){.method = AUTH_MSCHAPV2};
	name(f, "User");
	hex_decode("5b5d7c7d7b3f2f3e3c2c602132262628", f->proof.challenge, 16);
	hex_decode("21402324255e262a28295f2b3a337c7e", f->proof.peer_challenge, 16);
	hex_decode("82309ecd8d708b5ea08faa3981cd83544233114a3d85d6df", f->proof.nt_response, 24);
}

/* What a client of that name and password computes: over the name as it sends it. */
static void mschapv2(struct fixture *f, const char *user, const char *password)
{
	uint8_t hash[MSCHAP_NT_HASH_LEN];

	mschapv2_of_the_rfc(f);
	name(f, user);
	mschap_nt_hash(password, hash);
	mschap_nt_response(f->proof.challenge, f->proof.peer_challenge, user, strlen(user), hash,
		f->proof.nt_response);
}

static enum event login(struct fixture *f)
{
	const struct aaa_facts facts = {.reply_to = &f->box};
	const struct aaa_input input = {.proof = &f->proof, .done = on_done, .owner = f};
	uint64_t give_up = clock_mono_ms() + 10000;
	struct aaa_conversation *c = NULL;

	done = false;
	assert_int_equal(aaa_begin(f->aaa, &facts, &c), 0);
	assert_int_equal(aaa_feed(c, &input), 0);
	while (!done && clock_mono_ms() < give_up) {
		poll(&(struct pollfd){f->box.fd, POLLIN, 0}, 1, 100);
		mailbox_deliver(&f->box);
	}
	assert_true(done);
	aaa_end(c);
	return f->answer.event;
}

/* --- tests --- */

static void mschapv2_gives_the_answer_and_the_key_of_the_rfcs(void **state)
{
	struct fixture *f = *state;
	uint8_t hlak[HLAK_LEN];

	mschapv2_of_the_rfc(f);
	assert_int_equal(login(f), EV_AUTH_ACCEPTED);
	assert_int_equal(f->answer.code, AUTH_OK);
	assert_string_equal(
		f->answer.keys.auth_response, "S=407A5589115FD0D6209F510FE9C04566932CDA56");
	/* RFC 3079 section 3.5.3: the server's receive key, then its send key. */
	hex_decode(
		"d5f0e9521e3ea9589645e86051c822268b7cdc149b993a1ba118cb153f56dccb", hlak, HLAK_LEN);
	assert_memory_equal(f->answer.keys.hlak, hlak, HLAK_LEN);
	assert_int_equal(f->answer.user_id, f->user);
	assert_string_equal(f->answer.user, "User");
	assert_string_equal(f->answer.detail, "user=\"User\" method=mschapv2");
}

static void the_name_is_hashed_as_sent_and_found_in_any_case(void **state)
{
	struct fixture *f = *state;
	static const char *const spellings[] = {"user", "USER", "CORP\\user", "corp\\USER"};

	for (size_t i = 0; i < ARRAY_SIZE(spellings); i++) {
		mschapv2(f, spellings[i], "clientPass");
		assert_int_equal(login(f), EV_AUTH_ACCEPTED);
		assert_string_equal(f->answer.user, "User");
	}
	/* The response of "User" under the name "user" is another's. */
	mschapv2_of_the_rfc(f);
	name(f, "user");
	assert_int_equal(login(f), EV_AUTH_WRONG_PASSWORD);
}

static void each_flipped_bit_of_a_response_is_a_wrong_password(void **state)
{
	struct fixture *f = *state;

	for (size_t bit = 0; bit < 8 * 24; bit++) {
		mschapv2_of_the_rfc(f);
		f->proof.nt_response[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_equal(login(f), EV_AUTH_WRONG_PASSWORD);
	}
}

static void pap_is_checked_against_the_hash(void **state)
{
	struct fixture *f = *state;

	pap(f, "user", "clientPass");
	assert_int_equal(login(f), EV_AUTH_ACCEPTED);
	assert_int_equal(f->answer.code, AUTH_OK);
	for (int i = 0; i < HLAK_LEN; i++)
		assert_int_equal(f->answer.keys.hlak[i], 0);
	pap(f, "user", "clientpass");
	assert_int_equal(login(f), EV_AUTH_WRONG_PASSWORD);
	pap(f, "user", "");
	assert_int_equal(login(f), EV_AUTH_WRONG_PASSWORD);
	pap(f, "user", "\xff\xfe");
	assert_int_equal(login(f), EV_AUTH_WRONG_PASSWORD);
	/* A zero octet does not end the password early. */
	pap(f, "user", "clientPass");
	f->proof.password_len = sizeof("clientPass");
	assert_int_equal(login(f), EV_AUTH_WRONG_PASSWORD);
}

static void chap_md5_needs_the_password_itself(void **state)
{
	struct fixture *f = *state;

	chap(f, "alice");
	assert_int_equal(login(f), EV_AUTH_ACCEPTED);
	f->proof.md5_response[3] ^= 1;
	assert_int_equal(login(f), EV_AUTH_WRONG_PASSWORD);
	chap(f, "alice");
	f->proof.identifier++;
	assert_int_equal(login(f), EV_AUTH_WRONG_PASSWORD);
	chap(f, "User");
	assert_int_equal(login(f), EV_AUTH_NO_REVERSIBLE_SECRET);
	assert_int_equal(f->answer.code, AUTH_FAILED);
}

static void the_peer_cannot_tell_an_unknown_user_from_a_wrong_password(void **state)
{
	struct fixture *f = *state;
	struct aaa_answer wrong, unknown;

	mschapv2(f, "User", "guess");
	assert_int_equal(login(f), EV_AUTH_WRONG_PASSWORD);
	wrong = f->answer;
	mschapv2(f, "mallory", "guess");
	assert_int_equal(login(f), EV_AUTH_UNKNOWN_USER);
	unknown = f->answer;
	assert_int_equal(wrong.code, AUTH_FAILED);
	assert_int_equal(unknown.code, AUTH_FAILED);
	assert_string_equal(wrong.message, unknown.message);
	assert_memory_equal(&wrong.keys, &unknown.keys, sizeof(wrong.keys));
	assert_int_equal(wrong.final, unknown.final);
	assert_null(unknown.grant);
	assert_int_equal(f->answer.user_id, 0);
	assert_string_equal(f->answer.detail, "user=\"mallory\" method=mschapv2");
}

/* The hash that stands in for a missing one is all zeros; it must open nothing. */
static void the_stand_in_of_a_missing_secret_lets_nobody_in(void **state)
{
	static const uint8_t zeros[MSCHAP_NT_HASH_LEN];
	static const char *const names[] = {"mallory", "nobody"};
	static const enum event outcomes[] = {EV_AUTH_UNKNOWN_USER, EV_AUTH_NO_SECRET};
	struct fixture *f = *state;

	for (size_t i = 0; i < 2; i++) {
		mschapv2_of_the_rfc(f);
		name(f, names[i]);
		mschap_nt_response(f->proof.challenge, f->proof.peer_challenge, names[i],
			strlen(names[i]), zeros, f->proof.nt_response);
		assert_int_equal(login(f), outcomes[i]);
		assert_int_equal(f->answer.code, AUTH_FAILED);
	}
}

static void disabled_and_expired_are_told_to_who_knows_the_password(void **state)
{
	struct fixture *f = *state;
	struct db *db = admin(f);

	assert_int_equal(db_user_set_disabled(db, f->user, true), 0);
	mschapv2_of_the_rfc(f);
	assert_int_equal(login(f), EV_AUTH_USER_DISABLED);
	assert_int_equal(f->answer.code, AUTH_DISABLED);
	assert_int_equal(f->answer.keys.auth_response[0], 0);
	mschapv2(f, "User", "guess");
	assert_int_equal(login(f), EV_AUTH_WRONG_PASSWORD);
	assert_int_equal(f->answer.code, AUTH_FAILED);

	assert_int_equal(db_user_set_disabled(db, f->user, false), 0);
	assert_int_equal(db_user_set_expiry(db, f->user, clock_wall_s() - 1), 0);
	mschapv2_of_the_rfc(f);
	assert_int_equal(login(f), EV_AUTH_USER_EXPIRED);
	assert_int_equal(f->answer.code, AUTH_PASSWORD_EXPIRED);
	assert_int_equal(db_user_set_expiry(db, f->user, clock_wall_s() + 100), 0);
	assert_int_equal(db_user_set_pool(db, f->user, "staff"), 0);
	assert_int_equal(login(f), EV_AUTH_ACCEPTED);
	assert_in_range(
		f->answer.grant->is.expires.value, clock_wall_s() + 50, clock_wall_s() + 100);
	assert_string_equal(f->answer.grant->is.pool.value, "staff");
	db_close(db);
}

static void a_changed_password_counts_at_once(void **state)
{
	struct fixture *f = *state;
	struct addr address = addr_v4(0x0a000007);
	struct db *db = admin(f);

	assert_int_equal(db_user_set_password(db, f->user, "new", false), 0);
	assert_int_equal(db_user_set_ipv4(db, f->user, &address), 0);
	db_close(db);
	mschapv2_of_the_rfc(f);
	assert_int_equal(login(f), EV_AUTH_WRONG_PASSWORD);
	mschapv2(f, "User", "new");
	assert_int_equal(login(f), EV_AUTH_ACCEPTED);
	assert_true(addr_equal(&f->answer.grant->is.address.value, &address));
	assert_int_equal(f->answer.grant->is.address.origin, GRANT_USER);
	assert_int_equal(f->answer.grant->is.pool.origin, GRANT_UNSET);
}

static void a_method_without_a_row_is_refused(void **state)
{
	struct fixture *f = *state;

	pap(f, "User", "clientPass");
	f->proof.method = AUTH_EAP;
	assert_int_equal(login(f), EV_AUTH_METHOD_NOT_SERVED);
	assert_int_equal(f->answer.code, AUTH_FAILED);
}

static void names_from_outside_are_harmless_in_the_log(void **state)
{
	struct fixture *f = *state;

	pap(f, "a\n\" x=1\x1b", "p");
	assert_int_equal(login(f), EV_AUTH_UNKNOWN_USER);
	assert_string_equal(f->answer.user, "a\n\" x=1\x1b"); /* escaped at each output */
	assert_string_equal(f->answer.detail, "user=\"a\\x0a\\\" x=1\\x1b\" method=pap");
	pap(f, "User", "clientPass");
	memcpy(f->proof.user, "User\0x", 6);
	f->proof.user_len = 6;
	assert_int_equal(login(f), EV_AUTH_UNKNOWN_USER);
	assert_string_equal(f->answer.user, "User\xe2\x90\x80x");
	memset(f->proof.user, 'a', USER_NAME_MAX);
	f->proof.user_len = USER_NAME_MAX;
	assert_int_equal(login(f), EV_AUTH_UNKNOWN_USER);
	assert_int_equal(strlen(f->answer.user), USER_NAME_MAX);
}

static void secrets_of_another_key_are_the_stores_fault_not_the_users(void **state)
{
	struct fixture *f = *state;
	FILE *key = fopen(f->state.key, "w");
	struct db *db;

	fprintf(key, "%064d\n", 7);
	fclose(key);
	db = admin(f);
	assert_int_equal(db_user_set_password(db, f->user, "clientPass", false), 0);
	db_close(db);
	mschapv2_of_the_rfc(f);
	assert_int_equal(login(f), EV_AUTH_STORE_FAILED);
	assert_int_equal(f->answer.code, AUTH_FAILED);
	assert_string_equal(f->answer.detail, "user=\"User\" method=mschapv2 STORE_KEY_WRONG");
}

/* Printed, not asserted: the machine may be busy. The aim is below 100 µs, all threads together. */
static void what_a_login_costs(void **state)
{
	enum { LOGINS = 3000 };
	struct fixture *f = *state;
	struct timespec before, after;
	double us;

	mschapv2_of_the_rfc(f);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before);
	for (int i = 0; i < LOGINS; i++)
		assert_int_equal(login(f), EV_AUTH_ACCEPTED);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after);
	us = (double)(after.tv_sec - before.tv_sec) * 1e6 +
	     (double)(after.tv_nsec - before.tv_nsec) / 1e3;
	print_message("MS-CHAPv2 login: %.1f us of CPU\n", us / LOGINS);
	assert_true(us > 0);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

/* ---- a new password ---- */

static uint8_t blocks[PROOF_CHANGE_LEN];

/* What "User" sends who sets `next` instead of `old`. */
static void change(struct fixture *f, const char *old, const char *next)
{
	uint8_t padding[MSCHAP_PASSWORD_UTF16_MAX] = {7}, old_hash[16], new_hash[16];

	mschapv2(f, "User", next);
	mschap_nt_hash(old, old_hash);
	mschap_nt_hash(next, new_hash);
	assert_int_equal(mschap_password_seal(next, old_hash, padding, blocks), 0);
	mschap_hash_seal(old_hash, new_hash, blocks + MSCHAP_PW_BLOCK_LEN);
	f->proof.change = blocks;
}

static void must_change(struct fixture *f, const char *value)
{
	struct db *db = admin(f);

	assert_int_equal(db_value_set(db, DB_USER, f->user, "must_change", value), 0);
	db_close(db);
}

static void an_old_password_is_changed_while_logging_in(void **state)
{
	struct fixture *f = *state;

	must_change(f, "yes");
	mschapv2(f, "User", "clientPass");
	assert_int_equal(login(f), EV_AUTH_PASSWORD_OLD);
	assert_int_equal(f->answer.code, AUTH_PASSWORD_EXPIRED);
	assert_false(f->answer.final); /* a new one may follow */
	change(f, "clientPass", "n\xc3\xa4her");
	assert_int_equal(login(f), EV_AUTH_ACCEPTED);
	assert_true(f->answer.password_changed);
	assert_memory_equal(f->answer.keys.auth_response, "S=", 2);
	assert_non_null(f->answer.grant);
	mschapv2(f, "User", "n\xc3\xa4her");
	assert_int_equal(login(f), EV_AUTH_ACCEPTED); /* it need not be changed again */
	assert_false(f->answer.password_changed);
	mschapv2(f, "User", "clientPass");
	assert_int_equal(login(f), EV_AUTH_WRONG_PASSWORD);
}

/* Each part of the packet proves something of its own; none of these changes a thing. */
static void a_change_that_does_not_prove_both_passwords_changes_nothing(void **state)
{
	struct fixture *f = *state;

	must_change(f, "yes");
	for (size_t i = 0; i < PROOF_CHANGE_LEN; i += 41) {
		change(f, "clientPass", "newPass1");
		blocks[i] ^= 1;
		if (i < 496) /* padding, that only decrypts to other padding */
			blocks[512] ^= 1;
		assert_int_equal(login(f), EV_AUTH_WRONG_PASSWORD);
	}
	change(f, "guessed", "newPass1");
	assert_int_equal(login(f), EV_AUTH_WRONG_PASSWORD);
	change(f, "clientPass", "newPass1");
	f->proof.nt_response[3] ^= 1;
	assert_int_equal(login(f), EV_AUTH_WRONG_PASSWORD);
	change(f, "clientPass", "newPass1");
	name(f, "stranger");
	assert_int_equal(login(f), EV_AUTH_UNKNOWN_USER);
	mschapv2(f, "User", "clientPass");
	assert_int_equal(login(f), EV_AUTH_PASSWORD_OLD);
}

static void the_old_password_again_and_an_empty_one_are_unfit(void **state)
{
	struct fixture *f = *state;

	must_change(f, "yes");
	change(f, "clientPass", "clientPass");
	assert_int_equal(login(f), EV_AUTH_PASSWORD_UNFIT);
	assert_int_equal(f->answer.code, AUTH_PASSWORD_REFUSED);
	assert_true(f->answer.final);
	change(f, "clientPass", "");
	assert_int_equal(login(f), EV_AUTH_PASSWORD_UNFIT);
	assert_null(f->answer.grant);
}

/* The account's own limits come before the change: nothing is written for who may not come in. */
static void who_may_not_come_in_changes_nothing(void **state)
{
	struct fixture *f = *state;
	struct db *db = admin(f);

	assert_int_equal(db_user_set_disabled(db, f->user, true), 0);
	db_close(db);
	must_change(f, "yes");
	change(f, "clientPass", "newPass1");
	assert_int_equal(login(f), EV_AUTH_USER_DISABLED);
	change(f, "newPass1", "newPass2");
	assert_int_equal(login(f), EV_AUTH_WRONG_PASSWORD);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(mschapv2_gives_the_answer_and_the_key_of_the_rfcs),
		CASE(the_name_is_hashed_as_sent_and_found_in_any_case),
		CASE(each_flipped_bit_of_a_response_is_a_wrong_password),
		CASE(pap_is_checked_against_the_hash),
		CASE(chap_md5_needs_the_password_itself),
		CASE(the_peer_cannot_tell_an_unknown_user_from_a_wrong_password),
		CASE(the_stand_in_of_a_missing_secret_lets_nobody_in),
		CASE(disabled_and_expired_are_told_to_who_knows_the_password),
		CASE(a_changed_password_counts_at_once),
		CASE(a_method_without_a_row_is_refused),
		CASE(names_from_outside_are_harmless_in_the_log),
		CASE(secrets_of_another_key_are_the_stores_fault_not_the_users),
		CASE(what_a_login_costs),
		CASE(an_old_password_is_changed_while_logging_in),
		CASE(a_change_that_does_not_prove_both_passwords_changes_nothing),
		CASE(the_old_password_again_and_an_empty_one_are_unfit),
		CASE(who_may_not_come_in_changes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
