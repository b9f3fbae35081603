// SPDX-License-Identifier: Apache-2.0
/* Two runs of a server on one database: what one holds, the other leaves alone until it is dead. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

#include "unit/store/state.h"

static int64_t number_of_user(struct db *db, const char *name)
{
	struct db_user u;

	assert_int_equal(db_user_find(db, name, &u), 0);
	return u.id;
}

/* The last octet of the address, or negative errno. */
static int take(struct db *db, const char *user, uint64_t session, int wanted, uint64_t *ret_holder)
{
	struct db_lease_request req = {.user_id = number_of_user(db, user),
		.session = session,
		.pool = {addr_v4(0x0a000000), 29},
		.reserved = addr_v4(0x0a000001)};
	struct addr got = {0};
	int r;

	if (wanted)
		req.wanted = addr_v4(0x0a000000 + (uint32_t)wanted);
	*ret_holder = 0;
	r = db_lease_take(db, &req, &got, ret_holder);
	return r < 0 ? r : got.octets[3];
}

static void begin_session(struct db *db, uint64_t id)
{
	const struct db_session s = {
		.id = id, .user_id = number_of_user(db, "alice"), .user = "alice", .started_at = 1};

	assert_int_equal(db_session_start(db, &s), 0);
}

/* Another process is a server: session 7 of alice is up on 10.0.0.6, and it goes on. */
static pid_t another_run(const struct state *s)
{
	struct db_error err;
	struct db *db;
	uint64_t holder;
	int pipes[2];
	char c;
	pid_t pid;

	assert_int_equal(pipe(pipes), 0);
	pid = fork();
	if (pid == 0) {
		if (!db_open(&(struct db_opts){.state = s->folder}, &db, &err) &&
			!db_epoch_begin(db) && take(db, "alice", 7, 6, &holder) == 6) {
			begin_session(db, 7);
			if (write(pipes[1], "x", 1) == 1)
				pause();
		}
		_exit(1);
	}
	close(pipes[1]);
	assert_int_equal(read(pipes[0], &c, 1), 1);
	close(pipes[0]);
	return pid;
}

static void end_run(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static int count_open(const struct db_session *s, void *arg)
{
	*(int *)arg += !s->ended_at;
	return 0;
}

static int open_records(struct db *db)
{
	int n = 0;

	assert_int_equal(db_session_list(db, 100, count_open, &n), 0);
	return n;
}

static int lock_files(const struct state *s)
{
	DIR *d = opendir(s->folder);
	struct dirent *e;
	int n = 0;

	while ((e = readdir(d)))
		n += strstr(e->d_name, ".epoch-") != NULL;
	closedir(d);
	return n;
}

static void a_start_takes_over_the_dead_and_leaves_the_living_alone(void **state)
{
	struct opened *f = *state;
	uint64_t holder;
	pid_t pid;

	state_add_user(f->db, "alice", NULL, false);
	pid = another_run(&f->state);
	opened_again(f);
	assert_int_equal(lock_files(&f->state), 2);
	assert_int_equal(take(f->db, "alice", 8, 6, &holder), -EADDRINUSE);
	assert_int_equal(open_records(f->db), 1);

	end_run(pid);
	assert_int_equal(lock_files(&f->state), 2); /* it could not clean up */
	opened_again(f);
	assert_int_equal(lock_files(&f->state), 1);
	assert_int_equal(take(f->db, "alice", 8, 6, &holder), 6);
	assert_int_equal(open_records(f->db), 0);
}

/* Session 7 of the other run is not session 7 of this one. */
static void numbers_of_two_runs_do_not_mean_each_other(void **state)
{
	struct opened *f = *state;
	struct addr address = addr_v4(0x0a000006);
	struct db_session s = {.id = 7, .ended_at = 2, .reason = EV_SESSION_KICKED};
	struct db_attempt a = {.at = 1, .outcome = EV_AUTH_UNKNOWN_USER};
	uint64_t holder;
	pid_t pid;

	state_add_user(f->db, "alice", NULL, false);
	pid = another_run(&f->state);
	begin_session(f->db, 7);
	assert_int_equal(open_records(f->db), 2);
	assert_int_equal(db_session_stop(f->db, &s), 0);
	assert_int_equal(open_records(f->db), 1);
	assert_int_equal(db_lease_release(f->db, &address, 7), -ENOENT);
	assert_int_equal(take(f->db, "alice", 9, 6, &holder), -EADDRINUSE);
	assert_int_equal(holder, 0);
	assert_int_equal(db_attempt_add(f->db, &a), 0);
	end_run(pid);
	/* Of its own run the holder is named. */
	assert_int_equal(take(f->db, "alice", 9, 5, &holder), 5);
	assert_int_equal(take(f->db, "alice", 10, 5, &holder), -EADDRINUSE);
	assert_int_equal(holder, 9);
}

static void a_run_that_ends_in_order_leaves_no_file(void **state)
{
	struct opened *f = *state;

	assert_int_equal(lock_files(&f->state), 1);
	db_close(f->db);
	assert_int_equal(lock_files(&f->state), 0);
	f->db = state_open(&f->state); /* a command has none */
	assert_int_equal(lock_files(&f->state), 0);
}

/* What people see goes on: numbers of sessions and attempts do not begin again with an epoch. */
static void numbers_go_on_over_a_restart(void **state)
{
	struct opened *f = *state;
	struct db_attempt a = {.at = 1, .outcome = EV_AUTH_UNKNOWN_USER};
	uint64_t last = 0;

	state_add_user(f->db, "alice", NULL, false);
	begin_session(f->db, 41);
	assert_int_equal(db_attempt_add(f->db, &a), 0);
	opened_again(f);
	assert_int_equal(db_session_last(f->db, &last), 0);
	assert_int_equal(last, 41);
	assert_int_equal(db_attempt_add(f->db, &a), 0);
	assert_int_equal(a.seq, 2);
}

/* A crash inside the start: the number is given again, its file is there, and nothing holds it. */
static void a_start_that_failed_does_not_stop_the_next(void **state)
{
	struct opened *f = *state;

	db_close(f->db);
	f->db = state_open(&f->state);
	assert_int_equal(db_begin(f->db), 0);
	assert_int_equal(db_epoch_begin(f->db), 0);
	db_rollback(f->db);
	opened_again(f);
	assert_int_equal(lock_files(&f->state), 1);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, opened_setup, opened_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_start_takes_over_the_dead_and_leaves_the_living_alone),
		CASE(numbers_of_two_runs_do_not_mean_each_other),
		CASE(a_run_that_ends_in_order_leaves_no_file),
		CASE(numbers_go_on_over_a_restart),
		CASE(a_start_that_failed_does_not_stop_the_next),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
