// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "store/internal.h"
#include "unit/store/state.h"

/* What an address ends in, or a negative errno. `pool` 10.0.0.0/len; .1 is the server's. */
static int take(struct opened *f, int64_t user, uint64_t session, uint8_t len, int wanted)
{
	struct db_lease_request req = {.user_id = user,
		.session = session,
		.pool = {addr_v4(0x0a000000), len},
		.reserved = addr_v4(0x0a000001)};
	struct addr got = {0};
	uint64_t holder = 0;
	int r;

	if (wanted)
		req.wanted = addr_v4(0x0a000000 + (uint32_t)wanted);
	r = db_lease_take(f->db, &req, &got, &holder);
	return r < 0 ? r : (int)(addr_v4_value(&got) - 0x0a000000);
}

static void release(struct opened *f, int ends_in, uint64_t session)
{
	struct addr a = addr_v4(0x0a000000 + (uint32_t)ends_in);

	assert_int_equal(db_lease_release(f->db, &a, session), 0);
}

static void a_user_gets_the_address_of_the_last_time(void **state)
{
	struct opened *f = *state;
	int64_t alice = state_add_user(f->db, "alice", NULL, false);
	int64_t bob = state_add_user(f->db, "bob", NULL, false);

	assert_int_equal(take(f, alice, 1, 24, 0), 2);
	assert_int_equal(take(f, bob, 2, 24, 0), 3);
	release(f, 2, 1);
	release(f, 3, 2);
	assert_int_equal(take(f, bob, 3, 24, 0), 3);
	assert_int_equal(take(f, alice, 4, 24, 0), 2);
	/* Also after a restart. */
	release(f, 3, 3);
	opened_again(f);
	assert_int_equal(take(f, bob, 5, 24, 0), 3);
}

static void two_sessions_of_a_user_have_two_addresses(void **state)
{
	struct opened *f = *state;
	int64_t alice = state_add_user(f->db, "alice", NULL, false);

	assert_int_equal(take(f, alice, 1, 24, 0), 2);
	assert_int_equal(take(f, alice, 2, 24, 0), 3);
}

static void network_broadcast_and_server_are_never_given(void **state)
{
	struct opened *f = *state;
	int64_t alice = state_add_user(f->db, "alice", NULL, false);

	/* 10.0.0.0/29: 2 to 6 */
	for (int i = 2; i <= 6; i++)
		assert_int_equal(take(f, alice, (uint64_t)i, 29, 0), i);
	assert_int_equal(take(f, alice, 9, 29, 0), -EADDRNOTAVAIL);
	assert_int_equal(db_error(f->db)->event, EV_LEASE_POOL_EXHAUSTED);
	assert_string_equal(db_error(f->db)->text, "pool=10.0.0.0/29");
}

static void when_all_were_given_once_the_one_longest_idle_changes_hands(void **state)
{
	struct opened *f = *state;
	int64_t user[6];
	char name[8];

	for (int i = 0; i < 6; i++) {
		sprintf(name, "u%d", i);
		user[i] = state_add_user(f->db, name, NULL, false);
	}
	for (int i = 0; i < 5; i++)
		assert_int_equal(take(f, user[i], (uint64_t)i + 1, 29, 0), i + 2);
	assert_int_equal(take(f, user[5], 9, 29, 0), -EADDRNOTAVAIL);
	release(f, 4, 3);
	assert_int_equal(take(f, user[5], 10, 29, 0), 4);
	assert_int_equal(take(f, user[2], 11, 29, 0), -EADDRNOTAVAIL);
}

static void addresses_of_a_removed_user_are_free_again(void **state)
{
	struct opened *f = *state;
	int64_t alice = state_add_user(f->db, "alice", NULL, false);
	int64_t bob = state_add_user(f->db, "bob", NULL, false);

	for (int i = 2; i <= 6; i++)
		assert_int_equal(take(f, i == 4 ? bob : alice, (uint64_t)i, 29, 0), i);
	assert_int_equal(db_user_remove(f->db, bob), 0);
	assert_int_equal(take(f, alice, 9, 29, 0), 4);
}

