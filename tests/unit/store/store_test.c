// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <spawn.h>
#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store/internal.h"
#include "store/store.h"
#include "unit/store/replies.h"
#include "unit/store/state.h"

struct fixture {
	struct state state;
	struct mailbox box;
	struct store *store;
	int64_t alice;
	int done;
};

static struct fixture *fixture; /* for done(), which gets a job alone */

static struct store *start(struct fixture *f, struct db *db)
{
	struct db_error err;
	struct store *s = NULL;

	if (store_new(db, &(struct store_opts){.keep_attempts = 100}, &s, &err) < 0)
		fail_msg("%s", err.text);
	return s;
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct db *db;

	state_make(&f->state);
	db = state_open(&f->state);
	f->alice = state_add_user(db, "alice", "secret", false);
	f->store = start(f, db);
	mailbox_init(&f->box);
	fixture = *state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	store_free(f->store);
	mailbox_deliver(&f->box);
	mailbox_done(&f->box);
	state_remove(&f->state);
	free(f);
	return 0;
}

/* --- jobs of the tests --- */

struct test_job {
	struct store_job job;
	const char *key;
	char value[16];
	int give;
	sem_t *started, *go_on;
};

static void count(struct store_job *job)
{
	fixture->done++;
}

static int set_fact(struct db *db, struct store_job *job)
{
	struct test_job *t = container_of(job, struct test_job, job);
	int r = db_meta_set(db, t->key, "1");

	return r < 0 ? r : t->give;
}

static int get_fact(struct db *db, struct store_job *job)
{
	struct test_job *t = container_of(job, struct test_job, job);

	return db_meta_get(db, t->key, t->value, sizeof(t->value));
}

static int hold(struct db *db, struct store_job *job)
{
	struct test_job *t = container_of(job, struct test_job, job);

	if (t->started)
		sem_post(t->started);
	sem_wait(t->go_on);
	return 0;
}

static struct test_job make(struct fixture *f, enum store_kind kind,
	int (*run)(struct db *, struct store_job *), const char *key)
{
	return (struct test_job){
		.job = {.kind = kind, .run = run, .done = count, .reply_to = &f->box}, .key = key};
}

/* --- tests --- */

static void a_write_is_answered_after_its_commit_and_then_readable(void **state)
{
	struct fixture *f = *state;
	struct test_job set = make(f, STORE_WRITE, set_fact, "a"),
			get = make(f, STORE_READ, get_fact, "a");

	assert_int_equal(store_submit(f->store, &set.job), 0);
	replies_wait(&f->box, &f->done, 1);
	assert_int_equal(set.job.result, 0);
	assert_int_equal(store_submit(f->store, &get.job), 0);
	replies_wait(&f->box, &f->done, 2);
	assert_int_equal(get.job.result, 0);
	assert_string_equal(get.value, "1");
}

static void a_job_that_fails_is_undone_without_the_others_of_its_group(void **state)
{
	struct fixture *f = *state;
	sem_t go_on;
	struct test_job held = make(f, STORE_WRITE, hold, NULL);
	struct test_job set[3] = {make(f, STORE_WRITE, set_fact, "a"),
		make(f, STORE_WRITE, set_fact, "b"), make(f, STORE_WRITE, set_fact, "c")};
	struct test_job get[3] = {make(f, STORE_READ, get_fact, "a"),
		make(f, STORE_READ, get_fact, "b"), make(f, STORE_READ, get_fact, "c")};

	sem_init(&go_on, 0, 0);
	held.go_on = &go_on;
	set[1].give = -ENOENT;
	assert_int_equal(
		store_submit(f->store, &held.job), 0); /* so that the three are one group */
	for (int i = 0; i < 3; i++)
		assert_int_equal(store_submit(f->store, &set[i].job), 0);
	sem_post(&go_on);
	replies_wait(&f->box, &f->done, 4);
	assert_int_equal(set[0].job.result, 0);
	assert_int_equal(set[1].job.result, -ENOENT);
	assert_int_equal(set[1].job.event, EV_NONE);
	for (int i = 0; i < 3; i++)
		assert_int_equal(store_submit(f->store, &get[i].job), 0);
	replies_wait(&f->box, &f->done, 7);
	assert_int_equal(get[0].job.result, 0);
	assert_int_equal(get[1].job.result, -ENOENT);
	assert_int_equal(get[2].job.result, 0);
	sem_destroy(&go_on);
}

