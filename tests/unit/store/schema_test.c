// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <sqlite3.h>

#include "store/internal.h"
#include "store/schema.h"
#include "unit/store/state.h"

struct fixture {
	struct state state;
	struct db *db;
	const char *steps[16]; /* those of this program and two that are to come */
	char copy[128];
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	state_make(&f->state);
	f->db = state_open(&f->state);
	state_add_user(f->db, "alice", "secret", false);
	assert_true(schema_version + 2 <= ARRAY_SIZE(f->steps));
	memcpy(f->steps, schema_steps, schema_version * sizeof(*schema_steps));
	snprintf(f->copy, sizeof(f->copy), "%s.version-%zu", f->state.file, schema_version);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	db_close(f->db);
	state_remove(&f->state);
	free(f);
	return 0;
}

static int count(const struct fixture *f, const char *sql)
{
	sqlite3_stmt *s = NULL;
	sqlite3 *h;
	int n = -1;

	assert_int_equal(sqlite3_open(f->state.file, &h), SQLITE_OK);
	if (sqlite3_prepare_v2(h, sql, -1, &s, NULL) == SQLITE_OK && sqlite3_step(s) == SQLITE_ROW)
		n = sqlite3_column_int(s, 0);
	sqlite3_finalize(s);
	sqlite3_close(h);
	return n;
}

static void missing_steps_are_taken_once_and_a_copy_is_left(void **state)
{
	struct fixture *f = *state;
	struct stat st;

	f->steps[schema_version] =
		"ALTER TABLE users ADD COLUMN colour TEXT NOT NULL DEFAULT 'blue'";
	f->steps[schema_version + 1] = "CREATE TABLE pets (name TEXT)";
	assert_int_equal(schema_update(f->db, f->steps, schema_version + 2), 0);
	assert_int_equal(count(f, "SELECT version FROM schema_version"), (int)schema_version + 2);
	assert_int_equal(count(f, "SELECT COUNT(*) FROM users WHERE colour = 'blue'"), 1);
	assert_int_equal(count(f, "SELECT COUNT(*) FROM pets"), 0);
	assert_int_equal(schema_update(f->db, f->steps, schema_version + 2), 0);
	assert_int_equal(stat(f->copy, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);

	/* Who goes back puts the copy in place. */
	assert_int_equal(schema_update(f->db, f->steps, schema_version), -EACCES);
	assert_int_equal(db_error(f->db)->event, EV_STORE_NEWER);
	db_close(f->db);
	assert_int_equal(rename(f->copy, f->state.file), 0);
	f->db = state_open(&f->state);
	assert_int_equal(count(f, "SELECT COUNT(*) FROM users"), 1);
	assert_int_equal(count(f, "SELECT COUNT(*) FROM pets"), -1);
}

static void a_step_that_fails_leaves_all_as_it_was(void **state)
{
	struct fixture *f = *state;

	f->steps[schema_version] = "CREATE TABLE pets (name TEXT)";
	f->steps[schema_version + 1] = "CREATE TABLE pets (name TEXT)";
	assert_true(schema_update(f->db, f->steps, schema_version + 2) < 0);
	assert_int_equal(count(f, "SELECT version FROM schema_version"), (int)schema_version);
	assert_int_equal(count(f, "SELECT COUNT(*) FROM pets"), -1);
	assert_false(db_in_transaction(f->db));
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(missing_steps_are_taken_once_and_a_copy_is_left),
		CASE(a_step_that_fails_leaves_all_as_it_was),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
