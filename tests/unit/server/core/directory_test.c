// SPDX-License-Identifier: Apache-2.0
/* server/core/directory.c: sessions counted in all and per user, and found. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>
#include <sys/socket.h>
#include <urcu/urcu-memb.h>

#include "ip/packet.h"
#include "server/core/directory.h"

static struct directory *d;

static int setup(void **state)
{
	(void)state;
	return directory_new(NULL, &d);
}

static int teardown(void **state)
{
	(void)state;
	directory_free(d);
	return 0;
}

static int enter(
	struct directory_entry *e, int64_t user, uint64_t session, unsigned all, unsigned per_user)
{
	*e = (struct directory_entry){.user_id = user, .session = session, .site = session % 3};
	return directory_enter(d, e, &(struct directory_limits){all, per_user});
}

static void one_user_cannot_have_all_places(void **state)
{
	struct directory_entry e[8];

	(void)state;
	for (uint64_t i = 0; i < 3; i++)
		assert_int_equal(enter(&e[i], 7, i, 100, 3), 0);
	assert_int_equal(enter(&e[3], 7, 3, 100, 3), -EUSERS);
	assert_int_equal(enter(&e[4], 7 + 4096, 4, 100, 3), 0); /* of the same bucket */
	directory_leave(d, &e[1]);
	directory_leave(d, &e[1]);
	assert_int_equal(enter(&e[3], 7, 3, 100, 3), 0);
	assert_int_equal(directory_count(d), 4);
}

static void all_of_them_have_a_limit_and_who_is_in_keeps_the_place(void **state)
{
	struct directory_entry e[4];

	(void)state;
	assert_int_equal(enter(&e[0], 1, 10, 2, 0), 0);
	assert_int_equal(enter(&e[1], 2, 11, 2, 0), 0);
	assert_int_equal(enter(&e[2], 3, 12, 2, 0), -ENFILE);
	assert_int_equal(directory_enter(d, &e[0], &(struct directory_limits){1, 1}), 0);
	assert_int_equal(directory_count(d), 2);
	directory_leave(d, &e[0]);
	assert_int_equal(enter(&e[2], 3, 12, 2, 0), 0);
}

static void a_session_is_found_by_number_and_by_user(void **state)
{
	struct directory_entry e[5];
	struct directory_hit hit, hits[8];

	(void)state;
	for (uint64_t i = 0; i < 5; i++)
		assert_int_equal(enter(&e[i], i < 3 ? -5 : 9, 100 + i, 100, 0), 0);
	assert_int_equal(directory_find(d, 103, &hit), 0);
	assert_int_equal(hit.site, 1);
	assert_int_equal(directory_find(d, 99, &hit), -ENOENT);
	assert_int_equal(directory_of_user(d, -5, hits, 8), 3);
	assert_int_equal(directory_of_user(d, -5, hits, 2), 2);
	assert_int_equal(directory_of_user(d, 1, hits, 8), 0);
	assert_int_equal(directory_of_client(d, -5, "", hits, 8), 0); /* no client's */
	assert_int_equal(directory_of_client(d, -5, "{A}", hits, 8), 0);
}

/* The count of each user is right whatever leaves in whatever order, in a bucket that others share. */
static void counts_are_right_in_any_order(void **state)
{
	static const int64_t users[] = {7, 7 + 4096, 7 + 2 * 4096};
	struct directory_entry e[60];
	bool in[60] = {false};
	unsigned n[3] = {0}, all = 0, dice = 1;

	(void)state;
	for (unsigned i = 0; i < 20000; i++) {
		unsigned k, u;

		dice = dice * 1103515245 + 12345;
		k = (dice >> 16) % 60;
		u = k % 3;
		if (in[k]) {
			directory_leave(d, &e[k]);
			n[u]--;
			all--;
		} else {
			int r = enter(&e[k], users[u], k, 40, 15);

			assert_int_equal(r, n[u] >= 15 ? -EUSERS : all >= 40 ? -ENFILE : 0);
			if (r)
				continue;
			n[u]++;
			all++;
		}
		in[k] = !in[k];
		assert_int_equal(directory_count(d), all);
	}
	for (unsigned u = 0; u < 3; u++) {
		struct directory_hit hits[60];

		assert_int_equal(directory_of_user(d, users[u], hits, 60), n[u]);
	}
	for (unsigned k = 0; k < 60; k++) {
		struct directory_hit hit;

		assert_int_equal(directory_find(d, k, &hit), in[k] ? 0 : -ENOENT);
	}
}

