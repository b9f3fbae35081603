// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sqlite3.h>

#include "store/internal.h"
#include "unit/store/state.h"

/* PostgreSQL numbers parameters by name, SQLite by first appearance: both must mean the same. */
static void every_statement_is_prepared_and_numbers_its_parameters_in_order(void **state)
{
	struct state s;
	struct db *db;

	(void)state;
	state_make(&s);
	db = state_open(&s);
	for (int i = 0; i < SQL_STATEMENTS; i++) {
		struct query q = query_start(db, (enum statement)i);
		char name[16];

		if (!q.cursor)
			fail_msg("statement %d: %s", i, db_error(db)->text);
		for (int p = 1; p <= sqlite3_bind_parameter_count((sqlite3_stmt *)q.cursor); p++) {
			sprintf(name, "$%d", p);
			assert_string_equal(
				sqlite3_bind_parameter_name((sqlite3_stmt *)q.cursor, p), name);
		}
		query_end(&q);
	}
	db_close(db);
	state_remove(&s);
}

/* A login that had to read all users would not be one of 10,000. */
static void no_statement_of_a_login_or_lease_reads_a_whole_table(void **state)
{
	static const enum statement fast[] = {SQL_USER_LOGIN, SQL_LEASE_OWN, SQL_LEASE_FRESH,
		SQL_LEASE_OLDEST, SQL_LEASE_STATIC, SQL_LEASE_RELEASE, SQL_SESSION_STOP,
		SQL_ATTEMPT_PRUNE};
	struct state s;
	struct db *db;

	(void)state;
	state_make(&s);
	db = state_open(&s);
	for (size_t i = 0; i < ARRAY_SIZE(fast); i++) {
		struct query q = query_start(db, fast[i]);
		sqlite3_stmt *stmt = (sqlite3_stmt *)q.cursor, *plan;
		char *sql = sqlite3_mprintf("EXPLAIN QUERY PLAN %s", sqlite3_sql(stmt));

		assert_int_equal(sqlite3_prepare_v2(sqlite3_db_handle(stmt), sql, -1, &plan, NULL),
			SQLITE_OK);
		while (sqlite3_step(plan) == SQLITE_ROW) {
			const char *step = (const char *)sqlite3_column_text(plan, 3);

			if (!strncmp(step, "SCAN ", 5) && !strstr(step, "CONSTANT ROW"))
				fail_msg("%s: %s", sql, step);
		}
		sqlite3_finalize(plan);
		sqlite3_free(sql);
		query_end(&q);
	}
	db_close(db);
	state_remove(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_statement_is_prepared_and_numbers_its_parameters_in_order),
		cmocka_unit_test(no_statement_of_a_login_or_lease_reads_a_whole_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
