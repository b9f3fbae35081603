// SPDX-License-Identifier: Apache-2.0
/* server/control/broadcast.c: a question to all sites by letter, and who is meant by it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "server/control/broadcast.h"
#include "unit/server/rooms.h"

static struct rooms *r;
static size_t answered;
static unsigned answers;

static int setup(void **state)
{
	(void)state;
	r = rooms_new("");
	for (unsigned i = 0; i < 4; i++)
		rooms_session(r->sites[i % SITES], i + 1, i < 2 ? "alice" : "OFFICE\\bob");
	answers = 0;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	rooms_free(r);
	return 0;
}

static void done(struct broadcast *b)
{
	answered = 0;
	for (unsigned i = 0; i < b->context->n_sites; i++)
		answered += b->part[i].n;
	answers++;
	broadcast_free(b);
}

static size_t ask(const struct broadcast_match *match, enum event end, unsigned most)
{
	struct broadcast *b;

	assert_int_equal(broadcast_new(&r->context, done, NULL, &b), 0);
	b->match = *match;
	b->end = end;
	for (unsigned i = 0; i < SITES && most; i++)
		b->part[i].most = most;
	broadcast_start(b);
	assert_int_equal(answers, 0);
	rooms_deliver(r);
	assert_int_equal(answers, 1);
	answers = 0;
	return answered;
}

static unsigned leaving(void)
{
	unsigned n = 0;

	for (unsigned i = 0; i < SITES; i++)
		for (struct session *s = r->sites[i]->sessions; s; s = session_next(s))
			n += s->leaving;
	return n;
}

static void all_are_listed_and_nothing_ends(void **state)
{
	(void)state;
	assert_int_equal(ask(&(struct broadcast_match){0}, EV_NONE, 0), 4);
	assert_int_equal(leaving(), 0);
}

static void a_user_is_meant_with_and_without_domain(void **state)
{
	(void)state;
	assert_int_equal(ask(&(struct broadcast_match){.user = "ALICE"}, EV_NONE, 0), 2);
	assert_int_equal(ask(&(struct broadcast_match){.user = "bob"}, EV_NONE, 0), 2);
	assert_int_equal(ask(&(struct broadcast_match){.user = "office\\BOB"}, EV_NONE, 0), 2);
	assert_int_equal(ask(&(struct broadcast_match){.user = "OFFICE"}, EV_NONE, 0), 0);
}

static void a_number_and_an_address_are_meant(void **state)
{
	struct broadcast_match peer = {.address = addr_v4(0xc0000201)};
	struct broadcast_match other = {.address = addr_v4(0xc0000202)};

	(void)state;
	assert_int_equal(ask(&(struct broadcast_match){.session = 3}, EV_NONE, 0), 1);
	assert_int_equal(ask(&peer, EV_NONE, 0), 4);
	assert_int_equal(ask(&other, EV_NONE, 0), 0);
}

static void those_that_are_meant_end_once(void **state)
{
	(void)state;
	assert_int_equal(ask(&(struct broadcast_match){.user = "bob"}, EV_SESSION_KICKED, 0), 2);
	assert_int_equal(leaving(), 2);
	assert_int_equal(ask(&(struct broadcast_match){.user = "bob"}, EV_SESSION_KICKED, 0), 0);
	assert_int_equal(ask(&(struct broadcast_match){.user = "alice"}, EV_SESSION_KICKED, 1), 2);
}

static void a_site_ends_no_more_than_its_part(void **state)
{
	(void)state;
	assert_int_equal(ask(&(struct broadcast_match){0}, EV_SESSION_DRAINED, 1), 2);
	assert_int_equal(leaving(), 2);
	assert_int_equal(ask(&(struct broadcast_match){0}, EV_SESSION_DRAINED, 1), 2);
	assert_int_equal(leaving(), 4);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(all_are_listed_and_nothing_ends),
		CASE(a_user_is_meant_with_and_without_domain),
		CASE(a_number_and_an_address_are_meant),
		CASE(those_that_are_meant_end_once),
		CASE(a_site_ends_no_more_than_its_part),
	};

	return cmocka_run_group_tests_name("server/control/broadcast", tests, NULL, NULL);
}
