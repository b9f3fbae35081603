// SPDX-License-Identifier: Apache-2.0
/* server/core/networks.c: no two overlap, and what the kernel should have. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/mailbox.h"
#include "server/core/networks.h"

static struct networks *n;
static struct mailbox mailbox;
static unsigned rung;

static void ring(struct letter *l)
{
	(void)l;
	rung++;
}

static struct letter letter = {.deliver = ring};

static int setup(void **state)
{
	(void)state;
	rung = 0;
	letter = (struct letter){.deliver = ring};
	return mailbox_init(&mailbox) || networks_new(&mailbox, &letter, &n);
}

static int teardown(void **state)
{
	(void)state;
	networks_free(n);
	mailbox_done(&mailbox);
	return 0;
}

static struct prefix net(const char *text)
{
	struct prefix p;

	assert_int_equal(prefix_parse(text, &p), 0);
	return p;
}

static struct prefix with;
static uint64_t holder;

static int claim(const char *text, uint64_t session)
{
	struct prefix p = net(text);

	holder = 0;
	return networks_claim(n, &p, NETWORK_BEHIND, session, &with, &holder);
}

static void release(const char *text, uint64_t session)
{
	struct prefix p = net(text);

	networks_release(n, &p, session);
}

/* "+10.1.0.0/16=7 -10.2.0.0/16": what the kernel is to do, in order. */
static const char *changes(bool works)
{
	static char text[4000];
	struct network_change c;
	char p[PREFIX_TEXT_LEN];
	size_t at = 0;

	*text = '\0';
	while (networks_next(n, &c)) {
		at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%c%s", at ? " " : "",
			c.session ? '+' : '-', prefix_format(&c.prefix, p));
		networks_done(n, &c, c.session && works);
	}
	return text;
}

static void overlapping_networks_of_two_sessions_are_one_too_many(void **state)
{
	static const char *const in_the_way[] = {"10.1.0.0/16", "10.1.2.0/24", "10.0.0.0/8",
		"10.1.255.255/32", "10.0.0.0/15", "0.0.0.0/0"};
	static const char *const beside[] = {"10.0.0.0/16", "10.2.0.0/15", "11.0.0.0/8",
		"9.255.255.255/32", "2001:db8::/32", "::/0"};

	(void)state;
	assert_int_equal(claim("10.1.0.0/16", 7), 0);
	assert_int_equal(claim("10.1.0.0/16", 7), 0);
	for (size_t i = 0; i < 6; i++) {
		assert_int_equal(claim(in_the_way[i], 8), -EEXIST);
		assert_int_equal(holder, 7);
		assert_int_equal(with.len, 16);
	}
	assert_int_equal(claim("10.1.2.0/24", 7), -EEXIST); /* its own, too: one route each */
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(claim(beside[i], 8), 0);
	assert_int_equal(claim(beside[4], 9), 0);
	assert_int_equal(claim(beside[5], 8), -EEXIST);
	assert_int_equal(networks_count(n), 6);
}

static void the_kernel_gets_each_once_and_loses_it_when_its_session_goes(void **state)
{
	(void)state;
	claim("10.1.0.0/16", 7);
	claim("2001:db8:1::/48", 7);
	assert_string_equal(changes(true), "+10.1.0.0/16 +2001:db8:1::/48");
	assert_string_equal(changes(true), "");
	release("10.1.0.0/16", 8); /* not its */
	release("10.1.0.0/17", 7);
	assert_string_equal(changes(true), "");
	release("10.1.0.0/16", 7);
	assert_string_equal(changes(true), "-10.1.0.0/16");
	assert_int_equal(networks_count(n), 1);
	assert_int_equal(claim("10.0.0.0/8", 9), 0);
}

static void a_network_that_changes_hands_in_time_stays_in_the_kernel(void **state)
{
	(void)state;
	claim("10.1.0.0/16", 7);
	changes(true);
	release("10.1.0.0/16", 7);
	assert_int_equal(claim("10.1.0.0/16", 8), 0);
	assert_string_equal(changes(true), "");
	assert_int_equal(claim("10.1.0.0/16", 7), -EEXIST);
	release("10.1.0.0/16", 8);
	assert_string_equal(changes(true), "-10.1.0.0/16");
}

static void what_comes_and_goes_at_once_never_gets_to_the_kernel(void **state)
{
	(void)state;
	claim("10.1.0.0/16", 7);
	release("10.1.0.0/16", 7);
	assert_int_equal(claim("10.1.0.0/24", 8), -EAGAIN); /* on its way out */
	assert_string_equal(changes(true), "");
	assert_int_equal(claim("10.1.0.0/24", 8), 0);
}

static void one_that_goes_while_the_kernel_takes_it_is_taken_out_again(void **state)
{
	struct network_change c;

	(void)state;
	claim("10.1.0.0/16", 7);
	assert_true(networks_next(n, &c));
	release("10.1.0.0/16", 7);
	networks_done(n, &c, true);
	assert_string_equal(changes(true), "-10.1.0.0/16");
	assert_int_equal(claim("10.1.0.0/17", 8), 0);
}

static void what_the_kernel_refuses_is_not_taken_out_of_it(void **state)
{
	(void)state;
	claim("10.1.0.0/16", 7);
	assert_string_equal(changes(false), "+10.1.0.0/16");
	release("10.1.0.0/16", 7);
	assert_string_equal(changes(false), "");
	assert_int_equal(claim("10.1.0.0/17", 8), 0);
}

static void one_letter_is_under_way_however_many_changes_there_are(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 100; i++) {
		char text[32];

		snprintf(text, sizeof(text), "10.%u.0.0/16", i);
		assert_int_equal(claim(text, 7), 0);
	}
	mailbox_deliver(&mailbox);
	assert_int_equal(rung, 1);
	changes(true);
	release("10.3.0.0/16", 7);
	mailbox_deliver(&mailbox);
	assert_int_equal(rung, 2);
}

/* Ten thousand sessions with five networks each, claimed and given back in another order. */
static void many_are_kept_apart(void **state)
{
	static char text[32];

	(void)state;
	for (unsigned i = 0; i < 50000; i++) {
		snprintf(text, sizeof(text), "10.%u.%u.0/24", i >> 8, i & 255);
		assert_int_equal(claim(text, 1 + i % 10000), 0);
	}
	assert_int_equal(networks_count(n), 50000);
	assert_int_equal(claim("10.195.80.0/24", 1), 0); /* 50000 */
	assert_int_equal(claim("10.195.79.128/25", 2), -EEXIST);
	for (unsigned i = 50000; i-- > 0;) {
		snprintf(text, sizeof(text), "10.%u.%u.0/24", i >> 8, i & 255);
		release(text, 1 + i % 10000);
	}
	assert_int_equal(networks_count(n), 1);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(overlapping_networks_of_two_sessions_are_one_too_many),
		T(the_kernel_gets_each_once_and_loses_it_when_its_session_goes),
		T(a_network_that_changes_hands_in_time_stays_in_the_kernel),
		T(what_comes_and_goes_at_once_never_gets_to_the_kernel),
		T(one_that_goes_while_the_kernel_takes_it_is_taken_out_again),
		T(what_the_kernel_refuses_is_not_taken_out_of_it),
		T(one_letter_is_under_way_however_many_changes_there_are),
		T(many_are_kept_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
