// SPDX-License-Identifier: Apache-2.0
/*
 * The store on an engine of which any call may fail: each job is answered, what was refused has not
 * happened, what was granted has, and the store goes on when the engine does.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "store/internal.h"
#include "store/store.h"
#include "unit/store/replies.h"
#include "unit/store/state.h"

/* ---- an engine that fails at its call number `fail_at`, counted from 1; 0: never ---- */

static struct engine_ops failing;
static unsigned calls, fail_at;
static int fail_with;

static int fails(struct engine *e)
{
	static const enum event events[] = {[ENOSPC] = EV_STORE_FULL, [EIO] = EV_STORE_FAILED};

	if (++calls != fail_at)
		return 0;
	e->error = (struct db_error){.event = events[-fail_with], .text = "as the test wants"};
	return fail_with;
}

#define OR_REAL(e, call) (fails(e) ? fail_with : engine_sqlite.call)

static int f_start(struct engine *e, unsigned number, const char *sql, struct cursor **ret)
{
	return OR_REAL(e, start(e, number, sql, ret));
}

static int f_bind_int(struct engine *e, struct cursor *c, int param, int64_t v)
{
	return OR_REAL(e, bind_int(e, c, param, v));
}

static int f_bind_text(struct engine *e, struct cursor *c, int param, const char *t, size_t n)
{
	return OR_REAL(e, bind_text(e, c, param, t, n));
}

static int f_step(struct engine *e, struct cursor *c)
{
	return OR_REAL(e, step(e, c));
}

static int f_begin(struct engine *e)
{
	return OR_REAL(e, begin(e));
}

static int f_commit(struct engine *e)
{
	return OR_REAL(e, commit(e));
}

static int no_commit(struct engine *e)
{
	e->error = (struct db_error){.event = EV_STORE_FULL, .text = "as the test wants"};
	return -ENOSPC;
}

static int f_savepoint(struct engine *e)
{
	return OR_REAL(e, savepoint(e));
}

static int f_hold_epoch(struct engine *e, int64_t epoch)
{
	return OR_REAL(e, hold_epoch(e, epoch));
}

static int f_epoch_is_dead(struct engine *e, int64_t epoch, bool *ret)
{
	return OR_REAL(e, epoch_is_dead(e, epoch, ret));
}

static int f_open(const struct db_opts *opts, struct engine **ret, struct db_error *ret_err)
{
	int r = engine_sqlite.open(opts, ret, ret_err);

	if (!r)
		(*ret)->ops = &failing;
	return r;
}

/* ---- a store on it, and the jobs of one session ---- */

struct fixture {
	struct state state;
	struct mailbox box;
	struct store *store;
	int64_t alice;
	struct store_lease lease;
	int answered;
};

static struct fixture *fixture;

static struct db *open_failing(const struct state *s)
{
	struct db_opts opts = {.engine = &failing, .state = s->folder, .check = true};
	struct db_error err;
	struct db *db = NULL;

	fail_at = 0;
	if (db_open(&opts, &db, &err) < 0)
		fail_msg("%s", err.text);
	return db;
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct db_error err;
	struct db *db;

	failing = engine_sqlite;
	failing.open = f_open;
	failing.start = f_start;
	failing.bind_int = f_bind_int;
	failing.bind_text = f_bind_text;
	failing.step = f_step;
	failing.begin = f_begin;
	failing.commit = f_commit;
	failing.savepoint = f_savepoint;
	failing.hold_epoch = f_hold_epoch;
	failing.epoch_is_dead = f_epoch_is_dead;
	state_make(&f->state);
	db = open_failing(&f->state);
	f->alice = state_add_user(db, "alice", "secret", false);
	if (store_new(db, &(struct store_opts){.keep_attempts = 100}, &f->store, &err) < 0)
		fail_msg("%s", err.text);
	mailbox_init(&f->box);
	fixture = *state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	fail_at = 0;
	store_free(f->store);
	mailbox_deliver(&f->box);
	mailbox_done(&f->box);
	state_remove(&f->state);
	free(f);
	return 0;
}

static void on_lease(struct store_lease *l)
{
	(void)l;
	fixture->answered++;
}

static void ask_for_lease(struct fixture *f, uint64_t session)
{
	f->lease = (struct store_lease){.request = {.user_id = f->alice,
						.session = session,
						.pool = {{AF_INET, {10, 0, 0, 0}}, 29},
						.reserved = {AF_INET, {10, 0, 0, 1}}},
		.done = on_lease,
		.reply_to = &f->box};
	assert_int_equal(store_lease_take(f->store, &f->lease), 0);
}

static void fact_done(struct store_job *job)
{
	(void)job;
	fixture->answered++;
}

static int no_op(struct db *db, struct store_job *job)
{
	(void)job;
	return db_meta_set(db, "seen", "1");
}

/* Waits until all that was submitted before is done, by a job behind it. */
static void settle(struct fixture *f)
{
	struct store_job job = {
		.kind = STORE_MUST, .run = no_op, .done = fact_done, .reply_to = &f->box};

	assert_int_equal(store_submit(f->store, &job), 0);
	replies_wait(&f->box, &f->answered, f->answered + 1);
}

