// SPDX-License-Identifier: Apache-2.0
/* What a session makes of its grant; a session without a connection is enough for that. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "aaa/grant.h"
#include "base/clock.h"
#include "server/core/limits.h"
#include "server/core/snapshot.h"
#include "server/session/private.h"

struct fixture {
	struct context context;
	struct site site;
	struct snapshot snapshot;
	struct session session;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	f->context.pool = (struct prefix){addr_v4(0x0a080000), 24};
	f->context.addresses.local = addr_v4(0x0a080001);
	memset(f->context.addresses.local_ifid, 9, sizeof(f->context.addresses.local_ifid));
	f->context.n_pools = 1;
	strcpy(f->context.pools[0].name, "staff");
	f->context.pools[0].prefix = (struct prefix){addr_v4(0x0a090000), 28};
	f->site.context = &f->context;
	f->site.snapshot = &f->snapshot;
	f->session.site = &f->site;
	f->site.sessions = &f->session;
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	session_take_grant(&f->session, NULL);
	free(f);
	return 0;
}

static void grants(struct fixture *f, struct grant_values values)
{
	AUTO(grant) struct grant *g = NULL;

	assert_int_equal(grant_new(&values, &g), 0);
	session_take_grant(&f->session, g);
	assert_int_equal(atomic_load(&g->refs), 2);
}

static void addresses_come_from_the_granted_pool(void **state)
{
	struct fixture *f = *state;

	grants(f, (struct grant_values){.pool = {GRANT_USER, "staff"}});
	assert_int_equal(session_pool(&f->session).len, 28);
	grants(f, (struct grant_values){0});
	assert_int_equal(session_pool(&f->session).len, 24);
	/* A pool that the configuration has no more: the ordinary one. */
	grants(f, (struct grant_values){.pool = {GRANT_USER, "gone"}});
	assert_int_equal(session_pool(&f->session).len, 24);
}

static void a_static_address_is_checked_against_the_pools(void **state)
{
	struct fixture *f = *state;

	grants(f, (struct grant_values){.address = {GRANT_USER, addr_v4(0x0a080007)}});
	assert_int_equal(session_check_address(&f->session), 0);
	grants(f, (struct grant_values){.address = {GRANT_USER, addr_v4(0x0a080001)}});
	assert_int_equal(session_check_address(&f->session), -EINVAL);
	grants(f, (struct grant_values){.address = {GRANT_USER, addr_v4(0xc6336401)}});
	assert_int_equal(session_check_address(&f->session), 0); /* of no pool */
}

static void ipcp_gives_the_first_two_name_servers(void **state)
{
	struct fixture *f = *state;
	const struct addr peer = addr_v4(0x0a080007);
	const struct ppp_addresses *a = &f->session.addresses;

	grants(f, (struct grant_values){
			  .dns = {GRANT_DEFAULT, 3, {addr_v4(1), addr_v4(2), addr_v4(3)}},
			  .nbns = {GRANT_USER, 1, {addr_v4(4)}},
			  .ipv6 = {GRANT_DEFAULT, true}});
	session_fill_addresses(&f->session, &peer);
	assert_int_equal(addr_v4_value(&a->dns[0]), 1);
	assert_int_equal(addr_v4_value(&a->dns[1]), 2);
	assert_int_equal(addr_v4_value(&a->nbns[0]), 4);
	assert_int_equal(a->nbns[1].family, AF_UNSPEC);
	assert_true(a->ipv6);
	assert_int_equal(addr_v4_value(&a->local), 0x0a080001);
	assert_true(addr_equal(&a->peer, &peer));
	assert_int_equal(a->local_ifid[7], 9);
	/* Nothing of the grant before is left. */
	grants(f, (struct grant_values){0});
	session_fill_addresses(&f->session, &peer);
	assert_int_equal(a->dns[0].family, AF_UNSPEC);
	assert_false(a->ipv6);
}

static void sessions_at_once_are_as_granted_or_half_of_the_pool(void **state)
{
	struct fixture *f = *state;
	struct prefix pool = {addr_v4(0x0a080000), 24};

	grants(f, (struct grant_values){.sessions = {GRANT_USER, 300}});
	assert_int_equal(session_most_of_user(&f->session, &pool), 300);
	grants(f, (struct grant_values){.sessions = {GRANT_DEFAULT, 0}});
	assert_int_equal(session_most_of_user(&f->session, &pool), USER_SESSIONS_AUTO);
	pool.len = 28;
	assert_int_equal(session_most_of_user(&f->session, &pool), 6);
	pool.len = 30;
	assert_int_equal(session_most_of_user(&f->session, &pool), 1);
}

/* Another date replaces the grant whole; what was granted besides stays. */
static void a_new_date_makes_another_grant(void **state)
{
	struct fixture *f = *state;
	struct grant *before;
	int64_t soon = clock_wall_s() + 1000;

	session_set_expiry(&f->session, soon); /* not logged in: nothing to change */
	assert_null(f->session.grant);
	grants(f, (struct grant_values){
			  .pool = {GRANT_USER, "staff"}, .expires = {GRANT_USER, soon}});
	before = grant_ref(f->session.grant);
	session_set_expiry(&f->session, soon + 1000);
	assert_ptr_not_equal(before, f->session.grant);
	assert_int_equal(before->is.expires.value, soon);
	assert_int_equal(f->session.grant->is.expires.value, soon + 1000);
	assert_string_equal(f->session.grant->is.pool.value, "staff");
	assert_true(f->session.limits.some);
	session_set_expiry(&f->session, 0);
	assert_false(f->session.limits.some);
	grant_unref(before);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(addresses_come_from_the_granted_pool),
		CASE(a_static_address_is_checked_against_the_pools),
		CASE(ipcp_gives_the_first_two_name_servers),
		CASE(sessions_at_once_are_as_granted_or_half_of_the_pool),
		CASE(a_new_date_makes_another_grant),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
