// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>

#include "server/admission/bans.h"

#define NOW 1800000000

static const struct bans_limits limits = {60, 900};
static struct bans *b;

static int setup(void **state)
{
	(void)state;
	return bans_new(42, &b);
}

static int teardown(void **state)
{
	(void)state;
	bans_free(b);
	return 0;
}

static struct addr from(const char *text)
{
	struct addr a;

	assert_int_equal(addr_parse(text, &a), 0);
	return a;
}

static enum bans_made wrong(const char *source, const char *user, int64_t at_s)
{
	const struct addr a = from(source);

	return bans_point(b, &a, user, &limits, at_s);
}

static bool has(const char *source, const char *user, int64_t at_s)
{
	const struct addr a = from(source);

	return bans_has(b, &a, user, at_s);
}

/* Until something is made, or n times. */
static enum bans_made fail_often(const char *source, const char *user, unsigned n, int64_t at_s)
{
	enum bans_made made = BANS_NONE;

	while (n-- && !made)
		made = wrong(source, user, at_s);
	return made;
}

static void twenty_wrong_passwords_ban_a_source_as_this_user(void **state)
{
	(void)state;
	assert_int_equal(fail_often("198.51.100.1", "alice", 19, NOW), BANS_NONE);
	assert_false(has("198.51.100.1", "alice", NOW));
	assert_int_equal(wrong("198.51.100.1", "CORP\\Alice", NOW), BANS_PAIR);
	assert_true(has("198.51.100.1", "alice", NOW + 899));
	assert_false(has("198.51.100.1", "alice", NOW + 900));
	assert_false(has("198.51.100.1", "bob", NOW));
	assert_false(has("198.51.100.1", NULL, NOW));
	assert_false(has("198.51.100.2", "alice", NOW));
	/* It goes on knocking as this user: the whole source is not banned for that. */
	assert_int_equal(fail_often("198.51.100.1", "alice", 1000, NOW + 1), BANS_NONE);
	assert_false(has("198.51.100.1", NULL, NOW + 1));
}

static void points_go_away(void **state)
{
	(void)state;
	for (int i = 0; i < 500; i++) /* one in half a minute: a device with an old password */
		assert_int_equal(wrong("198.51.100.1", "alice", NOW + 30 * i), BANS_NONE);
}

static void a_guesser_of_names_is_banned_as_a_whole(void **state)
{
	enum bans_made made = BANS_NONE;
	char name[20];
	unsigned n = 0;

	(void)state;
	for (; made != BANS_SOURCE && n < 100; n++) {
		sprintf(name, "user%u", n);
		made = wrong("198.51.100.1", name, NOW);
	}
	assert_int_equal(n, 60);
	assert_true(has("198.51.100.1", NULL, NOW) && has("198.51.100.1", "carol", NOW));
}

static void a_scanner_that_never_logs_in_is_banned(void **state)
{
	(void)state;
	assert_int_equal(fail_often("2001:db8::1", NULL, 179, NOW), BANS_NONE);
	assert_int_equal(wrong("2001:db8::2", NULL, NOW), BANS_SOURCE); /* the same /64 */
	assert_true(has("2001:db8:0:0:ffff::", NULL, NOW));
	assert_false(has("2001:db8:0:1::1", NULL, NOW));
}

/* An office behind one NAT: one old password there shuts out that user, and no other one. */
static void a_source_of_logins_is_never_banned_as_a_whole(void **state)
{
	const struct addr office = from("203.0.113.7");
	char name[20];

	(void)state;
	bans_logged_in(b, &office, "bob", NOW);
	assert_int_equal(fail_often("203.0.113.7", "alice", 20, NOW), BANS_PAIR);
	for (int i = 0; i < 500; i++) {
		sprintf(name, "user%d", i);
		assert_int_equal(wrong("203.0.113.7", name, NOW), BANS_NONE);
	}
	assert_int_equal(fail_often("203.0.113.7", NULL, 1000, NOW), BANS_NONE);
	assert_true(has("203.0.113.7", "alice", NOW));
	assert_false(has("203.0.113.7", "bob", NOW));
	/* A day later it is a source like any other. */
	assert_int_equal(fail_often("203.0.113.7", NULL, 1000, NOW + BANS_LATELY_S), BANS_SOURCE);
}