static struct db_session session_of(const struct fixture *f, uint64_t id)
{
	return (struct db_session){.id = id,
		.user_id = f->alice,
		.user = "alice",
		.ipv4 = f->lease.address,
		.started_at = 1,
		.ended_at = 2,
		.reason = EV_SESSION_KICKED};
}

/* From a lease to its release, with what is recorded between; the lease's result. */
static int run_session(struct fixture *f, uint64_t id)
{
	const struct db_attempt attempt = {.at = 1, .user = "alice", .outcome = EV_SESSION_UP};
	int before = f->answered;
	struct db_session s;

	ask_for_lease(f, id);
	replies_wait(&f->box, &f->answered, before + 1);
	if (f->lease.result < 0)
		return f->lease.result;
	s = session_of(f, id);
	assert_int_equal(store_attempt_add(f->store, &attempt), 0);
	assert_int_equal(store_session_start(f->store, &s), 0);
	settle(f);
	assert_int_equal(store_session_stop(f->store, &s), 0);
	settle(f);
	return 0;
}

static unsigned calls_of_a_session(struct fixture *f)
{
	calls = 0;
	assert_int_equal(run_session(f, store_next_session(f->store)), 0);
	return calls;
}

struct tally {
	int records, ended;
};

static int count_record(const struct db_session *s, void *arg)
{
	struct tally *t = arg;

	t->records++;
	t->ended += s->ended_at == 2 && s->reason == EV_SESSION_KICKED;
	return 0;
}

/* Each session that came up is on record once, from its begin to its end. */
static void records_are_whole(struct fixture *f, int sessions)
{
	struct db *db = state_open(&f->state);
	struct tally t = {0};

	assert_int_equal(db_session_list(db, 100000, count_record, &t), 0);
	assert_int_equal(t.records, sessions);
	assert_int_equal(t.ended, sessions);
	db_close(db);
}

static void any_call_fails_with(struct fixture *f, int error)
{
	unsigned n = calls_of_a_session(f);
	int sessions = 1;

	assert_true(n > 20);
	for (unsigned at = 1; at <= n; at++) {
		uint64_t id = store_next_session(f->store);
		int r;

		calls = 0;
		fail_with = error;
		fail_at = at;
		r = run_session(f, id);
		if (r && r != error)
			fail_msg("call %u: %d instead of %d", at, r, error);
		if (r)
			assert_int_not_equal(f->lease.outcome, EV_NONE);
		sessions += 1 + !r;
		fail_at = 0;
		/* It heals, and no lease is left behind: the pool would soon be empty. */
		assert_int_equal(run_session(f, store_next_session(f->store)), 0);
	}
	records_are_whole(f, sessions);
}

static void each_job_is_answered_whatever_call_fails_on_a_full_disk(void **state)
{
	any_call_fails_with(*state, -ENOSPC);
}

static void each_job_is_answered_whatever_call_fails_with_an_io_error(void **state)
{
	any_call_fails_with(*state, -EIO);
}

/* A start fails as a whole, says why, and the next one takes over what it finds. */
static void a_start_fails_whole_whatever_call_fails(void **state)
{
	struct fixture *f = *state;
	struct db_session s = session_of(f, store_next_session(f->store));
	struct db_error err;
	int r = -1;

	s.ipv4 = (struct addr){0};
	assert_int_equal(store_session_start(f->store, &s), 0);
	settle(f);
	fail_with = -EIO;
	for (unsigned at = 1; r < 0; at++) {
		struct db *db;

		store_free(TAKE(f->store));
		db = open_failing(&f->state);
		calls = 0;
		fail_at = at;
		r = store_new(db, &(struct store_opts){.keep_attempts = 100}, &f->store, &err);
		if (r < 0) {
			assert_int_equal(r, -EIO);
			assert_int_equal(err.event, EV_STORE_FAILED);
		}
		assert_true(at < 200);
		assert_true(r < 0 || at > 10);
	}
	fail_at = 0;
	assert_int_equal(run_session(f, store_next_session(f->store)), 0);
	assert_true(store_next_session(f->store) > s.id + 1);
}

/* A commit that fails takes the lease back that the job had written. */
static void a_lease_whose_commit_failed_is_not_given(void **state)
{
	struct fixture *f = *state;
	struct addr given;

	assert_int_equal(run_session(f, store_next_session(f->store)), 0);
	given = f->lease.address;
	assert_int_equal(run_session(f, store_next_session(f->store)), 0);
	failing.commit = no_commit;
	ask_for_lease(f, store_next_session(f->store));
	replies_wait(&f->box, &f->answered, f->answered + 1);
	assert_int_equal(f->lease.result, -ENOSPC);
	assert_int_equal(f->lease.outcome, EV_STORE_FULL);
	failing.commit = f_commit;
	ask_for_lease(f, store_next_session(f->store));
	replies_wait(&f->box, &f->answered, f->answered + 1);
	assert_int_equal(f->lease.result, 0);
	assert_true(addr_equal(&f->lease.address, &given));
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(each_job_is_answered_whatever_call_fails_on_a_full_disk),
		CASE(each_job_is_answered_whatever_call_fails_with_an_io_error),
		CASE(a_start_fails_whole_whatever_call_fails),
		CASE(a_lease_whose_commit_failed_is_not_given),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
