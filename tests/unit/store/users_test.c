// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "unit/store/state.h"

static int login(struct opened *f, const char *name, struct db_login *ret)
{
	return db_login(f->db, name, strlen(name), ret);
}

static void a_name_is_found_in_any_case_and_behind_a_domain(void **state)
{
	struct opened *f = *state;
	int64_t id = state_add_user(f->db, "Alice", "secret", false);
	static const char *const spellings[] = {
		"Alice", "alice", "ALICE", "CORP\\alice", "\\aLice"};
	struct db_login l;

	for (size_t i = 0; i < ARRAY_SIZE(spellings); i++) {
		assert_int_equal(login(f, spellings[i], &l), 0);
		assert_int_equal(l.id, id);
		assert_string_equal(l.name, "Alice");
	}
	assert_int_equal(login(f, "alice@corp", &l), -ENOENT);
	assert_int_equal(login(f, "alic", &l), -ENOENT);
	assert_int_equal(login(f, "", &l), -ENOENT);
	assert_int_equal(login(f, "alice\\", &l), -ENOENT);
	assert_int_equal(db_login(f->db, "alice\0x", 7, &l), -ENOENT);
	assert_int_equal(db_login(f->db, "\xff\xfe", 2, &l), -ENOENT);
}

static void names_that_differ_in_case_alone_are_one(void **state)
{
	struct opened *f = *state;
	int64_t id;

	state_add_user(f->db, "Alice", NULL, false);
	assert_int_equal(db_user_add(f->db, "aLICE", &(struct addr){0}, 0, &id), -EEXIST);
	assert_int_equal(db_error(f->db)->event, EV_STORE_NAME_TAKEN);
}

static void bad_names_and_passwords_are_refused(void **state)
{
	struct opened *f = *state;
	static const char *const names[] = {
		"", " a", "a ", "A\\b", "a\nb", "a\x7f", "\xff", "\xc3"};
	static const char *const passwords[] = {"", "a\nb", "\xff"};
	char long_text[400];
	int64_t id;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		assert_int_equal(db_user_add(f->db, names[i], &(struct addr){0}, 0, &id), -EINVAL);
		assert_int_equal(db_error(f->db)->event, EV_STORE_BAD_NAME);
	}
	memset(long_text, 'a', sizeof(long_text));
	long_text[256] = '\0';
	assert_int_equal(db_user_add(f->db, long_text, &(struct addr){0}, 0, &id), -EINVAL);
	long_text[255] = '\0';
	assert_int_equal(db_user_add(f->db, long_text, &(struct addr){0}, 0, &id), 0);
	for (size_t i = 0; i < ARRAY_SIZE(passwords); i++) {
		assert_int_equal(db_user_set_password(f->db, id, passwords[i], false), -EINVAL);
		assert_int_equal(db_error(f->db)->event, EV_STORE_BAD_PASSWORD);
	}
	memset(long_text, 'a', sizeof(long_text));
	long_text[257] = '\0';
	assert_int_equal(db_user_set_password(f->db, id, long_text, false), -EINVAL);
	long_text[256] = '\0';
	assert_int_equal(db_user_set_password(f->db, id, long_text, true), 0);
	assert_int_equal(db_user_set_password(f->db, id + 1, "x", true), -ENOENT);
}

static void a_password_is_kept_only_when_asked_for(void **state)
{
	struct opened *f = *state;
	int64_t id = state_add_user(f->db, "alice", "one", true);
	uint8_t hash[MSCHAP_NT_HASH_LEN];
	struct db_login l;
	struct db_user user;

	assert_int_equal(login(f, "alice", &l), 0);
	assert_true(l.has_nt && l.has_reversible);
	assert_string_equal(l.password, "one");
	assert_int_equal(db_user_set_password(f->db, id, "two", false), 0);
	assert_int_equal(login(f, "alice", &l), 0);
	assert_true(l.has_nt && !l.has_reversible);
	assert_string_equal(l.password, "");
	mschap_nt_hash("two", hash);
	assert_memory_equal(l.nt_hash, hash, sizeof(hash));
	assert_int_equal(db_user_find(f->db, "Alice", &user), 0);
	assert_false(user.reversible);
	assert_true(user.password_at > 0 && user.created_at > 0 && user.login_at == 0);
}

