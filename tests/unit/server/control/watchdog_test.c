// SPDX-License-Identifier: Apache-2.0
/* server/control/watchdog.c: the service manager hears of it as long as each worker answers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <sys/un.h>

#include "os/notify.h"
#include "server/control/watchdog.h"
#include "unit/server/rooms.h"

static struct rooms *r;
static uv_loop_t loop;
static struct watchdog dog;
static int manager;
static char path[100];

static int setup(void **state)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};

	(void)state;
	r = rooms_new("");
	uv_loop_init(&loop);
	snprintf(path, sizeof(path), "/tmp/culvert-watchdog-%d", getpid());
	unlink(path);
	strcpy(sa.sun_path, path);
	manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	assert_int_equal(bind(manager, (struct sockaddr *)&sa, sizeof(sa)), 0);
	setenv("NOTIFY_SOCKET", path, 1);
	setenv("WATCHDOG_USEC", "40000", 1); /* asked every 20 ms */
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	watchdog_stop(&dog);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&loop), 0);
	rooms_deliver(r);
	watchdog_done(&dog);
	close(manager);
	unlink(path);
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	rooms_free(r);
	return 0;
}

static unsigned heard(void)
{
	char text[100];
	unsigned n = 0;

	for (ssize_t k; (k = recv(manager, text, sizeof(text) - 1, 0)) > 0; n++) {
		text[k] = '\0';
		assert_string_equal(text, "WATCHDOG=1");
	}
	return n;
}

static void tick(void)
{
	uv_run(&loop, UV_RUN_ONCE);
}

#define NEED_MANAGER()                                                                             \
	if (!notify_watchdog_ms()) {                                                               \
		print_message("skipped: built without libsystemd\n");                              \
		skip();                                                                            \
	}

static void as_long_as_all_answer_the_manager_hears_it(void **state)
{
	(void)state;
	NEED_MANAGER();
	assert_int_equal(watchdog_start(&dog, &loop, &r->context), 0);
	for (unsigned i = 1; i <= 3; i++) {
		tick();
		assert_int_equal(heard(), 1);
		rooms_deliver(r);
	}
}

static void one_worker_that_hangs_is_enough(void **state)
{
	(void)state;
	NEED_MANAGER();
	assert_int_equal(watchdog_start(&dog, &loop, &r->context), 0);
	tick();
	assert_int_equal(heard(), 1);
	mailbox_deliver(&r->sites[0]->mailbox); /* the other one does not */
	tick();
	assert_int_equal(heard(), 0);
	mailbox_deliver(&r->sites[0]->mailbox);
	tick(); /* its letter still lies there, and is not posted twice */
	assert_int_equal(heard(), 0);
	rooms_deliver(r); /* it goes on */
	tick();
	assert_int_equal(heard(), 1);
}

static void without_a_watchdog_nothing_runs(void **state)
{
	(void)state;
	unsetenv("WATCHDOG_USEC");
	assert_int_equal(watchdog_start(&dog, &loop, &r->context), 0);
	assert_null(dog.beats);
	assert_int_equal(uv_run(&loop, UV_RUN_NOWAIT), 0);
	assert_int_equal(heard(), 0);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(as_long_as_all_answer_the_manager_hears_it),
		CASE(one_worker_that_hangs_is_enough),
		CASE(without_a_watchdog_nothing_runs),
	};

	return cmocka_run_group_tests_name("server/control/watchdog", tests, NULL, NULL);
}
