// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "base/clock.h"
#include "unit/store/state.h"

static struct db *db_of(void **state)
{
	return ((struct opened *)*state)->db;
}

static int64_t now;

static void ban(struct db *db, const char *of, const char *user, int64_t until, bool by_admin)
{
	struct db_ban b = {.since_at = now, .until_at = until, .by_admin = by_admin};

	assert_int_equal(prefix_parse(of, &b.of), 0);
	strcpy(b.user, user);
	assert_int_equal(db_ban_set(db, &b), 0);
}

static int write_ban(const struct db_ban *b, void *arg)
{
	char *text = arg, of[PREFIX_TEXT_LEN];

	sprintf(text + strlen(text), "%s %s %d %d;", prefix_format(&b->of, of), b->user,
		b->until_at ? (int)(b->until_at - now) : 0, b->by_admin);
	return 0;
}

static void check(struct db *db, int64_t at, const char *expected)
{
	char text[1000] = "";

	assert_int_equal(db_ban_list(db, at, write_ban, text), 0);
	assert_string_equal(text, expected);
}

static void bans_are_listed_until_their_end(void **state)
{
	struct db *db = db_of(state);

	now = clock_wall_s();
	ban(db, "198.51.100.1/32", "", now + 100, false);
	ban(db, "198.51.100.1/32", "Alice", now + 50, false);
	ban(db, "2001:db8::/64", "", 0, true);
	check(db, now, "198.51.100.1/32  100 0;198.51.100.1/32 alice 50 0;2001:db8::/64  0 1;");
	check(db, now + 50, "198.51.100.1/32  100 0;2001:db8::/64  0 1;");
	check(db, now + 100, "2001:db8::/64  0 1;");
	ban(db, "198.51.100.1/32", "ALICE", now + 70, true); /* again: the new time */
	check(db, now, "198.51.100.1/32  100 0;198.51.100.1/32 alice 70 1;2001:db8::/64  0 1;");
}

static void one_that_is_over_goes_with_the_next(void **state)
{
	struct db *db = db_of(state);

	now = clock_wall_s();
	ban(db, "198.51.100.1/32", "", now - 1, false);
	ban(db, "198.51.100.2/32", "", now + 100, false);
	check(db, now - 10, "198.51.100.2/32  100 0;");
}

static void removing_names_source_and_user(void **state)
{
	struct db *db = db_of(state);
	struct prefix of;

	now = clock_wall_s();
	ban(db, "198.51.100.1/32", "alice", 0, true);
	prefix_parse("198.51.100.1", &of);
	assert_int_equal(db_ban_remove(db, &of, ""), -ENOENT);
	assert_int_equal(db_error(db)->event, EV_STORE_NO_BAN);
	assert_int_equal(db_ban_remove(db, &of, "ALICE"), 0);
	check(db, now, "");
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, opened_setup, opened_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(bans_are_listed_until_their_end),
		CASE(one_that_is_over_goes_with_the_next),
		CASE(removing_names_source_and_user),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