static void a_users_sources_are_known_for_a_month(void **state)
{
	const struct addr home = from("198.51.100.9");

	(void)state;
	assert_false(bans_is_known(b, &home, "alice", NOW));
	bans_logged_in(b, &home, "corp\\ALICE", NOW);
	assert_true(bans_is_known(b, &home, "alice", NOW + BANS_KNOWN_S));
	assert_false(bans_is_known(b, &home, "alice", NOW + BANS_KNOWN_S + 1));
	assert_false(bans_is_known(b, &home, "bob", NOW));
}

static void an_admin_bans_addresses_networks_and_users_of_them(void **state)
{
	struct prefix p;

	(void)state;
	prefix_parse("198.51.100.0/24", &p);
	assert_int_equal(bans_set(b, &p, NULL, 0), 0);
	assert_true(has("198.51.100.77", NULL, INT64_MAX - 1));
	bans_unset(b, &p, NULL);
	assert_false(has("198.51.100.77", NULL, NOW));
	assert_int_equal(bans_set(b, &p, "alice", NOW + 5), 0);
	assert_int_equal(bans_set(b, &p, "ALICE", NOW + 10), 0); /* again: another time */
	assert_true(has("198.51.100.77", "alice", NOW + 9));
	assert_false(has("198.51.100.77", "alice", NOW + 10));
	assert_false(has("198.51.100.77", "bob", NOW));
	prefix_parse("2001:db8::/64", &p);
	assert_int_equal(bans_set(b, &p, "", NOW + 10), 0);
	assert_true(has("2001:db8::5", NULL, NOW));
	bans_unset(b, &p, "");
	assert_false(has("2001:db8::5", NULL, NOW));
	for (unsigned i = 0; i < BANS_NETWORKS; i++) {
		p = (struct prefix){addr_v4(0x0a000000 + (i << 8)), 24};
		assert_int_equal(bans_set(b, &p, NULL, 0), i + 1 < BANS_NETWORKS ? 0 : -ENOSPC);
	}
}

/* A botnet makes the table forget strangers, not bans and not the users' own sources. */
static void a_flood_of_sources_pushes_out_no_ban_and_no_known_source(void **state)
{
	const struct addr home = from("203.0.113.9");

	(void)state;
	fail_often("198.51.100.1", "alice", 20, NOW);
	bans_logged_in(b, &home, "alice", NOW);
	for (uint32_t i = 0; i < 200000; i++) {
		const struct addr a = addr_v4(0x64000000 + i * 7);

		bans_point(b, &a, "alice", &limits, NOW + i / 1000);
	}
	assert_true(has("198.51.100.1", "alice", NOW + 300));
	assert_true(bans_is_known(b, &home, "alice", NOW + 300));
}

static void without_a_limit_nothing_is_banned(void **state)
{
	const struct addr a = from("198.51.100.1");

	(void)state;
	for (int i = 0; i < 10000; i++)
		assert_int_equal(
			bans_point(b, &a, "alice", &(struct bans_limits){0, 900}, NOW), BANS_NONE);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(twenty_wrong_passwords_ban_a_source_as_this_user),
		CASE(points_go_away),
		CASE(a_guesser_of_names_is_banned_as_a_whole),
		CASE(a_scanner_that_never_logs_in_is_banned),
		CASE(a_source_of_logins_is_never_banned_as_a_whole),
		CASE(a_users_sources_are_known_for_a_month),
		CASE(an_admin_bans_addresses_networks_and_users_of_them),
		CASE(a_flood_of_sources_pushes_out_no_ban_and_no_known_source),
		CASE(without_a_limit_nothing_is_banned),
	};

	return cmocka_run_group_tests_name("server/admission/bans", tests, NULL, NULL);
}
