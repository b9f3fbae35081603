// SPDX-License-Identifier: Apache-2.0
/* Records wait in their order, a Stop overtakes its Interims, a crash leaves a Stop, the bound holds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "store/accounting.h"
#include "store/db.h"
#include "unit/store/state.h"

struct fixture {
	struct state state;
	struct db *db;
	size_t n;
	struct accounting_record found[16];
};

static void open_run(struct fixture *f)
{
	f->db = state_open(&f->state);
	assert_int_equal(db_begin(f->db), 0);
	assert_int_equal(db_epoch_begin(f->db), 0);
	assert_int_equal(db_commit(f->db), 0);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	state_make(&f->state);
	open_run(f);
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

static void add(struct fixture *f, const char *session, enum accounting_kind kind, uint64_t octets)
{
	struct accounting_record r = {.kind = kind,
		.at = 1000 + (int64_t)octets,
		.started_at = 900,
		.counters = {octets, 2 * octets, 3, 4},
		.common_len = 2,
		.n = 3,
		.octets = {'c', 'o', (uint8_t)kind}};

	snprintf(r.session, sizeof(r.session), "%s", session);
	assert_int_equal(db_accounting_add(f->db, &r), 0);
}

static int keep(const struct accounting_record *r, void *arg)
{
	struct fixture *f = arg;

	f->found[f->n++] = *r;
	return 0;
}

static void list(struct fixture *f)
{
	f->n = 0;
	assert_int_equal(db_accounting_list(f->db, 16, keep, f), 0);
}

static void records_come_in_their_order_until_they_are_removed(void **state)
{
	struct fixture *f = *state;

	add(f, "", ACCOUNTING_ON, 0);
	add(f, "a", ACCOUNTING_START, 0);
	add(f, "b", ACCOUNTING_START, 0);
	list(f);
	assert_int_equal(f->n, 3);
	assert_int_equal(f->found[0].kind, ACCOUNTING_ON);
	assert_string_equal(f->found[1].session, "a");
	assert_int_equal(f->found[1].n, 3);
	assert_memory_equal(f->found[1].octets, "co\1", 3);
	assert_int_equal(db_accounting_remove(f->db, f->found[1].seq), 0);
	assert_int_equal(db_accounting_remove(f->db, f->found[1].seq), 0); /* twice: harmless */
	list(f);
	assert_int_equal(f->n, 2);
	assert_string_equal(f->found[1].session, "b");
}

static void a_stop_overtakes_its_own_interims_only(void **state)
{
	struct fixture *f = *state;

	add(f, "a", ACCOUNTING_START, 0);
	add(f, "a", ACCOUNTING_INTERIM, 5);
	add(f, "b", ACCOUNTING_START, 0);
	add(f, "b", ACCOUNTING_INTERIM, 5);
	add(f, "a", ACCOUNTING_STOP, 9);
	list(f);
	assert_int_equal(f->n, 4);
	assert_int_equal(f->found[0].kind, ACCOUNTING_START);
	assert_string_equal(f->found[2].session, "b");
	assert_int_equal(f->found[2].kind, ACCOUNTING_INTERIM);
	assert_int_equal(f->found[3].kind, ACCOUNTING_STOP);
}

static void end_stop(struct accounting_record *r, int64_t last_at, void *arg)
{
	*(int64_t *)arg = last_at;
	assert_int_equal(r->counters.octets_in, 7);
	assert_int_equal(r->counters.octets_out, 14);
	assert_int_equal(r->started_at, 900);
	assert_memory_equal(r->octets, "co", 2);
	r->octets[2] = 'S';
	r->n = 3;
}

static void a_run_that_died_leaves_a_stop_with_the_last_counters(void **state)
{
	struct fixture *f = *state;
	int64_t last_at = 0;
	unsigned n;

	add(f, "a", ACCOUNTING_START, 0);
	add(f, "a", ACCOUNTING_INTERIM, 7);
	add(f, "b", ACCOUNTING_START, 0);
	add(f, "b", ACCOUNTING_STOP, 1); /* this one ended */
	assert_int_equal(db_accounting_recover(f->db, 5000, end_stop, &last_at, &n), 0);
	assert_int_equal(n, 0); /* its own run goes on */
	db_close(f->db);
	open_run(f);
	assert_int_equal(db_accounting_recover(f->db, 5000, end_stop, &last_at, &n), 0);
	assert_int_equal(n, 1);
	assert_int_equal(last_at, 1007);
	list(f);
	assert_int_equal(f->found[f->n - 1].kind, ACCOUNTING_STOP);
	assert_string_equal(f->found[f->n - 1].session, "a");
	assert_int_equal(f->found[f->n - 1].at, 5000);
	assert_int_equal(db_accounting_recover(f->db, 5000, end_stop, &last_at, &n), 0);
	assert_int_equal(n, 0); /* once */
}

static void the_bound_drops_interims_first_and_counts(void **state)
{
	struct fixture *f = *state;
	uint64_t dropped;
	int64_t n;

	add(f, "a", ACCOUNTING_START, 0);
	add(f, "b", ACCOUNTING_START, 0);
	add(f, "b", ACCOUNTING_INTERIM, 2);
	add(f, "b", ACCOUNTING_INTERIM, 3);
	assert_int_equal(db_accounting_prune(f->db, 4, 0, &dropped), 0);
	assert_int_equal(dropped, 0);
	assert_int_equal(db_accounting_prune(f->db, 3, 0, &dropped), 0);
	assert_int_equal(dropped, 1);
	list(f);
	assert_int_equal(f->found[2].at, 1003); /* the older Interim went */
	assert_int_equal(db_accounting_prune(f->db, 1, 0, &dropped), 0);
	assert_int_equal(dropped, 2);
	list(f);
	assert_int_equal(f->n, 1);
	assert_string_equal(f->found[0].session, "b");
	assert_int_equal(db_accounting_prune(f->db, 100, 2000, &dropped), 0); /* too old */
	assert_int_equal(dropped, 1);
	assert_int_equal(db_accounting_count(f->db, &n), 0);
	assert_int_equal(n, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(records_come_in_their_order_until_they_are_removed),
		TEST(a_stop_overtakes_its_own_interims_only),
		TEST(a_run_that_died_leaves_a_stop_with_the_last_counters),
		TEST(the_bound_drops_interims_first_and_counts),
	};

	return cmocka_run_group_tests_name("store/accounting", tests, NULL, NULL);
}