static void a_full_queue_refuses_records_first_then_writes_and_never_what_must_be(void **state)
{
	struct fixture *f = *state;
	struct test_job *jobs = calloc(2 * STORE_QUEUE_MAX + 10, sizeof(*jobs));
	struct test_job held[2] = {
		make(f, STORE_READ, hold, NULL), make(f, STORE_WRITE, hold, NULL)};
	struct test_job extra = make(f, STORE_READ, get_fact, "x");
	sem_t started, go_on;
	int n = 0;

	sem_init(&started, 0, 0);
	sem_init(&go_on, 0, 0);
	for (int i = 0; i < 2; i++) { /* one for each thread */
		held[i].started = &started;
		held[i].go_on = &go_on;
		assert_int_equal(store_submit(f->store, &held[i].job), 0);
		sem_wait(&started);
	}
	for (int i = 0; i < STORE_QUEUE_RECORDS_MAX; i++, n++) {
		jobs[n] = make(f, STORE_RECORD, set_fact, "r");
		assert_int_equal(store_submit(f->store, &jobs[n].job), 0);
	}
	jobs[n] = make(f, STORE_RECORD, set_fact, "r");
	assert_int_equal(store_submit(f->store, &jobs[n].job), -EAGAIN);
	for (int i = STORE_QUEUE_RECORDS_MAX; i < STORE_QUEUE_MAX; i++, n++) {
		jobs[n] = make(f, STORE_WRITE, set_fact, "w");
		assert_int_equal(store_submit(f->store, &jobs[n].job), 0);
	}
	jobs[n] = make(f, STORE_WRITE, set_fact, "w");
	assert_int_equal(store_submit(f->store, &jobs[n].job), -EAGAIN);
	jobs[n].job.kind = STORE_MUST;
	assert_int_equal(store_submit(f->store, &jobs[n++].job), 0);
	for (int i = 0; i < STORE_QUEUE_MAX; i++, n++) {
		jobs[n] = make(f, STORE_READ, get_fact, "w");
		assert_int_equal(store_submit(f->store, &jobs[n].job), 0);
	}
	assert_int_equal(store_submit(f->store, &extra.job), -EAGAIN);
	sem_post(&go_on);
	sem_post(&go_on);
	replies_wait(&f->box, &f->done, n + 2);
	sem_destroy(&started);
	sem_destroy(&go_on);
	free(jobs);
}

static void what_waits_at_the_end_is_still_done(void **state)
{
	struct fixture *f = *state;
	struct test_job set[50];
	struct db *db;
	char value[8];

	for (int i = 0; i < 50; i++) {
		set[i] = make(f, STORE_WRITE, set_fact, "last");
		assert_int_equal(store_submit(f->store, &set[i].job), 0);
	}
	store_free(f->store);
	replies_wait(&f->box, &f->done, 50);
	db = state_open(&f->state);
	assert_int_equal(db_meta_get(db, "last", value, sizeof(value)), 0);
	f->store = start(f, db);
}

/* A shell that sits in a transaction, a backup: logins go on, writes wait. */
static void while_another_process_writes_reads_are_served(void **state)
{
	struct fixture *f = *state;
	struct test_job set = make(f, STORE_WRITE, set_fact, "a"),
			get = make(f, STORE_READ, get_fact, "zz");
	sqlite3 *other;

	assert_int_equal(sqlite3_open(f->state.file, &other), SQLITE_OK);
	assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(store_submit(f->store, &set.job), 0);
	usleep(50000);
	assert_int_equal(store_submit(f->store, &get.job), 0);
	replies_wait(&f->box, &f->done, 1);
	assert_int_equal(get.job.result, -ENOENT);
	sqlite3_exec(other, "ROLLBACK", NULL, NULL, NULL);
	sqlite3_close(other);
	replies_wait(&f->box, &f->done, 2);
	assert_int_equal(set.job.result, 0);
}

/* The other process is this program again: a mere fork of one with threads may wait for a lock. */
static pid_t start_adding_users(const struct state *s)
{
	char *const argv[] = {"store_test", "--add-users", (char *)s->folder, NULL};
	pid_t child;

	assert_int_equal(posix_spawn(&child, "/proc/self/exe", NULL, NULL, argv, environ), 0);
	return child;
}

static int add_users(const char *folder, int n)
{
	struct db_error err;
	struct db *db;
	char name[32];
	int64_t id;

	if (db_open(&(struct db_opts){.state = folder, .must_exist = true}, &db, &err) < 0)
		return 1;
	for (int i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "user%d", i);
		if (db_begin(db) < 0 || db_user_add(db, name, &(struct addr){0}, 0, &id) < 0 ||
			db_user_set_password(db, id, "x", false) < 0 || db_commit(db) < 0)
			return 2;
	}
	db_close(db);
	return 0;
}