static void a_static_address_is_its_users_alone(void **state)
{
	struct opened *f = *state;
	struct addr two = addr_v4(0x0a000002);
	int64_t alice = state_add_user(f->db, "alice", NULL, false);
	int64_t bob = state_add_user(f->db, "bob", NULL, false);
	struct db_lease_request req = {.user_id = bob, .session = 3, .wanted = two};
	struct addr got;
	uint64_t holder = 0;

	/* alice had it once; then it was tied to bob */
	assert_int_equal(take(f, alice, 1, 24, 0), 2);
	release(f, 2, 1);
	assert_int_equal(db_user_set_ipv4(f->db, bob, &two), 0);
	assert_int_equal(take(f, alice, 2, 24, 0), 3);
	assert_int_equal(take(f, bob, 3, 24, 2), 2);
	/* a second session of bob's cannot have it */
	assert_int_equal(db_lease_take(f->db, &req, &got, &holder), -EADDRINUSE);
	assert_int_equal(holder, 3);
	assert_int_equal(db_error(f->db)->event, EV_LEASE_ADDRESS_IN_USE);
	release(f, 2, 3);
	assert_int_equal(take(f, bob, 4, 24, 2), 2);
}

static void a_fresh_pool_leaves_out_static_addresses_of_others(void **state)
{
	struct opened *f = *state;
	struct addr two = addr_v4(0x0a000002);
	int64_t alice = state_add_user(f->db, "alice", NULL, false);
	int64_t bob = state_add_user(f->db, "bob", NULL, false);

	assert_int_equal(db_user_set_ipv4(f->db, bob, &two), 0);
	for (int i = 3; i <= 6; i++)
		assert_int_equal(take(f, alice, (uint64_t)i, 29, 0), i);
	assert_int_equal(take(f, alice, 9, 29, 0), -EADDRNOTAVAIL);
	assert_int_equal(take(f, bob, 10, 29, 2), 2);
}

static void a_session_can_only_release_its_own_address(void **state)
{
	struct opened *f = *state;
	struct addr two = addr_v4(0x0a000002);
	int64_t alice = state_add_user(f->db, "alice", NULL, false);

	assert_int_equal(take(f, alice, 1, 24, 0), 2);
	assert_int_equal(db_lease_release(f->db, &two, 7), -ENOENT);
	assert_int_equal(take(f, alice, 2, 24, 0), 3);
}

static void a_changed_pool_gives_addresses_of_the_new_one(void **state)
{
	struct opened *f = *state;
	int64_t alice = state_add_user(f->db, "alice", NULL, false);
	struct db_lease_request req = {
		.user_id = alice, .session = 2, .pool = {addr_v4(0xc0000200), 24}};
	struct addr got;
	uint64_t holder;
	char text[ADDR_TEXT_LEN];

	assert_int_equal(take(f, alice, 1, 24, 0), 2);
	release(f, 2, 1);
	assert_int_equal(db_lease_take(f->db, &req, &got, &holder), 0);
	assert_string_equal(addr_format(&got, text), "192.0.2.1");
}

static void more_pools_than_maps_are_kept_still_work(void **state)
{
	struct opened *f = *state;
	int64_t alice = state_add_user(f->db, "alice", NULL, false);

	for (uint32_t round = 0; round < 2; round++) {
		for (uint32_t i = 0; i < 2 * STORE_POOLS_MAX; i++) {
			struct db_lease_request req = {.user_id = alice,
				.session = 1 + i + 100 * round,
				.pool = {addr_v4(0xc0a80000 + 256 * i), 24}};
			struct addr got;
			uint64_t holder;

			assert_int_equal(db_lease_take(f->db, &req, &got, &holder), 0);
			assert_int_equal(addr_v4_value(&got), 0xc0a80000 + 256 * i + 1 + round);
		}
	}
}

static void a_pool_too_small_or_too_large_is_refused(void **state)
{
	struct opened *f = *state;
	int64_t alice = state_add_user(f->db, "alice", NULL, false);

	assert_int_equal(take(f, alice, 1, 31, 0), -EINVAL);
	assert_int_equal(take(f, alice, 1, 7, 0), -EINVAL);
	assert_int_equal(take(f, alice, 1, 8, 0), 2);
}