/* ---- by address and handle ---- */

static struct ip_packet to(uint8_t octets[static 40], const char *address)
{
	struct addr a;
	bool v4;

	assert_int_equal(addr_parse(address, &a), 0);
	v4 = a.family == AF_INET;
	memset(octets, 0, 40);
	memcpy(octets + (v4 ? 16 : 24), a.octets, v4 ? 4 : 16);
	return (struct ip_packet){.len = 40, .version = v4 ? 4 : 6};
}

static struct session *owner_of(const char *address)
{
	struct directory_owner owner = {0};
	uint8_t octets[40];
	struct ip_packet ip = to(octets, address);

	return directory_at(d, octets, &ip, &owner) ? owner.session : NULL;
}

static int claim(const char *prefix, struct session *s, unsigned site)
{
	struct prefix p;

	assert_int_equal(prefix_parse(prefix, &p), 0);
	return directory_claim(d, &p, s, site);
}

static void unclaim(const char *prefix, struct session *s)
{
	struct prefix p;

	assert_int_equal(prefix_parse(prefix, &p), 0);
	directory_unclaim(d, &p, s);
}

static void a_packet_finds_the_session_of_its_address(void **state)
{
	char memory[2]; /* two sessions: nobody looks inside */
	struct session *a = (struct session *)&memory[0], *b = (struct session *)&memory[1];

	(void)state;
	urcu_memb_register_thread();
	assert_int_equal(claim("10.0.0.7/32", a, 0), 0);
	assert_int_equal(claim("10.0.0.7/32", b, 1), -EEXIST);
	assert_int_equal(claim("2001:db8:1::/64", b, 1), 0);
	assert_ptr_equal(owner_of("10.0.0.7"), a);
	assert_null(owner_of("10.0.0.8"));
	assert_ptr_equal(owner_of("2001:db8:1::99"), b);
	assert_null(owner_of("2001:db8:2::99"));
	unclaim("10.0.0.7/32", b); /* not its own */
	assert_ptr_equal(owner_of("10.0.0.7"), a);
	unclaim("10.0.0.7/32", a);
	unclaim("2001:db8:1::/64", b);
	assert_null(owner_of("10.0.0.7"));
	assert_null(owner_of("2001:db8:1::99"));
	urcu_memb_barrier();
	urcu_memb_unregister_thread();
}

static void a_handle_finds_its_session_until_it_is_dropped(void **state)
{
	char memory[2];
	struct directory_handle a = {.octets = {1, 2, 3}, .owner = {(void *)&memory[0], 0}};
	struct directory_handle b = {.octets = {1, 2, 4}, .owner = {(void *)&memory[1], 1}};
	uint8_t other[SSTP_LANE_HANDLE_LEN] = {1, 2, 5};
	struct directory_owner found;

	(void)state;
	directory_add_handle(d, &a);
	directory_add_handle(d, &b); /* the same place in the table */
	assert_true(directory_by_handle(d, a.octets, &found));
	assert_ptr_equal(found.session, a.owner.session);
	assert_true(directory_by_handle(d, b.octets, &found));
	assert_int_equal(found.site, 1);
	assert_false(directory_by_handle(d, other, &found));
	directory_drop_handle(d, &a);
	directory_drop_handle(d, &a);
	assert_false(directory_by_handle(d, a.octets, &found));
	assert_true(directory_by_handle(d, b.octets, &found));
	directory_drop_handle(d, &b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(one_user_cannot_have_all_places, setup, teardown),
		cmocka_unit_test_setup_teardown(
			all_of_them_have_a_limit_and_who_is_in_keeps_the_place, setup, teardown),
		cmocka_unit_test_setup_teardown(counts_are_right_in_any_order, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_session_is_found_by_number_and_by_user, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_packet_finds_the_session_of_its_address, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_handle_finds_its_session_until_it_is_dropped, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