static void a_user_without_password_has_none(void **state)
{
	struct opened *f = *state;
	struct db_login l;

	state_add_user(f->db, "alice", NULL, false);
	assert_int_equal(login(f, "alice", &l), 0);
	assert_false(l.has_nt || l.has_reversible);
}

static void the_file_holds_no_password_in_clear(void **state)
{
	struct opened *f = *state;
	AUTO_MEM char *octets = calloc(1, 1 << 20);
	uint8_t hash[MSCHAP_NT_HASH_LEN];
	const char *suffixes[] = {"", "-wal"};
	char path[128];

	state_add_user(f->db, "alice", "a-long-password", true);
	mschap_nt_hash("a-long-password", hash);
	for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++) {
		size_t n;
		FILE *file;

		snprintf(path, sizeof(path), "%s%s", f->state.file, suffixes[i]);
		file = fopen(path, "r");
		assert_non_null(file);
		n = fread(octets, 1, 1 << 20, file);
		fclose(file);
		assert_true(n > 0);
		assert_null(memmem(octets, n, "a-long-password", 15));
		assert_null(memmem(octets, n, hash, sizeof(hash)));
	}
}

static void what_an_admin_sets_is_found_again(void **state)
{
	struct opened *f = *state;
	struct addr address = addr_v4(0x0a080005);
	int64_t id = state_add_user(f->db, "alice", "x", false), other;
	struct db_login l;

	assert_int_equal(db_user_set_disabled(f->db, id, true), 0);
	assert_int_equal(db_user_set_expiry(f->db, id, 1234567890), 0);
	assert_int_equal(db_user_set_ipv4(f->db, id, &address), 0);
	assert_int_equal(login(f, "alice", &l), 0);
	assert_true(l.disabled);
	assert_int_equal(l.expires_at, 1234567890);
	assert_true(addr_equal(&l.ipv4, &address));

	assert_int_equal(db_user_add(f->db, "bob", &address, 0, &other), -EEXIST);
	assert_int_equal(db_error(f->db)->event, EV_STORE_ADDRESS_TAKEN);
	assert_non_null(strstr(db_error(f->db)->text, " is that of \"alice\""));
	other = state_add_user(f->db, "bob", NULL, false);
	assert_int_equal(db_user_set_ipv4(f->db, other, &address), -EEXIST);
	assert_non_null(strstr(db_error(f->db)->text, " is that of \"alice\""));
	assert_int_equal(db_user_set_disabled(f->db, 999, true), -ENOENT);
}

static void a_removed_user_is_gone_and_the_number_is_not_given_again(void **state)
{
	struct opened *f = *state;
	int64_t id = state_add_user(f->db, "alice", "x", true);
	struct db_login l;

	assert_int_equal(db_user_remove(f->db, id), 0);
	assert_int_equal(db_user_remove(f->db, id), -ENOENT);
	assert_int_equal(login(f, "alice", &l), -ENOENT);
	assert_int_equal(state_add_user(f->db, "alice", NULL, false), id + 1);
	assert_int_equal(login(f, "alice", &l), 0);
	assert_false(l.has_nt || l.has_reversible);
}

static int append_name(const struct db_user *user, void *arg)
{
	strcat(strcat(arg, user->name), " ");
	return user->disabled ? 7 : 0;
}

static void users_are_listed_by_name_until_the_caller_has_enough(void **state)
{
	struct opened *f = *state;
	char names[64] = "";
	int64_t id;

	state_add_user(f->db, "carol", NULL, false);
	state_add_user(f->db, "Alice", NULL, false);
	id = state_add_user(f->db, "bob", NULL, false);
	assert_int_equal(db_user_list(f->db, append_name, names), 0);
	assert_string_equal(names, "Alice bob carol ");
	assert_int_equal(db_user_set_disabled(f->db, id, true), 0);
	names[0] = '\0';
	assert_int_equal(db_user_list(f->db, append_name, names), 7);
	assert_string_equal(names, "Alice bob ");
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, opened_setup, opened_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_name_is_found_in_any_case_and_behind_a_domain),
		CASE(names_that_differ_in_case_alone_are_one),
		CASE(bad_names_and_passwords_are_refused),
		CASE(a_password_is_kept_only_when_asked_for),
		CASE(a_user_without_password_has_none),
		CASE(the_file_holds_no_password_in_clear),
		CASE(what_an_admin_sets_is_found_again),
		CASE(a_removed_user_is_gone_and_the_number_is_not_given_again),
		CASE(users_are_listed_by_name_until_the_caller_has_enough),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
