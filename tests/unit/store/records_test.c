// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "unit/store/state.h"

static int count_and_keep_first(const struct db_session *s, void *arg)
{
	struct db_session *first = arg;

	if (!first->id)
		*first = *s;
	return 0;
}

static int note_id(const struct db_session *s, void *arg)
{
	*(unsigned *)arg |= 1u << s->id;
	return 0;
}

static struct db_session newest(struct opened *f)
{
	struct db_session s = {0};

	assert_int_equal(db_session_list(f->db, 10, count_and_keep_first, &s), 0);
	return s;
}

static void a_session_is_on_record_from_start_to_stop(void **state)
{
	struct opened *f = *state;
	int64_t alice = state_add_user(f->db, "Alice", NULL, false);
	struct db_session s = {.id = 5,
		.user_id = alice,
		.user = "Alice",
		.peer = "192.0.2.1:5000",
		.correlation = "{abc}",
		.ipv4 = addr_v4(0x0a000002),
		.started_at = 1000};
	struct db_session got;
	struct db_user user;
	uint64_t last;

	assert_int_equal(db_session_start(f->db, &s), 0);
	assert_int_equal(db_session_start(f->db, &s), 0); /* twice is harmless */
	got = newest(f);
	assert_int_equal(got.id, 5);
	assert_int_equal(got.ended_at, 0);
	assert_string_equal(got.user, "Alice");
	assert_string_equal(got.peer, "192.0.2.1:5000");
	assert_true(addr_equal(&got.ipv4, &s.ipv4));
	s.ended_at = 2000;
	s.octets_in = 1ULL << 40;
	s.octets_out = 3;
	s.reason = EV_SESSION_LOST;
	assert_int_equal(db_session_stop(f->db, &s), 0);
	assert_int_equal(db_session_stop(f->db, &s), 0);
	assert_int_equal(db_session_start(f->db, &s), 0); /* late: the end stays */
	got = newest(f);
	assert_int_equal(got.ended_at, 2000);
	assert_true(got.octets_in == 1ULL << 40);
	assert_int_equal(got.reason, EV_SESSION_LOST);
	assert_int_equal(db_session_last(f->db, &last), 0);
	assert_int_equal(last, 5);
	assert_int_equal(db_user_find(f->db, "alice", &user), 0);
	assert_int_equal(user.login_at, 1000);
}

static void after_a_crash_sessions_are_closed_and_addresses_idle(void **state)
{
	struct opened *f = *state;
	int64_t alice = state_add_user(f->db, "alice", NULL, false);
	struct db_session s = {.id = 5, .user_id = alice, .user = "alice", .started_at = 1000};
	struct db_lease_request req = {
		.user_id = alice, .session = 5, .pool = {addr_v4(0x0a000000), 30}};
	struct addr got;
	uint64_t holder;

	assert_int_equal(db_session_start(f->db, &s), 0);
	assert_int_equal(db_lease_take(f->db, &req, &got, &holder), 0);
	assert_int_equal(db_lease_take(f->db, &req, &got, &holder), 0);
	assert_int_equal(db_lease_take(f->db, &req, &got, &holder), -EADDRNOTAVAIL);
	opened_again(f);
	assert_int_equal(db_lease_take(f->db, &req, &got, &holder), 0);
	s = newest(f);
	assert_int_equal(s.reason, EV_SESSION_LOST);
	assert_true(s.ended_at > 0);
}

static int collect_seq(const struct db_attempt *a, void *arg)
{
	char one[32];

	sprintf(one, "%d ", (int)a->seq);
	strcat(arg, one);
	return 0;
}

static void the_oldest_attempts_are_dropped_beyond_the_bound(void **state)
{
	struct opened *f = *state;
	struct db_attempt a = {.at = 1, .outcome = EV_AUTH_UNKNOWN_USER};
	char seqs[100] = "";

	for (int i = 1; i <= 10; i++) {
		assert_int_equal(db_attempt_add(f->db, &a), 0);
		assert_int_equal(a.seq, i);
	}
	assert_int_equal(db_prune(f->db, 3, 0), 0);
	db_attempt_list(f->db, 0, 100, collect_seq, seqs);
	assert_string_equal(seqs, "10 9 8 ");
	/* Numbers go on after a restart. */
	db_close(f->db);
	f->db = state_open(&f->state);
	assert_int_equal(db_attempt_add(f->db, &a), 0);
	assert_int_equal(a.seq, 11);
	seqs[0] = '\0';
	db_attempt_list(f->db, 0, 2, collect_seq, seqs);
	assert_string_equal(seqs, "11 10 ");
}