static void a_lease_for_a_user_that_is_gone_is_refused(void **state)
{
	struct opened *f = *state;

	assert_int_equal(take(f, 999, 1, 24, 0), -ENOENT);
	assert_int_equal(db_error(f->db)->event, EV_STORE_NO_USER);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, opened_setup, opened_teardown)

/* ---- ranges, exclusions, expiry ---- */

/* Of 10.0.0.0/30 and 10.0.1.0/29, without 10.0.1.2 and 10.0.1.3: the last two octets. */
static int take_ranged(struct opened *f, int64_t user, uint64_t session, bool exclude)
{
	static const struct addr_range excluded = {0x0a000102, 0x0a000103};
	struct db_lease_request req = {.user_id = user,
		.session = session,
		.pool = {addr_v4(0x0a000000), 30},
		.reserved = addr_v4(0x0a000001),
		.more = {{addr_v4(0x0a000100), 29}},
		.n_more = 1,
		.excluded = &excluded,
		.n_excluded = exclude};
	struct addr got;
	uint64_t holder;
	int r = db_lease_take(f->db, &req, &got, &holder);

	return r < 0 ? r : (int)(addr_v4_value(&got) - 0x0a000000);
}

static void ranges_of_a_pool_are_used_up_one_after_the_other(void **state)
{
	struct opened *f = *state;
	int64_t alice = state_add_user(f->db, "alice", NULL, false);

	assert_int_equal(take_ranged(f, alice, 1, true), 2);
	for (uint64_t i = 0; i < 3; i++) /* 1 is the server's, 7 the broadcast address */
		assert_int_equal(take_ranged(f, alice, 2 + i, true), 0x104 + (int)i);
	assert_int_equal(take_ranged(f, alice, 9, true), -EADDRNOTAVAIL);
	assert_int_equal(take_ranged(f, alice, 10, false), 0x102);
}

static void an_address_that_is_excluded_since_is_not_its_users_any_more(void **state)
{
	struct opened *f = *state;
	int64_t alice = state_add_user(f->db, "alice", NULL, false);
	struct addr a = addr_v4(0x0a000102);

	assert_int_equal(take_ranged(f, alice, 1, false), 2);
	assert_int_equal(take_ranged(f, alice, 2, false), 0x102);
	assert_int_equal(db_lease_release(f->db, &a, 2), 0);
	assert_int_equal(take_ranged(f, alice, 3, true), 0x104);
	assert_int_equal(take_ranged(f, alice, 4, false), 0x105); /* the search goes on */
}

static int count(const struct db_lease *l, void *arg)
{
	(void)l;
	++*(int *)arg;
	return 0;
}

static void a_lease_that_is_idle_for_long_is_no_ones(void **state)
{
	struct opened *f = *state;
	int64_t alice = state_add_user(f->db, "alice", NULL, false);
	struct db_lease_request req = {.user_id = alice,
		.session = 9,
		.pool = {addr_v4(0x0a000000), 24},
		.reserved = addr_v4(0x0a000001),
		.keep_s = 1};
	struct addr got;
	uint64_t holder;
	int n = 0;

	assert_int_equal(take(f, alice, 1, 24, 0), 2);
	assert_int_equal(take(f, alice, 2, 24, 0), 3);
	release(f, 2, 1);
	assert_int_equal(db_execute(f->db, "UPDATE leases SET used_at = used_at - 10"), 0);
	assert_int_equal(db_lease_take(f->db, &req, &got, &holder), 0);
	assert_int_not_equal(addr_v4_value(&got) & 0xff, 2); /* 3 is in use, however old */
	assert_int_equal(db_lease_list(f->db, count, &n), 0);
	assert_int_equal(n, 2);
}

/* ---- prefixes ---- */

/* Of 2001:db8:100::/54, each a /56: "0" to "3", or "none". */
static const char *take_prefix(struct opened *f, int64_t user, uint64_t session)
{
	static const char *const names[] = {"0", "1", "2", "3"};
	struct db_lease_request req = {.user_id = user, .session = session, .each_len = 56};
	struct prefix p = {.len = 56};
	uint64_t holder;

	assert_int_equal(prefix_parse("2001:db8:100:400::/54", &req.pool), 0);
	if (db_lease_take(f->db, &req, &p.addr, &holder) < 0) {
		assert_int_equal(db_error(f->db)->event, EV_PREFIX_NONE_LEFT);
		return "none";
	}
	assert_true(prefix_contains(&req.pool, &p.addr));
	assert_false(prefix_mask(&p));
	return names[p.addr.octets[6] - 4];
}

