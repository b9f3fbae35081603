// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "unit/store/state.h"

static struct db *db_of(void **state)
{
	return ((struct opened *)*state)->db;
}

static int64_t add_group(struct db *db, const char *name)
{
	int64_t id = 0;

	assert_int_equal(db_group_add(db, name, &id), 0);
	assert_true(id > 0);
	return id;
}

static int write_value(const struct db_value *v, void *arg)
{
	char *text = arg;

	sprintf(text + strlen(text), "%lld %s %s=%s;", (long long)v->place, v->group, v->key,
		v->value);
	return 0;
}

static int write_group(const struct db_group *g, void *arg)
{
	char *text = arg;

	sprintf(text + strlen(text), "%s %lld;", g->name, (long long)g->users);
	return 0;
}

static int write_name(const char *name, void *arg)
{
	strcat(strcat(arg, name), ";");
	return 0;
}

static void names_are_checked_and_differ_by_more_than_case(void **state)
{
	static const char *const bad[] = {"", "a b", "a,b", "a=b", "ümlaut", "a/b", "a\n",
		"abcdefghijabcdefghijabcdefghij12"};
	struct db *db = db_of(state);
	struct db_group found;
	int64_t id = add_group(db, "Staff");

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		assert_int_equal(db_group_add(db, bad[i], &id), -EINVAL);
		assert_int_equal(db_error(db)->event, EV_STORE_BAD_GROUP);
	}
	assert_int_equal(db_group_add(db, "sTAFF", &id), -EEXIST);
	assert_int_equal(db_error(db)->event, EV_STORE_GROUP_TAKEN);
	assert_int_equal(db_group_find(db, "STAFF", &found), 0);
	assert_string_equal(found.name, "Staff");
	assert_int_equal(db_group_find(db, "nobody", &found), -ENOENT);
	assert_int_equal(db_error(db)->event, EV_STORE_NO_GROUP);
	assert_int_equal(db_group_find(db, "staffstaffstaffstaffstaffstaffstaff", &found), -ENOENT);
}

static void the_users_rows_come_first_then_the_groups_in_their_order(void **state)
{
	struct db *db = db_of(state);
	int64_t user = state_add_user(db, "alice", NULL, false);
	int64_t a = add_group(db, "a"), b = add_group(db, "b"), order[] = {b, a};
	char text[500] = "";

	assert_int_equal(db_value_set(db, DB_GROUP, a, "idle", "10m"), 0);
	assert_int_equal(db_value_set(db, DB_GROUP, b, "idle", "20m"), 0);
	assert_int_equal(db_value_set(db, DB_GROUP, b, "hours", "mon"), 0);
	assert_int_equal(db_value_set(db, DB_USER, user, "sessions", "1"), 0);
	assert_int_equal(db_value_set(db, DB_USER, user, "sessions", "2"), 0);
	assert_int_equal(db_user_set_groups(db, user, order, 2), 0);
	assert_int_equal(db_values(db, DB_USER, user, write_value, text), 0);
	assert_string_equal(text, "0  sessions=2;1 b hours=mon;1 b idle=20m;2 a idle=10m;");
	*text = '\0';
	assert_int_equal(db_groups_of_user(db, user, write_group, text), 0);
	assert_string_equal(text, "b 0;a 0;");
	assert_int_equal(db_value_set(db, DB_USER, user, "sessions", NULL), 0);
	assert_int_equal(db_user_set_groups(db, user, &a, 1), 0);
	*text = '\0';
	assert_int_equal(db_values(db, DB_USER, user, write_value, text), 0);
	assert_string_equal(text, "1 a idle=10m;");
	*text = '\0';
	assert_int_equal(db_group_list(db, write_group, text), 0);
	assert_string_equal(text, "a 1;b 0;");
	*text = '\0';
	assert_int_equal(db_group_members(db, a, write_name, text), 0);
	assert_string_equal(text, "alice;");
}

/* A group that goes leaves its users; a user that goes leaves no member behind. */
static void what_is_removed_leaves_nothing_behind(void **state)
{
	struct db *db = db_of(state);
	int64_t user = state_add_user(db, "alice", NULL, false), a = add_group(db, "a"),
		b = add_group(db, "b"), both[] = {a, b};
	struct db_group found;
	char text[500] = "";

	assert_int_equal(db_value_set(db, DB_GROUP, a, "idle", "10m"), 0);
	assert_int_equal(db_user_set_groups(db, user, both, 2), 0);
	assert_int_equal(db_group_remove(db, a), 0);
	assert_int_equal(db_group_remove(db, a), -ENOENT);
	assert_int_equal(db_values(db, DB_USER, user, write_value, text), 0);
	assert_string_equal(text, "");
	assert_int_equal(db_user_remove(db, user), 0);
	assert_int_equal(db_group_find(db, "b", &found), 0);
	assert_int_equal(found.users, 0);
	assert_int_equal(db_value_set(db, DB_USER, user, "idle", "10m"), -ENOENT);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, opened_setup, opened_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(names_are_checked_and_differ_by_more_than_case),
		CASE(the_users_rows_come_first_then_the_groups_in_their_order),
		CASE(what_is_removed_leaves_nothing_behind),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