static void a_long_list_is_read_in_pages(void **state)
{
	struct opened *f = *state;
	struct db_attempt a = {.at = 1, .outcome = EV_AUTH_UNKNOWN_USER};
	char seqs[100] = "";

	for (int i = 1; i <= 7; i++)
		assert_int_equal(db_attempt_add(f->db, &a), 0);
	db_attempt_list(f->db, 0, 3, collect_seq, seqs);
	db_attempt_list(f->db, 5, 3, collect_seq, seqs);
	db_attempt_list(f->db, 2, 3, collect_seq, seqs);
	assert_string_equal(seqs, "7 6 5 4 3 2 1 ");
	db_attempt_list(f->db, 1, 3, collect_seq, seqs);
	db_attempt_list(f->db, UINT64_MAX, 1, collect_seq, seqs);
	assert_string_equal(seqs, "7 6 5 4 3 2 1 7 ");
}

static int count_attempt(const struct db_attempt *a, void *arg)
{
	(void)a;
	++*(int *)arg;
	return 0;
}

/* Logins wait for it, so a lowered bound is reached step by step. */
static void one_pruning_drops_no_more_than_so_many(void **state)
{
	struct opened *f = *state;
	struct db_attempt a = {.at = 1, .outcome = EV_AUTH_UNKNOWN_USER};
	struct db_session s = {.started_at = 1, .ended_at = 2, .user = "a"}, first;
	int left = 0;

	db_begin(f->db);
	for (s.id = 1; s.id <= STORE_PRUNE_MOST + 50; s.id++) {
		assert_int_equal(db_attempt_add(f->db, &a), 0);
		assert_int_equal(db_session_start(f->db, &s), 0);
		if (s.id > 1) /* the oldest one is still up, and does not stop it */
			assert_int_equal(db_session_stop(f->db, &s), 0);
	}
	assert_int_equal(db_prune(f->db, 10, 10), 0);
	assert_int_equal(db_attempt_list(f->db, 0, 100000, count_attempt, &left), 0);
	assert_int_equal(left, 50);
	assert_int_equal(db_prune(f->db, 10, 10), 0);
	left = 0;
	assert_int_equal(db_attempt_list(f->db, 0, 100000, count_attempt, &left), 0);
	assert_int_equal(left, 10);
	first.id = 0;
	assert_int_equal(db_session_list(f->db, 100000, count_and_keep_first, &first), 0);
	assert_int_equal(first.id, STORE_PRUNE_MOST + 50);
	db_commit(f->db);
}

static int keep_attempt(const struct db_attempt *a, void *arg)
{
	*(struct db_attempt *)arg = *a;
	return 1;
}

static void octets_that_are_no_text_are_kept_escaped(void **state)
{
	struct opened *f = *state;
	struct db_attempt a = {.at = 1,
				  .peer = "192.0.2.1:1",
				  .user = "a\xff\xc3\xa4\xed\xa0\x80z",
				  .outcome = EV_AUTH_UNKNOWN_USER,
				  .detail = "x"},
			  got;

	assert_int_equal(db_attempt_add(f->db, &a), 0);
	assert_int_equal(db_attempt_list(f->db, 0, 1, keep_attempt, &got), 1);
	assert_string_equal(got.user, "a\\xff\xc3\xa4\\xed\\xa0\\x80z");
	assert_int_equal(got.outcome, EV_AUTH_UNKNOWN_USER);
	assert_string_equal(got.detail, "x");
}

static void open_sessions_are_not_pruned(void **state)
{
	struct opened *f = *state;
	struct db_session s = {.started_at = 1, .ended_at = 2, .user = "a"};
	struct db_session first = {0};
	unsigned ids = 0;

	for (s.id = 1; s.id <= 5; s.id++) {
		assert_int_equal(db_session_start(f->db, &s), 0);
		if (s.id != 2)
			assert_int_equal(db_session_stop(f->db, &s), 0);
	}
	assert_int_equal(db_prune(f->db, 0, 1), 0);
	opened_again(f); /* closes number 2, if it is there */
	assert_int_equal(db_session_list(f->db, 1, count_and_keep_first, &first), 0);
	assert_int_equal(first.id, 5);
	assert_int_equal(db_session_list(f->db, 9, note_id, &ids), 0);
	assert_int_equal(ids, 1 << 5 | 1 << 2);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, opened_setup, opened_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_session_is_on_record_from_start_to_stop),
		CASE(after_a_crash_sessions_are_closed_and_addresses_idle),
		CASE(the_oldest_attempts_are_dropped_beyond_the_bound),
		CASE(a_long_list_is_read_in_pages),
		CASE(one_pruning_drops_no_more_than_so_many),
		CASE(octets_that_are_no_text_are_kept_escaped),
		CASE(open_sessions_are_not_pruned),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