static void give_back(struct opened *f, const char *n, uint64_t session)
{
	struct addr a;

	assert_int_equal(addr_parse("2001:db8:100:400::", &a), 0);
	a.octets[6] = (uint8_t)(4 + *n - '0');
	assert_int_equal(db_lease_release(f->db, &a, session), 0);
}

static void a_user_gets_the_prefix_of_the_last_time(void **state)
{
	struct opened *f = *state;
	int64_t alice = state_add_user(f->db, "alice", NULL, false);
	int64_t bob = state_add_user(f->db, "bob", NULL, false);
	const char *a = take_prefix(f, alice, 1), *b = take_prefix(f, bob, 2), *second;

	assert_string_not_equal(a, b);
	second = take_prefix(f, alice, 3); /* another session at the same time */
	assert_string_not_equal(second, a);
	assert_string_not_equal(second, b);
	give_back(f, a, 1);
	give_back(f, b, 2);
	opened_again(f);
	assert_string_equal(take_prefix(f, bob, 4), b);
	assert_int_equal(take(f, alice, 9, 24, 0), 2); /* addresses are beside them */
}

static void when_all_are_in_use_none_is_left_and_an_idle_one_changes_hands(void **state)
{
	struct opened *f = *state;
	int64_t alice = state_add_user(f->db, "alice", NULL, false);
	int64_t bob = state_add_user(f->db, "bob", NULL, false);
	const char *n = NULL;

	for (uint64_t i = 1; i <= 4; i++)
		n = take_prefix(f, alice, i);
	assert_string_equal(take_prefix(f, bob, 5), "none");
	give_back(f, n, 4);
	assert_string_equal(take_prefix(f, bob, 6), n);
	assert_string_equal(take_prefix(f, -7, 8), "none"); /* of RADIUS */
}

static void a_users_own_prefix_is_given_to_no_other(void **state)
{
	struct opened *f = *state;
	int64_t alice = state_add_user(f->db, "alice", NULL, false);
	int64_t bob = state_add_user(f->db, "bob", NULL, false);
	const char *n = take_prefix(f, bob, 1);
	char own[40];

	give_back(f, n, 1);
	sprintf(own, "2001:db8:100:%x00::/56", 4 + *n - '0');
	assert_int_equal(db_value_set(f->db, DB_USER, alice, "prefix", own), 0);
	for (uint64_t i = 2; i <= 4; i++)
		assert_string_not_equal(take_prefix(f, bob, i), n);
	assert_string_equal(take_prefix(f, bob, 5), "none");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_user_gets_the_address_of_the_last_time),
		CASE(two_sessions_of_a_user_have_two_addresses),
		CASE(network_broadcast_and_server_are_never_given),
		CASE(when_all_were_given_once_the_one_longest_idle_changes_hands),
		CASE(addresses_of_a_removed_user_are_free_again),
		CASE(a_static_address_is_its_users_alone),
		CASE(a_fresh_pool_leaves_out_static_addresses_of_others),
		CASE(a_session_can_only_release_its_own_address),
		CASE(a_changed_pool_gives_addresses_of_the_new_one),
		CASE(more_pools_than_maps_are_kept_still_work),
		CASE(a_pool_too_small_or_too_large_is_refused),
		CASE(a_lease_for_a_user_that_is_gone_is_refused),
		CASE(a_user_gets_the_prefix_of_the_last_time),
		CASE(when_all_are_in_use_none_is_left_and_an_idle_one_changes_hands),
		CASE(a_users_own_prefix_is_given_to_no_other),
		CASE(ranges_of_a_pool_are_used_up_one_after_the_other),
		CASE(an_address_that_is_excluded_since_is_not_its_users_any_more),
		CASE(a_lease_that_is_idle_for_long_is_no_ones),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
