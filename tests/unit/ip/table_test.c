// SPDX-License-Identifier: Apache-2.0
/* ip/table.c: longest prefix match, and readers beside writers. */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>
#include <urcu/urcu-memb.h>

#include "ip/table.h"

static int session_a, session_b, session_c;

static struct prefix prefix(const char *text)
{
	struct prefix p;

	assert_int_equal(prefix_parse(text, &p), 0);
	return p;
}

static int add(struct table *t, const char *text, void *session, unsigned worker)
{
	struct prefix p = prefix(text);

	return table_add(t, &p, session, worker);
}

static int del(struct table *t, const char *text, const void *session)
{
	struct prefix p = prefix(text);

	return table_del(t, &p, session);
}

static bool table_lookup(struct table *t, const struct addr *a, struct table_hit *ret)
{
	return a->family == AF_INET ? table_lookup_v4(t, a->octets, ret)
				    : table_lookup_v6(t, a->octets, ret);
}

static struct table_hit lookup(struct table *t, const char *text)
{
	struct table_hit hit = {NULL, 99};
	struct addr a;
	bool found;

	assert_int_equal(addr_parse(text, &a), 0);
	urcu_memb_read_lock();
	found = table_lookup(t, &a, &hit);
	urcu_memb_read_unlock();
	assert_true(found == (hit.session != NULL));
	return hit;
}

static int setup(void **state)
{
	urcu_memb_register_thread();
	return table_new((struct table **)state);
}

static int teardown(void **state)
{
	table_free(*state);
	urcu_memb_barrier();
	urcu_memb_unregister_thread();
	return 0;
}

static void nothing_is_found_in_an_empty_table(void **state)
{
	assert_null(lookup(*state, "10.0.0.1").session);
	assert_null(lookup(*state, "fd00::1").session);
}

static void the_longest_prefix_wins_in_both_families(void **state)
{
	struct table *t = *state;

	assert_int_equal(add(t, "10.1.0.0/16", &session_a, 1), 0);
	assert_int_equal(add(t, "10.1.2.3", &session_b, 2), 0);
	assert_int_equal(add(t, "0.0.0.0/0", &session_c, 3), 0);
	assert_int_equal(add(t, "fd00:1::/64", &session_a, 1), 0);
	assert_int_equal(add(t, "fd00:1::7", &session_b, 2), 0);
	assert_int_equal(add(t, "fd00:1::/49", &session_c, 3), 0);
	assert_ptr_equal(lookup(t, "10.1.2.3").session, &session_b);
	assert_int_equal(lookup(t, "10.1.2.3").worker, 2);
	assert_ptr_equal(lookup(t, "10.1.2.4").session, &session_a);
	assert_ptr_equal(lookup(t, "10.2.2.4").session, &session_c);
	assert_ptr_equal(lookup(t, "fd00:1::7").session, &session_b);
	assert_ptr_equal(lookup(t, "fd00:1::8").session, &session_a);
	assert_ptr_equal(lookup(t, "fd00:1:0:7fff::8").session, &session_c);
	assert_null(lookup(t, "fd00:1:0:8000::8").session);
}

static void the_families_do_not_mix(void **state)
{
	struct table *t = *state;

	assert_int_equal(add(t, "0.0.0.0/0", &session_a, 1), 0);
	assert_null(lookup(t, "::").session);
	assert_int_equal(add(t, "::/0", &session_b, 1), 0);
	assert_ptr_equal(lookup(t, "::").session, &session_b);
	assert_ptr_equal(lookup(t, "0.0.0.0").session, &session_a);
}

