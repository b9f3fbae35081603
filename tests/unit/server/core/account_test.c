// SPDX-License-Identifier: Apache-2.0
/* server/core/account.c: each report reaches each sink, once and as it was given. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "server/core/account.h"

struct seen {
	unsigned begun, ended, attempts;
	struct db_session session;
	struct db_attempt attempt;
};

static void begin(void *arg, const struct db_session *s)
{
	struct seen *seen = arg;

	seen->begun++;
	seen->session = *s;
}

static void end(void *arg, const struct db_session *s)
{
	struct seen *seen = arg;

	seen->ended++;
	seen->session = *s;
}

static void attempt(void *arg, const struct db_attempt *a)
{
	struct seen *seen = arg;

	seen->attempts++;
	seen->attempt = *a;
}

static const struct account_sink sink = {.begin = begin, .end = end, .attempt = attempt};

static void every_sink_gets_every_report(void **state)
{
	AUTO(account) struct account *a = NULL;
	struct seen seen[3] = {0};
	struct db_session s = {
		.id = 7, .user = "alice", .octets_in = 5, .reason = EV_SESSION_KICKED};

	(void)state;
	assert_int_equal(account_new(&a), 0);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(account_add_sink(a, &sink, &seen[i]), 0);
	account_begin(a, &s);
	account_attempt(
		a, &(struct db_attempt){.at = 9, .outcome = EV_SESSION_UP, .user = "alice"});
	s.octets_in = 6;
	account_end(a, &s);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(seen[i].begun, 1);
		assert_int_equal(seen[i].ended, 1);
		assert_int_equal(seen[i].attempts, 1);
		assert_int_equal(seen[i].session.id, 7);
		assert_int_equal(seen[i].session.octets_in, 6);
		assert_int_equal(seen[i].session.reason, EV_SESSION_KICKED);
		assert_int_equal(seen[i].attempt.outcome, EV_SESSION_UP);
		assert_string_equal(seen[i].attempt.user, "alice");
	}
}

static void without_a_sink_a_report_goes_nowhere(void **state)
{
	AUTO(account) struct account *a = NULL;

	(void)state;
	assert_int_equal(account_new(&a), 0);
	account_begin(a, &(struct db_session){.id = 1});
	account_end(a, &(struct db_session){.id = 1});
	account_attempt(a, &(struct db_attempt){.at = 1});
}

static void a_sink_too_many_is_refused_and_the_others_go_on(void **state)
{
	AUTO(account) struct account *a = NULL;
	struct seen seen = {0}, other = {0};
	unsigned n = 0;

	(void)state;
	assert_int_equal(account_new(&a), 0);
	while (n < 100 && account_add_sink(a, &sink, &seen) == 0)
		n++;
	assert_in_range(n, 1, 99);
	assert_int_equal(account_add_sink(a, &sink, &other), -ENOSPC);
	account_begin(a, &(struct db_session){.id = 1});
	assert_int_equal(seen.begun, n);
	assert_int_equal(other.begun, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_sink_gets_every_report),
		cmocka_unit_test(without_a_sink_a_report_goes_nowhere),
		cmocka_unit_test(a_sink_too_many_is_refused_and_the_others_go_on),
	};

	return cmocka_run_group_tests_name("server/core/account", tests, NULL, NULL);
}