static void another_process_adds_users_while_the_thread_is_at_work(void **state)
{
	struct fixture *f = *state;
	struct test_job set[400];
	struct db_user user;
	struct db *db;
	pid_t child = start_adding_users(&f->state);
	int status;

	for (int i = 0; i < 400; i++) {
		set[i] = make(f, STORE_WRITE, set_fact, "a");
		while (store_submit(f->store, &set[i].job) == -EAGAIN)
			usleep(1000);
		usleep(200);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	replies_wait(&f->box, &f->done, 400);
	for (int i = 0; i < 400; i++)
		assert_int_equal(set[i].job.result, 0);
	store_free(f->store);
	db = state_open(&f->state);
	assert_int_equal(db_user_find(db, "user99", &user), 0);
	f->store = start(f, db);
}

static int set_page_limit(struct db *db, struct store_job *job)
{
	struct test_job *t = container_of(job, struct test_job, job);

	return db_execute(
		db, t->give ? "PRAGMA max_page_count = 1" : "PRAGMA max_page_count = 1000000");
}

/* A full disk in the middle: writes fail with the event, reads go on, and it heals. */
static void a_full_disk_fails_writes_and_not_reads_and_heals(void **state)
{
	struct fixture *f = *state;
	struct test_job shrink = make(f, STORE_WRITE, set_page_limit, NULL), grow = shrink;
	struct test_job get = make(f, STORE_READ, get_fact, "zz"),
			set = make(f, STORE_WRITE, set_fact, "b");
	struct db_attempt a = {.outcome = EV_AUTH_UNKNOWN_USER};

	memset(a.detail, 'x', sizeof(a.detail) - 1);
	shrink.give = 1;
	assert_int_equal(store_submit(f->store, &shrink.job), 0);
	replies_wait(&f->box, &f->done, 1);
	for (int i = 0; i < 200; i++) /* 40 KB, more than the pages left */
		assert_int_equal(store_attempt_add(f->store, &a), 0);
	assert_int_equal(store_submit(f->store, &set.job), 0);
	replies_wait(&f->box, &f->done, 2);
	assert_int_equal(store_submit(f->store, &get.job), 0);
	replies_wait(&f->box, &f->done, 3);
	assert_int_equal(get.job.result, -ENOENT);
	assert_int_equal(store_submit(f->store, &grow.job), 0);
	replies_wait(&f->box, &f->done, 4);
	set = make(f, STORE_WRITE, set_fact, "c");
	assert_int_equal(store_submit(f->store, &set.job), 0);
	replies_wait(&f->box, &f->done, 5);
	assert_int_equal(set.job.result, 0);
}

static void lease_done(struct store_lease *l)
{
	fixture->done++;
}

static void a_lease_comes_with_its_address_or_the_reason_why_not(void **state)
{
	struct fixture *f = *state;
	struct store_lease leases[3];

	for (int i = 0; i < 3; i++) {
		leases[i] = (struct store_lease){.request = {.user_id = f->alice,
							 .session = store_next_session(f->store),
							 .pool = {addr_v4(0x0a000000), 30}},
			.done = lease_done,
			.reply_to = &f->box};
		assert_int_equal(store_lease_take(f->store, &leases[i]), 0);
	}
	replies_wait(&f->box, &f->done, 3);
	assert_int_equal(leases[0].result, 0);
	assert_int_equal(leases[0].outcome, EV_NONE);
	assert_int_equal(addr_v4_value(&leases[0].address), 0x0a000001);
	assert_int_equal(leases[1].result, 0);
	assert_int_equal(leases[2].result, -EADDRNOTAVAIL);
	assert_int_equal(leases[2].outcome, EV_LEASE_POOL_EXHAUSTED);
	/* A session's end gives its address back. */
	store_session_stop(f->store,
		&(struct db_session){
			.id = leases[0].request.session, .ipv4 = leases[0].address, .ended_at = 5});
	assert_int_equal(store_lease_take(f->store, &leases[2]), 0);
	replies_wait(&f->box, &f->done, 4);
	assert_int_equal(leases[2].result, 0);
	assert_int_equal(addr_v4_value(&leases[2].address), 0x0a000001);
}

static int count_rows(const struct db_attempt *a, void *arg)
{
	++*(int *)arg;
	return 0;
}

static void records_are_kept_up_to_the_bound_and_sessions_numbered_on(void **state)
{
	struct fixture *f = *state;
	struct db_attempt a = {
		.at = 1, .peer = "192.0.2.1:1", .user = "eve", .outcome = EV_AUTH_UNKNOWN_USER};
	struct db_session s = {.user = "alice", .started_at = 1};
	struct db *db;
	int rows = 0;

	s.id = store_next_session(f->store);
	assert_int_equal(s.id, 1);
	s.id = store_next_session(f->store);
	assert_int_equal(store_session_start(f->store, &s), 0);
	for (int i = 0; i < 1000; i++)
		assert_int_equal(store_attempt_add(f->store, &a), 0);
	store_free(f->store);
	db = state_open(&f->state);
	assert_int_equal(db_attempt_list(db, 0, 10000, count_rows, &rows), 0);
	assert_in_range(rows, 100, 100 + STORE_GROUP_MAX + STORE_PRUNE_EVERY);
	f->store = start(f, db);
	assert_int_equal(store_next_session(f->store), 3);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "--add-users"))
		return add_users(argv[2], 100);

	const struct CMUnitTest tests[] = {
		CASE(a_write_is_answered_after_its_commit_and_then_readable),
		CASE(a_job_that_fails_is_undone_without_the_others_of_its_group),
		CASE(a_full_queue_refuses_records_first_then_writes_and_never_what_must_be),
		CASE(what_waits_at_the_end_is_still_done),
		CASE(while_another_process_writes_reads_are_served),
		CASE(another_process_adds_users_while_the_thread_is_at_work),
		CASE(a_full_disk_fails_writes_and_not_reads_and_heals),
		CASE(a_lease_comes_with_its_address_or_the_reason_why_not),
		CASE(records_are_kept_up_to_the_bound_and_sessions_numbered_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