static void every_length_matches_its_own_bits_and_no_more(void **state)
{
	struct table *t = *state;
	struct prefix p = prefix("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
	struct table_hit hit;

	urcu_memb_read_lock();
	for (unsigned len = 1; len <= 128; len++) {
		struct addr a = p.addr;
		struct prefix short_one = p;

		short_one.len = (uint8_t)len; /* host bits are masked away inside */
		assert_int_equal(table_add(t, &short_one, &session_a, len), 0);
		assert_true(table_lookup(t, &a, &hit));
		assert_int_equal(hit.worker, len);
		if (len == 1)
			continue;
		a.octets[(len - 1) / 8] ^= (uint8_t)(0x80 >> (len - 1) % 8);
		assert_true(table_lookup(t, &a, &hit));
		assert_int_equal(hit.worker, len - 1);
	}
	urcu_memb_read_unlock();
}

static void a_taken_prefix_is_refused_and_keeps_its_session(void **state)
{
	assert_int_equal(add(*state, "10.0.0.1", &session_a, 1), 0);
	assert_int_equal(add(*state, "10.0.0.1", &session_b, 2), -EEXIST);
	assert_ptr_equal(lookup(*state, "10.0.0.1").session, &session_a);
}

static void only_its_own_session_deletes_a_prefix(void **state)
{
	assert_int_equal(add(*state, "10.0.0.1", &session_a, 1), 0);
	assert_int_equal(del(*state, "10.0.0.1", &session_b), -ENOENT);
	assert_ptr_equal(lookup(*state, "10.0.0.1").session, &session_a);
	assert_int_equal(del(*state, "10.0.0.1", &session_a), 0);
	assert_null(lookup(*state, "10.0.0.1").session);
	assert_int_equal(del(*state, "10.0.0.1", &session_a), -ENOENT);
	assert_int_equal(add(*state, "10.0.0.1", &session_b, 1), 0);
}

static void an_impossible_prefix_is_refused(void **state)
{
	struct prefix p = prefix("10.0.0.0/8");

	p.len = 33;
	assert_int_equal(table_add(*state, &p, &session_a, 0), -EINVAL);
	p = (struct prefix){0};
	assert_int_equal(table_add(*state, &p, &session_a, 0), -EINVAL);
}

static bool stop;

/* 10.0.0.1 is always there; the rest come and go. */
static void *read_on(void *arg)
{
	struct table *t = arg;
	struct table_hit hit;
	uintptr_t bad = 0;

	urcu_memb_register_thread();
	while (!__atomic_load_n(&stop, __ATOMIC_ACQUIRE)) {
		for (uint8_t i = 1; i < 200; i++) {
			uint8_t a[4] = {10, 0, 0, i};

			urcu_memb_read_lock();
			if (table_lookup_v4(t, a, &hit) ? hit.worker != i : i == 1)
				bad++;
			urcu_memb_read_unlock();
		}
	}
	urcu_memb_unregister_thread();
	return (void *)bad;
}

static void readers_see_whole_entries_while_sessions_come_and_go(void **state)
{
	struct table *t = *state;
	pthread_t readers[2];
	void *bad;

	assert_int_equal(add(t, "10.0.0.1", &session_a, 1), 0);
	for (int i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&readers[i], NULL, read_on, t), 0);
	for (unsigned round = 0; round < 100; round++) {
		for (unsigned i = 2; i < 200; i++) {
			struct prefix p = {addr_v4(0x0a000000 + i), 32};

			assert_int_equal(table_add(t, &p, &session_b, i), 0);
		}
		for (unsigned i = 2; i < 200; i++) {
			struct prefix p = {addr_v4(0x0a000000 + i), 32};

			assert_int_equal(table_del(t, &p, &session_b), 0);
		}
	}
	__atomic_store_n(&stop, true, __ATOMIC_RELEASE);
	for (int i = 0; i < 2; i++) {
		pthread_join(readers[i], &bad);
		assert_null(bad);
	}
}

static void ten_thousand_sessions_are_each_found(void **state)
{
	struct table *t = *state;
	struct table_hit hit;

	for (unsigned i = 0; i < 10000; i++) {
		struct prefix p = {addr_v4(0x0a000000 + i), 32};

		assert_int_equal(table_add(t, &p, &session_a, i), 0);
	}
	for (unsigned i = 0; i < 10000; i++) {
		struct addr a = addr_v4(0x0a000000 + i);

		urcu_memb_read_lock();
		assert_true(table_lookup(t, &a, &hit));
		urcu_memb_read_unlock();
		assert_int_equal(hit.worker, i);
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(nothing_is_found_in_an_empty_table),
		TEST(the_longest_prefix_wins_in_both_families),
		TEST(the_families_do_not_mix),
		TEST(every_length_matches_its_own_bits_and_no_more),
		TEST(a_taken_prefix_is_refused_and_keeps_its_session),
		TEST(only_its_own_session_deletes_a_prefix),
		TEST(an_impossible_prefix_is_refused),
		TEST(readers_see_whole_entries_while_sessions_come_and_go),
		TEST(ten_thousand_sessions_are_each_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
