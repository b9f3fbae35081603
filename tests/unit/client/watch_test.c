// SPDX-License-Identifier: Apache-2.0
/* client/watch.c: the signals that end the client, and changes of the machine's links. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <signal.h>

#include "client/watch.h"
#include "unit/os/netns.h"

static struct client_watch w;
static uv_loop_t loop;
static uv_timer_t limit;
static unsigned stops, changes;

static void on_stop(void *arg)
{
	assert_ptr_equal(arg, &stops);
	stops++;
	uv_stop(&loop);
}

static void on_changed(void *arg)
{
	changes++;
	uv_stop(&loop);
}

static void on_woke(void *arg)
{
}

static const struct client_watch_ops ops = {on_stop, on_changed, on_woke};

static void on_limit(uv_timer_t *timer)
{
	uv_stop(&loop);
}

/* Until something is reported; 30 s at most. */
static void wait_for_news(void)
{
	uv_timer_start(&limit, on_limit, 30000, 0);
	uv_run(&loop, UV_RUN_DEFAULT);
}

static int setup(void **state)
{
	stops = changes = 0;
	assert_int_equal(uv_loop_init(&loop), 0);
	return uv_timer_init(&loop, &limit);
}

/* The end: everything is closed, and signals that come now wait. */
static int teardown(void **state)
{
	sigset_t none;

	client_watch_stop(&w);
	uv_close((uv_handle_t *)&limit, NULL);
	uv_run(&loop, UV_RUN_DEFAULT);
	client_watch_done(&w);
	client_watch_done(&w); /* harmless */
	sigemptyset(&none);
	pthread_sigmask(SIG_SETMASK, &none, NULL);
	return uv_loop_close(&loop);
}

static void every_signal_that_would_end_it_is_a_wish_to_stop(void **state)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGALRM,
		SIGVTALRM, SIGPROF, SIGXCPU, SIGIO, SIGPWR, SIGSTKFLT};

	signal(SIGHUP, SIG_DFL); /* what started the tests may have ignored them */
	signal(SIGQUIT, SIG_DFL);
	client_watch_start(&w, &loop, &ops, &stops);
	for (unsigned i = 0; i < sizeof(signals) / sizeof(*signals); i++) {
		assert_int_equal(raise(signals[i]), 0);
		wait_for_news();
		assert_int_equal(stops, i + 1);
	}
}

/* nohup(1) and a script's & set these; SIGINT and SIGTERM stay the user's. */
static void what_is_ignored_stays_so(void **state)
{
	signal(SIGHUP, SIG_IGN);
	signal(SIGQUIT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	client_watch_start(&w, &loop, &ops, &stops);
	assert_int_equal(raise(SIGHUP), 0);
	assert_int_equal(raise(SIGQUIT), 0);
	uv_run(&loop, UV_RUN_NOWAIT);
	assert_int_equal(stops, 0);
	assert_int_equal(raise(SIGTERM), 0);
	wait_for_news();
	assert_int_equal(stops, 1);
	signal(SIGHUP, SIG_DFL);
	signal(SIGQUIT, SIG_DFL);
}

/* A second ^C must not end the process half-way through undoing. */
static void signals_wait_once_the_end_has_begun(void **state)
{
	sigset_t pending;

	client_watch_start(&w, &loop, &ops, &stops);
	client_watch_stop(&w);
	assert_int_equal(raise(SIGINT), 0);
	assert_int_equal(raise(SIGUSR1), 0);
	sigpending(&pending);
	assert_true(sigismember(&pending, SIGINT) && sigismember(&pending, SIGUSR1));
	assert_int_equal(stops, 0);
	signal(SIGINT, SIG_IGN); /* else they come with the mask below */
	signal(SIGUSR1, SIG_IGN);
	uv_run(&loop, UV_RUN_NOWAIT);
	client_watch_done(&w);
	client_watch_start(&w, &loop, &ops, &stops);
}

static void a_new_address_is_a_change_of_links(void **state)
{
	NEED_NETNS();
	client_watch_start(&w, &loop, &ops, &stops);
	RUN("ip link set lo up && ip addr add 192.0.2.7/32 dev lo");
	wait_for_news();
	assert_true(changes);
	assert_int_equal(stops, 0);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(every_signal_that_would_end_it_is_a_wish_to_stop),
		CASE(what_is_ignored_stays_so),
		CASE(signals_wait_once_the_end_has_begun),
		CASE(a_new_address_is_a_change_of_links),
	};

	return cmocka_run_group_tests_name("client/watch", tests, NULL, NULL);
}
